"""The link, its tunnel and its queue; the rest of it is in test_uplink.py."""

from twisted.internet.defer import Deferred

from icsframework.protocols.ppp.actions import Text
from icsframework.testing.ppp import provider

BULK, KEY = bytes([0x45]) + bytes(1399), bytes([0x45]) + bytes(40)


def test_a_full_line_lets_a_key_through(bench):
    """What is typed overtakes an upload, and what finds no place is dropped and counted."""
    one = bench().up()
    one.phone.line.waiting = 100_000
    for _ in range(2):
        for _ in range(10):
            one.tun.peer.send(BULK)
        one.wait(0.3)
    one.tun.peer.send(KEY)
    one.turn()
    assert one.phone.received == []
    details = one.gateway.status.read()
    assert details["dropped"] > 10
    assert 0 < details["queued_bytes"] <= 6000 + 41
    one.phone.line.waiting = 0
    one.wait(1)
    assert one.phone.received[0] == KEY
    assert one.phone.received[1:] == [BULK] * 4


def test_a_burst_costs_a_fast_line_nothing(bench):
    """It waits in the kernel for a moment, until there is room again."""
    one = bench().up()
    one.phone.line.waiting = 100_000
    for _ in range(10):
        one.tun.peer.send(BULK)
    one.turn()
    one.phone.line.waiting = 0
    one.wait(0.5)
    assert one.phone.received == [BULK] * 10
    assert one.gateway.status.read()["dropped"] == 0


def test_packets_of_the_last_call_do_not_come_with_the_next(bench):
    """They would be of an address that is no more."""
    one = bench().up()
    one.phone.line.waiting = 100_000
    one.tun.peer.send(BULK)
    one.turn()
    one.uplink.disconnect("enough")
    one.wait(6)
    one.phone.line.waiting = 0
    one.connect()
    assert one.wait(30, lambda: one.state == "up")
    one.wait(2)
    assert one.phone.received == []


def test_a_call_that_ends_while_its_tunnel_is_being_opened(bench):
    """What comes then is closed, and nothing is announced."""
    one = bench()
    opening, real = Deferred(), one.host.open_tun
    one.host.open_tun = lambda *rest: opening
    one.start().connect()
    one.wait(3)
    one.phone.say(b"\r\nNO CARRIER\r\n")
    assert one.wait(5, lambda: one.state == "failed")
    real("icsu-modem", 1500, True).addCallback(opening.callback)
    one.turn()
    assert one.tun.socket.fileno() == -1
    assert "up" not in one.seen


def test_a_peer_that_negotiates_anew(bench):
    """It stays up, with what was agreed on now; the tunnel is the same."""
    one = bench().up()
    phone, call = one.phone, one.uplink._dialer.call
    from icsframework.protocols.ppp.link import PppLink
    from icsframework.testing.ppp import seeded

    phone.link = PppLink(provider(silent=False), seeded(5))
    phone._do(phone.link.open(one.gateway.clock.now()))
    one.wait(10)
    assert one.state == "up"
    assert len(one.host.tun) == 1
    one.tun.peer.send(KEY)
    one.turn()
    assert phone.received == [KEY]
    assert one.uplink._dialer.call is call


def test_a_text_on_the_line_is_shown(bench):
    """A login prompt instead of PPP explains why nothing comes of it."""
    one = bench().up()
    one.uplink._dialer.call._perform(Text("login:"))
    assert one.gateway.status.read()["text"] == "login:"
