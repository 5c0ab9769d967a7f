"""Who wants to know hears where a role is played."""

from twisted.internet.task import Clock

from icsframework.gateway.places import Places
from icsframework.gateway.roles import Place, Role, Wanted
from icsframework.testing.host import FakeHost
from icsframework.values import Family, InterfaceInfo, Link

HOME = Role("lan", "home")
ETH1 = InterfaceInfo("eth1", 3, "02:00:5e:00:53:01", 1500, True, True)


def bench(*roles: Wanted) -> tuple[FakeHost, Places]:
    """Places on a fake host."""
    host = FakeHost(Clock())
    places = Places(host)  # type: ignore[arg-type]
    places.use(roles)
    return host, places


def test_now_and_at_every_change() -> None:
    """Absent, there, renamed, gone; nothing after the watch has ended."""
    host, places = bench(Wanted(HOME, "eth1"))
    seen: list[tuple[str, bool]] = []
    unwatch = places.watch(HOME, lambda place: seen.append((place.name, place.info is not None)))
    host.set_interface("eth1", ETH1)
    host.set_interface("other", InterfaceInfo("other", 4, "02::4", 1500, True, True))
    host.rename_interface("eth1", "lan0")
    assert places.names() == {HOME: "lan0"}
    assert places.present() == {"lan0"}
    host.set_interface("lan0", None)
    unwatch()
    unwatch()
    host.set_interface("eth1", ETH1)
    assert seen == [("eth1", False), ("eth1", True), ("lan0", True), ("eth1", False)]


def test_other_roles_are_told_at_the_next_look() -> None:
    """A reload changes who is looked for; what is looked for by something else is not kept for having been had."""
    host, places = bench(Wanted(HOME, "eth1"))
    host.set_interface("eth1", ETH1)
    host.rename_interface("eth1", "lan0")
    seen: list[Place] = []
    places.watch(HOME, seen.append)
    assert places.foresee([Wanted(HOME, "eth1")])[HOME].name == "lan0"
    places.use([Wanted(HOME, "eth7")])
    assert len(seen) == 1
    assert places.of(HOME) == Place("eth7", None, "there is no interface eth7")
    places.look()
    assert seen[1:] == [places.of(HOME)]
    places.use([])
    assert places.of(HOME) == Place()


def test_who_follows_all_is_told_before_and_after() -> None:
    """Before those who watch one role."""
    host, places = bench(Wanted(HOME, "eth1"))
    told: list[str] = []
    places.watch(HOME, lambda place: told.append("one"))
    places.follow(
        lambda before, after: told.append(f"all {before[HOME].info is None} {after[HOME].info is None}")
    )
    host.set_interface("eth1", ETH1)
    assert told == ["one", "all True False", "one"]


def test_a_link_has_the_name_that_its_interface_has_now() -> None:
    """The plugin may not have noticed yet."""
    host, places = bench(Wanted(Role("uplink", "cable"), "eth1"))
    link = Link("eth1", 3, None, "ethernet", "kernel", 1500, False, 0.0, Family((), None))
    host.set_interface("eth1", ETH1)
    assert places.now(link) is link
    host.rename_interface("eth1", "wan0")
    assert places.now(link).interface == "wan0"
    host.set_interface("wan0", None)
    assert places.now(link) is link
