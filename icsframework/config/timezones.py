"""Time zones by their name in the table of the machine, or in that of the package tzdata."""

from collections.abc import Collection
from datetime import UTC, tzinfo

__all__ = ["SYSTEM", "known_zones", "load_zone"]

SYSTEM = "system"
"""The value of ``gateway.timezone`` that means the local time of the machine."""


def load_zone(name: str) -> tzinfo:
    """The zone ``name`` (``Europe/Berlin``).  LookupError if there is none."""
    if name == "UTC":
        return UTC
    from zoneinfo import ZoneInfo  # 6 ms that most files do not need

    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError) as error:
        # ZoneInfoNotFoundError is a KeyError; Europe is a directory.
        raise LookupError(name) from error


def known_zones() -> Collection[str]:
    """The names of all zones; UTC alone where there is no table."""
    from zoneinfo import available_timezones  # as above

    return available_timezones() | {"UTC"}
