"""The machine agrees with what is live: interfaces by their names of now, bridges, ports, LANs that make way."""

from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.logger import Logger

from icsframework.config.loader import load
from icsframework.dataplane.doors import Doors
from icsframework.dataplane.marks import assign_indices
from icsframework.dataplane.plane import HOLD_DEVICE, DataPlane, HoldSide
from icsframework.errors import HostError
from icsframework.gateway.agreement import Agreement
from icsframework.gateway.lans import Lans
from icsframework.gateway.services import LanServices
from icsframework.host.machine import PortRefused
from icsframework.host.owned import Owned
from icsframework.host.reconcile import Reconciler
from icsframework.testing.gateway import FakeClock, FakeEvents, FakeGateway
from icsframework.testing.host import FakeHost
from icsframework.testing.lan import ScriptedLanFactory
from icsframework.testing.machine import FakeMachine
from icsframework.testing.registry import FixedRegistry
from icsframework.testing.store import MemoryStore
from icsframework.testing.uplink import ScriptedUplinkFactory
from icsframework.values import Family, Link

UPLINK = "uplinks: [{name: cable, plugin: uplink, interface: eth0}]\n"
PLAIN = f"lans: [{{name: home, interface: eth1, address: auto, services: [{{plugin: service}}]}}]\n{UPLINK}"
BRIDGED = (
    "lans: [{name: home, bridge: {name: br-home, ports: [eth1, eth2]}, services: [{plugin: service}]}]\n"
    + UPLINK
)
VLAN = "lans: [{interface: eth1, services: []}]\nuplinks: [{name: tv, plugin: uplink, interface: eth0, vlan: 7}]\n"


class Nowhere:
    """before.json in memory."""

    def __init__(self) -> None:
        self.owned = Owned()

    def load(self) -> Owned:
        """See Before."""
        return self.owned

    def save(self, owned: Owned) -> None:
        """See Before."""
        self.owned = owned

    def clear(self) -> None:
        """See Before."""
        self.owned = Owned()


class Parts:
    """The other parts of a gateway, as far as the machine depends on them; an interface changes on machine and host."""

    def __init__(self, path: Path, text: str) -> None:
        self.services = ScriptedLanFactory()
        known: dict[tuple[str, str], Any] = {
            ("lan_service", "service"): self.services,
            ("uplink", "uplink"): ScriptedUplinkFactory(),
        }
        registry = FixedRegistry(known)
        file = path / "gateway.yaml"
        file.write_text(text)
        result = load(file, registry)
        assert result.config is not None, result.errors
        self.config = result.config
        self.machine, self.host, self.events = (
            FakeMachine(),
            FakeHost(Clock()),
            FakeEvents("lans", FakeClock()),
        )
        for name in ("eth0", "eth1", "eth2"):
            self.machine.add_interface(name)
        self.machine.add_interface(HOLD_DEVICE, up=True)
        self.links: dict[str, Link] = {}
        sections = {uplink.name: uplink for uplink in self.config.uplinks}
        self.uplinks = SimpleNamespace(
            sections=sections, indices=assign_indices(sections), remembered=lambda found: {}
        )
        self.supervisor = SimpleNamespace(links=lambda: tuple(self.links.items()), lingering=lambda: ())
        self.remembered = SimpleNamespace(links=dict, found={}, keep=lambda links: None)
        self.planes: list[Any] = []
        self.flows = SimpleNamespace(in_force=self.planes.append)
        self.mappings = SimpleNamespace(in_force=lambda plane: None)
        self.helpers = SimpleNamespace(in_force=lambda plane: None, doors=Doors)
        self.told: list[str] = []
        """What happens, in order: the packet filter loaded, packets that go on by an uplink."""
        self.ondemand = SimpleNamespace(
            in_force=self.go_on, side=lambda: self.hold, waiting=False, unlinked=self.wait
        )
        self.hold: HoldSide | None = None
        tables = SimpleNamespace(publish=self.publish)
        self.busy: Deferred[None] | None = None
        reconciler = Reconciler(self.machine, Nowhere(), self.in_thread, tables)  # type: ignore[arg-type]
        self.agreement = Agreement(
            self,  # type: ignore[arg-type]
            reconciler,
            self.machine.interfaces,
            self.host,  # type: ignore[arg-type]
            MemoryStore(),
            self.events,
            Logger(observer=lambda event: None),
            lambda n: bytes(range(n)),
        )
        services = LanServices(registry, self._view)
        log = Logger(observer=lambda event: None)
        self.lans = Lans(
            self.agreement.places,
            services,
            self.events,
            log,
            self.agreement.settle,
            self.agreement.address_of,
        )

    def _view(self, owner: str) -> Any:
        view = FakeGateway(owner)
        view.release = lambda: None  # type: ignore[attr-defined]
        return view

    def in_thread(self, work: Callable[..., Any], *args: Any) -> Any:
        """The worker thread; if it is ``busy`` it gets to this when that is over."""
        busy, self.busy = self.busy or succeed(None), None
        return busy.addCallback(lambda _: work(*args))

    def publish(self, table: object) -> Any:
        """The packet filter's loader."""
        self.told.append("filter")
        return succeed(None)

    def wait(self) -> None:
        """Packets hear that there will be no link."""
        self.told.append("packets wait")

    def go_on(self, plane: DataPlane) -> None:
        """Packets that wait for a link hear what is in force."""
        there = {str(one.address) for one in self.machine.addresses if one.interface in ("eth0", "wan0")}
        self.told += [f"packets from {address}" for address in sorted(there) if plane.preference]

    def start(self) -> "Parts":
        """As the gateway does."""
        self.look()
        self.agreement.use(self.config)
        self.agreement.subnets.open(MemoryStore())
        self.agreement.choose(self.config)
        for lan in self.config.lans:
            self.lans.add(lan)
        self.settle()
        self.host.look = self.look  # type: ignore[method-assign]
        self.ok(self.agreement.see_what_was_made())
        self.ok(self.lans.start())
        return self

    def settle(self) -> None:
        """It succeeds."""
        self.ok(self.agreement.settle())

    def look(self) -> None:
        """The host shows what the machine has."""
        self.host.interfaces = {info.name: info for info in self.machine.interfaces()}
        FakeHost.look(self.host)

    def up(self, address: str) -> None:
        """The uplink has a link with this address."""
        own = IPv4Interface(address)
        family = Family((own,), IPv4Address("192.0.2.1"))
        index = next(info.ifindex for info in self.machine.interfaces() if info.name == "eth0")
        self.links = {"cable": Link("eth0", index, None, "ethernet", "kernel", 1500, False, 0.0, family)}

    def addresses(self) -> list[str]:
        """What is on which interface."""
        return sorted(map(str, self.machine.addresses))

    def ok(self, deferred: Any) -> None:
        """It has succeeded."""
        found: list[Any] = []
        deferred.addBoth(found.append)
        assert found, "it has not fired"
        assert not hasattr(found[0], "raiseException"), found[0]


def test_a_rename_moves_everything(tmp_path: Path) -> None:
    """Nothing is taken away or added; LAN and link are known by the new names, although the plugin says the old one."""
    parts = Parts(tmp_path, PLAIN).start()
    parts.up("203.0.113.5/24")
    parts.settle()
    made = len(parts.machine.made)
    parts.machine.rename("eth0", "wan0")
    parts.machine.rename("eth1", "lan0")
    parts.look()
    parts.settle()
    assert parts.machine.made[made:] == []
    assert parts.addresses() == ["192.168.0.1/24 on lan0", "203.0.113.5/24 on wan0"]
    assert parts.planes[-1].interfaces == ("lan0", "wan0")
    assert parts.lans.states["home"].served.interface == "lan0"  # type: ignore[union-attr]


def test_a_bridge_is_there_before_its_lan_is_served(tmp_path: Path) -> None:
    """With our MAC address and its ports; a port that is refused is left alone."""
    parts = Parts(tmp_path, BRIDGED)
    parts.machine.fail_on("set interface eth2 up, port of", PortRefused("eth2 is a station", "eth2"))
    parts.start()
    assert parts.services.calls == ["start", "serve home 192.168.0.1/24 grey"]
    assert parts.events.ids() == ["lan.port_refused", "lan.serving"]
    bridge = next(info for info in parts.machine.interfaces() if info.name == "br-home")
    assert (bridge.mac, bridge.up) == ("02:01:02:03:04:05", True)
    assert parts.agreement.live().refused == {"eth2"}
    assert {link.interface for link in parts.machine.everything().links if link.master} == {"eth1"}


def test_a_vlan_is_made_when_the_interface_below_is_there(tmp_path: Path) -> None:
    """It goes with it, and comes again."""
    parts = Parts(tmp_path, VLAN).start()
    assert {device.interface for device in parts.machine.everything().devices} == {"icsu-tv"}
    parts.machine.vanish("eth0")
    parts.look()
    parts.settle()
    assert parts.machine.everything().devices == frozenset()
    parts.machine.add_interface("eth0")
    parts.look()
    assert {device.interface for device in parts.machine.everything().devices} == {"icsu-tv"}


def test_an_auto_lan_makes_way_and_a_settle_in_between_waits(tmp_path: Path) -> None:
    """First the LAN has its new address and its services know, then the link is in force."""
    parts = Parts(tmp_path, PLAIN).start()
    parts.up("192.168.0.77/24")
    parts.settle()
    assert parts.addresses() == ["192.168.0.77/24 on eth0", "192.168.1.1/24 on eth1"]
    assert parts.services.calls[-1] == "serve home 192.168.1.1/24 grey"
    assert parts.lans.states["home"].served.auto  # type: ignore[union-attr]
    moves = [str(change) for change in parts.machine.made]
    assert moves.index("remove address 192.168.0.1/24 on eth1") < moves.index(
        "add address 192.168.0.77/24 on eth0"
    )


def test_what_is_frozen_is_left_alone(tmp_path: Path) -> None:
    """At a stop or a handover nothing is settled any more."""
    parts = Parts(tmp_path, PLAIN).start()
    parts.agreement.freeze()
    made = len(parts.machine.made)
    parts.up("203.0.113.5/24")
    parts.settle()
    assert parts.machine.made[made:] == []


def test_packets_that_wait_do_not_wait_for_the_packet_filter(tmp_path: Path) -> None:
    """Address and routes are enough for them; then come the rules that know the address, and all others hear of it."""
    parts = Parts(tmp_path, PLAIN)
    parts.hold = HoldSide()
    parts.start()
    del parts.told[:], parts.planes[:]
    parts.ondemand.waiting = True
    parts.up("203.0.113.5/24")
    parts.settle()
    assert parts.told == ["packets from 203.0.113.5/24", "filter", "packets from 203.0.113.5/24"]
    assert len(parts.planes) == 1


def test_without_packets_or_with_other_rules_nothing_is_done_in_haste(tmp_path: Path) -> None:
    """Rules that have changed as well come first, as ever: the old ones might let through what the new ones do not."""
    parts = Parts(tmp_path, PLAIN)
    parts.hold = HoldSide()
    parts.start()
    for waiting, hold in ((False, HoldSide()), (True, HoldSide(settled=True))):
        parts.links, parts.hold, parts.ondemand.waiting = {}, HoldSide(), False
        parts.settle()
        del parts.told[:]
        parts.hold, parts.ondemand.waiting = hold, waiting
        parts.up("203.0.113.5/24")
        parts.settle()
        assert parts.told == ["filter", "packets from 203.0.113.5/24"]


def test_packets_do_not_go_on_by_a_link_that_is_lost_before_its_turn(tmp_path: Path) -> None:
    """What another change overtakes while it waits for the machine is never in force, and nothing is told of it."""
    parts = Parts(tmp_path, PLAIN)
    parts.hold = HoldSide()
    parts.start()
    planes: list[DataPlane] = []
    parts.ondemand.in_force, parts.ondemand.waiting = planes.append, True
    busy: Deferred[None] = Deferred()
    parts.busy = busy
    parts.agreement.settle()
    parts.up("203.0.113.5/24")
    parts.agreement.settle()
    parts.links = {}
    parts.agreement.settle()
    busy.callback(None)
    assert planes and not any(plane.preference for plane in planes)


def test_a_link_on_a_device_that_the_rules_do_not_know_waits_for_them(tmp_path: Path) -> None:
    """They would neither let packets through to it nor translate them: what goes on before is lost."""
    parts = Parts(tmp_path, PLAIN)
    parts.hold = HoldSide()
    parts.start()
    del parts.told[:]
    parts.ondemand.waiting = True
    parts.up("203.0.113.5/24")
    parts.machine.rename("eth0", "wan0")
    parts.look()
    parts.settle()
    assert parts.told == ["filter", "packets from 203.0.113.5/24"]
    assert parts.planes[-1].uplinks[0].interface == "wan0"


def test_what_the_machine_refuses_in_haste_it_refuses_once_more_and_says_why(tmp_path: Path) -> None:
    """A first step that fails costs nothing but time."""
    parts = Parts(tmp_path, PLAIN)
    parts.hold = HoldSide()
    parts.start()
    parts.ondemand.waiting = True
    parts.up("203.0.113.5/24")
    parts.machine.fail_on("203.0.113.5", HostError("The kernel has no room."))
    failed: list[Any] = []
    parts.agreement.settle().addErrback(failed.append)
    assert [one.getErrorMessage() for one in failed] == ["The kernel has no room."]


def test_packets_wait_before_the_machine_is_without_a_link(tmp_path: Path) -> None:
    """What comes while rules, routes and addresses change one after the other would find no way."""
    parts = Parts(tmp_path, PLAIN)
    parts.hold = HoldSide()
    parts.start()
    parts.up("203.0.113.5/24")
    parts.settle()
    parts.links = {}
    del parts.told[:]
    parts.settle()
    assert parts.told[:2] == ["packets wait", "filter"]
