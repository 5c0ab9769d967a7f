"""The operator's hand: hanging up, for a time or until wanted; connecting by command only; the gateway's own traffic; reloads."""

import errno
import time

import pytest

SERVER, PORT = "192.0.2.80", 9000
ADMINISTRATIVELY, NET = (3, 13), (3, 0)


def works(stand, host=None):
    """A datagram is answered."""
    with stand.witness(PORT) as witness, stand.udp(host or stand.pc1, (SERVER, PORT)) as own:
        own.send(b"hello?")
        assert own.recv(100) == b"hello?"
    assert len(witness.heard) == 1


def refused(stand):
    """The error and the ICMP message that a PC's datagram gets."""
    with stand.udp(stand.pc1, (SERVER, PORT)) as own:
        own.send(b"hello?")
        return stand.error_of(own)


def test_hung_up_until_wanted(stand):
    """Hung up by command it stays down; the next packet dials again, and the history says who ended what."""
    works(stand)
    before = stand.dialled()
    status, said = stand.ics("disconnect", "phone")
    assert status == 0, said
    assert (stand.wait("armed")["state"], stand.dialled()) == ("armed", before)
    stand.wait_event("down", "disconnected by")
    works(stand)
    assert stand.dialled() == before + 1


def test_hung_up_for_a_time(stand):
    """For so long nothing dials: senders are told; afterwards it is armed by itself."""
    works(stand)
    before = stand.dialled()
    began = time.monotonic()
    status, said = stand.ics("disconnect", "--for", "3s", "phone")
    assert status == 0, said
    assert refused(stand) == (errno.EHOSTUNREACH, ADMINISTRATIVELY)
    assert "SERVFAIL" in stand.dig(stand.new_name())
    assert time.monotonic() - began < 3.0, "too slow a machine to see it"
    assert stand.dialled() == before
    stand.wait_armed(timeout=6.0)
    assert time.monotonic() - began > 2.5
    works(stand)


def test_hung_up_for_a_time_and_called_back(stand):
    """`ics connect` ends the time."""
    assert stand.ics("disconnect", "--for", "1h", "phone")[0] == 0
    assert refused(stand) == (errno.EHOSTUNREACH, ADMINISTRATIVELY)
    assert stand.ics("connect", "phone")[0] == 0
    works(stand)
    stand.hang_up()
    works(stand)


def test_by_command_only(module_stand):
    """`connect: manual`: no packet dials; `ics connect` does, and `idle` hangs up."""
    stand = module_stand
    stand.modem.set_number("123", "isp")
    stand.reload(connect="manual", demand="{idle: 1s}")
    stand.ics("disconnect", "phone")
    before = stand.dialled()
    with stand.udp(stand.pc1, (SERVER, PORT)) as own:
        own.send(b"hello?")
        assert stand.error_of(own)[0] in (errno.ENETUNREACH, errno.EHOSTUNREACH)
    assert stand.dialled() == before
    assert stand.ics("connect", "phone")[0] == 0
    works(stand)
    stand.wait("down", timeout=8.0)
    stand.wait_event("down", "demand.idle")
    assert stand.dialled() == before + 1


def test_a_reload_does_not_cut(module_stand):
    """Other rules and limits while a connection runs: the call and the connection go on, and the new rules are in force."""
    stand = module_stand.begin()
    with stand.witness(PORT), stand.tcp(stand.pc1) as own:
        own.connect((SERVER, PORT))
        since, dialled = stand.wait("up")["since"], stand.dialled()
        stand.reload(wake="[{action: ignore, port: 9000}]", limits="{data: 500MB/month, time: 10h/day}")
        own.sendall(b"still there?")
        assert own.recv(100) == b"still there?"
        up = stand.uplink()
        assert (up["state"], up["since"], stand.dialled()) == ("up", since, dialled)
        assert [one["key"] for one in up["limits"]["rates"]] == ["limits.time", "limits.data"]
        own.sendall(b"and now?")
        assert own.recv(100) == b"and now?"
    stand.hang_up()
    assert refused(stand) == (errno.EHOSTUNREACH, ADMINISTRATIVELY)  # by the rule
    assert stand.dialled() == dialled
    with stand.udp(stand.pc1) as own:
        own.sendto(b"no noise", (SERVER, PORT + 1))
        stand.wait("up")


def own_datagram(stand):
    """The gateway itself asks the server."""
    with stand.udp(stand.box, (SERVER, PORT)) as own:
        own.send(b"from the gateway")
        return own.recv(100)


def test_the_gateway_itself(module_stand):
    """Its own traffic does not dial: its programs get an error at once. With a rule for it, it does."""
    stand = module_stand.begin()
    before, began = stand.dialled(), time.monotonic()
    with pytest.raises(OSError, match=r"unreachable|not permitted") as caught:
        own_datagram(stand)
    assert caught.value.errno in (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EPERM)
    assert stand.box.run(["ping", "-c", "1", "-W", "5", SERVER]).returncode
    assert time.monotonic() - began < 2.0
    assert (stand.dialled(), stand.uplink()["state"]) == (before, "armed")
    stand.begin(wake="[{client: gateway}]")
    with stand.witness(PORT) as witness:
        assert own_datagram(stand) == b"from the gateway"
    assert [(one.source, one.data) for one in witness.heard] == [("203.0.113.5", b"from the gateway")]
    cause = stand.uplink()["cause"]
    assert (cause["rule"], cause["destination"]) == ("wake[0]", f"{SERVER}:{PORT}")
