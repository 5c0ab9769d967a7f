"""Warnings that come and go."""

from icsframework.gateway.livewarnings import LiveWarnings
from icsframework.testing.gateway import FakeClock, FakeEvents


def test_live_warnings():
    """By source and key: new, changed, the same, gone."""
    events = FakeEvents("beside", FakeClock())
    live = LiveWarnings(events)
    live.set("a", {"1": "one", "2": "two"})
    live.set("b", {"1": "other"})
    live.set("a", {"1": "one", "2": "two!"})
    assert live.all() == ("one", "two!", "other")
    assert live.has("b")
    live.set("b", {})
    assert not live.has("b")
    assert [(event.id, event.fields["problem"]) for event in events.all] == [
        ("beside.warning", "one"),
        ("beside.warning", "two"),
        ("beside.warning", "other"),
        ("beside.warning", "two!"),
        ("beside.cured", "other"),
    ]
