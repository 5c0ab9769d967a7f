"""Plain YAML scalars by the core schema of YAML 1.2.2 (section 10.3.2).

PyYAML follows YAML 1.1, where ``12:34:56:12:34:56`` and ``10:30`` are numbers to
the base of 60, ``0123`` is octal, ``no`` is false and ``2024-01-01`` a date.  In
the core schema the first two are text, ``0123`` is the number 123 (octal is
written ``0o123``), ``no`` and dates are text.  A key that wants text (a PIN, a
telephone number) refuses a number and asks for quotes, so that a leading zero
never gets lost unseen.
"""

import re

__all__ = ["MAX_DIGITS", "Scalar", "resolve_plain"]

Scalar = None | bool | int | float | str

MAX_DIGITS = 25
"""Characters of a number: every 64-bit value fits; longer digit strings are telephone numbers or keys, and text."""

_FIXED: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
}
_INT = re.compile(r"[-+]?[0-9]+", re.ASCII)
_OCTAL = re.compile(r"0o[0-7]+", re.ASCII)
_HEX = re.compile(r"0x[0-9a-fA-F]+", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)


def resolve_plain(text: str) -> Scalar:
    """The value of a scalar that is written without quotes and tag."""
    if text in _FIXED:
        return _FIXED[text]
    if len(text) > MAX_DIGITS or text[0] not in "+-.0123456789":
        return text
    if _INT.fullmatch(text):
        return int(text)
    if _OCTAL.fullmatch(text):
        return int(text, 0)
    if _HEX.fullmatch(text):
        return int(text, 0)
    return float(text) if _FLOAT.fullmatch(text) else text
