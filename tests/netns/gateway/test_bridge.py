"""Bridged LANs: made and unmade by us, ports come and go, nothing is left of them."""

import subprocess

from icsframework.lab.parse import default_text
from icsframework.lab.snapshot import differences
from icsframework.lab.waiting import wait_for

TWO_ROOMS = (
    default_text()
    .replace("segments: [home, isp-a,", "segments: [home, attic, isp-a,")
    .replace(
        "  pc2:\n    interfaces:\n      eth0: {segment: home,",
        "  pc2:\n    interfaces:\n      eth0: {segment: attic,",
    )
    .replace(
        "      eth1: {segment: home, up: false}\n",
        "      eth1: {segment: home, up: false}\n      wlan0: {segment: attic, up: false}\n",
        1,
    )
)
"""The second PC is in a segment of its own."""
CONFIG = """
lans: [{name: home, bridge: {name: br-home, ports: [eth1, wlan0]}, address: 192.168.0.1/24}]
uplinks:
  - {name: cable, plugin: ethernet, interface: eth0, address: {address: 203.0.113.5/24, gateway: 203.0.113.1, dns: [203.0.113.1]}}
"""


def ip(gateway, *words):
    """ip in the gateway's host."""
    return gateway.run(["ip", *words], check=True).stdout


def plug(lab, interface, segment):
    """A new card in the gateway, with a cable to a segment; it never had that index before."""
    far = f"peer name {interface} netns {lab['gateway'].pid}"
    port = f"gateway-{interface}"
    for words in (f"link add {port} type veth {far}", f"link set {port} master {segment} up"):
        lab.switch.inside(lambda words=words: subprocess.run(["ip", *words.split()], check=True), ("net",))


def mac(gateway, interface="br-home"):
    """The MAC address that clients see."""
    return ip(gateway, "-br", "link", "show", interface).split()[2]


def home(gateway):
    """The LAN in the status."""
    return gateway.gateway.status_tree()["lans"][0]


def ping(host, address):
    """One ping; True if it was answered."""
    return host.run(["ping", "-c1", "-W2", address], check=False).returncode == 0


def test_two_rooms_are_one_lan(open_lab):
    """Real clients behind both ports get addresses at once, reach the Internet, and each other without the gateway's rules."""
    lab = open_lab(TWO_ROOMS, gateway_config=CONFIG)
    gateway, pcs = lab["gateway"], [lab["pc1"], lab["pc2"]]
    gateway.gateway.wait_uplink("cable")
    leases = [pc.dhcp(client) for pc, client in zip(pcs, ("udhcpc", "dhclient"), strict=True)]
    assert len({lease.address for lease in leases}) == 2
    for pc in pcs:
        assert pc.fetch("http://www.example.net/").status == 200
    assert ping(pcs[0], str(leases[1].address.ip))
    assert pcs[0].resolve("pc2.home.arpa") == (str(leases[1].address.ip),)
    assert (home(gateway)["state"], home(gateway)["interface"]) == ("up", "br-home")
    details = ip(gateway, "-d", "link", "show", "br-home")
    assert "stp_state 0" in details
    assert "forward_delay 0" in details
    assert "lan.absent" not in gateway.gateway.log()


def test_ports_come_and_go_under_a_running_client(open_lab):
    """The bridge's MAC address stays, so the other room's flow never notices; a card that returns is a port again."""
    lab = open_lab(TWO_ROOMS, gateway_config=CONFIG)
    gateway, pc1, pc2 = lab["gateway"], lab["pc1"], lab["pc2"]
    gateway.gateway.wait_uplink("cable")
    pc1.dhcp()
    shown = mac(gateway)
    flow = pc1.popen(["ping", "-i0.05", "-q", "192.0.2.80"])
    ip(gateway, "link", "del", "wlan0")
    wait_for(lambda: "lan.port_absent" in gateway.gateway.log(), 10, "the port to be missed")
    assert home(gateway)["state"] == "up"
    plug(lab, "wlan0", "attic")
    wait_for(lambda: "master br-home" in ip(gateway, "link", "show", "wlan0"), 10, "the port to be one again")
    pc2.dhcp("udhcpc")
    assert ping(pc2, "192.0.2.80")
    flow.send_signal(2)
    assert " 0% packet loss" in flow.communicate(timeout=10)[0]
    assert mac(gateway) == shown
    ip(gateway, "link", "del", "wlan0")
    ip(gateway, "link", "del", "eth1")
    wait_for(lambda: home(gateway)["state"] == "absent", 10, "nobody to be there")
    assert home(gateway)["reason"] == "there is no interface eth1; there is no interface wlan0"
    plug(lab, "eth1", "home")
    wait_for(lambda: "master br-home" in ip(gateway, "link", "show", "eth1"), 10, "the LAN to be back")
    assert home(gateway)["state"] == "up"
    assert ping(pc1, "192.0.2.80")
    assert mac(gateway) == shown


def test_kill_and_start_keep_the_bridge(open_lab):
    """A start that finds our bridge makes nothing anew: no packet is lost, and it has the same MAC address."""
    lab = open_lab(TWO_ROOMS, gateway_config=CONFIG)
    gateway, pc = lab["gateway"], lab["pc2"]
    daemon = gateway.gateway
    daemon.wait_uplink("cable")
    pc.dhcp()
    shown, index = mac(gateway), ip(gateway, "-o", "link", "show", "br-home").split(":")[0]
    flow = pc.popen(["ping", "-i0.05", "-q", "192.0.2.80"])
    for _ in range(2):
        daemon.kill()
        daemon.start()
        daemon.wait_ready()
        daemon.wait_uplink("cable")
    flow.send_signal(2)
    assert " 0% packet loss" in flow.communicate(timeout=10)[0]
    assert (mac(gateway), ip(gateway, "-o", "link", "show", "br-home").split(":")[0]) == (shown, index)


def test_five_starts_and_stops_leave_everything_as_it_was(open_lab):
    """A port that was somebody else's is his again, up or down as it was; the clients see one MAC address all the time."""
    lab = open_lab(TWO_ROOMS, gateway_config=CONFIG, start_gateways=False)
    gateway, daemon = lab["gateway"], lab["gateway"].gateway
    gateway.run(
        ["sh", "-ec", "ip link add br-old type bridge; ip link set wlan0 master br-old; ip link set wlan0 up"]
    )
    before = gateway.snapshot()
    macs = set()
    for _ in range(5):
        daemon.start()
        daemon.wait_ready()
        daemon.wait_uplink("cable")
        macs.add(mac(gateway))
        assert "master br-home" in ip(gateway, "link", "show", "wlan0")
        assert daemon.stop() == 0
        assert differences(before, gateway.snapshot()) == []
    assert len(macs) == 1


def test_reload_to_a_bridge_and_back(open_lab):
    """The plain LAN becomes a bridged one; with the file of before the bridge is gone."""
    plain = CONFIG.replace("bridge: {name: br-home, ports: [eth1, wlan0]}", "interface: eth1")
    lab = open_lab(TWO_ROOMS, gateway_config=plain)
    gateway, daemon = lab["gateway"], lab["gateway"].gateway
    daemon.wait_uplink("cable")
    first = lab["pc1"].dhcp()
    before = gateway.snapshot()
    text = daemon.config_file.read_text()
    daemon.config_file.write_text(
        text.replace("interface: eth1", "bridge: {name: br-home, ports: [eth1, wlan0]}")
    )
    assert daemon.config_file.read_text() != text
    daemon.api("POST", "/v1/reload")
    assert (home(gateway)["state"], home(gateway)["interface"]) == ("up", "br-home")
    assert lab["pc1"].dhcp().address == first.address
    assert lab["pc2"].dhcp().address != first.address
    daemon.config_file.write_text(text)
    daemon.api("POST", "/v1/reload")
    assert (home(gateway)["state"], home(gateway)["interface"]) == ("up", "eth1")
    assert lab["pc1"].dhcp().address == first.address
    left = differences(before, gateway.snapshot())
    assert [line for line in left if not line.startswith("sockets:")] == []


def test_what_cannot_be_a_port_is_said_and_the_rest_works(open_lab):
    """The kernel's refusal of one interface keeps nothing else from being configured."""
    config = CONFIG.replace("wlan0", "other0")
    lab = open_lab(TWO_ROOMS, gateway_config=config, start_gateways=False)
    gateway, daemon = lab["gateway"], lab["gateway"].gateway
    gateway.run(["ip", "link", "add", "other0", "type", "bridge"], check=True)
    daemon.start()
    daemon.wait_ready()
    daemon.wait_uplink("cable")
    assert "other0 cannot be a port of br-home" in daemon.log()
    assert lab["pc1"].dhcp().address.ip.exploded.startswith("192.168.0.")
