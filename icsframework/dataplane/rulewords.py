"""What the rules of several modules are made of: verdicts by interface, drops that are counted, chains named after an uplink.  Pure."""

from collections.abc import Iterable, Sequence

from icsframework.dataplane.plane import DataPlane, UplinkSide
from icsframework.dataplane.ruleset import Rule
from icsframework.dataplane.text import quote

__all__ = ["FLOWS", "chain_of", "dispatch", "drop", "one_of", "refuse", "several", "verdicts"]

FLOWS = "meta l4proto { tcp, udp }"
"""Only what has ports; nft wants to be told before it translates them."""


def verdicts(ways: Iterable[tuple[str, str]]) -> str:
    """The inside of a verdict map from interfaces to verdicts."""
    return ", ".join(f"{quote(interface)} : {verdict}" for interface, verdict in ways)


def dispatch(key: str, uplinks: Sequence[UplinkSide], chain: str, why: str) -> Rule:
    """Each uplink to its own chain."""
    ways = [(uplink.interface, f"goto {chain_of(chain, uplink)}") for uplink in uplinks]
    return Rule(f"{key} vmap {{ {verdicts(ways)} }}", why)


def chain_of(prefix: str, uplink: UplinkSide) -> str:
    """The name of an uplink's chain."""
    return f"{prefix}_{uplink.name}"


def several(plane: DataPlane) -> bool:
    """With one uplink the main routing table is right for every packet, and known flows are spared the lookup."""
    return len(plane.uplinks) > 1


def drop(counter: str) -> str:
    """Drop, and count it."""
    return f'counter name "{counter}" drop'


def refuse() -> str:
    """Refuse a host of a LAN, and count it."""
    return 'counter name "refused_lan" reject with icmpx admin-prohibited'


def one_of(words: Sequence[object]) -> str:
    """One value as it is, several as a set."""
    texts = [str(word) for word in words]
    return texts[0] if len(texts) == 1 else f"{{ {', '.join(texts)} }}"
