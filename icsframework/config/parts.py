"""What was read of a file, in parts, some of which may be missing: the input of the checks over several keys."""

from icsframework.config.gateway import ControlSection, GatewaySection
from icsframework.config.helpers import HelperSection
from icsframework.config.lans import LanSection, ServiceSection
from icsframework.config.plugins import Entry
from icsframework.config.publish import PublishSection
from icsframework.config.reading import Part
from icsframework.config.uplinks import UplinkSection
from icsframework.frozen import dataclass

__all__ = ["LanPart", "Parts"]


@dataclass(frozen=True, slots=True)
class LanPart:
    """A LAN and its services."""

    core: Part[LanSection]
    services: tuple[Entry[ServiceSection], ...]

    @property
    def complete(self) -> LanSection | None:
        """The LAN with its services, if nothing is wrong with any of them."""
        lan, services = self.core.sound(), [service.complete for service in self.services]
        found = tuple(service for service in services if service is not None)
        if lan is None or len(found) != len(services):
            return None
        return lan.model_copy(update={"services": found})


@dataclass(frozen=True, slots=True)
class Parts:
    """The whole file."""

    gateway: Part[GatewaySection]
    lans: tuple[LanPart, ...]
    uplinks: tuple[Entry[UplinkSection], ...]
    helpers: tuple[Entry[HelperSection], ...]
    publish: tuple[Part[PublishSection], ...]
    control: Part[ControlSection]
