"""Writes the parts of the documentation that follow from the code; a test sees that they are up to date.

    .venv/bin/python tools/docs.py           prints them
    .venv/bin/python tools/docs.py --write   puts them between the marks of their pages

docs/architecture.md: the uplink policy as a diagram (mermaid), every state that `step` can reach by every event.
A node is a state as `ics status` shows it, but that "hanging up" is a node of its own.  Of a plugin's reports those
are tried that its contract allows (icsframework/interfaces.py, IUplink).

docs/operator.md: the catalogue of events.

docs/protocols/ppp.md: the automaton of PPP's control protocols, as a diagram and as a table.
"""

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from icsframework.events import KINDS
from icsframework.protocols.ppp.automaton import TABLE, Event, State
from icsframework.uplinks.occasions import (
    Asked,
    Commanded,
    ConnectMode,
    HungUp,
    PolicyEvent,
    Reported,
    Ruled,
    Started,
    TimeCame,
    UplinkPolicy,
)
from icsframework.uplinks.policy import step
from icsframework.uplinks.quiet import Quiet
from icsframework.uplinks.standing import hangs_up_at, shown
from icsframework.values import Absent, Cause, Connecting, Down, Failed, Link, Refused, Up

DOCS = Path(__file__).resolve().parents[1] / "docs"
BEGIN, END = "<!-- tools/docs.py: begin -->", "<!-- tools/docs.py: end -->"
LINK = Link("eth0", 2, None, "ethernet", "kernel", 1500, False, 0.0, None)
LATER = 1e9
"""Seconds; past every retry."""
GONE = "device is gone"


def events(policy: UplinkPolicy, started: bool) -> Iterator[tuple[str, PolicyEvent]]:
    """What may happen in this state, with the words for it."""
    if not started:
        yield "start", Started()
        return
    yield "ics connect", Commanded(Cause("command"))
    yield "ics connect --override", Commanded(Cause("command"), override=True)
    yield "ics disconnect", HungUp("disconnected")
    yield "ics disconnect --for", HungUp("disconnected", until=0.0)
    yield "traffic", Asked(Cause("demand.wake"))
    if policy.forbidden is None:
        yield "a limit or hour", Ruled(Refused("limits.time"))
    else:
        yield "the limit is over", Ruled(None)
    if policy.retry_at is not None or policy.barred is not None:
        yield "the wait is over", TimeCame()
    if hangs_up_at(policy) is not None:
        yield "quiet", TimeCame()
    if isinstance(policy.device, Absent):
        yield "device is there", Reported(Down())
        return
    yield GONE, Reported(Absent("gone"))
    if isinstance(policy.device, Connecting):
        yield "link is up", Reported(Up(LINK))
    if policy.leaving:
        yield "hung up", Reported(Down("disconnected"))
    elif isinstance(policy.device, Connecting | Up):
        yield "failed or lost", Reported(Failed("no answer"))


def canonical(policy: UplinkPolicy) -> UplinkPolicy:
    """The same policy without what only counts or explains, so that there are finitely many."""
    cause = Cause("any") if policy.wanted is not None else None
    retry = None if policy.retry_at is None else 0.0
    since = None if policy.since is None else 0.0
    reason = "told" if policy.reason else ""
    return replace(policy, wanted=cause, tries=0, retry_at=retry, since=since, active=0.0, reason=reason)


def node(policy: UplinkPolicy) -> str:
    """The name of a state in the diagram."""
    return "hanging up" if policy.leaving else shown(policy).name


def edges(mode: ConnectMode, quiet: Quiet) -> dict[tuple[str, str], list[str]]:
    """(from, to) -> what happened, in the order they are found."""
    found: dict[tuple[str, str], list[str]] = {}
    waiting = [(UplinkPolicy(mode, quiet), False)]
    seen = set(waiting)
    for policy, started in waiting:  # grows while it is read
        for words, event in events(policy, started):
            after, _ = step(policy, event, LATER if isinstance(event, TimeCame) else 0.0, lambda: 0.5)
            here, there = node(policy) if started else "[*]", node(after)
            if here != there and words not in found.setdefault((here, there), []):
                found[here, there].append(words)
            following = (canonical(after), True)
            if following not in seen:
                seen.add(following)
                waiting.append(following)
    return {way: words for way, words in found.items() if words}


def diagram(ways: dict[tuple[str, str], list[str]]) -> str:
    """A fenced mermaid block: one box for all states with a device, since all of them may lose it."""
    inside = {way: words for way, words in ways.items() if not {"[*]", "absent"} & set(way)}
    return "\n".join(
        [
            "```mermaid",
            "stateDiagram-v2",
            "    [*] --> absent: start",
            '    state "the device is there" as there {',
            *(f"        {line}" for line in _lines(inside)),
            "    }",
            *(f"    {line}" for line in _lines({w: words for w, words in ways.items() if w[0] == "absent"})),
            f"    there --> absent: {GONE}",
            "```",
        ]
    )


def _lines(ways: dict[tuple[str, str], list[str]]) -> list[str]:
    return [
        f"{here.replace(' ', '_')} --> {there.replace(' ', '_')}: {', '.join(_short(here, words))}"
        for (here, there), words in ways.items()
    ]


def _short(here: str, words: list[str]) -> list[str]:
    """A command says for its options what they do not change; where something is refused they make the difference."""
    return [
        word
        for word in words
        if here == "refused" or " --" not in word or word.partition(" --")[0] not in words
    ]


def policy() -> str:
    """A diagram for each mode that differs."""
    shapes: tuple[tuple[ConnectMode, Quiet], ...] = (
        ("always", Quiet()),
        ("demand", Quiet(300.0)),
        ("manual", Quiet()),
    )
    return "\n\n".join(f"`connect: {mode}`\n\n{diagram(edges(mode, quiet))}" for mode, quiet in shapes)


def catalogue() -> str:
    """The events as a table."""
    rows = [
        f"| `{kind.id}` | {kind.level} | {kind.text.replace('|', '/')} | {'yes' if kind.history else ''} |"
        for kind in KINDS.values()
    ]
    return "\n".join(["| Event | Level | Text | `ics history` |", "|---|---|---|---|", *rows])


def automaton() -> str:
    """The automaton of RFC 1661: who leads where, then everything."""
    ways: dict[tuple[str, str], list[str]] = {}
    for (state, event), cell in TABLE.items():
        if cell is not None and cell[1] is not state:
            ways.setdefault((state.name, cell[1].name), []).append(event.value)
    lines = [f"    {here} --> {there}: {', '.join(events)}" for (here, there), events in ways.items()]
    picture = "\n".join(["```mermaid", "stateDiagram-v2", "    [*] --> INITIAL", *lines, "```"])
    rows = [f"| {event.value} | {' | '.join(_cell(state, event) for state in State)} |" for event in Event]
    head = f"| | {' | '.join(f'{state.value} {state.name}' for state in State)} |"
    return "\n".join([picture, "", head, "|---" * (len(State) + 1) + "|", *rows])


def _cell(state: State, event: Event) -> str:
    cell = TABLE[state, event]
    if cell is None:
        return "-"
    actions, after = cell
    return " ".join([*(action.value for action in actions), str(after.value)])


PAGES = {
    DOCS / "architecture.md": policy,
    DOCS / "operator.md": catalogue,
    DOCS / "protocols/ppp.md": automaton,
}


def insert(page: str, block: str) -> str:
    """The page with the block brought up to date.  Raises ValueError if its marks are gone."""
    head, _, rest = page.partition(BEGIN)
    _, mark, tail = rest.partition(END)
    if not mark:
        raise ValueError(f"the page lacks {BEGIN} and {END}")
    return f"{head}{BEGIN}\n\n{block}\n\n{END}{tail}"


def main(words: list[str]) -> int:
    """Print or write."""
    for page, block in PAGES.items():
        if words == ["--write"]:
            page.write_text(insert(page.read_text(encoding="utf-8"), block()), encoding="utf-8")
        else:
            print(block())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
