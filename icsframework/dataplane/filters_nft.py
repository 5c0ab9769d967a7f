"""Packet filters from ``nft -j list ruleset`` (or ``list table``).  Pure.

JSON of nft: libnftables-json(5).  Whatever stands there that we do not know is
an Opaque or is passed over: other programs may use every feature of nft, and a
newer nft may say things in new words.  Only something that is no listing at all
is an error.
"""

import json
from collections.abc import Iterator, Sequence
from ipaddress import ip_network
from typing import Any

from icsframework.dataplane.filters import (
    ACCEPT,
    DROP,
    END,
    Field,
    Filters,
    FoundChain,
    FoundRule,
    Match,
    Opaque,
    Span,
    Test,
    Value,
    Verdict,
)
from icsframework.errors import NftError

__all__ = ["parse"]

_META: dict[str, Field] = {
    "iifname": "iif",
    "iif": "iif",
    "oifname": "oif",
    "oif": "oif",
    "l4proto": "proto",
    "nfproto": "nfproto",
}
_CONNTRACK: dict[str, Field] = {"state": "state", "status": "status"}
_PAYLOAD: dict[tuple[str, str], Field] = {
    ("ip", "saddr"): "saddr",
    ("ip", "daddr"): "daddr",
    ("ip", "protocol"): "proto",
    ("ip6", "saddr"): "saddr",
    ("ip6", "daddr"): "daddr",
    ("ip6", "nexthdr"): "proto",
    **{(proto, "sport"): "sport" for proto in ("tcp", "udp", "th")},
    **{(proto, "dport"): "dport" for proto in ("tcp", "udp", "th")},
}  # fmt: skip
_ONE_PROTOCOL = ("tcp", "udp", "icmp", "icmpv6")
_VERDICTS = {"accept": ACCEPT, "drop": DROP, "reject": DROP, "return": END, "continue": None}


def parse(listing: str | bytes) -> Filters:
    """All tables of the listing; NftError if it is something else."""
    try:
        found = [(kind, body) for entry in json.loads(listing)["nftables"] for kind, body in entry.items()]
        rules: dict[tuple[str, str, str], list[Sequence[FoundRule]]] = {}
        for kind, body in found:
            if kind == "rule":
                rules.setdefault((body["family"], body["table"], body["chain"]), []).append([*_rules(body)])
        tables: dict[tuple[str, str], dict[str, FoundChain]] = {}
        sets: dict[tuple[str, str], set[str]] = {}
        for kind, body in found:
            if kind == "table":
                tables.setdefault((body["family"], body["name"]), {})
            elif kind == "chain":
                chain = _chain(body, rules)
                tables.setdefault((chain.family, chain.table), {})[chain.name] = chain
            elif kind in ("set", "map"):
                sets.setdefault((body["family"], body["table"]), set()).add(body["name"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise NftError(
            f"nft listed the packet filter in a way this version does not understand: {error!r}"
        ) from error
    return Filters(tables, {table: frozenset(names) for table, names in sets.items()})


def _chain(body: dict[str, Any], rules: dict[tuple[str, str, str], list[Sequence[FoundRule]]]) -> FoundChain:
    family, table, name = body["family"], body["table"], body["name"]
    its = rules.get((family, table, name), [])
    return FoundChain(
        family,
        table,
        name,
        tuple(part for rule in its for part in rule),
        type=body.get("type", ""),
        hook=body.get("hook", ""),
        policy=body.get("policy", "accept") if "hook" in body else "",
        count=len(its),
    )


def _rules(body: dict[str, Any]) -> Iterator[FoundRule]:
    """One rule of nft; several of ours where it decides by a verdict map."""
    tests: list[Test] = []
    for statement in body.get("expr", []):
        if isinstance(statement, str):
            continue  # nft has no JSON for it and gives its text: an update of a map, which decides nothing
        ((kind, what),) = statement.items()
        if kind == "vmap":
            yield from _by_map(tests, what)
            return
        if kind in _VERDICTS:
            yield FoundRule(tuple(tests), _VERDICTS[kind])
            return
        if kind in ("jump", "goto"):
            yield FoundRule(tuple(tests), Verdict(kind, what["target"]))
            return
        if kind == "queue":
            yield FoundRule(tuple(tests), Verdict("unknown"))
            return
        if kind == "xt" and isinstance(what, dict) and what.get("type") == "target":
            if what.get("name") == "REJECT":
                yield FoundRule(tuple(tests), DROP)
                return
            continue  # LOG, MARK, MASQUERADE and so on: the packet goes on
        tests += _tests(kind, what)
    yield FoundRule(tuple(tests))


def _by_map(tests: list[Test], what: dict[str, Any]) -> Iterator[FoundRule]:
    data = what["data"]
    if not (isinstance(data, dict) and "set" in data):
        yield FoundRule(tuple(tests), Verdict("unknown"))
        return
    for key, verdict in data["set"]:
        ((kind, target),) = verdict.items()
        one = Verdict(kind, target["target"]) if kind in ("jump", "goto") else _VERDICTS.get(kind)
        yield FoundRule((*tests, *_match(what["key"], [key], negated=False)), one)


def _tests(kind: str, what: Any) -> list[Test]:
    if kind == "match":
        values = _listed(what["right"])
        if what["op"] not in ("==", "!=", "in"):
            return [Opaque(f"operator {what['op']}")]
        return _match(what["left"], values, negated=what["op"] == "!=")
    if kind == "xt":
        name = what.get("name", "") if isinstance(what, dict) else ""
        return [] if name == "comment" else [Opaque(name or "xt")]
    if kind in ("limit", "quota", "ct count", "last"):
        return [Opaque(kind)]
    return []  # counter, log, mangle, notrack: they decide nothing


def _listed(right: Any) -> list[Any]:
    if isinstance(right, dict) and "set" in right:
        return list(right["set"])
    if isinstance(right, dict) and "|" in right:
        return list(right["|"])
    return right if isinstance(right, list) else [right]


def _match(left: Any, right: list[Any], negated: bool) -> list[Test]:
    where, tests = _field(left)
    values = [_value(value) for value in right]
    if where is None or None in values:
        return [*tests, Opaque(json.dumps(left))]
    return [*tests, Match(where, tuple(value for value in values if value is not None), negated)]


def _field(left: Any) -> tuple[Field | None, list[Test]]:
    """The field, and what a packet must be to have it."""
    if not isinstance(left, dict):
        return None, []
    if "meta" in left:
        return _META.get(left["meta"].get("key")), []
    if "ct" in left:
        return _CONNTRACK.get(left["ct"].get("key")), []
    if "payload" in left:
        protocol, name = left["payload"].get("protocol", ""), left["payload"].get("field", "")
        needs: list[Test] = []
        if protocol in _ONE_PROTOCOL:
            needs = [Match("proto", (protocol,))]
        elif protocol in ("ip", "ip6"):
            needs = [Match("nfproto", ("ipv4" if protocol == "ip" else "ipv6",))]
        return _PAYLOAD.get((protocol, name)), needs
    return None, []


def _value(value: Any) -> Value | None:
    """None for what we cannot compare with."""
    if isinstance(value, str):
        return None if value.startswith("@") else _word(value)
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return Span(value, value)
    if isinstance(value, dict) and "prefix" in value:
        return ip_network((value["prefix"]["addr"], value["prefix"]["len"]), strict=False)
    if isinstance(value, dict) and "elem" in value:
        return _value(value["elem"].get("val"))
    ends = value.get("range") if isinstance(value, dict) else None
    if isinstance(ends, list) and len(ends) == 2 and all(isinstance(end, int) for end in ends):
        return Span(ends[0], ends[1])
    return None


def _word(value: str) -> Value:
    try:
        return ip_network(value)
    except ValueError:
        return value
