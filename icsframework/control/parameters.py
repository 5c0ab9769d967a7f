"""The parameters of requests, taken out of whatever JSON held.  UsageError says what they must be.  Pure."""

from collections.abc import Mapping
from typing import Any

from icsframework.errors import UsageError
from icsframework.quantities import FieldError, format_duration, parse_duration

__all__ = ["confirm_seconds", "down_seconds", "flag", "uplink_name"]

MAX_CONFIRM = 86400
"""Seconds that a reload may wait to be confirmed: a day, for who has to travel there."""
MAX_DOWN = 365 * 86400.0
"""Seconds for which an uplink may be told to stay down: a year; who wants more writes ``enabled: false``."""


def flag(parameters: Mapping[str, Any], name: str) -> bool:
    """True or false; left out, false."""
    value = parameters.get(name, False)
    if not isinstance(value, bool):
        raise UsageError(f"{name} must be true or false")
    return value


def confirm_seconds(parameters: Mapping[str, Any]) -> int | None:
    """``confirm``: how long a reload is on trial."""
    value = parameters.get("confirm")
    if value is not None and (type(value) is not int or not 1 <= value <= MAX_CONFIRM):
        raise UsageError(f"confirm must be a whole number of seconds from 1 to {MAX_CONFIRM}")
    return value


def down_seconds(parameters: Mapping[str, Any]) -> float | None:
    """``for``: how long an uplink stays down; a duration as in the file, or a number of seconds."""
    value = parameters.get("for")
    if value is None:
        return None
    try:
        seconds = parse_duration(value)
    except FieldError as error:
        raise UsageError(f"for: {error}") from None
    if not 0 < seconds <= MAX_DOWN:
        raise UsageError(f"for must be more than nothing and at most {format_duration(MAX_DOWN)}")
    return seconds


def uplink_name(parameters: Mapping[str, Any]) -> str | None:
    """``uplink``; left out, the preferred one is meant."""
    name = parameters.get("uplink")
    if name is not None and not isinstance(name, str):
        raise UsageError("uplink must be the name of an uplink")
    return name
