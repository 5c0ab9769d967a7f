"""A table as nft text, in the form that fits what the kernel already has.  Pure.

Three forms, each one transaction for ``nft -f -``:

* *first*: no table of ours is there;
* *keep*: the rules are flushed and redefined and the static sets refilled, while
  dynamic elements and named counters stay; chains, sets, counters and helpers that
  we no longer want are deleted (a base chain left behind would stay hooked);
* *replace*: something that nft cannot change in place is different (a chain's
  type, hook or priority, a set's or helper's type): the table is deleted and defined anew,
  and dynamic elements are put back with the time they had left.

The output of ``nft list`` is never fed back: it does not always load again.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace as with_changes

from icsframework.dataplane import text
from icsframework.dataplane.inventory import FoundSet, Inventory
from icsframework.dataplane.ruleset import BaseChain, Chain, Counter, Element, Helper, Map, Rule, Set, Table

ELEMENTS_PER_LINE = 200
"""How many elements one ``add element`` command carries."""


def render(table: Table, present: Inventory | None = None) -> str:
    """The text that makes ``table`` of what is ``present`` (None: nothing), in the form that loses least."""
    if present is None:
        return define(table)
    return keep(table, present) if can_keep(table, present) else replace(table, present)


def define(table: Table) -> str:
    """The first form: only the definition, as ``ics render`` shows it."""
    return "\n".join([f"table {table.address} {{", *_body(table), "}", ""])


def keep(table: Table, present: Inventory) -> str:
    """The keep form."""
    lines = [f"add table {table.address}", f"flush table {table.address}"]
    lines += [
        f"flush {_kind(item)} {table.address} {item.name}"
        for item in table.sets
        if not item.dynamic and item.name in present.sets
    ]
    # Maps before chains: a verdict map holds on to the chains it leads to.
    gone = [("map" if found.data else "set", name) for name, found in present.sets.items()]
    gone += [("chain", name) for name in present.chains]
    gone += [("counter", name) for name in present.counters]
    gone += [("ct helper", name) for name in present.helpers]
    wanted = _names(table)
    lines += [f"delete {kind} {table.address} {name}" for kind, name in gone if (kind, name) not in wanted]
    return "\n".join([*lines, define(table)])


def _names(table: Table) -> set[tuple[str, str]]:
    """Everything in the table by kind and name: a chain may be called like a set."""
    return {
        *((_kind(item), item.name) for item in table.sets),
        *(("chain", chain.name) for chain in table.chains),
        *(("counter", counter.name) for counter in table.counters),
        *(("ct helper", helper.name) for helper in table.helpers),
    }


def replace(table: Table, present: Inventory) -> str:
    """The replace form."""
    lines = [f"add table {table.address}", f"delete table {table.address}"]
    lines.append("\n".join([f"table {table.address} {{", *_body(table, present), "}"]))
    for item in table.sets:
        found = present.sets.get(item.name)
        if item.dynamic and found is not None and _same_fields(item, found):
            lines += add_elements(table, item, _restored(found.elements))
    return "\n".join([*lines, ""])


def _restored(elements: Iterable[Element]) -> list[Element]:
    """Elements with the time they have left; a rule that prolongs one may give it more than it began with."""
    kept = [element for element in elements if element.expires is None or element.expires > 0]
    return [
        with_changes(element, timeout=max(element.timeout or 0, element.expires))
        if element.expires
        else element
        for element in kept
    ]


def can_keep(table: Table, present: Inventory) -> bool:
    """True if nft can get from here to there without deleting the table."""
    chains = {chain.name: _hook(chain) for chain in table.chains}
    hooks = all(
        chains.get(found.name, here) == here
        for found in present.chains.values()
        for here in [(found.type, found.hook, found.priority)]
    )
    sets = all(
        _same_fields(item, found) and _same_properties(item, found)
        for item in table.sets
        for found in [present.sets.get(item.name)]
        if found is not None
    )
    helpers = all(
        (helper.type, helper.protocol, helper.l3proto) == (found.type, found.protocol, found.l3proto)
        for helper in table.helpers
        for found in [present.helpers.get(helper.name)]
        if found is not None
    )
    return hooks and sets and helpers and not present.others


def _hook(chain: Chain) -> tuple[str | None, str | None, int | None]:
    return (chain.type, chain.hook, chain.priority) if isinstance(chain, BaseChain) else (None, None, None)


def _same_fields(item: Set, found: FoundSet) -> bool:
    return item.type == found.type and _data(item) == found.data


def _same_properties(item: Set, found: FoundSet) -> bool:
    return item.flags - {"dynamic"} == found.flags and (item.size, item.timeout) == (
        found.size,
        found.timeout,
    )


# --- elements --------------------------------------------------------------------------------


def add_elements(table: Table, item: Set, elements: Sequence[Element]) -> list[str]:
    """Commands that add these elements to a set or map."""
    texts = [text.element(element, item.type, _data(item)) for element in elements]
    return _in_lines(f"add element {table.address} {item.name}", texts)


def delete_elements(table: Table, item: Set, elements: Sequence[Element]) -> list[str]:
    """Commands that remove the elements with these keys; nft refuses all of them if one is not there."""
    texts = [text.concatenation(element.key, item.type) for element in elements]
    return _in_lines(f"delete element {table.address} {item.name}", texts)


def change_elements(
    table: Table, add: Sequence[tuple[str, Element]], delete: Sequence[tuple[str, Element]]
) -> list[str]:
    """Commands of one transaction that delete and then add elements of several sets, named.

    Each element to delete is added first: so it is there, and nft does not refuse everything because the time of one
    ran out meanwhile.  Nobody sees it in between.  Hence ``delete`` carries a map's data, and those that are there.
    """
    there = [
        line for name, elements in _by_set(delete) for line in add_elements(table, table.set(name), elements)
    ]
    gone = [
        line
        for name, elements in _by_set(delete)
        for line in delete_elements(table, table.set(name), elements)
    ]
    come = [
        line for name, elements in _by_set(add) for line in add_elements(table, table.set(name), elements)
    ]
    return [*there, *gone, *come]


def _by_set(elements: Sequence[tuple[str, Element]]) -> list[tuple[str, list[Element]]]:
    """By the name of the set, each key once: the last one of it counts."""
    sets: dict[str, dict[object, Element]] = {}
    for name, element in elements:
        sets.setdefault(name, {})[element.key] = element
    return [(name, list(found.values())) for name, found in sets.items()]


def _in_lines(command: str, texts: Sequence[str]) -> list[str]:
    return [
        f"{command} {{ {', '.join(texts[start : start + ELEMENTS_PER_LINE])} }}"
        for start in range(0, len(texts), ELEMENTS_PER_LINE)
    ]


# --- the definition ------------------------------------------------------------------------------


def _body(table: Table, values: Inventory | None = None) -> Iterator[str]:
    if table.comment:
        yield f"    comment {text.comment(table.comment)}"
    for counter in table.counters:
        yield from _counter(counter, values)
    for helper in table.helpers:
        yield from _block(f"ct helper {helper.name}", _helper(helper))
    for item in table.sets:
        yield from _block(f"{_kind(item)} {item.name}", _set(item))
    for chain in table.chains:
        yield from _block(f"chain {chain.name}", _chain(chain))


def _block(head: str, lines: Iterable[str]) -> list[str]:
    return ["", f"    {head} {{", *(f"        {line}" for line in lines), "    }"]


def _counter(counter: Counter, values: Inventory | None) -> Iterator[str]:
    found = values.counters.get(counter.name) if values is not None else None
    lines = [f"comment {text.comment(counter.comment)}"] if counter.comment else []
    lines += [f"packets {found.packets} bytes {found.bytes}"] if found is not None else []
    yield from _block(f"counter {counter.name}", lines)


def _helper(helper: Helper) -> Iterator[str]:
    yield f"type {text.quote(helper.type)} protocol {helper.protocol}"
    yield f"l3proto {helper.l3proto}"
    if helper.comment:
        yield f"comment {text.comment(helper.comment)}"


def _set(item: Set) -> Iterator[str]:
    data = _data(item)
    yield f"type {' . '.join(item.type)}" + (f" : {' . '.join(data)}" if data else "")
    if item.flags:
        yield f"flags {', '.join(sorted(item.flags))}"
    if item.size is not None:
        yield f"size {item.size}"
    if item.timeout is not None:
        yield f"timeout {item.timeout}s"
    if item.comment:
        yield f"comment {text.comment(item.comment)}"
    if item.elements:
        yield f"elements = {{ {', '.join(text.element(e, item.type, data) for e in item.elements)} }}"


def _chain(chain: Chain) -> Iterator[str]:
    if chain.comment:
        yield f"comment {text.comment(chain.comment)}"
    if isinstance(chain, BaseChain):
        where = f"type {chain.type} hook {chain.hook} priority {text.priority(chain.priority, chain.hook)}"
        yield f"{where}; policy {chain.policy};"
    yield from (_rule(rule) for rule in chain.rules)


def _rule(rule: Rule) -> str:
    return f"{rule.expression} comment {text.comment(rule.comment)}"


def _kind(item: Set) -> str:
    return "map" if isinstance(item, Map) else "set"


def _data(item: Set) -> tuple[str, ...]:
    return item.data if isinstance(item, Map) else ()
