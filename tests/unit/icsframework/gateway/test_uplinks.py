"""From the entries of ``uplinks:`` to running plugins."""

from ipaddress import IPv4Address
from typing import Any

import pytest
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.logger import Logger

from icsframework.config.uplinks import UplinkSection
from icsframework.dataplane.marks import Marks
from icsframework.errors import PluginError
from icsframework.gateway.uplinks import Uplinks, settings
from icsframework.testing.gateway import FakeClock, FakeEvents, FakeGateway
from icsframework.testing.host import FakeHost
from icsframework.testing.registry import FixedRegistry
from icsframework.testing.uplink import ScriptedUplinkConfig, ScriptedUplinkFactory
from icsframework.uplinks.supervisor import Supervisor
from icsframework.values import Down, InterfaceInfo, RestartMe, UplinkSettings

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
        clock = FakeClock()
        supervisor = Supervisor(clock, FakeEvents("u", clock), Logger(), lambda: succeed(None), lambda: 0.5)
        registry = FixedRegistry({("uplink", "scripted"): self.factory})
        self.uplinks = Uplinks(
            supervisor, registry, self.view, self.host, Marks(), {"cable": 1, "dsl": 2}, self.settle
        )

    def view(self, owner: str) -> Any:
        """A view that notes its release."""
        made = FakeGateway(owner)
        made.release = lambda: self.released.append(owner)  # type: ignore[attr-defined]
        return made

    def settle(self) -> Deferred[None]:
        """Count it."""
        self.settled += 1
        return succeed(None)

    def begin(self, *sections: UplinkSection) -> None:
        """Watch and start."""
        for one in sections:
            self.uplinks.watch(one)
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
    assert bench.uplinks.devices() == frozenset()
    bench.host.set_interface("eth0", ETH0)
    assert bench.uplinks.devices() == {"eth0"}
    assert bench.settled == 1
    bench.host.set_interface("eth0", None)
    assert bench.uplinks.devices() == frozenset()


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


def test_stopping_all_forgets_all(bench: Bench) -> None:
    """The preferred one goes last; nothing is watched any more."""
    bench.begin(section(), section("dsl", interface="eth2"))
    bench.uplinks.stop_all("the gateway stops")
    assert bench.released == ["uplink.dsl", "uplink.cable"]
    bench.host.set_interface("eth0", ETH0)
    assert (bench.settled, bench.uplinks.devices()) == (0, frozenset())


def test_a_plugin_that_breaks_its_contract_is_refused(bench: Bench) -> None:
    """What ``create`` returns is verified, and the error names the plugin."""
    bench.factory.create = lambda config, gateway, observer: object()  # type: ignore[method-assign, assignment, return-value]
    bench.uplinks.watch(section())
    with pytest.raises(
        PluginError, match="uplink plugin 'scripted' created an object that does not keep its contract"
    ):
        bench.uplinks.start(section())
