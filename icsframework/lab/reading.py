"""Read a lab file: YAML nodes with their line, taken apart key by key.

Scalars stay the text that was written: a MAC address or a time of day is never
turned into a number on the way (YAML 1.1 would).  Every refusal says file, line,
key path and what was expected.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
    ip_address,
    ip_interface,
    ip_network,
)
from typing import NoReturn

import yaml

from icsframework.lab.errors import LabSpecError

__all__ = ["Address", "Entry", "InterfaceAddress", "Network", "read_yaml"]

Address = IPv4Address | IPv6Address
InterfaceAddress = IPv4Interface | IPv6Interface
Network = IPv4Network | IPv6Network

SIZES = {"": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9}


@dataclass(frozen=True, slots=True)
class Entry:
    """One node of the file and where it stands."""

    node: yaml.Node | None
    """None for a key that was left out."""
    source: str
    path: str

    def refuse(self, why: str) -> NoReturn:
        """Raise LabSpecError with the place in front of ``why``."""
        line = f":{self.node.start_mark.line + 1}" if self.node is not None else ""
        raise LabSpecError(f"{self.source}{line}: {self.path or 'the file'}: {why}")

    def __bool__(self) -> bool:
        """True where something was written (an empty value counts as left out)."""
        return self.node is not None and not (
            isinstance(self.node, yaml.ScalarNode) and self.node.value == ""
        )

    def section(self, known: Iterable[str]) -> dict[str, Entry]:
        """A mapping with no other keys than ``known``; keys left out are there as false entries."""
        names = sorted(known)
        found = {name: Entry(None, self.source, self._below(name)) for name in names}
        for key, entry in self.items():
            if key not in found:
                near = difflib.get_close_matches(key, names, 1)
                hint = f"did you mean {near[0]}?" if near else f"known here: {', '.join(names)}"
                entry.refuse(f"unknown key {key!r}; {hint}")
            found[key] = entry
        return found

    def items(self) -> Iterator[tuple[str, Entry]]:
        """Key and value of each line of a mapping; a key may stand only once."""
        if not self:
            return
        if not isinstance(self.node, yaml.MappingNode):
            self.refuse("a mapping (key: value) is expected here")
        seen: set[str] = set()
        for key, value in self.node.value:
            name = Entry(key, self.source, self.path).text()
            if name in seen:
                Entry(key, self.source, self._below(name)).refuse("this key stands here twice")
            seen.add(name)
            yield name, Entry(value, self.source, self._below(name))

    def entries(self) -> tuple[Entry, ...]:
        """The members of a list; a single value stands for a list of one."""
        if not self:
            return ()
        if not isinstance(self.node, yaml.SequenceNode):
            return (self,)
        return tuple(Entry(node, self.source, f"{self.path}[{n}]") for n, node in enumerate(self.node.value))

    def text(self, default: str = "") -> str:
        """A scalar as written."""
        if not self:
            return default
        if not isinstance(self.node, yaml.ScalarNode):
            self.refuse("a single value is expected here")
        return str(self.node.value)

    def flag(self, default: bool) -> bool:
        """``true`` or ``false``."""
        words = {"true": True, "false": False}
        text = self.text("true" if default else "false")
        if text not in words:
            self.refuse(f"true or false is expected, not {text!r}")
        return words[text]

    def choice(self, default: str, words: Iterable[str]) -> str:
        """One of ``words``."""
        text = self.text(default)
        if text not in words:
            self.refuse(f"one of {', '.join(words)} is expected, not {text!r}")
        return text

    def integer(self, default: int, low: int, high: int) -> int:
        """A decimal number from ``low`` to ``high``."""
        text = self.text(str(default))
        if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
            self.refuse(f"a number from {low} to {high} is expected, not {text!r}")
        return int(text)

    def size(self, default: int) -> int:
        """Bytes: ``1000``, ``20kB``, ``5MB``."""
        text = self.text(str(default))
        digits = text.rstrip("kMGB")
        unit = text[len(digits) :]
        if unit not in SIZES or not digits.isdigit():
            self.refuse(f"a size such as 5MB is expected, not {text!r}")
        return int(digits) * SIZES[unit]

    def address(self) -> Address:
        """An address without a prefix length."""
        try:
            return ip_address(self.text())
        except ValueError:
            self.refuse(f"an address such as 192.0.2.1 is expected, not {self.text()!r}")

    def interface_address(self) -> InterfaceAddress:
        """An address with its prefix length."""
        expected = "an address with its prefix length such as 192.0.2.1/24 is expected"
        if "/" not in self.text():
            self.refuse(f"{expected}, not {self.text()!r}")
        try:
            return ip_interface(self.text())
        except ValueError:
            self.refuse(f"{expected}, not {self.text()!r}")

    def network(self) -> Network:
        """A network such as 192.0.2.0/24."""
        try:
            return ip_network(self.text())
        except ValueError:
            self.refuse(f"a network such as 192.0.2.0/24 is expected, not {self.text()!r}")

    def yaml(self) -> str:
        """This part of the file as YAML text of its own, every scalar as it was written."""
        return yaml.serialize(self.node, Dumper=yaml.Dumper) if self.node is not None else ""

    def _below(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name


def read_yaml(text: str, source: str) -> Entry:
    """The whole of ``text`` as an entry.  Raises LabSpecError where it is no YAML."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise LabSpecError(
            f"{source}{line}: this is no YAML: {getattr(error, 'problem', None) or error}"
        ) from None
    return Entry(node, source, "")
