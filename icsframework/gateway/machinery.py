"""The parts of the gateway that touch the machine, as one value: the real ones are made by assemble.py, others by tests."""

from collections.abc import Callable, Sequence
from dataclasses import field
from typing import Any

from twisted.internet.defer import Deferred

from icsframework.dataplane.plane import DataPlane
from icsframework.frozen import dataclass
from icsframework.gateway.flows import Forget
from icsframework.gateway.helpers import MakeShell, Probe
from icsframework.gateway.remembered import SavedLinks
from icsframework.gateway.surroundings import Surroundings
from icsframework.gateway.timekeeper import NewestTime
from icsframework.gateway.unconfirmed import Unconfirmed
from icsframework.host.descriptors import Descriptors
from icsframework.host.reconcile import Reconciler
from icsframework.host.scoped import IOwnedHost
from icsframework.interfaces import IClock
from icsframework.store.store import Store
from icsframework.values import InterfaceInfo, SystemInfo


@dataclass(frozen=True, slots=True)
class Machinery:
    """The parts that touch the machine, see the module."""

    clock: IClock
    store: Store
    reconciler: Reconciler
    scoped_host: Callable[[str], IOwnedHost]
    interfaces: Callable[[], Sequence[InterfaceInfo]]
    count_flows: Callable[[], int]
    revive_flows: Callable[[DataPlane], Deferred[int]]
    """Forgets flows that were forwarded untranslated before we came, so that their next packet begins anew."""
    forget_flows: Forget
    """Forgets the flows of uplinks that cannot carry them any more."""
    links: SavedLinks
    unconfirmed: Unconfirmed
    """The record of a configuration on trial."""
    descriptors: Callable[[], Descriptors]
    """How many file descriptors there are, and how many are left."""
    in_thread: Callable[..., Deferred[Any]]
    """Runs what blocks in the one worker thread."""
    close: Callable[[], Deferred[Any]]
    """Gives back what is left when everything else has ended (threads, sockets, the lock)."""
    system: SystemInfo
    """What plugins may know of this machine."""
    kernel_helpers: Probe
    """Asks the kernel which conntrack helpers it has."""
    make_shell: MakeShell
    """Makes the shell that carries out what a helper's sessions decide."""
    surroundings: Surroundings | None = None
    """How to see what other programs do; None: nobody looks."""
    newest: NewestTime = field(default_factory=NewestTime)
    """The newest time in the store, which the clock must know."""
