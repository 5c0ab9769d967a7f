"""Which interface plays which role."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from icsframework.gateway.roles import Place, Role, Wanted, assign, made_device, wanted
from icsframework.values import InterfaceInfo

HOME, CABLE = Role("lan", "home"), Role("uplink", "cable")
BY_NAME = (Wanted(HOME, "eth1"), Wanted(CABLE, "eth0"))
MAC = "02:00:5e:00:53:01"


def card(name: str, index: int, mac: str = "02:00:00:00:00:09", **more: str) -> InterfaceInfo:
    """An interface."""
    return InterfaceInfo(name, index, mac, 1500, True, True, **more)


def names(found: dict[Role, Place]) -> dict[str, str | None]:
    """Role -> interface that is there."""
    return {str(role): place.info.name if place.info else None for role, place in found.items()}


def test_what_a_file_asks_for(configure) -> None:
    """LANs, ports, uplinks and what is below their VLANs, in the order of the file; disabled ones not."""
    config = configure(
        "lans:\n  - {name: home, bridge: {name: br-home, ports: [eth1, wlan0]}}\n"
        f'  - {{name: guest, address: 10.1.1.1/24, match: {{mac: "{MAC}"}}}}\n'
        "uplinks:\n  - {name: cable, plugin: ethernet, interface: eth0, mac: '02:00:5e:00:53:77'}\n"
        "  - {name: tv, plugin: ethernet, interface: eth0, vlan: 7}\n"
        "  - {name: old, plugin: ethernet, interface: eth9, enabled: false}\n"
    )
    assert wanted(config) == (
        Wanted(HOME, "br-home"),
        Wanted(Role("port", "home", "eth1"), "eth1"),
        Wanted(Role("port", "home", "wlan0"), "wlan0"),
        Wanted(Role("lan", "guest"), "", MAC),
        Wanted(CABLE, "eth0"),
        Wanted(Role("below", "tv"), "eth0"),
        Wanted(Role("uplink", "tv"), made_device("tv")),
    )


def test_by_name_and_absent() -> None:
    """The interface of that name; one that is absent is known by the name that it will have."""
    found = assign(BY_NAME, [card("eth1", 3)], {})
    assert found == {
        HOME: Place("eth1", card("eth1", 3)),
        CABLE: Place("eth0", None, "there is no interface eth0"),
    }


def test_a_rename_is_followed_until_another_one_has_the_name() -> None:
    """The card keeps its role under its new name; the name of the file is stronger."""
    first = assign(BY_NAME, [card("eth1", 3)], {})
    second = assign(BY_NAME, [card("lan0", 3)], first)
    assert names(second)["LAN home"] == "lan0"
    third = assign(BY_NAME, [card("lan0", 3), card("eth1", 8)], second)
    assert third[HOME].info == card("eth1", 8)
    assert assign(BY_NAME, [card("lan0", 3)], {})[HOME].info is None  # after a restart the file counts alone


def test_an_interface_that_goes_is_not_followed_when_its_index_comes_again() -> None:
    """What is absent has no index."""
    gone = assign(BY_NAME, [], assign(BY_NAME, [card("eth1", 3)], {}))
    assert assign(BY_NAME, [card("other", 3)], gone)[HOME].info is None


def test_two_that_change_names() -> None:
    """A swap by a third name ends with what the file says."""
    found = assign(BY_NAME, [card("eth1", 3), card("eth0", 2)], {})
    for here in (
        [card("tmp", 3), card("eth0", 2)],
        [card("tmp", 3), card("eth1", 2)],
        [card("eth0", 3), card("eth1", 2)],
    ):
        found = assign(BY_NAME, here, found)
    assert (found[HOME].info, found[CABLE].info) == (card("eth1", 2), card("eth0", 3))


def test_by_mac() -> None:
    """The permanent address counts, whatever is shown now; virtual devices have only the one they show."""
    by_mac = (Wanted(HOME, "", MAC),)
    assert (
        names(assign(by_mac, [card("x", 1, MAC, permanent_mac="02:00:00:00:00:08")], {}))["LAN home"] is None
    )
    assert names(assign(by_mac, [card("x", 1, permanent_mac=MAC)], {}))["LAN home"] == "x"
    assert names(assign(by_mac, [card("br", 1, MAC, kind="bridge"), card("v", 2, MAC, kind="veth")], {})) == {
        "LAN home": "v"
    }
    absent = assign(by_mac, [], {})[HOME]
    assert absent == Place("", None, f"there is no interface with the MAC address {MAC}")


def test_a_mac_of_ours_hides_nothing() -> None:
    """A device that shows the address we gave it (``mac:``) is still the one that the file means."""
    by_mac = (Wanted(CABLE, "", MAC, "02:00:5e:00:53:77"),)
    found = assign(by_mac, [card("wan0", 4, MAC)], {})
    assert names(assign(by_mac, [card("wan0", 4, "02:00:5e:00:53:77")], {}))["uplink cable"] == "wan0"
    assert names(assign(by_mac, [card("wan0", 4, "02:00:00:00:00:33")], found))["uplink cable"] == "wan0"


def test_the_last_name_of_an_absent_card_stays_closed() -> None:
    """As long as nobody else has it."""
    by_mac = (Wanted(CABLE, "", MAC),)
    gone = assign(by_mac, [], assign(by_mac, [card("usb0", 4, MAC)], {}))
    assert (gone[CABLE].name, gone[CABLE].info) == ("usb0", None)
    assert assign(by_mac, [card("usb0", 9)], gone)[CABLE].name == ""


def test_two_with_one_mac() -> None:
    """The one that has the role keeps it, whatever its index."""
    by_mac = (Wanted(HOME, "", MAC),)
    found = assign(by_mac, [card("b", 5, MAC)], {})
    assert names(assign(by_mac, [card("a", 2, MAC), card("b", 5, MAC)], found))["LAN home"] == "b"


def test_no_interface_plays_two_roles() -> None:
    """The first in the file has it, the other is told; only VLANs share."""
    both = (Wanted(HOME, "", MAC), Wanted(CABLE, "eth0"))
    found = assign(both, [card("eth0", 2, MAC)], {})
    assert found[CABLE] == Place(reason="eth0 is already LAN home")
    below = [Wanted(Role("below", name), "eth0") for name in ("tv", "phone")]
    shared = assign([*below, Wanted(CABLE, "eth0")], [card("eth0", 2)], {})
    assert all(place.info == card("eth0", 2) for place in shared.values())


INTERFACES = st.lists(
    st.tuples(
        st.sampled_from(["eth0", "eth1", "eth2", "x"]), st.integers(1, 4), st.sampled_from([MAC, "02::2"])
    ),
    unique_by=(lambda one: one[0], lambda one: one[1]),
).map(lambda found: [card(*one) for one in found])


@given(st.lists(INTERFACES, min_size=1, max_size=5))
def test_any_history(history: list[list[InterfaceInfo]]) -> None:
    """Every role has an answer, only what is here plays, nobody plays twice, and a second look changes nothing."""
    roles = (Wanted(HOME, "", MAC), Wanted(CABLE, "eth0"), Wanted(Role("uplink", "dsl"), "eth1"))
    found: dict[Role, Place] = {}
    for here in history:
        found = assign(roles, here, found)
        assert set(found) == {one.role for one in roles}
        players = [place.info for place in found.values() if place.info is not None]
        assert all(player in here for player in players)
        assert len({player.name for player in players}) == len(players)
        assert all(place.info is not None or place.reason for place in found.values())
        assert assign(roles, here, found) == found
        assert assign(roles, [replace(info, mtu=1400) for info in here], found).keys() == found.keys()
