"""What another configuration would change, without changing anything."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from difflib import unified_diff
from typing import Any

from twisted.internet.defer import inlineCallbacks

from icsframework.config.configuration import Configuration
from icsframework.dataplane.marks import assign_indices
from icsframework.dataplane.render import render
from icsframework.dataplane.ruleset import Table
from icsframework.gateway import plan
from icsframework.gateway.desired import Live, enabled, machine_state
from icsframework.gateway.roles import Place, Role
from icsframework.gateway.subnets import ChosenSubnets
from icsframework.host.reconcile import Reconciler
from icsframework.status import ReloadPreview

__all__ = ["Forecast", "table_difference"]


class Forecast:
    """Looks ahead from what is live now."""

    def __init__(
        self,
        reconciler: Reconciler,
        subnets: ChosenSubnets,
        foresee: Callable[[Configuration], Mapping[Role, Place]],
        live: Callable[[], Live],
        indices: Mapping[str, int],
    ) -> None:
        self._reconciler = reconciler
        self._subnets = subnets
        self._foresee = foresee
        self._live = live
        self._indices = indices

    @inlineCallbacks
    def preview(self, old: Configuration, new: Configuration) -> Any:
        """Deferred of a ReloadPreview.  Fails with ConfigurationError or HostError where the change itself would."""
        steps = plan.changes(old, new)
        indices = assign_indices((uplink.name for uplink in enabled(new)), self._indices)
        wanted = machine_state(new, self._then(new, steps), indices)
        changes = yield self._reconciler.preview(wanted)
        in_force = self._reconciler.in_force
        return ReloadPreview(
            plan.in_words(steps),
            tuple(str(change) for change in changes),
            table_difference(in_force.table if in_force is not None else None, wanted.table),
        )

    def _then(self, new: Configuration, steps: Sequence[plan.Step]) -> Live:
        """What is live right after the change: an uplink that starts anew has no link then."""
        now = self._live()
        anew = {step.uplink.name for step in steps if isinstance(step, plan.ChangeUplink) and step.restart}
        names = {uplink.name for uplink in enabled(new)} - anew
        places = self._foresee(new)
        order = [uplink.name for uplink in enabled(new)]
        return replace(
            now,
            interfaces=frozenset(place.name for place in places.values() if place.info is not None),
            names={role: place.name for role, place in places.items()},
            chosen={**now.chosen, **self._subnets.picks(new)},
            links={name: now.links[name] for name in order if name in names and name in now.links},
        )


def table_difference(now: object, then: object) -> str:
    """The packet filter in force and the one to come as a unified diff of nft text; "" if they are the same."""
    lines = [
        render(table).splitlines(keepends=True) if isinstance(table, Table) else [] for table in (now, then)
    ]
    return "".join(unified_diff(lines[0], lines[1], "in force", "to come"))
