"""The whole configuration as one frozen value: what the loader returns and the gateway is composed of."""

from dataclasses import field

from icsframework.config.gateway import ControlSection, GatewaySection
from icsframework.config.helpers import HelperSection
from icsframework.config.lans import LanSection
from icsframework.config.publish import PublishSection
from icsframework.config.uplinks import UplinkSection
from icsframework.frozen import dataclass

__all__ = ["VERSION", "Configuration"]

VERSION = 1
"""The version of the file format; it fixes the defaults a file was written for."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """A file without errors.  Names are filled in, defaults are in place, each entry has its plugin's ``own`` keys.

    ``text`` is what it was read from; it may hold secrets.  ``remarks`` are the warnings and notes about it, each a
    sentence with its place.  ``helpers_by_default``: the file names none, so that these are the usual ones.  Two that mean
    the same are equal, whatever their texts.
    """

    gateway: GatewaySection
    lans: tuple[LanSection, ...]
    uplinks: tuple[UplinkSection, ...]
    helpers: tuple[HelperSection, ...]
    publish: tuple[PublishSection, ...]
    control: ControlSection
    version: int = VERSION
    helpers_by_default: bool = False
    text: str = field(default="", repr=False, compare=False)
    remarks: tuple[str, ...] = field(default=(), compare=False)
