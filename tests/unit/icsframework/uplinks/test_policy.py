"""The uplink policy as whole conversations: what happened, what people see, what is done."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsframework.uplinks.occasions import (
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
    Reported,
    Started,
    TimeCame,
    UplinkPolicy,
)
from icsframework.uplinks.policy import LAST_RETRY, backoff, step
from icsframework.uplinks.standing import choose, deadline, lingering, refusal, shown
from icsframework.values import Absent, Armed, Cause, Connecting, Cooling, Down, Failed, Link, Refused, Up

ALWAYS = Cause(rule="always")
COMMAND = Cause(rule="command")
DNS = Cause(rule="dns", name="example.org")
BY_COMMAND = Refused("connect: manual: it is connected by command only (ics connect)")
LINK = Link("eth0", 2, None, "ethernet", "kernel", 1500, False, 0.0, None)


def middle() -> float:
    """The middle of the jitter."""
    return 0.5


class Conversation:
    """Plays events against one policy and keeps what it answered."""

    def __init__(self, mode: str) -> None:
        self.policy = UplinkPolicy(mode)  # type: ignore[arg-type]
        self.now = 100.0

    def say(self, event: PolicyEvent) -> tuple[str, list[PolicyAction]]:
        """One event; returns the name of the state shown and the actions."""
        self.policy, actions = step(self.policy, event, self.now, middle)
        return shown(self.policy).name, list(actions)

    @property
    def due(self) -> float | None:
        """When the time comes."""
        return deadline(self.policy)


def test_always_connects_when_the_device_is_first_seen() -> None:
    """``always`` wants the link from the start and connects as soon as there is a device."""
    talk = Conversation("always")
    assert [talk.say(Started()), talk.say(Reported(Down())), talk.say(Reported(Connecting("dhcp")))] == [
        ("absent", []),
        ("connecting", [Connect(ALWAYS)]),
        ("connecting", []),
    ]
    assert talk.say(Reported(Up(LINK))) == ("up", [])


def test_failures_back_off_and_never_give_up() -> None:
    """Each failure doubles the wait up to a minute, and the link is tried again every time."""
    talk = Conversation("always")
    talk.say(Started())
    talk.say(Reported(Down()))
    waits = []
    for _ in range(9):
        state, actions = talk.say(Reported(Failed("no answer")))
        assert state == "cooling"
        assert actions == []
        assert talk.due is not None
        waits.append(talk.due - talk.now)
        talk.now = talk.due
        assert talk.say(TimeCame()) == ("connecting", [Connect(ALWAYS)])
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_success_resets_the_back_off() -> None:
    """After the link was up the first repetition comes quickly again."""
    talk = Conversation("always")
    for event in (Started(), Reported(Down()), Reported(Failed("a")), TimeCame(), Reported(Failed("b"))):
        talk.say(event)
    talk.now = 1000.0
    talk.say(TimeCame())
    talk.say(Reported(Up(LINK)))
    talk.say(InForce())
    assert (talk.say(Reported(Failed("lost"))), talk.due) == (("cooling", []), 1001.0)


def test_a_link_that_cannot_be_used_backs_off_too() -> None:
    """A provider whose address collides with a LAN answers every time; that is no success."""
    talk = Conversation("always")
    talk.say(Started())
    talk.say(Reported(Down()))
    waits = []
    for _ in range(4):
        talk.say(Reported(Up(LINK)))
        talk.say(Reported(Down("could not be configured")))
        assert talk.due is not None
        waits.append(talk.due - talk.now)
        talk.now = talk.due
        talk.say(TimeCame())
    assert waits == [1, 2, 4, 8]


def test_a_command_for_an_absent_device_leaves_no_trace() -> None:
    """It fails at once; what connects later is the mode, and says so."""
    manual, always = Conversation("manual"), Conversation("always")
    assert [talk.say(Commanded(COMMAND)) for talk in (manual, always)] == [("absent", [])] * 2
    assert manual.say(Reported(Down())) == ("down", [])
    assert always.say(Reported(Down())) == ("connecting", [Connect(ALWAYS)])


def test_a_new_wish_begins_a_new_back_off() -> None:
    """Who asks anew is not made to wait for what went wrong before."""
    talk = Conversation("demand")
    talk.say(Reported(Down()))
    talk.say(Asked(DNS))
    for _ in range(3):
        talk.say(Reported(Failed("busy")))
        talk.now += 100
        talk.say(TimeCame())
    talk.say(HungUp("by root"))
    talk.say(Reported(Down()))
    talk.say(Asked(DNS))
    assert (talk.say(Reported(Failed("busy"))), talk.due) == (("cooling", []), talk.now + 1)


def test_a_plugins_own_retry_time_is_respected() -> None:
    """A plugin that knows when to come back (a peer said so) is asked then."""
    talk = Conversation("always")
    talk.say(Started())
    talk.say(Reported(Down()))
    assert (talk.say(Reported(Failed("busy", retry_at=500.0))), talk.due) == (("cooling", []), 500.0)


def test_waking_too_early_waits_on() -> None:
    """A timer that fires before its time (a clock that was rounded) does not connect early."""
    talk = Conversation("always")
    talk.say(Started())
    talk.say(Reported(Down()))
    talk.say(Reported(Failed("no answer", retry_at=500.0)))
    assert (talk.say(TimeCame()), talk.due) == (("cooling", []), 500.0)


def test_an_unplugged_device_is_connected_when_it_returns() -> None:
    """Absent stops the retries; the device's return connects at once, whatever the back-off was."""
    talk = Conversation("always")
    talk.say(Started())
    talk.say(Reported(Down()))
    talk.say(Reported(Failed("no answer")))
    assert talk.say(Reported(Absent("no cable"))) == ("absent", [])
    assert talk.say(TimeCame()) == ("absent", [])
    assert talk.say(Reported(Down())) == ("connecting", [Connect(ALWAYS)])


def test_the_operators_hang_up_stays_until_he_connects() -> None:
    """``ics disconnect`` keeps even an ``always`` link down; ``ics connect`` brings it back for good."""
    talk = Conversation("always")
    talk.say(Started())
    talk.say(Reported(Down()))
    talk.say(Reported(Up(LINK)))
    assert talk.say(HungUp("by root")) == ("up", [Disconnect("by root")])
    assert talk.say(Reported(Down())) == ("down", [])
    assert talk.say(TimeCame()) == ("down", [])
    assert talk.say(Commanded(COMMAND)) == ("connecting", [Connect(COMMAND)])
    talk.say(Reported(Up(LINK)))
    assert (talk.say(Reported(Failed("lost"))), talk.due) == (("cooling", []), 101.0)


def test_a_link_that_comes_up_after_the_hang_up_is_taken_down() -> None:
    """The operator's word is newer than a connect that was under way."""
    talk = Conversation("manual")
    talk.say(Reported(Down()))
    talk.say(Commanded(COMMAND))
    talk.say(HungUp("by root"))
    assert talk.say(Reported(Up(LINK))) == ("up", [Disconnect("by root")])


def test_a_wish_during_a_hang_up_waits_for_its_end() -> None:
    """``ics connect`` right after ``ics disconnect`` connects as soon as the plugin is down; nothing is asked twice."""
    talk = Conversation("manual")
    talk.say(Reported(Down()))
    talk.say(Commanded(COMMAND))
    talk.say(Reported(Up(LINK)))
    assert talk.say(HungUp("by root")) == ("up", [Disconnect("by root")])
    assert talk.say(HungUp("by root")) == ("up", [])
    assert refusal(talk.policy) == BY_COMMAND
    assert talk.say(Commanded(COMMAND)) == ("up", [])
    assert talk.say(Reported(Up(LINK))) == ("up", [])
    assert talk.say(Reported(Down("by root"))) == ("connecting", [Connect(COMMAND)])
    assert talk.say(Reported(Failed("busy"))) == ("failed", [])


def test_manual_fails_once_and_stays_down() -> None:
    """The operator who watches a failing attempt is not dialled for behind his back."""
    talk = Conversation("manual")
    assert talk.say(Reported(Down())) == ("down", [])
    assert talk.say(Started()) == ("down", [])
    assert talk.say(Commanded(COMMAND)) == ("connecting", [Connect(COMMAND)])
    assert talk.say(Reported(Failed("no carrier"))) == ("failed", [])


def test_a_manual_link_that_was_up_is_held_up() -> None:
    """Once it was up for the operator, a lost link is tried again until he hangs up."""
    talk = Conversation("manual")
    talk.say(Reported(Down()))
    talk.say(Commanded(COMMAND))
    talk.say(Reported(Up(LINK)))
    assert (talk.say(Reported(Failed("lost"))), talk.due) == (("cooling", []), 101.0)


def test_requests_wake_demand_and_are_refused_by_manual() -> None:
    """A plugin's request connects an armed link; a manual one says which key forbids it."""
    demand, manual = Conversation("demand"), Conversation("manual")
    assert demand.say(Reported(Down())) == ("armed", [])
    assert demand.say(Asked(DNS)) == ("connecting", [Connect(DNS)])
    manual.say(Reported(Down()))
    assert manual.say(Asked(DNS)) == ("down", [])
    assert refusal(manual.policy) == BY_COMMAND
    assert refusal(demand.policy) is None


def test_shown_states_have_their_words() -> None:
    """What people see is derived from wish and device."""
    by_command = "it is connected by command only (ics connect)"
    assert shown(UplinkPolicy("demand", device=Down())) == Armed(
        "connect: demand: it is connected when asked for"
    )
    assert shown(UplinkPolicy("standby", device=Down())) == Armed(f"connect: standby: {by_command}")
    assert shown(UplinkPolicy("manual", device=Down())) == Down(f"connect: manual: {by_command}")
    assert shown(UplinkPolicy("manual", device=Down(), reason="by root")) == Down("by root")
    assert shown(
        UplinkPolicy("always", device=Failed("x"), wanted=ALWAYS, retry_at=9.0, reason="x")
    ) == Cooling("x", 9.0)


def test_the_first_that_is_up_is_chosen() -> None:
    """The order of the file is the order of preference."""
    assert choose([("a", Down()), ("b", Up(LINK)), ("c", Up(LINK))]) == "b"
    assert choose([("a", Down())]) is None


def test_back_off_is_bounded_and_jittered() -> None:
    """The wait stays within a fifth around its base, and never passes a minute and a fifth."""
    assert [round(backoff(0, share), 3) for share in (0.0, 0.5, 1.0)] == [0.8, 1.0, 1.2]
    assert round(backoff(10_000, 1.0), 3) == LAST_RETRY * 1.2


events = st.one_of(
    st.builds(Started),
    st.builds(TimeCame),
    st.just(Asked(DNS)),
    st.just(Commanded(COMMAND)),
    st.just(HungUp("by root")),
    st.sampled_from(
        [Absent("gone"), Down(), Connecting("x"), Up(LINK), Failed("bad"), Failed("bad", 400.0)]
    ).map(Reported),
)


@given(
    st.sampled_from(["always", "demand", "standby", "manual"]), st.lists(st.tuples(events, st.floats(0, 100)))
)
def test_never_two_connects_without_an_answer_between(
    mode: str, script: list[tuple[PolicyEvent, float]]
) -> None:
    """Whatever happens, a plugin is asked to connect only while it is neither connecting, up nor absent, and with a cause."""
    talk = Conversation(mode)
    for event, passed in script:
        talk.now += passed
        before = event.state if isinstance(event, Reported) else talk.policy.device
        _, actions = talk.say(event)
        for action in actions:
            if isinstance(action, Connect):
                assert isinstance(before, (Down, Failed))
                assert action.cause.rule
                assert isinstance(talk.policy.device, Connecting)
        assert sum(isinstance(action, Connect) for action in actions) <= 1
        if talk.policy.wanted is None and mode != "demand":
            assert talk.policy.retry_at is None
        if isinstance(talk.policy.device, (Absent, Down, Failed)):
            assert not talk.policy.leaving


def test_an_adopted_link_is_up_without_a_connect() -> None:
    """The plugin says that it goes on: nothing is asked of it, and a later loss is tried again as ever."""
    talk = Conversation("demand")
    assert [talk.say(Adopting(DNS)), talk.say(Asked(DNS)), talk.say(Reported(Up(LINK)))] == [
        ("connecting", []),
        ("connecting", []),
        ("up", []),
    ]
    assert talk.policy.wanted == DNS
    assert (talk.say(Reported(Failed("carrier lost"))), talk.due) == (("cooling", []), 101.0)


def test_a_link_that_does_not_go_on_is_connected_anew_for_the_same_cause() -> None:
    """At once if the device is there, else as soon as it is."""
    talk = Conversation("manual")
    assert [talk.say(Adopting(COMMAND)), talk.say(NotAdopted(Down()))] == [
        ("connecting", []),
        ("connecting", [Connect(COMMAND)]),
    ]
    talk = Conversation("always")
    assert [
        talk.say(Adopting(ALWAYS)),
        talk.say(NotAdopted(Absent("no cable"))),
        talk.say(Reported(Down())),
    ] == [
        ("connecting", []),
        ("absent", []),
        ("connecting", [Connect(ALWAYS)]),
    ]


DIALLED = replace(LINK, interface="icsu-modem", kind="ppp", carrier="inline")


@pytest.mark.parametrize(
    ("link", "lost", "kept"),
    [
        (LINK, Absent("no cable"), True),
        (LINK, Failed("the server took the address back"), False),
        (DIALLED, Failed("carrier lost"), True),
        (DIALLED, Absent("no modem"), True),
        (DIALLED, Down("hung up"), False),
    ],
)
def test_addresses_stay_where_the_link_may_come_back_as_it_was(link: Link, lost: object, kept: bool) -> None:
    """A pulled cable, and a dialled line whatever became of its call; not what was taken back or given up."""
    policy = UplinkPolicy("always", device=lost, wanted=ALWAYS)  # type: ignore[arg-type]
    assert (lingering(None, Up(link), policy) == link) is kept


def test_addresses_stay_through_the_tries() -> None:
    """While a dialled line is called again and again; a cable's stay only until something is known to be wrong."""
    for link, kept in ((DIALLED, DIALLED), (LINK, None)):
        calling = UplinkPolicy("always", device=Connecting("calling 123"), wanted=ALWAYS)
        assert lingering(link, Failed("busy"), calling) == link
        busy = UplinkPolicy("always", device=Failed("busy"), wanted=ALWAYS)
        assert lingering(link, Connecting("calling 123"), busy) == kept


def test_what_nobody_wants_keeps_no_address() -> None:
    """After a hang-up the line is somebody else's."""
    assert lingering(DIALLED, Up(DIALLED), UplinkPolicy("manual", device=Failed("carrier lost"))) is None
