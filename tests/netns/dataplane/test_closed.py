"""The uplink's side is closed: no port answers, nothing tells that somebody is here; the LAN's side is open."""

import errno
import select
import socket
import time

OPEN = (22, 53, 80, 443, 8080)
PATIENCE = 2.0


def scan(net, host, target, ports):
    """Connect to many ports at once; returns the outcome (an errno, 0 for connected) of those that had one in time."""
    pending, outcomes = {}, {}
    for port in ports:
        probe = net.socket(host, socket.SOCK_STREAM)
        probe.setblocking(False)
        assert probe.connect_ex((target, port)) == errno.EINPROGRESS
        pending[probe] = port
    end = time.monotonic() + PATIENCE
    while pending and (left := end - time.monotonic()) > 0:
        for probe in select.select([], list(pending), [], left)[1]:
            outcomes[pending.pop(probe)] = probe.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    return outcomes


def test_the_internet_finds_no_open_port(net):
    """With services listening on every address, a scan of TCP and UDP ports from the Internet gets not one packet back."""
    net.load(net.one)
    for port in OPEN:
        net.socket("gateway", socket.SOCK_STREAM, port=port)
        net.socket("gateway", port=port)
    ports = sorted({*OPEN, *range(1, 400)})
    net.lab["isp-a"].run(["ping", "-c", "1", "-W", "1", net.cable])  # so that ARP is no part of what follows
    with net.lab["server"].capture("eth0", f"src host {net.cable}") as answers:
        assert scan(net, "server", net.cable, ports) == {}
        knock = net.socket("server", port=5353)
        for port in ports:
            knock.sendto(b"knock", (net.cable, port))
        assert net.lab["server"].run(["ping", "-c", "2", "-i", "0.2", "-W", "1", net.cable]).returncode == 1
    assert answers.lines() == []
    assert net.counter("closed_input") >= 2 * len(ports) + 2


def test_the_lan_finds_the_gateway_open(net):
    """The same services answer a host of the LAN, closed ports refuse it at once, and ping answers."""
    net.load(net.one)
    for port in OPEN:
        net.socket("gateway", socket.SOCK_STREAM, port=port)
    outcomes = scan(net, "pc1", "192.168.0.1", [*OPEN, 81])
    assert outcomes == dict.fromkeys(OPEN, 0) | {81: errno.ECONNREFUSED}
    assert net.lab["pc1"].run(["ping", "-c", "1", "-W", "2", "192.168.0.1"]).returncode == 0


def test_the_internet_reaches_nobody_behind(net):
    """A packet routed straight at a LAN host by the provider is dropped and counted; nothing comes in to the LAN."""
    net.load(net.one)
    net.socket("pc1", socket.SOCK_STREAM, port=80)
    with net.lab["pc1"].capture("eth0", f"src host {net.server_address}") as inside:
        assert scan(net, "server", "192.168.0.10", [80]) == {}
    assert inside.lines() == []
    assert net.counter("closed_forward") >= 1


def test_answers_come_in(net):
    """What the gateway itself asks by the uplink is answered: its own connections, ping, and errors about them."""
    net.load(net.one)
    responder = net.socket("server", port=9000)
    assert net.ask(net.socket("gateway"), responder, (net.server_address, 9000)) == net.cable
    assert net.gateway.run(["ping", "-c", "1", "-W", "2", net.server_address]).returncode == 0
    asker = net.socket("gateway")
    asker.connect((net.server_address, 9))
    asker.send(b"nobody listens")
    assert net.until(lambda: asker.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)) == errno.ECONNREFUSED


def test_lans_are_apart(net):
    """A host of one LAN is told at once that it may not reach the other one, or the gateway's address there."""
    net.load(net.two)
    net.socket("pc2", socket.SOCK_STREAM, port=80)
    net.socket("gateway", socket.SOCK_STREAM, port=80)
    assert scan(net, "pc1", "192.168.7.10", [80]) == {80: errno.EHOSTUNREACH}
    assert scan(net, "pc1", "192.168.7.1", [80]) == {80: errno.EHOSTUNREACH}
    assert scan(net, "pc1", "192.168.0.1", [80]) == {80: 0}
    assert net.counter("refused_lan") == 2


def test_reach_opens_one_direction(net):
    """With `reach` the one LAN opens connections to the other and they work; the other still may not."""
    home, guest = net.two.lans
    net.load(net.changed(net.two, lans=(net.changed(home, reach=("guest",)), guest)))
    there, here = (net.socket(host, socket.SOCK_STREAM, port=80) for host in ("pc2", "pc1"))
    client = net.socket("pc1", socket.SOCK_STREAM)
    assert net.conversation(client, ("192.168.7.10", 80), there) == "192.168.0.10"
    assert scan(net, "pc2", "192.168.0.10", [80]) == {80: errno.EHOSTUNREACH}
    assert here.fileno() >= 0


def test_ipv6_is_closed_between_interfaces_and_open_for_the_gateway(net):
    """A LAN host's IPv6 connection is refused at once and none comes in, while the gateway itself has IPv6 on its uplink."""
    net.load(net.one)
    net.gateway.write_sysctls([("net.ipv6.conf.all.forwarding", "1")])
    try:
        net.socket("isp-a", socket.SOCK_STREAM, "2001:db8:a::1", 80)
        net.socket("pc1", socket.SOCK_STREAM, "fd00:1::10", 80)
        outward = net.socket("pc1", socket.SOCK_STREAM, "fd00:1::10")
        inward = net.socket("isp-a", socket.SOCK_STREAM, "2001:db8:a::1")
        outward.settimeout(3)
        assert outward.connect_ex(("2001:db8:a::1", 80)) == errno.EACCES
        inward.settimeout(1)
        assert inward.connect_ex(("fd00:1::10", 80)) == errno.EAGAIN
        assert net.counter("closed_ipv6") >= 2
        net.gateway.run(["ip", "-6", "neigh", "flush", "dev", "eth0"])
        own = net.socket("gateway", socket.SOCK_STREAM, "2001:db8:a::5")
        assert own.connect_ex(("2001:db8:a::1", 80)) == 0
        assert net.lab["isp-a"].run(["ping", "-6", "-c", "1", "-W", "1", "2001:db8:a::5"]).returncode == 1
    finally:
        net.gateway.write_sysctls([("net.ipv6.conf.all.forwarding", "0")])
