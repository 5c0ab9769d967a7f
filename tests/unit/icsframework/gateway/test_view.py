"""What a plugin sees, and that nothing of it is left when it stops."""

from ipaddress import IPv4Address, IPv4Interface
from typing import Any

import pytest
from twisted.internet.defer import succeed
from twisted.internet.task import Clock
from twisted.logger import Logger
from zope.interface.verify import verifyObject

from icsframework.dataplane.plane import DataPlane, LanSide, UplinkSide
from icsframework.errors import UplinkFailed
from icsframework.gateway.bus import EventBus
from icsframework.gateway.directory import LeaseDirectory, NameDirectory
from icsframework.gateway.view import GatewayView, Shared
from icsframework.host.scoped import ScopedHost
from icsframework.interfaces import IEvents, IGateway, ILeases, IMappings, INames, IStatus, IUplinks
from icsframework.mappings.service import MappingService
from icsframework.testing.elements import FakeElements
from icsframework.testing.gateway import FakeClock, FakeEvents, FakeUplinks
from icsframework.testing.host import FakeHost
from icsframework.testing.store import MemoryStore
from icsframework.values import Cause, Endpoint, Family, LeaseView, Link, Open

PC = IPv4Address("192.168.0.9")


@pytest.fixture
def shared() -> Shared:
    """The common parts, in memory."""
    clock, log = FakeClock(), Logger(observer=lambda event: None)
    host, store = FakeHost(Clock()), MemoryStore()
    return Shared(
        clock,
        EventBus(clock, log),
        LeaseDirectory(log),
        NameDirectory(clock, log),
        FakeUplinks(),
        lambda owner: ScopedHost(host, owner),
        lambda owner: store,
        MappingService(
            FakeElements(clock),
            clock,
            FakeEvents("mappings", clock),
            log,
            lambda n: 0,
            lambda chosen, through: succeed(0),
        ),
    )


def test_all_parts_keep_their_contracts(shared: Shared) -> None:
    """A view and everything in it provide what interfaces.py promises."""
    view = GatewayView("dhcp", shared)
    verifyObject(IGateway, view)
    for contract, part in (
        (IMappings, view.mappings),
        (IUplinks, view.uplinks),
        (ILeases, view.leases),
        (INames, view.names),
        (IEvents, view.events),
        (IStatus, view.status),
    ):
        verifyObject(contract, part)


def test_release_leaves_nothing(shared: Shared) -> None:
    """Leases, names, watches, figures and sockets of a stopped plugin are gone."""
    view, other = GatewayView("dhcp", shared), GatewayView("dns", shared)
    heard: list[Any] = []
    view.leases.publish(LeaseView(PC, "02::1", "", "pc", None, "home"))
    view.names.publish("home", "pc", [PC], 60)
    other.names.publish("home", "router", [PC], 60)
    view.names.watch(heard.append)
    view.events.watch(heard.append)
    view.status.details(lambda: {"leases": 1})
    opened: list[Any] = []
    view.host.bind_udp(Endpoint(IPv4Address("0.0.0.0"), 67)).addCallback(opened.append)
    heard.clear()
    view.release()
    other.names.publish("home", "printer", [PC], 60)
    other.events.emit("x.y")
    left: list[str] = []
    shared.names.watch(lambda record: left.append(record.host))
    assert (heard, left, shared.details) == ([], ["router", "printer"], {})
    assert shared.leases.all() == []
    assert opened[0].fileno() == -1


def test_nobody_waits_for_a_stopped_plugin(shared: Shared) -> None:
    """What it asked for is taken back: it gets no link any more, and no error is left in the log."""
    view = GatewayView("dns", shared)
    waiting, answered = view.uplinks.request(Cause("dns")), view.uplinks.request(Cause("dns"))
    shared.uplinks.fail_requests(UplinkFailed("busy"))  # type: ignore[attr-defined]
    told: list[Any] = []
    for one in (waiting, answered):
        one.addErrback(told.append)
    left: list[Any] = []
    view.uplinks.request(Cause("dns")).addCallback(left.append)
    view.release()
    assert (len(told), left) == (2, [])
    shared.uplinks.fail_requests(UplinkFailed("too late"))  # type: ignore[attr-defined]


def test_a_lease_that_another_owner_has_now_is_not_withdrawn(shared: Shared) -> None:
    """What an owner withdrew by itself is no longer its own when it stops."""
    first, second = GatewayView("dhcp", shared), GatewayView("other", shared)
    lease = LeaseView(PC, "02::1", "", "pc", None, "home")
    first.leases.publish(lease)
    first.leases.withdraw(PC, "home")
    second.leases.publish(lease)
    first.release()
    assert shared.leases.all() == [lease]


def test_owners_cannot_withdraw_each_others_names(shared: Shared) -> None:
    """Two plugins that use the same owner's name for a LAN do not meet."""
    first, second = GatewayView("dhcp", shared), GatewayView("chess", shared)
    first.names.publish("home", "pc", [PC], 60)
    second.names.withdraw("home")
    left: list[str] = []
    shared.names.watch(lambda record: left.append(record.host))
    assert left == ["pc"]


def test_mappings_go_with_the_view(shared: Shared) -> None:
    """What a plugin opened has its name, and is given back when its view is released; another's stays."""
    cable = UplinkSide("cable", 1, "eth0", link("eth0", "203.0.113.5/24"))
    home = LanSide("home", "eth1", IPv4Interface("192.168.0.1/24"))
    shared.mappings.in_force(DataPlane((home,), (cable,)))
    ftp, chess = GatewayView("ftp", shared), GatewayView("chess", shared)
    for port, view in ((4000, ftp), (5000, chess)):
        view.mappings.open("cable", Open("t", "tcp", Endpoint(PC, port), None))
    assert [mapping.owner for mapping in shared.mappings.all()] == ["ftp", "chess"]
    ftp.release()
    assert [mapping.owner for mapping in shared.mappings.all()] == ["chess"]


def link(interface: str, address: str) -> Link:
    """A link with an address."""
    own = Family((IPv4Interface(address),), None)
    return Link(interface, 2, None, "ethernet", "kernel", 1500, False, 0.0, own)
