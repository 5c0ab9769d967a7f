"""Uplinks and their history as a person reads them."""

from datetime import UTC, datetime
from typing import Any

import pytest

from icsframework.control.show_uplinks import about, cause, history

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
PC = {
    "client": "192.168.0.100", "mac": "02:00:00:00:01:00", "hostname": "pc", "protocol": "udp",
    "destination": "", "name": "www.example.net", "rule": "demand.wake: built in",
}  # fmt: skip
COMMAND = dict.fromkeys(PC, "") | {"rule": "command"}


def said(**fields: Any) -> list[str]:
    """What is said of an uplink, without empty sentences."""
    uplink = {"name": "modem", "state": "up", "stage": None, "reason": None, "retry_at": None, "cause": None}
    return [sentence for sentence in about(uplink | fields, NOW) if sentence]


def test_an_uplink_that_is_always_up_needs_no_words() -> None:
    """Nor does one that an older gateway tells of."""
    assert said() == []
    assert said(cause=PC | {"rule": "always", "client": "", "hostname": "", "protocol": "", "name": ""}) == []


def test_who_woke_it_and_until_when_it_stays() -> None:
    """Client, what it wanted, the rule that let it; and the end, if nothing happens."""
    assert said(cause=PC, hangs_up_at="2026-11-25T12:04:10Z") == [
        "dialled for 192.168.0.100 (pc), udp www.example.net (demand.wake: built in)",
        "hangs up at 12:04:10 (in 4m 10s) if it is not used until then",
    ]


def test_what_it_dials_for() -> None:
    """While it connects, with its stage."""
    assert said(state="connecting", stage="calling 123", stage_since="2026-11-25T11:59:35Z", cause=PC) == [
        "calling 123 for 25s",
        "dials for 192.168.0.100 (pc), udp www.example.net (demand.wake: built in)",
    ]


def test_a_command_is_told_as_such() -> None:
    """And that it lifted the limits, also those of a link that was up before."""
    assert said(cause=COMMAND) == ["connected by command"]
    lifted = ["connected by command", "limits and hours are lifted until it is hung up"]
    assert said(cause=COMMAND | {"rule": "command, override"}, override=True) == lifted
    assert said(cause=COMMAND, override=True) == lifted


@pytest.mark.parametrize("state", ["armed", "down", "cooling", "failed", "refused", "absent"])
def test_who_wanted_it_last_is_no_news_when_it_is_down(state: str) -> None:
    """The history has it."""
    assert said(state=state, cause=PC, reason="because") == ["because"]


def test_when_it_may_again() -> None:
    """A pause is told by its length, a refusal by the clock too."""
    again = "2026-11-25T23:30:00Z"
    assert said(state="cooling", reason="busy", retry_at="2026-11-25T12:01:30Z") == [
        "busy (next try in 1m 30s)"
    ]
    assert said(connect="demand", state="cooling", reason="busy", retry_at="2026-11-25T12:01:30Z") == [
        "busy (may be tried again in 1m 30s)"
    ]
    assert said(state="refused", reason="by root for 12h", retry_at=again) == [
        "by root for 12h; until 23:30 (in 11h 30m)"
    ]


def test_a_refusal_of_a_limit_says_by_itself_until_when() -> None:
    """By the gateway's own clock; how long that is yet is added."""
    reason = "limits.time: 2h/day are used up; again at 2026-11-26 00:00 CET"
    assert said(state="refused", reason=reason, retry_at="2026-11-25T23:00:00Z") == [f"{reason} (in 11h)"]


def test_what_of_the_limits_is_used() -> None:
    """Each in its unit, hours with them; an uplink without any has no such line."""
    rates = [
        {"key": "limits.time", "period": "day", "used": 4320.0, "limit": 7200.0, "unit": "seconds"},
        {"key": "limits.data", "period": "month", "used": 45_100_000, "limit": 500_000_000, "unit": "bytes"},
        {"key": "limits.dials", "period": "hour", "used": 3, "limit": 20, "unit": ""},
        {"key": "limits.money", "period": "month", "used": "0.64", "limit": "10", "unit": ""},
    ]
    assert said(limits={"rates": rates, "hours": ["06:00-12:00", "18:00-23:00"], "warnings": ["near"]}) == [
        "used: 1h 12m of 2h today, 45.1 MB of 500 MB this month, 3 of 20 dials in the last hour, "
        "0.64 of 10 money this month",
        "hours: 06:00-12:00, 18:00-23:00",
    ]
    assert said(limits={"rates": [], "hours": [], "usage": {}}) == said(limits={}) == said() == []


def entry(event: str, time: str = "10:00:00", **more: Any) -> dict[str, Any]:
    """One of the history."""
    common = {"time": f"2026-11-25T{time}Z", "uplink": "modem", "event": event, "cause": None, "reason": ""}
    return common | more


def test_every_dial_has_its_cause_and_every_drop_its_reason() -> None:
    """The cause once, where the dial begins."""
    entries = [
        entry("connecting", cause=PC),
        entry("up", "10:00:21", cause=PC, steps=[{"stage": "calling 123", "seconds": 20.94}]),
        entry("down", "10:07:00", cause=PC, reason="demand.idle: no traffic for 5m"),
        entry("refused", "10:08:00", cause=PC, reason="limits.dials: 1/hour"),
        entry("connecting", "10:09:00", cause=COMMAND),
        entry("failed", "10:09:30", cause=COMMAND, reason="the line is busy"),
    ]
    assert history(entries, NOW).splitlines() == [
        "TIME                 UPLINK  EVENT       WHY",
        "2026-11-25 10:00:00  modem   connecting",
        "    for 192.168.0.100 (pc), udp www.example.net (demand.wake: built in)",
        "2026-11-25 10:00:21  modem   up          calling 123 20.9s",
        "2026-11-25 10:07:00  modem   down        demand.idle: no traffic for 5m",
        "2026-11-25 10:08:00  modem   refused",
        "    for 192.168.0.100 (pc), udp www.example.net",
        "    limits.dials: 1/hour",
        "2026-11-25 10:09:00  modem   connecting  command",
        "2026-11-25 10:09:30  modem   failed      the line is busy",
    ]
    assert history([], NOW) == "nothing has happened yet"


def test_a_cause_that_was_not_told_before_is_told_with_the_end() -> None:
    """What connected before the history begins, or another uplink's."""
    entries = [
        entry("down", cause=COMMAND, reason="by root"),
        entry("connecting", uplink="cable", cause=COMMAND),
    ]
    assert history(entries, NOW).splitlines()[1:] == [
        "2026-11-25 10:00:00  modem   down",
        "    command",
        "    by root",
        "2026-11-25 10:00:00  cable   connecting  command",
    ]


def test_history_tells_how_a_connect_went_and_how_often() -> None:
    """Below its line, where there is more than one sentence; an older gateway says nothing of it."""
    steps = [{"stage": "calling 5551234", "seconds": 27.25}, {"stage": "authenticating", "seconds": 1.04}]
    again = {"times": 17, "last": "2026-11-26T06:30:00Z"}
    entries = [
        entry("up", steps=steps, times=1, last=None, skipped=3),
        entry("failed", reason="busy", steps=steps[:1], skipped=0, **again),
        entry("down", reason="by root", steps=[], times=1),
    ]
    assert history(entries, NOW).splitlines() == [
        "TIME                 UPLINK  EVENT   WHY",
        "2026-11-25 10:00:00  modem   up",
        "    calling 5551234 27.2s, authenticating 1.0s; 3 entries before this one are",
        "    not kept",
        "2026-11-25 10:00:00  modem   failed",
        "    busy",
        "    calling 5551234 27.2s; 17 times, the last at 2026-11-26 06:30:00",
        "2026-11-25 10:00:00  modem   down    by root",
    ]


def test_a_time_that_cannot_be_right_is_marked() -> None:
    """An older gateway does not say so of any."""
    one = entry("up")
    assert "2026-11-25 10:00:00 (clock was wrong)  modem" in history([one | {"time_trusted": False}], NOW)
    assert "(clock" not in history([one | {"time_trusted": True}], NOW) + history([one], NOW)


def test_causes_in_words() -> None:
    """Whatever is known of them."""
    assert cause(None) == ""
    assert cause({"rule": "always"}) == "always"
    assert cause({"hostname": "pc", "rule": "wake[0]"}) == "for pc (wake[0])"
    own = {"client": "", "hostname": "", "protocol": "icmp", "destination": "192.0.2.80", "rule": "wake[1]"}
    assert cause(own) == "for the gateway itself, icmp 192.0.2.80 (wake[1])"
    tcp = {"client": "192.168.0.9", "protocol": "tcp", "destination": "192.0.2.80:443", "rule": "wake[0]"}
    assert cause(tcp) == "for 192.168.0.9, tcp 192.0.2.80:443 (wake[0])"
    assert (
        cause(tcp | {"name": "www.example"}) == "for 192.168.0.9, tcp www.example (192.0.2.80:443) (wake[0])"
    )
