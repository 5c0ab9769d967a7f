"""Leases and names between the services."""

from ipaddress import IPv4Address as A

from twisted.logger import Logger
from zope.interface.verify import verifyObject

from icsframework.gateway.directory import LeaseDirectory, NameDirectory
from icsframework.gateway.told import SHORTEST_MEMORY
from icsframework.interfaces import ILeases, INames
from icsframework.testing.gateway import FakeClock
from icsframework.values import LeaseView, NameRecord


def lease(address: str, lan: str = "home") -> LeaseView:
    """A lease."""
    return LeaseView(A(address), "02:00:00:00:00:01", "", "pc", None, lan)


def test_both_keep_their_contracts() -> None:
    """They provide ILeases and INames."""
    verifyObject(ILeases, LeaseDirectory(Logger()))
    verifyObject(INames, NameDirectory(FakeClock(), Logger()))


def test_watchers_of_leases_hear_what_is_there_and_what_changes() -> None:
    """A late watcher begins with the present, then follows."""
    leases, seen = LeaseDirectory(Logger()), []
    leases.publish(lease("192.168.0.9"))
    end = leases.watch(lambda view, granted: seen.append((str(view.address), granted)))
    leases.publish(lease("192.168.0.5"))
    leases.withdraw(A("192.168.0.9"), "home")
    end()
    leases.withdraw(A("192.168.0.5"), "home")
    assert seen == [("192.168.0.9", True), ("192.168.0.5", True), ("192.168.0.9", False)]


def test_a_lease_is_withdrawn_only_by_its_lan() -> None:
    """Another LAN's plugin cannot take it away."""
    leases = LeaseDirectory(Logger())
    leases.publish(lease("192.168.0.9"))
    leases.withdraw(A("192.168.0.9"), "other")
    assert leases.find(A("192.168.0.9")) == lease("192.168.0.9")
    assert leases.find(A("192.168.0.8")) is None


def test_leases_are_listed_by_lan_and_address() -> None:
    """The order people expect, as numbers."""
    leases = LeaseDirectory(Logger())
    for view in (lease("192.168.0.100"), lease("192.168.0.9"), lease("10.0.0.1", "attic")):
        leases.publish(view)
    assert [str(view.address) for view in leases.all()] == ["10.0.0.1", "192.168.0.9", "192.168.0.100"]


def test_names_are_told_once_and_withdrawn_by_owner() -> None:
    """An unchanged publication is silent; a withdrawn owner's names go with empty addresses."""
    names, seen = NameDirectory(FakeClock(), Logger()), []
    names.watch(seen.append)
    for _ in range(2):
        names.publish("dhcp/home", "PC1", [A("192.168.0.9")], 60)
    names.publish("dhcp/home", "nothing", [], 0)
    names.withdraw("other")
    names.withdraw("dhcp/home")
    assert seen == [
        NameRecord("dhcp/home", "pc1", (A("192.168.0.9"),), 60),
        NameRecord("dhcp/home", "pc1", (), 0),
    ]


def test_a_late_watcher_of_names_gets_those_that_are_there() -> None:
    """The DNS proxy may start after DHCP."""
    names, seen = NameDirectory(FakeClock(), Logger()), []
    names.publish("dhcp/home", "pc1", [A("192.168.0.9")], 60)
    names.watch(seen.append)
    assert [record.host for record in seen] == ["pc1"]


def test_what_a_client_was_told_is_remembered_for_a_while() -> None:
    """The cause of a dial is the name that this client asked for; not what somebody else was told, nor that of yesterday."""
    clock = FakeClock()
    names = NameDirectory(clock, Logger())
    client, server = A("192.168.0.9"), A("192.0.2.80")
    names.resolved(client, "www.example.net", [server], 60)
    assert names.lookup(client, server) == "www.example.net"
    assert names.lookup(A("192.168.0.8"), server) == ""
    clock.clock.advance(SHORTEST_MEMORY)
    assert names.lookup(client, server) == ""


def test_listeners_hear_what_clients_were_told_and_are_told() -> None:
    """What is remembered first, with the time that is left, then each answer."""
    clock, seen = FakeClock(), []
    names = NameDirectory(clock, Logger())
    client, server = A("192.168.0.9"), A("192.0.2.80")
    names.resolved(client, "www.example.net", [server], 60)
    clock.clock.advance(10.0)
    end = names.listen(lambda *told: seen.append(told))
    names.resolved(client, "ftp.example.net", [server, A("192.0.2.81")], 20000)
    end()
    names.resolved(client, "www.example.net", [server], 60)
    assert seen == [
        (client, "www.example.net", server, SHORTEST_MEMORY - 10.0),
        (client, "ftp.example.net", server, 20000),
        (client, "ftp.example.net", A("192.0.2.81"), 20000),
    ]
