"""Port triggers with real packets: who opens, for whom, how long."""

import socket
import time

import pytest

from icsframework.dataplane import policy
from icsframework.dataplane.doors import Doors, Scope, Trigger
from icsframework.values import PortSpan

LIFETIME = 1.8
"""Seconds; the kernel's clock is real, so that these tests take their time."""
GAME = Trigger(
    "games",
    "battle.net",
    (PortSpan("tcp", 6112, 6112), PortSpan("udp", 4000, 4001)),
    (PortSpan("udp", 6112, 6119), PortSpan("tcp", 6112, 6119)),
    LIFETIME,
)


def with_triggers(net, *triggers, plane=None):
    """A plane with triggers."""
    return net.changed(plane or net.one, doors=Doors(triggers=triggers))


def pull(net, host, port=4000):
    """Send what triggers; returns the socket, whose flow goes on."""
    asker = net.socket(host)
    asker.sendto(b"here I am", (net.server_address, port))
    return asker


def reached(net, host, port=6115, address=None):
    """True if a datagram from the Internet to the port reaches this host."""
    inside = net.socket(host, port=port)
    try:
        return net.ask(net.socket("isp-a"), inside, (address or net.cable, port)) is not None
    finally:
        inside.close()


def test_it_opens_for_whom_it_was_pulled(net):
    """Closed at first; then every port of both protocols leads to the host that sent, and a flow that is there outlives it."""
    net.load(with_triggers(net, GAME))
    assert not reached(net, "pc1")
    server = net.socket("server", port=4000)
    asker = pull(net, "pc1")
    assert server.recvfrom(100)
    listener = net.socket("pc1", socket.SOCK_STREAM, port=6112)
    client = net.socket("isp-a", socket.SOCK_STREAM)
    assert net.conversation(client, (net.cable, 6112), listener) == "203.0.113.1"
    assert reached(net, "pc1", 6119)
    assert not reached(net, "pc1", 6120)
    asker.close()
    assert net.until(lambda: not reached(net, "pc1"), LIFETIME + 3)
    client.sendall(b"more\n")
    assert net.keys("trigger_games_battle.net") == []


def test_traffic_keeps_it_and_silence_ends_it(net):
    """Packets of the flow that pulled it, though known to conntrack, keep the ports open beyond the lifetime; then it runs out."""
    net.load(with_triggers(net, GAME))
    server, asker = net.socket("server", port=4000), pull(net, "pc1")
    _, seen = server.recvfrom(100)
    server.sendto(b"answer", seen)
    assert asker.recvfrom(100)
    inside, outside = net.socket("pc1", port=6113), net.socket("isp-a")

    for _ in range(6):
        asker.sendto(b"still here", (net.server_address, 4000))
        server.recvfrom(100)
        time.sleep(LIFETIME / 4)
    assert net.ask(outside, inside, (net.cable, 6113)) == "203.0.113.1"
    assert net.until(lambda: net.keys("trigger_games_battle.net") == [], LIFETIME + 3)
    assert not reached(net, "pc1", 6114)


def test_the_first_host_has_it_until_it_runs_out(net):
    """A second host's traffic neither takes nor prolongs it; when the first has been silent long enough, the second gets it."""
    net.load(with_triggers(net, GAME))
    pull(net, "pc1")
    second = pull(net, "pc3")
    assert reached(net, "pc1", 6115)

    def second_has_it():
        second.sendto(b"mine?", (net.server_address, 4000))
        (key,) = net.keys("holder_games_battle.net") or [(0, "nobody")]
        return str(key[1]) == "192.168.0.11"

    assert net.until(second_has_it, LIFETIME + 3), "the second host's traffic kept the first one's trigger"
    assert reached(net, "pc3", 6116)
    assert not reached(net, "pc1", 6117)


def test_another_flow_of_the_same_host_keeps_it(net):
    """The host that has the trigger keeps it by any flow that pulls it, new or old."""
    net.load(with_triggers(net, GAME))
    for _ in range(4):
        pull(net, "pc1").close()
        time.sleep(LIFETIME / 3)
        pull(net, "pc1", 4001).close()
    assert len(net.keys("trigger_games_battle.net")) == 1


@pytest.mark.parametrize("host", ["pc2", "pc3"])
def test_scope(net, host):
    """Only LANs and servers in scope pull it, only on the uplinks in scope, and only those servers come in."""
    scope = Scope(lans=("guest",), uplinks=("cable",))
    net.load(with_triggers(net, net.changed(GAME, scope=scope), plane=net.two))
    pull(net, host)
    assert reached(net, host) is (host == "pc2")
    assert not reached(net, host, address=net.dsl)


def test_each_uplink_has_its_own(net):
    """By another uplink another host may have the trigger at the same time."""
    plane = with_triggers(net, GAME, plane=net.two)
    net.load(plane)
    pull(net, "pc1")
    net.set_up(net.changed(plane, active="dsl"))
    pull(net, "pc3")
    assert {(key[0], str(key[1])) for key in net.keys("holder_games_battle.net")} == {
        (net.two.marks.uplink_mark(1), "192.168.0.10"),
        (net.two.marks.uplink_mark(2), "192.168.0.11"),
    }


def moved(net, table):
    """The chains with another priority, which means a new table with its elements restored."""
    return tuple(
        net.changed(chain, priority=-5) if chain.name == "forward" else chain for chain in table.chains
    )


def test_a_reload_keeps_it_and_another_lifetime_counts(net):
    """A load of other rules keeps who has it; a trigger that is gone takes its sets along."""
    net.load(with_triggers(net, GAME))
    pull(net, "pc1")
    longer = policy.build(with_triggers(net, net.changed(GAME, lifetime=300)))
    assert net.queue(("apply", longer)) == [None]
    pull(net, "pc1")
    assert len(net.keys("holder_games_battle.net")) == 1
    assert reached(net, "pc1", 6118)
    (found,) = net.queue(("inventory", "inet", "ics"))
    assert found.sets["trigger_games_battle.net"].elements[0].expires > 200
    assert net.queue(("apply", net.changed(longer, chains=moved(net, longer)))) == [None]
    assert len(net.keys("holder_games_battle.net")) == 1
    assert net.queue(("apply", policy.build(net.one))) == [None]
    (found,) = net.queue(("inventory", "inet", "ics"))
    assert not [name for name in found.sets if "games" in name]
