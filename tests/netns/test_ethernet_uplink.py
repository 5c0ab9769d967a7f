"""The Ethernet uplink of the real daemon against DHCP servers of others: dnsmasq and kea.

Two providers' routers stand on one segment; which of their DHCP servers runs is up to the test.
"""

import json
import re
import shutil
import socket
from ipaddress import IPv4Address

import dpkt
import pytest

from icsframework.lab.daemon import Daemon
from icsframework.lab.waiting import wait_for

pytestmark = pytest.mark.skipif(shutil.which("dnsmasq") is None, reason="dnsmasq is not installed")

LAB = """
segments: [home, wan]
hosts:
  pc1: {interfaces: {eth0: {segment: home, address: 192.168.0.10/24}},
        routes: [{via: 192.168.0.1}], resolver: [192.168.0.1]}
  gateway:
    interfaces: {eth0: {segment: wan, up: false}, eth1: {segment: home, up: false}}
    gateway:
      config:
        lans: [{name: home, interface: eth1, address: 192.168.0.1/24}]
        uplinks: [{name: cable, plugin: ethernet, interface: eth0, address: dhcp, hostname: gate}]
  isp:
    interfaces: {eth0: {segment: wan, address: [203.0.113.1/24, 198.51.100.1/24]}}
    dns: {names: {www.example.net: 203.0.113.1}}
    web: {page: hello}
    dhcp: {interface: eth0, range: [203.0.113.100, 203.0.113.149], router: 203.0.113.1, dns: [203.0.113.1],
           lease: 120, options: ["58,5", "59,10"]}
  isp2:
    interfaces: {eth0: {segment: wan, address: [203.0.113.2/24, 198.51.100.2/24]}}
    dhcp: {interface: eth0, range: [203.0.113.100, 203.0.113.149], router: 203.0.113.1, dns: [203.0.113.1],
           lease: 120, options: ["58,60", "59,100"]}
  neighbour:
    interfaces: {eth0: {segment: wan}}
"""

KINDS = {1: "DISCOVER", 2: "OFFER", 3: "REQUEST", 4: "DECLINE", 5: "ACK", 6: "NAK", 7: "RELEASE"}


class Uplink:
    """The lab's gateway and what leaves its uplink."""

    def __init__(self, lab):
        self.lab = lab
        self.host = lab["gateway"]
        self.gateway = self.host.gateway
        self.mac = bytes.fromhex("02000000%02x00" % (list(lab.spec.hosts).index("gateway") + 1))

    def server(self, name="isp"):
        """The DHCP server of a provider."""
        return self.lab[name].services["dnsmasq"]

    def only(self, name):
        """Of the two DHCP servers one runs."""
        for other in ("isp", "isp2"):
            if other != name:
                self.server(other).stop()
        if not self.server(name).running:
            self.server(name).start()
            wait_for(lambda: self.server(name).running, what="dnsmasq")

    def up(self, timeout=20.0):
        """Start the daemon; the uplink's address."""
        self.gateway.start()
        self.gateway.wait_ready()
        return self.wait_up(timeout)

    def wait_up(self, timeout=20.0):
        """The uplink's address once it has one, with its prefix length."""
        return self.gateway.wait_uplink("cable", "up", timeout)["addresses"][0]

    def details(self):
        """What the plugin tells of itself."""
        return self.gateway.uplink("cable")["details"]

    def addresses(self):
        """IPv4 addresses on the uplink, from the kernel."""
        found = json.loads(
            self.host.run(["ip", "-4", "-j", "addr", "show", "dev", "eth0"], check=True).stdout
        )
        return [f"{one['local']}/{one['prefixlen']}" for entry in found for one in entry.get("addr_info", ())]

    def default_routes(self):
        """Gateways of the default routes by the uplink, from the kernel."""
        found = json.loads(self.host.run(["ip", "-4", "-j", "route", "show", "default"], check=True).stdout)
        return [route["gateway"] for route in found if route.get("dev") == "eth0"]

    def fetches(self):
        """A PC fetches a page by name through the gateway; the address it comes from."""
        assert self.lab["pc1"].fetch("http://www.example.net/").body == b"hello"
        return self.lab["pc1"].fetch("http://www.example.net/ip").body.split()[0].decode()

    def capture(self, expression=""):
        """What passes the uplink."""
        return self.host.capture("eth0", expression)

    def ours(self, capture):
        """The DHCP messages that we sent, decoded by dpkt: (kind, source, destination, DHCP)."""
        return [one for one in conversation(capture) if one[3].op == 1]


def conversation(capture):
    """All DHCP messages so far, decoded by dpkt: (kind, source, destination, DHCP)."""
    found = []
    for frame in capture.frames():
        ethernet = dpkt.ethernet.Ethernet(frame)
        ip = ethernet.data
        if isinstance(ip, dpkt.ip.IP) and isinstance(ip.data, dpkt.udp.UDP) and ip.data.dport in (67, 68):
            message = dpkt.dhcp.DHCP(ip.data.data)
            kind = KINDS[dict(message.opts)[53][0]]
            found.append((kind, str(IPv4Address(ip.src)), str(IPv4Address(ip.dst)), message))
    return found


def kinds(capture):
    """Who said what, in order."""
    return [kind for kind, *_ in conversation(capture)]


@pytest.fixture
def uplink(open_lab):
    """The lab with one DHCP server running; the daemon is started by the test."""
    made = Uplink(open_lab(LAB, start_gateways=False))
    made.only("isp")
    return made


def test_from_nothing_to_the_internet(uplink):
    """An address, its route and its DNS; the PC is on the Internet; before the address nothing but DHCP and ARP leaves."""
    uplink.host.set_link("eth0", True)
    with uplink.capture() as capture:
        address = uplink.up()
        assert re.fullmatch(r"203\.0\.113\.1[0-4]\d/24", address)
        status = uplink.gateway.uplink("cable")
        assert (status["addresses"], status["dns"], status["mtu"]) == ([address], ["203.0.113.1"], 1500)
        assert (uplink.addresses(), uplink.default_routes()) == ([address], ["203.0.113.1"])
        assert uplink.fetches() == address.split("/")[0]
    assert kinds(capture)[:4] == ["DISCOVER", "OFFER", "REQUEST", "ACK"]
    assert before_the_address(capture, uplink.mac) == {"DISCOVER", "REQUEST", "arp 0.0.0.0"}
    kind, source, destination, message = uplink.ours(capture)[0]
    options = dict(message.opts)
    assert (kind, source, destination, message.chaddr[:6]) == (
        "DISCOVER",
        "0.0.0.0",
        "255.255.255.255",
        uplink.mac,
    )
    assert (options[12], options[61][:1], options[61][5:]) == (
        b"gate",
        b"\xff",
        b"\0\3\0\1" + uplink.mac,
    )
    assert "gate" in (uplink.lab["isp"].directory / "dnsmasq.leases").read_text()


def before_the_address(capture, mac):
    """What left with our hardware address before the first frame that has an IPv4 address of ours in it."""
    found = set()
    for frame in capture.frames():
        ethernet = dpkt.ethernet.Ethernet(frame)
        packet = ethernet.data
        if ethernet.src != mac:
            continue
        if isinstance(packet, dpkt.arp.ARP):
            if packet.spa != bytes(4):
                return found
            found.add(f"arp {IPv4Address(packet.spa)}")
        elif isinstance(packet, dpkt.ip.IP) and packet.src != bytes(4):
            return found
        elif isinstance(packet, dpkt.ip.IP) and isinstance(packet.data, dpkt.udp.UDP):
            found.add(KINDS[dict(dpkt.dhcp.DHCP(packet.data.data).opts)[53][0]])
        elif not isinstance(packet, dpkt.ip6.IP6):  # the kernel's own IPv6 is not ours to judge
            found.add(repr(packet))
    raise AssertionError("no address was ever used")


def test_a_lease_is_renewed_by_unicast(uplink):
    """At T1 the server alone is asked, from our address; its answer comes in through the closed input, connections stay."""
    address = uplink.up()
    ip = address.split("/")[0]
    slow = uplink.lab["pc1"].inside(lambda: socket.create_connection(("203.0.113.1", 80), 5), ("net",))
    with slow, uplink.capture("udp port 67 or udp port 68") as capture:
        wait_for(lambda: kinds(capture).count("ACK") >= 2, 20, "two renewals")
        asked = uplink.ours(capture)
        slow.sendall(b"GET / HTTP/1.0\r\n\r\n")
        slow.settimeout(5)
        assert slow.recv(100).startswith(b"HTTP/1")
    assert {(kind, source, to) for kind, source, to, _ in asked} == {("REQUEST", ip, "203.0.113.1")}
    for *_, message in asked:
        assert str(IPv4Address(message.ciaddr)) == ip
        assert not {50, 54} & set(dict(message.opts))
    assert len({message.xid for *_, message in asked}) == len(asked)
    assert uplink.details()["dhcp"] == "bound"
    assert uplink.wait_up() == address
    assert uplink.fetches() == ip
    assert "uplink.changed" not in uplink.gateway.log()


def test_another_server_takes_over(uplink):
    """The server dies; at T2 everybody is asked, the other one answers, and nothing is lost meanwhile."""
    address = uplink.up()
    leases = (uplink.lab["isp"].directory / "dnsmasq.leases").read_text()
    (uplink.lab["isp2"].directory / "dnsmasq.leases").write_text(leases)
    with uplink.capture("udp port 67 or udp port 68") as capture:
        uplink.only("isp2")
        wait_for(lambda: uplink.details().get("server") == "203.0.113.2", 25, "the other server")
    last = uplink.ours(capture)[-1]
    assert (last[0], last[1], last[2]) == ("REQUEST", address.split("/")[0], "255.255.255.255")
    assert "DISCOVER" not in kinds(capture)
    assert (uplink.wait_up(), uplink.addresses()) == (address, [address])
    assert uplink.fetches() == address.split("/")[0]


def test_a_refused_renewal_moves_the_gateway(uplink):
    """The provider renumbers: NAK, the old address is gone, and route and masquerade are those of the new one."""
    old = uplink.up()
    server = uplink.server()
    server.stop()
    (uplink.lab["isp"].directory / "dnsmasq.leases").write_text("")
    server.arguments = [
        argument.replace("203.0.113.100,203.0.113.149", "198.51.100.100,198.51.100.149")
        .replace("--dhcp-option=3,203.0.113.1", "--dhcp-option=3,198.51.100.1")
        for argument in map(str, server.arguments)
    ]  # fmt: skip
    with uplink.capture("udp port 67 or udp port 68") as capture:
        server.start()
        wait_for(
            lambda: (uplink.gateway.uplink("cable")["addresses"] or [""])[0].startswith("198.51.100."),
            40,
            "a new address",
        )
    new = uplink.wait_up()
    assert "NAK" in kinds(capture)
    after = kinds(capture)[kinds(capture).index("NAK") + 1 :]
    assert after[:4] == ["DISCOVER", "OFFER", "REQUEST", "ACK"]
    assert new != old
    assert (uplink.addresses(), uplink.default_routes()) == ([new], ["198.51.100.1"])
    assert uplink.fetches() == new.split("/")[0]
    assert "the DHCP server took the address back on eth0" in uplink.gateway.log()


def test_a_cable_is_pulled_and_plugged_in(uplink):
    """Absent, with a reason that names the device; plugged in again the same address by INIT-REBOOT."""
    address = uplink.up()
    port = ["ip", "link", "set", "dev", "gateway-eth0"]
    uplink.lab.switch.run([*port, "down"], check=True)
    status = uplink.gateway.wait_uplink("cable", "absent", 10)
    assert status["reason"] == "eth0 has no carrier; is the cable plugged in?"
    # There is no other uplink: its address waits with it for the cable, and with the address its flows.
    assert uplink.addresses() == [address]
    with uplink.capture("udp port 67 or udp port 68") as capture:
        uplink.lab.switch.run([*port, "up"], check=True)
        assert uplink.wait_up() == address
    assert kinds(capture)[:2] == ["REQUEST", "ACK"]
    options = dict(uplink.ours(capture)[0][3].opts)
    assert (str(IPv4Address(options[50])), 54 in options) == (address.split("/")[0], False)
    assert uplink.fetches() == address.split("/")[0]


def test_a_killed_daemon_comes_back_with_its_address(uplink):
    """kill -9 and start: the same address, asked for and not looked for."""
    address = uplink.up()
    uplink.gateway.kill()
    with uplink.capture("udp port 67 or udp port 68") as capture:
        assert uplink.up() == address
    assert "DISCOVER" not in kinds(capture)
    assert uplink.addresses() == [address]
    assert uplink.fetches() == address.split("/")[0]


def test_an_address_that_somebody_has_is_declined(uplink):
    """The neighbour uses what the server offers: DECLINE is understood, ten seconds later there is another address."""
    address = uplink.up()
    taken = address.split("/")[0]
    assert uplink.gateway.stop() == 0
    uplink.lab["neighbour"].run(["ip", "addr", "add", address, "dev", "eth0"], check=True)
    with uplink.capture("udp port 67 or udp port 68") as capture:
        assert uplink.up(30) != address
    said = kinds(capture)
    assert said[:6] == ["DISCOVER", "OFFER", "REQUEST", "ACK", "DECLINE", "DISCOVER"]
    times = [moment for moment, _ in capture.timed_frames()]
    assert times[5] - times[4] >= 10
    decline = uplink.ours(capture)[2][3]
    options = dict(decline.opts)
    assert (str(IPv4Address(options[50])), str(IPv4Address(options[54]))) == (taken, "203.0.113.1")
    assert set(options) == {53, 61, 50, 54}
    assert f"DHCPDECLINE(eth0) {taken}" in uplink.server().log()
    assert f"{taken} is used by" in uplink.gateway.log()
    assert uplink.fetches() != taken


def test_a_clean_stop_gives_the_address_back(uplink):
    """RELEASE from our address to the server, which understands it; SIGTERM ends with 0; hanging up does the same."""
    address = uplink.up()
    ip = address.split("/")[0]
    with uplink.capture("udp port 67 or udp port 68") as capture:
        uplink.gateway.api("POST", "/v1/disconnect", {"uplink": "cable"})
        uplink.gateway.wait_uplink("cable", "down")
    assert [(kind, source, to) for kind, source, to, _ in uplink.ours(capture)][-1:] == [
        ("RELEASE", ip, "203.0.113.1")
    ]
    uplink.gateway.api("POST", "/v1/connect", {"uplink": "cable"})
    assert uplink.wait_up() == address  # it is wished for
    with uplink.capture("udp port 67 or udp port 68") as capture:
        assert uplink.gateway.stop() == 0
    kind, source, to, message = uplink.ours(capture)[-1]
    assert (kind, source, to) == ("RELEASE", ip, "203.0.113.1")
    assert {code for code, _ in message.opts} == {53, 61, 54}
    assert uplink.server().log().count(f"DHCPRELEASE(eth0) {ip}") == 2
    assert uplink.addresses() == []


def test_the_uplink_has_no_open_port(uplink):
    """Bound and idle, nothing listens there but what asks (DNS, from high ports), and a scan gets no answer at all."""
    address = uplink.up()
    ip = address.split("/")[0]
    reachable = ("0.0.0.0", "*", "[::]", ip, "0.0.0.0%eth0", f"{ip}%eth0")
    open_ports = [(kind, port) for kind, place, port in sockets(uplink.host) if place in reachable]
    rules = uplink.host.run(["nft", "list", "table", "inet", "ics"], check=True).stdout
    helpers = {
        ("tcp", int(port)) for port in re.findall(r"redirect to :(\d+)", rules)
    }  # closed by the filter, as follows
    low = {(kind, port) for kind, port in open_ports if kind == "tcp" or port < 1024}
    assert low == helpers
    isp = uplink.lab["isp"]
    isp.run(["ping", "-c", "1", "-W", "1", ip])  # ARP is no part of what follows
    with isp.capture("eth0", f"ip and src host {ip} and not udp port 67") as answers:
        for port in sorted({*range(1, 1025), 8080, *(port for _, port in open_ports)}):
            knock(isp, ip, port)
        assert isp.run(["ping", "-c", "1", "-W", "1", ip]).returncode == 1
    assert answers.lines() == []


def sockets(host):
    """TCP listeners and UDP sockets of a host, as ss tells: kind, local address (with its device), port."""
    lines = host.run(["ss", "-H", "-n", "-l", "-t", "-u"], check=True).stdout.splitlines()
    found = []
    for kind, _, _, _, local, *_ in map(str.split, lines):
        place, _, port = local.rpartition(":")
        found.append((kind, place, int(port)))
    return found


def knock(host, ip, port):
    """A SYN and a datagram to a port."""

    def send():
        with socket.socket() as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            tcp.setblocking(False)
            tcp.connect_ex((ip, port))
            udp.sendto(b"knock", (ip, port))

    host.inside(send, ("net",))


@pytest.mark.skipif(shutil.which("kea-dhcp4") is None, reason="kea-dhcp4 is not installed (kea-dhcp4-server)")
def test_kea_gives_renews_and_takes_back(uplink):
    """Another server of another maker: address, unicast renewal, release."""
    uplink.server().stop()
    kea = start_kea(uplink.lab["isp"])
    with uplink.capture("udp port 67 or udp port 68") as capture:
        address = uplink.up()
        ip = address.split("/")[0]
        assert uplink.fetches() == ip
        wait_for(lambda: kinds(capture).count("ACK") >= 2, 20, f"a renewal by kea\n{kea.log()}")
        assert uplink.gateway.stop() == 0
    assert kinds(capture)[:4] == ["DISCOVER", "OFFER", "REQUEST", "ACK"]
    renewal = next(one for one in uplink.ours(capture) if one[3].ciaddr)
    assert renewal[:3] == ("REQUEST", ip, "203.0.113.1")
    assert uplink.ours(capture)[-1][0] == "RELEASE"
    wait_for(lambda: "DHCP4_RELEASE " in kea.log(), 5, "kea to understand the release")


def start_kea(host):
    """kea-dhcp4 on a provider's router."""
    config = {
        "Dhcp4": {
            "interfaces-config": {"interfaces": ["eth0/203.0.113.1"], "dhcp-socket-type": "raw"},
            "lease-database": {"type": "memfile", "persist": False},
            "valid-lifetime": 120,
            "renew-timer": 5,
            "rebind-timer": 60,
            "subnet4": [
                {
                    "id": 1,
                    "subnet": "203.0.113.0/24",
                    "pools": [{"pool": "203.0.113.150 - 203.0.113.199"}],
                    "option-data": [
                        {"name": "routers", "data": "203.0.113.1"},
                        {"name": "domain-name-servers", "data": "203.0.113.1"},
                    ],
                }
            ],
            "loggers": [{"name": "kea-dhcp4", "severity": "INFO", "output_options": [{"output": "stdout"}]}],
        }
    }
    file = host.directory / "kea.json"
    file.write_text(json.dumps(config))
    host.run(["mkdir", "-p", "/run/kea"], check=True)
    kea = Daemon(host, "kea", ["kea-dhcp4", "-c", str(file)], lambda: "DHCP4_STARTED" in kea.log())
    host.services["kea"] = kea
    kea.start()
    kea.wait_ready()
    return kea
