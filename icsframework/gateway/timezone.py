"""``gateway.timezone``: the time zone of hours, days and billing months.

``system`` is whatever the C library takes for the local time of this machine (the variable TZ, /etc/localtime), which
needs no table of time zones in Python.  Only a name makes us load one.
"""

import time
from datetime import UTC, datetime, timedelta, tzinfo

from icsframework.config.timezones import SYSTEM, load_zone
from icsframework.errors import ConfigurationError

__all__ = ["SystemZone", "find_zone"]


class SystemZone(tzinfo):
    """The local time of this machine, as it is set when this is made."""

    def __init__(self) -> None:
        time.tzset()  # it may have been set anew since the process began

    def utcoffset(self, dt: datetime | None) -> timedelta | None:
        """See tzinfo; in a gap and in a fold as PEP 495 says."""
        if dt is None:
            return None
        return timedelta(seconds=dt.replace(tzinfo=UTC).timestamp() - dt.replace(tzinfo=None).timestamp())

    def tzname(self, dt: datetime | None) -> str | None:
        """See tzinfo."""
        return None if dt is None else dt.replace(tzinfo=None).astimezone().tzname()

    def dst(self, dt: datetime | None) -> None:
        """See tzinfo: not known, and not asked for by anybody."""

    def fromutc(self, dt: datetime) -> datetime:
        """See tzinfo."""
        return datetime.fromtimestamp(dt.replace(tzinfo=UTC).timestamp()).replace(tzinfo=self)  # noqa: DTZ006


def find_zone(name: str) -> tzinfo:
    """The zone that ``gateway.timezone`` names.  ConfigurationError if this machine does not know it."""
    if name == SYSTEM:
        return SystemZone()
    try:
        return load_zone(name)
    except LookupError as error:
        raise ConfigurationError(
            f"gateway.timezone: there is no time zone {name!r}; write system, or a name such as Europe/Berlin"
        ) from error
