"""The sections ``gateway:`` and ``control:``."""

from pathlib import Path
from typing import Annotated, Literal

from icsframework.dataplane.marks import DEFAULT_MASK
from icsframework.fields import FieldError, Section, text_type
from icsframework.quantities import shown

__all__ = ["ControlSection", "GatewaySection"]

MAX_PATH = 1000
"""Characters of a directory; leaves room for file names below PATH_MAX (4096 bytes)."""


def parse_directory(value: object) -> Path:
    """An absolute path."""
    if isinstance(value, Path):
        return value
    if not isinstance(value, str) or not value.startswith("/") or "\0" in value or len(value) > MAX_PATH:
        raise FieldError(f"{shown(value)} is not an absolute path", "write for example /var/lib/ics")
    return Path(value)


Directory = Annotated[
    Path, text_type(parse_directory, summary="an absolute path", examples=("/var/lib/ics", "/run/ics"))
]


class GatewaySection(Section):
    """Settings of the gateway as a whole."""

    state: Directory = Path("/var/lib/ics")
    """Where the journals are kept; mode 0750. Secrets are never in it."""
    run: Directory = Path("/run/ics")
    """Where control.sock and before.json are."""
    timezone: str = "system"
    """The time zone of hours and billing days: system, or a name such as Europe/Berlin."""
    resolver: Literal["leave", "file", "resolved"] = "leave"
    """What the gateway itself resolves names with: leave it alone, write resolv.conf, or tell systemd-resolved."""
    mark: int = DEFAULT_MASK
    """The bits of the packet mark that are ours: at least eight neighbouring ones."""


class ControlSection(Section):
    """How the LAN may look at the gateway and control it."""

    web: bool = True
    """Offer page and API on each LAN address, port 80."""
