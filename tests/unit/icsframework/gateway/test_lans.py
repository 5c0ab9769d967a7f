"""LANs are served while their interface is there."""

from ipaddress import IPv4Interface
from typing import Any

import pytest
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.logger import Logger

from icsframework.config.lans import LanSection, ServiceSection
from icsframework.errors import HostError, PortTaken
from icsframework.gateway.lans import Lans
from icsframework.gateway.places import Places
from icsframework.gateway.roles import of_lan
from icsframework.gateway.services import LanServices
from icsframework.testing.gateway import FakeClock, FakeEvents, FakeGateway
from icsframework.testing.host import FakeHost
from icsframework.testing.lan import ScriptedConfig, ScriptedLanFactory
from icsframework.testing.registry import FixedRegistry
from icsframework.values import InterfaceInfo


def eth1(index: int = 3) -> InterfaceInfo:
    """The LAN's interface."""
    return InterfaceInfo("eth1", index, "02:00:00:00:00:01", 1500, True, True)


def section(
    address: str = "192.168.0.1/24", colour: str = "grey", device: str = "eth1", enabled: bool = True
) -> LanSection:
    """A LAN with the scripted service."""
    service = ServiceSection(plugin="scripted", enabled=enabled, own=ScriptedConfig(colour=colour))
    return LanSection(name="home", interface=device, address=IPv4Interface(address), services=(service,))


class Bench:
    """LANs on a fake host, with one scripted plugin; settling is instant and noted."""

    def __init__(self) -> None:
        self.factory = ScriptedLanFactory()
        self.host = FakeHost(Clock())
        self.events = FakeEvents("lans", FakeClock())
        self.slow: list[Deferred[None]] | None = None

        def view(owner: str) -> Any:
            made = FakeGateway(owner)
            made.release = lambda: None  # type: ignore[attr-defined]
            return made

        services = LanServices(FixedRegistry({("lan_service", "scripted"): self.factory}), view)
        self.places = Places(self.host)
        self.lans = Lans(self.places, services, self.events, Logger(), self.settle, lambda lan: lan.address)

    def add(self, section: LanSection) -> None:
        """A LAN is configured."""
        self.places.use(tuple(of_lan(section)))
        self.lans.add(section)

    def replace(self, section: LanSection) -> None:
        """It is configured otherwise."""
        self.places.use(tuple(of_lan(section)))
        self.lans.replace(section)

    def settle(self) -> Deferred[None]:
        """Note it."""
        self.factory.calls.append("settle")
        if self.slow is not None:
            self.slow.append(Deferred())
            return self.slow[-1]
        return succeed(None)

    def calls(self) -> list[str]:
        """What happened since the last time."""
        found = list(self.factory.calls)
        self.factory.calls.clear()
        return found


@pytest.fixture
def bench() -> Bench:
    """See Bench."""
    return Bench()


def test_a_lan_that_is_there_is_served_at_the_start(bench: Bench) -> None:
    """The services get name, interface and address."""
    bench.host.set_interface("eth1", eth1())
    bench.add(section())
    bench.lans.start()
    assert bench.calls() == ["start", "serve home 192.168.0.1/24 grey"]
    assert bench.places.present() == {"eth1"}
    assert bench.events.ids() == ["lan.serving"]


def test_a_lan_that_appears_is_configured_then_served(bench: Bench) -> None:
    """First the address is in force, then the services bind to it."""
    bench.add(section())
    bench.lans.start()
    assert bench.lans.states["home"].reason == "there is no interface eth1"
    bench.host.set_interface("eth1", eth1())
    assert bench.calls() == ["settle", "start", "serve home 192.168.0.1/24 grey"]
    assert bench.events.ids() == ["lan.absent", "lan.serving"]


def test_a_lan_that_vanishes_is_withdrawn_and_served_again(bench: Bench) -> None:
    """An adapter pulled out and put back works as before, with its new index."""
    bench.host.set_interface("eth1", eth1())
    bench.add(section())
    bench.lans.start()
    bench.calls()
    bench.host.set_interface("eth1", None)
    assert bench.calls() == ["settle", "withdraw home", "stop"]
    assert (bench.lans.states["home"].services, bench.lans.states["home"].served) == ({}, None)
    bench.host.set_interface("eth1", eth1(9))
    assert bench.calls() == ["settle", "start", "serve home 192.168.0.1/24 grey"]


def test_changes_that_do_not_matter_disturb_nobody(bench: Bench) -> None:
    """An address or a carrier that comes and goes is no reason to serve anew."""
    bench.host.set_interface("eth1", eth1())
    bench.add(section())
    bench.lans.start()
    bench.calls()
    bench.host.set_interface("eth1", InterfaceInfo("eth1", 3, "02:00:00:00:00:01", 1500, True, False))
    assert bench.calls() == []


def test_new_settings_are_taken_without_a_gap(bench: Bench) -> None:
    """The address is in force before the service is told of it."""
    bench.host.set_interface("eth1", eth1())
    bench.add(section())
    bench.lans.start()
    bench.calls()
    bench.replace(section("192.168.5.1/24", "red"))
    assert bench.calls() == ["settle", "serve home 192.168.5.1/24 red"]


def test_another_interface_moves_the_lan(bench: Bench) -> None:
    """The old interface is left before the new one is served."""
    bench.host.set_interface("eth1", eth1())
    bench.host.set_interface("eth2", InterfaceInfo("eth2", 5, "02::2", 1500, True, True))
    bench.add(section())
    bench.lans.start()
    bench.calls()
    bench.replace(section(device="eth2"))
    assert bench.calls() == [
        "withdraw home",
        "stop",
        "settle",
        "start",
        "serve home 192.168.0.1/24 grey",
    ]


def test_a_service_that_fails_at_the_start_refuses_it(bench: Bench) -> None:
    """A taken port is told at once, with its owner; later it is only a state."""
    bench.factory.serve_error = PortTaken("port 67 is taken by dnsmasq (pid 12)")
    bench.host.set_interface("eth1", eth1())
    bench.add(section())
    errors: list[str] = []
    bench.lans.start().addErrback(lambda failure: errors.append(failure.getErrorMessage()))
    assert errors == ["port 67 is taken by dnsmasq (pid 12)"]
    bench.host.set_interface("eth1", None)
    bench.host.set_interface("eth1", eth1())
    assert bench.lans.states["home"].services["scripted"].reason == "port 67 is taken by dnsmasq (pid 12)"


def test_stop_withdraws_and_watches_no_more(bench: Bench) -> None:
    """After the stop an interface that appears has no effect."""
    bench.host.set_interface("eth1", eth1())
    bench.add(section())
    bench.lans.start()
    bench.calls()
    bench.lans.stop()
    bench.host.set_interface("eth1", None)
    bench.host.set_interface("eth1", eth1())
    assert bench.calls() == ["withdraw home", "stop"]


@pytest.mark.parametrize("end", ["remove", "stop"])
def test_a_lan_that_goes_while_the_machine_is_made_ready_is_not_served(bench: Bench, end: str) -> None:
    """Its interface appears, and before the address is in force a reload removes the LAN, or all is stopped."""
    bench.add(section())
    bench.lans.start()
    bench.slow = []
    bench.host.set_interface("eth1", eth1())
    bench.lans.remove("home") if end == "remove" else bench.lans.stop()
    bench.slow[0].callback(None)
    assert bench.calls() == ["settle"]


def test_a_lan_that_is_removed_while_it_is_served_is_withdrawn(bench: Bench) -> None:
    """First the serve ends, then the withdraw: the plugin is never asked for both at once."""
    bench.host.set_interface("eth1", eth1())
    bench.add(section())
    bench.lans.prepare()
    assert bench.factory.made is not None
    serving: Deferred[None] = Deferred()
    bench.factory.made.serve = lambda lan, config: serving  # type: ignore[method-assign]
    bench.lans.start()
    removed: list[None] = []
    bench.lans.remove("home").addCallback(removed.append)
    assert (bench.calls(), removed) == (["start"], [])
    serving.callback(None)
    assert (bench.calls(), removed) == (["withdraw home", "stop"], [None])


def test_a_service_that_is_disabled_is_withdrawn(bench: Bench) -> None:
    """enabled: false ends it at a reload as if the entry were gone, and true begins it again."""
    bench.host.set_interface("eth1", eth1())
    bench.add(section())
    bench.lans.start()
    bench.calls()
    bench.replace(section(enabled=False))
    assert bench.calls() == ["withdraw home", "stop", "settle"]
    bench.replace(section())
    assert bench.calls() == ["settle", "start", "serve home 192.168.0.1/24 grey"]


def test_a_machine_that_refuses_is_the_lans_reason(bench: Bench) -> None:
    """Status says why the LAN is not served, until it is."""
    bench.add(section())
    bench.lans.start()
    bench.slow = []
    bench.host.set_interface("eth1", eth1())
    bench.slow[0].errback(HostError("eth1: no such device"))
    state = bench.lans.states["home"]
    assert (state.reason, bench.events.ids()[-1]) == ("eth1: no such device", "lan.failed")
    bench.slow = None
    bench.host.set_interface("eth1", eth1(5))
    assert (state.reason, bench.events.ids()[-1]) == (None, "lan.serving")


def test_a_broken_service_does_not_take_the_other_down(bench: Bench) -> None:
    """While the gateway runs, the rest of a LAN is served when one plugin fails; its reason is kept."""
    both = (*section().services, ServiceSection(plugin="missing", own=ScriptedConfig()))
    bench.add(section().model_copy(update={"services": both[::-1]}))
    bench.lans.start()
    bench.host.set_interface("eth1", eth1())
    states = bench.lans.states["home"].services
    assert [(name, one.state) for name, one in states.items()] == [
        ("missing", "failed"),
        ("scripted", "serving"),
    ]
    assert bench.events.ids() == ["lan.absent", "lan.service_failed", "lan.serving"]


def test_a_rename_is_told_to_the_services(bench: Bench) -> None:
    """The same interface by its new name, after the rules have followed."""
    bench.host.set_interface("eth1", eth1())
    bench.add(section())
    bench.lans.start()
    bench.calls()
    bench.host.rename_interface("eth1", "lan0")
    assert bench.calls() == ["settle", "serve home 192.168.0.1/24 grey"]
    served = bench.lans.states["home"].served
    assert served is not None
    assert (served.interface, served.ifindex) == ("lan0", 3)
    bench.replace(section(device="lan0"))  # the file is corrected: nothing is withdrawn
    assert "withdraw home" not in bench.calls()


def test_services_know_that_an_address_may_change(bench: Bench) -> None:
    """A LAN whose address we chose says so, and is served anew where it moves to."""
    bench.host.set_interface("eth1", eth1())
    bench.lans._address_of = lambda lan: IPv4Interface("192.168.0.1/24")
    bench.add(section().model_copy(update={"address": None}))
    bench.lans.start()
    served = bench.lans.states["home"].served
    assert served is not None
    assert served.auto
    bench.lans._address_of = lambda lan: IPv4Interface("192.168.1.1/24")
    bench.lans.renumber("home")
    bench.lans.renumber("nobody")
    assert bench.calls()[-1] == "serve home 192.168.1.1/24 grey"
