"""The daemon under traffic: what passes, and what must not."""

import re
import socket
from pathlib import Path

import pytest

from icsframework.lab.waiting import wait_for

HOME = "192.168.0.0/24"
OUTSIDE = "203.0.113.5"
BIG = 20 * 1000 * 1000


def ping(host, address, *options):
    """One ping; True if it was answered."""
    return host.run(["ping", "-c1", "-W2", *options, address], check=False).returncode == 0


def mac_of(host, interface):
    """An interface's MAC address."""
    return host.run(["cat", f"/sys/class/net/{interface}/address"]).stdout.strip()


@pytest.mark.parametrize("clients", [("udhcpc", "dhclient"), ("dhclient", "udhcpc")])
def test_two_pcs_join_resolve_and_fetch(gateway_lab, clients):
    """Real DHCP clients of two makes get addresses of one LAN; names and pages come through NAT."""
    pcs = [gateway_lab["pc1"], gateway_lab["pc2"]]
    leases = [pc.dhcp(client) for pc, client in zip(pcs, clients, strict=True)]
    assert len({lease.address for lease in leases}) == 2
    for pc in pcs:
        assert pc.resolve("www.example.net") == ("192.0.2.80",)
        assert b"Hello" in pc.fetch("http://www.example.net/").body
        assert pc.fetch("http://www.example.net/ip").body.split()[0] == OUTSIDE.encode()
    listed = gateway_lab["gateway"].gateway.api("GET", "/v1/leases")
    assert {lease["address"] for lease in listed} == {str(lease.address.ip) for lease in leases}


def test_a_big_file_comes_whole_through_the_kernel(gateway_lab):
    """20 MB through NAT, and the daemon's CPU time does not move: Python sees none of it."""
    pc, daemon = gateway_lab["pc1"], gateway_lab["gateway"].gateway
    pc.dhcp()

    def cpu_time():
        fields = Path(f"/proc/{daemon.pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])  # clock ticks in user and kernel mode

    pc.resolve("www.example.net")
    before = cpu_time()
    assert len(pc.fetch("http://192.0.2.80/big", timeout=60).body) == BIG
    assert cpu_time() - before <= 10  # a tenth of a second; a relay in Python takes many times that


def test_nothing_with_a_lan_address_leaves(gateway_lab):
    """Pings, TCP, spoofed sources, packets without a connection, ARP: the provider never sees 192.168.0.x."""
    pc, isp = gateway_lab["pc1"], gateway_lab["isp-a"]
    lease = pc.dhcp()
    ours = f"ether src {mac_of(gateway_lab['gateway'], 'eth0')}"
    isp.run(["ip", "route", "add", HOME, "dev", "eth0"])
    with (
        isp.capture("eth0", f"{ours} and (net {HOME} or arp net {HOME})") as inside,
        isp.capture("eth0", "host 192.0.2.80") as all_,
    ):
        assert ping(pc, "192.0.2.80")
        pc.fetch("http://192.0.2.80/")
        pc.run(["ip", "addr", "add", "192.168.0.77/24", "dev", "eth0"])
        pc.run(["ip", "addr", "add", "172.16.0.9/24", "dev", "eth0"])
        for source in (str(lease.address.ip), "192.168.0.77", "172.16.0.9"):
            ping(pc, "192.0.2.80", "-I", source)
        # Segments in the middle of nowhere: no connection, so no translation either.
        pc.python(STRAY, str(lease.address.ip), "192.0.2.80")
        ping(isp, "192.168.0.1")  # asks by ARP who that is
        pc.fetch("http://192.0.2.80/")
    assert inside.frames() == []
    assert all_.frames()


STRAY = """
import socket, struct, sys
source, target = sys.argv[1:3]
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
raw.bind((source, 0))
def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF
for flags in (0x10, 0x11, 0x04, 0x12, 0x00, 0x29):
    head = struct.pack("!HHIIBBHHH", 4444, 80, 1, 1, 0x50, flags, 1000, 0, 0)
    pseudo = socket.inet_aton(source) + socket.inet_aton(target) + struct.pack("!BBH", 0, 6, len(head))
    head = head[:16] + struct.pack("!H", checksum(pseudo + head)) + head[18:]
    raw.sendto(head, (target, 0))
"""


def test_a_flow_that_is_older_than_the_gateway_does_not_leak(lab):
    """A forwarded flow from before the start would go on showing the LAN's address; it is forgotten and goes on translated."""
    pc, gateway, isp = lab["pc1"], lab["gateway"], lab["isp-a"]
    gateway.run(
        [
            "sh",
            "-ec",
            "ip addr add 192.168.0.1/24 dev eth1; ip addr add 203.0.113.5/24 dev eth0; "
            "ip link set eth0 up; ip link set eth1 up; ip route add default via 203.0.113.1; "
            "sysctl -qw net.ipv4.ip_forward=1; "
            "nft 'table ip early { chain f { type filter hook forward priority 0; ct state new counter; }; }'",
        ]
    )
    isp.run(["ip", "route", "add", HOME, "via", OUTSIDE])
    pc.run(["sh", "-ec", "ip addr add 192.168.0.9/24 dev eth0; ip route add default via 192.168.0.1"])
    sender = pc.popen(["ping", "-i0.2", "203.0.113.1"])
    wait_for(
        lambda: (
            "192.168.0.9" in gateway.run(["cat", "/proc/net/nf_conntrack"], check=False).stdout
            or ping(pc, "203.0.113.1")
        ),
        5,
        "the early flow",
    )
    gateway.gateway.start()
    gateway.gateway.wait_ready()
    gateway.gateway.wait_uplink("cable")
    with (
        isp.capture("eth0", f"src net {HOME}") as leaked,
        isp.capture("eth0", f"icmp and src {OUTSIDE}") as anew,
    ):
        wait_for(anew.frames, 5, "the old flow to go on with the gateway's address")
    assert sender.poll() is None
    assert leaked.frames() == []


def test_the_uplink_has_no_open_port(gateway_lab):
    """All 65535 TCP and UDP ports are asked from outside, and pings sent: not one packet comes back."""
    isp, gateway = gateway_lab["isp-a"], gateway_lab["gateway"]
    with isp.capture("eth0", f"src host {OUTSIDE} and not arp and not udp port 67") as answers:
        isp.python(SCAN, OUTSIDE, timeout=60)
        assert not ping(isp, OUTSIDE)
    assert answers.lines() == []
    # What listens at all is bound to the LAN, or takes what the filter redirects and nothing else (test_stream.py).
    listening = {line.split()[3] for line in gateway.run(["ss", "-Hlnt"]).stdout.splitlines()}
    rules = gateway.run(["nft", "list", "table", "inet", "ics"]).stdout
    redirected = set(re.findall(r"redirect to :(\d+)", rules))
    assert listening == {"192.168.0.1%eth1:53", *(f"0.0.0.0:{port}" for port in redirected)}


SCAN = """
import socket, sys
target = sys.argv[1]
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for port in range(1, 65536):
    try:
        udp.sendto(b"hello", (target, port))
    except OSError:
        pass
    if port % 200 == 0 or port == 65535:
        batch = []
        for number in range(port - 199 if port != 65535 else 65401, port + 1):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex((target, number))
            batch.append(one)
        for one in batch:
            one.close()
"""


def test_spoofed_sources_are_dropped_both_ways_and_counted(gateway_lab):
    """From the LAN only its own subnet, from the Internet never a LAN address (BCP 38, RFC 6092 REC-5 and 6)."""
    pc, isp, gateway = gateway_lab["pc1"], gateway_lab["isp-a"], gateway_lab["gateway"]
    pc.dhcp()
    pc.run(["ip", "addr", "add", "10.9.9.9/32", "dev", "eth0"])
    isp.run(["ip", "addr", "add", "192.168.0.200/32", "dev", "eth0"])
    isp.run(["ip", "route", "add", "192.168.0.1/32", "via", OUTSIDE])
    assert not ping(pc, "192.0.2.80", "-I", "10.9.9.9")
    assert not ping(isp, OUTSIDE, "-I", "192.168.0.200")
    assert not ping(isp, "192.168.0.1")
    counters = gateway.run(["nft", "list", "counters", "table", "inet", "ics"]).stdout
    for name in ("spoofed_lan", "spoofed_uplink", "closed_input"):
        block = counters.partition(f"counter {name} {{")[2].partition("}")[0]
        assert int(block.partition("packets ")[2].split()[0]) > 0, name


def test_a_foreign_bridge_pair_goes_on(gateway_lab):
    """Two containers on a bridge of somebody else's keep talking through the same host, and reach the Internet by it."""
    gateway = gateway_lab["gateway"]
    gateway.run(["sh", "-ec", FOREIGN])
    assert gateway.run(["ip", "netns", "exec", "c1", "ping", "-c1", "-W2", "172.18.0.2"]).returncode == 0
    assert gateway.run(["ip", "netns", "exec", "c1", "ping", "-c1", "-W2", "192.0.2.80"]).returncode == 0


FOREIGN = """
mkdir -p /run/netns
for n in 1 2; do
    ip netns add c$n
    ip link add v$n type veth peer name eth0 netns c$n
    ip addr add 172.$((16 + n)).0.1/24 dev v$n
    ip link set v$n up
    ip -n c$n addr add 172.$((16 + n)).0.2/24 dev eth0
    ip -n c$n link set eth0 up
    ip -n c$n route add default via 172.$((16 + n)).0.1
done
nft 'table ip docker { chain post { type nat hook postrouting priority srcnat; ip saddr 172.16.0.0/12 oifname != "v*" masquerade; }; }'
"""


def test_ipv6_is_closed_and_the_hosts_own_works(gateway_lab):
    """Nothing of IPv6 is forwarded; the gateway itself can still speak to its link-local neighbours."""
    pc, isp, gateway = gateway_lab["pc1"], gateway_lab["isp-a"], gateway_lab["gateway"]
    pc.dhcp()
    gateway.run(["sysctl", "-qw", "net.ipv6.conf.all.forwarding=1"])
    pc.run(["ip", "addr", "add", "fd00::9/64", "dev", "eth0", "nodad"])
    gateway.run(["ip", "addr", "add", "fd00::1/64", "dev", "eth1", "nodad"])
    gateway.run(["ip", "addr", "add", "2001:db8:a::5/64", "dev", "eth0", "nodad"])
    isp.run(["ip", "route", "add", "fd00::/64", "via", "2001:db8:a::5"])
    pc.run(["ip", "route", "add", "default", "via", "fd00::1"])
    with isp.capture("eth0", "ip6 src net fd00::/64") as leaked:
        assert not ping(pc, "2001:db8:a::1")
        assert not ping(isp, "fd00::9")
    assert leaked.frames() == []
    assert ping(gateway, "2001:db8:a::1")


def test_the_provider_sees_no_service_in_ipv6_either(gateway_lab):
    """A neighbour on the uplink finds no open port at the gateway's link-local address."""
    isp, gateway = gateway_lab["isp-a"], gateway_lab["gateway"]
    text = gateway.run(["ip", "-6", "-br", "addr", "show", "dev", "eth0"]).stdout
    address = next(word for word in text.split() if word.startswith("fe80")).partition("/")[0]

    def connect():
        with socket.socket(socket.AF_INET6) as probe:
            probe.settimeout(0.5)
            return probe.connect_ex((address, 53, 0, socket.if_nametoindex("eth0")))

    assert isp.inside(connect) != 0
