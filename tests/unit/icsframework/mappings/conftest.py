"""A mapping service on a kernel, a disk and a clock in memory."""

from collections.abc import Callable
from ipaddress import ip_address, ip_interface
from random import Random
from typing import Any

import pytest
from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from icsframework.dataplane.doors import Doors, Published
from icsframework.dataplane.flows import MarkFilter, Tracked
from icsframework.dataplane.plane import DataPlane, LanSide, UplinkSide
from icsframework.errors import IcsError
from icsframework.mappings.addition import Addition, Removal
from icsframework.mappings.service import MappingService
from icsframework.testing.elements import FakeElements
from icsframework.testing.gateway import FakeClock, FakeEvents
from icsframework.testing.store import MemoryStore
from icsframework.values import Endpoint, Family, Link, Mapping, Open

LAN = LanSide("home", "eth1", ip_interface("192.168.0.1/24"))


def link(interface: str, address: str) -> Link:
    """An uplink's link with one IPv4 address."""
    family = Family((ip_interface(address),), None, (), ())
    return Link(interface, 2, None, "ethernet", "kernel", 1500, False, 0.0, family)


def plane(
    *published: Published, up: tuple[str, ...] = ("cable",), address: str = "203.0.113.5/24", **changes: Any
) -> DataPlane:
    """One LAN, and the uplinks cable (mark 0x10000) and dsl (0x20000), of which those in ``up`` have an address."""
    links = {"cable": link("eth0", address), "dsl": link("eth2", "198.51.100.7/24")}
    uplinks = tuple(
        UplinkSide(name, index, interface, links[name] if name in up else None)
        for name, index, interface in (("cable", 1, "eth0"), ("dsl", 2, "eth2"))
    )
    return DataPlane(**({"lans": (LAN,), "uplinks": uplinks, "doors": Doors(published=published)} | changes))


def web(first: int = 80, last: int | None = None, **more: Any) -> Published:
    """A published service."""
    return Published("web", "tcp", first, last or first, Endpoint(ip_address("192.168.0.10"), 80), **more)


class Bench:
    """The service; what is asked of it is answered at once, as value or error."""

    plane = staticmethod(plane)
    web = staticmethod(web)

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.elements = FakeElements(self.clock)
        self.store = MemoryStore()
        self.ended: list[tuple[MarkFilter, Callable[[Tracked], bool]]] = []
        self.end_fails: IcsError | None = None
        self.begin()

    def begin(self) -> None:
        """A new process on the same machine."""
        self.events = FakeEvents("mappings", self.clock)
        self.service = MappingService(
            self.elements,
            self.clock,
            self.events,
            Logger(observer=lambda _: None),
            Random(7).randrange,
            self.end,
        )

    def run(self, data_plane: DataPlane | None = None) -> MappingService:
        """Start it, with a data plane in force."""
        self.outcome(self.service.start(self.store))
        self.service.in_force(data_plane or plane())
        return self.service

    def kill(self, data_plane: DataPlane | None = None) -> MappingService:
        """``kill -9`` and a new start; the clocks that the old process had set mean nothing."""
        for call in self.clock.clock.getDelayedCalls():
            call.cancel()
        self.begin()
        return self.run(data_plane)

    def end(self, chosen: MarkFilter, through: Callable[[Tracked], bool]) -> Deferred[Any]:
        """Note which flows are to end."""
        if self.end_fails is not None:
            raise self.end_fails
        self.ended.append((chosen, through))
        return succeed(0)

    def outcome(self, deferred: Deferred[Any]) -> Any:
        """What it fired with; an error is raised.  It must have fired."""
        results: list[Any] = []
        deferred.addBoth(results.append)
        assert results, "nobody has answered"
        if hasattr(results[0], "raiseException"):
            results[0].raiseException()
        return results[0]

    def open(
        self, port: int = 40000, owner: str = "helper.ftp", uplink: str = "cable", **more: Any
    ) -> Mapping:
        """A helper opens a port to the PC."""
        told = {"protocol": "tcp", "host": "192.168.0.10", "remote": ip_address("192.0.2.80")} | more
        to = Endpoint(ip_address(told.pop("host")), port)
        return self.outcome(self.service.open(owner, uplink, Open("token", to=to, **told)))

    def add(self, **parameters: Any) -> list[Mapping]:
        """``ics mappings add``."""
        told = {"protocol": "tcp", "port": 8080, "to": "192.168.0.10:80", "uplink": "cable"} | parameters
        return self.outcome(self.service.add(Addition.read(told)))

    def remove(self, **parameters: Any) -> list[Mapping]:
        """``ics mappings remove``."""
        return self.outcome(self.service.remove(Removal.read({"protocol": "tcp", "port": 8080} | parameters)))

    @property
    def owners(self) -> list[str]:
        """Who has which port: "cable tcp 8080 added"."""
        return [f"{m.uplink} {m.protocol} {m.external.port} {m.owner}" for m in self.service.all()]

    def lets_in(self) -> list[str]:
        """What the kernel lets in: set, mark, protocol and port."""
        return sorted(
            f"{name} {key[0]:#x} {key[-2]} {key[-1]}"
            for name in ("expect_from", "expect_any", "open_from", "open_any")
            for key in self.elements.keys(name)
        )


@pytest.fixture
def bench() -> Bench:
    """A machine whose gateway has not started."""
    return Bench()


@pytest.fixture
def running(bench: Bench) -> Bench:
    """One that runs, with one LAN and uplink cable up."""
    bench.run()
    return bench
