"""Names that clients give themselves: what of them can stand in DNS, who has which, and option 81.

Everything a client says is hostile until it fits RFC 952 and RFC 1123 section
2.1: letters, digits and inner hyphens, one label of at most 63.
"""

import re
from collections.abc import Mapping

from icsframework.protocols.dhcp.options import CLIENT_FQDN, HOST_NAME, MAX_LABEL, MAX_PIECE

MAX_LOOKED_AT = 255
"""Bytes of a name that are looked at; no legal name is longer (RFC 1035 section 2.3.4)."""
RESERVED = frozenset({"localhost", "wpad", "isatap", "gateway", "router", "broadcasthost"})
"""Names that would give their bearer power over others (browsers and tunnels look some of them up by themselves)."""

_SPACES = re.compile(r"[\s_]+")
_WRONG = re.compile(r"[^a-z0-9-]")

# RFC 4702 section 2.1: the flags of option 81.
S, O, E, N = 1, 2, 4, 8  # noqa: E741


def sanitised(name: bytes) -> str:
    """The first label of ``name`` made fit for DNS, or "" if nothing is left of it.

    Blanks and underscores, which many systems' default names contain, become
    hyphens; other foreign characters go.
    """
    text = name[:MAX_LOOKED_AT].rstrip(b"\0").decode("ascii", "ignore").lower().strip()
    label = _WRONG.sub("", _SPACES.sub("-", text.split(".", 1)[0])).strip("-")[:MAX_LABEL].rstrip("-")
    return "" if label in RESERVED else label


def hostname_of(options: Mapping[int, bytes]) -> str:
    """The name a client asks for: by option 12, else by option 81."""
    if HOST_NAME in options:
        return sanitised(options[HOST_NAME])
    fqdn = options.get(CLIENT_FQDN, b"")
    return sanitised(_fqdn_label(fqdn)) if len(fqdn) > 3 else ""


def _fqdn_label(fqdn: bytes) -> bytes:
    name = fqdn[3:]
    if fqdn[0] & E:  # DNS form: the first label is counted
        return name[1 : 1 + name[0]] if name[0] <= MAX_LABEL else b""
    return name


def fqdn_answer(asked: bytes, hostname: str, domain: str) -> bytes | None:
    """Option 81 of a reply (RFC 4702 section 4), or None if the client did not send a usable one.

    The names of this LAN are ours to publish, so we always do the A update and
    say so (S, with O if the client wanted otherwise), unless it wants none (N).
    """
    if len(asked) < 3:
        return None
    wanted = asked[0]
    if wanted & N:
        flags = N | (wanted & E)
    else:
        flags = S | (wanted & E) | (0 if wanted & S else O)
    labels = [label.encode("ascii") for label in (hostname, *domain.split(".")) if label] if hostname else []
    if wanted & E:
        name = b"".join(bytes((len(label),)) + label for label in labels) + (b"\0" if labels else b"")
    else:
        name = b".".join(labels)
    return (bytes((flags, 255, 255)) + name)[:MAX_PIECE]


class NameBook:
    """Who has which name on one LAN: first come, first served, but a reserved name is its reservation's.

    Otherwise any client could call itself ``printer`` and get what is sent there.
    """

    def __init__(self) -> None:
        self._address: dict[str, int] = {}
        self._name: dict[int, str] = {}

    def claim(self, address: int, name: str, by_right: bool = False) -> str:
        """The name that ``address`` has from now on: ``name``, or "" if it is another's.  ``by_right`` takes it from another."""
        holder = self._address.get(name)
        if not name or (holder is not None and holder != address and not by_right):
            self.release(address)
            return ""
        if holder is not None and holder != address:
            del self._name[holder]
        if self._name.get(address) != name:
            self.release(address)
        self._address[name] = address
        self._name[address] = name
        return name

    def release(self, address: int) -> str:
        """``address`` has no name any more; returns the one it had."""
        name = self._name.pop(address, "")
        if name:
            del self._address[name]
        return name

    def name_of(self, address: int) -> str:
        """The name of ``address``, or ""."""
        return self._name.get(address, "")
