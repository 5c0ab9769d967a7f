"""Address translation with real packets: LAN hosts reach the Internet, and no LAN address ever does."""

import socket

from icsframework.dataplane import flows


def test_hosts_reach_the_internet_under_the_uplinks_address(net):
    """TCP and UDP of a LAN host arrive at a server from the gateway's address with the host's own port, and answers come back."""
    net.load(net.one)
    responder = net.socket("server", port=9000)
    listener = net.socket("server", socket.SOCK_STREAM, port=9000)
    asker = net.socket("pc1", port=4000)
    client = net.socket("pc1", socket.SOCK_STREAM)
    assert net.ask(asker, responder, (net.server_address, 9000)) == net.cable
    assert net.conversation(client, (net.server_address, 9000), listener) == net.cable
    (flow,) = [f for f in net.conntrack(lambda c: c.flows()) if f.source_port == 4000]
    assert (str(flow.reply_destination), flow.reply_destination_port, flow.translated) == (
        net.cable,
        4000,
        True,
    )
    assert net.lab["pc1"].run(["ping", "-c", "1", "-W", "2", net.server_address]).returncode == 0


def test_flows_remember_their_uplink(net):
    """The connection mark of flows by an uplink is that of the uplink, other programs' mark bits stay, and counting by mark finds them."""
    net.load(net.one)
    net.foreign(("filter hook prerouting priority -160", "ct state new ct mark set 0x80000001"))
    responder = net.socket("server", port=9000)
    assert net.ask(net.socket("pc1"), responder, (net.server_address, 9000)) == net.cable
    uplink, marks = net.one.uplinks[0], net.one.marks
    chosen = flows.of_uplink(uplink, marks)
    (flow,) = net.conntrack(lambda c: c.flows(chosen))
    assert flow.mark == 0x80000001 | marks.uplink_mark(1)
    assert net.conntrack(lambda c: c.count(chosen)) == 1
    assert net.conntrack(lambda c: c.count(flows.MarkFilter(marks.uplink_mark(2), marks.uplink_mask))) == 0
    net.conntrack(lambda c: c.delete(chosen))
    assert net.conntrack(lambda c: c.count(chosen)) == 0


def test_no_lan_address_leaves_even_of_flows_older_than_the_rules(net):
    """A flow that was forwarded untranslated before the rules came is stopped by the guard, and lives on once it is forgotten."""
    net.gateway.write_sysctls([("net.ipv4.ip_forward", "1")])
    net.ip("route", "add", "default", "via", "203.0.113.1", "proto", "105")
    net.foreign(("filter hook forward priority 0", "ct state established accept"))
    responder, asker = net.socket("server", port=9000), net.socket("pc1", port=4000)
    assert net.ask(asker, responder, (net.server_address, 9000)) == "192.168.0.10", "the test's own premise"
    uplink = net.lab["isp-a"].capture("eth0", "net 192.168.0.0/16 or (arp and arp[14:2] = 0xc0a8)")
    with uplink:
        net.load(net.one)
        assert net.ask(asker, responder, (net.server_address, 9000)) is None
        assert net.counter("leaked") == 1
        inside = [lan.network for lan in net.one.lans]
        assert net.conntrack(lambda c: c.delete_where(lambda flow: flows.is_stranded(flow, inside, []))) == 1
        assert net.ask(asker, responder, (net.server_address, 9000)) == net.cable
        client, listener = (
            net.socket("pc1", socket.SOCK_STREAM),
            net.socket("server", socket.SOCK_STREAM, port=9000),
        )
        assert net.conversation(client, (net.server_address, 9000), listener) == net.cable
        net.lab["pc1"].run(["ping", "-c", "1", "-W", "2", net.server_address])
        net.ip("neigh", "flush", "dev", "eth0")
        net.gateway.run(["ping", "-c", "1", "-W", "2", "-I", "192.168.0.1", net.server_address])
    assert uplink.lines() == []


def test_arp_on_the_uplink_knows_no_lan_address(net):
    """Asked by ARP for its LAN address, the gateway is silent on the uplink, and answers for the uplink's own."""
    net.load(net.one)
    isp = net.lab["isp-a"]
    isp.run(["ip", "route", "add", "192.168.0.1/32", "dev", "eth0"], check=True)
    try:
        for address, known in (("192.168.0.1", False), (net.cable, True)):
            isp.run(["ip", "neigh", "flush", "to", address], check=True)
            isp.run(["ping", "-c", "1", "-W", "1", address])
            assert ("lladdr" in isp.run(["ip", "neigh", "show", address]).stdout) is known
    finally:
        isp.run(["ip", "route", "del", "192.168.0.1/32", "dev", "eth0"])
