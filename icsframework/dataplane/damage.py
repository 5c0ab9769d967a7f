"""Is our table still as we loaded it?  Pure.

Only what is lacking counts: rules that somebody added to look at something do no
harm and stay until the next load.
"""

from icsframework.dataplane.filters import Filters
from icsframework.dataplane.ruleset import BaseChain, Table

__all__ = ["damage"]


def damage(expected: Table, found: Filters) -> str:
    """What is lacking, in a few words ("was gone", "had lost chain forward"); "" if nothing is."""
    chains = found.tables.get((expected.family, expected.name))
    if chains is None:
        return "was gone"
    sets = found.sets.get((expected.family, expected.name), frozenset())
    lost = [f"chain {chain.name}" for chain in expected.chains if chain.name not in chains]
    lost += [f"set {one.name}" for one in expected.sets if one.name not in sets]
    for chain in expected.chains:
        there = chains.get(chain.name)
        if there is None:
            continue
        if isinstance(chain, BaseChain) and there.hook != chain.hook:
            lost.append(f"the hook of chain {chain.name}")
        missing = len(chain.rules) - there.count
        if missing > 0:
            lost.append(f"{missing} rules of chain {chain.name}")
    return f"had lost {_short(lost)}" if lost else ""


def _short(lost: list[str]) -> str:
    return ", ".join(lost[:3]) + (f" and {len(lost) - 3} more" if len(lost) > 3 else "")
