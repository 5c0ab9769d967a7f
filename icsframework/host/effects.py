"""Which sysctls change when another is written.

The kernel (devinet.c, addrconf.c) copies some settings to every interface:

* ``net.ipv4.ip_forward`` and ``net.ipv4.conf.all.forwarding`` are one setting;
  it sets ``forwarding`` of each interface and of ``default``, and
  ``conf.all.accept_redirects`` to the opposite;
* ``net.ipv6.conf.all.forwarding`` and ``.disable_ipv6`` set each interface's;
* ``net.ipv4.conf.default.X`` is copied to each interface that never had its own.

Whoever writes such a one and wants to put everything back must know the others
first, and must write the broad one before the narrow ones.
"""

from fnmatch import fnmatchcase

__all__ = ["breadth", "effects", "interface_of", "is_forwarding", "matches"]

_SWAP = str.maketrans("./", "/.")  # as sysctl(8) writes a dot in the name of an interface

FORWARDING = {"net.ipv4.ip_forward", "net.ipv4.conf.all.forwarding"}
COPIED_FROM_ALL = {
    "net.ipv6.conf.all.forwarding",
    "net.ipv6.conf.all.disable_ipv6",
}


def effects(path: str) -> frozenset[str]:
    """Patterns (see ``matches``) of the sysctls that change with ``path``."""
    if path in FORWARDING:
        narrow = {f"net.ipv4.conf.{name}.forwarding" for name in ("*", "default")}
        return frozenset({*narrow, "net.ipv4.conf.all.accept_redirects"})
    if path in COPIED_FROM_ALL:
        return frozenset({path.replace(".all.", ".*."), path.replace(".all.", ".default.")})
    if path.startswith("net.ipv4.conf.default."):
        return frozenset({path.replace(".default.", ".*.")})
    return frozenset()


def matches(pattern: str, path: str) -> bool:
    """True if the pattern means this path; ``*`` stands for one interface, not for ``all`` and ``default``."""
    if "*" not in pattern:
        return pattern == path
    parts, wanted = path.split("."), pattern.split(".")
    return (
        len(parts) == len(wanted)
        and parts[3:4] not in (["all"], ["default"])
        and all(
            fnmatchcase(part, want) if want == "*" else part == want
            for part, want in zip(parts, wanted, strict=True)
        )
    )


def breadth(path: str) -> int:
    """0 for the broadest: those are written first.  What a sysctl writes to is always narrower than itself."""
    if path in FORWARDING:
        return 0
    if ".conf.all." in path:
        return 1
    return 2 if ".conf.default." in path else 3


def interface_of(path: str) -> str:
    """The interface whose setting it is, "" for a general one."""
    parts = path.split(".")
    if len(parts) < 5 or parts[2] not in ("conf", "neigh") or parts[3] in ("all", "default"):
        return ""
    return parts[3].translate(_SWAP)


def is_forwarding(path: str) -> bool:
    """True if the setting lets packets through: switched on last and off first."""
    return path in FORWARDING or path.endswith(".forwarding")
