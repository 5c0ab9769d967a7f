"""A LAN with `address: auto` makes way for a provider that hands out its subnet; one with a fixed address does not."""

from ipaddress import ip_network

from icsframework.lab.parse import default_text
from icsframework.lab.waiting import wait_for

SAME = default_text().replace("198.51.100.", "192.168.0.")
"""The second provider's network is 192.168.0.0/24, its gateway 192.168.0.1, its range .100 to .199: all like ours."""
CONFIG = """
lans:
  - name: home
    interface: eth1
    address: ADDRESS
    services: [{plugin: dhcp, lease: 2m}, {plugin: dns}]
uplinks: [{name: dsl, plugin: ethernet, interface: eth2}]
"""
MOVED = ip_network("192.168.1.0/24")


def cable(lab, state):
    """The second provider's cable, at the switch."""
    lab.switch.run(["ip", "link", "set", "gateway-eth2", state], check=True)


def open_same(open_lab, address):
    """The lab with the provider not reachable yet, the LAN served."""
    lab = open_lab(SAME, gateway_config=CONFIG.replace("ADDRESS", address), start_gateways=False)
    cable(lab, "down")
    daemon = lab["gateway"].gateway
    daemon.start()
    daemon.wait_ready()
    return lab, daemon


def home(daemon):
    """The LAN in the status."""
    return daemon.status_tree()["lans"][0]


def events(daemon, id):
    """Lines of the log with this event."""
    return [line for line in daemon.log().splitlines() if f"{id}:" in line]


def test_the_lan_moves_first_then_the_uplink_comes_up(open_lab):
    """Clients of two makes are refused their old address and get a new one; names follow; status and events say why."""
    lab, daemon = open_same(open_lab, "auto")
    pc1, pc2 = lab["pc1"], lab["pc2"]
    udhcpc = pc1.dhcp_client("udhcpc").start()
    before = udhcpc.lease()
    assert before.address.network == ip_network("192.168.0.0/24")
    assert pc2.dhcp("dhclient").address.network == before.address.network
    assert lab["gateway"].gateway.api("GET", "/v1/leases")

    cable(lab, "up")
    shown = daemon.wait_uplink("dsl", timeout=30)
    assert shown["addresses"][0].startswith("192.168.0.")
    assert (home(daemon)["state"], home(daemon)["address"]) == ("up", "192.168.1.1/24")
    assert (
        home(daemon)["reason"] == f"moved from 192.168.0.1/24, because uplink dsl got {shown['addresses'][0]}"
    )
    log = daemon.log()
    assert log.index("lan.renumbered") < log.index("lan.serving: LAN home (eth1, 192.168.1.1/24)")
    assert log.index("lan.serving: LAN home (eth1, 192.168.1.1/24)") < log.index("uplink.up: uplink dsl")
    addresses = lab["gateway"].run(["ip", "-4", "-br", "addr", "show", "eth1"]).stdout
    assert "192.168.1.1/24" in addresses
    assert "192.168.0." not in addresses
    assert daemon.api("GET", "/v1/leases") == []

    after = pc2.dhcp("dhclient")  # asks for its old address again, and is told that it is wrong here
    assert after.address.network == MOVED
    assert pc2.resolve("www.example.net") == ("192.0.2.80",)
    assert (
        pc2.fetch("http://www.example.net/ip").body.split()[0].decode()
        == shown["addresses"][0].partition("/")[0]
    )
    assert pc2.resolve("pc2.home.arpa") == (str(after.address.ip),)

    moved = udhcpc.renew(timeout=100)  # by itself it would come to that after its lease's first half
    assert moved.address.network == MOVED
    assert pc1.fetch("http://www.example.net/").status == 200
    assert {lease["address"] for lease in daemon.api("GET", "/v1/leases")} == {
        str(after.address.ip),
        str(moved.address.ip),
    }
    udhcpc.stop()

    daemon.kill()  # what was chosen is chosen: nothing moves again
    daemon.start()
    daemon.wait_ready()
    daemon.wait_uplink("dsl")
    assert home(daemon)["address"] == "192.168.1.1/24"
    assert len(events(daemon, "lan.renumbered")) <= 1


def test_a_fixed_lan_stays_and_the_uplink_is_refused(open_lab):
    """The reason names both, the LAN goes on."""
    lab, daemon = open_same(open_lab, "192.168.0.1/24")
    assert lab["pc1"].dhcp().address.network == ip_network("192.168.0.0/24")
    cable(lab, "up")
    wait_for(lambda: "collides with LAN home" in (daemon.uplink("dsl")["reason"] or ""), 30, "the refusal")
    assert (home(daemon)["state"], home(daemon)["address"]) == ("up", "192.168.0.1/24")
    assert events(daemon, "lan.renumbered") == []
    assert lab["pc2"].dhcp().address.network == ip_network("192.168.0.0/24")
