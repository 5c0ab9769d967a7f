"""What is refused before anything is touched, and with which exit status."""

from pathlib import Path

import pytest

from icsframework.errors import ConfigurationError, InterfaceMissing, PluginError
from icsframework.gateway.preflight import (
    check,
    find_program,
    interfaces_here,
    load_or_fail,
    look,
    notes,
    prepare,
    reloader,
    require_interfaces,
    system_info,
)
from icsframework.testing.lan import ScriptedLanFactory
from icsframework.testing.registry import FixedRegistry
from icsframework.testing.uplink import ScriptedUplinkFactory
from icsframework.values import InterfaceInfo, Readiness


@pytest.fixture
def factory() -> ScriptedUplinkFactory:
    """The uplink plugin."""
    return ScriptedUplinkFactory()


@pytest.fixture
def plugins(factory: ScriptedUplinkFactory) -> FixedRegistry:
    """A registry with it."""
    return FixedRegistry({("uplink", "modem"): factory, ("lan_service", "service"): ScriptedLanFactory()})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A correct file."""
    path = tmp_path / "gateway.yaml"
    path.write_text(
        "lans: [{interface: eth1, services: [{plugin: service}]}]\nuplinks: [{plugin: modem, interface: eth0}]\n"
    )
    return path


def test_a_bad_file_is_refused_with_every_line(tmp_path: Path, plugins: FixedRegistry) -> None:
    """All errors at once, each with its place, and the reassurance that nothing happened; status 2."""
    path = tmp_path / "gateway.yaml"
    path.write_text(
        "lans: [{interface: eth1, services: []}]\nuplinks: [{plugin: modm, colour: red}, {plugin: 7}]\n"
    )
    with pytest.raises(ConfigurationError) as caught:
        load_or_fail(str(path), plugins)
    lines = str(caught.value).splitlines()
    assert caught.value.exit_status == 2
    assert lines[-1].endswith("errors; nothing was started or changed")
    assert all(line.startswith(f"{path}:2:") for line in lines[:-1])


def test_a_correct_file_is_returned_with_its_warnings(file: Path, plugins: FixedRegistry) -> None:
    """What is not an error is passed on to log and status."""
    config = check(str(file), plugins, privileged=True)
    assert config.uplinks[0].plugin == "modem"
    assert any("default helpers" in remark for remark in config.remarks)


@pytest.mark.parametrize(
    ("readiness", "words"),
    [
        (
            Readiness.missing("slirp", "install the package slirp"),
            "is missing: slirp; install the package slirp",
        ),
        (Readiness.unsupported("this kernel has no PPP"), "is unsupported: this kernel has no PPP"),
    ],
)
def test_a_plugin_that_is_not_ready_is_named(
    file: Path, plugins: FixedRegistry, factory: ScriptedUplinkFactory, readiness: Readiness, words: str
) -> None:
    """The sentence says which entry, which plugin, why, and what to do."""
    factory.readiness = readiness
    config = load_or_fail(str(file), plugins)
    assert config is not None
    with pytest.raises(PluginError) as caught:
        prepare(config, plugins, system_info(True))
    assert str(caught.value) == f"uplink eth0: uplink plugin 'modem' {words}"


def here(*names: str) -> list[InterfaceInfo]:
    """Interfaces that are there."""
    return [
        InterfaceInfo(name, 1 + index, f"02:00:5e:00:53:0{index}", 1500, True, True)
        for index, name in enumerate(names)
    ]


def test_nothing_to_serve_lists_what_there_is(file: Path, plugins: FixedRegistry) -> None:
    """A gateway whose interfaces are all wrong does not start; one side present is not enough."""
    config = load_or_fail(str(file), plugins)
    assert config is not None
    require_interfaces(config, here("eth0", "eth1"))
    with pytest.raises(
        InterfaceMissing, match=r"no interface of any LAN is here \(eth1\); this machine has: eth0, wlan0"
    ):
        require_interfaces(config, here("lo", "eth0", "wlan0"))
    with pytest.raises(
        InterfaceMissing, match=r"no interface of any uplink is here \(eth0\); this machine has: eth1"
    ):
        require_interfaces(config, here("lo", "eth1"))


def test_a_device_that_a_plugin_makes_counts_as_there(file: Path, plugins: FixedRegistry) -> None:
    """A modem's interface comes with the connection; an entry that is not used asks for nothing."""
    file.write_text(
        "lans: [{interface: eth1, services: [{plugin: service}, {plugin: other, enabled: false}]}]\nuplinks: [{plugin: modem}]\n"
    )
    unready = ScriptedLanFactory()
    unready.prepare = lambda config, system: Readiness.unsupported("never")  # type: ignore[method-assign]
    both = FixedRegistry(
        {
            ("uplink", "modem"): plugins.get("uplink", "modem"),
            ("lan_service", "service"): ScriptedLanFactory(),
            ("lan_service", "other"): unready,
        }
    )
    config = check(str(file), both, privileged=True)
    require_interfaces(config, here("eth1"))


def test_absent_interfaces_are_notes(file: Path, plugins: FixedRegistry) -> None:
    """``ics check`` mentions them and does not fail: it may run on another machine."""
    config = load_or_fail(str(file), plugins)
    assert config is not None
    assert notes(config, here("eth1")) == [
        "uplink eth0: there is no interface eth0 on this machine now; it is used as soon as it appears"
    ]


def test_the_machine_is_looked_at_without_changing_it() -> None:
    """Interfaces and programs of this machine."""
    assert "lo" in {info.name for info in interfaces_here()}
    assert find_program("sh")
    assert find_program("no-such-program-here") is None


def test_reload_checks_like_a_start(
    file: Path, plugins: FixedRegistry, factory: ScriptedUplinkFactory
) -> None:
    """A plugin that is no longer ready refuses the reload."""
    reload = reloader(str(file), plugins, privileged=True)
    assert reload().lans[0].device == "eth1"
    factory.readiness = Readiness.misconfigured("colour and taste do not go together")
    with pytest.raises(PluginError, match="colour and taste"):
        reload()


@pytest.mark.parametrize(
    ("readiness", "errors", "remarks"),
    [
        (Readiness.ready(), 0, 0),
        (Readiness.misconfigured("colour and taste do not go together"), 1, 0),
        (Readiness.missing("slirp", "install the package slirp"), 0, 1),
        (Readiness.unsupported("this kernel has no PPP"), 0, 1),
    ],
)
def test_check_tells_the_file_from_the_machine(
    file: Path,
    plugins: FixedRegistry,
    factory: ScriptedUplinkFactory,
    readiness: Readiness,
    errors: int,
    remarks: int,
) -> None:
    """A plugin that can never work so is an error; what is only missing here is a note, like a missing interface."""
    config = load_or_fail(str(file), plugins)
    assert config is not None
    factory.readiness = readiness
    found = look(config, plugins, here("eth0"))
    assert [len(part) for part in found] == [errors, remarks + 1]
    assert (
        found[1][-1]
        == "LAN eth1: there is no interface eth1 on this machine now; it is used as soon as it appears"
    )


def test_a_plugin_that_raises_while_it_is_asked_is_named(
    file: Path, plugins: FixedRegistry, factory: ScriptedUplinkFactory
) -> None:
    """Its defect is one sentence, at the start and in ``ics check``, never a traceback."""
    config = load_or_fail(str(file), plugins)
    assert config is not None

    def prepare_badly(config: object, system: object) -> Readiness:
        raise ZeroDivisionError("division by zero")

    factory.prepare = prepare_badly  # type: ignore[method-assign]
    words = (
        "uplink eth0: uplink plugin 'modem' cannot be prepared: ZeroDivisionError: division by zero; "
        "update or remove that plugin"
    )
    with pytest.raises(PluginError) as caught:
        prepare(config, plugins, system_info(True))
    assert str(caught.value) == words
    assert look(config, plugins, here("eth0", "eth1")) == ([words], [])


def test_cards_known_by_mac_and_ports_of_bridges_count(file: Path, plugins: FixedRegistry) -> None:
    """What is named is what the file says: a MAC address, ports instead of the bridge that we make, what is below a VLAN."""
    file.write_text(
        "lans: [{name: home, bridge: {name: br-home, ports: [eth1, wlan0]}, services: []}]\n"
        "uplinks:\n  - {name: usb, plugin: modem, match: {mac: '02:00:5e:00:53:01'}}\n"
        "  - {name: tv, plugin: modem, interface: eth0, vlan: 7}\n"
    )
    config = load_or_fail(str(file), plugins)
    assert config is not None
    require_interfaces(config, here("wlan0", "any"))
    with pytest.raises(InterfaceMissing, match=r"of any LAN is here \(eth1, wlan0\); this machine has: none"):
        require_interfaces(config, here("lo"))
    with pytest.raises(InterfaceMissing, match=r"of any uplink is here \(02:00:5e:00:53:01, eth0\); this"):
        require_interfaces(config, here("eth1"))
    assert [line.partition(" on this machine")[0] for line in notes(config, here("eth1"))] == [
        "a port of LAN home: there is no interface wlan0",
        "uplink usb: there is no interface with the MAC address 02:00:5e:00:53:01",
        "the VLAN of uplink tv: there is no interface eth0",
    ]
