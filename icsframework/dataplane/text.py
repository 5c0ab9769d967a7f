"""Words of nft's language: quoting, comments, elements, priorities.  Pure.

Whatever comes from outside (interface names, comments, elements read back) goes
through here, so that it can never become another statement.
"""

import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from icsframework.dataplane.ruleset import DSTNAT, FILTER, MANGLE, RAW, SRCNAT, Atom, Element, Hook
from icsframework.errors import ConfigurationError

MAX_COMMENT = 127
"""Bytes; the kernel's user data of a comment holds 128 with the final zero."""

MAX_INTERFACE_NAME = 15
"""Bytes; IFNAMSIZ is 16 with the final zero."""

_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./:-]*")


def quote(name: str) -> str:
    """An interface name as an nft string; ConfigurationError if nft has no way to write it.

    A star at the end would mean "all that begin so" and is escaped (which costs
    a byte); anything else but a double quote stands for itself.
    """
    spoken = f"{name[:-1]}\\*" if name.endswith("*") else name
    too_long = len(spoken.encode("utf-8", "surrogateescape")) > MAX_INTERFACE_NAME
    if not name or too_long or any(map(_unspeakable, name)):
        raise ConfigurationError(
            f"Interface {name!r} cannot be named in a packet filter rule (1 to {MAX_INTERFACE_NAME} bytes without "
            "blanks, double quotes, slashes and colons); rename it with: ip link set dev OLD name NEW."
        )
    return f'"{spoken}"'


def _unspeakable(letter: str) -> bool:
    return letter in '"/:\\' or letter.isspace() or not letter.isprintable()


def comment(text: str) -> str:
    """A comment as an nft string: printable, without double quotes, cut to what the kernel keeps."""
    plain = "".join("'" if letter == '"' else letter if letter.isprintable() else " " for letter in text)
    return '"' + plain.encode("utf-8", "replace")[:MAX_COMMENT].decode("utf-8", "ignore") + '"'


def atom(value: Atom, kind: str) -> str:
    """One field of an element, of the nft type ``kind``; ValueError for a word that nft could take for something else."""
    if kind == "ifname":
        return quote(str(value))
    if kind == "mark" and isinstance(value, int):
        return f"{value:#010x}"
    if isinstance(value, int | IPv4Address | IPv6Address | IPv4Network | IPv6Network):
        return str(value)
    if not _WORD.fullmatch(value):
        raise ValueError(f"{value!r} is not a word that can stand in an element of type {kind}")
    return value


def concatenation(values: Sequence[Atom], kinds: Sequence[str]) -> str:
    """The fields of a key or of data, joined; ValueError if their number is not that of the types."""
    if len(values) != len(kinds):
        raise ValueError(f"{len(values)} fields for the type {' . '.join(kinds)}")
    return " . ".join(atom(value, kind) for value, kind in zip(values, kinds, strict=True))


def element(item: Element, key: Sequence[str], data: Sequence[str]) -> str:
    """An element with everything it carries, as ``add element`` wants it."""
    words = [concatenation(item.key, key)]
    words += [f"timeout {duration(item.timeout)}"] if item.timeout is not None else []
    words += [f"expires {duration(item.expires)}"] if item.expires is not None else []
    words += [f"comment {comment(item.comment)}"] if item.comment else []
    words += [f": {concatenation(item.data, data)}"] if data else []
    return " ".join(words)


def duration(seconds: float) -> str:
    """A time for nft, to the millisecond; at least one, since 0 would mean for ever."""
    whole, milliseconds = divmod(max(1, round(seconds * 1000)), 1000)
    return (f"{whole}s" if whole else "") + (f"{milliseconds}ms" if milliseconds else "")


def priority(value: int, hook: Hook) -> str:
    """A priority by its name where nft has one for this hook, else as a number."""
    names = {RAW: "raw", MANGLE: "mangle", FILTER: "filter"}
    names |= {DSTNAT: "dstnat"} if hook == "prerouting" else {}
    names |= {SRCNAT: "srcnat"} if hook == "postrouting" else {}
    if value in names:
        return names[value]
    near = [base for base in names if 0 < value - base <= 10]
    return f"{names[near[0]]} + {value - near[0]}" if near else str(value)
