"""Two hosts with a helped connection: what begins between them stays on its uplink, with real packets."""

import socket
from ipaddress import ip_address, ip_network

from icsframework.dataplane import policy, render
from icsframework.dataplane.doors import Doors, Redirect, Scope
from icsframework.dataplane.pairs import pair_element

PC = ip_address("192.168.0.10")
LISTENER = 40021


def pair(net, uplink, inside=PC, lifetime=60.0):
    """What the stream shell would tell the packet filter."""
    mark = net.two.marks.uplink_mark(net.two.uplink(uplink).index)
    element = pair_element(mark, inside, ip_address(net.server_address), lifetime)
    net.nft("\n".join([*render.change_elements(policy.build(net.two), [element], []), ""]))


def asked(net, server, host="pc1"):
    """The address that the server sees of a new flow."""
    return net.ask(net.socket(host), server, (net.server_address, 9000))


def test_new_flows_of_the_two_stay_on_its_uplink(net):
    """Those of the one host to the one peer, and no others; when it is over they take the preferred uplink again."""
    net.load(net.two)
    server, gateway = net.socket("server", port=9000), net.socket("isp-a", port=9000)
    pair(net, "dsl")
    during = net.socket("pc1", port=4000)
    assert net.ask(during, server, (net.server_address, 9000)) == net.dsl
    assert [asked(net, server, host) for host in ("pc3", "pc2", "gateway")] == [net.cable] * 3
    assert net.ask(net.socket("pc1"), gateway, ("203.0.113.1", 9000)) == net.cable
    listener = net.socket("server", socket.SOCK_STREAM, port=9001)
    assert (
        net.conversation(net.socket("pc1", socket.SOCK_STREAM), (net.server_address, 9001), listener)
        == net.dsl
    )
    net.nft("flush set inet ics pairs")
    assert asked(net, server) == net.cable
    assert net.ask(during, server, (net.server_address, 9000)) == net.dsl


def test_it_ends_by_itself(net):
    """When nobody renews it any more."""
    net.load(net.two)
    server = net.socket("server", port=9000)
    pair(net, "dsl", lifetime=0.3)
    assert asked(net, server) == net.dsl
    assert net.until(lambda: asked(net, server) == net.cable)


def test_a_new_load_of_the_rules_keeps_it_and_a_dead_uplink_holds_nobody(net):
    """Rules that know its uplink as down lead new flows elsewhere, whoever still has to say that it is over."""
    net.load(net.two)
    server = net.socket("server", port=9000)
    pair(net, "dsl")
    [step] = net.queue(("apply", policy.build(net.changed(net.two, active="cable"))))
    assert step is None
    assert asked(net, server) == net.dsl
    cable, dsl = net.two.uplinks
    without = net.changed(net.two, uplinks=(cable, net.changed(dsl, link=None)))
    [step] = net.queue(("apply", policy.build(without)))
    assert step is None
    net.set_up(without)
    assert asked(net, server) == net.cable


def test_a_source_that_cannot_be_is_dropped_before(net):
    """A host of one LAN cannot use the other one's pair."""
    net.load(net.two)
    pair(net, "dsl", ip_address("192.168.7.99"))
    net.lab["pc1"].run(["ip", "addr", "add", "192.168.7.99/32", "dev", "eth0"], check=True)
    stranger = net.socket("pc1", address="192.168.7.99")
    assert net.ask(stranger, net.socket("server", port=9000), (net.server_address, 9000)) is None
    assert net.counter("spoofed_lan") == 1


def test_a_second_control_connection_is_redirected_by_its_real_way(net):
    """The helper is for one uplink: whether a connection comes to it says the way that the pair has, not the preferred one."""
    plane = net.changed(
        net.two,
        doors=Doors(
            redirects=(
                Redirect("ftp", (21,), LISTENER, scope=Scope(uplinks=("dsl",))),
                Redirect("ftp", (22,), LISTENER, scope=Scope(clients=(ip_network("192.168.0.0/24"),))),
            )
        ),
    )
    net.load(plane)
    listener = net.socket("gateway", socket.SOCK_STREAM, port=LISTENER)
    there = net.socket("server", socket.SOCK_STREAM, port=21)
    assert (
        net.conversation(net.socket("pc1", socket.SOCK_STREAM), (net.server_address, 21), there) == net.cable
    )
    pair(net, "dsl")
    for port in (21, 22):
        client = net.socket("pc1", socket.SOCK_STREAM)
        assert net.conversation(client, (net.server_address, port), listener) == str(PC)
