"""The sets and maps of our table that belong to the mapping service and the helpers while we run: a reload and a restart keep them.  Pure.

Every key begins with the uplink field of the connection mark (marks.py), so that
one external port can lead somewhere else by each uplink.  policy.py says which
rules look into them, mapped.py what a mapping puts into them.
"""

from icsframework.dataplane.ruleset import Map, Set

__all__ = [
    "BOOKED",
    "DYNAMIC",
    "EXPECT_ANY",
    "EXPECT_FROM",
    "FAIL_OPEN",
    "OPEN_ANY",
    "OPEN_FROM",
    "OWN_PORT",
    "PAIRS",
]

SIZE = 65536
"""Elements of a map: as many as one protocol has ports."""

LISTENERS = 1024
"""Elements of ``fail_open``: far more listeners than anybody configures helpers."""

_FLAGS = frozenset({"dynamic", "timeout"})
_FROM = ("mark", "ipv4_addr", "inet_proto", "inet_service")
_ANY = ("mark", "inet_proto", "inet_service")
_INSIDE = ("ipv4_addr", "inet_service")


def _map(name: str, key: tuple[str, ...], data: tuple[str, ...], why: str) -> Map:
    return Map(name, key, (), _FLAGS, why, dynamic=True, size=SIZE, data=data)


EXPECT_FROM = _map("expect_from", _FROM, _INSIDE, "expected flows of a known host: uplink, host, port")
EXPECT_ANY = _map("expect_any", _ANY, _INSIDE, "expected flows of anybody: uplink, port")
OPEN_FROM = _map("open_from", _FROM, _INSIDE, "ports that are open for one host: uplink, host, port")
OPEN_ANY = _map("open_any", _ANY, _INSIDE, "ports that are open: uplink, port")
OWN_PORT = _map(
    "own_port",
    ("mark", "inet_proto", "ipv4_addr", "inet_service"),
    ("inet_service",),
    "what has a port leaves by it: uplink, inside address and port",
)
BOOKED = Set("booked", _ANY, (), _FLAGS, "ports that have an owner: uplink, port", dynamic=True, size=SIZE)
FAIL_OPEN = Set(
    "fail_open",
    ("inet_service",),
    (),
    _FLAGS,
    "our listeners that are alive",
    dynamic=True,
    size=LISTENERS,
)
PAIRS = Set(
    "pairs",
    ("mark", "ipv4_addr", "ipv4_addr"),
    (),
    _FLAGS,
    "hosts that a helped connection joins: uplink, inside host, peer",
    dynamic=True,
    size=SIZE,
)

DYNAMIC: tuple[Set, ...] = (EXPECT_FROM, EXPECT_ANY, OPEN_FROM, OPEN_ANY, OWN_PORT, BOOKED, FAIL_OPEN, PAIRS)
"""All of them, as they stand in the table."""
