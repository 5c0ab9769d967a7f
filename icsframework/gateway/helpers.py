"""The NAT helpers at work: from the entries of ``helpers:`` to plugins, shells and doors of the packet filter.

A helper says what it wants as attachments.  A stream proxy gets a shell, whose
listener the filter redirects to; what the kernel does by itself (its conntrack
helpers, port triggers) becomes a rule.  A helper that this kernel cannot carry is
``unsupported``, with the reason; all else goes on.  Whatever a plugin does
(raises, never answers, returns nonsense), the error names it and nothing of it
is left.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

from twisted.internet.defer import CancelledError, Deferred, inlineCallbacks, maybeDeferred, succeed
from twisted.python.failure import Failure

from icsframework.config.helpers import HelperSection
from icsframework.dataplane.doors import Doors, KernelAid, Published, Redirect, Scope, Trigger
from icsframework.dataplane.plane import DataPlane
from icsframework.errors import IcsError, PluginError
from icsframework.gateway.attachments import faults
from icsframework.gateway.overlaps import idle_ports
from icsframework.gateway.shells import Shell
from icsframework.gateway.view import GatewayView
from icsframework.interfaces import IEvents, INatHelper
from icsframework.patience import within
from icsframework.registry import Registry, create, prepare
from icsframework.values import (
    Attachment,
    KernelHelper,
    PortTrigger,
    Readiness,
    RestartMe,
    StreamProxy,
    SystemInfo,
)

__all__ = ["Helper", "Helpers", "MakeShell", "Probe", "doors_of"]

MAX_ATTACHMENTS = 64
"""Attachments of one helper; the largest known has a dozen."""


MakeShell = Callable[[HelperSection, StreamProxy, GatewayView], Shell]
Probe = Callable[[Sequence[str]], "Deferred[Any]"]
"""Deferred of a dictionary: each of these conntrack helpers with the reason why the kernel lacks it, "" if it does not."""


@dataclass(slots=True)
class Helper:
    """One helper; ``state`` is ``ready``, what its ``prepare`` said otherwise, ``unsupported`` or ``failed``, with the reason."""

    section: HelperSection
    state: str = "ready"
    reason: str = ""
    plugin: INatHelper | None = None
    view: GatewayView | None = None
    attachments: tuple[Attachment, ...] = ()
    shells: list[tuple[StreamProxy, Shell, int]] = field(default_factory=list)
    """Each stream proxy with its shell and the port that this listens on."""


class Helpers:
    """Starts, changes and stops helpers.  ``published`` says which services are offered to the Internet now."""

    def __init__(
        self,
        registry: Registry,
        make_view: Callable[[str], GatewayView],
        make_shell: MakeShell,
        probe: Probe,
        system: SystemInfo,
        published: Callable[[], Sequence[Published]],
        events: IEvents,
    ) -> None:
        self.running: dict[str, Helper] = {}
        self._registry = registry
        self._make_view = make_view
        self._make_shell = make_shell
        self._probe = probe
        self._system = system
        self._published = published
        self._events = events
        self._lacking: dict[str, str] = {}
        """What the kernel said of each conntrack helper ("pptp/tcp") that was ever wanted."""
        self._plane: DataPlane | None = None
        self._awake = False

    # --- what the rest of the gateway asks

    def doors(self) -> Doors:
        """What all helpers want of the packet filter."""
        return doors_of(self.running.values(), self._lacking)

    def in_force(self, plane: DataPlane) -> None:
        """From now on ``plane`` is in force."""
        self._plane = plane
        for helper in self.running.values():
            for _, shell, _ in helper.shells:
                shell.in_force(plane)

    def warnings(self) -> tuple[str, ...]:
        """The helpers that do not work, and why."""
        unready = (
            f"helper {helper.section.name} is {helper.state}: {helper.reason}"
            for helper in self.running.values()
            if helper.state != "ready"
        )
        return (*unready, *idle_ports(self.doors().redirects))

    # --- steps of a start, a reload and a stop

    @inlineCallbacks
    def start_all(self, sections: Iterable[HelperSection], optional: bool) -> Any:
        """Start them in their order; see ``start``."""
        for section in sections:
            yield self.start(section, optional)

    @inlineCallbacks
    def start(self, section: HelperSection, optional: bool = False) -> Any:
        """Make and start a helper; its doors are for the caller to put in force.

        Fails with PluginError, and nothing of it is left then; one that is ``optional`` is kept as ``failed`` instead.
        """
        helper = Helper(section)
        self.running[section.name] = helper
        try:
            yield self._begin(helper)
        except IcsError as error:
            yield self._end(helper)
            if not optional:
                del self.running[section.name]
                raise
            helper.state, helper.reason = "failed", str(error)
        if helper.state != "ready":
            self._events.emit(
                "helper.unavailable", helper=section.name, state=helper.state, reason=helper.reason
            )

    @inlineCallbacks
    def change(self, section: HelperSection, optional: bool = False) -> Any:
        """Take new settings: sessions go on where what they depend on is the same."""
        helper = self.running[section.name]
        old = helper.section
        if helper.plugin is None or (old.own != section.own and (yield self._reconfigure(helper, section))):
            yield self.stop(section.name)
            yield self.start(section, optional)
            return
        helper.section = section
        attachments = yield self._attachments(helper)
        if attachments != helper.attachments or old.fail != section.fail:
            yield self._close(helper)
            yield self._attach(helper, attachments)
        for _, shell, _ in helper.shells:
            shell.limit(section.limits)

    @inlineCallbacks
    def wake(self) -> Any:
        """The LANs are served: from now on shells take connections.  Fails with a HostError."""
        self._awake = True
        for helper in tuple(self.running.values()):
            for _, shell, _ in helper.shells:
                yield shell.wake()

    @inlineCallbacks
    def arrange(self, order: Sequence[str]) -> Any:
        """All that were to start or stop have: the first in ``order`` is served first, listeners are those that the
        published services need.  Fails with a HostError.
        """
        self.running = {name: self.running[name] for name in (*order, *self.running) if name in self.running}
        for helper in tuple(self.running.values()):
            if helper.state == "ready":
                yield self._open(helper)

    @inlineCallbacks
    def stop(self, name: str) -> Any:
        """End a helper; its doors are for the caller to take out of force."""
        helper = self.running.pop(name)
        yield self._end(helper)

    @inlineCallbacks
    def stop_all(self) -> Any:
        """End all of them."""
        for name in reversed(list(self.running)):
            yield self.stop(name)

    def _ask_kernel(self, names: Iterable[str]) -> Deferred[None]:
        """Find out which conntrack helpers the kernel has, once for each."""
        new = [name for name in dict.fromkeys(names) if name not in self._lacking]
        if not new:
            return succeed(None)

        def known(answers: Mapping[str, str]) -> None:
            self._lacking.update(answers)

        return self._probe(new).addCallback(known)

    # --- one helper

    @inlineCallbacks
    def _begin(self, helper: Helper) -> Any:
        section = helper.section
        helper.view = self._make_view(f"helper.{section.name}")
        factory = self._registry.get("nat_helper", section.plugin)
        readiness: Readiness = yield self._call(
            helper, "prepare", prepare, factory, section.own, self._system
        )
        if not readiness.is_ready:
            helper.state = readiness.kind
            helper.reason = "; ".join(filter(None, (readiness.reason, readiness.remedy)))
            return
        helper.plugin = create(self._registry, "nat_helper", section.plugin, section.own, helper.view)
        yield self._call(helper, "start", helper.plugin.startService)
        yield self._attach(helper, (yield self._attachments(helper)))

    @inlineCallbacks
    def _attachments(self, helper: Helper) -> Any:
        assert helper.plugin is not None, "a helper without a plugin is not asked"
        answer = yield self._call(helper, "attachments", helper.plugin.attachments)
        if not isinstance(answer, Sequence) or not all(
            isinstance(one, get_args(Attachment)) for one in answer
        ):
            raise PluginError(
                f"helper {helper.section.name}: attachments of {self._title(helper)} must "
                f"be a list of values.Attachment, not {type(answer).__name__}; update or remove that plugin"
            )
        if len(answer) > MAX_ATTACHMENTS:
            raise PluginError(
                f"helper {helper.section.name}: {self._title(helper)} wants {len(answer)} "
                f"attachments, {MAX_ATTACHMENTS} is the most; split it into several helpers"
            )
        wrong = list(faults(answer))
        if wrong:
            raise PluginError(
                f"helper {helper.section.name}: {self._title(helper)} asks for what cannot be: {'; '.join(wrong)}; "
                "update or remove that plugin"
            )
        return tuple(answer)

    @inlineCallbacks
    def _attach(self, helper: Helper, attachments: tuple[Attachment, ...]) -> Any:
        helper.attachments, helper.state, helper.reason = attachments, "ready", ""
        kernel = [_asked(one) for one in attachments if isinstance(one, KernelHelper)]
        yield self._ask_kernel(kernel)
        lacking = [self._lacking[name] for name in kernel if self._lacking[name]]
        lacking += [
            f"this version has no {type(one).__name__}"
            for one in attachments
            if not isinstance(one, _CARRIED)
        ]
        if lacking:
            helper.state, helper.reason = "unsupported", "; ".join(lacking)
            return
        yield self._open(helper)

    @inlineCallbacks
    def _open(self, helper: Helper) -> Any:
        """Start the shells that are needed, and stop those that are not: inbound ones without a published service."""
        assert helper.view is not None, "it was begun"
        proxies = [one for one in helper.attachments if isinstance(one, StreamProxy) and self._is_needed(one)]
        for entry in [entry for entry in helper.shells if entry[0] not in proxies]:
            helper.shells.remove(entry)
            yield entry[1].stop()
        running = [proxy for proxy, _, _ in helper.shells]
        for proxy in proxies:
            if proxy not in running:
                shell = self._make_shell(helper.section, proxy, helper.view)
                port = yield shell.start()
                helper.shells.append((proxy, shell, port))
                if self._plane is not None:
                    shell.in_force(self._plane)
                if self._awake:
                    yield shell.wake()

    def _is_needed(self, proxy: StreamProxy) -> bool:
        return proxy.direction == "outbound" or any(
            service.protocol == "tcp"
            and service.to.port <= port <= service.to.port + service.last - service.first
            for service in self._published()
            for port in proxy.ports
        )

    @inlineCallbacks
    def _close(self, helper: Helper) -> Any:
        while helper.shells:
            _, shell, _ = helper.shells.pop()
            yield shell.stop()

    @inlineCallbacks
    def _end(self, helper: Helper) -> Any:
        yield self._close(helper)
        if helper.plugin is not None:
            try:
                yield self._call(helper, "stop", helper.plugin.stopService)
            except IcsError as error:
                assert helper.view is not None, "it has a plugin"
                helper.view.log.warn("{error}", error=error)
            helper.plugin = None
        if helper.view is not None:
            helper.view.release()
            helper.view = None

    @inlineCallbacks
    def _reconfigure(self, helper: Helper, section: HelperSection) -> Any:
        """Give the running plugin new settings; True if it wants a restart."""
        assert helper.plugin is not None, "it runs"
        answer = yield self._call(helper, "reconfigure", helper.plugin.reconfigure, section.own)
        return isinstance(answer, RestartMe)

    def _title(self, helper: Helper) -> str:
        """How an error names its plugin."""
        return self._registry.title("nat_helper", helper.section.plugin)

    def _call(self, helper: Helper, what: str, function: Callable[..., Any], *args: Any) -> Deferred[Any]:
        """Call the plugin; a defect of it is logged with its traceback and becomes a PluginError that names it."""
        section, view = helper.section, helper.view
        assert view is not None, "it was begun"
        whose = f"helper {section.name}: {what} of {self._title(helper)}"

        def named(failure: Failure) -> Failure:
            if failure.check(IcsError, CancelledError):
                return failure
            view.log.failure("{whose} failed", failure, whose=whose)
            raise PluginError(
                f"{whose} failed: {type(failure.value).__name__}: {failure.getErrorMessage()}; "
                "the log has the details"
            )

        return within(view.clock, whose, maybeDeferred(function, *args)).addErrback(named)


_CARRIED = (KernelHelper, StreamProxy, PortTrigger)
"""The kinds of attachment that this version carries."""


def doors_of(helpers: Iterable[Helper], lacking: Mapping[str, str]) -> Doors:
    """What these helpers want of the packet filter of a kernel that lacks what has a reason in ``lacking``."""
    found = list(helpers)
    return Doors(
        redirects=tuple(door for one in found for door in _redirects(one)),
        kernel=tuple(door for one in found for door in _kernel(one, lacking)),
        triggers=tuple(door for one in found for door in _triggers(one)),
    )


def scope(section: HelperSection) -> Scope:
    """Which flows a helper is for."""
    return Scope(section.lans, section.clients, section.servers, section.uplinks)


def _redirects(helper: Helper) -> Iterable[Redirect]:
    name, where = helper.section.name, scope(helper.section)
    for proxy, _, port in helper.shells:
        fail = helper.section.fail or proxy.fail
        yield Redirect(name, proxy.ports, port, proxy.direction, fail, where)


def _asked(one: KernelHelper) -> str:
    """A conntrack helper as the probe is asked for it: one for TCP is another than one for UDP."""
    return f"{one.name}/{one.protocol}"


def _kernel(helper: Helper, lacking: Mapping[str, str]) -> Iterable[KernelAid]:
    for one in helper.attachments if helper.state == "ready" else ():
        if isinstance(one, KernelHelper) and not lacking.get(_asked(one)):
            yield KernelAid(helper.section.name, one.name, one.protocol, one.ports, scope(helper.section))


def _triggers(helper: Helper) -> Iterable[Trigger]:
    for one in helper.attachments if helper.state == "ready" else ():
        if isinstance(one, PortTrigger):
            yield Trigger(
                helper.section.name, one.name, one.outbound, one.inbound, one.lifetime, scope(helper.section)
            )
