"""``ics history``: bounded, on disk, with causes."""

from ipaddress import IPv4Address

from twisted.logger import Logger

from icsframework.gateway.bus import EventBus
from icsframework.gateway.history import KEPT, History
from icsframework.status import cause_to_json, to_json
from icsframework.testing.gateway import FakeClock
from icsframework.testing.store import MemoryStore
from icsframework.values import Cause

CAUSE = Cause("dns", IPv4Address("192.168.0.9"), "02:00:00:00:00:01", "pc", "udp", "", "www.example.net")


def start(store: MemoryStore, clock: FakeClock | None = None) -> tuple[EventBus, History]:
    """A history on a store."""
    clock = clock or FakeClock()
    bus = EventBus(clock, Logger(observer=lambda event: None))
    history = History(bus, clock, Logger())
    history.open(store)
    return bus, history


def test_uplink_events_become_history_with_their_cause() -> None:
    """What the catalogue marks is kept, in the stable shape; the rest is not."""
    bus, history = start(MemoryStore())
    bus.emit(
        "uplinks",
        "uplink.up",
        {"uplink": "cable", "why": cause_to_json(CAUSE), "addresses": "", "interface": ""},
    )
    bus.emit("dhcp", "dhcp.exhausted", {"lan": "home", "mac": ""})
    bus.emit("uplinks", "uplink.failed", {"uplink": "cable", "why": None, "reason": "carrier lost"})
    assert to_json(history.entries()) == [
        {
            "time": "2027-01-15T08:00:00Z",
            "uplink": "cable",
            "event": "up",
            "cause": {
                "client": "192.168.0.9",
                "mac": "02:00:00:00:00:01",
                "hostname": "pc",
                "protocol": "udp",
                "destination": "",
                "name": "www.example.net",
                "rule": "dns",
            },
            "reason": "",
            "time_trusted": True,
            "steps": [],
            "times": 1,
            "last": None,
            "skipped": 0,
        },
        {
            "time": "2027-01-15T08:00:00Z",
            "uplink": "cable",
            "event": "failed",
            "cause": None,
            "reason": "carrier lost",
            "time_trusted": True,
            "steps": [],
            "times": 1,
            "last": None,
            "skipped": 0,
        },
    ]


def test_a_refused_wish_is_kept_with_who_wanted_it_and_what_forbids_it() -> None:
    """Again and again it is one entry, also after a restart."""
    store = MemoryStore()
    bus, history = start(store)
    wish = {
        "uplink": "modem",
        "why": cause_to_json(CAUSE),
        "cause": str(CAUSE),
        "reason": "hours: only from 06:00-23:00",
    }
    for _ in range(3):
        bus.emit("uplinks", "uplink.refused", dict(wish))
    for entries in (history.entries(), start(store)[1].entries()):
        (entry,) = entries
        assert (entry.event, entry.reason, entry.times) == ("refused", "hours: only from 06:00-23:00", 3)
        assert entry.cause == cause_to_json(CAUSE)


def test_how_a_connect_went_is_part_of_how_it_ended() -> None:
    """Each step with its seconds; a stage by itself is no entry.  It survives a restart."""
    store = MemoryStore()
    bus, _ = start(store)
    steps = [{"stage": "calling 123", "seconds": 5.25}, {"stage": "configuring", "seconds": 0.5}]
    bus.emit("uplinks", "uplink.stage", {"uplink": "modem", "why": None, "stage": "calling 123"})
    bus.emit("uplinks", "uplink.up", {"uplink": "modem", "why": None, "steps": steps})
    (entry,) = start(store)[1].entries()
    assert (entry.event, to_json(entry.steps)) == ("up", steps)


def redial(bus: EventBus, clock: FakeClock, tries: int) -> None:
    """A modem that finds the number busy, once a minute."""
    for _ in range(tries):
        bus.emit("uplinks", "uplink.connecting", {"uplink": "modem", "stage": "starting", "cause": ""})
        steps = [{"stage": "calling 123", "seconds": 20.0}]
        bus.emit("uplinks", "uplink.failed", {"uplink": "modem", "reason": "busy", "steps": steps})
        clock.clock.advance(60)


def test_a_night_of_redials_takes_little_room() -> None:
    """One entry with its count, before a restart and after it, and what others did is still there."""
    store, clock = MemoryStore(), FakeClock()
    bus, history = start(store, clock)
    bus.emit("uplinks", "uplink.up", {"uplink": "cable"})
    redial(bus, clock, 3 * KEPT)
    before = history.entries()
    assert [(entry.uplink, entry.event, entry.times, str(entry.last)) for entry in before] == [
        ("cable", "up", 1, "None"),
        ("modem", "connecting", 1, "None"),
        ("modem", "failed", 3 * KEPT, "2027-01-19T11:59:00Z"),
    ]
    bus, history = start(store, clock)
    assert history.entries() == before
    redial(bus, clock, 1)
    assert [entry.times for entry in history.entries()] == [1, 1, 3 * KEPT + 1]


def test_history_survives_a_restart_and_stays_bounded() -> None:
    """Another process on the same store sees the newest entries, and the journal does not grow for ever."""
    store = MemoryStore()
    bus, history = start(store)
    for number in range(2 * KEPT + 5):
        bus.emit("uplinks", "uplink.failed", {"uplink": f"u{number}", "reason": "x"})
    assert len(history.entries()) == KEPT
    journal = history._journal
    assert journal is not None
    assert len(journal.load()) <= 2 * KEPT
    journal.close()
    _, again = start(store)
    assert [entry.uplink for entry in again.entries()][-1] == f"u{2 * KEPT + 4}"


def shown(history: History) -> list[tuple[str, bool]]:
    """When, and whether that is so."""
    return [(str(entry.time), entry.time_trusted) for entry in history.entries()]


def test_what_happened_in_1970_gets_its_time_when_that_is_known() -> None:
    """Marked while the clock cannot be right; corrected in memory and on disk, in order, when it is."""
    store, clock = MemoryStore(), FakeClock(wall_at_start=0.0)
    clock.wall_trusted = False
    bus, history = start(store, clock)
    bus.emit("uplinks", "uplink.up", {"uplink": "cable"})
    clock.clock.advance(60)
    bus.emit("uplinks", "uplink.failed", {"uplink": "cable"})
    assert shown(history) == [("1970-01-01T00:00:00Z", False), ("1970-01-01T00:01:00Z", False)]
    clock.clock.advance(3540)
    clock.wall_offset, clock.wall_trusted = 1_800_000_000.0, True
    bus.emit("uplinks", "uplink.up", {"uplink": "cable"})
    right = [("2027-01-15T08:00:00Z", True), ("2027-01-15T08:01:00Z", True), ("2027-01-15T09:00:00Z", True)]
    assert shown(history) == right
    assert shown(start(store)[1]) == right


def test_what_an_earlier_life_could_not_know_stays_marked() -> None:
    """Killed before the clock was right: nobody knows the time of that any more."""
    store, clock = MemoryStore(), FakeClock(wall_at_start=0.0)
    clock.wall_trusted = False
    start(store, clock)[0].emit("uplinks", "uplink.up", {"uplink": "cable"})
    assert shown(start(store)[1]) == [("1970-01-01T00:00:00Z", False)]


def test_untrusted_entries_are_bounded_as_all_are() -> None:
    """A clock that is never right does not make us remember more."""
    clock = FakeClock(wall_at_start=0.0)
    clock.wall_trusted = False
    bus, history = start(MemoryStore(), clock)
    for number in range(KEPT + 10):
        bus.emit("uplinks", "uplink.up", {"uplink": f"u{number}"})
    assert len(history.entries()) == KEPT
    clock.wall_offset, clock.wall_trusted = 1_800_000_000.0, True
    assert all(trusted for _, trusted in shown(history))
