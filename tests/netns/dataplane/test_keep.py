"""What keeps a link up, with real packets: the counter moves for what LAN hosts send, and for nothing that comes in."""

import socket
import struct
from ipaddress import ip_address

import pytest

from icsframework.addresses import PortRange
from icsframework.dataplane.doors import Doors, Published
from icsframework.uplinks.traffic import TrafficRule, keep_rules
from icsframework.values import Endpoint


def keeping(net, *own, ignore=(), **changes):
    """A plane whose uplink is hung up when it is quiet."""
    return net.changed(net.one, keep={"cable": keep_rules(own, ignore)}, **changes)


def count(net):
    """What has kept the uplink up until now."""
    return net.counter("keep_cable")


def test_what_lan_hosts_send_counts(net):
    """Each packet out of a flow that began inside, also the pure acknowledgements of a download; the end of a connection does not."""
    net.load(keeping(net))
    asker, responder = net.socket("pc1", port=4000), net.socket("server", port=9000)
    assert net.ask(asker, responder, (net.server_address, 9000)) == net.cable
    assert count(net) == 1
    client, listener = net.caller("pc1"), net.socket("server", socket.SOCK_STREAM, port=80)
    client.connect((net.server_address, 80))
    peer, _ = listener.accept()
    net.stack.enter_context(peer)
    peer.settimeout(2)
    peer.sendall(bytes(200_000))
    left = 200_000
    while left:
        left -= len(client.recv(left))
    assert net.until(lambda: count(net) >= 4), "SYN, ACK, and pure acknowledgements"
    before = net.until(lambda: _quiet(net))
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    with pytest.raises(ConnectionResetError):
        peer.recv(1)
    assert count(net) == before
    net.lab["pc1"].run(["ping", "-c", "1", "-W", "2", net.server_address], check=True)
    assert count(net) == before + 1


def _quiet(net):
    """What has been counted, if nothing more is on its way: all that the server sent is acknowledged."""
    asked = ["-Htn", "state", "established", "sport", "=", ":80"]
    (line,) = net.lab["server"].run(["ss", *asked], check=True).stdout.splitlines()
    return count(net) if line.split()[1] == "0" else 0


def test_noise_from_outside_never_counts(net):
    """Scans, answers to what came from outside, and packets of flows that the Internet began leave the counter alone."""
    door = Published("web", "udp", 9000, 9000, Endpoint(ip_address("192.168.0.10"), 9000))
    net.load(keeping(net, doors=Doors(published=(door,))))
    inside, outside = net.socket("pc1", port=9000), net.socket("server", port=4000)
    for _ in range(20):
        assert net.ask(outside, inside, (net.cable, 9000)) == net.server_address
    scanner = net.socket("server")
    for port in range(20, 60):
        scanner.sendto(b"anybody there?", (net.cable, port))
    net.lab["server"].run(["ping", "-c", "3", "-i", "0.05", "-W", "0.1", net.cable])
    assert count(net) == 0
    assert net.counter("closed_input") >= 40


def test_ignored_kinds_do_not_count(net):
    """Noise of the LAN, kinds that the file ignores, and what a rule of the operator's is about."""
    rule = TrafficRule("ignore", "keep[0]", protocol="udp", ports=(PortRange(7000, 7999),))
    net.load(keeping(net, rule, ignore=("icmp",)))
    sender = net.socket("pc1")
    for port in (137, 123, 5353, 7000, 7500):
        sender.sendto(b"noise", (net.server_address, port))
    net.lab["pc1"].run(["ping", "-c", "1", "-W", "2", net.server_address], check=True)
    assert count(net) == 0
    sender.sendto(b"word", (net.server_address, 8000))
    assert net.until(lambda: count(net) == 1)


def test_by_name(net):
    """A rule about a name is about what it led to: for the client that was told it."""
    rules = (TrafficRule("ignore", "keep[0]", name="*.telemetry.example"),)
    net.load(keeping(net, *rules))
    (name,) = [name for name in _sets(net) if name.startswith("name_")]
    net.nft(f"add element inet ics {name} {{ 192.168.0.10 . {net.server_address} timeout 60s }}")
    net.socket("pc1").sendto(b"spy", (net.server_address, 9000))
    net.socket("pc3").sendto(b"word", (net.server_address, 9000))
    assert net.until(lambda: count(net) == 1)


def _sets(net):
    listing = net.gateway.run(["nft", "list", "table", "inet", "ics"], check=True).stdout
    return [line.split()[1] for line in listing.splitlines() if line.strip().startswith("set ")]


@pytest.mark.parametrize("marked", [True, False])
def test_helpers_count_and_the_gateway_does_not(net, marked):
    """A connection of a helper (its socket has the uplink's mark) counts for the host it speaks for; others of the gateway, and lookups over TCP, do not."""
    net.load(keeping(net))
    mark = net.one.marks.uplink_mark(1) if marked else 0
    listeners = [net.socket("server", socket.SOCK_STREAM, port=port) for port in (21, 53)]
    net.conversation(
        net.socket("gateway", socket.SOCK_STREAM, mark=mark), (net.server_address, 53), listeners[1]
    )
    net.gateway.run(["ping", "-c", "1", "-W", "2", net.server_address], check=True)
    assert count(net) == 0
    net.conversation(
        net.socket("gateway", socket.SOCK_STREAM, mark=mark), (net.server_address, 21), listeners[0]
    )
    assert (count(net) > 0) is marked


def test_with_two_uplinks(net):
    """Each has its own counter; a connection of the gateway's own does not become a helper's by the mark that keeps it on its uplink."""
    rules = keep_rules(())
    net.load(net.changed(net.two, keep={"cable": rules, "dsl": rules}))
    client, listener = (
        net.socket("gateway", socket.SOCK_STREAM),
        net.socket("server", socket.SOCK_STREAM, port=80),
    )
    net.conversation(client, (net.server_address, 80), listener)
    assert net.counter("keep_cable") == 0
    net.become(net.changed(net.two, keep={"cable": rules, "dsl": rules}, active="dsl"))
    asker, responder = net.socket("pc1"), net.socket("server", port=9000)
    assert net.ask(asker, responder, (net.server_address, 9000)) == net.dsl
    assert (net.counter("keep_cable"), net.counter("keep_dsl")) == (0, 1)


def test_containers_and_others_do_not_count(net):
    """What other programs' networks send by the uplink does not keep it up."""
    net.load(keeping(net))
    net.foreign(("nat hook postrouting priority 100", "ip saddr 172.17.0.0/16 oifname eth0 masquerade"))
    responder = net.socket("server", port=9000)
    assert net.ask(net.socket("box"), responder, (net.server_address, 9000)) == net.cable
    assert count(net) == 0


def test_counters_survive_a_reload_and_go_with_their_rules(net):
    """The same count after a reload; none any more when the uplink is not hung up for quiet."""
    net.load(keeping(net))
    net.socket("pc1").sendto(b"word", (net.server_address, 9000))
    assert net.until(lambda: count(net) == 1)
    net.become(keeping(net, ignore=("ntp",)))
    assert net.counted() == {"keep_cable": 1}
    net.become(net.one)
    assert net.counted() == {}
    net.nft("flush ruleset")
    assert net.counted() == {}
