"""Two hosts that a helped connection joins: what begins between them stays on the uplink of that connection.  Pure.

A protocol with a helper opens further flows beside its control connection, and a
server may refuse those that come from another address (FTP: "425").  So while a
control connection runs, the stream shell (helpers/pairs.py) keeps its inside host
and its peer in the dynamic set ``pairs``, and first packets from the one to the
other are routed by its uplink, whichever is preferred by now.  With one uplink
there is no way to choose; what keeps it up (keep.py) asks this set too.
"""

from collections.abc import Iterator

from icsframework.dataplane.dynamic import PAIRS
from icsframework.dataplane.mapped import NamedElement
from icsframework.dataplane.plane import DataPlane
from icsframework.dataplane.ruleset import Chain, Element, Rule
from icsframework.dataplane.rulewords import chain_of, several
from icsframework.values import Address

__all__ = ["STAY_WITH_PEER", "pair_element", "stay_with_peer"]

STAY_WITH_PEER = "stay_with_peer"
"""The chain of first packets from a LAN, when their source has proved right."""


def pair_element(mark: int, inside: Address, peer: Address, lifetime: float) -> NamedElement:
    """What goes into ``pairs``; ``mark`` is the uplink's (Marks.uplink_mark), ``lifetime`` in seconds."""
    return PAIRS.name, Element((mark, inside, peer), (), lifetime)


def stay_with_peer(plane: DataPlane) -> tuple[Chain, ...]:
    """The chain; none with one uplink."""
    if not several(plane):
        return ()
    return (
        Chain(STAY_WITH_PEER, tuple(_rules(plane)), "new flows beside a connection that a helper carries"),
    )


def _rules(plane: DataPlane) -> Iterator[Rule]:
    for uplink in plane.preference:  # by one that is down nothing can stay
        # nft asks sets for expressions only: this one has the uplink's mark as its value, whatever the packet.
        mark = f"meta mark & 0 | {plane.marks.uplink_mark(uplink.index):#010x}"
        yield Rule(
            f"{mark} . ip saddr . ip daddr @{PAIRS.name} goto {chain_of('stay_on_uplink', uplink)}",
            f"these two have a helped connection by {uplink.name}",
        )
