"""The event bus: numbered, logged, remembered, and undisturbed by its watchers."""

import gc
import json
from ipaddress import IPv4Address
from typing import Any

import pytest
from twisted.logger import Logger, LogLevel, eventAsJSON
from zope.interface.verify import verifyObject

from icsframework.gateway.bus import REMEMBERED, EventBus, OwnedEvents
from icsframework.interfaces import IEvents
from icsframework.testing.gateway import FakeClock


@pytest.fixture
def log() -> list[dict[str, Any]]:
    """Everything that is logged."""
    return []


@pytest.fixture
def bus(log: list[dict[str, Any]]) -> EventBus:
    """A bus that logs to the list."""
    return EventBus(FakeClock(), Logger(namespace="ics", observer=log.append))


def test_owned_events_keep_their_contract(bus: EventBus) -> None:
    """What a plugin gets provides IEvents."""
    verifyObject(IEvents, OwnedEvents(bus, "dhcp"))


def test_events_are_numbered_and_carry_their_owner(bus: EventBus) -> None:
    """Watchers see who said what, in order, with sequence numbers from 1."""
    seen: list[Any] = []
    bus.watch(lambda event: seen.append((event.seq, event.owner, event.id, event.fields)))
    OwnedEvents(bus, "dhcp").emit("dhcp.exhausted", lan="home", mac="02::1")
    OwnedEvents(bus, "chess").emit("chess.mate", moves=4)
    assert seen == [
        (1, "dhcp", "dhcp.exhausted", {"lan": "home", "mac": "02::1"}),
        (2, "chess", "chess.mate", {"moves": 4}),
    ]


def test_a_late_watcher_gets_what_it_missed(bus: EventBus) -> None:
    """A stream resumes after the last number it has seen."""
    for number in range(3):
        bus.emit("x", "x.y", {"n": number})
    seen: list[int] = []
    end = bus.watch(lambda event: seen.append(event.fields["n"]), since=1)
    bus.emit("x", "x.y", {"n": 3})
    end()
    bus.emit("x", "x.y", {"n": 4})
    assert seen == [1, 2, 3]
    assert bus.seq == 5


def test_only_so_many_events_are_remembered(bus: EventBus) -> None:
    """A chatty plugin cannot fill the memory."""
    for number in range(REMEMBERED + 10):
        bus.emit("x", "x.y", {"n": number})
    seen: list[int] = []
    bus.watch(lambda event: seen.append(event.fields["n"]))
    assert (len(seen), seen[0]) == (REMEMBERED, 10)


def test_the_log_line_has_id_level_and_text_of_the_catalogue(
    bus: EventBus, log: list[dict[str, Any]]
) -> None:
    """An operator can search for the id, and read the sentence."""
    bus.emit("dhcp", "dhcp.exhausted", {"lan": "home", "mac": "02::1"})
    [entry] = log
    assert (entry["log_level"], entry["ics_event"]) == (LogLevel.warn, "dhcp.exhausted")
    assert entry["log_format"].format(**entry) == "dhcp.exhausted: no address left on home for 02::1"


def test_debug_events_are_in_the_stream_only(bus: EventBus, log: list[dict[str, Any]]) -> None:
    """What happens a thousand times a minute is there for who asks, and fills no log."""
    seen: list[str] = []
    bus.watch(lambda event: seen.append(event.id))
    bus.emit("dhcp", "dhcp.lease.renewed", {"address": "192.168.0.9", "mac": "02::1", "lan": "home"})
    assert (seen, log) == (["dhcp.lease.renewed"], [])


def test_strange_events_are_logged_as_they_are(bus: EventBus, log: list[dict[str, Any]]) -> None:
    """Unknown ids, missing fields and braces in values are shown, never an error."""
    bus.emit("chess", "chess.mate", {"board": "{x}"})
    bus.emit("dhcp", "dhcp.exhausted", {"mac": "02::1"})
    assert [entry["log_format"].format(**entry) for entry in log] == [
        "chess.mate: board={x}",
        "dhcp.exhausted: mac=02::1",
    ]


def test_a_watcher_that_raises_disturbs_nobody(bus: EventBus, log: list[dict[str, Any]]) -> None:
    """The failure is logged; the next watcher is told."""
    seen: list[str] = []

    def bad(event: Any) -> None:
        raise RuntimeError("boom")

    bus.watch(bad)
    bus.watch(lambda event: seen.append(event.id))
    bus.emit("x", "x.y", {})
    assert seen == ["x.y"]
    assert any("log_failure" in entry for entry in log)


def test_releasing_an_owner_ends_its_watches(bus: EventBus) -> None:
    """A stopped plugin hears nothing more."""
    owned, seen = OwnedEvents(bus, "dhcp"), []
    owned.watch(lambda event: seen.append(event.id))
    owned.release()
    bus.emit("x", "x.y", {})
    assert seen == []


def test_what_an_observer_says_comes_after_what_it_heard(bus: EventBus) -> None:
    """Every observer hears the events in the order of their numbers."""
    seen: list[int] = []
    bus.watch(lambda event: bus.emit("x", "x.answer", {}) if event.id == "x.question" else None)
    bus.watch(lambda event: seen.append(event.seq))
    bus.emit("x", "x.question", {})
    bus.emit("x", "x.other", {})
    assert seen == [1, 2, 3]


def test_a_field_of_another_type_is_no_error(bus: EventBus, log: list[dict[str, Any]]) -> None:
    """An emitter that passes nothing where a number is written is logged as it is."""
    bus.emit("gateway", "gateway.ready", {"seconds": None, "lans": 1, "uplinks": 1})
    assert log[0]["text"] == "seconds=None lans=1 uplinks=1"


def test_the_log_can_be_json(bus: EventBus, log: list[dict[str, Any]]) -> None:
    """Fields are plain there: an address is its text."""
    bus.emit("dhcp", "dhcp.exhausted", {"lan": "home", "mac": IPv4Address("192.0.2.1")})
    assert json.loads(eventAsJSON(log[0]))["ics_fields"] == {"lan": "home", "mac": "192.0.2.1"}


def test_a_watch_that_ended_is_forgotten(bus: EventBus) -> None:
    """Each event stream of the API watches through one owner: ten thousand that came and went leave nothing."""
    owned = OwnedEvents(bus, "control")
    gc.collect()
    before = len(gc.get_objects())
    for _ in range(1000):
        owned.watch(lambda event: None)()
    gc.collect()
    assert len(gc.get_objects()) - before < 100
