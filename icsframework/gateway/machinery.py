"""The parts of the gateway that touch the machine, as one value: the real ones are made by assemble.py, others by tests."""

from collections.abc import Callable, Sequence
from dataclasses import field
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFDSet

from icsframework.config.helpers import HelperSection
from icsframework.dataplane.counters import ICounters
from icsframework.dataplane.elements import IElements
from icsframework.dataplane.plane import DataPlane
from icsframework.frozen import dataclass
from icsframework.gateway.flows import Forget
from icsframework.gateway.helpers import Probe
from icsframework.gateway.remembered import SavedLinks
from icsframework.gateway.shells import Shell
from icsframework.gateway.surroundings import Surroundings
from icsframework.gateway.timekeeper import NewestTime
from icsframework.gateway.unconfirmed import Unconfirmed
from icsframework.gateway.view import GatewayView
from icsframework.host.descriptors import Descriptors
from icsframework.host.reconcile import Reconciler
from icsframework.host.scoped import IOwnedHost
from icsframework.interfaces import IClock
from icsframework.mappings.service import EndFlows
from icsframework.store.store import Store
from icsframework.values import Endpoint, InterfaceInfo, StreamProxy, SystemInfo

Published = Callable[[str, int], Endpoint | None]
"""Which inside server a TCP port of an uplink leads to."""


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
    make_shell: Callable[[HelperSection, StreamProxy, GatewayView, Published], Shell]
    """Makes the shell that carries out what a helper's sessions decide."""
    elements: IElements
    """The dynamic elements of our table."""
    counters: ICounters
    """What our rules have counted."""
    reactor: IReactorFDSet
    """Tells when a descriptor can be read."""
    end_flows: EndFlows
    """Forgets single flows of an uplink."""
    started: Callable[[], None]
    """Called once, when the gateway has started."""
    surroundings: Surroundings | None = None
    """How to see what other programs do; None: nobody looks."""
    newest: NewestTime = field(default_factory=NewestTime)
    """The newest time in the store, which the clock must know."""
