"""Names for what the file leaves unnamed: the interface's or plugin's name made to fit, numbered if taken."""

import re
from collections.abc import Container
from itertools import count

__all__ = ["MAX_NAME", "fit_name", "free_name"]

MAX_NAME = 10
"""Characters of a LAN's, uplink's or published service's name."""


def fit_name(text: str, fallback: str) -> str:
    """Turn any text into a name: lower-case letters, digits and hyphens, a letter first."""
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-").lstrip("0123456789-")
    return name[:MAX_NAME].rstrip("-") or fallback


def free_name(name: str, taken: Container[str], longest: int = MAX_NAME) -> str:
    """``name``, or if it is taken ``name-2``, ``name-3``, ... shortened to fit."""
    if name not in taken:
        return name
    for number in count(2):
        suffix = f"-{number}"
        candidate = name[: longest - len(suffix)] + suffix
        if candidate not in taken:
            return candidate
    raise AssertionError("count() has no end")
