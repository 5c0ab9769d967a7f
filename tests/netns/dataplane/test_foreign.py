"""Other programs on the same machine go on while our table is loaded."""

import socket

from icsframework.dataplane import policy, render
from icsframework.dataplane.inventory import parse

DOCKER = "172.17.0.1"


def pair(net, stack):
    """Two bridges that have nothing to do with us, with a host behind each; returns the hosts' namespaces."""
    for number in (1, 2):
        for words in (
            f"netns add f{number}",
            f"link add foreign{number} type bridge",
            f"link add v{number} type veth peer name eth0 netns f{number}",
            f"link set v{number} master foreign{number} up",
            f"address add 10.77.{number}.1/24 dev foreign{number}",
            f"address add fd77:{number}::1/64 dev foreign{number} nodad",
            f"link set foreign{number} up",
            f"-n f{number} address add 10.77.{number}.2/24 dev eth0",
            f"-n f{number} address add fd77:{number}::2/64 dev eth0 nodad",
            f"-n f{number} link set eth0 up",
            f"-n f{number} route add default via 10.77.{number}.1",
            f"-n f{number} route add default via fd77:{number}::1",
        ):
            net.ip(*words.split())
        stack.callback(net.ip, "netns", "del", f"f{number}")
        stack.callback(net.ip, "link", "del", f"foreign{number}")


def test_a_foreign_bridge_pair_keeps_forwarding(net):
    """Hosts behind two bridges of another program reach each other before, while and after our rules are loaded and changed."""
    net.load(net.one)
    net.nft("delete table inet ics")
    pair(net, net.stack)
    net.gateway.write_sysctls([("net.ipv6.conf.all.forwarding", "1")])
    net.stack.callback(net.gateway.write_sysctls, [("net.ipv6.conf.all.forwarding", "0")])

    def reached():
        ping = ["ip", "netns", "exec", "f1", "ping", "-c", "3", "-i", "0.1", "-W", "1"]
        return all("3 received" in net.gateway.run([*ping, to]).stdout for to in ("10.77.2.2", "fd77:2::2"))

    assert reached()
    net.load(net.one)
    assert reached()
    net.load(net.two)
    assert reached()
    net.nft("delete table inet ics")
    assert reached()


def test_a_container_reaches_the_internet(net):
    """A host behind docker0 whose own program translates it uses our uplink, and its flow carries the uplink's mark."""
    net.load(net.one)
    net.foreign(("nat hook postrouting priority 100", "ip saddr 172.17.0.0/24 oifname != docker0 masquerade"))
    server = net.socket("server", port=9000)
    assert net.ask(net.socket("box", port=4000), server, (net.server_address, 9000)) == net.cable
    listener = net.socket("server", socket.SOCK_STREAM, port=9000)
    client = net.socket("box", socket.SOCK_STREAM)
    assert net.conversation(client, (net.server_address, 9000), listener) == net.cable
    (flow,) = [f for f in net.conntrack(lambda c: c.flows()) if f.source_port == 4000]
    assert net.one.marks.uplink_index(flow.mark) == 1


def test_a_containers_published_port_is_reached(net):
    """What another program lets in by its own translation rule comes in, from the Internet and from the LAN; nothing else does."""
    net.load(net.one)
    net.foreign(
        ("nat hook prerouting priority -100", "tcp dport 8081 dnat to 172.17.0.2:80"),
        ("nat hook postrouting priority 100", "ip saddr 172.17.0.0/24 oifname != docker0 masquerade"),
    )
    box = net.socket("box", socket.SOCK_STREAM, port=80)
    client = net.socket("server", socket.SOCK_STREAM)
    assert net.conversation(client, (net.cable, 8081), box) == net.server_address
    client = net.socket("pc1", socket.SOCK_STREAM)
    assert net.conversation(client, ("192.168.0.1", 8081), box) == "192.168.0.10"


def test_our_table_is_all_we_touch(net):
    """First load, reload and removal leave the tables of others as they were, to the byte."""
    net.foreign(("filter hook forward priority 5", "counter"))
    before = net.gateway.run(["nft", "list", "ruleset"]).stdout
    net.nft(render.render(policy.build(net.one)))
    listing = net.gateway.run(["nft", "-j", "list", "table", "inet", "ics"]).stdout
    net.nft(render.render(policy.build(net.two), parse(listing)))
    net.nft(render.replace(policy.build(net.one), parse(listing)))
    assert net.queue(("publish", None)) == [None]
    assert net.gateway.run(["nft", "list", "ruleset"]).stdout == before
