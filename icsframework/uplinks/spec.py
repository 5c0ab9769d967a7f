"""What must be known to run one uplink."""

from collections.abc import Callable
from dataclasses import field

from icsframework.frozen import dataclass
from icsframework.interfaces import IUplink
from icsframework.uplinks.occasions import ConnectMode
from icsframework.uplinks.permission import IMeter, Unmetered
from icsframework.uplinks.quiet import NEVER_QUIET, Quiet
from icsframework.uplinks.traffic import TrafficRule
from icsframework.values import UplinkState

__all__ = ["PluginMaker", "UplinkSpec"]

PluginMaker = Callable[[Callable[[UplinkState], None]], IUplink]
"""Makes the plugin, given its observer."""


@dataclass(frozen=True, slots=True)
class UplinkSpec:
    """One entry of ``uplinks:``.

    ``quiet``: when it is hung up; ``wake``: the rules of what may dial it, empty for everything; ``meter`` counts for
    its limits.
    """

    name: str
    plugin: str
    connect: ConnectMode
    interface: str
    metered: bool
    mark: int
    make: PluginMaker
    quiet: Quiet = NEVER_QUIET
    wake: tuple[TrafficRule, ...] = ()
    meter: IMeter = field(default_factory=Unmetered)
