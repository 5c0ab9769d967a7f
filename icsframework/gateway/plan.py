"""What changes between two configurations.  Pure: two values in, steps out, each with words for people."""

from collections.abc import Sequence

from icsframework.config.configuration import Configuration
from icsframework.config.gateway import GatewaySection
from icsframework.config.helpers import HelperSection
from icsframework.config.lans import LanSection
from icsframework.config.uplinks import UplinkSection
from icsframework.errors import ConfigurationError
from icsframework.frozen import dataclass
from icsframework.gateway.desired import enabled, helpers


@dataclass(frozen=True, slots=True)
class AddLan:
    """A LAN is new."""

    lan: LanSection

    def __str__(self) -> str:
        return f"LAN {self.lan.name} added"


@dataclass(frozen=True, slots=True)
class ChangeLan:
    """A LAN has other settings, or is served ``again`` with the same because it is not as it should be."""

    lan: LanSection
    again: bool = False

    def __str__(self) -> str:
        return f"LAN {self.lan.name} {'tried again' if self.again else 'changed'}"


@dataclass(frozen=True, slots=True)
class RemoveLan:
    """A LAN is gone."""

    name: str

    def __str__(self) -> str:
        return f"LAN {self.name} removed"


@dataclass(frozen=True, slots=True)
class AddUplink:
    """An uplink is new."""

    uplink: UplinkSection

    def __str__(self) -> str:
        return f"uplink {self.uplink.name} added"


@dataclass(frozen=True, slots=True)
class ChangeUplink:
    """An uplink has other settings; ``restart`` if they are not for its plugin alone to take.

    ``again`` says that they are the same and its plugin is to be started at last.
    """

    uplink: UplinkSection
    restart: bool
    again: bool = False

    def __str__(self) -> str:
        return f"uplink {self.uplink.name} {'tried again' if self.again else 'changed'}"


@dataclass(frozen=True, slots=True)
class RemoveUplink:
    """An uplink is gone."""

    name: str

    def __str__(self) -> str:
        return f"uplink {self.name} removed"


@dataclass(frozen=True, slots=True)
class Reorder:
    """The order of preference is another."""

    names: tuple[str, ...]

    def __str__(self) -> str:
        return f"uplinks in the order {', '.join(self.names)}"


@dataclass(frozen=True, slots=True)
class AddHelper:
    """A helper is new; ``optional`` if nobody asked for it by name."""

    helper: HelperSection
    optional: bool

    def __str__(self) -> str:
        return f"helper {self.helper.name} added"


@dataclass(frozen=True, slots=True)
class ChangeHelper:
    """A helper has other settings, or is tried ``again`` with the same."""

    helper: HelperSection
    optional: bool
    again: bool = False

    def __str__(self) -> str:
        return f"helper {self.helper.name} {'tried again' if self.again else 'changed'}"


@dataclass(frozen=True, slots=True)
class RemoveHelper:
    """A helper is gone."""

    name: str

    def __str__(self) -> str:
        return f"helper {self.name} removed"


@dataclass(frozen=True, slots=True)
class ReorderHelpers:
    """Others come first where several are for the same traffic."""

    names: tuple[str, ...]

    def __str__(self) -> str:
        return f"helpers in the order {', '.join(self.names)}"


@dataclass(frozen=True, slots=True)
class Publish:
    """A service is offered to the Internet, no longer, or otherwise: ``how`` says which."""

    name: str
    how: str

    def __str__(self) -> str:
        return f"published service {self.name} {self.how}"


@dataclass(frozen=True, slots=True)
class Timezone:
    """Hours and billing days are those of another place."""

    name: str

    def __str__(self) -> str:
        return f"time zone {self.name}"


Step = (
    AddLan
    | ChangeLan
    | RemoveLan
    | AddUplink
    | ChangeUplink
    | RemoveUplink
    | Reorder
    | AddHelper
    | ChangeHelper
    | RemoveHelper
    | ReorderHelpers
    | Publish
    | Timezone
)


def changes(old: Configuration, new: Configuration) -> Sequence[Step]:
    """The steps from one to the other: what goes first, then what changes, then what comes.

    Raises ConfigurationError for keys that only a restart can change.
    """
    _refuse_fixed(old.gateway, new.gateway)
    lans, uplinks = {lan.name: lan for lan in old.lans}, {uplink.name: uplink for uplink in enabled(old)}
    new_lans, new_uplinks = (
        {lan.name: lan for lan in new.lans},
        {uplink.name: uplink for uplink in enabled(new)},
    )
    steps: list[Step] = [RemoveUplink(name) for name in uplinks if name not in new_uplinks]
    steps += [RemoveLan(name) for name in lans if name not in new_lans]
    steps += [ChangeLan(lan) for name, lan in new_lans.items() if name in lans and lan != lans[name]]
    steps += [
        ChangeUplink(uplink, _needs_restart(uplinks[name], uplink))
        for name, uplink in new_uplinks.items()
        if name in uplinks and uplink != uplinks[name]
    ]
    steps += [AddLan(lan) for name, lan in new_lans.items() if name not in lans]
    steps += [AddUplink(uplink) for name, uplink in new_uplinks.items() if name not in uplinks]
    kept = [name for name in uplinks if name in new_uplinks]
    order = tuple(new_uplinks)
    if order != (*kept, *(name for name in order if name not in uplinks)):
        steps.append(Reorder(order))
    if new.gateway.timezone != old.gateway.timezone:
        steps.append(Timezone(new.gateway.timezone))
    return [*steps, *_helpers(old, new), *_published(old, new)]


def _helpers(old: Configuration, new: Configuration) -> list[Step]:
    before, after = ({helper.name: helper for helper in helpers(config)} for config in (old, new))
    optional = new.helpers_by_default
    steps: list[Step] = [RemoveHelper(name) for name in before if after.get(name) is None]
    for name, helper in after.items():
        if name not in before:
            steps.append(AddHelper(helper, optional))
        elif helper.plugin != before[name].plugin:
            steps += [RemoveHelper(name), AddHelper(helper, optional)]
        elif helper != before[name]:
            steps.append(ChangeHelper(helper, optional))
    kept = [name for name in before if name in after]
    if kept != [name for name in after if name in before]:
        steps.append(ReorderHelpers(tuple(after)))
    return steps


def _published(old: Configuration, new: Configuration) -> list[Step]:
    before, after = ({service.name: service for service in config.publish} for config in (old, new))
    steps: list[Step] = [Publish(name, "removed") for name in before if name not in after]
    for name, service in after.items():
        if service != before.get(name):
            steps.append(Publish(name, "changed" if name in before else "added"))
    return steps


def subject(step: Step) -> tuple[str, str]:
    """What a step is about: the kind and the name of a part (no name: the order of all)."""
    match step:
        case AddLan(lan) | ChangeLan(lan):
            return "lan", lan.name
        case AddUplink(uplink) | ChangeUplink(uplink):
            return "uplink", uplink.name
        case RemoveLan(name):
            return "lan", name
        case AddHelper(helper) | ChangeHelper(helper):
            return "helper", helper.name
        case RemoveHelper(name):
            return "helper", name
        case ReorderHelpers():
            return "helper", ""
        case Publish(name):
            return "publish", name
        case RemoveUplink(name):
            return "uplink", name
        case Timezone():
            return "gateway", "timezone"
    return "uplink", ""


def in_words(steps: Sequence[Step]) -> str:
    """All steps in one line."""
    return "; ".join(str(step) for step in steps) or "nothing has changed"


def _refuse_fixed(old: GatewaySection, new: GatewaySection) -> None:
    for key in ("state", "run", "mark"):
        if getattr(old, key) != getattr(new, key):
            raise ConfigurationError(
                f"gateway.{key} cannot change while the gateway runs (now {getattr(old, key)}); stop it and start it again"
            )


_IN_PLACE = ("own", "metered", "mtu", "mac", "dns", "tags", "connect", "demand", "limits", "wake", "keep")
"""Keys of an uplink that are handed to the running plugin, which says itself if that takes a restart, or to the core,
which changes its mind about a link without touching it.
"""


def _needs_restart(old: UplinkSection, new: UplinkSection) -> bool:
    return any(
        getattr(old, key) != getattr(new, key) for key in UplinkSection.model_fields if key not in _IN_PLACE
    )
