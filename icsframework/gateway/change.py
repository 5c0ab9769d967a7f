"""From the configuration in force to another one, step by step, and back if a step fails."""

from collections.abc import Sequence, Set
from typing import Any, Protocol

from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.logger import Logger

from icsframework.config.configuration import Configuration
from icsframework.errors import HostError, IcsError
from icsframework.gateway import plan
from icsframework.gateway.desired import enabled, helpers
from icsframework.gateway.helpers import Helpers
from icsframework.gateway.lans import Lans
from icsframework.gateway.uplinks import Uplinks
from icsframework.mappings.service import MappingService
from icsframework.uplinks.supervisor import Supervisor

__all__ = ["Changeable", "Changer"]


class Changeable(Protocol):
    """What a change works on: the parts of the gateway."""

    config: Configuration
    lans: Lans
    uplinks: Uplinks
    helpers: Helpers
    mappings: MappingService
    supervisor: Supervisor

    def use(self, config: Configuration) -> None:
        """From now on ``config`` says what is wanted."""
        ...

    def choose(self, config: Configuration) -> Deferred[Any]:
        """Find what the configuration leaves to us: subnets, addresses of bridges."""
        ...

    def settle(self) -> Deferred[Any]:
        """Make the machine agree with configuration and live state."""
        ...


class Changer:
    """Only one change at a time: that is for the caller to see to."""

    def __init__(self, gateway: Changeable, log: Logger) -> None:
        self._gateway = gateway
        self._log = log

    @inlineCallbacks
    def change(self, new: Configuration) -> Any:
        """Put ``new`` in force; Deferred of the steps.

        Fails with one of our errors, whatever went wrong, and then what was in force before is so again: parts that
        no step had touched yet never noticed.  If going back fails as well, the error tells both.
        """
        old = self._gateway.config
        changes = plan.changes(old, new)
        steps = [*changes, *self._again(new, {plan.subject(step) for step in changes})]
        begun: list[plan.Step] = []
        try:
            yield self._forward(new, steps, begun)
        except Exception as error:
            reason = self._explain(error)
            refused = yield self._back(plan.changes(new, old), old, begun)
            if refused:
                raise HostError(f"{reason} Going back failed as well: {'; '.join(refused)}") from error
            if isinstance(error, IcsError):
                raise
            raise HostError(reason) from error
        return steps

    def _again(self, new: Configuration, planned: Set[tuple[str, str]]) -> list[plan.Step]:
        """What is as configured and nevertheless does not run: a port was taken, a way back could not be gone."""
        lans, uplinks = self._gateway.lans.states, self._gateway.uplinks
        steps: list[plan.Step] = [
            plan.ChangeLan(lan, again=True)
            for lan in new.lans
            if ("lan", lan.name) not in planned and (lan.name not in lans or lans[lan.name].failed)
        ]
        steps += [
            plan.ChangeUplink(uplink, restart=True, again=True)
            for uplink in enabled(new)
            if ("uplink", uplink.name) not in planned and not uplinks.runs(uplink.name)
        ]
        running, optional = self._gateway.helpers.running, new.helpers_by_default
        return steps + [
            plan.ChangeHelper(helper, optional, again=True)
            for helper in helpers(new)
            if ("helper", helper.name) not in planned
            and (helper.name not in running or running[helper.name].state == "failed")
        ]

    @inlineCallbacks
    def _forward(self, new: Configuration, steps: Sequence[plan.Step], begun: list[plan.Step]) -> Any:
        self._configure(new)
        yield self._gateway.choose(new)
        for step in steps:
            begun.append(step)
            yield self._take(step)
        yield self._arrange()

    @inlineCallbacks
    def _back(self, steps: Sequence[plan.Step], old: Configuration, begun: Sequence[plan.Step]) -> Any:
        """As much of the way back as can be gone; returns what could not."""
        touched = {plan.subject(step) for step in begun}
        refused: list[str] = []
        self._configure(old)
        for step in steps:
            if plan.subject(step) in touched:
                try:
                    yield self._take(step)
                except Exception as error:  # noqa: BLE001 - the other parts are to come back all the same
                    refused.append(f"{step}: {self._explain(error)}")
        try:
            yield self._arrange()
        except Exception as error:  # noqa: BLE001 - as above
            refused.append(self._explain(error))
        return refused

    def _configure(self, config: Configuration) -> None:
        self._gateway.use(config)
        self._gateway.uplinks.assign(uplink.name for uplink in enabled(config))

    @inlineCallbacks
    def _arrange(self) -> Any:
        """The order is set when all is there."""
        there = self._gateway.uplinks.sections
        names = (uplink.name for uplink in enabled(self._gateway.config))
        self._gateway.uplinks.arrange(tuple(name for name in names if name in there))
        yield self._gateway.helpers.arrange([helper.name for helper in helpers(self._gateway.config)])
        yield self._gateway.settle()
        yield self._gateway.mappings.settled()  # a port that is published now leads nowhere else any more
        self._gateway.supervisor.announce()

    @inlineCallbacks
    def _take(self, step: plan.Step) -> Any:
        """Carry out one step.  One that was taken before, or only in part, is taken whole: so a way back need not know
        how far the way there came.
        """
        uplinks, lans, helpers = self._gateway.uplinks, self._gateway.lans, self._gateway.helpers
        match step:
            case plan.RemoveUplink(name) if name in uplinks.sections:
                yield uplinks.stop(name, "it is no longer configured")
            case plan.RemoveLan(name) if name in lans.states:
                yield lans.remove(name)
            case plan.ChangeUplink(uplink, restart) if uplink.name in uplinks.sections:
                yield uplinks.change(uplink, restart)
            case plan.AddLan(lan) | plan.ChangeLan(lan):
                if lan.name not in lans.states:
                    lans.add(lan)
                yield lans.replace(lan)
            case plan.AddUplink(uplink) | plan.ChangeUplink(uplink) if uplink.name not in uplinks.sections:
                uplinks.watch(uplink)
                yield self._gateway.settle()
                uplinks.start(uplink)
            case plan.RemoveHelper(name) if name in helpers.running:
                yield helpers.stop(name)
            case plan.ChangeHelper(helper, optional) if helper.name in helpers.running:
                yield helpers.change(helper, optional)
            case plan.AddHelper(helper, optional) | plan.ChangeHelper(helper, optional) if (
                helper.name not in helpers.running
            ):
                yield helpers.start(helper, optional)
            case _:
                pass

    def _explain(self, error: Exception) -> str:
        if isinstance(error, IcsError):
            return str(error)
        self._log.failure("a part of the gateway failed while the configuration changed")
        return f"{type(error).__name__}: {error} (the log has more)."
