"""The section ``helpers:``: plugins that carry protocols which NAT breaks."""

import re
from typing import Annotated, Any, Literal

from pydantic import Field

from icsframework.config.common import UNNAMED, PluginName, Tag
from icsframework.fields import Duration, FieldError, Name, Network, Section, text_type
from icsframework.quantities import shown

__all__ = ["DEFAULT_HELPERS", "HelperLimits", "HelperSection"]

DEFAULT_HELPERS = ("ftp", "pptp", "tftp", "games")
"""What runs when the file has no ``helpers:``, as far as installed and ready."""

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}", re.ASCII)


def parse_helper_name(value: object) -> str:
    """The name of a helper: as free as that of a plugin."""
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise FieldError(
            f"{shown(value)} is not the name of a helper", "use letters, digits, _ and -, such as ftp-work"
        )
    return value


HelperName = Annotated[str, text_type(parse_helper_name, summary="a name", examples=("ftp-work",))]


class HelperLimits(Section):
    """What one helper may take up."""

    sessions: int = Field(default=1000, ge=1, le=100_000)
    """Control connections at a time."""
    expectations: int = Field(default=32, ge=1, le=1000)
    """Ports that one session may hold open at a time."""
    idle: Annotated[Duration, Field(ge=1)] = 86400.0
    """A session without traffic ends after this."""


class HelperSection(Section):
    """The core's keys of an entry of ``helpers:``; ``own`` is an instance of the plugin's Config."""

    plugin: PluginName
    """The name of an installed NAT helper plugin."""
    name: HelperName = UNNAMED
    """Its name; left out, the plugin's."""
    enabled: bool = True
    """false keeps the entry without using it."""
    lans: Annotated[tuple[Name, ...], Field(min_length=1)] = ()
    """Only for these LANs; left out, for all."""
    clients: Annotated[tuple[Network, ...], Field(min_length=1)] = ()
    """Only for these addresses of the LANs; left out, for all."""
    servers: Annotated[tuple[Network, ...], Field(min_length=1)] = ()
    """Only for servers in these networks; left out, for all."""
    uplinks: Annotated[tuple[Name, ...], Field(min_length=1)] = ()
    """Only on these uplinks; left out, on all."""
    limits: HelperLimits = Field(default_factory=HelperLimits)
    """What it may take up."""
    fail: Literal["open", "closed"] | None = None
    """When it fails: pass the traffic on untouched, or refuse it; left out, as the plugin says."""
    tags: tuple[Tag, ...] = ()
    """Labels of your own."""
    own: Any = None
    """The plugin's own keys; no key of the file."""
