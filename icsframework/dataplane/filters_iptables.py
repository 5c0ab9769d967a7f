"""Packet filters from ``iptables -S``: what iptables-legacy keeps, which nft does not see.  Pure.

The format is that of iptables(8): -P CHAIN POLICY, -N CHAIN, -A CHAIN RULE.
Options that we do not know are kept as Opaque, with their arguments skipped.
"""

import shlex
from collections.abc import Container, Iterator
from ipaddress import ip_network

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

__all__ = ["parse"]

_HOOKS = {"INPUT": "input", "FORWARD": "forward", "OUTPUT": "output"}
_FIELDS: dict[str, Field] = {
    "-i": "iif",
    "-o": "oif",
    "-s": "saddr",
    "-d": "daddr",
    "-p": "proto",
    "--sport": "sport",
    "--dport": "dport",
    "--sports": "sport",
    "--dports": "dport",
    "--ctstate": "state",
    "--state": "state",
}
_VERDICTS = {"ACCEPT": ACCEPT, "DROP": DROP, "REJECT": DROP, "RETURN": END, "QUEUE": Verdict("unknown")}
_SAYS_NOTHING = ("-m", "--comment", "--reject-with", "--log-prefix", "--log-level", "--set-xmark")


def parse(listing: str, table: str = "filter") -> Filters:
    """The table; lines that make no sense are left out."""
    policies: dict[str, str] = {}
    rules: dict[str, list[FoundRule]] = {}
    lines = [words for line in listing.splitlines() if (words := _words(line))]
    for words in lines:
        if words[0] in ("-P", "-N") and len(words) > 1:
            policies[words[1]] = words[2].lower() if words[0] == "-P" and len(words) > 2 else ""
    for words in lines:
        if words[0] == "-A" and len(words) > 1:
            rules.setdefault(words[1], []).append(_rule(words[2:], policies.keys()))
    chains = {
        name: FoundChain(
            "ip",
            table,
            name,
            tuple(rules.get(name, ())),
            type="filter",
            hook=_HOOKS.get(name, ""),
            policy=policy,
            legacy=True,
        )
        for name, policy in policies.items()
    }
    return Filters({("ip", table): chains})


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:
        return []


def _rule(words: list[str], chains: Container[str]) -> FoundRule:
    tests: list[Test] = []
    verdict: Verdict | None = None
    for negated, option, arguments in _options(words):
        if option in ("-j", "-g") and arguments:
            verdict = _VERDICTS.get(arguments[0])
            if verdict is None and arguments[0] in chains:
                verdict = Verdict("jump" if option == "-j" else "goto", arguments[0])
        elif option in _FIELDS and arguments:
            tests.append(_match(_FIELDS[option], arguments[0], negated))
        elif option not in _SAYS_NOTHING:
            tests.append(Opaque(option.lstrip("-")))
    return FoundRule(tuple(tests), verdict)


def _options(words: list[str]) -> Iterator[tuple[bool, str, list[str]]]:
    """Each option with its arguments, and whether a ``!`` stood before it."""
    at = 0
    while at < len(words):
        negated = words[at] == "!"
        at += negated
        option = words[at] if at < len(words) else ""
        end = at + 1
        while end < len(words) and not (words[end].startswith("-") or words[end] == "!"):
            end += 1
        yield negated, option, words[at + 1 : end]
        at = end


def _match(field: Field, argument: str, negated: bool) -> Test:
    values: list[Value] = []
    for part in argument.split(","):
        value = _value(field, part)
        if value is None:
            return Opaque(f"{field} {argument}")
        values.append(value)
    return Match(field, tuple(values), negated)


def _value(field: Field, text: str) -> Value | None:
    try:
        if field in ("saddr", "daddr"):
            return ip_network(text, strict=False)
        if field in ("sport", "dport"):
            first, _, last = text.partition(":")
            return Span(int(first or 0), int(last) if last else (65535 if ":" in text else int(first)))
    except ValueError:
        return None
    if field in ("iif", "oif"):
        return f"{text[:-1]}*" if text.endswith("+") else text
    return text.lower()
