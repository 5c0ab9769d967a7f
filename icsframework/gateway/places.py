"""Keeps track of which interface plays which role, and tells who wants to know."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from icsframework.gateway.roles import Place, Role, Wanted, assign
from icsframework.host.scoped import IOwnedHost
from icsframework.interfaces import Unwatch
from icsframework.values import InterfaceInfo, Link

Observer = Callable[[Place], None]
ObserverOfAll = Callable[[Mapping[Role, Place], Mapping[Role, Place]], None]


@dataclass(slots=True, eq=False)
class _Watch:
    """One observer, and what it was told last."""

    role: Role
    observer: Observer
    told: Place


class Places:
    """One look at the interfaces serves all LANs and uplinks.  ``use`` says which roles there are."""

    def __init__(self, host: IOwnedHost) -> None:
        self._host = host
        self._wanted: dict[Role, Wanted] = {}
        self._here: Sequence[InterfaceInfo] = ()
        self._found: Mapping[Role, Place] = {}
        self._watches: list[_Watch] = []
        self._observers: list[ObserverOfAll] = []
        self._unwatch: Unwatch | None = None

    def use(self, roles: Sequence[Wanted]) -> None:
        """Take the roles of another configuration.  Observers hear of it at the next change, or by ``look``."""
        self._found = self.foresee(roles)
        self._wanted = {one.role: one for one in roles}
        if self._unwatch is None:
            self._unwatch = self._host.watch_interfaces(self._seen)

    def foresee(self, roles: Sequence[Wanted]) -> Mapping[Role, Place]:
        """Where the roles of another configuration would be played."""
        # A role that is looked for by something else than before is not kept for having been had.
        same = {one.role for one in roles if self._wanted.get(one.role) == one}
        kept = {role: place for role, place in self._found.items() if role in same}
        return assign(roles, self._here, kept)

    def look(self) -> None:
        """Learn now, and not in a moment, what has changed."""
        self._host.look()

    def of(self, role: Role) -> Place:
        """Where a role is played; a role that there is not is an empty Place."""
        return self._found.get(role, Place())

    def wanted(self, role: Role) -> Wanted:
        """How the file finds it.  KeyError if there is no such role."""
        return self._wanted[role]

    def names(self) -> Mapping[Role, str]:
        """What the interface of each role is called."""
        return {role: place.name for role, place in self._found.items()}

    def now(self, link: Link) -> Link:
        """A link by the name that its interface has now."""
        name = next((info.name for info in self._here if info.ifindex == link.ifindex), link.interface)
        return link if name == link.interface else replace(link, interface=name)

    def present(self) -> frozenset[str]:
        """The names of all interfaces that are here and play a role."""
        return frozenset(place.name for place in self._found.values() if place.info is not None)

    def watch(self, role: Role, observer: Observer) -> Unwatch:
        """Call ``observer`` now and whenever the place of ``role`` changes; returns a callable that ends it."""
        watch = _Watch(role, observer, self.of(role))
        self._watches.append(watch)
        observer(watch.told)
        return lambda: self._watches.remove(watch) if watch in self._watches else None

    def follow(self, observer: ObserverOfAll) -> None:
        """Call ``observer(before, after)`` whenever anything changes, before those who watch one role."""
        self._observers.append(observer)

    def _seen(self, here: Sequence[InterfaceInfo]) -> None:
        self._here = here
        before, self._found = self._found, assign(tuple(self._wanted.values()), here, self._found)
        for observer in self._observers:
            observer(before, self._found)
        for watch in tuple(self._watches):
            place = self.of(watch.role)
            if place != watch.told and watch in self._watches:
                watch.told = place
                watch.observer(place)
