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


def start(store: MemoryStore) -> tuple[EventBus, History]:
    """A history on a store."""
    bus = EventBus(FakeClock(), Logger(observer=lambda event: None))
    history = History(bus, Logger())
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
        },
        {
            "time": "2027-01-15T08:00:00Z",
            "uplink": "cable",
            "event": "failed",
            "cause": None,
            "reason": "carrier lost",
        },
    ]


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
