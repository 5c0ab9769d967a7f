"""The whole gateway on a machine in memory: start, links, reload, stop."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface
from os import getpid
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail, maybeDeferred, succeed
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import Logger

from icsframework.config.configuration import Configuration
from icsframework.config.loader import load
from icsframework.control.api import Hangup
from icsframework.dataplane.ruleset import Table
from icsframework.errors import Handover, HostError, IcsError, NotRunning, PortTaken, StoreError
from icsframework.gateway.bus import EventBus
from icsframework.gateway.compose import Gateway
from icsframework.gateway.machinery import Machinery
from icsframework.gateway.preflight import load_or_fail
from icsframework.gateway.unconfirmed import Trial
from icsframework.host.changes import Change
from icsframework.host.descriptors import Descriptors
from icsframework.host.owned import Owned
from icsframework.host.reconcile import Reconciler
from icsframework.host.scoped import ScopedHost
from icsframework.host.state import AddressOn
from icsframework.status import to_json
from icsframework.testing.elements import FakeElements
from icsframework.testing.gateway import FakeClock
from icsframework.testing.helper import ScriptedHelperFactory, ScriptedShells
from icsframework.testing.host import FakeHost
from icsframework.testing.lan import ScriptedLanFactory
from icsframework.testing.machine import FakeMachine
from icsframework.testing.registry import FixedRegistry
from icsframework.testing.store import MemoryStore
from icsframework.testing.uplink import ScriptedUplinkFactory
from icsframework.uplinks.saved import SavedUplink
from icsframework.values import (
    Cause,
    Down,
    EndpointIndependent,
    Failed,
    Family,
    InterfaceInfo,
    Link,
    StreamProxy,
    SystemInfo,
    Up,
)

FILE = """
lans:
  - {name: home, interface: eth1, services: [{plugin: service, colour: red}]}
uplinks:
  - {name: cable, plugin: uplink, interface: eth0}
  - {name: modem, plugin: uplink, interface: eth2, connect: manual}
"""


def link(interface: str, address: str) -> Link:
    """A link with an address and a gateway."""
    own = IPv4Interface(address)
    return Link(interface, 2, None, "ethernet", "kernel", 1500, False, 0.0, Family((own,), own.network[1]))


class MemoryBefore:
    """before.json in memory."""

    owned = Owned()

    def load(self) -> Owned:
        """See Before."""
        return self.owned

    def save(self, owned: Owned) -> None:
        """See Before."""
        self.owned = owned

    def clear(self) -> None:
        """See Before."""
        self.owned = Owned()


class MemoryLinks:
    """links.json in memory."""

    saved: Mapping[str, SavedUplink] | None = None

    def load(self) -> Mapping[str, SavedUplink] | None:
        """See SavedLinks."""
        return self.saved

    def save(self, uplinks: Mapping[str, SavedUplink]) -> None:
        """See SavedLinks."""
        self.saved = uplinks

    def clear(self) -> None:
        """See SavedLinks."""
        self.saved = None


class MemoryUnconfirmed:
    """unconfirmed.json in memory; ``error`` refuses to write."""

    trial: Trial | None = None
    error: StoreError | None = None

    def load(self) -> Trial | None:
        """See Unconfirmed."""
        return self.trial

    def save(self, trial: Trial) -> None:
        """See Unconfirmed."""
        if self.error is not None:
            raise self.error
        self.trial = trial

    def clear(self) -> None:
        """See Unconfirmed."""
        self.trial = None


class Tables:
    """The packet filter's loader: notes what was loaded, refuses on request."""

    def __init__(self) -> None:
        self.loaded: list[object | None] = []
        self.error: Exception | None = None

    def publish(self, table: object | None) -> Deferred[Any]:
        """See ITable."""
        if self.error is not None:
            return fail(self.error)
        self.loaded.append(table)
        return succeed(None)


class Counted:
    """ICounters: packets by name."""

    def __init__(self) -> None:
        self.packets: dict[str, int] = {}

    def counters(self) -> Deferred[dict[str, int]]:
        """See ICounters."""
        return succeed(dict(self.packets))


class Bench:
    """A gateway on fakes; the file is real and read by the real loader."""

    def __init__(self, path: Path, text: str = FILE) -> None:
        self.path = path / "gateway.yaml"
        self.services, self.plugins = ScriptedLanFactory(), ScriptedUplinkFactory()
        self.helpers, self.shells = ScriptedHelperFactory(), ScriptedShells()
        self.registry = FixedRegistry(
            {
                ("lan_service", "service"): self.services,
                ("uplink", "uplink"): self.plugins,
                ("nat_helper", "helper"): self.helpers,
            }
        )
        self.machine, self.tables, self.host = FakeMachine(), Tables(), FakeHost(Clock())
        for name in ("eth0", "eth1", "eth2"):
            self.machine.add_interface(name)
            self.host.set_interface(name, InterfaceInfo(name, 2, "02:00:00:00:00:01", 1500, True, True))
        self.original = self.machine.everything()
        self.fatal: list[Exception] = []
        self.served: list[Path] = []
        self.started: list[list[str]] = []
        self.clock, self.events = FakeClock(), []
        self.counters, self.reactor = Counted(), MemoryReactorClock()
        self.closed = False
        self.before, self.links, self.unconfirmed = MemoryBefore(), MemoryLinks(), MemoryUnconfirmed()
        self.forgotten: list[list[int]] = []
        self.write(text)
        self.gateway = self._gateway()

    def write(self, text: str) -> None:
        """A new file."""
        self.path.write_text(text)

    def load(self) -> Configuration:
        """What the file says."""
        config = load_or_fail(str(self.path), self.registry)
        assert config is not None
        return config

    def _gateway(self) -> Gateway:
        bus = EventBus(self.clock, Logger(observer=lambda event: None))
        bus.watch(lambda event: self.events.append(event))
        machinery = Machinery(
            clock=self.clock,
            store=MemoryStore(),  # type: ignore[arg-type]
            reconciler=Reconciler(self.machine, self.before, maybeDeferred, self.tables),
            scoped_host=lambda owner: ScopedHost(self.host, owner),
            interfaces=self.machine.interfaces,
            count_flows=lambda: 3,
            revive_flows=lambda plane: succeed(0),
            forget_flows=self.forget,
            descriptors=lambda: Descriptors(50, 1024),
            unconfirmed=self.unconfirmed,
            links=self.links,
            in_thread=maybeDeferred,
            close=self.close,
            system=SystemInfo(True, "6.1", lambda name: None),
            kernel_helpers=lambda names: succeed(dict.fromkeys(names, "")),
            make_shell=lambda section, proxy, view, published: self.shells(section, proxy, view),
            elements=FakeElements(self.clock),
            counters=self.counters,
            reactor=self.reactor,
            started=lambda: self.started.append(self.ids()),
            end_flows=lambda chosen, through: succeed(0),
        )
        config = load(self.path, self.registry).config
        assert config is not None
        return Gateway(
            config, str(self.path), self.registry, machinery, bus, self.load, self.serve, self.fatal.append
        )

    def serve(self, path: Path, gateway: Gateway) -> Any:
        """The control socket."""
        self.served.append(path)
        return type("Port", (), {"stopListening": lambda self: succeed(None)})()

    def forget(self, filters: Any) -> Deferred[None]:
        """Conntrack."""
        self.forgotten.append([chosen.mark >> 16 for chosen in filters])
        return succeed(None)

    def close(self) -> Deferred[None]:
        """The last thing."""
        self.closed = True
        return succeed(None)

    def ids(self) -> list[str]:
        """Event ids so far."""
        return [event.id for event in self.events]

    def start(self) -> "Bench":
        """Start; the device of cable is there."""
        self.gateway.startService()
        self.plugins.made["cable"].report(Down())
        return self


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """See Bench."""
    return Bench(tmp_path)


def reload(bench: Bench) -> list[Any]:
    """Reload; the words or the error."""
    outcome: list[Any] = []
    bench.gateway.reload().addCallbacks(outcome.append, lambda failure: outcome.append(failure.value))
    return outcome


def test_a_start_configures_serves_connects_and_opens_the_api(bench: Bench) -> None:
    """Address and rules first, then services, uplinks, control socket; ready is told with numbers."""
    bench.start()
    assert AddressOn("eth1", IPv4Interface("192.168.0.1/24")) in bench.machine.everything().addresses
    assert len(bench.tables.loaded) == 1
    assert bench.services.calls == ["start", "serve home 192.168.0.1/24 red"]
    assert bench.plugins.made["cable"].calls == ["always"]
    assert bench.served == [Path("/run/ics/control.sock")]
    assert len(bench.started) == 1
    assert "gateway.ready" not in bench.started[0]
    assert bench.ids() == [
        "gateway.starting",
        "config.warning",
        "lan.serving",
        "gateway.ready",
        "uplink.connecting",
    ]


def test_a_link_gets_its_address_and_routes(bench: Bench) -> None:
    """What the plugin announces is on the machine before it is shown as up."""
    bench.start()
    bench.plugins.made["cable"].report(Up(link("eth0", "203.0.113.5/24")))
    state = bench.machine.everything()
    assert AddressOn("eth0", IPv4Interface("203.0.113.5/24")) in state.addresses
    assert any(route.gateway == IPv4Address("203.0.113.1") for route in state.routes)
    status = to_json(bench.gateway.status())
    assert [(u["name"], u["state"], u["active"], u["addresses"]) for u in status["uplinks"]] == [
        ("cable", "up", True, ["203.0.113.5/24"]),
        ("modem", "absent", False, []),
    ]
    assert status["hold"] is None  # nothing is dialled on demand
    assert bench.ids()[-2:] == ["uplink.up", "uplink.active"]


def test_a_lost_link_leaves_the_machine(bench: Bench) -> None:
    """Addresses and routes of a lost link are gone when its loss is told."""
    bench.start()
    bench.plugins.made["cable"].report(Up(link("eth0", "203.0.113.5/24")))
    bench.plugins.made["cable"].report(Failed("carrier lost"))
    state = bench.machine.everything()
    assert not any(one.interface == "eth0" for one in state.addresses)
    assert bench.ids()[-1] == "uplink.failed"


def test_a_link_that_collides_with_a_lan_is_not_used(bench: Bench) -> None:
    """The reason names both sides, and the LAN goes on."""
    bench.start()
    bench.plugins.made["cable"].report(Up(link("eth0", "192.168.0.77/24")))
    uplink = to_json(bench.gateway.status())["uplinks"][0]
    assert uplink["state"] == "cooling"
    assert (
        "collides with LAN home" in next(e.fields for e in bench.events if e.id == "uplink.failed")["reason"]
    )
    assert AddressOn("eth1", IPv4Interface("192.168.0.1/24")) in bench.machine.everything().addresses


def test_stop_gives_the_machine_back(bench: Bench) -> None:
    """After a stop the machine is as it was, the table is gone, and how many flows ended is said."""
    bench.start()
    bench.plugins.made["cable"].report(Up(link("eth0", "203.0.113.5/24")))
    assert maybeDeferred(bench.gateway.stopService).called
    assert bench.machine.everything() == bench.original
    assert bench.tables.loaded[-1] is None
    assert bench.closed
    assert [event.fields for event in bench.events if event.id == "gateway.restored"] == [{"flows": 3}]
    assert bench.host.open_sockets == []


def test_a_stop_that_cannot_give_the_machine_back_does_not_end_with_0(bench: Bench) -> None:
    """Everything else ends all the same, the error is told, and it sets the exit status."""
    bench.start()
    bench.tables.error = HostError("nft does not answer")
    bench.gateway.stopService()
    assert [str(error) for error in bench.fatal] == ["nft does not answer"]
    assert ("gateway.fault" in bench.ids(), "gateway.restored" in bench.ids(), bench.closed) == (
        True,
        False,
        True,
    )


def test_a_part_that_fails_to_stop_does_not_keep_the_machine(bench: Bench) -> None:
    """Whatever a part does, the machine is given back and the lock released."""
    bench.start()

    def stop() -> Any:
        raise RuntimeError("bug")

    bench.gateway.lans.stop = stop  # type: ignore[method-assign]
    bench.gateway.stopService()
    assert [str(error) for error in bench.fatal] == ["bug"]
    assert (bench.machine.everything() == bench.original, bench.closed) == (True, True)


def test_ready_is_told_when_the_control_socket_is_there(bench: Bench) -> None:
    """Who reads it in the log can ask at once; a socket that cannot be made refuses the start before it."""

    def refuse(path: Path, gateway: Gateway) -> Any:
        raise HostError("the control socket cannot be made")

    bench.gateway._serve = refuse
    bench.gateway.startService()
    assert [str(error) for error in bench.fatal] == ["the control socket cannot be made"]
    assert "gateway.ready" not in bench.ids()


def test_a_port_that_is_taken_refuses_the_start(bench: Bench) -> None:
    """The reason goes to whoever ends the process; the stop that follows restores everything."""
    bench.services.serve_error = PortTaken("port 53 on 192.168.0.1 is taken by dnsmasq (pid 12)")
    bench.gateway.startService()
    assert [str(error) for error in bench.fatal] == ["port 53 on 192.168.0.1 is taken by dnsmasq (pid 12)"]
    bench.gateway.stopService()
    assert bench.machine.everything() == bench.original


def test_a_machine_that_refuses_ends_the_start(bench: Bench) -> None:
    """An nft that refuses the rules is fatal at the start, and nothing is left of it."""
    bench.tables.error = HostError("nft is not installed")
    bench.gateway.startService()
    assert [str(error) for error in bench.fatal] == ["nft is not installed"]
    bench.tables.error = None
    bench.gateway.stopService()
    assert bench.machine.everything() == bench.original


def test_a_lan_service_that_cannot_be_created_refuses_the_start(bench: Bench) -> None:
    """The error names it; what the machine was made ready for meanwhile is taken back."""

    def create(gateway: Any) -> Any:
        raise RuntimeError("bug")

    bench.services.create = create  # type: ignore[method-assign]
    bench.gateway.startService()
    assert [str(error) for error in bench.fatal] == [
        "LAN service plugin 'service' cannot be created: RuntimeError: bug; update or remove that plugin"
    ]
    bench.gateway.stopService()
    assert bench.machine.everything() == bench.original


RELOADS = [
    ("address: 192.168.7.1/24, services", "LAN home changed", ["serve home 192.168.7.1/24 red"]),
    ("services", "nothing has changed", []),
]


@pytest.mark.parametrize(("replacement", "words", "calls"), RELOADS)
def test_reload_touches_only_what_changed(
    bench: Bench, replacement: str, words: str, calls: list[str]
) -> None:
    """A LAN that is the same is not served again, an uplink that is the same not reconnected."""
    bench.start()
    bench.services.calls.clear()
    bench.write(FILE.replace("services", replacement))
    assert reload(bench) == [words]
    assert bench.services.calls == calls
    assert bench.plugins.made["cable"].calls == ["always"]


def test_a_reload_brings_the_remarks_of_the_new_file(bench: Bench) -> None:
    """The status warns of what the file in force says, not of what an earlier one said."""
    bench.start()
    assert not any("weight" in warning for warning in bench.gateway.status().warnings)
    bench.write(FILE.replace("connect: manual", "connect: manual, weight: 3"))
    reload(bench)
    assert any("weight" in warning for warning in bench.gateway.status().warnings)
    assert any("weight" in event.fields["problem"] for event in bench.events if event.id == "config.warning")
    bench.write(FILE)
    reload(bench)
    assert not any("weight" in warning for warning in bench.gateway.status().warnings)


def test_reload_adds_and_removes(bench: Bench) -> None:
    """A new uplink starts, one that is gone is disconnected and forgotten."""
    bench.start()
    bench.write(FILE.replace("name: modem", "name: dsl"))
    assert reload(bench) == ["uplink modem removed; uplink dsl added"]
    assert [runner.spec.name for runner in bench.gateway.supervisor.runners()] == ["cable", "dsl"]


def test_another_order_is_in_force_before_it_is_told(bench: Bench) -> None:
    """Who hears that another uplink is active finds the default route there."""
    bench.start()
    bench.plugins.made["modem"].report(Down())
    bench.gateway.connect("modem", Cause("command"))
    bench.plugins.made["cable"].report(Up(link("eth0", "203.0.113.5/24")))
    bench.plugins.made["modem"].report(Up(link("eth2", "198.51.100.5/24")))
    loaded: list[int] = []
    bench.gateway.supervisor.watch(lambda view: loaded.append(len(bench.tables.loaded)))
    before = loaded.pop()
    first, second = (line for line in FILE.splitlines() if "plugin: uplink" in line)
    bench.write(FILE.replace(first, "X").replace(second, first).replace("X", second))
    assert reload(bench) == ["uplinks in the order modem, cable"]
    assert bench.gateway.supervisor.active() == "modem"
    assert loaded == [before + 1]


def test_a_bad_file_changes_nothing(bench: Bench) -> None:
    """All errors are told, the old configuration stays in force."""
    bench.start()
    bench.write(FILE.replace("plugin: uplink, interface: eth0", "plugin: uplinc, intreface: eth0"))
    [error] = reload(bench)
    assert isinstance(error, IcsError)
    assert "did you mean" in str(error)
    assert bench.ids()[-1] == "gateway.reload_failed"
    assert to_json(bench.gateway.status())["uplinks"][0]["state"] == "connecting"


def test_a_change_that_fails_half_way_is_taken_back(bench: Bench) -> None:
    """A service that refuses its new settings gets the old ones again; the error is told."""
    bench.start()
    assert bench.services.made is not None
    made, old = bench.services.made, bench.gateway.config
    original: Callable[..., Any] = made.serve

    def serve(lan: Any, config: Any) -> Any:
        return fail(PortTaken("no")) if config.colour == "blue" else original(lan, config)

    made.serve = serve  # type: ignore[method-assign]
    bench.write(FILE.replace("red", "blue").replace("modem", "dsl"))
    [error] = reload(bench)
    assert str(error) == "no"
    assert bench.gateway.config == old
    assert [runner.spec.name for runner in bench.gateway.supervisor.runners()] == ["cable", "modem"]
    assert bench.services.calls[-1] == "serve home 192.168.0.1/24 red"


# --- one process after the other ---------------------------------------------------------------------


def there(bench: Bench) -> Link:
    """The link of the interface eth0 that the machine has."""
    index = next(info.ifindex for info in bench.machine.interfaces() if info.name == "eth0")
    return replace(link("eth0", "203.0.113.5/24"), ifindex=index)


def hand_over(bench: Bench) -> list[Change]:
    """Cable up, then the next process on the same machine; returns what that one changes from now on."""
    bench.start()
    bench.plugins.made["cable"].report(Up(there(bench)))
    assert bench.gateway.restart() == getpid()
    assert bench.fatal == []  # whoever asked gets an answer first
    bench.clock.clock.advance(0)
    assert [type(error) for error in bench.fatal] == [Handover]
    assert maybeDeferred(bench.gateway.stopService).called
    made: list[Change] = []
    apply = bench.machine.apply
    bench.machine.apply = lambda change: (made.append(change), apply(change))[1]  # type: ignore[method-assign]
    bench.events.clear()
    bench.gateway = bench._gateway()
    return made


def test_a_handover_touches_nothing_and_the_next_process_adopts(bench: Bench) -> None:
    """No address goes, nothing is connected; a clean stop then ends in the state before the first start."""
    made = hand_over(bench)
    assert bench.plugins.made["cable"].calls == ["always"]
    adopting: Deferred[Link | None] = Deferred()
    bench.plugins.adopts = lambda saved: adopting
    bench.gateway.startService()
    assert AddressOn("eth0", IPv4Interface("203.0.113.5/24")) in bench.machine.everything().addresses
    adopting.callback(there(bench))
    assert bench.plugins.made["cable"].calls == ["adopt eth0"]
    assert made == []
    assert [one for one in bench.ids() if one.startswith(("gateway", "uplink"))] == [
        "gateway.starting",
        "gateway.adopted",
        "gateway.ready",
        "uplink.adopted",
        "uplink.active",
    ]
    assert maybeDeferred(bench.gateway.stopService).called
    assert bench.machine.everything() == bench.original
    assert bench.links.saved is None


def test_what_does_not_go_on_is_removed_and_connected_anew(bench: Bench) -> None:
    """First the machine without it."""
    hand_over(bench)
    bench.gateway.startService()
    bench.plugins.made["cable"].report(Down())
    assert not any(one.interface == "eth0" for one in bench.machine.everything().addresses)
    assert bench.plugins.made["cable"].calls == ["adopt eth0", "always"]


def test_a_machine_that_does_not_take_a_link_back_costs_no_start(bench: Bench) -> None:
    """As when its addresses collide with a LAN of the new file: it is given up, and all else goes on."""
    hand_over(bench)
    bench.write(FILE.replace("interface: eth1,", "interface: eth1, address: 203.0.113.1/24,"))
    bench.gateway = bench._gateway()
    bench.gateway.startService()
    assert (bench.gateway.status().gateway.state, bench.ids().count("uplink.not_adopted")) == ("ready", 1)
    assert not any(one.interface == "eth0" for one in bench.machine.everything().addresses)


def test_a_gateway_that_stops_cannot_be_handed_over(bench: Bench) -> None:
    """Who stops it was first."""
    bench.start()
    bench.gateway.stopService()
    with pytest.raises(NotRunning):
        bench.gateway.restart()
    bench.clock.clock.advance(0)
    assert bench.fatal == []


def test_the_flows_of_a_dead_uplink_are_forgotten_when_the_new_state_is_in_force(bench: Bench) -> None:
    """If there is another one."""
    bench.start()
    bench.plugins.made["cable"].report(Up(link("eth0", "203.0.113.5/24")))
    bench.plugins.made["modem"].report(Down())
    bench.gateway.connect("modem", Cause("command"))
    bench.plugins.made["modem"].report(Up(link("eth2", "198.51.100.5/24")))
    assert bench.forgotten[1:] == []  # the first one came up: what another had before is nobody's
    bench.plugins.made["cable"].report(Failed("carrier lost"))
    assert bench.forgotten[1:] == [[1]]


def test_commands_of_the_api(bench: Bench) -> None:
    """connect and disconnect act on the named uplink, or on the preferred one."""
    bench.start()
    bench.plugins.made["modem"].report(Down())
    bench.gateway.connect("modem", Cause("command"))
    assert bench.plugins.made["modem"].calls == ["command"]
    done: list[Hangup] = []
    bench.gateway.disconnect(None, "by root").addCallback(done.append)
    assert done == [Hangup("cable", "always")]
    errors: list[str] = []
    bench.gateway.connect("typo", Cause("command")).addErrback(
        lambda why: errors.append(why.getErrorMessage())
    )
    assert errors == ["there is no uplink 'typo'; there are: cable, modem"]


HELPED = FILE + "helpers: [{plugin: helper, name: one}]\n"
PROXY = StreamProxy((21,), lambda flow: None)


@pytest.fixture
def helped(tmp_path: Path) -> Bench:
    """A gateway with a helper that proxies port 21."""
    bench = Bench(tmp_path, HELPED)
    bench.helpers.wants = [PROXY]
    return bench


def redirect_of(table: object) -> str:
    """The rule that leads to a helper's listener, "" if there is none."""
    assert isinstance(table, Table)
    rules = [rule.expression for chain in table.chains for rule in chain.rules]
    return next((rule for rule in rules if "redirect to" in rule), "")


def test_the_first_rules_lead_to_the_helpers(helped: Bench) -> None:
    """Rules are loaded once at a start, and know where the helpers listen; status shows each helper."""
    helped.start()
    assert len(helped.tables.loaded) == 1
    assert "redirect to :40000" in redirect_of(helped.tables.loaded[0])
    assert [(h["name"], h["plugin"], h["state"]) for h in to_json(helped.gateway.status())["helpers"]] == [
        ("one", "helper", "ready")
    ]


def test_a_named_helper_that_is_broken_stops_the_start(helped: Bench) -> None:
    """With one sentence that names it."""
    helped.helpers.broken = {"start": ValueError("a defect")}
    helped.gateway.startService()
    assert len(helped.fatal) == 1
    assert "helper one: start of NAT helper plugin 'helper' failed: ValueError: a defect" in str(
        helped.fatal[0]
    )


def test_a_reload_takes_a_helper_out_of_the_rules(helped: Bench) -> None:
    """Its shell ends and nothing leads there any more; back again it has another listener."""
    helped.start()
    helped.write(FILE + "helpers: []\n")
    assert reload(helped) == ["helper one removed"]
    assert redirect_of(helped.tables.loaded[-1]) == ""
    assert not helped.shells.made[0].running
    helped.write(HELPED)
    assert reload(helped) == ["helper one added"]
    assert "redirect to :40001" in redirect_of(helped.tables.loaded[-1])


def test_a_reload_with_a_broken_helper_keeps_the_old_one(helped: Bench) -> None:
    """The new file is refused, and what ran before runs again."""
    helped.start()
    helped.write(FILE + "helpers: [{plugin: helper, name: one}, {plugin: helper, name: two, ports: [99]}]\n")
    helped.helpers.wants = [EndpointIndependent((), ())] * 100
    (error,) = reload(helped)
    assert "helper two" in str(error)
    assert list(helped.gateway.helpers.running) == ["one"]
    assert helped.shells.made[0].running


def test_a_stop_ends_the_helpers(helped: Bench) -> None:
    """Shell and plugin, before the machine is given back."""
    helped.start()
    helped.gateway.stopService()
    assert not helped.shells.made[0].running
    assert helped.helpers.calls[-1] == "stop"
    assert helped.machine.everything() == helped.original
