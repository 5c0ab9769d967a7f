"""Tells the packet filter which two hosts have a connection through a helper, so that what begins between them takes the same uplink, and keeps it up.

One for all shells: a pair may have connections through several of them, and is
told for as long as one is left.  Where they go by different uplinks (somebody
outside has called a published server by two of our addresses) the newest one
says.  An element of the set ``pairs`` (dataplane/pairs.py) has a short time: those
of a daemon that was killed go by themselves.  With one uplink that is not hung up when it is quiet nothing is told.
"""

from collections.abc import Iterable

from twisted.internet.defer import maybeDeferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from icsframework.dataplane.mapped import NamedElement
from icsframework.dataplane.pairs import pair_element
from icsframework.dataplane.plane import DataPlane
from icsframework.dataplane.rulewords import several
from icsframework.errors import IcsError
from icsframework.helpers.heartbeat import Change
from icsframework.interfaces import IClock
from icsframework.values import Address, Flow

__all__ = ["LIFETIME", "PERIOD", "Pairs"]

LIFETIME = 60.0
"""Seconds after which what was not renewed is forgotten: a daemon that died holds nobody longer on an uplink."""

PERIOD = 30.0
"""Seconds between two renewals: one may fail."""

Hosts = tuple[Address, Address]
"""Inside host and peer."""


class Pairs:
    """See the module; ``change`` is IElements.change.

    What it cannot tell (nft is busy or refuses) is told with the next renewal: meanwhile new flows take the
    preferred uplink.
    """

    def __init__(self, clock: IClock, change: Change, log: Logger) -> None:
        self._clock = clock
        self._change = change
        self._log = log
        self._plane = DataPlane()
        self._held: dict[Hosts, dict[object, Flow]] = {}
        """The connections of each pair, the newest one last."""
        self._hosts: dict[object, Hosts] = {}
        self._told: dict[Hosts, NamedElement] = {}
        self._timer: IDelayedCall | None = None
        self._failing = False

    # --- for the shells

    def hold(self, connection: object, flow: Flow) -> None:
        """``connection`` goes on as ``flow``; again when that has changed."""
        before = self._drop(connection)
        hosts = flow.inside.address, flow.peer.address
        if any(host.version != 4 for host in hosts):  # nothing is translated, and all rules are for IPv4
            return
        self._hosts[connection] = hosts
        self._held.setdefault(hosts, {})[connection] = flow
        self._tell({hosts} if before is None else {before, hosts})

    def release(self, connection: object) -> None:
        """It has ended."""
        hosts = self._drop(connection)
        if hosts is not None:
            self._tell({hosts})

    def _drop(self, connection: object) -> Hosts | None:
        hosts = self._hosts.pop(connection, None)
        if hosts is not None:
            del self._held[hosts][connection]
            if not self._held[hosts]:
                del self._held[hosts]
        return hosts

    def address(self, inside: Address, peer: Address) -> Address | None:
        """The address of ours that the newest connection of these two has outside; None if they have none."""
        flow = self._newest((inside, peer))
        return None if flow is None else flow.outside.address

    def in_force(self, plane: DataPlane) -> None:
        """From now on ``plane`` is in force; each shell may say so."""
        if plane is self._plane:
            return
        self._plane = plane
        self._tell(self._held.keys() | self._told.keys(), again=True)

    # --- what the packet filter shall know

    def _newest(self, hosts: Hosts) -> Flow | None:
        flows = self._held.get(hosts)
        return next(reversed(flows.values())) if flows else None

    def _element(self, hosts: Hosts) -> NamedElement | None:
        flow = self._newest(hosts)
        if flow is None or not (several(self._plane) or self._plane.keep):
            return None
        mark = self._plane.marks.uplink_mark
        marks = [mark(uplink.index) for uplink in self._plane.uplinks if uplink.name == flow.uplink]
        return pair_element(marks[0], *hosts, LIFETIME) if marks else None

    def _tell(self, changed: Iterable[Hosts], again: bool = False) -> None:
        """What has become of these; with ``again`` also what is as it was told before."""
        add: list[NamedElement] = []
        delete: list[NamedElement] = []
        for hosts in changed:
            old, new = self._told.pop(hosts, None), self._element(hosts)
            if new is not None:
                self._told[hosts] = new
            if old == new and not again:
                continue
            delete += [old] if old is not None and old != new else []
            if new is not None:
                delete.append(new)  # or it would keep the time that it had
                add.append(new)
        if add or delete:
            maybeDeferred(self._change, add, delete).addCallbacks(self._done, self._failed)
        self._wind()

    def _wind(self) -> None:
        """The next renewal is due while there is something to renew."""
        if self._told and self._timer is None:
            self._timer = self._clock.call_later(PERIOD, self._renew)
        elif not self._told and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _renew(self) -> None:
        self._timer = None
        self._tell(tuple(self._told), again=True)

    def _done(self, _: object) -> None:
        self._failing = False

    def _failed(self, failure: Failure) -> None:
        if failure.check(IcsError) is None:
            self._log.failure("pairs of helped connections cannot be told to the packet filter", failure)
            return
        say = self._log.debug if self._failing else self._log.warn
        self._failing = True
        say(
            "the packet filter is not told who has a connection through a helper, their other connections may take "
            "another uplink: {reason}",
            reason=failure.getErrorMessage(),
        )
