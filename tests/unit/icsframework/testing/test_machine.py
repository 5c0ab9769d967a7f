"""The fake machine fails as it is told; that it behaves like a kernel is shown by tests/contract/test_machine.py."""

from ipaddress import ip_interface, ip_network

import pytest

from icsframework.errors import HostError, NoPrivilege
from icsframework.host.changes import AddAddress, AddRoute, SetLink, SetTable
from icsframework.host.state import AddressOn, LinkSettings, Route
from icsframework.testing.machine import FakeMachine

ADDRESS = AddressOn("eth1", ip_interface("192.168.0.1/24"))


@pytest.fixture
def machine():
    machine = FakeMachine()
    machine.add_interface("eth1", up=True)
    return machine


def test_it_fails_on_request_and_recovers(machine):
    """Changes with these words fail; others, and all after recovery, do not."""
    machine.fail_on("add address", NoPrivilege("no"))
    machine.apply(SetLink(LinkSettings("eth1", mtu=1400)))
    with pytest.raises(NoPrivilege):
        machine.apply(AddAddress(ADDRESS))
    machine.recover()
    machine.apply(AddAddress(ADDRESS))
    assert machine.made == [SetLink(LinkSettings("eth1", mtu=1400)), AddAddress(ADDRESS)]


def test_things_happen_in_the_middle(machine):
    """Right before the second change the interface vanishes, with all that hangs on it."""
    machine.before(2, lambda: machine.vanish("eth1"))
    machine.apply(AddAddress(ADDRESS))
    with pytest.raises(HostError, match="eth1"):
        machine.apply(AddRoute(Route(ip_network("0.0.0.0/0"), "eth1")))
    assert machine.addresses == set()
    assert machine.interfaces() == []
    assert not [path for path in machine.sysctls if "eth1" in path]


def test_an_interface_that_goes_down_loses_its_routes(machine):
    """As the kernel does it."""
    machine.apply(AddRoute(Route(ip_network("0.0.0.0/0"), "eth1")))
    machine.apply(SetLink(LinkSettings("eth1", up=False)))
    assert machine.routes == set()


def test_the_filter_is_not_its_business(machine):
    """Whoever hands it one has a defect."""
    with pytest.raises(AssertionError):
        machine.apply(SetTable(None))
