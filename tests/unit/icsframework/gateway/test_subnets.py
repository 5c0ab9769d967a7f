"""``address: auto``: a private subnet that collides with nothing, kept over restarts."""

from ipaddress import IPv4Interface

from icsframework.gateway.subnets import ChosenSubnets, taken
from icsframework.testing.store import MemoryStore
from icsframework.values import InterfaceInfo

AUTO = """
lans:
  - {name: home, interface: eth1, address: auto}
  - {name: attic, interface: eth2, address: auto}
uplinks: [{name: cable, plugin: ethernet, interface: eth0}]
"""


def interface(name: str, *addresses: str) -> InterfaceInfo:
    """An interface with addresses."""
    return InterfaceInfo(name, 2, "02::1", 1500, True, True, tuple(map(IPv4Interface, addresses)))


def chosen(configure, store: MemoryStore, *interfaces: InterfaceInfo) -> dict[str, IPv4Interface]:
    """What a start chooses."""
    subnets = ChosenSubnets(lambda: interfaces)
    subnets.open(store)
    subnets.choose(configure(AUTO))
    found = dict(subnets.chosen)
    subnets._journal.close()
    return found


def test_two_lans_get_two_subnets(configure) -> None:
    """They collide neither with each other nor with what is on the other interfaces."""
    found = chosen(configure, MemoryStore(), interface("eth0", "192.168.0.50/16"))
    networks = [address.network for address in found.values()]
    assert len(networks) == 2
    assert not networks[0].overlaps(networks[1])
    assert not any(network.overlaps(IPv4Interface("192.168.0.50/16").network) for network in networks)


def test_a_restart_keeps_the_subnet(configure) -> None:
    """Even if its own address is still on the interface, as after kill -9."""
    store = MemoryStore()
    first = chosen(configure, store)
    again = chosen(configure, store, interface("eth1", str(first["home"])))
    assert again == first


def test_a_collision_at_the_next_start_chooses_anew(configure) -> None:
    """A network that moved in meanwhile pushes the LAN away, and only that LAN."""
    store = MemoryStore()
    first = chosen(configure, store)
    again = chosen(configure, store, interface("eth0", str(first["home"].network[7]) + "/24"))
    assert again["home"] != first["home"]
    assert again["attic"] == first["attic"]


def test_configured_networks_are_taken(configure) -> None:
    """Addresses in the file count even if their interface is absent."""
    config = configure(
        "lans: [{name: home, interface: eth1, address: auto}, {name: b, interface: eth2, address: 10.7.0.1/16}]\n"
        "uplinks: [{plugin: ethernet, interface: eth0, address: {address: 203.0.113.5/24, gateway: 203.0.113.1}}]\n"
    )
    assert [str(net) for net in taken(config, (), "eth1")] == ["10.7.0.0/16", "203.0.113.0/24"]
