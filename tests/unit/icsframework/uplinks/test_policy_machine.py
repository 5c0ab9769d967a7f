"""The policy against a plugin, a meter and an operator who do anything that they may, by a virtual clock."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from icsframework.uplinks.occasions import (
    Active,
    Asked,
    Commanded,
    Connect,
    Disconnect,
    HungUp,
    InForce,
    PolicyEvent,
    Rearmed,
    Reported,
    Ruled,
    Started,
    TimeCame,
    UplinkPolicy,
)
from icsframework.uplinks.policy import JITTER, LAST_RETRY, step
from icsframework.uplinks.quiet import Quiet
from icsframework.uplinks.standing import deadline, hangs_up_at, refusal, shown
from icsframework.values import (
    Absent,
    Armed,
    Cause,
    Connecting,
    Cooling,
    Down,
    Failed,
    Link,
    Refused,
    Up,
    UplinkState,
)

MODES = ("always", "demand", "standby", "manual")
QUIETS = (Quiet(), Quiet(300.0), Quiet(60.0, 600.0), Quiet(60.0, 0.0, 180.0))
LIMIT = Refused("limits.time: 2h/day are used")
HOURS = Refused("hours: 06:00-23:00", 9000.0)
OWN_RETRY = 900.0
"""Seconds that the plugin may want to wait."""


class Policy(RuleBasedStateMachine):
    """``plugin`` is what the plugin is doing: absent, down, connecting or up; ``hanging_up``: it was told to end that."""

    @initialize(mode=st.sampled_from(MODES), quiet=st.sampled_from(QUIETS), there=st.booleans())
    def begin(self, mode: str, quiet: Quiet, there: bool) -> None:
        """A gateway starts."""
        self.now = 100.0
        self.policy = UplinkPolicy(mode, quiet)  # type: ignore[arg-type]
        self.plugin = "absent"
        self.hanging_up = False
        self.unlifted: Refused | None = None
        self.lifted = False
        self.down_by_command = False
        self.hung_up_until: float | None = None
        self.wishes: set[Cause] = {Cause("always")}
        self.asked = 0
        self.feed(Started())
        if there:
            self.report(Down())

    # --- the shell, which carries out what the policy says

    def feed(self, event: PolicyEvent) -> None:
        """One event."""
        self.policy, actions = step(self.policy, event, self.now, lambda: 0.5)
        assert len(actions) <= 1
        for action in actions:
            if isinstance(action, Connect):
                assert self.plugin == "down", "two dials at once"
                assert action.cause in self.wishes, "a dial without a cause"
                assert self.unlifted is None or self.policy.override, "a dial past a limit"
                assert self.hung_up_until is None or self.now >= self.hung_up_until, "a dial past a hang-up"
                self.plugin = "connecting"
            else:
                assert isinstance(action, Disconnect)
                assert self.plugin in ("connecting", "up")
                assert action.reason
                self.hanging_up = True

    def report(self, state: UplinkState) -> None:
        """The plugin tells."""
        calling, self.plugin = self.plugin in ("connecting", "up"), state.name
        if self.plugin == "failed":
            self.plugin = "down"
        over = self.plugin in ("absent", "down")
        if over:
            self.hanging_up = False
        self.feed(Reported(state, Ruled(self.unlifted) if calling and over else None))

    # --- the plugin

    @precondition(lambda self: self.plugin == "absent")
    @rule()
    def device_comes(self) -> None:
        """It is plugged in."""
        self.report(Down())

    @precondition(lambda self: self.plugin != "absent")
    @rule()
    def device_goes(self) -> None:
        """It is pulled out."""
        self.report(Absent("no modem"))

    @precondition(lambda self: self.plugin == "connecting")
    @rule()
    def comes_up(self) -> None:
        """The dial succeeds, perhaps a moment after it was told to end it."""
        self.report(Up(Link("ppp0", 2, None, "ppp", "inline", 1500, True, self.now, None)))
        if not self.hanging_up:
            self.feed(InForce())

    @precondition(lambda self: self.plugin == "connecting")
    @rule()
    def goes_on(self) -> None:
        """The next stage."""
        self.report(Connecting("authenticating"))

    @precondition(lambda self: self.plugin in ("connecting", "up"))
    @rule(knows=st.booleans())
    def fails(self, knows: bool) -> None:
        """The dial fails, or the line is lost."""
        self.report(Failed("no carrier", self.now + OWN_RETRY if knows else None))

    @precondition(lambda self: self.plugin in ("connecting", "up"))
    @rule(forbidden=st.sampled_from([None, LIMIT]))
    def ends_as_the_last(self, forbidden: Refused | None) -> None:
        """It ends, and the meter that counted it has another answer."""
        self.unlifted = forbidden
        self.report(Down() if self.hanging_up else Failed("no carrier"))

    @precondition(lambda self: self.hanging_up)
    @rule()
    def is_down(self) -> None:
        """It has hung up."""
        self.report(Down())

    # --- those who want something

    @rule()
    def traffic_asks(self) -> None:
        """A packet that may wake it."""
        self.asked += 1
        cause = Cause(f"wake[{self.asked}]")
        may = refusal(self.policy)
        self.wishes.add(cause)
        self.feed(Asked(cause))
        if may is None:
            assert self.plugin != "down" or self.policy.redialling, "a wish that was granted in vain"

    @rule(override=st.booleans())
    def operator_connects(self, override: bool) -> None:
        """``ics connect``."""
        self.asked += 1
        cause = Cause(f"command {self.asked}")
        self.wishes.add(cause)
        self.down_by_command, self.hung_up_until = False, None
        self.lifted = self.lifted or override
        self.feed(Commanded(cause, override))
        if self.plugin == "down":
            assert self.unlifted is not None and not self.policy.override

    @rule(seconds=st.sampled_from([None, 0.0, 1000.0]))
    def operator_disconnects(self, seconds: float | None) -> None:
        """``ics disconnect``, perhaps for a time."""
        until = None if seconds is None else self.now + seconds
        self.down_by_command, self.hung_up_until, self.lifted = True, until, False
        self.feed(HungUp("by root", until))
        assert self.plugin in ("absent", "down") or self.hanging_up

    @rule(forbidden=st.sampled_from([None, LIMIT, HOURS]))
    def meter_rules(self, forbidden: Refused | None) -> None:
        """A limit is reached, or over."""
        self.unlifted = forbidden
        self.feed(Ruled(forbidden))

    @precondition(lambda self: self.plugin == "up")
    @rule()
    def traffic_counts(self) -> None:
        """Somebody uses it."""
        self.feed(Active(self.now))

    @rule(mode=st.sampled_from(MODES), quiet=st.sampled_from(QUIETS))
    def reload(self, mode: str, quiet: Quiet) -> None:
        """Another configuration: a call goes on, if limits let it."""
        before = (self.plugin, self.hanging_up)
        if mode == "always" and self.policy.mode != "always":
            self.down_by_command = self.hung_up_until is not None and self.now < self.hung_up_until
        self.feed(Rearmed(mode, quiet))  # type: ignore[arg-type]
        if before[0] in ("connecting", "up"):
            assert (self.plugin, self.hanging_up) == before

    @rule(seconds=st.sampled_from([0.5, 1.0, 10.0, 61.0, 400.0, 5000.0]))
    def time_passes(self, seconds: float) -> None:
        """Every deadline on the way is kept, as the shell does."""
        end = self.now + seconds
        for _ in range(1000):
            due = deadline(self.policy)
            if due is None or due > end:
                break
            self.now = max(self.now, due)
            if self.hung_up_until is not None and self.now >= self.hung_up_until:
                self.down_by_command, self.hung_up_until = self.policy.mode != "always", None
            self.feed(TimeCame())
        else:
            raise AssertionError("the time comes again and again")
        self.now = end

    # --- what always holds

    @invariant()
    def never_up_past_a_limit(self) -> None:
        """From the moment of the limit on it is being hung up, unless the operator has lifted it."""
        if self.unlifted is not None and self.plugin in ("connecting", "up"):
            assert self.hanging_up or self.policy.override
        assert not self.policy.override or self.lifted, "lifted by nobody"

    @invariant()
    def never_up_after_a_hang_up(self) -> None:
        """For the stated time it is down, or on its way there."""
        if self.hung_up_until is not None and self.now < self.hung_up_until:
            assert self.plugin in ("absent", "down") or self.hanging_up

    @invariant()
    def never_down_with_a_live_always(self) -> None:
        """It is there, allowed and not hung up: then it is on its way, or will be in a known time."""
        free = self.unlifted is None or self.policy.override
        if self.policy.mode == "always" and self.plugin == "down" and free and not self.down_by_command:
            due = deadline(self.policy)
            assert due is not None
            assert due <= self.now + max(OWN_RETRY, LAST_RETRY * (1 + JITTER))

    @invariant()
    def never_up_when_it_is_quiet(self) -> None:
        """The moment to hang up is in the future, while there is one; always has none."""
        moment = hangs_up_at(self.policy)
        assert moment is None or (self.plugin == "up" and moment >= self.now - 1e-6)
        assert moment is None or self.policy.mode != "always"
        if self.plugin == "up" and not self.hanging_up and self.policy.mode != "always":
            assert (moment is not None) == (self.policy.quiet.idle > 0)

    @invariant()
    def what_waits_has_its_time(self) -> None:
        """Whoever waits for the time waits for a known one; nobody else does."""
        state, due = shown(self.policy), deadline(self.policy)
        if isinstance(state, Cooling):
            assert due == state.retry_at
        if self.policy.barred is not None:
            assert due is not None
        if isinstance(state, Armed | Failed | Absent) and self.policy.barred is None:
            assert due is None

    @invariant()
    def what_people_see_is_true(self) -> None:
        """The state shown is that of the plugin while there is a device at work; refused says why."""
        state = shown(self.policy)
        if self.plugin != "down":
            assert state.name == self.plugin
        else:
            assert state.name in ("down", "armed", "cooling", "refused", "failed")
        if isinstance(state, Refused):
            assert state in (LIMIT, HOURS) or state.reason == "by root"

    @invariant()
    def demand_forgets(self) -> None:
        """Down, on demand: nobody's wish is kept but that of a lost link that is redialled."""
        if self.policy.mode == "demand" and self.plugin in ("absent", "down"):
            assert self.policy.wanted is None or self.policy.redialling


Policy.TestCase.settings = settings(max_examples=300, stateful_step_count=40, deadline=None)


class TestPolicy(Policy.TestCase):  # type: ignore[name-defined, misc]
    """Whatever happens, the invariants hold."""
