"""Configurations of text, as the loader makes them, with the plugins of this checkout; and a Beside on fakes."""

from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from ipaddress import ip_interface
from pathlib import Path

import pytest
from twisted.internet.defer import fail, maybeDeferred, succeed
from twisted.logger import Logger
from zope.interface import implementer

from icsframework.config.configuration import Configuration
from icsframework.config.loader import load
from icsframework.dataplane.filters import Filters, FoundChain
from icsframework.dataplane.plane import DataPlane, LanSide, UplinkSide
from icsframework.dataplane.ruleset import BaseChain, Rule, Table
from icsframework.errors import HostError
from icsframework.gateway.beside import Beside
from icsframework.gateway.surroundings import Surroundings
from icsframework.host.machine import ITable
from icsframework.host.managers import Facts
from icsframework.host.owned import Owned
from icsframework.host.reconcile import Reconciler
from icsframework.host.scoped import ScopedHost
from icsframework.host.state import AddressOn, MachineState
from icsframework.registry import Registry
from icsframework.testing.gateway import FakeClock, FakeEvents
from icsframework.testing.host import FakeHost
from icsframework.testing.machine import FakeMachine
from icsframework.values import InterfaceInfo

BASE = """
lans:
  - {name: home, interface: eth1}
uplinks:
  - {name: cable, plugin: ethernet, interface: eth0, address: {address: 203.0.113.5/24, gateway: 203.0.113.1}}
"""


@pytest.fixture(scope="session")
def registry() -> Registry:
    """The installed plugins."""
    return Registry.installed()


@pytest.fixture
def configure(tmp_path: Path, registry: Registry) -> Callable[[str], Configuration]:
    """Text -> Configuration; an error of the file fails the test."""

    def make(text: str = BASE) -> Configuration:
        path = tmp_path / "gateway.yaml"
        path.write_text(text)
        result = load(path, registry)
        assert result.config is not None, "\n".join(map(str, result.errors))
        return result.config

    return make


TABLE = Table("ics", (BaseChain("forward", (Rule("accept", "all"),)),))


WHOLE = Filters(
    {
        ("inet", "ics"): {
            "forward": FoundChain("inet", "ics", "forward", (), "filter", "forward", "accept", count=1)
        }
    }
)


OURS = ip_interface("192.168.0.1/24")


PLANE = DataPlane((LanSide("home", "eth1", OURS),), (UplinkSide("cable", 1, "eth0"),))


class MemoryBefore:
    """Before in memory."""

    def load(self):
        return Owned()

    def save(self, owned):
        pass


@implementer(ITable)
class Kernel:
    """What the kernel has of our table; a load makes it whole unless it is refused."""

    def __init__(self):
        self.found, self.loads, self.error = WHOLE, 0, None

    def publish(self, table):
        if self.error is not None:
            return fail(self.error)
        self.found, self.loads = WHOLE, self.loads + 1
        return succeed(None)


class Bench:
    """A Beside on fakes: one LAN (eth1), one uplink (eth0), a kernel that has our table."""

    TABLE, WHOLE, OURS, PLANE = TABLE, WHOLE, OURS, PLANE

    def __init__(self):
        self.clock = FakeClock()
        self.events = FakeEvents("beside", self.clock)
        self.machine, self.kernel = FakeMachine(), Kernel()
        self.machine.add_interface("eth1", up=True)
        self.host = FakeHost(self.clock.clock)
        self.state = MachineState(addresses=frozenset({AddressOn("eth1", OURS)}), table=TABLE)
        self.reconciler = Reconciler(self.machine, MemoryBefore(), maybeDeferred, self.kernel)
        self.filters, self.facts, self.watching = [Filters()], Facts(), None
        self.routes = ()
        self.refuse_watch, self.repaired, self.plane, self.services = (
            False,
            0,
            PLANE,
            {"home": ["dhcp", "dns"]},
        )
        around = Surroundings(
            self.watch, lambda: succeed(self.kernel.found), lambda: succeed(tuple(self.filters)),
            lambda: succeed(self.facts), lambda: succeed(self.routes),
        )  # fmt: skip
        self.beside = Beside(
            self.clock, self.events, Logger(), around, ScopedHost(self.host, "beside"), self.reconciler,
            lambda: self.plane, lambda: self.services, self.settle, self.repair,
        )  # fmt: skip
        self.settle()
        self.appear()

    def watch(self, on_loss, on_change):
        if self.refuse_watch:
            raise HostError("This container does not allow it.")
        self.watching = (on_loss, on_change)

        def unwatch():
            self.watching = None

        return unwatch

    def settle(self):
        done = self.reconciler.apply(self.state)
        return done.addCallback(lambda count: self.appear() or count)

    def appear(self, *more):
        """The host shows what the machine has, and more."""
        addresses = tuple(one.address for one in self.machine.addresses)
        info = InterfaceInfo("eth1", 3, "02:00:5e:00:53:01", 1500, True, True, (*addresses, *more))
        self.host.set_interface("eth1", info)

    def repair(self):
        self.repaired += 1
        return succeed(None)

    def start(self):
        self.beside.start()
        self.advance(1)

    def advance(self, seconds):
        """Time passes in small steps."""
        for _ in range(round(seconds * 4)):
            self.clock.clock.advance(0.25)

    def flush(self, by="nft (pid 812)"):
        """Somebody removes our table."""
        self.kernel.found = Filters()
        self.watching[0](by)
        self.advance(0.5)

    def told(self, id):
        """The fields of each such event."""
        return self.events.said(id)


@pytest.fixture
def bench():
    return Bench()


@pytest.fixture(scope="session")
def stand():
    """The module test_compose.py: the whole gateway on a machine in memory (Bench, FILE, link)."""
    spec = spec_from_file_location("gateway_stand", Path(__file__).with_name("test_compose.py"))
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
