"""Dialling on demand as whole conversations: what happened, what people see, what is done, and when the time comes."""

import pytest

from icsframework.uplinks.occasions import (
    Active,
    Adopting,
    Asked,
    Commanded,
    Connect,
    Disconnect,
    HungUp,
    InForce,
    NotAdopted,
    PolicyAction,
    PolicyEvent,
    Rearmed,
    Reported,
    Ruled,
    Started,
    TimeCame,
    UplinkPolicy,
)
from icsframework.uplinks.policy import step
from icsframework.uplinks.quiet import Quiet
from icsframework.uplinks.standing import deadline, refusal, shown
from icsframework.values import Absent, Armed, Cause, Connecting, Down, Failed, Link, Refused, ShownState, Up

DNS = Cause(rule="demand.wake: built in", name="example.org")
WEB = Cause(rule="wake[0]", destination="203.0.113.10:80")
COMMAND = Cause(rule="command")
ALWAYS = Cause(rule="always")
LINK = Link("icsu-modem", 2, None, "ppp", "inline", 1500, True, 0.0, None)
IDLE = "demand.idle: no traffic for 5m"
TIME = Refused("limits.time: 2h/day are used", 5000.0)
WHEN_ASKED = "connect: demand: it is connected when asked for"

FIVE_MINUTES = Quiet(300.0)

Line = tuple[str, list[PolicyAction], float | None]


def link(since: float) -> Up:
    """Up since then."""
    return Up(Link("icsu-modem", 2, None, "ppp", "inline", 1500, True, since, None))


class Talk:
    """Plays events against one policy; the device is there."""

    def __init__(self, mode: str = "demand", quiet: Quiet = FIVE_MINUTES) -> None:
        self.policy = UplinkPolicy(mode, quiet)  # type: ignore[arg-type]
        self.now = 100.0
        self.say(Started())
        self.say(Reported(Down()))

    def say(self, event: PolicyEvent, at: float | None = None) -> Line:
        """One event at that time: the name of the state shown, the actions, and the deadline."""
        self.now = self.now if at is None else at
        self.policy, actions = step(self.policy, event, self.now, lambda: 0.5)
        return shown(self.policy).name, list(actions), deadline(self.policy)

    def up(self, cause: Cause = DNS, at: float = 100.0) -> None:
        """Dialled for ``cause``, up and in force."""
        self.say(Asked(cause), at)
        self.say(Reported(link(at)))
        self.say(InForce())

    def shown(self) -> ShownState:
        """The state for people."""
        return shown(self.policy)


# --- quiet ----------------------------------------------------------------------------------------


def test_traffic_dials_and_quiet_hangs_up() -> None:
    """Dialled for the first packet, kept by traffic, hung up after five quiet minutes, and ready at once for the next."""
    talk = Talk()
    assert [
        talk.say(Asked(DNS)),
        talk.say(Reported(Connecting("dialling"))),
        talk.say(Reported(link(130.0)), 130.0),
        talk.say(InForce()),
        talk.say(Active(200.0), 200.0),
        talk.say(TimeCame(), 430.0),
        talk.say(TimeCame(), 500.0),
        talk.say(Reported(Down(IDLE)), 502.0),
        talk.say(Asked(WEB), 503.0),
    ] == [
        ("connecting", [Connect(DNS)], None),
        ("connecting", [], None),
        ("up", [], 430.0),
        ("up", [], 430.0),
        ("up", [], 500.0),
        ("up", [], 500.0),
        ("up", [Disconnect(IDLE)], None),
        ("armed", [], None),
        ("connecting", [Connect(WEB)], None),
    ]


def test_why_it_was_hung_up_is_seen_while_it_is_armed() -> None:
    """The reason names the key; before the first dial there is none."""
    talk = Talk()
    assert talk.shown() == Armed(WHEN_ASKED)
    talk.up()
    talk.say(TimeCame(), 400.0)
    talk.say(Reported(Failed("carrier lost")))  # however the line ended
    assert talk.shown() == Armed(f"{WHEN_ASKED} (last: {IDLE})")


def test_older_traffic_changes_nothing() -> None:
    """A reading that comes late does not bring the hang-up nearer."""
    talk = Talk()
    talk.up()
    talk.say(Active(300.0), 300.0)
    assert talk.say(Active(250.0))[2] == 600.0


def test_without_idle_it_stays_up() -> None:
    """``idle: 0s``: nothing waits for the time."""
    talk = Talk(quiet=Quiet())
    talk.up()
    assert talk.say(TimeCame(), 1e6) == ("up", [], None)


def test_always_is_never_hung_up_for_quiet() -> None:
    """Whatever times it was given."""
    talk = Talk("always")
    talk.say(Reported(link(100.0)))
    assert talk.say(TimeCame(), 1e6) == ("up", [], None)


def test_a_manual_link_with_a_time_of_quiet_is_hung_up_too() -> None:
    """If the file says so; it is down then until the next command."""
    talk = Talk("manual")
    talk.say(Commanded(COMMAND))
    talk.say(Reported(link(100.0)))
    assert talk.say(TimeCame(), 400.0) == ("up", [Disconnect(IDLE)], None)
    talk.say(Reported(Down(IDLE)))
    assert talk.shown() == Down(IDLE)
    assert isinstance(refusal(talk.policy), Refused)


def test_a_paid_unit_is_used_up() -> None:
    """Quiet at 430 s of a call with units of 180 s: hung up two seconds before the third one ends."""
    talk = Talk(quiet=Quiet(300.0, 0.0, 180.0))
    talk.up(at=100.0)
    talk.say(Active(230.0), 230.0)
    assert talk.say(TimeCame(), 530.0) == ("up", [], 638.0)
    assert talk.say(Active(600.0), 600.0)[2] == 998.0


def test_a_wish_during_the_hang_up_dials_as_soon_as_the_line_is_free() -> None:
    """Nothing is dialled twice at once, and the wish is not lost."""
    talk = Talk()
    talk.up()
    talk.say(TimeCame(), 400.0)
    assert talk.say(Asked(WEB)) == ("up", [], None)
    assert talk.say(Asked(DNS)) == ("up", [], None)
    assert talk.say(Reported(link(100.0))) == ("up", [], None)
    assert talk.say(Reported(Down(IDLE))) == ("connecting", [Connect(WEB)], None)


def test_the_cause_of_a_link_that_is_up_stays() -> None:
    """Who asks again changes nothing, neither while it connects nor while it is up."""
    talk = Talk()
    talk.say(Asked(DNS))
    before = talk.policy
    assert talk.say(Asked(WEB)) == ("connecting", [], None)
    assert talk.policy == before
    talk.say(Reported(link(100.0)))
    before = talk.policy
    assert talk.say(Asked(WEB)) == ("up", [], 400.0)
    assert talk.policy == before


# --- failed and lost -----------------------------------------------------------------------------------


def test_a_failed_dial_ends_the_wish() -> None:
    """Cooling: who wishes now fails at once and hears when it may be tried again; then it is armed, and nothing is dialled."""
    talk = Talk()
    talk.say(Asked(DNS))
    assert talk.say(Reported(Failed("busy"))) == ("cooling", [], 101.0)
    assert refusal(talk.policy) == Failed("busy", 101.0)
    assert talk.say(Asked(WEB)) == ("cooling", [], 101.0)
    assert talk.say(TimeCame(), 101.0) == ("armed", [], None)
    assert talk.say(Asked(WEB)) == ("connecting", [Connect(WEB)], None)


def test_the_hold_off_doubles_while_failures_go_on() -> None:
    """A wish does not begin a new row of failures; a link does."""
    talk = Talk()
    waits = []
    for _ in range(8):
        talk.say(Asked(DNS))
        due = talk.say(Reported(Failed("busy")))[2]
        assert due is not None
        waits.append(due - talk.now)
        talk.say(TimeCame(), due)
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    talk.up(at=talk.now)
    talk.say(HungUp("by root"))
    talk.say(Reported(Down()))
    talk.say(Asked(DNS))
    assert talk.say(Reported(Failed("busy")))[2] == talk.now + 1


def test_the_plugin_may_know_better_when() -> None:
    """A wrong password is not tried again for a quarter of an hour, whoever asks."""
    talk = Talk()
    talk.say(Asked(DNS))
    assert talk.say(Reported(Failed("wrong password", 1000.0))) == ("cooling", [], 1000.0)
    assert talk.say(Asked(WEB)) == ("cooling", [], 1000.0)


def test_a_command_is_not_held_off() -> None:
    """``ics connect`` dials while it cools, and its failures begin a new row."""
    talk = Talk()
    for _ in range(3):
        talk.say(Asked(DNS))
        due = talk.say(Reported(Failed("busy")))[2]
        talk.say(TimeCame(), due)
    talk.say(Asked(DNS))
    talk.say(Reported(Failed("busy")))
    assert talk.say(Commanded(COMMAND)) == ("connecting", [Connect(COMMAND)], None)
    assert talk.say(Reported(Failed("busy")))[2] == talk.now + 1


def test_a_link_in_use_is_redialled_once_by_itself() -> None:
    """A lost line is called again for its old cause; a wish meanwhile waits for that; if it fails, that was a failed dial."""
    talk = Talk()
    talk.up()
    assert talk.say(Reported(Failed("carrier lost")), 200.0) == ("cooling", [], 201.0)
    assert refusal(talk.policy) is None
    assert talk.say(Asked(WEB)) == ("cooling", [], 201.0)
    assert talk.say(TimeCame(), 201.0) == ("connecting", [Connect(DNS)], None)
    assert talk.say(Reported(Failed("busy"))) == ("cooling", [], 203.0)
    assert refusal(talk.policy) == Failed("busy", 203.0)
    assert talk.say(TimeCame(), 203.0) == ("armed", [], None)


def test_a_link_nobody_used_is_not_redialled() -> None:
    """It was only kept for its paid unit: the provider may have it."""
    talk = Talk(quiet=Quiet(300.0, 0.0, 3600.0))
    talk.up()
    assert talk.say(Reported(Failed("carrier lost")), 500.0) == ("cooling", [], 501.0)
    assert refusal(talk.policy) == Failed("carrier lost", 501.0)
    assert talk.say(TimeCame(), 501.0) == ("armed", [], None)


def test_a_redialled_link_that_is_lost_unused_is_left_alone() -> None:
    """A provider that throws everybody out is not paid for calls that nobody makes."""
    talk = Talk()
    talk.up()
    talk.say(Reported(Failed("carrier lost")), 200.0)
    talk.say(TimeCame(), 201.0)
    talk.say(Reported(link(210.0)), 210.0)
    talk.say(InForce())
    talk.say(Reported(Failed("carrier lost")), 220.0)
    assert talk.say(TimeCame(), 221.0) == ("armed", [], None)


def test_a_redialled_link_that_is_used_is_redialled_again() -> None:
    """Somebody downloads on through all of it."""
    talk = Talk()
    talk.up()
    talk.say(Reported(Failed("carrier lost")), 200.0)
    talk.say(TimeCame(), 201.0)
    talk.say(Reported(link(210.0)), 210.0)
    talk.say(InForce())
    talk.say(Active(215.0), 215.0)
    talk.say(Reported(Failed("carrier lost")), 220.0)
    assert talk.say(TimeCame(), 221.0) == ("connecting", [Connect(DNS)], None)


def test_a_device_that_went_is_not_dialled_for_an_old_wish() -> None:
    """Somebody pulls the modem in the middle of a call: when it is back, traffic asks again if it still wants to."""
    talk = Talk()
    talk.up()
    assert talk.say(Reported(Absent("no modem"))) == ("absent", [], None)
    assert refusal(talk.policy) == Failed("no modem")
    assert talk.say(Asked(WEB)) == ("absent", [], None)
    assert talk.say(Reported(Down()), 9000.0) == ("armed", [], None)


def test_a_wish_does_not_shorten_the_wait_of_an_uplink_that_is_always_wanted() -> None:
    """Its own back-off decides; but who comes in the pause before a lost link is redialled waits for that."""
    talk = Talk("always")
    talk.say(Reported(Failed("no answer", 700.0)))
    assert refusal(talk.policy) == Failed("no answer", 700.0)
    assert talk.say(Asked(DNS)) == ("cooling", [], 700.0)
    talk.say(TimeCame(), 700.0)
    talk.say(Reported(link(701.0)))
    talk.say(Reported(Failed("carrier lost")))
    assert refusal(talk.policy) is None


# --- the operator's word --------------------------------------------------------------------------------


def test_a_hang_up_lasts_until_the_next_wish() -> None:
    """``ics disconnect`` of a link on demand: armed at once, without a hold-off, also if it was cooling."""
    talk = Talk()
    talk.up()
    assert talk.say(HungUp("by root")) == ("up", [Disconnect("by root")], None)
    assert talk.say(Reported(Down("by root"))) == ("armed", [], None)
    talk.say(Asked(DNS))
    talk.say(Reported(Failed("busy", 1000.0)))
    assert talk.say(HungUp("by root")) == ("armed", [], None)
    assert talk.say(Asked(DNS)) == ("connecting", [Connect(DNS)], None)


@pytest.mark.parametrize(
    ("mode", "then"),
    [
        ("demand", ("armed", [], None)),
        ("always", ("connecting", [Connect(ALWAYS)], None)),
        ("manual", ("down", [], None)),
    ],
)
def test_a_hang_up_for_a_time_is_refused_to_everybody(mode: str, then: Line) -> None:
    """``ics disconnect --for``: no wish counts until then; what follows is the mode's."""
    talk = Talk(mode)
    talk.say(Commanded(COMMAND))
    talk.say(Reported(link(100.0)))
    barred = Refused("by root", 7300.0)
    assert talk.say(HungUp("by root", 7300.0)) == ("up", [Disconnect("by root")], 7300.0)
    assert talk.say(Reported(Down("by root"))) == ("refused", [], 7300.0)
    assert (talk.shown(), refusal(talk.policy)) == (barred, barred)
    assert talk.say(Asked(DNS)) == ("refused", [], 7300.0)
    assert talk.say(TimeCame(), 7299.0) == ("refused", [], 7300.0)
    assert talk.say(TimeCame(), 7300.0) == then


def test_a_wish_before_a_hang_up_for_a_time_is_over() -> None:
    """Who waited for the line that is being hung up does not get it an instant later."""
    talk = Talk()
    talk.say(Asked(DNS))
    talk.say(HungUp("by root", 7300.0))
    assert talk.say(Asked(WEB)) == ("connecting", [], 7300.0)
    assert talk.say(Reported(Down("by root"))) == ("refused", [], 7300.0)


def test_a_command_ends_the_hang_up_for_a_time() -> None:
    """The operator's newer word counts."""
    talk = Talk()
    talk.say(HungUp("by root", 7300.0))
    assert talk.say(Commanded(COMMAND)) == ("connecting", [Connect(COMMAND)], None)


def test_a_hang_up_without_a_time_replaces_one_for_a_time() -> None:
    """Of two commands the newer one counts."""
    talk = Talk()
    talk.say(HungUp("by root", 7300.0))
    assert talk.say(HungUp("by root")) == ("armed", [], None)


# --- limits and hours -----------------------------------------------------------------------------------


def test_a_limit_hangs_up_and_refuses() -> None:
    """The reason is the limit's; when it is over the link is armed."""
    talk = Talk()
    talk.up()
    assert talk.say(Ruled(TIME)) == ("up", [Disconnect(TIME.reason)], None)
    assert talk.say(Asked(WEB)) == ("up", [], None)
    assert talk.say(Reported(Down(TIME.reason))) == ("refused", [], None)
    assert (talk.shown(), refusal(talk.policy)) == (TIME, TIME)
    assert talk.say(Asked(WEB)) == ("refused", [], None)
    assert talk.say(Ruled(None), 5000.0) == ("armed", [], None)
    assert talk.say(Asked(WEB)) == ("connecting", [Connect(WEB)], None)


def test_a_limit_ends_a_dial_that_is_under_way() -> None:
    """An hour begins in which it may not be up: it is not waited for."""
    talk = Talk()
    talk.say(Asked(DNS))
    assert talk.say(Ruled(TIME)) == ("connecting", [Disconnect(TIME.reason)], None)
    assert talk.say(Ruled(TIME)) == ("connecting", [], None)
    assert talk.say(Reported(link(100.0))) == ("up", [Disconnect(TIME.reason)], None)
    assert talk.say(Reported(Down())) == ("refused", [], None)


def test_a_limit_ends_the_wait_before_a_redial() -> None:
    """A lost link is not called again past its limit, and not after it for the old wish either."""
    talk = Talk()
    talk.up()
    talk.say(Reported(Failed("carrier lost")))
    assert talk.say(Ruled(TIME)) == ("refused", [], None)
    assert talk.say(Ruled(None)) == ("armed", [], None)


def test_always_comes_back_when_its_limit_ends() -> None:
    """Without anybody's help; a limit that comes meanwhile keeps it from trying."""
    talk = Talk("always")
    talk.say(Reported(link(100.0)))
    assert [
        talk.say(Ruled(TIME)),
        talk.say(Reported(Down(TIME.reason))),
        talk.say(Ruled(None), 5000.0),
        talk.say(Reported(Failed("busy"))),
        talk.say(Ruled(TIME)),
        talk.say(TimeCame(), 6000.0),
        talk.say(Ruled(None)),
    ] == [
        ("up", [Disconnect(TIME.reason)], None),
        ("refused", [], None),
        ("connecting", [Connect(ALWAYS)], None),
        ("cooling", [], 5001.0),
        ("refused", [], None),
        ("refused", [], None),
        ("connecting", [Connect(ALWAYS)], None),
    ]


def test_the_end_of_a_limit_does_not_shorten_a_wait() -> None:
    """A free uplink that cools goes on cooling."""
    talk = Talk("always")
    talk.say(Reported(Failed("busy", 700.0)))
    assert talk.say(Ruled(None)) == ("cooling", [], 700.0)


def test_always_that_is_refused_waits_for_its_device_too() -> None:
    """The device returns while the limit holds, or the limit ends while the device is gone: both are needed."""
    talk = Talk("always")
    talk.say(Ruled(TIME))
    talk.say(Reported(Down()))
    talk.say(Reported(Absent("no modem")))
    assert talk.say(Reported(Down())) == ("refused", [], None)
    talk.say(Reported(Absent("no modem")))
    assert talk.say(Ruled(None)) == ("absent", [], None)
    assert talk.say(Reported(Down())) == ("connecting", [Connect(ALWAYS)], None)


def test_a_limit_that_ends_during_the_hang_up_is_waited_for() -> None:
    """``always``: the line is free first, then it is called again."""
    talk = Talk("always")
    talk.say(Reported(link(100.0)))
    talk.say(Ruled(TIME))
    assert talk.say(Ruled(None)) == ("up", [], None)
    assert talk.say(Reported(Down())) == ("connecting", [Connect(ALWAYS)], None)


def test_always_that_was_hung_up_stays_down_when_a_limit_ends() -> None:
    """The operator's word is what keeps it down, and what people see."""
    talk = Talk("always")
    talk.say(HungUp("by root"))
    talk.say(Reported(Down("by root")))
    talk.say(Ruled(TIME))
    assert talk.shown() == Down("by root")
    assert talk.say(Ruled(None)) == ("down", [], None)


def test_manual_is_refused_to_the_operator() -> None:
    """A limit is in the way of his command, which says so; nothing is dialled later because of it."""
    talk = Talk("manual")
    talk.say(Ruled(TIME))
    assert talk.say(Commanded(COMMAND)) == ("refused", [], None)
    assert talk.say(Ruled(None)) == ("down", [], None)


def test_a_command_for_always_past_its_limit_makes_it_wanted_again() -> None:
    """It was hung up by hand; the command fails, but takes that back."""
    talk = Talk("always")
    talk.say(HungUp("by root"))
    talk.say(Reported(Down("by root")))
    talk.say(Ruled(TIME))
    assert talk.say(Commanded(COMMAND)) == ("refused", [], None)
    assert talk.say(Ruled(None)) == ("connecting", [Connect(ALWAYS)], None)


@pytest.mark.parametrize(
    ("mode", "then", "later"),
    [
        ("demand", ("refused", [], None), ("armed", [], None)),
        ("manual", ("refused", [], None), ("down", [], None)),
        ("always", ("refused", [], None), ("connecting", [Connect(COMMAND)], None)),
    ],
)
def test_a_limit_reached_by_the_call_that_ends_holds_before_the_next(
    mode: str, then: Line, later: Line
) -> None:
    """The last dial of the hour was hung up with a wish behind it: that is not dialled in the same step."""
    talk = Talk(mode)
    talk.say(Commanded(COMMAND))
    talk.say(HungUp("by root"))
    talk.say(Commanded(COMMAND))
    assert talk.say(Reported(Down("by root"), Ruled(TIME))) == then
    assert talk.say(Ruled(None)) == later


def test_the_call_that_ends_may_be_followed_by_another_if_limits_allow_it() -> None:
    """Or if they allow it again since it has ended."""
    talk = Talk()
    talk.up()
    talk.say(Ruled(TIME))
    talk.say(Reported(Down(), Ruled(None)))
    assert talk.say(Asked(DNS)) == ("connecting", [Connect(DNS)], None)
    talk.say(HungUp("by root"))
    talk.say(Asked(WEB))
    assert talk.say(Reported(Down(), Ruled(None))) == ("connecting", [Connect(WEB)], None)
    assert talk.say(Reported(Failed("busy"), Ruled(None))) == ("cooling", [], 101.0)


def test_no_redial_is_planned_past_a_limit() -> None:
    """The lost call was the last that was allowed."""
    talk = Talk()
    talk.up()
    assert talk.say(Reported(Failed("carrier lost"), Ruled(TIME))) == ("refused", [], None)


# --- override -------------------------------------------------------------------------------------------


def test_override_lifts_limits_until_the_hang_up() -> None:
    """``ics connect --override``: past the limit, also past one that is reached later, until the link is hung up."""
    talk = Talk()
    talk.say(Ruled(TIME))
    assert [
        talk.say(Commanded(COMMAND, override=True)),
        talk.say(Reported(link(100.0))),
        talk.say(Ruled(Refused("hours: 06:00-23:00"))),
        talk.say(TimeCame(), 400.0),
        talk.say(Reported(Down(IDLE))),
        talk.say(Asked(DNS)),
    ] == [
        ("connecting", [Connect(COMMAND)], None),
        ("up", [], 400.0),
        ("up", [], 400.0),
        ("up", [Disconnect(IDLE)], None),
        ("refused", [], None),
        ("refused", [], None),
    ]


def test_override_holds_for_the_redial_and_ends_with_the_wish() -> None:
    """The lost link is called again in spite of the limit; when that fails it is given up, and refused again."""
    talk = Talk()
    talk.say(Ruled(TIME))
    talk.say(Commanded(COMMAND, override=True))
    talk.say(Reported(link(100.0)))
    talk.say(InForce())
    talk.say(Reported(Failed("carrier lost")), 200.0)
    assert talk.say(TimeCame(), 201.0) == ("connecting", [Connect(COMMAND)], None)
    assert talk.say(Reported(Failed("busy")))[0] == "refused"
    assert talk.say(TimeCame(), 203.0) == ("refused", [], None)


def test_override_of_a_manual_dial_ends_when_it_fails() -> None:
    """The next command is refused again."""
    talk = Talk("manual")
    talk.say(Ruled(TIME))
    talk.say(Commanded(COMMAND, override=True))
    assert talk.say(Reported(Failed("busy"))) == ("refused", [], None)
    assert talk.say(Commanded(COMMAND)) == ("refused", [], None)


def test_override_of_always_lasts_through_failures() -> None:
    """It is never given up, so only the operator's hang-up ends it."""
    talk = Talk("always")
    talk.say(Ruled(TIME))
    talk.say(Reported(Down(TIME.reason)))
    assert talk.say(Commanded(COMMAND, override=True)) == ("connecting", [Connect(COMMAND)], None)
    talk.say(Reported(Failed("busy")))
    assert talk.say(TimeCame(), 101.0) == ("connecting", [Connect(COMMAND)], None)
    talk.say(HungUp("by root"))
    talk.say(Reported(Down("by root")))
    assert talk.say(Commanded(COMMAND)) == ("refused", [], None)


def test_override_while_it_is_up_keeps_it_past_the_limit() -> None:
    """The operator sees the warning and lifts the limit before it is reached."""
    talk = Talk()
    talk.up()
    assert talk.say(Commanded(COMMAND, override=True)) == ("up", [], 400.0)
    assert talk.say(Ruled(TIME)) == ("up", [], 400.0)
    assert talk.policy.wanted == DNS


def test_override_for_an_absent_device_leaves_no_trace() -> None:
    """The command fails; when the device comes limits hold as ever."""
    talk = Talk()
    talk.say(Reported(Absent("no modem")))
    talk.say(Commanded(COMMAND, override=True))
    talk.say(Ruled(TIME))
    assert talk.say(Reported(Down())) == ("refused", [], None)


# --- another process, another configuration ---------------------------------------------------------------


def test_a_link_that_does_not_go_on_is_not_redialled_by_a_new_process() -> None:
    """A call that ended with the old process: who needs it asks again."""
    talk = Talk()
    assert talk.say(Adopting(DNS)) == ("connecting", [], None)
    assert talk.say(Asked(WEB)) == ("connecting", [], None)
    assert talk.say(NotAdopted(Down())) == ("armed", [], None)


def test_a_command_while_it_is_asked_whether_the_link_goes_on_is_obeyed() -> None:
    """If it does not, it is dialled for the command."""
    talk = Talk()
    talk.say(Adopting(DNS))
    talk.say(Commanded(COMMAND))
    assert talk.say(NotAdopted(Down())) == ("connecting", [Connect(COMMAND)], None)


def test_an_adopted_link_is_quiet_from_now_on_and_paid_since_it_was_dialled() -> None:
    """Its units have begun with the call."""
    talk = Talk(quiet=Quiet(300.0, 0.0, 1000.0))
    talk.say(Adopting(DNS))
    assert talk.say(Reported(link(50.0)), 900.0) == ("up", [], 2048.0)


def test_a_limit_that_was_reached_meanwhile_ends_the_adopted_link() -> None:
    """Not before the plugin knows what it has; and not if the operator had lifted the limit."""
    talk = Talk()
    talk.say(Adopting(DNS))
    assert talk.say(Ruled(TIME)) == ("connecting", [], None)
    assert refusal(talk.policy) is None
    assert talk.say(Reported(link(50.0))) == ("up", [Disconnect(TIME.reason)], None)
    talk = Talk()
    talk.say(Adopting(DNS, override=True))
    talk.say(Ruled(TIME))
    assert talk.say(Reported(link(50.0))) == ("up", [], 400.0)


def test_other_times_hold_for_the_running_call() -> None:
    """A reload does not touch it; the quiet begins anew, since what counts may be something else now."""
    talk = Talk()
    talk.up()
    assert talk.say(Rearmed("demand", FIVE_MINUTES), 350.0) == ("up", [], 400.0)
    assert talk.say(Rearmed("demand", Quiet(60.0))) == ("up", [], 410.0)


def test_another_mode_holds_for_the_running_call() -> None:
    """From demand to always: never hung up. Back: quiet counts again. To manual: as if dialled by hand."""
    talk = Talk()
    talk.up()
    assert [
        talk.say(Rearmed("always", Quiet(300.0))),
        talk.say(Rearmed("demand", Quiet(300.0))),
        talk.say(Rearmed("manual", Quiet())),
    ] == [("up", [], None), ("up", [], 400.0), ("up", [], None)]
    assert talk.say(Reported(Failed("carrier lost"))) == ("cooling", [], 101.0)


def test_another_mode_while_it_is_down() -> None:
    """Always connects at once; from always to demand what waited for its next try is armed; cooling ends."""
    talk = Talk()
    talk.say(Asked(DNS))
    talk.say(Reported(Failed("busy", 900.0)))
    assert talk.say(Rearmed("always", Quiet())) == ("connecting", [Connect(ALWAYS)], None)
    talk.say(Reported(Failed("busy", 900.0)))
    assert talk.say(Rearmed("demand", Quiet(300.0))) == ("armed", [], None)


def test_another_mode_waits_for_the_end_of_a_hang_up_for_a_time() -> None:
    """The operator's word is about the link, whatever its mode."""
    talk = Talk()
    talk.say(HungUp("by root", 7300.0))
    assert talk.say(Rearmed("always", Quiet())) == ("refused", [], 7300.0)
    assert talk.say(TimeCame(), 7300.0) == ("connecting", [Connect(ALWAYS)], None)


def test_a_dial_that_goes_on_as_on_demand_ends_its_wish_when_it_fails() -> None:
    """From always to demand in the middle of a dial."""
    talk = Talk("always")
    talk.say(Rearmed("demand", Quiet(300.0)))
    assert talk.say(Reported(Failed("busy"))) == ("cooling", [], 101.0)
    assert talk.say(TimeCame(), 101.0) == ("armed", [], None)
