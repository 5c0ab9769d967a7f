"""Limits on a real line: hung up when they are reached, by the kernel's own counters and clock."""

import pytest

from icsframework.lab.waiting import wait_for

SERVER, PORT = "192.0.2.80", 9000
SMALL = 20_000
"""Bytes of the limit: a few seconds of the line."""


@pytest.fixture
def limited(module_stand):
    """A function that gives the line, down, with limits."""
    return lambda limits: module_stand.begin(limits=limits)


def told(stand, reason):
    """The history says that it went down for that reason, as soon as the machine is without the link."""

    def last():
        return [entry["reason"] for entry in stand.history() if entry["event"] == "down"][-1:]

    wait_for(lambda: last() == [reason], 5.0, f"the history to say {reason}")


def test_time(limited):
    """After its seconds it is hung up, whoever uses it, and status, history and events say why."""
    stand = limited("{time: 4s/hour}")
    with stand.witness(PORT), stand.udp(stand.pc1, (SERVER, PORT)) as own:
        own.send(b"hello?")
        assert own.recv(100) == b"hello?"
        up = stand.wait("refused")
    assert up["reason"].startswith("limits.time: 4s/hour are used up; again at ")
    told(stand, up["reason"])
    assert 4.0 <= up["limits"]["usage"]["hour"]["time"] <= 7.0
    assert up["limits"]["rates"][0]["reached"]


def test_data(limited):
    """A PC that sends and sends is cut off at the limit, within what the line carries until it is hung up."""
    stand = limited(f"{{data: {SMALL}B/day}}")
    with stand.witness(PORT, answer=False), stand.udp(stand.pc1, (SERVER, PORT)) as own:
        own.send(b"hello?")
        stand.wait("up")
        for _ in range(40):
            own.send(bytes(1000))
        up = stand.wait("refused")
    assert up["reason"].startswith("limits.data: 20kB/day are used up; again at ")
    told(stand, up["reason"])
    assert SMALL <= up["limits"]["usage"]["day"]["data"] <= 60_000
