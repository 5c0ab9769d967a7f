"""Two uplinks: a flow stays where it began, an answer leaves where the question came in, a dead link is no detour."""

import errno
import socket
from ipaddress import ip_address

from icsframework.dataplane import flows
from icsframework.dataplane.doors import Doors, Published
from icsframework.values import Endpoint


def test_new_flows_take_the_active_uplink_and_old_ones_stay(net):
    """When policy makes the other uplink active, new flows leave by it, and those that are there keep their address."""
    net.load(net.two)
    server = net.socket("server", port=9000)
    old, own = net.socket("pc1", port=4000), net.socket("gateway", port=4001)
    own.connect((net.server_address, 9000))
    assert net.ask(old, server, (net.server_address, 9000)) == net.cable
    assert net.ask(own, server, (net.server_address, 9000)) == net.cable
    net.set_up(net.changed(net.two, active="dsl"))
    new, new_own = net.socket("pc1"), net.socket("gateway")
    assert net.ask(new, server, (net.server_address, 9000)) == net.dsl
    assert net.ask(new_own, server, (net.server_address, 9000)) == net.dsl
    assert net.ask(old, server, (net.server_address, 9000)) == net.cable
    assert net.ask(own, server, (net.server_address, 9000)) == net.cable


def test_the_flows_of_a_dead_uplink_move_when_they_are_forgotten(net):
    """Until then they go nowhere, not even by the other uplink; afterwards they leave by it; others are untouched."""
    net.load(net.two)
    server, asker, other = net.socket("server", port=9000), net.socket("pc1"), net.socket("pc2", port=4001)
    assert net.ask(asker, server, (net.server_address, 9000)) == net.cable
    net.set_up(net.changed(net.two, active="dsl"))
    assert net.ask(other, server, (net.server_address, 9000)) == net.dsl
    cable, dsl = net.two.uplinks
    net.set_up(net.changed(net.two, uplinks=(net.changed(cable, link=None), dsl)))
    assert net.ask(asker, server, (net.server_address, 9000)) is None
    net.conntrack(lambda c: c.delete(flows.of_uplink(cable, net.two.marks)))
    assert net.ask(asker, server, (net.server_address, 9000)) == net.dsl
    assert net.conntrack(lambda c: c.count(flows.of_uplink(dsl, net.two.marks))) == 2
    assert net.ask(other, server, (net.server_address, 9000)) == net.dsl


def test_marked_sockets_leave_by_their_uplink(net):
    """A socket with an uplink's mark leaves by it whatever is active, and finds no way while it is down."""
    net.load(net.two)
    server = net.socket("server", port=9000)
    marks = net.two.marks
    probe = net.socket("gateway", mark=marks.uplink_mark(2))
    assert net.ask(probe, server, (net.server_address, 9000)) == net.dsl
    stream = net.socket("gateway", socket.SOCK_STREAM, mark=marks.uplink_mark(2))
    listener = net.socket("server", socket.SOCK_STREAM, port=9000)
    assert net.conversation(stream, (net.server_address, 9000), listener) == net.dsl
    cable, dsl = net.two.uplinks
    net.set_up(net.changed(net.two, uplinks=(cable, net.changed(dsl, link=None))))
    lost = net.socket("gateway", socket.SOCK_STREAM, mark=marks.uplink_mark(2))
    assert lost.connect_ex((net.server_address, 9000)) == errno.EHOSTUNREACH


def test_answers_leave_where_the_question_came_in(net):
    """A connection let in by the second uplink, to the gateway or to a host behind it or behind another bridge, is answered by the second."""
    services = tuple(
        Published(f"s{port}", "tcp", port, port, Endpoint(ip_address(host), 80), ("dsl",))
        for host, port in (("192.168.0.10", 8081), ("172.17.0.2", 8082))
    )
    net.load(net.changed(net.two, doors=Doors(published=services)))
    net.nft("insert rule inet ics input_from_uplinks tcp dport 8083 accept")
    for host, inside, port in (("pc1", 80, 8081), ("box", 80, 8082), ("gateway", 8083, 8083)):
        listener = net.socket(host, socket.SOCK_STREAM, port=inside)
        client = net.socket("server", socket.SOCK_STREAM)
        with net.lab["isp-b"].capture("eth0", f"tcp port {port}") as second:
            assert net.conversation(client, (net.dsl, port), listener) == net.server_address
        assert any(f" {net.dsl}.{port} > " in line for line in second.lines()), second.lines()


def test_what_the_second_uplink_did_not_let_in_stays_out(net):
    """Closed is closed on every uplink, and from one uplink to the other nothing is forwarded."""
    net.load(net.two)
    net.socket("gateway", socket.SOCK_STREAM, port=80)
    client = net.socket("server", socket.SOCK_STREAM)
    client.settimeout(1)
    assert client.connect_ex((net.dsl, 80)) == errno.EAGAIN
    isp = net.lab["isp-b"]
    isp.run(["ip", "route", "add", "203.0.113.1/32", "via", net.dsl, "table", "77"], check=True)
    isp.run(["ip", "rule", "add", "pref", "5", "to", "203.0.113.1", "lookup", "77"], check=True)
    try:
        before = net.counter("closed_forward")
        isp.run(["ping", "-c", "1", "-W", "1", "203.0.113.1"])
        assert net.counter("closed_forward") == before + 1
    finally:
        isp.run(["ip", "rule", "del", "pref", "5"])
        isp.run(["ip", "route", "flush", "table", "77"])
