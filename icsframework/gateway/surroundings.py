"""What there is on this machine beside us: the senses of ``beside.py``, as functions so that tests can give others."""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, inlineCallbacks

from icsframework.dataplane.filters import Filters
from icsframework.dataplane.nft import Nft
from icsframework.dataplane.ruleset import TABLE
from icsframework.frozen import dataclass
from icsframework.host.defaultroutes import DefaultRoute, read_default_routes
from icsframework.host.legacy import read_legacy
from icsframework.host.managerfacts import read_facts
from icsframework.host.managers import Facts
from icsframework.host.rulewatch import RuleSetMonitor
from icsframework.interfaces import Unwatch

__all__ = ["Surroundings", "surroundings"]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """How to look."""

    watch_rules: Callable[[Callable[[str], object], Callable[[], object]], Unwatch]
    """See RuleSetMonitor: on_loss(by) and on_change().  Raises HostError."""
    table: Callable[[], Deferred[Filters]]
    """Our own table as it is in the kernel."""
    filters: Callable[[], Deferred[tuple[Filters, ...]]]
    """All tables of nf_tables, and those of iptables-legacy."""
    facts: Callable[[], Deferred[Facts]]
    """What managers.py decides upon."""
    routes: Callable[[], Deferred[tuple[DefaultRoute, ...]]]
    """The default routes, whoever set them."""


def surroundings(reactor: Any, nft: Nft, in_thread: Callable[..., Deferred[Any]]) -> Surroundings:
    """The real ones; ``in_thread(function)`` runs what blocks."""

    @inlineCallbacks
    def filters() -> Any:
        listed = yield nft.everything()
        legacy = yield in_thread(read_legacy)
        return (listed, legacy)

    return Surroundings(
        watch_rules=lambda on_loss, on_change: RuleSetMonitor(reactor, TABLE, on_loss, on_change).start(),
        table=lambda: nft.look("inet", TABLE),
        filters=filters,
        facts=lambda: in_thread(read_facts),
        routes=lambda: in_thread(read_default_routes),
    )
