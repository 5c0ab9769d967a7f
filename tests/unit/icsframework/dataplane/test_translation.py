"""By which port flows leave; with real packets in tests/netns/dataplane/test_doorrules.py."""

from ipaddress import ip_address, ip_interface

from icsframework.dataplane.doors import Doors, Published
from icsframework.dataplane.plane import DataPlane, LanSide, UplinkSide
from icsframework.dataplane.translation import nat_post, translation_chains
from icsframework.values import Endpoint, Family, Link

LANS = (LanSide("home", "eth1", ip_interface("192.168.0.1/24")),)
DOWN = UplinkSide("cable", 1, "eth0")


def up(*addresses):
    """The uplink with these addresses."""
    family = Family(tuple(map(ip_interface, addresses)), None)
    return UplinkSide(
        "cable", 1, "eth0", Link("eth0", 2, None, "ethernet", "kernel", 1500, False, 0.0, family)
    )


def test_the_order():
    """Own ports first, then ports of somebody else, the rest as it is: the first rule that fits decides."""
    voice = Published("voice", "udp", 5000, 5010, Endpoint(ip_address("192.168.0.20"), 5000))
    web = Published("web", "tcp", 80, 80, Endpoint(ip_address("192.168.0.10"), 80))
    (chain,) = translation_chains(DataPlane(LANS, (DOWN,), doors=Doors(published=(voice, web))))
    ends = [rule.expression.rpartition("masquerade")[2].split("@")[-1].strip() for rule in chain.rules]
    own, booked = ["own_port", "published_own", ""], ["to :50000-59999 random"] * 3
    assert ends == [*own, *booked, ""]
    assert [("@booked" in r.expression, "@published_ports" in r.expression) for r in chain.rules[3:5]] == [
        (True, False),
        (False, True),
    ]


def test_hairpin_flows_get_the_uplinks_address():
    """Each uplink with an address has a chain that gives its first one; one that is down has none."""
    plane = DataPlane(LANS, (up("203.0.113.5/24", "203.0.113.6/24"),))
    _, hairpin = translation_chains(plane)
    assert hairpin.name == "hairpin_out_cable"
    assert all("snat ip to 203.0.113.5" in rule.expression for rule in hairpin.rules)
    assert "0x00810000 : goto hairpin_out_cable" in nat_post(plane).rules[-1].expression
    assert len(translation_chains(DataPlane(LANS, (DOWN,)))) == 1


def test_without_uplinks_or_lans_nothing_is_translated():
    """No rule, no chain."""
    for plane in (DataPlane(LANS), DataPlane((), (DOWN,))):
        assert (nat_post(plane).rules, translation_chains(plane)) == ((), ())
