"""Recorded calls to slirp, played back: the link says what it said then, octet for octet.

The files are made by tests/peers/ppp (see its conftest.py); lines with ``>`` are ours, with ``<`` slirp's.
"""

from ipaddress import IPv4Address as A
from pathlib import Path

import pytest

from icsframework.protocols.ppp.actions import Cause, Down, Transmit, Up
from icsframework.protocols.ppp.auth.method import Credentials
from icsframework.protocols.ppp.link import PppLink
from icsframework.protocols.ppp.settings import LinkSettings
from icsframework.testing.ppp import seeded

CALLS = Path(__file__).parents[4] / "captures/ppp"
GOOD, BAD = Credentials("gw", "secret"), Credentials("gw", "wr0ng")


def replay(name, credentials, size=None):
    """What the link says to slirp's side of a call, given in pieces of ``size``; what it sends must be in the file."""
    lines = (CALLS / f"{name}.txt").read_text().splitlines()
    sent = b"".join(bytes.fromhex(line[2:]) for line in lines if line[0] == ">")
    heard = [bytes.fromhex(line[2:]) for line in lines if line[0] == "<"]
    link = PppLink(LinkSettings(credentials=credentials), seeded(1))
    actions = link.open(0.0)
    for number, data in enumerate(heard):
        step = size or len(data)
        for at in range(0, len(data), step):
            actions += link.receive(data[at : at + step], 0.01 * number)
    ours = b"".join(action.data for action in actions if isinstance(action, Transmit))
    if size is None:
        assert ours == sent
    return actions[-1] if isinstance(actions[-1], Up | Down) else actions[-2]


@pytest.mark.parametrize("size", [None, 1, 2, 5])
@pytest.mark.parametrize(
    ("name", "title"), [("none", ""), ("pap", "PAP"), ("chap", "CHAP"), ("speaks-first", "CHAP")]
)
def test_calls_that_come_up(name, title, size):
    """Without a password, with PAP, with CHAP, and when slirp speaks first; also when reads are cut anywhere."""
    result = replay(name, GOOD, size).result
    assert (result.local, result.peer, result.authentication) == (A("10.0.2.15"), A("10.64.64.64"), title)
    assert result.dns == (A("10.9.9.1"), A("10.9.9.2"))


@pytest.mark.parametrize("size", [None, 1])
@pytest.mark.parametrize(
    ("name", "credentials", "cause"),
    [
        ("pap-wrong", BAD, Cause.REFUSED),
        ("chap-wrong", BAD, Cause.REFUSED),
        ("pap-missing", None, Cause.PEER),
        ("chap-missing", None, Cause.PEER),
        ("auth-quirk", GOOD, Cause.PEER),
    ],
)
def test_calls_that_fail(name, credentials, cause, size):
    """A wrong password, none, and slirp's way to demand one without asking for it."""
    down = replay(name, credentials, size)
    assert down.cause is cause
    assert ("it wants a user name" in down.reason) == (credentials is None)
