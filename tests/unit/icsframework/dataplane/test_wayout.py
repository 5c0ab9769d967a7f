"""Whose chain it is and how to open it, for listings that real kernels gave (tests/captures/filters/record.sh)."""

from dataclasses import replace
from ipaddress import ip_interface
from pathlib import Path

from icsframework.dataplane import filters_iptables, filters_nft
from icsframework.dataplane.filters import (
    Filters,
    FoundChain,
)
from icsframework.dataplane.passage import obstacles
from icsframework.dataplane.plane import DataPlane, HoldSide, LanSide, UplinkSide
from icsframework.dataplane.wayout import advise, owner_of

CAPTURES = Path(__file__).parents[3] / "captures/filters"


HOME = LanSide("home", "eth1", ip_interface("192.168.0.1/24"))


PLANE = DataPlane((HOME,), (UplinkSide("cable", 1, "eth0"),))


SERVICES = {"home": ("dhcp", "dns")}


def listing(name):
    """One of the recorded listings."""
    path = CAPTURES / name
    return (filters_nft if path.suffix == ".json" else filters_iptables).parse(path.read_text())


def found(name, plane=PLANE, services=SERVICES):
    """What stands in the way: owner, chain, what, and the commands."""
    advice = advise(obstacles(listing(name), plane, services))
    return [(one.sentence, one.commands) for one in advice]


DOCKER = (
    "iptables -I DOCKER-USER -i eth1 -o eth0 -j ACCEPT",
    "iptables -I DOCKER-USER -i eth0 -o eth1 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
)


def test_docker():
    """Forwarding and its answers are dropped by policy; input is not touched by Docker."""
    assert found("docker.json") == [
        (
            "what LAN home sends from eth1 to eth0 is stopped by chain FORWARD of table ip filter (policy drop), "
            "which belongs to Docker; to let it pass: " + " && ".join(DOCKER),
            DOCKER,
        )
    ]


def test_docker_and_packets_that_wait():
    """Where packets wait for a link, the hold device must be let pass as well, in and out."""
    plane = replace(PLANE, hold=HoldSide())
    ((sentence, commands),) = found("docker.json", plane)
    assert sentence.startswith("what LAN home sends from eth1 to eth0, icsh0 is stopped by chain FORWARD")
    assert commands == (
        *DOCKER,
        "iptables -I DOCKER-USER -i eth1 -o icsh0 -j ACCEPT",
        "iptables -I DOCKER-USER -i icsh0 -o eth0 -j ACCEPT",
    )


def test_docker_of_iptables_legacy():
    """The same rules where only iptables-legacy sees them; the commands are its own."""
    ((sentence, commands),) = found("legacy.txt")
    assert "table ip filter of iptables-legacy (policy drop), which belongs to Docker" in sentence
    assert commands == tuple(line.replace("iptables", "iptables-legacy") for line in DOCKER)


def test_ufw():
    """Both directions and each service by ufw's own commands; answers pass already."""
    assert [commands for _, commands in found("ufw.json")] == [
        (
            "ufw allow in on eth1 to any port 67 proto udp",
            "ufw allow in on eth1 to any port 53 proto udp",
            "ufw allow in on eth1 to any port 53 proto tcp",
        ),
        ("ufw route allow in on eth1 out on eth0",),
    ]


def test_firewalld():
    """Its chains accept by policy and reject by a rule; one command lets the LAN do all."""
    sentences = [sentence for sentence, _ in found("firewalld.json")]
    assert len(sentences) == 2
    for sentence in sentences:
        assert "(a rule drops or rejects it), which belongs to firewalld" in sentence
        assert "firewall-cmd --permanent --zone=trusted --change-interface=eth1 && firewall-cmd --reload" in (
            sentence
        )


def test_an_ordinary_ruleset_of_a_person():
    """Input is open for our services there; forwarding needs a rule in that very chain."""
    ((sentence, commands),) = found("ordinary.json")
    assert "chain forward of table inet filter (policy drop), which belongs to another program" in sentence
    assert commands == (
        """nft 'insert rule inet filter forward iifname "eth1" oifname "eth0" accept'""",
        """nft 'insert rule inet filter forward iifname "eth0" oifname "eth1" ct state established,related accept'""",
    )


def test_owners_that_are_told_by_their_chains():
    """libvirt and Kubernetes have no command of their own for this: a rule in the chain."""
    for prefix, owner in {
        "LIBVIRT_FWO": "libvirt",
        "KUBE-FORWARD": "Kubernetes",
        "MINE": "another program",
    }.items():
        chains = {
            "FORWARD": FoundChain("ip", "filter", "FORWARD", (), "filter", "forward", "drop"),
            prefix: FoundChain("ip", "filter", prefix),
        }
        (one,) = obstacles(Filters({("ip", "filter"): chains}), PLANE, {})
        assert owner_of(one) == owner
        assert advise([one])[0].commands[0] == "iptables -I FORWARD -i eth1 -o eth0 -j ACCEPT"
