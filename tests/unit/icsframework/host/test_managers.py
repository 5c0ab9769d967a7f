"""Other programs that manage our interfaces: what is decided from the facts."""

import pytest

from icsframework.host.managers import Facts, Managed, Process, managers

LAN = Managed("eth1", "LAN home", ("192.168.0.1/24",))
INDICES = {"eth0": 2, "eth1": 3}


def found(ours=(LAN,), **facts):
    """Program, interface and the beginning of each remedy."""
    return [
        (one.program, one.interface, one.remedy) for one in managers(Facts(indices=INDICES, **facts), ours)
    ]


def process(name, line, pid=812):
    return Process(pid, name, tuple(line.split()))


NM = process("NetworkManager", "/usr/sbin/NetworkManager --no-daemon")
NM_STATE = "[device]\nmanaged=true\nconnection-uuid=2b8d2a5c-8b5a-4a9e-9d3c-000000000000\nnm-owned=false\n"


def test_network_manager():
    """By its state file, while it runs and manages the device."""
    ((program, interface, remedy),) = found(network_manager={3: NM_STATE, 2: NM_STATE}, processes=(NM,))
    assert (program, interface) == ("NetworkManager", "eth1")
    assert remedy.startswith("nmcli device set eth1 managed no;")
    assert "unmanaged-devices=interface-name:eth1" in remedy
    assert found(network_manager={3: NM_STATE}) == []
    assert found(network_manager={3: NM_STATE.replace("true", "false")}, processes=(NM,)) == []
    assert found(network_manager={2: NM_STATE}, processes=(NM,)) == []


NETWORKD = process("systemd-network", "/lib/systemd/systemd-networkd")
LINK = (
    "# This is private data. Do not parse.\nADMIN_STATE=configured\nOPER_STATE=routable\nNETWORK_FILE={file}\n"
    "DNS=192.0.2.53\n"
)


def test_networkd():
    """A link that a .network file matches; not one that is left unmanaged."""
    state = LINK.format(file="/etc/systemd/network/20-wired.network")
    ((program, _, remedy),) = found(networkd={3: state}, processes=(NETWORKD,))
    assert program == "systemd-networkd (/etc/systemd/network/20-wired.network)"
    assert remedy == (
        r"printf '[Match]\nName=eth1\n[Link]\nUnmanaged=yes\n' > /etc/systemd/network/05-ics-eth1.network "
        "&& networkctl reload && networkctl reconfigure eth1"
    )
    assert found(networkd={3: state}) == []
    assert found(networkd={3: state.replace("configured", "unmanaged")}, processes=(NETWORKD,)) == []
    assert found(networkd={3: "ADMIN_STATE=pending\n"}, processes=(NETWORKD,)) == []


def test_netplan():
    """Known by the name of the file it makes for networkd; that file must not be edited."""
    state = LINK.format(file="/run/systemd/network/10-netplan-eth1.network")
    ((program, _, remedy),) = found(networkd={3: state}, processes=(NETWORKD,))
    assert program.startswith("netplan (")
    assert remedy == "take eth1 out of the files in /etc/netplan, then netplan apply"


@pytest.mark.parametrize(
    ("line", "config", "is_named"),
    [
        ("dhcpcd: [manager] [ip4] [ip6]", "", True),
        ("dhcpcd: [master] [ip4]", "denyinterfaces wlan0\n", True),
        ("dhcpcd: [manager] [ip4]", "# x\ndenyinterfaces eth1 wlan0\n", False),
        ("dhcpcd: [manager] [ip4]", "denyinterfaces eth*\n", False),
        ("dhcpcd: [manager] [ip4]", "allowinterfaces eth0\n", False),
        ("dhcpcd: [manager] [ip4]", "allowinterfaces eth0 eth1\n", True),
        ("dhcpcd: eth1 [ip4] [ip6]", "", True),
        ("dhcpcd: eth0 [ip4] [ip6]", "", False),
        ("dhcpcd -B eth1", "", True),
        ("dhcpcd: [privileged proxy] eth0", "", False),
    ],
)
def test_dhcpcd(line, config, is_named):
    """One process for all that it is not denied, or one for each interface."""
    seen = found(processes=(process("dhcpcd", line),), dhcpcd_config=config)
    assert bool(seen) == is_named
    if seen:
        assert seen[0][0] == "dhcpcd (pid 812)"
        assert "denyinterfaces eth1" in seen[0][2]


@pytest.mark.parametrize(
    ("name", "line", "program"),
    [
        ("dhclient", "/sbin/dhclient -4 -v -pf /run/dhclient.eth1.pid eth1", "dhclient (pid 812)"),
        ("udhcpc", "udhcpc -i eth1 -q", "udhcpc (pid 812)"),
        ("busybox", "busybox udhcpc -i eth1", "udhcpc (pid 812)"),
        ("busybox", "/sbin/udhcpc -i eth1", "udhcpc (pid 812)"),
        ("busybox", "busybox httpd eth1", None),
        ("dhclient", "/sbin/dhclient eth0", None),
        ("dhclient", "/sbin/dhclient eth10", None),
    ],
)
def test_dhcp_clients(name, line, program):
    """A client with our interface on its command line, and how to end it."""
    seen = found(processes=(process(name, line),))
    assert [one[0] for one in seen] == ([program] if program else [])
    if seen:
        assert seen[0][2].startswith("kill 812;")


INTERFACES = """# comment
auto lo eth1
iface lo inet loopback
allow-hotplug eth0
iface eth1 inet {method}
    address {address}
iface eth0 inet dhcp
"""


@pytest.mark.parametrize(
    ("method", "address", "is_named"),
    [
        ("dhcp", "", True),
        ("static", "10.0.0.1/24", True),
        ("static", "192.168.0.1/24", False),
        ("static", "192.168.0.1", False),
        ("manual", "", False),
    ],
)
def test_ifupdown(method, address, is_named):
    """A stanza that is brought up; not one that leaves the interface alone or says what we say."""
    text = INTERFACES.format(method=method, address=address)
    seen = found(ifupdown={"/etc/network/interfaces": text})
    assert bool(seen) == is_named
    if seen:
        assert seen[0][0] == f"ifupdown (/etc/network/interfaces: iface eth1 inet {method})"
    assert [one[1] for one in found([Managed("eth0", "uplink cable")], ifupdown={"/x": text})] == ["eth0"]


def test_an_ifupdown_stanza_that_is_not_up():
    """Nobody raises it, so nobody manages it, unless it is up already."""
    text = "iface eth1 inet dhcp\n"
    assert found(ifupdown={"/x": text}) == []
    assert len(found(ifupdown={"/x": text}, ifstate="lo=lo\neth1=eth1\n")) == 1


def test_the_sentence():
    """Who, what, and the way out."""
    (one,) = managers(Facts(INDICES, (process("dhclient", "dhclient eth1"),)), [LAN])
    assert one.sentence.startswith(
        "dhclient (pid 812) manages eth1 (LAN home) as well; to make it let go: kill 812"
    )
