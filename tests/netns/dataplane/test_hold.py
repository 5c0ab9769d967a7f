"""Packets that wait for a link, with real packets: what reaches the hold device, and how it leaves later."""

import errno
import socket
import struct
import time
from ipaddress import ip_address, ip_network

import dpkt
import pytest

from icsframework.addresses import PortRange
from icsframework.dataplane import policy, render
from icsframework.dataplane.doors import Doors, Redirect, Scope
from icsframework.dataplane.named import make_set, named_element
from icsframework.dataplane.ruleset import Table
from icsframework.dataplane.wake import refused_element
from icsframework.uplinks.traffic import TrafficRule, wake_rules

PC, LISTENER = "192.168.0.10", 40021


def raw(net, host="pc1"):
    """A socket that sends whole IP packets."""

    def make():
        return socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)

    return net.stack.enter_context(net.lab[host].inside(make, ("net",)))


def tcp(flags, port=80, source=4000, destination=None, client=PC):
    """A TCP segment as an IP packet."""
    segment = dpkt.tcp.TCP(sport=source, dport=port, flags=flags, seq=1, win=100)
    return packet(client, destination, 6, segment)


def packet(source, destination, protocol, data, **fields):
    """An IP packet with right checksums."""
    ip = dpkt.ip.IP(
        src=socket.inet_aton(source), dst=socket.inet_aton(destination), p=protocol, data=data, **fields
    )
    ip.len = len(ip)
    return bytes(ip)


def flows_of(net, port):
    """Connections that the gateway tracks from or to a port."""
    return [
        one for one in net.conntrack(lambda c: c.flows()) if port in (one.source_port, one.destination_port)
    ]


def nothing_more(held):
    """What is read from the device until it is silent; asked with a probe at the end, so that nothing is waited for."""
    net = held.net
    net.socket("pc1").sendto(b"end", (net.server_address, 9999))
    found = []
    while (one := held.seen(1)) and one[0][3] != 9999:
        found += one
    assert one, "the probe itself must arrive"
    return found


def test_what_a_lan_host_begins_waits_untracked(net, held):
    """UDP, the first segment of TCP and an echo request reach the device as they were sent, and no connection remembers them."""
    net.socket("pc1", port=4000).sendto(b"question", (net.server_address, 9000))
    net.begin("pc1", (net.server_address, 80), 4001)
    net.lab["pc1"].run(["ping", "-c", "1", "-W", "0.1", net.server_address])
    to = (PC, net.server_address)
    assert held.seen(3) == [(*to, "udp", 9000), (*to, "tcp", 80), (*to, "icmp", 8)]
    assert flows_of(net, 4000) == flows_of(net, 4001) == []
    assert set(net.counted()) == {"woken"}


def test_noise_never_reaches_the_device(net, held):
    """Segments in the middle or at the end of a connection, broadcast, multicast, noise by its port, answers and errors are dropped before."""
    server, sender = net.server_address, raw(net)
    for flags in ("A", "F", "FA", "R", "RA", "SA", "PA", "SF", "SR"):
        bits = sum({"S": 2, "A": 16, "F": 1, "R": 4, "P": 8}[letter] for letter in flags)
        sender.sendto(tcp(bits, destination=server), (server, 0))
    for port in (123, 137, 138, 139, 445, 1900, 5353, 5355):
        net.socket("pc1").sendto(b"noise", (server, port))
    for port in (139, 445, 5355):
        sender.sendto(tcp(2, port, destination=server), (server, 0))
    for kind in (0, 3, 11):
        echo = dpkt.icmp.ICMP(type=kind, data=dpkt.icmp.ICMP.Echo(id=1, seq=1))
        sender.sendto(packet(PC, server, 1, echo), (server, 0))
    for group in ("169.254.1.1", "240.0.0.1"):
        udp = dpkt.udp.UDP(sport=5000, dport=5000, ulen=8)
        sender.sendto(packet(PC, group, 17, udp), (server, 0))
    for target in ("255.255.255.255", "239.1.2.3", "224.0.0.251", "192.168.0.255"):
        noisy = net.socket("pc1")
        noisy.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        noisy.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 8)
        noisy.sendto(b"noise", (target, 5000))
    assert nothing_more(held) == []
    counted = net.counted()
    assert counted["woken"] == 1
    assert counted["not_woken"] >= 9 + 8 + 3 + 3


def test_what_waited_leaves_once_with_the_new_address(net, held):
    """Written back when the link is up, each packet leaves once under the uplink's address, and the answers find the client."""
    asker = net.socket("pc1", port=4000)
    responder, listener = net.socket("server", port=9000), net.socket("server", socket.SOCK_STREAM, port=80)
    asker.sendto(b"question", (net.server_address, 9000))
    client = net.begin("pc1", (net.server_address, 80), 4001)
    packets = held.read(2)
    held.link_comes()
    uplink = net.lab["isp-a"].capture(
        "eth0", "udp port 9000 or tcp[tcpflags] & tcp-syn != 0 or net 192.168.0.0/16"
    )
    with uplink:
        held.put_back(packets)
        data, seen = responder.recvfrom(100)
        assert (data, seen) == (b"question", (net.cable, 4000))
        responder.sendto(b"answer", seen)
        assert asker.recv(100) == b"answer"
        peer, who = listener.accept()
        net.stack.enter_context(peer)
        assert who == (net.cable, 4001)
        client.settimeout(2)
        client.sendall(b"hello")
        assert peer.recv(100) == b"hello"
    assert [line for line in uplink.lines() if "192.168." in line] == []
    assert len([line for line in uplink.lines() if f"{net.server_address}.9000:" in line]) == 1
    assert [flow.translated for flow in (*flows_of(net, 4000), *flows_of(net, 4001))] == [True, True]
    assert set(net.counted()) == {"woken"}


def test_retransmissions_follow_what_waited(net, held):
    """A client that says it again while the link comes up goes on with the same connection."""
    asker, responder = net.socket("pc1", port=4000), net.socket("server", port=9000)
    for _ in range(3):
        asker.sendto(b"question", (net.server_address, 9000))
    first = held.read(3)[0]
    held.link_comes()
    held.put_back([first])
    assert responder.recvfrom(100)[1] == (net.cable, 4000)
    assert net.ask(asker, responder, (net.server_address, 9000)) == net.cable
    assert len(flows_of(net, 4000)) == 1


def test_a_long_datagram(net, held):
    """What came in fragments is judged as a whole, waits in fragments, and is one datagram again where it was sent to."""
    asker, responder = net.socket("pc1", port=4000), net.socket("server", port=9000)
    asker.sendto(b"x" * 4000, (net.server_address, 9000))
    fragments = held.read(3)
    assert [bool(dpkt.ip.IP(one).offset) for one in fragments] == [False, True, True]
    held.link_comes()
    held.put_back(fragments)
    assert responder.recv(5000) == b"x" * 4000


@pytest.mark.parametrize(("without", "code"), [("unreachable", 0), ("prohibit", 13)])
def test_without_waiting_the_kernel_answers(net, held, without, code):
    """Network unreachable or administratively prohibited, at once and from the LAN's address; the device hears nothing."""
    net.become(net.changed(net.waiting, hold=net.changed(net.waiting.hold, without=without)))
    errors = net.socket("pc1")
    errors.setsockopt(socket.IPPROTO_IP, 11, 1)  # IP_RECVERR
    errors.sendto(b"question", (net.server_address, 9000))
    errors.setblocking(False)

    def answer():
        try:
            return errors.recvmsg(100, 512, socket.MSG_ERRQUEUE)
        except OSError:
            return None

    (_, found, _, _) = net.until(answer)
    _, origin, kind, said = struct.unpack("=IBBB", found[0][2][:7])
    assert (origin, kind, said) == (2, 3, code)
    assert socket.inet_ntoa(found[0][2][20:24]) == "192.168.0.1"
    with pytest.raises(OSError):  # the gateway's own, by the routing table
        net.socket("gateway").sendto(b"own", (net.server_address, 9000))
    assert held.read(1, 0.05) == []


def test_a_flow_that_was_refused_stays_refused(net, held):
    """The flow's packets are answered with "prohibited" and do not reach the device; others do."""
    server = net.server_address
    flows = (("udp", 4000, 9000), ("icmp", 0, 0), ("tcp", 4001, 80))
    told = [refused_element(ip_address(PC), ip_address(server), *flow) for flow in flows]
    assert net.queue(("change", policy.build(net.waiting), told, [])) == [None]
    refused, other = net.socket("pc1", port=4000), net.socket("pc1", port=4002)
    for one in (refused, other):
        one.connect((server, 9000))
        one.send(b"question")
    client = net.caller("pc1", 4001)
    assert client.connect_ex((server, 80)) == errno.EHOSTUNREACH
    assert "Packet filtered" in net.lab["pc1"].run(["ping", "-c", "1", "-W", "1", server]).stdout
    with pytest.raises(OSError, match="No route to host"):
        refused.recv(100)
    assert [(one[2], one[3]) for one in held.seen(1)] == [("udp", 9000)]
    assert nothing_more(held) == []
    assert net.counted()["refused_flow"] == 3
    assert set(net.keys("refused")) == {element.key for _, element in told}
    net.become(net.changed(net.waiting, hold=net.changed(net.waiting.hold, settled=True)))
    assert len(net.keys("refused")) == 3, "a reload keeps them"


def test_answers_to_refused_flows_are_bounded(net, held):
    """A flood of a refused flow gets a hundred answers at once and fifty a second, and no more."""
    server = net.server_address
    net.nft(f"add element inet ics refused {{ {PC} . {server} . udp . 4000 . 9000 }}")
    answers = net.lab["pc1"].capture("eth0", "icmp")
    flood = net.socket("pc1", port=4000)
    begun = time.monotonic()
    with answers:
        for _ in range(600):
            try:
                flood.sendto(b"again", (server, 9000))
            except OSError:
                continue
        assert net.until(lambda: net.counter("refused_flow") == 600)
        took = time.monotonic() - begun
    assert 90 <= len(answers.lines()) <= 101 + 50 * took


def helped(net, **changes):
    """The plane that waits, with a helper for port 21."""
    redirect = net.changed(Redirect("ftp", (21,), LISTENER), **changes)
    return net.changed(net.waiting, doors=Doors(redirects=(redirect,)))


def test_a_helpers_port_goes_to_its_listener(net, held):
    """With no link up the listener accepts the connection; the device sees nothing of it, and of a client out of scope everything."""
    scope = Scope(("home",), (ip_network(f"{PC}/32"),), uplinks=("cable",))
    net.become(helped(net, scope=scope))
    listener = net.socket("gateway", socket.SOCK_STREAM, port=LISTENER)
    client = net.socket("pc1", socket.SOCK_STREAM)
    client.connect((net.server_address, 21))
    connection, seen = listener.accept()
    net.stack.enter_context(connection)
    assert seen == client.getsockname()
    client.sendall(b"USER me\r\n")
    assert connection.recv(100) == b"USER me\r\n"
    net.begin("pc3", (net.server_address, 21))
    assert held.seen() == [("192.168.0.11", net.server_address, "tcp", 21)]
    assert nothing_more(held) == []


def test_what_a_rule_forbids_is_answered(net, held):
    """The sender need not wait: "prohibited" for what would wake a link otherwise; noise of the same host gets no answer."""
    rule = TrafficRule("ignore", "wake[0]", client=ip_network(f"{PC}/32"))
    net.become(
        net.changed(net.waiting, hold=net.changed(net.waiting.hold, wake={"cable": wake_rules((rule,))}))
    )
    assert net.caller("pc1").connect_ex((net.server_address, 80)) == errno.EHOSTUNREACH
    with net.lab["pc1"].capture("eth0", "icmp") as answers:
        for port in (123, 137, 5353):
            net.socket("pc1").sendto(b"noise", (net.server_address, port))
        net.socket("pc3").sendto(b"word", (net.server_address, 9000))
        assert held.seen() == [("192.168.0.11", net.server_address, "udp", 9000)]
    assert answers.lines() == []
    assert net.counted() == {"woken": 1, "not_woken": 3, "forbidden": 1}


def test_names_decide_for_the_client_that_was_told_them(net, held):
    """What a forbidden name led one client to wakes nothing; another client goes there, and the one elsewhere."""
    rule = TrafficRule("ignore", "wake[0]", name="*.telemetry.example")
    net.become(
        net.changed(net.waiting, hold=net.changed(net.waiting.hold, wake={"cable": wake_rules((rule,))}))
    )
    told = named_element(rule.name, ip_address(PC), ip_address(net.server_address), 60.0)
    net.nft("\n".join([*render.change_elements(Table("ics", (), (make_set(told[0]),)), [told], []), ""]))
    net.socket("pc1").sendto(b"spy", (net.server_address, 9000))
    net.socket("pc3").sendto(b"word", (net.server_address, 9000))
    net.socket("pc1").sendto(b"word", ("192.0.2.81", 9000))
    assert held.seen(2) == [
        ("192.168.0.11", net.server_address, "udp", 9000),
        (PC, "192.0.2.81", "udp", 9000),
    ]
    assert net.counted() == {"woken": 2, "forbidden": 1}


def test_the_gateway_itself(net, held):
    """Own traffic is refused at once; what a rule allows waits under the device's address, leaves translated, and gets its answer."""
    own = TrafficRule("allow", "wake[0]", gateway=True, protocol="udp", ports=(PortRange(9000, 9000),))
    net.become(
        net.changed(net.waiting, hold=net.changed(net.waiting.hold, wake={"cable": wake_rules((own,))}))
    )
    refused = net.socket("gateway", socket.SOCK_STREAM)
    assert refused.connect_ex((net.server_address, 80)) == errno.ENETUNREACH
    asker, responder = net.socket("gateway"), net.socket("server", port=9000)
    asker.connect((net.server_address, 9000))
    asker.send(b"question")
    packets = held.read()
    assert [dpkt.ip.IP(one).udp.data for one in packets] == [b"question"]
    held.link_comes()
    uplink = net.lab["isp-a"].capture("eth0", "net 192.0.0.0/24")
    with uplink:
        held.put_back(packets)
        data, seen = responder.recvfrom(100)
        assert (data, seen[0]) == (b"question", net.cable)
        responder.sendto(b"answer", seen)
        assert asker.recv(100) == b"answer"
        asker.send(b"more")
        assert responder.recvfrom(100) == (b"more", seen)
    assert uplink.lines() == []
    assert net.counted() == {"woken": 1, "not_woken": 1}


def test_a_source_of_nobody_does_not_come_back(net, held):
    """What is written with a source in no LAN is dropped."""
    held.link_comes()
    responder = net.socket("server", port=9000)
    for source in ("10.9.9.9", "192.168.7.10", "203.0.113.5"):
        udp = dpkt.udp.UDP(sport=5000, dport=9000, ulen=9, data=b"x")
        held.put_back([packet(source, net.server_address, 17, udp)])
    assert net.counted() == {"spoofed_lan": 3}
    responder.settimeout(0.2)
    with pytest.raises(TimeoutError):
        responder.recv(100)


def test_nothing_goes_round(net, held):
    """What is written back while no link is up is dropped."""
    net.socket("pc1", port=4000).sendto(b"question", (net.server_address, 9000))
    held.put_back(held.read())
    assert nothing_more(held) == []
    assert net.counted() == {"woken": 2, "unsent": 1}


def test_a_link_that_vanishes_falls_into_the_device(net, held):
    """Before the new rules are there nothing of its flows waits or is tracked; with them new ones wait, and lost ones wake nothing."""
    held.link_comes()
    client, listener = net.caller("pc1", 4001), net.socket("server", socket.SOCK_STREAM, port=80)
    assert net.conversation(client, (net.server_address, 80), listener) == net.cable
    net.ip("route", "del", "default", "via", "203.0.113.1", "dev", "eth0", "metric", "10")
    client.sendall(b"lost")
    net.socket("pc1", port=4002).sendto(b"too early", (net.server_address, 9000))
    assert net.until(lambda: net.counter("unready") >= 2)
    assert flows_of(net, 4002) == []
    net.become(net.waiting)
    client.sendall(b"lost again")
    assert nothing_more(held) == []


def test_other_programs_do_not_dial(net, held):
    """A container's connection is told that there is no way; between LAN hosts and the gateway everything goes on."""
    net.foreign(("nat hook postrouting priority 100", "ip saddr 172.17.0.0/16 oifname eth0 masquerade"))
    box = net.socket("box", socket.SOCK_STREAM)
    box.settimeout(1)
    assert box.connect_ex((net.server_address, 80)) == errno.ENETUNREACH
    gateway = net.socket("gateway", port=9000)
    assert net.ask(net.socket("pc1"), gateway, ("192.168.0.1", 9000)) == PC
    assert nothing_more(held) == []


def test_broadcast_to_the_gateway_is_as_ever(net, held):
    """It is for the gateway itself, and is tracked like any other time, though the routing table would send it to the device."""
    listener, asker = net.socket("gateway", port=9000), net.socket("pc1", port=4000)
    asker.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    asker.sendto(b"who is there?", ("255.255.255.255", 9000))
    assert listener.recvfrom(100) == (b"who is there?", (PC, 4000))
    assert len(flows_of(net, 4000)) == 1


def test_no_ipv6_on_the_device(net, held):
    """The kernel does not greet anybody there; and if somebody switches that on, it does not reach the device."""
    setting = "net.ipv6.conf.icsh0.disable_ipv6"
    assert net.gateway.run(["sysctl", "-n", setting], check=True).stdout.strip() == "1"
    net.gateway.write_sysctls([(setting, "0")])
    assert net.until(lambda: net.counter("closed_ipv6"))
    assert held.read(1, 0.05) == []


def test_the_devices_address_stays_here(net, held):
    """It neither leaves in a flow that is older than the translation, nor comes from the Internet."""
    device = str(net.waiting.hold.address.ip)
    net.nft("flush ruleset")
    net.foreign(("filter hook output priority 0", "ct state established accept"))
    net.set_up(net.one)
    asker, responder = net.socket("gateway", address=device), net.socket("server", port=9000)
    asker.sendto(b"old", (net.server_address, 9000))
    assert responder.recvfrom(100)[1][0] == device, "the test's own premise"
    net.load(net.changed(net.one, hold=net.changed(net.waiting.hold, settled=True)))
    with pytest.raises(PermissionError):
        asker.sendto(b"old", (net.server_address, 9000))
    assert net.counter("leaked") == 1
    isp = net.lab["isp-a"]
    isp.run(["ip", "address", "add", f"{device}/32", "dev", "lo"], check=True)
    try:
        net.socket("isp-a", address=device).sendto(b"spoofed", (net.cable, 9000))
        assert net.until(lambda: net.counter("spoofed_uplink")) == 1
    finally:
        isp.run(["ip", "address", "del", f"{device}/32", "dev", "lo"])
