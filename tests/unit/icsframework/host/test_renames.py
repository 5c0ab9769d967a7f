"""What is ours follows the names of the interfaces."""

from ipaddress import ip_address, ip_interface, ip_network

from icsframework.host.owned import Owned, Previous, from_document, to_document
from icsframework.host.renames import follow, numbered
from icsframework.host.state import AddressOn, Device, LinkSettings, Route

OWNED = Owned(
    devices=frozenset({Device("br0", "bridge"), Device("icsu-tv", "vlan", "eth0.5", 7)}),
    links=frozenset({LinkSettings("eth1", up=False, master="br0"), LinkSettings("eth0.5", up=True)}),
    addresses=frozenset({AddressOn("eth1", ip_interface("192.168.0.1/24"))}),
    routes=frozenset({Route(ip_network("0.0.0.0/0"), "eth0.5", ip_address("192.0.2.1"))}),
    replaced=frozenset({Route(ip_network("0.0.0.0/0"), "eth1", ip_address("192.0.2.9"), protocol=4)}),
    sysctls=frozenset(
        {
            Previous(
                "net.ipv4.conf.eth0/5.forwarding",
                "0",
                frozenset({"net.ipv4.ip_forward", "net.ipv4.conf.eth0/5.forwarding"}),
            ),
            Previous("net.ipv4.ip_forward", "0", frozenset({"net.ipv4.ip_forward"})),
        }
    ),
)
HERE = {"eth0.5": 2, "eth1": 3, "br0": 4, "icsu-tv": 5, "other": 6}
NUMBERED = numbered(OWNED, HERE)


def test_every_interface_that_is_named_has_its_number():
    """Others have none, and before.json keeps them."""
    assert dict(NUMBERED.indices) == {"eth0.5": 2, "eth1": 3, "br0": 4, "icsu-tv": 5}
    assert numbered(NUMBERED, {}) == NUMBERED
    assert from_document(to_document(NUMBERED)) == NUMBERED


def test_nothing_changes_while_nobody_is_renamed():
    """Interfaces that come and go beside ours do not matter."""
    assert follow(NUMBERED, HERE) is NUMBERED
    assert follow(NUMBERED, HERE | {"new0": 9}) is NUMBERED
    assert follow(OWNED, {}) is OWNED


def test_a_rename_is_followed_everywhere():
    """Links, masters, VLANs, addresses, routes and settings, with and without a dot in the name."""
    moved = follow(NUMBERED, {"wan.0": 2, "lan0": 3, "br.x": 4, "icsu-tv": 5})
    assert moved == numbered(
        Owned(
            devices=frozenset({Device("br.x", "bridge"), Device("icsu-tv", "vlan", "wan.0", 7)}),
            links=frozenset({LinkSettings("lan0", up=False, master="br.x"), LinkSettings("wan.0", up=True)}),
            addresses=frozenset({AddressOn("lan0", ip_interface("192.168.0.1/24"))}),
            routes=frozenset({Route(ip_network("0.0.0.0/0"), "wan.0", ip_address("192.0.2.1"))}),
            replaced=frozenset({Route(ip_network("0.0.0.0/0"), "lan0", ip_address("192.0.2.9"), protocol=4)}),
            sysctls=frozenset(
                {
                    Previous(
                        "net.ipv4.conf.wan/0.forwarding",
                        "0",
                        frozenset({"net.ipv4.ip_forward", "net.ipv4.conf.wan/0.forwarding"}),
                    ),
                    Previous("net.ipv4.ip_forward", "0", frozenset({"net.ipv4.ip_forward"})),
                }
            ),
        ),
        {"wan.0": 2, "lan0": 3, "br.x": 4, "icsu-tv": 5},
    )


def test_two_that_change_names():
    """Each takes along what is its own."""
    swapped = follow(NUMBERED, {"eth1": 2, "eth0.5": 3, "br0": 4, "icsu-tv": 5})
    assert swapped.links == {LinkSettings("eth0.5", up=False, master="br0"), LinkSettings("eth1", up=True)}


def test_what_went_with_an_interface_is_forgotten():
    """Another one by its name has nothing of ours; a port of a bridge that is gone is a port of nothing."""
    left = follow(NUMBERED, {"eth0.5": 12, "eth1": 3})
    assert left == Owned(
        links=frozenset({LinkSettings("eth1", up=False, master="")}),
        addresses=OWNED.addresses,
        replaced=OWNED.replaced,
        sysctls=frozenset(
            {Previous("net.ipv4.ip_forward", "0", frozenset({"net.ipv4.ip_forward"}))},
        ),
        indices=frozenset({("eth1", 3)}),
    )
