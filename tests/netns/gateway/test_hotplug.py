"""Interfaces that are renamed, that are pulled out and come back, that are known by their MAC address; a provider that changes what it gives."""

import subprocess

import pytest

from icsframework.lab.parse import default_text
from icsframework.lab.snapshot import differences
from icsframework.lab.waiting import wait_for

SERVER, TALK = "192.0.2.80", 9
CABLE = """
  - {name: cable, plugin: ethernet, interface: eth0, address: {address: 203.0.113.5/24, gateway: 203.0.113.1, dns: [203.0.113.1]}}
"""
PLAIN = f"lans: [{{name: home, interface: eth1}}]\nuplinks:{CABLE}"
DSL = "lans: [{name: home, interface: eth1}]\nuplinks: [{name: dsl, plugin: ethernet, interface: eth2}]\n"
BY_MAC = """
lans: [{name: home, match: {mac: "02:00:5e:00:53:11"}}]
uplinks:
  - name: cable
    plugin: ethernet
    match: {mac: "02:00:5e:00:53:10"}
    address: {address: 203.0.113.5/24, gateway: 203.0.113.1, dns: [203.0.113.1]}
  - {name: dsl, plugin: ethernet, interface: eth2, connect: manual}
"""


def ip(host, *words):
    """ip in a host."""
    return host.run(["ip", *words], check=True).stdout


def plug(lab, interface, segment, mac="02:00:5e:00:53:77", port=""):
    """A card is put into the gateway, with a cable to a segment; it never had that index before."""
    far = f"peer name {interface} address {mac} netns {lab['gateway'].pid}"
    port = port or f"gateway-{interface}"
    for words in (f"link add {port} type veth {far}", f"link set {port} master {segment} up"):
        lab.switch.inside(lambda words=words: subprocess.run(["ip", *words.split()], check=True), ("net",))


def home(daemon):
    """The LAN in the status."""
    return daemon.status_tree()["lans"][0]


def ping(host, address=SERVER):
    """One ping; True if it was answered."""
    return host.run(["ping", "-c1", "-W2", address], check=False).returncode == 0


def in_use(gateway, interface):
    """Does the packet filter know an interface by this name?"""
    return f'"{interface}"' in gateway.run(["nft", "list", "set", "inet", "ics", "ours"], check=True).stdout


@pytest.fixture
def talking(traffic):
    """A function that starts a TCP connection from a PC to the server, a line each way every 50 ms; end it by ``end``."""

    def talk(lab, pc):
        traffic(lab["server"], "parrot", TALK)
        return traffic(pc, "talk", SERVER, TALK)

    return talk


def test_both_sides_are_renamed_under_a_running_connection(open_lab, talking):
    """Rules, addresses, services and status follow; the connection goes on, and the stop finds everything."""
    lab = open_lab(gateway_config=PLAIN, start_gateways=False)
    gateway, daemon, pc = lab["gateway"], lab["gateway"].gateway, lab["pc1"]
    before = gateway.snapshot()
    daemon.start()
    daemon.wait_ready()
    daemon.wait_uplink("cable")
    pc.dhcp()
    connection = talking(lab, pc)
    ip(gateway, "link", "set", "eth0", "name", "wan0")
    ip(gateway, "link", "set", "eth1", "name", "lan.0")
    wait_for(lambda: in_use(gateway, "wan0") and in_use(gateway, "lan.0"), 10, "the rules to follow")
    wait_for(lambda: daemon.uplink("cable")["interface"] == "wan0", 10, "the link to follow")
    assert not in_use(gateway, "eth0")
    assert daemon.uplink("cable")["state"] == "up"
    wait_for(lambda: "LAN home (lan.0" in daemon.log(), 10, "the services to follow")
    assert (home(daemon)["state"], home(daemon)["interface"]) == ("up", "lan.0")
    assert pc.resolve("www.example.net") == (SERVER,)
    assert lab["pc2"].dhcp("udhcpc").address != pc.dhcp("dhclient").address
    assert pc.fetch("http://www.example.net/").status == 200
    said = connection.end()
    assert said["error"] == ""
    assert said["silent"] < 2
    assert "uplink.failed" not in daemon.log()
    assert "the file says eth0: correct it before the next start" in daemon.log()
    assert daemon.stop() == 0
    ip(gateway, "link", "set", "wan0", "name", "eth0")
    ip(gateway, "link", "set", "lan.0", "name", "eth1")
    assert differences(before, gateway.snapshot()) == []


def test_an_uplink_by_dhcp_keeps_its_lease_when_it_is_renamed(open_lab):
    """The link is announced by its new name, with the address it has; the file may be corrected without a gap."""
    lab = open_lab(gateway_config=DSL)
    gateway, daemon = lab["gateway"], lab["gateway"].gateway
    addresses = daemon.wait_uplink("dsl")["addresses"]
    lab["pc1"].dhcp()
    flow = lab["pc1"].popen(["ping", "-i0.05", "-q", SERVER])
    ip(gateway, "link", "set", "eth2", "name", "dsl0")
    wait_for(lambda: daemon.uplink("dsl")["interface"] == "dsl0", 10, "the link to follow")
    assert (daemon.uplink("dsl")["state"], daemon.uplink("dsl")["addresses"]) == ("up", addresses)
    assert "uplink.changed" in daemon.log()
    assert ping(lab["pc1"])
    flow.send_signal(2)
    received = int(flow.communicate(timeout=10)[0].split(" received")[0].rpartition(" ")[2])
    assert received > 0
    assert "uplink.failed" not in daemon.log()


def test_a_name_that_another_card_takes_over(open_lab):
    """The file's name is the truth: the LAN goes to the card that is called so now."""
    lab = open_lab(gateway_config=PLAIN)
    gateway, daemon = lab["gateway"], lab["gateway"].gateway
    lab["pc1"].dhcp()
    ip(gateway, "link", "set", "eth1", "name", "old0")
    wait_for(lambda: home(daemon)["interface"] == "old0", 10, "the LAN to follow its card")
    plug(lab, "eth1", "home", port="other")
    wait_for(lambda: home(daemon)["interface"] == "eth1", 10, "the LAN to go to the new card")
    wait_for(lambda: "192.168.0.1" in ip(gateway, "-br", "addr", "show", "eth1"), 10, "its address")
    wait_for(
        lambda: "192.168.0.1" not in ip(gateway, "-br", "addr", "show", "old0"), 10, "the old one to be left"
    )
    assert not in_use(gateway, "old0")


def test_cards_are_known_by_their_mac(open_lab):
    """Whatever they are called, whenever they come: absent at the start, plugged in, renamed, plugged in under another name."""
    lab = open_lab(gateway_config=BY_MAC, start_gateways=False)
    gateway, daemon, pc = lab["gateway"], lab["gateway"].gateway, lab["pc1"]
    ip(gateway, "link", "del", "eth1")
    ip(gateway, "link", "del", "eth0")
    plug(lab, "enp7s0", "home", "02:00:5e:00:53:11")
    before = gateway.snapshot()
    daemon.start()
    daemon.wait_ready()
    assert home(daemon)["interface"] == "enp7s0"
    absent = daemon.uplink("cable")
    assert absent["state"] == "absent"
    assert "02:00:5e:00:53:10" in absent["reason"]
    pc.dhcp()
    plug(lab, "usb3", "isp-a", "02:00:5e:00:53:10")
    assert daemon.wait_uplink("cable")["interface"] == "usb3"
    assert ping(pc)
    ip(gateway, "link", "set", "usb3", "name", "wan0")
    wait_for(lambda: daemon.uplink("cable")["interface"] == "wan0", 10, "the link to follow")
    assert ping(pc)
    ip(gateway, "link", "del", "wan0")
    daemon.wait_uplink("cable", "absent")
    plug(lab, "eth0", "isp-a", "02:00:5e:00:53:10")
    assert daemon.wait_uplink("cable")["interface"] == "eth0"
    assert ping(pc)
    ip(gateway, "link", "del", "eth0")
    daemon.wait_uplink("cable", "absent")
    assert daemon.stop() == 0
    assert differences(before, gateway.snapshot()) == []


def test_cards_are_pulled_out_and_put_back(open_lab):
    """USB-like: an absent uplink has a reason and no route; both sides come back by themselves with another index."""
    lab = open_lab(gateway_config=PLAIN)
    gateway, daemon, pc = lab["gateway"], lab["gateway"].gateway, lab["pc1"]
    daemon.wait_uplink("cable")
    lease = pc.dhcp()
    for _ in range(2):
        ip(gateway, "link", "del", "eth0")
        assert "there is no interface eth0" in daemon.wait_uplink("cable", "absent")["reason"]
        wait_for(lambda: "203.0.113.1" not in ip(gateway, "route", "show", "table", "all"), 10, "no route")
        assert ping(pc, "192.168.0.1")
        plug(lab, "eth0", "isp-a")
        daemon.wait_uplink("cable")
        assert ping(pc)
        ip(gateway, "link", "del", "eth1")
        wait_for(lambda: home(daemon)["state"] == "absent", 10, "the LAN to be absent")
        assert home(daemon)["reason"] == "there is no interface eth1"
        plug(lab, "eth1", "home")
        wait_for(lambda: home(daemon)["state"] == "up", 10, "the LAN to be served")
        pc.run(["ip", "neigh", "flush", "all"], check=True)  # the card has another MAC address
        assert pc.dhcp().address == lease.address
        assert ping(pc)


class Provider:
    """A DHCP server of isp-b that wants to be asked again after a few seconds."""

    def __init__(self, lab):
        self._host = lab["isp-b"]
        self._host.services["dnsmasq"].stop()
        self._running = None

    def serve(self, net, gateway):
        """Give out addresses of ``net``.100 and up with this gateway and DNS server."""
        if self._running is not None:
            self._host.stop(self._running)
        options = [
            "--port=0",
            "--dhcp-authoritative",
            "--conf-file=/dev/null",
            "--user=root",
            "--no-hosts",
            "--no-resolv",
        ]
        times = ["--dhcp-option-force=58,5", "--dhcp-option-force=59,10"]
        self._running = self._host.popen(
            ["dnsmasq", "-k", *options, *times, "--pid-file", f"--dhcp-leasefile={self._host.directory}/{net}",
             f"--dhcp-range={net}.100,{net}.110,2m", f"--dhcp-option=3,{gateway}", f"--dhcp-option=6,{gateway}"]
        )  # fmt: skip
        wait_for(lambda: ":67 " in self._host.run(["ss", "-Hlnu"]).stdout, 10, "dnsmasq")


def test_a_provider_changes_what_it_gives(open_lab):
    """Another gateway and DNS server with a renewal is taken without a gap; another network replaces the old one everywhere."""
    lab = open_lab(default_text(), gateway_config=DSL, start_gateways=False)
    gateway, daemon, pc, isp = lab["gateway"], lab["gateway"].gateway, lab["pc1"], lab["isp-b"]
    provider = Provider(lab)
    for address in ("198.51.100.2/24", "198.18.7.1/24"):
        ip(isp, "addr", "add", address, "dev", "eth0")
    ip(lab["server"], "route", "add", "198.18.7.0/24", "via", "192.0.2.2")
    provider.serve("198.51.100", "198.51.100.1")
    daemon.start()
    daemon.wait_ready()
    first = daemon.wait_uplink("dsl")["addresses"]
    pc.dhcp()
    flow = pc.popen(["ping", "-i0.05", "-q", SERVER])

    provider.serve("198.51.100", "198.51.100.2")
    wait_for(lambda: daemon.uplink("dsl")["dns"] == ["198.51.100.2"], 20, "the new DNS server")
    assert daemon.uplink("dsl")["addresses"] == first
    routes = ip(gateway, "route", "show", "table", "all")
    assert "default via 198.51.100.2 dev eth2" in routes
    assert "198.51.100.1 " not in routes
    flow.send_signal(2)
    assert " 0% packet loss" in flow.communicate(timeout=10)[0]
    assert "uplink.changed" in daemon.log()

    ip(isp, "addr", "del", "198.51.100.1/24", "dev", "eth0")  # takes the second one of its subnet along
    provider.serve("198.18.7", "198.18.7.1")
    wait_for(
        lambda: (daemon.uplink("dsl")["addresses"] or [""])[0].startswith("198.18.7."), 30, "the new network"
    )
    new = daemon.wait_uplink("dsl")["addresses"][0].partition("/")[0]
    wait_for(lambda: ping(pc), 10, "the way out")
    assert pc.fetch("http://192.0.2.80/ip").body.split()[0].decode() == new
    left = ip(gateway, "route", "show", "table", "all") + ip(gateway, "addr", "show", "eth2")
    assert "198.51.100." not in left
