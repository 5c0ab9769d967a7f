"""The packet filter learns what names led to."""

from ipaddress import ip_address

import pytest
from twisted.internet.defer import fail
from twisted.logger import Logger, LogLevel

from icsframework.dataplane.elements import IElements
from icsframework.dataplane.named import name_set
from icsframework.dataplane.plane import DataPlane, HoldSide
from icsframework.errors import NftError
from icsframework.gateway.directory import NameDirectory
from icsframework.gateway.named import MOST_WAITING, NamedFlows
from icsframework.gateway.told import SHORTEST_MEMORY
from icsframework.testing.elements import FakeElements
from icsframework.testing.gateway import FakeClock
from icsframework.uplinks.traffic import TrafficRule

PC, OTHER = ip_address("192.168.0.9"), ip_address("192.168.0.8")
SERVER, SECOND = ip_address("192.0.2.80"), ip_address("192.0.2.81")
SPY, WWW = "*.telemetry.example", "www.example.net"


def plane(*patterns):
    """Rules in force with these patterns."""
    return DataPlane(
        hold=HoldSide(wake={"modem": tuple(TrafficRule("ignore", "x", name=one) for one in patterns)})
    )


class Stand:
    """The directory, the kernel's sets, and what is tested between them."""

    def __init__(self):
        self.clock, self.lines = FakeClock(), []
        log = Logger(observer=self.lines.append)
        self.names, self.elements = NameDirectory(self.clock, log), FakeElements(self.clock)
        self.named = NamedFlows(self.names, self.elements, log)

    def led_to(self, pattern):
        """The pairs in a pattern's set."""
        return set(self.elements.keys(name_set(pattern)))


@pytest.fixture
def stand():
    return Stand()


def test_what_fits_goes_into_the_set_of_its_pattern(stand):
    """For the client that was told, with each address, for as long as the directory remembers; the rest does not."""
    stand.named.in_force(plane(SPY, WWW))
    stand.names.resolved(PC, "a.Telemetry.example.", [SERVER, SECOND], 60)
    stand.names.resolved(OTHER, "telemetry.example", [SERVER], 60)
    stand.names.resolved(OTHER, WWW, [SERVER], 60)
    assert stand.led_to(SPY) == {(PC, SERVER), (PC, SECOND)}
    assert stand.led_to(WWW) == {(OTHER, SERVER)}
    assert stand.elements.left(name_set(SPY), (PC, SERVER)) == SHORTEST_MEMORY


def test_the_last_name_counts(stand):
    """An address that is told again by another name leaves the set; told by the same, it stays longer."""
    stand.named.in_force(plane(SPY))
    stand.names.resolved(PC, "a.telemetry.example", [SERVER, SECOND], 60)
    stand.clock.clock.advance(100.0)
    stand.names.resolved(PC, "a.telemetry.example", [SECOND], 60)
    stand.names.resolved(PC, WWW, [SERVER], 60)
    assert stand.led_to(SPY) == {(PC, SECOND)}
    assert stand.elements.left(name_set(SPY), (PC, SECOND)) == SHORTEST_MEMORY


def test_new_rules_know_what_was_told_before(stand):
    """With the time that is left; the same rules once more change nothing."""
    stand.names.resolved(PC, "a.telemetry.example", [SERVER], 60)
    stand.clock.clock.advance(100.0)
    stand.named.in_force(plane(SPY))
    assert stand.elements.left(name_set(SPY), (PC, SERVER)) == SHORTEST_MEMORY - 100.0
    before = stand.elements.transactions
    stand.named.in_force(plane(SPY))
    assert stand.elements.transactions == before


def test_without_patterns_nobody_listens(stand):
    """Before the first rules are in force, with none about a name, and after the end."""
    stand.names.resolved(PC, WWW, [SERVER], 60)
    stand.named.in_force(plane())
    stand.names.resolved(PC, WWW, [SERVER], 60)
    stand.named.in_force(plane(WWW))
    stand.named.stop()
    stand.names.resolved(PC, WWW, [SECOND], 60)
    assert stand.led_to(WWW) == {(PC, SERVER)}


def test_ipv6_is_nobodys(stand):
    """Neither clients nor addresses: no IPv6 passes."""
    stand.named.in_force(plane(WWW))
    stand.names.resolved(ip_address("fd00::9"), WWW, [SERVER], 60)
    stand.names.resolved(PC, WWW, [ip_address("2001:db8::80")], 60)
    assert stand.elements.transactions == 0


def test_one_transaction_at_a_time(stand):
    """What comes while the kernel is busy goes together in the next, of each pair the last word; a flood is bounded."""
    stand.named.in_force(plane(WWW))
    stand.elements.held = True
    for _ in range(3):
        stand.names.resolved(PC, WWW, [SERVER, SECOND], 60)
        stand.names.resolved(PC, "else.example", [SERVER], 60)
    for number in range(2 * MOST_WAITING):
        stand.names.resolved(ip_address(int(OTHER) + 256 + number), WWW, [SERVER], 60)
    stand.elements.held = False
    stand.elements.flush()
    assert stand.elements.transactions == 2
    assert (PC, SECOND) in stand.led_to(WWW)
    assert (PC, SERVER) not in stand.led_to(WWW)
    assert len(stand.led_to(WWW)) <= MOST_WAITING + 1


def test_what_is_known_of_pairs_is_bounded(stand):
    """Of the oldest of very many only the kernel knows, until it runs out there."""
    named = NamedFlows(stand.names, stand.elements, Logger(), most=2)
    named.in_force(plane(WWW))
    for client in (PC, OTHER, ip_address("192.168.0.7")):
        stand.names.resolved(client, WWW, [SERVER], 60)
    for client in (PC, OTHER):
        stand.names.resolved(client, "else.example", [SERVER], 60)
    assert stand.led_to(WWW) == {(PC, SERVER), (ip_address("192.168.0.7"), SERVER)}


def test_a_kernel_that_refuses_is_no_trouble(stand):
    """It is noted for those who look for it; the next lookup is told again."""
    stand.named.in_force(plane(WWW))
    stand.elements.fail = NftError("the set is full")
    stand.names.resolved(PC, WWW, [SERVER], 60)
    assert [line["log_level"] for line in stand.lines] == [LogLevel.debug]
    stand.elements.fail = None
    stand.names.resolved(PC, WWW, [SERVER], 60)
    assert stand.led_to(WWW) == {(PC, SERVER)}


def test_a_defect_is_told(stand):
    """What is no error of the kernel's is in the log as what it is, and nothing else stops."""

    class Broken:
        def change(self, add, delete):
            return fail(ZeroDivisionError("a defect"))

    assert "change" in IElements
    named = NamedFlows(stand.names, Broken(), Logger(observer=stand.lines.append))
    named.in_force(plane(WWW))
    stand.names.resolved(PC, WWW, [SERVER], 60)
    stand.names.resolved(PC, WWW, [SERVER], 60)
    assert [line["log_level"] for line in stand.lines] == [LogLevel.critical] * 2
