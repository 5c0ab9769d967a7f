"""Mutated frames by the hundred thousand, for every state of a PPP link."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace

from icsframework.protocols.ppp.actions import Down, Transmit
from icsframework.protocols.ppp.auth.method import Credentials, Method
from icsframework.protocols.ppp.hdlc import Decoder, Encoder
from icsframework.protocols.ppp.lcp import LcpSettings
from icsframework.protocols.ppp.link import PppLink
from icsframework.protocols.ppp.settings import LinkSettings
from icsframework.testing.ppp import End, PppPair, provider, seeded

__all__ = ["storm"]

SESSION = 200
"""Frames for one link, until another one is taken: a link that is down hears nothing more."""
TCP = bytes.fromhex(
    "4500002d000100004006 66c6 0a0000010a000002 04010050 000003e8 000007d0 5010 2000 0000 0000 68656c6c6f"
)
Case = tuple[LinkSettings, Sequence[bytes], Sequence[bytes]]
"""An end, what it heard in a good call, and the same as frames."""
GUEST = Credentials("guest", "pa55word")


def storm(frames: int, seed: int) -> int:
    """Send so many frames to links in all their states; returns how many of them came through as good frames.

    Most are real ones with some octets changed and a correct FCS, so that they reach the parsers; some are noise.
    Whatever leaves ``receive``, ``timeout`` or ``send`` as an exception leaves this too.
    """
    chance = random.Random(seed)
    cases = [case for method in (None, *Method) for case in _conversations(method, seed)]
    good = done = 0
    while done < frames:
        settings, heard, corpus = chance.choice(cases)
        link = PppLink(settings, seeded(chance.getrandbits(32)))
        link.open(0.0)
        link.receive(b"".join(heard[: chance.randrange(len(heard) + 1)]), 0.0)
        sent, through = _session(link, corpus, min(SESSION, frames - done), chance)
        done += sent
        good += through
    return good


def _conversations(method: Method | None, seed: int) -> Iterator[Case]:
    """Both ends of a good call."""
    subscriber = replace(LinkSettings(), credentials=GUEST, ipv6=True)
    isp = replace(provider([method] if method else [], {GUEST.user: GUEST.password}.get), ipv6=True)
    if method is Method.CHAP_MD5:
        subscriber = replace(subscriber, lcp=LcpSettings(demand=(method,)), secret_of=isp.secret_of)
        isp = replace(isp, credentials=GUEST)
    pair = PppPair(subscriber, isp, seed=seed)
    pair.connect()
    traffic = [pair.left.link.send([TCP] * 3), pair.right.link.send([TCP] * 3)]
    yield _case(subscriber, [*_said(pair.right), traffic[1]])
    yield _case(isp, [*_said(pair.left), traffic[0]])


def _case(settings: LinkSettings, heard: Sequence[bytes]) -> Case:
    return settings, heard, [frame for frame in Decoder().feed(b"".join(heard)) if isinstance(frame, bytes)]


def _said(end: End) -> list[bytes]:
    return [action.data for _, action in end.said if isinstance(action, Transmit)]


def _session(link: PppLink, corpus: Sequence[bytes], frames: int, chance: random.Random) -> tuple[int, int]:
    """One link in the storm, until it is down; (frames sent to it, good ones that it saw)."""
    before, sent = link.counters.frames, 0
    encoder = Encoder(0)
    now = 0.0
    while sent < frames:
        sent += 1
        dice = chance.random()
        if dice < 0.9:
            data = encoder.encode([_mutated(chance.choice(corpus), chance)])
        else:
            data = chance.randbytes(chance.randrange(60)) + chance.choice(
                (b"", b"\x7e", b"\r\nNO CARRIER\r\n")
            )
        actions = link.receive(data, now)
        if chance.random() < 0.05:
            now += chance.random() * 5
            actions += link.timeout(now)
            link.send([TCP, chance.randbytes(chance.randrange(60))])
            str(actions)
        if any(isinstance(action, Down) for action in actions):
            break
    link.close("enough", now)
    return sent, link.counters.frames - before


def _mutated(frame: bytes, chance: random.Random) -> bytes:
    """A frame with something wrong, or with nothing wrong."""
    octets = bytearray(frame)
    for _ in range(chance.choice((0, 1, 1, 1, 2, 5))):
        at = chance.randrange(len(octets) + 1)
        match chance.randrange(5):
            case 0:
                octets[at : at + 1] = bytes((chance.randrange(256),))
            case 1:
                octets[at : at + 1] = bytes((chance.choice((0, 1, 2, 3, 4, 5, 8, 0x7D, 0x7E, 0x80, 0xFF)),))
            case 2:
                del octets[at : at + chance.randrange(1, 5)]
            case 3:
                octets[at:at] = chance.randbytes(chance.randrange(1, 5))
            case 4:
                octets = octets[:at] or octets
    return bytes(octets)
