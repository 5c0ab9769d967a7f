"""Doors with real packets: what is opened lets in exactly that, leaves by its own port, and is found from inside too."""

import socket
from ipaddress import ip_address, ip_network

import pytest

from icsframework.dataplane import policy
from icsframework.dataplane.doors import Doors, Published
from icsframework.values import Endpoint, Mapping

PC = ip_address("192.168.0.10")
RESERVED = range(50000, 60000)


def mapping(net, port, inside, protocol="tcp", uplink="cable", **more):
    """A mapping to pc1: ``remote`` None and ``once`` False unless told otherwise."""
    external = Endpoint(ip_address(net.cable), port)
    known = {"remote": None, "owner": "test", "expires": 60.0} | more
    return Mapping(protocol, uplink, external, Endpoint(PC, inside), **known)


def refused(net, host, target, patience=0.4):
    """True if a connection from this host gets no answer."""
    client = net.socket(host, socket.SOCK_STREAM)
    client.settimeout(patience)
    try:
        client.connect(target)
    except TimeoutError:
        return True
    return False


def test_an_expectation_lets_its_host_in_once(net):
    """Another host is not let in; the expected one is, and its flow lives on; a second flow of the same host is not."""
    net.load(net.one)
    inside = net.socket("pc1", socket.SOCK_STREAM, port=5001)
    net.put(mapping(net, 6001, 5001, remote=ip_address(net.server_address), once=True))
    assert refused(net, "isp-a", (net.cable, 6001))
    client = net.socket("server", socket.SOCK_STREAM)
    assert net.conversation(client, (net.cable, 6001), inside) == net.server_address
    assert net.keys("expect_from") == []
    assert net.keys("own_port"), "the port stays with the host until it is given back"
    assert refused(net, "server", (net.cable, 6001))
    client.sendall(b"more\n")


def test_an_expectation_of_anybody_is_used_up_as_well(net):
    """The first datagram that comes makes the flow; the next sender finds the port closed."""
    net.load(net.one)
    inside = net.socket("pc1", port=5002)
    net.put(mapping(net, 6002, 5002, "udp", once=True))
    first, second = net.socket("server"), net.socket("isp-a")
    assert net.ask(first, inside, (net.cable, 6002)) == net.server_address
    assert net.ask(second, inside, (net.cable, 6002)) is None
    assert net.ask(first, inside, (net.cable, 6002)) == net.server_address
    assert net.keys("expect_any") == []


def test_an_open_port_stays_open(net):
    """For anybody, or for the one host it was opened for, again and again."""
    net.load(net.one)
    inside, other = net.socket("pc1", port=5003), net.socket("pc1", port=5004)
    net.put(
        mapping(net, 6003, 5003, "udp"),
        mapping(net, 6004, 5004, "udp", remote=ip_address(net.server_address)),
    )
    for host in ("server", "server", "isp-a"):
        assert net.ask(net.socket(host), inside, (net.cable, 6003))
    assert net.ask(net.socket("server"), other, (net.cable, 6004)) == net.server_address
    assert net.ask(net.socket("server"), other, (net.cable, 6004)) == net.server_address
    assert net.ask(net.socket("isp-a"), other, (net.cable, 6004)) is None


def test_a_port_is_open_on_its_uplink_only(net):
    """What is opened on one uplink is closed on the other, and each leads where it says."""
    net.load(net.two)
    inside = net.socket("pc1", port=5005)
    net.put(mapping(net, 6005, 5005, "udp", uplink="dsl"))
    asker = net.socket("server")
    assert net.ask(asker, inside, (net.cable, 6005)) is None
    assert net.ask(asker, inside, (net.dsl, 6005)) == net.server_address


def test_an_endpoint_leaves_by_its_own_port(net):
    """What has an external port uses it towards everybody; another host with that source port leaves from the reserved range."""
    net.load(net.one)
    net.put(mapping(net, 6006, 5006, "udp"))
    server, isp = net.socket("server", port=9000), net.socket("isp-a", port=9000)
    elsewhere = net.socket("isp-a", port=9001)
    inside = net.socket("pc1", port=5006)
    other = net.socket("pc3", port=6006)
    seen = {}
    for name, asker, target, answers in (
        ("own", inside, (net.server_address, 9000), server),
        ("own elsewhere", inside, ("203.0.113.1", 9000), isp),
        ("other", other, ("203.0.113.1", 9001), elsewhere),
    ):
        asker.sendto(b"question", target)
        seen[name] = answers.recvfrom(100)[1]
    assert seen["own"] == (net.cable, 6006)
    assert seen["own elsewhere"][1] == 6006
    assert seen["other"][0] == net.cable
    assert seen["other"][1] in RESERVED


@pytest.mark.parametrize("uplinks", ["one", "two"])
def test_hairpin(net, uplinks):
    """A LAN host, even the one it leads to, finds an opened port at the uplink's address and is seen with that address; without a door it talks to the gateway."""
    plane = getattr(net, uplinks)
    net.load(plane)
    net.put(mapping(net, 6007, 5007), mapping(net, 6008, 5008, "udp"), plane=plane)
    listener = net.socket("pc1", socket.SOCK_STREAM, port=5007)
    for host in ("pc3", "pc1"):
        client = net.socket(host, socket.SOCK_STREAM)
        assert net.conversation(client, (net.cable, 6007), listener) == net.cable
    asker, inside = net.socket("pc3", port=4001), net.socket("pc1", port=5008)
    for _ in range(3):
        assert net.ask(asker, inside, (net.cable, 6008)) == net.cable
    own = net.socket("gateway", port=6009)
    assert net.ask(net.socket("pc3"), own, (net.cable, 6009)) == "192.168.0.11"
    flows = {(flow.destination_port, flow.mark) for flow in net.conntrack(lambda c: c.flows())}
    assert {mark for port, mark in flows if port == 6009} == {0}


def test_hairpin_of_two_hosts_that_have_ports(net):
    """Both ends know each other by their external endpoints, as if they met in the Internet (RFC 4787 REQ-9)."""
    net.load(net.one)
    other = Mapping(
        "udp",
        "cable",
        Endpoint(ip_address(net.cable), 6011),
        Endpoint(ip_address("192.168.0.11"), 5011),
        None,
        "x",
        None,
    )
    net.put(mapping(net, 6010, 5010, "udp"), other)
    one, two = net.socket("pc1", port=5010), net.socket("pc3", port=5011)
    two.sendto(b"hello", (net.cable, 6010))
    assert one.recvfrom(100) == (b"hello", (net.cable, 6011))
    one.sendto(b"hello yourself", (net.cable, 6011))
    assert two.recvfrom(100) == (b"hello yourself", (net.cable, 6010))


def published(**more):
    """A service on pc1."""
    known = {"name": "web", "protocol": "tcp", "first": 80, "last": 80, "to": Endpoint(PC, 8080)}
    return Published(**(known | more))


def with_published(net, *services, plane=None):
    """A plane with published services."""
    return net.changed(plane or net.one, doors=Doors(published=services))


def test_published_services(net):
    """A port, a range that keeps its ports and one that does not lead inside; a port beside them does not; from inside they are found too."""
    net.load(
        with_published(
            net,
            published(),
            published(name="same", first=7000, last=7002, to=Endpoint(PC, 7000)),
            published(name="moved", first=7100, last=7102, to=Endpoint(PC, 7200)),
        )
    )
    for inside, external in ((8080, 80), (7001, 7001), (7202, 7102)):
        listener = net.socket("pc1", socket.SOCK_STREAM, port=inside)
        assert net.conversation(
            net.socket("server", socket.SOCK_STREAM), (net.cable, external), listener
        ) == (net.server_address)
        assert (
            net.conversation(net.socket("pc3", socket.SOCK_STREAM), (net.cable, external), listener)
            == net.cable
        )
    assert refused(net, "server", (net.cable, 7003))
    assert refused(net, "server", (net.cable, 8080))


def test_published_for_some(net):
    """A service with `clients` is there for them only, beside one for everybody on the same port of another protocol."""
    net.load(
        with_published(
            net,
            published(clients=(ip_network("192.0.2.80/32"), ip_network("10.0.0.0/8"))),
            published(name="dns", protocol="udp", to=Endpoint(PC, 5353)),
        )
    )
    listener, answers = net.socket("pc1", socket.SOCK_STREAM, port=8080), net.socket("pc1", port=5353)
    assert net.conversation(net.socket("server", socket.SOCK_STREAM), (net.cable, 80), listener)
    assert refused(net, "isp-a", (net.cable, 80))
    assert net.ask(net.socket("isp-a"), answers, (net.cable, 80)) == "203.0.113.1"


def test_what_is_published_leaves_by_its_port(net):
    """A published endpoint leaves by its external port; what else has this source port, or one of a published range, does not."""
    net.load(
        with_published(
            net,
            published(protocol="udp"),
            published(name="same", protocol="udp", first=7000, last=7002, to=Endpoint(PC, 7000)),
        )
    )
    server = net.socket("server", port=9000)
    seen = []
    for host, port in (("pc1", 8080), ("pc3", 80), ("pc1", 7001), ("pc3", 7001)):
        net.socket(host, port=port).sendto(b"question", (net.server_address, 9000))
        seen.append(server.recvfrom(100)[1][1])
    assert seen[0] == 80
    assert seen[1] in RESERVED
    assert seen[2] == 7001
    assert seen[3] in RESERVED


def test_a_reload_keeps_what_is_open(net):
    """A load of other rules by the real queue keeps ports open, with their owners, and takes published services that are gone."""
    before, after = with_published(net, published()), with_published(net, plane=net.two)
    net.load(before)
    inside = net.socket("pc1", port=5003)
    net.socket("pc1", socket.SOCK_STREAM, port=8080)
    net.put(mapping(net, 6003, 5003, "udp"))
    assert net.queue(
        ("apply", policy.build(after)), ("apply", policy.build(before)), ("apply", policy.build(after))
    )
    net.set_up(after)
    assert net.ask(net.socket("server"), inside, (net.cable, 6003)) == net.server_address
    assert refused(net, "server", (net.cable, 80))
    (found,) = net.queue(("inventory", "inet", "ics"))
    assert [item.comment for item in found.sets["open_any"].elements] == ["owner=test"]
    assert "published" not in found.sets
