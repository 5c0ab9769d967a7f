"""The reconciler: makes the machine what the composer wants, and gives it back as it was.

``apply(desired)`` observes, computes the difference and makes the changes, in a
worker thread so that the reactor never waits for the kernel.  Only one runs at
a time; of several that wait only the latest is carried out, and all of them
learn its outcome.  Before the first change everything that is about to change
is in before.json.

If a change fails, the machine is rolled back to what it was before this apply
and the old packet filter is loaded again: the old state stays in force, whole.
A change that another program overtook, or whose interface went meanwhile (a call
that ends takes its device along), is tried once more from a new look.

``restore()`` wants nothing at all: what we added goes, what we changed gets its
previous value.  It does as much as it can, and fails afterwards with a list of
what it could not do.
"""

from collections.abc import Callable, Sequence
from dataclasses import field, replace
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, fail, inlineCallbacks, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from icsframework.errors import HostError, IcsError, InterfaceMissing, StoreError
from icsframework.frozen import dataclass
from icsframework.host.before import Before
from icsframework.host.changes import Change, MakeDevice, SetSysctl, SetTable
from icsframework.host.difference import difference
from icsframework.host.effects import is_forwarding
from icsframework.host.machine import IMachine, ITable, Overtaken, SysctlMissing
from icsframework.host.owned import Owned, claim, scope_of, settle
from icsframework.host.renames import follow, numbered
from icsframework.host.state import MachineState, Scope

__all__ = ["TRIES", "Reconciler"]

TRIES = 2
"""How often an apply is tried when other programs change the same things meanwhile."""

NOTHING = MachineState()

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Plan:
    """What one apply is about to do, and what it takes to undo it."""

    scope: Scope
    current: MachineState
    changes: tuple[Change, ...]
    claimed: Owned
    made: list[Change] = field(default_factory=list)
    """Those that have been made."""


class Reconciler:
    """See the module.  ``in_thread(function, *args)`` runs it in the one worker thread and returns a Deferred."""

    log = Logger()

    def __init__(
        self,
        machine: IMachine,
        before: Before,
        in_thread: Callable[..., Deferred[Any]],
        table: ITable | None = None,
    ) -> None:
        self._machine = machine
        self._before = before
        self._in_thread = in_thread
        self._table = table
        self._loaded: object | None = None
        self._distrusted = False
        self._owned: Owned | None = None
        self.in_force: MachineState | None = None
        """What was applied last; of several that waited it is the only one that was ever in force."""
        self._busy = False
        self._restoring = False
        self._next: tuple[Callable[[], Deferred[int]], list[Deferred[int]]] | None = None
        self._idle: list[Deferred[None]] = []

    @property
    def owned(self) -> Owned:
        """What we own by now (empty before the first apply)."""
        return self._owned or Owned()

    def apply(self, desired: MachineState) -> "Deferred[int]":
        """Make the machine ``desired``; Deferred of the number of changes.

        Fails with the HostError, NftError or StoreError that stopped it; then the state before this call is in force.
        """
        if self._restoring:
            return fail(HostError("The gateway is stopping: the machine is being given back as it was."))
        return self._queue(lambda: self._try(desired))

    def preview(self, desired: MachineState) -> "Deferred[tuple[Change, ...]]":
        """The changes that ``apply`` would make now, each with a line for people as its ``str``."""
        return self._in_thread(lambda: self._plan(desired).changes)

    def restore(self) -> "Deferred[int]":
        """Put everything back; Deferred of the number of changes, failing with a HostError that lists what could not be done."""
        self._restoring = True
        return self._queue(self._restore)

    def distrust_table(self) -> None:
        """Somebody else removed or changed the packet filter: the next apply loads it again."""
        self._distrusted = True

    def settled(self) -> "Deferred[None]":
        """Fires when nothing runs and nothing waits."""
        if not self._busy:
            return succeed(None)
        waiter: Deferred[None] = Deferred()
        self._idle.append(waiter)
        return waiter

    # --- one at a time, the latest wins

    def _queue(self, run: Callable[[], "Deferred[int]"]) -> "Deferred[int]":
        answer: Deferred[int] = Deferred()
        waiting = self._next[1] if self._next else []
        self._next = (run, [*waiting, answer])
        if not self._busy:
            self._run_next()
        return answer

    def _run_next(self) -> None:
        if self._next is None:
            self._busy = False
            idle, self._idle = self._idle, []
            for waiter in idle:
                waiter.callback(None)
            return
        (run, waiting), self._next = self._next, None
        self._busy = True
        run().addBoth(self._finished, waiting)

    def _finished(self, outcome: int | Failure, waiting: Sequence["Deferred[int]"]) -> None:
        for answer in waiting:
            answer.callback(outcome)  # a Failure starts the error chain
        self._run_next()

    # --- apply

    @inlineCallbacks
    def _try(self, desired: MachineState) -> Any:
        for attempt in range(TRIES):
            try:
                return (yield self._apply_once(desired))
            except (Overtaken, InterfaceMissing, SysctlMissing):
                if attempt + 1 == TRIES:
                    raise
        return 0

    @inlineCallbacks
    def _apply_once(self, desired: MachineState) -> Any:
        plan: _Plan = yield self._in_thread(self._prepare, desired)
        loaded = self._loaded
        owned = self.owned
        try:
            if desired.table is not None:
                yield self._publish(desired.table)
            yield self._in_thread(self._carry_out, plan)
            if desired.table is None:
                yield self._publish(None)
        except Exception as error:
            yield self._undo(plan, owned, loaded, error)
            raise
        yield self._in_thread(self._remember, plan, settle(plan.claimed, desired))
        self.in_force = desired
        return len(plan.changes)

    @inlineCallbacks
    def _undo(self, plan: _Plan, owned: Owned, loaded: object | None, cause: Exception) -> Any:
        """Back to what was before this apply; if that fails too, the error tells both."""
        try:
            refused = yield self._in_thread(self._roll_back, plan, owned)
            yield self._publish(loaded)
        except IcsError as error:
            refused = [str(error)]
        if refused:
            raise HostError(f"{cause} Going back failed as well: {'; '.join(refused)}") from cause

    def _publish(self, table: object | None) -> "Deferred[None]":
        if self._table is None or (table == self._loaded and not self._distrusted):
            return succeed(None)
        published = self._table.publish(table)

        def loaded(_: object) -> None:
            self._loaded = table
            self._distrusted = False

        return published.addCallback(loaded)

    # --- in the worker thread

    def _plan(self, desired: MachineState) -> _Plan:
        here = self._here()
        self._owned = follow(self._recorded(), here)
        scope = scope_of(desired, self._owned)
        current = replace(self._machine.observe(scope), table=self._loaded)
        changes = difference(current, desired, self._owned)
        return _Plan(scope, current, changes, numbered(claim(self._owned, current, changes), here))

    def _recorded(self) -> Owned:
        if self._owned is None:
            self._owned = self._before.load()
        return self._owned

    def _here(self) -> dict[str, int]:
        return {one.name: one.ifindex for one in self._machine.interfaces()}

    def _prepare(self, desired: MachineState) -> _Plan:
        recorded = self._recorded()
        plan = self._plan(desired)
        if plan.claimed != recorded:
            self._before.save(plan.claimed)
        return plan

    def _carry_out(self, plan: _Plan) -> None:
        for change in plan.changes:
            if not isinstance(change, SetTable):
                self._machine.apply(change)
                plan.made.append(change)

    def _roll_back(self, plan: _Plan, owned: Owned) -> list[str]:
        """Back to ``plan.current`` as far as it goes: what vanished meanwhile is not brought back."""
        added = claim(Owned(), plan.current, plan.made)
        mine = Owned(devices=added.devices, addresses=added.addresses, routes=added.routes, rules=added.rules)
        now = replace(self._machine.observe(plan.scope), table=plan.current.table)
        refused = self._attempt(difference(now, plan.current, mine))
        if not refused and owned != plan.claimed:
            self._before.save(owned)
        return [f"{change}: {error}" for change, error in refused.items()]

    def _attempt(self, changes: Sequence[Change]) -> dict[Change, IcsError]:
        """Make what can be made; returns what was refused, and why."""
        refused: dict[Change, IcsError] = {}
        for change in changes:
            if isinstance(change, SetTable):
                continue
            try:
                self._machine.apply(change)
            except (InterfaceMissing, SysctlMissing):
                continue  # addresses, routes and settings went with the interface
            except IcsError as error:
                refused[change] = error
        return refused

    def _remember(self, plan: _Plan, owned: Owned) -> None:
        made = any(isinstance(change, MakeDevice) for change in plan.changes)
        self._owned = owned = numbered(owned, self._here() if made else {})
        if owned == plan.claimed:
            return
        try:
            self._before.save(owned)
        except StoreError as error:
            # The new state is in force.  The record still says more than is ours, which only makes a restore look longer.
            self.log.error("{error}", error=error)

    # --- restore

    @inlineCallbacks
    def _restore(self) -> Any:
        try:
            count, refused, closed = yield self._in_thread(self._put_back)
            # While packets are still forwarded, they are still filtered.
            if self._table is not None and closed:
                yield self._table.publish(None)
                self._loaded = None
        finally:
            self._restoring = False
        if refused:
            raise HostError("The machine could not be restored completely: " + "; ".join(refused))
        return count

    def _put_back(self) -> tuple[int, list[str], bool]:
        """How many changes that took, what was refused, and whether forwarding is as it was before."""
        plan = self._plan(NOTHING)
        refused = self._attempt(plan.changes)
        closed = not any(isinstance(one, SetSysctl) and is_forwarding(one.path) for one in refused)
        lines = [f"{change}: {error}" for change, error in refused.items()]
        if not refused:
            self._owned = Owned()
            try:
                self._before.clear()
            except StoreError as error:
                lines.append(str(error))
        return len(plan.changes), lines, closed
