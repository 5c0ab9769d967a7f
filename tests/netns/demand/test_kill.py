"""kill -9: the next start finds the line free, nothing left over, and its counters."""

import socket

import pytest

from icsframework.lab.snapshot import differences
from icsframework.lab.waiting import wait_for

SERVER, PORT = "192.0.2.80", 9000
LIMITS = {"limits": "{dials: 20/day, time: 10h/day}"}


def works(stand):
    """A datagram is answered."""
    with stand.witness(PORT) as witness, stand.udp(stand.pc1, (SERVER, PORT)) as own:
        own.send(b"hello?")
        assert own.recv(100) == b"hello?"
    assert len(witness.heard) == 1


def devices(stand):
    """What the gateway has."""
    return set(stand.box.inside(lambda: [name for _, name in socket.if_nameindex()], ("net",)))


def restart(stand):
    """After a kill -9: what is Python's has gone with it; the next start has the hold device again."""
    stand.gateway.kill()
    wait_for(lambda: "icsh0" not in devices(stand), 5.0, "the hold device to go")
    assert "icsh0" not in stand.box.run(["ip", "route"]).stdout
    stand.gateway.start()
    stand.gateway.wait_ready()
    stand.wait_armed()


@pytest.fixture
def limited(fresh_stand):
    """A stand whose dials are counted, and how its gateway's network was before it began."""
    stand = fresh_stand(start=False, **LIMITS)
    before = stand.box.snapshot()
    stand.gateway.start()
    stand.gateway.wait_ready()
    stand.before = before
    return stand.join()


def test_killed_while_up(limited):
    """The call ends with it; the next start dials for the next packet, has one call only, and has counted both."""
    stand = limited
    works(stand)
    stand.wait("up")
    journal = stand.gateway.state / "history.journal"
    wait_for(lambda: '"up"' in journal.read_text(), 5.0, "the history to be on disk")
    restart(stand)
    works(stand)
    assert stand.dialled() == 2
    counted(stand, 2)
    stand.wait("up")
    events = [(one["event"], one["cause"]["client"]) for one in stand.history()]
    pc = str(stand.lease["pc1"].address.ip)
    assert events == [(event, pc) for event in ("connecting", "up", "not_adopted", "connecting", "up")]
    finish(stand)


def test_killed_while_dialling(limited):
    """The same in the middle of a call to somebody who has not answered yet."""
    stand = limited
    stand.modem.set_number("123", "slow")
    with stand.udp(stand.pc1, (SERVER, PORT)) as own:
        own.send(b"lost with the daemon")
        wait_for(lambda: stand.dialled() == 1, 10.0, "the modem to dial")
    restart(stand)
    stand.modem.set_number("123", "isp")
    works(stand)
    assert stand.dialled() == 2
    counted(stand, 2)
    finish(stand)


def counted(stand, dials):
    """The limit knows of so many, and so does everybody who asks."""
    limits = stand.uplink()["limits"]
    used = {one["key"]: one["used"] for one in limits["rates"]}
    assert (used["limits.dials"], limits["usage"]["day"]["dials"]) == (dials, dials)


def finish(stand):
    """One call at a time at the provider; stopped, everything is as it was before the first start."""
    assert "203.0.113.6" not in stand.lab["isp"].services["telephone"].log()
    assert stand.gateway.stop() == 0
    assert differences(stand.before, stand.box.snapshot()) == []
