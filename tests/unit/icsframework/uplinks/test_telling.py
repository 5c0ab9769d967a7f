"""What an uplink tells."""

from icsframework.status import cause_to_json
from icsframework.testing.gateway import FakeClock, FakeEvents
from icsframework.uplinks.telling import DEVICE, Telling
from icsframework.values import Cause, Link, Refused

LINK = Link("eth0", 2, None, "ethernet", "kernel", 1500, False, 0.0, None)
DNS, COMMAND = Cause("demand.wake: built in", name="example.org"), Cause("command")


def test_a_connect_is_told_with_its_cause_and_its_steps() -> None:
    """From the beginning to the end."""
    clock = FakeClock()
    events = FakeEvents("uplinks", clock)
    told = Telling("modem", clock, events)
    told.cause = DNS
    told.begin("dialling", "dialling")
    clock.clock.advance(2.0)
    told.in_force("uplink.up", LINK)
    told.ended("uplink.down", "by root")
    why = cause_to_json(DNS)
    steps = [{"stage": "dialling", "seconds": 2.0}]
    assert [(event.id, dict(event.fields)) for event in events.all] == [
        (
            "uplink.connecting",
            {"uplink": "modem", "why": why, "stage": "dialling", "cause": "demand.wake: built in, example.org"},
        ),
        (
            "uplink.up",
            {"uplink": "modem", "why": why, "addresses": "no address", "interface": "eth0", "steps": steps},
        ),
        ("uplink.down", {"uplink": "modem", "why": why, "reason": "by root"}),
    ]  # fmt: skip


def test_what_is_told_later_has_the_cause_of_its_time() -> None:
    """The link was lost, and another connect has begun before the machine was without it."""
    clock = FakeClock()
    events = FakeEvents("uplinks", clock)
    told = Telling("modem", clock, events)
    told.cause = DNS
    tell = told.parting("uplink.failed", "carrier lost")
    told.cause = COMMAND
    tell()
    assert events.said("uplink.failed") == [
        {"uplink": "modem", "why": cause_to_json(DNS), "reason": "carrier lost"}
    ]


def test_without_a_wish_the_device_is_the_cause() -> None:
    """Every entry of the history has one; a device that goes is nobody's wish, whoever used it last."""
    clock = FakeClock()
    events = FakeEvents("uplinks", clock)
    told = Telling("modem", clock, events)
    told.begin("dialling", "dialling")
    told.ended("uplink.down", "not wanted")
    told.parting("uplink.down", "not wanted")()
    told.cause = DNS
    told.ended("uplink.absent", "no modem")
    assert [(event.id, event.fields["why"]) for event in events.all] == [
        (event, cause_to_json(DEVICE))
        for event in ("uplink.connecting", "uplink.down", "uplink.down", "uplink.absent")
    ]


def test_a_refusal_has_the_cause_of_the_wish() -> None:
    """Not that of the link."""
    clock = FakeClock()
    events = FakeEvents("uplinks", clock)
    told = Telling("modem", clock, events)
    told.cause = COMMAND
    told.refused(DNS, Refused("hours: 06:00-23:00"))
    told.refused(DNS, Refused("hours: 06:00-23:00"))
    assert events.said("uplink.refused") == [
        {
            "uplink": "modem",
            "why": cause_to_json(DNS),
            "cause": "demand.wake: built in, example.org",
            "reason": "hours: 06:00-23:00",
        }
    ]
