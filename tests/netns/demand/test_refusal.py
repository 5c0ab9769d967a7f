"""When it may not dial, or cannot: everybody is told at once, and why."""

import contextlib
import errno
import re
import time

import pytest

from icsframework.lab.waiting import wait_for

SERVER, PORT = "192.0.2.80", 9000
AT_ONCE = 1.0
"""Seconds; a PC that was told nothing waits for minutes."""
PROHIBITED, NETWORK_ERROR = 18, 23
"""Extended errors of RFC 8914."""
ADMINISTRATIVELY, NET = (3, 13), (3, 0)
"""ICMP type and code: communication administratively prohibited (RFC 1812), net unreachable (RFC 792)."""


def within(seconds, work):
    """What ``work`` returns, which it must do in time."""
    began = time.monotonic()
    answer = work()
    assert time.monotonic() - began < seconds
    return answer


def udp_error(stand, host):
    """The error that a datagram's sender gets, with ICMP type and code."""
    with stand.udp(host, (SERVER, PORT)) as own:
        own.send(b"hello?")
        return stand.error_of(own)


def tcp_error(stand, host):
    """The error of a connection that is tried."""
    with stand.tcp(host) as own, pytest.raises(OSError) as caught:
        own.connect((SERVER, PORT))
    return caught.value.errno


def refused_everywhere(stand, key):
    """Datagram, connection, name: refused at once, as it is said for refusals."""
    assert within(AT_ONCE, lambda: udp_error(stand, stand.pc1)) == (errno.EHOSTUNREACH, ADMINISTRATIVELY)
    assert within(AT_ONCE, lambda: tcp_error(stand, stand.pc2)) == errno.EHOSTUNREACH
    said = within(AT_ONCE, lambda: stand.dig(stand.new_name()))
    assert "status: SERVFAIL" in said
    number, text = stand.extended_error(said)
    assert number == PROHIBITED
    assert key in text
    up = stand.uplink()
    assert up["state"] == "refused"
    assert key in up["reason"]
    return up


def works(stand):
    """A datagram is answered."""
    with stand.witness(PORT), stand.udp(stand.pc1, (SERVER, PORT)) as own:
        own.send(b"hello?")
        assert own.recv(100) == b"hello?"


def test_a_limit(fresh_stand):
    """The second dial of the day is refused, with the limit and until when; the operator can override it for one call."""
    stand = fresh_stand(limits="{dials: 1/day}")
    works(stand)
    stand.ics("disconnect", "phone")
    stand.wait("refused")
    up = refused_everywhere(stand, "limits.dials")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", up["retry_at"])
    assert stand.dialled() == 1
    status, said = stand.ics("status")
    assert "limits.dials" in said
    status, said = stand.ics("connect", "phone")
    assert (status, "limits.dials" in said) == (1, True), said
    status, said = stand.ics("connect", "--override", "phone")
    assert status == 0, said
    works(stand)
    stand.ics("disconnect", "phone")
    stand.wait("refused")
    assert stand.dialled() == 2


def test_time_that_is_used_up(fresh_stand):
    """A call that reaches its limit is hung up, although it is used, and who goes on is told by ICMP."""
    stand = fresh_stand(limits="{time: 2s/hour}")
    with stand.witness(PORT), stand.tcp(stand.pc1) as own:
        own.connect((SERVER, PORT))
        own.sendall(b"hello?")
        assert own.recv(100) == b"hello?"
        stand.wait("refused", timeout=6.0)
    stand.wait_event("down", "limits.time")
    up = refused_everywhere(stand, "limits.time")
    assert up["limits"]["rates"][0]["reached"]
    assert stand.dialled() == 1


def test_hours(module_stand):
    """Outside its hours it is refused, and inside them it is not; a reload changes that."""
    other = (time.localtime().tm_hour + 2) % 23  # never this hour, and never the last of the day
    closed = f'"{other:02d}:00-{other + 1:02d}:00"'
    stand = module_stand
    stand.reload(demand=f"{{idle: 30s, hold: 20s, hours: {closed}}}")
    stand.ics("disconnect", "phone")
    stand.wait("refused")
    before = stand.dialled()
    up = refused_everywhere(stand, "hours")
    assert up["retry_at"][14:19] == "00:00"
    assert stand.dialled() == before
    stand.begin()
    works(stand)


def test_each_connection_of_a_crowd_is_told(module_stand):
    """A browser opens many at once: none is left to wait, as those beyond the kernel's first few answers would be."""
    stand = module_stand
    stand.ics("disconnect", "--for", "1h", "phone")
    stand.wait("refused")
    with contextlib.ExitStack() as opened:
        crowd = [opened.enter_context(stand.udp(stand.pc1, (SERVER, PORT + number))) for number in range(30)]
        for own in crowd:
            own.send(b"hello?")
        wanted = (errno.EHOSTUNREACH, ADMINISTRATIVELY)
        assert within(AT_ONCE, lambda: [stand.error_of(own) for own in crowd]) == [wanted] * len(crowd)
    stand.begin()
    works(stand)


def test_a_busy_number(module_stand):
    """Who waited is told at once: ICMP net unreachable, SERVFAIL; after a pause the next packet dials again."""
    stand = module_stand.begin(redial="2s")
    stand.modem.set_number("123", "busy")
    before = stand.dialled()
    assert within(5.0, lambda: udp_error(stand, stand.pc1)) == (errno.ENETUNREACH, NET)
    assert stand.dialled() == before + 1
    cooling = stand.uplink()
    assert cooling["state"] == "cooling"
    assert cooling["retry_at"]
    assert within(AT_ONCE, lambda: udp_error(stand, stand.pc2)) == (errno.ENETUNREACH, NET)
    said = within(AT_ONCE, lambda: stand.dig(stand.new_name()))
    assert "status: SERVFAIL" in said
    assert stand.extended_error(said)[0] == NETWORK_ERROR
    assert stand.dialled() == before + 1
    stand.modem.set_number("123", "isp")
    stand.wait_armed()
    works(stand)
    failed = [event for event in stand.history() if event["event"] == "failed"][-1]
    assert "BUSY" in failed["reason"].upper()
    assert failed["cause"]["client"] == str(stand.lease["pc1"].address.ip)


def test_who_waits_for_a_number_that_is_busy(module_stand):
    """Several PCs with datagrams, connections and lookups wait for one call; all are told when it fails."""
    stand = module_stand.begin(redial="2s")
    stand.modem.set_number("123", "slow")
    with (
        stand.udp(stand.pc1, (SERVER, PORT)) as one,
        stand.udp(stand.pc2, (SERVER, PORT)) as two,
        stand.tcp(stand.pc2) as three,
    ):
        one.send(b"hello?")
        stand.wait("connecting")
        two.send(b"hello?")
        three.setblocking(False)
        assert three.connect_ex((SERVER, PORT)) == errno.EINPROGRESS
        lookup = stand.pc1.popen(["dig", "@192.168.0.1", "+tries=1", "+timeout=15", stand.new_name()])
        wait_for(lambda: stand.modem.look()["mode"] == "dialling", 5.0, "it to ring")
        stand.modem.drop()
        assert stand.error_of(one) == (errno.ENETUNREACH, NET)
        assert stand.error_of(two) == (errno.ENETUNREACH, NET)
        said, _ = lookup.communicate(timeout=10)
        assert "status: SERVFAIL" in said
        three.settimeout(5.0)
        with pytest.raises(OSError) as caught:
            three.connect((SERVER, PORT))
        assert caught.value.errno == errno.ENETUNREACH


def test_as_soon_as_the_status_says_armed(module_stand):
    """The next datagram waits for a link: after a failed call, and after a time of being hung up by command."""
    stand = module_stand.begin()
    for state in ("cooling", "refused"):
        stand.hang_up()
        if state == "cooling":
            stand.modem.set_number("123", "busy")
            with stand.udp(stand.pc2, (SERVER, PORT)) as other:
                other.send(b"in vain")
                stand.wait("cooling")
            stand.modem.set_number("123", "isp")
        else:
            assert stand.ics("disconnect", "--for", "1s", "phone")[0] == 0
        while stand.uplink()["state"] == state:  # at once, and not a moment later
            pass
        with stand.witness(PORT), stand.udp(stand.pc1, (SERVER, PORT)) as own:
            own.send(b"the first")
            assert own.recv(100) == b"the first"
