"""What waited is a new packet of its LAN when it comes back: doors, helpers, triggers, uplinks and sizes are as ever."""

import socket
from ipaddress import ip_address

import dpkt
import pytest

from icsframework.addresses import PortRange
from icsframework.dataplane import policy, render
from icsframework.dataplane.doors import Doors, KernelAid, Published, Redirect, Scope, Trigger
from icsframework.dataplane.pairs import pair_element
from icsframework.uplinks.traffic import TrafficRule, wake_rules
from icsframework.values import Endpoint, PortSpan

PC, LISTENER = "192.168.0.10", 40021


@pytest.fixture
def two_down(net, held):
    """Two LANs and two uplinks, of which one is dialled on demand; none is up."""
    down = tuple(net.changed(uplink, link=None) for uplink in net.two.uplinks)
    plane = net.changed(
        net.two, uplinks=down, hold=net.changed(net.waiting.hold, wake={"dsl": wake_rules(())})
    )
    net.become(plane)
    held.forget()
    return plane


def test_with_two_uplinks(net, held, two_down):
    """Hosts of each LAN leave by the one that has come up, and their flows stay there when the better one comes too."""
    responder = net.socket("server", port=9000)
    home, guest = net.socket("pc1", port=4000), net.socket("pc2", port=4000)
    for asker in (home, guest):
        asker.sendto(b"question", (net.server_address, 9000))
    packets = held.read(2)
    held.link_comes(net.changed(net.two, uplinks=(two_down.uplinks[0], net.two.uplinks[1])))
    held.put_back(packets)
    seen = {responder.recvfrom(100)[1] for _ in packets}
    assert {address for address, _ in seen} == {net.dsl}
    held.link_comes(net.two)
    for asker in (home, guest):
        assert net.ask(asker, responder, (net.server_address, 9000)) == net.dsl
    assert net.ask(net.socket("pc1"), responder, (net.server_address, 9000)) == net.cable


def test_beside_a_helped_connection(net, held, two_down):
    """It leaves by the uplink of that connection, whichever is preferred."""
    net.socket("pc1", port=4000).sendto(b"question", (net.server_address, 9000))
    packets = held.read()
    held.link_comes(net.two)
    element = pair_element(net.two.marks.uplink_mark(2), ip_address(PC), ip_address(net.server_address), 60.0)
    net.nft("\n".join([*render.change_elements(policy.build(net.two), [element], []), ""]))
    responder = net.socket("server", port=9000)
    held.put_back(packets)
    assert responder.recvfrom(100)[1] == (net.dsl, 4000)


@pytest.mark.parametrize("scope", [Scope(), Scope(lans=("home",), uplinks=("cable",))])
def test_a_helper_that_has_come_to_life(net, held, scope):
    """A first packet that waited because the helper's listener was dead goes to it when it is alive by then."""
    redirect = Redirect("ftp", (21,), LISTENER, fail="open", scope=scope)
    doors = Doors(redirects=(redirect,))
    net.become(net.changed(net.waiting, doors=doors))
    client = net.begin("pc1", (net.server_address, 21))
    packets = held.read()
    assert len(packets) == 1
    held.link_comes(doors=doors)
    net.nft(f"add element inet ics fail_open {{ {LISTENER} timeout 300s }}")
    listener = net.socket("gateway", socket.SOCK_STREAM, port=LISTENER)
    held.put_back(packets)
    connection, seen = listener.accept()
    net.stack.enter_context(connection)
    assert seen == client.getsockname()


def test_a_connection_of_the_gateway_itself_meets_no_helper(net, held):
    """It goes where it wanted to, as when it does not wait."""
    doors = Doors(redirects=(Redirect("ftp", (21,), LISTENER),))
    own = TrafficRule("allow", "wake[0]", gateway=True, protocol="tcp", ports=(PortRange(21, 21),))
    net.become(
        net.changed(net.waiting, doors=doors, hold=net.changed(net.waiting.hold, wake={"cable": (own,)}))
    )
    helper, server = (
        net.socket("gateway", socket.SOCK_STREAM, port=LISTENER),
        net.socket("server", socket.SOCK_STREAM, port=21),
    )
    net.begin("gateway", (net.server_address, 21))
    packets = held.read()
    held.link_comes(doors=doors)
    held.put_back(packets)
    connection, seen = server.accept()
    net.stack.enter_context(connection)
    assert seen[0] == net.cable
    helper.settimeout(0)
    with pytest.raises(BlockingIOError):
        helper.accept()


def test_kernel_helpers_and_triggers(net, held):
    """A control connection gets its conntrack helper, and a game opens its ports, by their LAN's scope."""
    home = Scope(lans=("home",))
    game = Trigger("games", "x", (PortSpan("udp", 6000, 6000),), (PortSpan("udp", 6112, 6112),), 60.0, home)
    doors = Doors(kernel=(KernelAid("pptp", "pptp", "tcp", (1723,), home),), triggers=(game,))
    net.begin("pc1", (net.server_address, 1723))
    net.socket("pc1").sendto(b"here I am", (net.server_address, 6000))
    packets = held.read(2)
    held.link_comes(doors=doors)
    listener, inside = net.socket("server", socket.SOCK_STREAM, port=1723), net.socket("pc1", port=6112)
    held.put_back(packets)
    net.stack.enter_context(listener.accept()[0])
    flows = net.gateway.run(["conntrack", "-L", "-o", "extended"], check=True).stdout
    assert [line.split("src=")[1].split()[0] for line in flows.splitlines() if "helper=pptp" in line] == [PC]
    assert net.ask(net.socket("server"), inside, (net.cable, 6112)) == net.server_address


def test_to_the_address_that_the_link_has_got(net, held):
    """A published service is reached from inside by the address outside, also by what waited for that address."""
    doors = Doors(
        published=(Published("web", "udp", 9000, 9000, Endpoint(ip_address("192.168.0.11"), 9000)),)
    )
    net.ip("address", "del", "203.0.113.5/24", "dev", "eth0")
    try:
        net.become(net.waiting)
        asker, inside = net.socket("pc1", port=4000), net.socket("pc3", port=9000)
        asker.sendto(b"question", (net.cable, 9000))
        packets = held.read()
        assert len(packets) == 1
    finally:
        net.ip("address", "add", "203.0.113.5/24", "dev", "eth0")
    held.link_comes(doors=doors)
    held.put_back(packets)
    data, seen = inside.recvfrom(100)
    assert (data, seen) == (b"question", (net.cable, 4000))
    inside.sendto(b"answer", seen)
    assert asker.recvfrom(100) == (b"answer", (net.cable, 9000))


def test_segments_fit_the_link(net, held):
    """The size in the SYN that waited is lowered to the MTU of the link that came."""
    net.begin("pc1", (net.server_address, 80))
    packets = held.read()
    net.ip("link", "set", "eth0", "mtu", "1400")
    held.link_comes()
    listener = net.socket("server", socket.SOCK_STREAM, port=80)
    with net.lab["server"].capture("eth0", "tcp dst port 80 and tcp[tcpflags] & tcp-syn != 0") as wire:
        held.put_back(packets)
        net.stack.enter_context(listener.accept()[0])
    segment = dpkt.ethernet.Ethernet(wire.frames()[0]).data.data
    assert dict(dpkt.tcp.parse_opts(segment.opts))[dpkt.tcp.TCP_OPT_MSS] == (1360).to_bytes(2)


def test_it_keeps_the_link_up(net, held):
    """What waited counts like anything else that leaves by the link."""
    net.socket("pc1", port=4000).sendto(b"question", (net.server_address, 9000))
    packets = held.read()
    held.link_comes(keep={"cable": wake_rules(())})
    responder = net.socket("server", port=9000)
    held.put_back(packets)
    responder.recv(100)
    assert net.counter("keep_cable") == 1


def test_a_flow_that_outlives_its_call(net, held):
    """Its next packet waits when the call was lost, and goes on in the same connection when the address is the same again."""
    held.link_comes()
    asker, responder = net.socket("pc1", port=4000), net.socket("server", port=9000)
    assert net.ask(asker, responder, (net.server_address, 9000)) == net.cable
    net.become(net.waiting)
    asker.sendto(b"and now?", (net.server_address, 9000))
    packets = held.read()
    assert len(packets) == 1
    held.link_comes()
    held.put_back(packets)
    assert responder.recvfrom(100) == (b"and now?", (net.cable, 4000))
    flows = [flow for flow in net.conntrack(lambda c: c.flows()) if flow.source_port == 4000]
    assert [(flow.translated, str(flow.source)) for flow in flows] == [(True, PC)]


def test_a_packet_that_is_too_long_for_the_link(net, held):
    """Its sender is told how long it may be (RFC 1191), by the gateway's address on the LAN."""
    asker = net.socket("pc1", port=4000)
    asker.setsockopt(socket.IPPROTO_IP, 10, 2)  # IP_MTU_DISCOVER, IP_PMTUDISC_DO
    asker.sendto(bytes(1450), (net.server_address, 9000))
    packets = held.read()
    net.ip("link", "set", "eth0", "mtu", "1400")
    held.link_comes()
    with net.lab["pc1"].capture("eth0", "icmp") as wire:
        held.put_back(packets)
        assert net.until(wire.frames)
    ip = dpkt.ethernet.Ethernet(wire.frames()[0]).data
    assert (socket.inet_ntoa(ip.src), ip.icmp.type, ip.icmp.code) == ("192.168.0.1", 3, 4)
    assert int.from_bytes(bytes(ip.icmp)[6:8]) == 1400
    net.lab["pc1"].run(["ip", "route", "flush", "cache"], check=True)
