"""What one uplink tells: its events, with the cause of the connect and its steps."""

from collections.abc import Callable

from icsframework.interfaces import IClock, IEvents
from icsframework.status import cause_to_json
from icsframework.uplinks.refusals import Refusals
from icsframework.uplinks.steps import Steps
from icsframework.values import Cause, Link, Refused

__all__ = ["DEVICE", "Telling"]

DEVICE = Cause(rule="device")
"""The cause of what nobody wished for: a device that comes or goes, or a link that comes up by itself."""


class Telling:
    """One uplink's.  ``cause``: why it is or was last up; ``steps``: those of the connect that is under way."""

    def __init__(self, name: str, clock: IClock, events: IEvents) -> None:
        self.cause: Cause | None = None
        self.steps = Steps(clock.now, lambda stage: self.emit("uplink.stage", stage=stage))
        self.refusals = Refusals()
        self._name = name
        self._clock = clock
        self._events = events

    def emit(self, event: str, **fields: object) -> None:
        """An event about the link that is up, comes or was lost."""
        self._events.emit(event, uplink=self._name, why=cause_to_json(self.cause or DEVICE), **fields)

    def ended(self, event: str, reason: str) -> None:
        """The connect is over; or the device has gone, which is nobody's wish if none was under way."""
        cause = self.cause if self.steps.connect is not None or event != "uplink.absent" else None
        why = cause_to_json(cause or DEVICE)
        self._events.emit(event, uplink=self._name, why=why, reason=reason, **self.steps.end())

    def parting(self, event: str, reason: str) -> Callable[[], None]:
        """The same, to be told later, whatever the cause and the steps are then."""
        fields = {
            "uplink": self._name,
            "why": cause_to_json(self.cause or DEVICE),
            "reason": reason,
            **self.steps.end(),
        }
        return lambda: self._events.emit(event, **fields)

    def begin(self, stage: str, told: str) -> None:
        """A connect begins with ``stage``."""
        self.steps.begin(stage)
        self.emit("uplink.connecting", stage=told, cause=str(self.cause or "the device"))

    def in_force(self, event: str, link: Link) -> None:
        """The machine has the link."""
        addresses = [str(address) for family in link.families for address in family.addresses]
        told = ", ".join(addresses) or "no address"
        self.emit(event, addresses=told, interface=link.interface, **self.steps.end())

    def refused(self, cause: Cause, why: Refused) -> None:
        """A wish was refused: told if it is news."""
        if self.refusals.worth_telling(why.reason, self._clock.now()):
            self._events.emit(
                "uplink.refused",
                uplink=self._name,
                why=cause_to_json(cause),
                cause=str(cause),
                reason=why.reason,
            )
