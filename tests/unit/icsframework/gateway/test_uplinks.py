"""From the entries of ``uplinks:`` to running plugins."""

from ipaddress import IPv4Address
from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.logger import Logger

from icsframework.config.uplinks import UplinkSection
from icsframework.dataplane.marks import MAX_UPLINKS, Marks
from icsframework.errors import ConfigurationError, PluginError, UplinkFailed
from icsframework.gateway.meters import Meters
from icsframework.gateway.places import Places
from icsframework.gateway.roles import of_uplink
from icsframework.gateway.uplinks import Uplinks, settings
from icsframework.patience import PATIENCE
from icsframework.testing.gateway import FakeClock, FakeEvents, FakeGateway
from icsframework.testing.host import FakeHost
from icsframework.testing.registry import FixedRegistry
from icsframework.testing.uplink import ScriptedUplinkConfig, ScriptedUplinkFactory
from icsframework.uplinks.supervisor import Supervisor
from icsframework.values import Applied, Down, InterfaceInfo, Link, RestartMe, Up, UplinkSettings

LINK = Link("eth0", 2, None, "ethernet", "kernel", 1500, False, 0.0, None)
ETH0 = InterfaceInfo("eth0", 2, "02:00:00:00:00:01", 1500, True, True)


def section(name: str = "cable", **keys: Any) -> UplinkSection:
    """An entry of ``uplinks:``."""
    own = ScriptedUplinkConfig(colour=keys.pop("colour", "grey"))
    return UplinkSection(**({"name": name, "plugin": "scripted", "interface": "eth0", "own": own} | keys))


class Bench:
    """Uplinks on a fake host; settling is instant and counted."""

    def __init__(self) -> None:
        self.factory = ScriptedUplinkFactory()
        self.host = FakeHost(Clock())
        self.settled = 0
        self.released: list[str] = []
        clock = self.clock = FakeClock()
        supervisor = Supervisor(clock, FakeEvents("u", clock), Logger(), lambda: succeed(None), lambda: 0.5)
        registry = FixedRegistry({("uplink", "scripted"): self.factory})
        self.places = Places(self.host)
        indices = {"cable": 1, "dsl": 2}
        self.meters = Meters(clock, FakeEvents("m", clock), Logger(), dict)
        self.uplinks = Uplinks(
            supervisor, registry, self.view, self.places, Marks(), indices, self.settle, self.meters
        )

    def view(self, owner: str) -> Any:
        """A view that notes its release."""
        made = FakeGateway(owner, clock=self.clock)
        made.release = lambda: self.released.append(owner)  # type: ignore[attr-defined]
        return made

    def watch(self, section: UplinkSection, *all: UplinkSection) -> None:
        """An uplink is configured, beside others."""
        self.places.use([one for each in all or (section,) for one in of_uplink(each)])
        self.uplinks.watch(section)

    def settle(self) -> Deferred[None]:
        """Count it."""
        self.settled += 1
        return succeed(None)

    def begin(self, *sections: UplinkSection) -> None:
        """Watch and start."""
        for one in sections:
            self.watch(one, *sections)
            self.uplinks.start(one)
            self.factory.made[one.name].report(Down())


@pytest.fixture
def bench() -> Bench:
    """See Bench."""
    return Bench()


def test_a_plugin_gets_the_cores_keys_beside_its_own() -> None:
    """Only those that concern it, as values."""
    own = ScriptedUplinkConfig(colour="red")
    entry = section(metered=True, mtu=1400, mac="02:00:00:00:00:09", dns=("9.9.9.9",), colour="red")
    assert settings(entry, 0x10000) == UplinkSettings(
        "cable", "eth0", own, True, 1400, "02:00:00:00:00:09", (IPv4Address("9.9.9.9"),), 0x10000
    )


def test_devices_are_those_that_are_there(bench: Bench) -> None:
    """An absent device is watched; when it appears the machine is settled, so that it comes up closed."""
    bench.begin(section())
    assert bench.places.present() == frozenset()
    bench.host.set_interface("eth0", ETH0)
    assert bench.places.present() == {"eth0"}
    assert bench.settled == 1
    bench.host.set_interface("eth0", None)
    assert bench.places.present() == frozenset()


def test_a_change_for_the_plugin_is_not_a_restart(bench: Bench) -> None:
    """The same object goes on with new settings."""
    bench.begin(section())
    before = bench.factory.made["cable"]
    bench.uplinks.change(section(colour="red"), restart=False)
    assert bench.factory.made["cable"] is before
    assert bench.uplinks.sections["cable"].own.colour == "red"


def test_a_plugin_may_ask_for_a_restart(bench: Bench) -> None:
    """RestartMe makes a new object; its place in the order stays."""
    bench.begin(section(), section("dsl", interface="eth2"))
    before = bench.factory.made["cable"]
    before.reconfigure = lambda new: succeed(RestartMe())  # type: ignore[method-assign]
    bench.uplinks.change(section(colour="red"), restart=False)
    assert bench.factory.made["cable"] is not before
    assert [runner.spec.name for runner in bench.uplinks.supervisor.runners()] == ["cable", "dsl"]
    assert bench.released == ["uplink.cable"]


def test_a_link_is_there_until_its_plugin_is_done_with_it(bench: Bench) -> None:
    """A DHCP RELEASE needs the address: whatever is settled meanwhile, an uplink that stops keeps its link."""
    bench.begin(section())
    plugin = bench.factory.made["cable"]
    plugin.report(Up(LINK))
    answer: Deferred[None] = Deferred()
    plugin.disconnect = lambda reason: answer  # type: ignore[method-assign]
    bench.uplinks.stop("cable", "removed")
    assert (list(bench.uplinks.sections), bench.uplinks.supervisor.links()) == (["cable"], [("cable", LINK)])
    answer.callback(None)
    assert (list(bench.uplinks.sections), bench.uplinks.supervisor.links()) == ([], [])


def test_stopping_all_forgets_all(bench: Bench) -> None:
    """The preferred one goes last; nothing is watched any more."""
    bench.begin(section(), section("dsl", interface="eth2"))
    bench.uplinks.stop_all("the gateway stops")
    assert bench.released == ["uplink.dsl", "uplink.cable"]
    bench.host.set_interface("eth0", ETH0)
    assert bench.settled == 0


def test_a_plugin_that_breaks_its_contract_is_refused(bench: Bench) -> None:
    """What ``create`` returns is verified, and the error names the plugin."""
    bench.factory.create = lambda config, gateway, observer: object()  # type: ignore[method-assign, assignment, return-value]
    bench.watch(section())
    with pytest.raises(
        PluginError, match="uplink plugin 'scripted' created an object that does not keep its contract"
    ):
        bench.uplinks.start(section())


def raising(*_: Any) -> Any:
    """A defect."""
    raise RuntimeError("bug")


@pytest.mark.parametrize(
    ("method", "words"),
    [
        (
            "create",
            "uplink plugin 'scripted' cannot be created: RuntimeError: bug; update or remove that plugin",
        ),
        (
            "startService",
            "uplink cable: uplink plugin 'scripted' cannot be started: RuntimeError: bug; update or remove that plugin",
        ),
    ],
)
def test_a_plugin_that_cannot_begin_is_named_and_leaves_nothing(
    bench: Bench, method: str, words: str
) -> None:
    """A reload that adds it can be taken back: what was watched is forgotten, and a later try begins anew."""
    good = bench.factory.create

    def create(config: Any, gateway: Any, observer: Any) -> Any:
        made = good(config, gateway, observer)
        made.startService = raising  # type: ignore[method-assign]
        return made

    bench.factory.create = raising if method == "create" else create  # type: ignore[method-assign]
    bench.watch(section())
    with pytest.raises(PluginError) as caught:
        bench.uplinks.start(section())
    assert str(caught.value) == words
    assert (bench.released, bench.uplinks.supervisor.runners()) == (["uplink.cable"], [])
    assert bench.uplinks.stop("cable", "taken back").called
    bench.factory.create = good  # type: ignore[method-assign]
    bench.begin(section())
    assert bench.uplinks.supervisor.runner("cable").spec.name == "cable"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            raising,
            "reconfigure of uplink plugin 'scripted' failed: RuntimeError: bug; the log has the details",
        ),
        (lambda new: Deferred(), "did not end within 20 s"),
        (lambda new: fail(UplinkFailed("the modem is dialling")), "the modem is dialling"),
    ],
)
def test_new_settings_that_a_plugin_refuses_leave_the_old_ones(bench: Bench, answer: Any, words: str) -> None:
    """It goes on as it was, and the error says who refused and why."""
    bench.begin(section())
    before = bench.factory.made["cable"]
    before.reconfigure = answer  # type: ignore[method-assign]
    errors: list[str] = []
    bench.uplinks.change(section(colour="red"), restart=False).addErrback(
        lambda failure: errors.append(failure.getErrorMessage())
    )
    bench.clock.clock.advance(PATIENCE)
    assert len(errors) == 1
    assert words in errors[0]
    assert bench.factory.made["cable"] is before
    assert bench.uplinks.sections["cable"].own.colour == "grey"


def test_a_restart_that_fails_can_be_taken_back(bench: Bench) -> None:
    """The new settings make no plugin; with the old ones it starts again, at its place."""
    bench.begin(section(), section("dsl", interface="eth2"))
    good = bench.factory.create
    bench.factory.create = raising  # type: ignore[method-assign]
    errors: list[Any] = []
    bench.uplinks.change(section(mtu=1400), restart=True).addErrback(errors.append)
    assert len(errors) == 1
    bench.factory.create = good  # type: ignore[method-assign]
    bench.uplinks.change(section(), restart=False)
    assert [runner.spec.name for runner in bench.uplinks.supervisor.runners()] == ["cable", "dsl"]


def test_indices_are_not_given_anew_while_others_are_free(bench: Bench) -> None:
    """Flows of a removed uplink may still carry its mark: nobody gets it, and it gets its own again."""
    bench.uplinks.assign(["cable", "fibre"])
    assert bench.uplinks.indices == {"cable": 1, "dsl": 2, "fibre": 3}
    bench.uplinks.assign(["dsl", "cable"])
    assert bench.uplinks.indices == {"cable": 1, "dsl": 2, "fibre": 3}
    bench.uplinks.assign([f"u{number}" for number in range(MAX_UPLINKS)])
    assert sorted(bench.uplinks.indices.values()) == list(range(1, MAX_UPLINKS + 1))
    with pytest.raises(ConfigurationError):
        bench.uplinks.assign([f"u{number}" for number in range(MAX_UPLINKS + 1)])


def test_an_uplink_by_mac_has_no_name_before_it_is_there(bench: Bench) -> None:
    """Its plugin is told the MAC address, and the name as soon as there is one; a rename is told too."""
    told: list[str] = []

    def note(new: UplinkSettings) -> Deferred[Any]:
        told.append(new.interface)
        return succeed(Applied())

    by_mac = section(interface=None, match={"mac": ETH0.mac})
    assert settings(by_mac, 1).interface == ETH0.mac
    bench.begin(by_mac)
    bench.factory.made["cable"].reconfigure = note  # type: ignore[method-assign]
    bench.host.set_interface("eth0", ETH0)
    bench.host.rename_interface("eth0", "wan0")
    assert told == ["eth0", "wan0"]
    assert bench.settled == 2
    bench.host.set_interface("wan0", None)
    bench.host.set_interface("wan0", ETH0.__class__("wan0", 9, ETH0.mac, 1500, True, True))
    assert told == ["eth0", "wan0"]  # it knows that name already
    assert bench.settled == 3


def test_the_device_of_a_vlan_is_ours(bench: Bench) -> None:
    """Whatever the interface below is called."""
    assert settings(section("tv", vlan=7), 1).interface == "icsu-tv"
    assert settings(section("tv", interface=None, match={"mac": ETH0.mac}, vlan=7), 1).interface == "icsu-tv"
    assert settings(section("modem", interface=None), 1).interface == "icsu-modem"
