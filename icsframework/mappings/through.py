"""Which connections go through a mapping, as the kernel tracks them.  Pure."""

from collections.abc import Callable

from icsframework.dataplane.flows import Tracked
from icsframework.values import Mapping

__all__ = ["flows_of"]

NUMBERS = {"tcp": 6, "udp": 17}
"""Protocol numbers (IANA)."""


def flows_of(mapping: Mapping) -> Callable[[Tracked], bool]:
    """True for a flow that came in by one of its external ports, or that its inside end opened and that left by one."""
    number, shift = NUMBERS[mapping.protocol], mapping.external.port - mapping.to.port
    inside = range(mapping.to.port, mapping.to.port + mapping.count)
    host = mapping.to.address

    def through(flow: Tracked) -> bool:
        if flow.protocol != number:
            return False
        if flow.reply_source == host and flow.reply_source_port in inside:
            return flow.destination != host and flow.destination_port - flow.reply_source_port == shift
        return (
            flow.source == host
            and flow.source_port in inside
            and flow.translated
            and flow.reply_destination_port - flow.source_port == shift
        )

    return through
