"""CHAP: both ends prove a password without sending it (RFC 1994), with MD5 or as MS-CHAPv2 (RFC 2759).

The authenticator may ask again at any time, also when everything is up.  An
answer that got lost is asked for again by its challenge, a verdict that got lost
by the response: neither end computes twice for one challenge.
"""

import hmac
from collections.abc import Callable
from enum import IntEnum

from icsframework.protocols.ppp.auth.digests import Digest
from icsframework.protocols.ppp.auth.method import (
    AuthOutput,
    Credentials,
    Passed,
    Refused,
    SecretOf,
    Unproven,
)
from icsframework.protocols.ppp.packet import Packet, Protocol, readable

__all__ = ["ChapClient", "ChapServer"]

REPEAT = 3.0
"""Seconds between two Challenges, or two Responses, without an answer."""
PATIENCE = 30.0
"""Seconds without progress until an end gives up."""
MOST_ANSWERS = 5
"""Challenges that are answered in a second: one of MS-CHAPv2 takes some 2 ms, and nobody has to ask so often."""
MAX_NAME = 255
"""Octets of a name."""


class Code(IntEnum):
    """RFC 1994 section 4."""

    CHALLENGE = 1
    RESPONSE = 2
    SUCCESS = 3
    FAILURE = 4


def _value(data: bytes) -> tuple[bytes, bytes] | None:
    """(value, name) of a Challenge or Response; None if there is no value, or it does not fit (section 4.1)."""
    if not data or not data[0] or len(data) < 1 + data[0]:
        return None
    return data[1 : 1 + data[0]], data[1 + data[0] :]


class ChapClient:
    """The end that answers challenges.  ``own_challenge`` tells what this end itself has asked the peer."""

    protocol = Protocol.CHAP
    codes = frozenset((Code.CHALLENGE, Code.SUCCESS, Code.FAILURE))

    def __init__(
        self, title: str, digest: Digest, credentials: Credentials, own_challenge: Callable[[], bytes] = bytes
    ) -> None:
        self._title = title
        self._digest = digest
        self._credentials = credentials
        self._own_challenge = own_challenge
        self._asked: Packet | None = None
        self._response = b""
        self._proof = b""
        self._second, self._answers = 0.0, 0
        self._give_up = 0.0
        self.deadline: float | None = None

    def start(self, now: float) -> list[AuthOutput]:
        """The link is open: the peer must ask."""
        self.deadline = self._give_up = now + PATIENCE
        return []

    def receive(self, packet: Packet, now: float) -> list[AuthOutput]:
        """A question or a verdict."""
        if packet.code == Code.CHALLENGE:
            return self._challenged(packet, now)
        if self.deadline is None or self._asked is None or packet.ident != self._asked.ident:
            return []
        self.deadline = None
        if packet.code == Code.SUCCESS:
            return [self._succeeded(packet)]
        said = self._digest.explain(packet.data)
        user = self._credentials.user
        return [Refused(f"the peer refused user {user} ({self._title})" + (f": {said}" if said else ""))]

    def _challenged(self, packet: Packet, now: float) -> list[AuthOutput]:
        value = _value(packet.data)
        if value is None or hmac.compare_digest(value[0], self._own_challenge()):
            return []  # our own challenge come back: whoever sends it wants to answer it with our answer
        if packet != self._asked or self.deadline is None:
            if not self._may_answer(now):
                return []
            user, password = self._credentials.user, self._credentials.password
            response, self._proof = self._digest.answer(packet.ident, value[0], user, password)
            self._asked = packet
            data = bytes((len(response),)) + response + user.encode()[:MAX_NAME]
            self._response = Packet(Code.RESPONSE, packet.ident, data).to_wire()
        self._give_up = now + PATIENCE
        self.deadline = now + REPEAT
        return [self._response]

    def _may_answer(self, now: float) -> bool:
        if now - self._second >= 1.0:
            self._second, self._answers = now, 0
        self._answers += 1
        return self._answers <= MOST_ANSWERS

    def _succeeded(self, packet: Packet) -> AuthOutput:
        if self._proof and not packet.data[:42].upper().startswith(self._proof):
            return Unproven(
                f"the peer did not prove that it knows the password ({self._title}): it may be a false one"
            )
        return Passed("", readable(packet.data[len(self._proof) :]).removeprefix("M="))

    def timeout(self, now: float) -> list[AuthOutput]:
        """Answer again, or give up (an authenticator need not repeat a verdict of its own accord)."""
        if self.deadline is None or now < self.deadline:
            return []
        if now >= self._give_up:
            self.deadline = None
            what = "say whether the password is right" if self._asked else "ask for the password"
            return [Unproven(f"the peer did not {what} in {PATIENCE:.0f} s ({self._title})")]
        self.deadline = min(now + REPEAT, self._give_up)
        return [self._response]


class ChapServer:
    """The end that asks.  ``interval`` in seconds: how often it asks again while the link is up; 0 for never."""

    protocol = Protocol.CHAP
    codes = frozenset((Code.RESPONSE,))

    def __init__(
        self,
        title: str,
        digest: Digest,
        name: str,
        secret_of: SecretOf,
        random: Callable[[int], bytes],
        interval: float = 0.0,
    ) -> None:
        self._title = title
        self._digest = digest
        self._name = name.encode()[:MAX_NAME]
        self._secret_of = secret_of
        self._random = random
        self._interval = interval
        self._ident = random(1)[0]
        self._give_up = 0.0
        self._verdict: bytes | None = None
        self.challenge = b""
        """What has been asked last."""
        self.deadline: float | None = None

    def start(self, now: float) -> list[AuthOutput]:
        """Ask: a new challenge, a new identifier (RFC 1994 section 4.1)."""
        self._ident = (self._ident + 1) % 256
        self.challenge = self._random(self._digest.challenge_size)
        self._verdict = None
        self._give_up = now + PATIENCE
        return self._ask(now)

    def _ask(self, now: float) -> list[AuthOutput]:
        self.deadline = min(now + REPEAT, self._give_up)
        data = bytes((len(self.challenge),)) + self.challenge + self._name
        return [Packet(Code.CHALLENGE, self._ident, data).to_wire()]

    def receive(self, packet: Packet, now: float) -> list[AuthOutput]:
        """Judge a response once; the same again hears the same (RFC 1994 section 4.1)."""
        value = _value(packet.data)
        if value is None or packet.ident != self._ident or not self.challenge:
            return []
        if self._verdict is not None:
            return [self._verdict]
        user = value[1].decode("utf-8", "replace")
        secret = self._secret_of(user)
        text = (
            None
            if secret is None
            else self._digest.verify(packet.ident, self.challenge, user, secret, value[0])
        )
        code, message = (
            (Code.FAILURE, self._digest.failure(self._random)) if text is None else (Code.SUCCESS, text)
        )
        self._verdict = Packet(code, packet.ident, message).to_wire()
        self.deadline = now + self._interval if self._interval and text is not None else None
        shown = readable(value[1])
        verdict = (
            Refused(f"user {shown} gave a wrong name or password ({self._title})")
            if text is None
            else Passed(shown)
        )
        return [self._verdict, verdict]

    def timeout(self, now: float) -> list[AuthOutput]:
        """Ask again: the same if there is no answer yet, something new if the time for that has come."""
        if self.deadline is None or now < self.deadline:
            return []
        if self._verdict is not None:
            return self.start(now)
        if now >= self._give_up:
            self.deadline = None
            return [Unproven(f"the peer did not authenticate itself in {PATIENCE:.0f} s ({self._title})")]
        return self._ask(now)
