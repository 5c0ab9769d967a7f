"""What the file may already say, and this version does not do yet.

Such keys are checked like all others, accepted, and named in one warning.
Whoever builds the function removes its line from NOT_YET: nothing else knows.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from icsframework.config.problem import KeyPath
from icsframework.config.reading import Report
from icsframework.frozen import dataclass

__all__ = ["NOT_YET", "Idle", "warn_not_yet"]

ANY = "[]"
"""In a path: any entry of a list."""


@dataclass(frozen=True, slots=True)
class Idle:
    """A key without function.  ``works`` are the values that mean what happens anyway."""

    path: tuple[str, ...]
    works: tuple[Any, ...] = ()


def _idle(path: str, *works: Any) -> Idle:
    return Idle(tuple(path.split(".")), works)


NOT_YET: tuple[Idle, ...] = (
    _idle("gateway.resolver", "leave"),
    _idle("lans.[].users", "none"),
    _idle("lans.[].services.[].ipv6", False),
    _idle("uplinks.[].connect", "always", "demand", "manual"),
    _idle("uplinks.[].probe"),
    _idle("uplinks.[].weight", 1),
    _idle("uplinks.[].ipv6", False),
    _idle("uplinks.[].shaping"),
    _idle("control.web", False),
)


def warn_not_yet(report: Report, raw: Mapping[str, Any], table: Iterable[Idle] = NOT_YET) -> None:
    """One warning that names everything in the file that has no function yet; what is wrong anyway is not accepted."""
    wrong = {problem.path for problem in report.errors}
    found = [
        (path, idle)
        for idle in table
        for path in _uses(raw, idle.path, ())
        if path not in wrong and _matters(raw, path, idle)
    ]
    if not found:
        return
    found.sort(key=lambda item: report.document.place(item[0], of_key=True))
    names = dict.fromkeys(".".join(idle.path).replace(".[]", "[]") for _, idle in found)
    message = f"checked and accepted, but without function in this version: {', '.join(names)}"
    report.warn(found[0][0], message, of_key=True)


def _uses(here: Any, pattern: tuple[str, ...], path: KeyPath) -> Iterator[KeyPath]:
    """Where the pattern fits in the file."""
    if not pattern:
        yield path
    elif pattern[0] == ANY and isinstance(here, list):
        for index, item in enumerate(here):
            yield from _uses(item, pattern[1:], (*path, index))
    elif isinstance(here, Mapping) and pattern[0] in here:
        yield from _uses(here[pattern[0]], pattern[1:], (*path, pattern[0]))


def _matters(raw: Any, path: KeyPath, idle: Idle) -> bool:
    value = raw
    for part in path:
        value = value[part]
    return value not in ([], {}) and not any(
        type(value) is type(works) and value == works
        for works in idle.works  # 0 is not false
    )
