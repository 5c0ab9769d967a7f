"""What the helpers of a configuration want of the packet filter, without starting one.

Their plugins are made with a gateway of paper, which takes everything and does
nothing, and asked for their attachments.  The ports of listeners, which the
kernel chooses when they start, have numbers in their stead.
"""

from collections.abc import Iterable, Sequence
from itertools import count
from typing import Any, get_args

from icsframework.config.helpers import HelperSection
from icsframework.dataplane.doors import Doors
from icsframework.errors import IcsError
from icsframework.gateway.helpers import Helper, doors_of
from icsframework.registry import Registry, create
from icsframework.values import Attachment, StreamProxy

__all__ = ["FIRST_LISTENER", "doors_on_paper"]

FIRST_LISTENER = 65001
"""The number that stands for the first listener's port."""


class Paper:
    """Whatever it is asked for, it has it, and nothing happens."""

    def __getattr__(self, name: str) -> "Paper":
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *_: Any, **__: Any) -> "Paper":
        return self


def doors_on_paper(helpers: Iterable[HelperSection], registry: Registry) -> tuple[Doors, tuple[str, ...]]:
    """The doors, and a sentence for each helper whose doors only show when it runs."""
    ports, found, unknown = count(FIRST_LISTENER), [], []
    for section in helpers:
        try:
            attachments = _attachments(section, registry)
        except IcsError as error:
            unknown.append(f"helper {section.name}: {error}")
            continue
        shells = [(one, None, next(ports)) for one in attachments if isinstance(one, StreamProxy)]
        found.append(Helper(section, attachments=attachments, shells=shells))  # type: ignore[arg-type]
    return doors_of(found, {}), tuple(unknown)


def _attachments(section: HelperSection, registry: Registry) -> tuple[Any, ...]:
    plugin = create(registry, "nat_helper", section.plugin, section.own, Paper())
    try:
        said = plugin.attachments()
    except Exception as error:  # whatever a plugin does
        raise IcsError(f"what it wants shows only when it runs ({type(error).__name__}: {error})") from error
    if not isinstance(said, Sequence) or not all(isinstance(one, get_args(Attachment)) for one in said):
        raise IcsError("what it wants shows only when it runs")
    return tuple(said)
