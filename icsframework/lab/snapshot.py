"""Everything about the network of a host as one value that can be compared with itself later.

What changes by itself (counters, lifetimes, timers, values the kernel shares
between all namespaces) is left out, so that two snapshots are equal exactly when
nobody changed anything.
"""

import json
import re
from collections.abc import Callable, Sequence
from subprocess import CompletedProcess
from typing import Any

from icsframework.lab.errors import LabError
from icsframework.lab.privilege import find_program

__all__ = ["Snapshot", "differences", "take"]

Snapshot = dict[str, Any]
"""Part (see COMMANDS) to its value; made of dictionaries, lists and text only."""

COMMANDS = {
    "links": "ip -json -details link show",
    "addresses": "ip -json address show",
    "routes4": "ip -4 -json route show table all",
    "routes6": "ip -6 -json route show table all",
    "rules4": "ip -4 -json rule show",
    "rules6": "ip -6 -json rule show",
    "ruleset": "nft --stateless list ruleset",
    "sockets": "ss -H -n -l -t -u -w -0",
    "sysctls": "grep -rs '' /proc/sys/net",
}
"""Part of a snapshot to the command that reads it."""

MAY_FAIL = {"sysctls", "rules6", "routes6"}
"""grep cannot read every sysctl; a kernel may be without IPv6."""

VOLATILE_KEYS = re.compile(
    r".*_timer|stats.*|(valid|preferred)_life_time|expires|used|age|users|refcnt|cache.*"
)
"""Keys of ip's JSON that count or run down."""

VOLATILE_SYSCTLS = re.compile(
    r"netfilter\.nf_conntrack_(count|buckets|max)|nf_conntrack_max|netfilter\.nf_log\..*"
    r"|ipv4\.tcp_(available|allowed)_\w+|ipv4\.tcp_fastopen_key|core\.\w*_mem\w*|core\.netdev_rss_key"
)
"""Sysctls that count, are random, or belong to all namespaces together."""


def take(run: Callable[[Sequence[str]], CompletedProcess[str]]) -> Snapshot:
    """Take a snapshot where ``run`` runs programs.

    A part whose program (nft, ss) is not installed is None.  Raises LabError if a
    program fails.
    """
    # One shell for all parts: entering a host once is cheaper than nine times.
    wanted = {name: command for name, command in COMMANDS.items() if find_program(command.split()[0])}
    done = run(
        [
            "/bin/sh",
            "-c",
            "".join(f"{command}; echo; echo '== {name}' $?\n" for name, command in wanted.items()),
        ]
    )
    parts: Snapshot = dict.fromkeys(COMMANDS)
    text: list[str] = []
    for line in done.stdout.splitlines():
        if not line.startswith("== "):
            text.append(line)
            continue
        _, name, status = line.split()
        if status != "0" and name not in MAY_FAIL:
            raise LabError(f"{wanted[name]} failed: {done.stderr.strip()}")
        parts[name] = _read(name, "\n".join(text).strip())
        text.clear()
    return parts


def _read(name: str, text: str) -> Any:
    if name == "ruleset":
        return re.sub(r" expires \w+", "", text)
    if name == "sockets":
        # Protocol, local address and port; queue lengths come and go.
        return sorted(
            " ".join([words[0], *words[4:5]]) for words in map(str.split, text.splitlines()) if words
        )
    if name == "sysctls":
        return _sysctls(text)
    return [_without_volatile(item) for item in json.loads(text or "[]") if item]


def _sysctls(text: str) -> dict[str, str]:
    values: dict[str, str] = {}
    for line in text.splitlines():
        path, _, value = line.partition(":")
        name = path.removeprefix("/proc/sys/net/").replace("/", ".")
        if not VOLATILE_SYSCTLS.fullmatch(name):
            values[name] = f"{values[name]}\n{value}" if name in values else value
    return values


def _without_volatile(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {
            key: _without_volatile(inner) for key, inner in value.items() if not VOLATILE_KEYS.fullmatch(key)
        }
        if kept.get("qdisc") == "noop":
            kept["qdisc"] = "noqueue"  # what a virtual link that was up once keeps for ever
        return kept
    if isinstance(value, list):
        return [_without_volatile(inner) for inner in value]
    return value


def differences(before: Any, after: Any, path: str = "") -> list[str]:
    """One line for each place where two snapshots differ; empty if they are equal."""
    if isinstance(before, dict) and isinstance(after, dict):
        keys = [*before, *(key for key in after if key not in before)]
        return [
            line
            for key in keys
            for line in differences(before.get(key), after.get(key), f"{path}.{key}" if path else str(key))
        ]
    if isinstance(before, str) and isinstance(after, str) and "\n" in before + after:
        return differences(before.splitlines(), after.splitlines(), path)
    if isinstance(before, list) and isinstance(after, list):
        gone = [f"{path}: gone: {item}" for item in before if item not in after]
        new = [f"{path}: new: {item}" for item in after if item not in before]
        if gone or new or len(before) == len(after):
            return gone + new
    return [] if before == after else [f"{path}: {before!r} became {after!r}"]
