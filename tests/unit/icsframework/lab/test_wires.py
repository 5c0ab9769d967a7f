from icsframework.lab.parse import parse_lab
from icsframework.lab.wires import host_batch, host_sysctls, mac_address, switch_batch, switch_sysctls

LAB = parse_lab("""\
segments: [home, isp]
hosts:
  pc: {interfaces: {eth0: {segment: home}}}
  long-named-host:
    forward: true
    sysctls: {net.ipv4.ip_forward: 0}
    routes: [{via: 192.0.2.1}, {to: "2001:db8::/32", via: "2001:db8::1"}]
    interfaces:
      eth0: {segment: isp, address: [192.0.2.9/24, "2001:db8::9/64"], mac: "02:00:5e:00:53:01", mtu: 1400}
      eth1: {segment: home, up: false}
""")


def test_the_switch_is_one_bridge_a_segment_and_one_cable_an_interface():
    """Both ends of a cable are made where they belong; a port name too long for the kernel gets a number."""
    assert switch_batch(LAB, {"pc": 11, "long-named-host": 12}).splitlines() == [
        "link add name home type bridge mcast_snooping 0",
        "link set dev home up",
        "link add name isp type bridge mcast_snooping 0",
        "link set dev isp up",
        "link add name pc-eth0 mtu 1500 type veth peer name eth0 address 02:00:00:00:01:00 mtu 1500 netns 11",
        "link set dev pc-eth0 master home up",
        "link add name port-2-0 mtu 1400 type veth peer name eth0 address 02:00:5e:00:53:01 mtu 1400 netns 12",
        "link set dev port-2-0 master isp up",
        "link add name port-2-1 mtu 1500 type veth peer name eth1 address 02:00:00:00:02:01 mtu 1500 netns 12",
        "link set dev port-2-1 master home up",
    ]


def test_a_host_gets_addresses_before_links_and_routes_last():
    """Routes need their link up; an interface that is to stay down is not touched."""
    assert host_batch(LAB.hosts["long-named-host"]).splitlines() == [
        "link set dev lo up",
        "address add 192.0.2.9/24 dev eth0",
        "address add 2001:db8::9/64 dev eth0 nodad",
        "link set dev eth0 up",
        "route add default via 192.0.2.1",
        "route add 2001:db8::/32 via 2001:db8::1",
    ]


def test_sysctls_are_the_same_on_every_machine_and_the_file_has_the_last_word():
    """What a namespace takes over from the machine is written in any case; the description's own come last."""
    settings = list(host_sysctls(LAB.hosts["long-named-host"]))
    assert ("net.ipv4.ip_forward", "1") in settings
    assert settings[-1] == ("net.ipv4.ip_forward", "0")
    assert ("net.ipv4.ip_forward", "0") in list(host_sysctls(LAB.hosts["pc"]))
    assert ("net.bridge.bridge-nf-call-iptables", "0") in list(switch_sysctls())


def test_mac_addresses_are_local_and_differ():
    """Every interface of the largest lab has its own locally administered unicast address."""
    found = {mac_address(host, interface) for host in range(1, 201) for interface in range(4)}
    assert len(found) == 800
    assert all(int(mac[:2], 16) & 3 == 2 for mac in found)
