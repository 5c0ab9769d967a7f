"""Redirects with real packets: to the listener goes what is said and nothing else, and inside servers see the real client."""

import errno
import socket
import struct
from ipaddress import ip_address, ip_interface, ip_network

import pytest

from icsframework.dataplane.doors import Doors, Published, Redirect, Scope
from icsframework.values import Endpoint

IP_TRANSPARENT = 19
SO_ORIGINAL_DST = 80
LISTENER = 40021
PC = ip_address("192.168.0.10")
OUT = Redirect("ftp", (21,), LISTENER)
IN = Redirect("ftp", (21,), LISTENER, "inbound")
FTP = Published("ftp", "tcp", 2121, 2121, Endpoint(PC, 21))


def with_doors(net, plane, *redirects, published=()):
    """A plane with redirects and published services."""
    return net.changed(plane, doors=Doors(redirects=redirects, published=published))


def original(connection):
    """Where a redirected connection wanted to go."""
    _, port, address = struct.unpack("!HH4s8x", connection.getsockopt(socket.SOL_IP, SO_ORIGINAL_DST, 16))
    return socket.inet_ntoa(address), port


def outcome(net, host, target, patience=0.4):
    """What becomes of a connection: 0, an errno, or None if nothing answers."""
    client = net.socket(host, socket.SOCK_STREAM)
    client.settimeout(patience)
    error = client.connect_ex(target)
    return None if error == errno.EAGAIN else error


def test_what_goes_out_comes_to_the_listener(net):
    """A connection from a LAN with an uplink as its way is redirected; one to another LAN, or to the gateway, is not."""
    home, guest = net.two.lans
    plane = net.changed(net.two, lans=(net.changed(home, reach=("guest",)), guest))
    net.load(with_doors(net, plane, OUT))
    listener = net.socket("gateway", socket.SOCK_STREAM, port=LISTENER)
    there = net.socket("pc2", socket.SOCK_STREAM, port=21)
    client = net.socket("pc1", socket.SOCK_STREAM)
    client.connect((net.server_address, 21))
    connection, seen = listener.accept()
    net.stack.enter_context(connection)
    assert seen == client.getsockname()
    assert original(connection) == (net.server_address, 21)
    assert net.conversation(net.socket("pc1", socket.SOCK_STREAM), ("192.168.7.10", 21), there) == str(PC)
    assert outcome(net, "pc1", ("192.168.0.1", 21)) == errno.ECONNREFUSED
    assert outcome(net, "pc1", (net.server_address, 22)) == errno.ECONNREFUSED
    assert outcome(net, "server", (net.cable, LISTENER)) is None
    assert outcome(net, "server", (net.cable, 21)) is None


def test_scope(net):
    """LANs, clients, servers and uplinks that are not in scope go on as they were."""
    scope = Scope(("home",), (ip_network("192.168.0.10/32"),), (ip_network("192.0.2.0/24"),), ("cable",))
    net.load(with_doors(net, net.two, net.changed(OUT, scope=scope)))
    net.socket("gateway", socket.SOCK_STREAM, port=LISTENER)
    assert outcome(net, "pc1", (net.server_address, 21)) == 0
    assert outcome(net, "pc3", (net.server_address, 21)) == errno.ECONNREFUSED
    assert outcome(net, "pc2", (net.server_address, 21)) == errno.ECONNREFUSED
    assert outcome(net, "pc1", ("203.0.113.1", 21)) == errno.ECONNREFUSED
    net.set_up(net.changed(net.two, active="dsl"))
    assert outcome(net, "pc1", (net.server_address, 21)) == errno.ECONNREFUSED


def test_fail_open(net):
    """Only while the listener says that it is alive: before and after, connections go by it; one that fails closed is refused."""
    net.load(with_doors(net, net.one, net.changed(OUT, fail="open"), net.changed(OUT, ports=(2121,))))
    server = net.socket("server", socket.SOCK_STREAM, port=21)
    assert net.conversation(net.socket("pc1", socket.SOCK_STREAM), (net.server_address, 21), server)
    assert outcome(net, "pc1", (net.server_address, 2121)) == errno.ECONNREFUSED
    net.nft(f"add element inet ics fail_open {{ {LISTENER} timeout 300s }}")
    listener = net.socket("gateway", socket.SOCK_STREAM, port=LISTENER)
    client = net.socket("pc1", socket.SOCK_STREAM)
    client.connect((net.server_address, 21))
    net.stack.enter_context(listener.accept()[0])
    net.nft(
        f"delete element inet ics fail_open {{ {LISTENER} }}\n"
        f"add element inet ics fail_open {{ {LISTENER + 1} timeout 300s }}"
    )
    assert net.conversation(net.socket("pc1", socket.SOCK_STREAM), (net.server_address, 21), server)


def transparent(net, address, server):
    """A connection from the gateway to a server inside that has an outside client's address."""

    def make():
        made = socket.socket()
        made.setsockopt(socket.SOL_IP, IP_TRANSPARENT, 1)
        made.bind(address)
        made.settimeout(2)
        made.connect(server)
        return made

    return net.stack.enter_context(net.gateway.inside(make, ("net",)))


@pytest.fixture(params=["one", "two", "bridge"])
def plane(net, request):
    """One uplink, two, and one with the LAN behind a bridge."""
    if request.param != "bridge":
        yield getattr(net, request.param)
        return
    (home,) = net.one.lans
    for words in (
        "link add br0 type bridge",
        "address del 192.168.0.1/24 dev eth1",
        "link set eth1 master br0",
        "address add 192.168.0.1/24 dev br0",
        "link set br0 up",
    ):
        net.ip(*words.split())
    yield net.changed(net.one, lans=(net.changed(home, interface="br0", bridge=True),))
    net.ip("link", "del", "br0")
    net.ip("address", "add", "192.168.0.1/24", "dev", "eth1")


def test_a_published_service_through_a_helper(net, plane):
    """The redirected client is let in, the inside server sees the client's own address and port, and its answers come to the helper."""
    net.load(with_doors(net, plane, IN, published=(FTP,)))
    listener = net.socket("gateway", socket.SOCK_STREAM, port=LISTENER)
    inside = net.socket("pc1", socket.SOCK_STREAM, port=21)
    address = net.dsl if len(plane.uplinks) > 1 else net.cable
    client = net.socket("server", socket.SOCK_STREAM)
    client.connect((address, 2121))
    connection, seen = listener.accept()
    net.stack.enter_context(connection)
    assert (seen, original(connection)) == (client.getsockname(), (address, 2121))
    leg = transparent(net, seen, (str(PC), 21))
    peer, who = inside.accept()
    net.stack.enter_context(peer)
    assert who == seen
    for source, target, data in (
        (client, connection, b"USER me\r\n"),
        (leg, peer, b"USER me\r\n"),
        (peer, leg, b"331 " + bytes(100_000)),
        (connection, client, b"331\r\n"),
    ):
        source.sendall(data)
        got = b""
        while len(got) < len(data):
            got += target.recv(200_000)
        assert got == data
    assert outcome(net, "server", (address, LISTENER)) is None
    assert outcome(net, "server", (address, 21)) is None


def test_a_published_service_that_no_helper_serves(net):
    """Another port than the helper's goes to the server directly; so does every one for a host that is out of scope."""
    web = net.changed(FTP, name="web", first=80, last=80, to=Endpoint(PC, 8080))
    scope = Scope(clients=(ip_network("192.168.0.11/32"),))
    net.load(with_doors(net, net.one, net.changed(IN, scope=scope), published=(FTP, web)))
    for external, port in ((2121, 21), (80, 8080)):
        inside = net.socket("pc1", socket.SOCK_STREAM, port=port)
        assert net.conversation(net.socket("server", socket.SOCK_STREAM), (net.cable, external), inside) == (
            net.server_address
        )


def test_the_published_service_from_inside(net):
    """A LAN host that uses the uplink's address reaches the server without the helper, as one of the Internet."""
    net.load(with_doors(net, net.one, IN, published=(FTP,)))
    inside = net.socket("pc1", socket.SOCK_STREAM, port=21)
    assert net.conversation(net.socket("pc3", socket.SOCK_STREAM), (net.cable, 2121), inside) == net.cable


def test_without_an_inbound_helper_nothing_is_special(net):
    """No routing table calls every address ours, unless a published service passes through a helper."""
    for plane, there in (
        (with_doors(net, net.one, OUT, published=(FTP,)), True),
        (with_doors(net, net.one, OUT, IN), True),
        (with_doors(net, net.one, OUT, IN, published=(FTP,)), False),
    ):
        net.load(plane)
        assert ("local default" not in net.ip("route", "show", "table", "all")) is there
        net.nft("flush ruleset")
    assert ip_interface("192.168.0.1/24") == net.one.lans[0].address
