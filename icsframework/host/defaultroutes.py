"""The default routes of the main table, whoever set them (/proc/net/route of our network namespace)."""

from pathlib import Path
from typing import NamedTuple

__all__ = ["DefaultRoute", "parse", "read_default_routes"]

NET_ROUTE = Path("/proc/thread-self/net/route")
_INTERFACE, _DESTINATION, _METRIC, _MASK = 0, 1, 6, 7
_ANYWHERE = "00000000"


class DefaultRoute(NamedTuple):
    """An IPv4 default route; of several the one with the smallest metric is taken."""

    interface: str
    metric: int


def parse(text: str) -> tuple[DefaultRoute, ...]:
    """In the kernel's order; lines of another shape are passed over."""
    rows = (line.split() for line in text.splitlines())
    return tuple(
        DefaultRoute(row[_INTERFACE], int(row[_METRIC]))
        for row in rows
        if len(row) > _MASK
        and row[_DESTINATION] == row[_MASK] == _ANYWHERE
        and row[_METRIC].isdigit()
        and row[_INTERFACE] != "*"  # leads nowhere: a route of kind prohibit
    )


def read_default_routes() -> tuple[DefaultRoute, ...]:
    """Now."""
    return parse(NET_ROUTE.read_text())
