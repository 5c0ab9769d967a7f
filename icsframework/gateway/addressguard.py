"""The addresses of our LAN interfaces: ours stay, others' are named."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.logger import Logger

from icsframework.errors import InterfaceMissing
from icsframework.gateway.contest import Contest
from icsframework.gateway.job import Job
from icsframework.gateway.livewarnings import LiveWarnings
from icsframework.host.reconcile import Reconciler
from icsframework.interfaces import IClock, IEvents, IHost, Unwatch
from icsframework.values import InterfaceAddress, InterfaceInfo

__all__ = ["AddressGuard"]

LOOK_EVERY = 30.0
"""Seconds between looks without a reason."""

DEBOUNCE = 0.2
"""Seconds from a change to the look: our own changes are several, too."""


class AddressGuard:
    """``lans`` says which LAN each interface serves by now; ``symptom`` is called when another program was at work."""

    def __init__(
        self,
        clock: IClock,
        events: IEvents,
        log: Logger,
        host: IHost,
        reconciler: Reconciler,
        settle: Callable[[], Deferred[Any]],
        lans: Callable[[], Mapping[str, str]],
        warnings: LiveWarnings,
        symptom: Callable[[], object],
    ) -> None:
        self._clock = clock
        self._events = events
        self._host = host
        self._reconciler = reconciler
        self._settle = settle
        self._lans = lans
        self._warnings = warnings
        self._symptom = symptom
        self._contest = Contest()
        self._watches: dict[str, Unwatch] = {}
        self._known: dict[str, frozenset[InterfaceAddress]] = {}
        """The addresses that each interface had before we looked first: whoever set them meant it."""
        self._job = Job(clock, self._look, LOOK_EVERY, log)

    def start(self) -> None:
        """Watch; what is there by now is known."""
        self._arrange(self._lans())
        self._job.start()

    def stop(self) -> Deferred[Any]:
        """Watch no more; Deferred fires when nothing is under way."""
        for unwatch in self._watches.values():
            unwatch()
        self._watches.clear()
        return self._job.stop()

    @inlineCallbacks
    def _look(self) -> Any:
        yield self._reconciler.settled()
        lans = self._lans()
        self._arrange(lans)
        problems: dict[str, str] = {}
        lost: list[tuple[str, InterfaceAddress]] = []
        for interface, lan in lans.items():
            try:
                info: InterfaceInfo = yield self._host.interface(interface)
            except InterfaceMissing:
                continue
            ours = self._ours(interface)
            lost += [(interface, address) for address in ours if address not in info.addresses]
            strange = {one for one in info.addresses if one.version == 4} - ours
            for address in sorted(strange - self._known.get(interface, frozenset()), key=str):
                problems[f"{interface} {address}"] = (
                    f"{interface} (LAN {lan}) got the address {address} from another program; "
                    f"ip address del {address} dev {interface} takes it away"
                )
        self._tell(problems)
        if lost:
            yield self._give_again(lost)

    def _tell(self, problems: Mapping[str, str]) -> None:
        if problems and not self._warnings.has("addresses"):
            self._symptom()
        self._warnings.set("addresses", problems)

    def _ours(self, interface: str) -> frozenset[InterfaceAddress]:
        state = self._reconciler.in_force
        wanted = state.addresses if state is not None else ()
        return frozenset(one.address for one in wanted if one.interface == interface)

    def _arrange(self, lans: Mapping[str, str]) -> None:
        for interface in self._watches.keys() - lans.keys():
            self._watches.pop(interface)()
            self._known.pop(interface, None)
        for interface in lans.keys() - self._watches.keys():
            self._watches[interface] = self._host.watch_interface(interface, partial(self._seen, interface))

    def _seen(self, interface: str, info: InterfaceInfo | None) -> None:
        if info is None:
            self._known.pop(interface, None)
        else:
            self._known.setdefault(interface, frozenset(info.addresses))
        self._job.soon(DEBOUNCE)

    @inlineCallbacks
    def _give_again(self, lost: list[tuple[str, InterfaceAddress]]) -> Any:
        now = self._clock.now()
        if wait := self._contest.wait(now):
            self._job.soon(wait)
            return
        self._contest.again(now)
        yield self._settle()
        for interface, address in lost:
            self._events.emit(
                "lan.address.restored",
                lan=self._lans().get(interface, ""),
                interface=interface,
                address=address,
            )
        self._symptom()
