"""The kernel settings of a gateway."""

from ipaddress import ip_interface

from icsframework.dataplane.plane import DataPlane, HoldSide, LanSide, UplinkSide
from icsframework.dataplane.sysctls import sysctls

HOME = LanSide("home", "eth1.7", ip_interface("192.168.0.1/24"))
CABLE = UplinkSide("cable", 1, "eth0")


def chosen(plane, part):
    """Settings whose name contains a word: name to value, with >= for a minimum."""
    return {
        one.path: (">=" if one.how == "at_least" else "") + one.value
        for one in sysctls(plane)
        if part in one.path
    }


def test_a_gateway():
    """Forwarding on, the kernel's source check off everywhere it counts, ARP and redirects tame on the uplink."""
    assert chosen(DataPlane((HOME,), (CABLE,)), "net.ipv4.") == {
        "net.ipv4.ip_forward": "1",
        "net.ipv4.conf.all.rp_filter": "0",
        "net.ipv4.conf.all.accept_redirects": "0",
        "net.ipv4.conf.all.send_redirects": "0",
        "net.ipv4.conf.eth1/7.rp_filter": "0",
        "net.ipv4.conf.eth1/7.send_redirects": "1",
        "net.ipv4.conf.eth0.rp_filter": "0",
        "net.ipv4.conf.eth0.arp_ignore": ">=1",
        "net.ipv4.conf.eth0.arp_announce": ">=2",
        "net.ipv4.conf.eth0.accept_redirects": "0",
        "net.ipv4.conf.eth0.accept_source_route": "0",
        "net.ipv4.conf.eth0.send_redirects": "0",
    }


def test_time_outs_keep_the_rfcs():
    """Every time-out is a minimum, and none is below what RFC 2637, 4787, 5382 and 5508 demand."""
    timeouts = chosen(DataPlane(), "nf_conntrack")
    prefix = "net.netfilter.nf_conntrack_"
    assert int(timeouts[f"{prefix}udp_timeout"].removeprefix(">=")) >= 120
    assert int(timeouts[f"{prefix}icmp_timeout"].removeprefix(">=")) >= 60
    assert int(timeouts[f"{prefix}gre_timeout"].removeprefix(">=")) >= 2 * 60
    assert int(timeouts[f"{prefix}gre_timeout_stream"].removeprefix(">=")) >= 2 * 60
    assert int(timeouts[f"{prefix}tcp_timeout_established"].removeprefix(">=")) >= 2 * 3600 + 4 * 60
    transitory = [name for name in timeouts if "_tcp_" in name and "established" not in name]
    assert len(transitory) == 9
    assert all(value.startswith(">=") for value in timeouts.values())
    assert all(int(timeouts[name].removeprefix(">=")) >= 240 for name in transitory)


def test_bridged_lan():
    """A bridge as LAN takes its frames out of the packet filter; without one the setting is not touched."""
    bridged = LanSide("home", "br0", ip_interface("192.168.0.1/24"), bridge=True)
    assert chosen(DataPlane((bridged,)), "bridge-nf") == {
        f"net.bridge.bridge-nf-call-{tables}": "0" for tables in ("iptables", "ip6tables", "arptables")
    }
    assert chosen(DataPlane((HOME,)), "bridge-nf") == {}


def test_what_may_be_absent_is_optional():
    """Settings of an interface that is not there now stop nothing; those of every kernel must be there."""
    optional = {one.path for one in sysctls(DataPlane((HOME,), (CABLE,))) if one.optional}
    assert all("eth" in path or "conntrack" in path for path in optional)
    assert "net.ipv4.ip_forward" not in optional


def test_the_hold_device():
    """What comes back from it may have any source, also one of ours, and the kernel says nothing there by itself."""
    assert chosen(DataPlane(hold=HoldSide()), "icsh0") == {
        "net.ipv4.conf.icsh0.rp_filter": "0",
        "net.ipv4.conf.icsh0.accept_local": "1",
        "net.ipv4.conf.icsh0.send_redirects": "0",
        "net.ipv6.conf.icsh0.disable_ipv6": "1",
    }
    assert all(one.optional for one in sysctls(DataPlane(hold=HoldSide())) if "icsh0" in one.path)


def test_refusals_are_not_limited_to_one_a_second():
    """The kernel's own limit for each host is lifted where senders are told that no link can be had."""
    assert chosen(DataPlane(hold=HoldSide()), "icmp_ratelimit") == {"net.ipv4.icmp_ratelimit": "0"}
    assert chosen(DataPlane((HOME,), (CABLE,)), "icmp_ratelimit") == {}
