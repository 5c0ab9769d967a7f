"""One mapping of the file through one pydantic model, so that an error hides as few others as possible.

``read_section`` reports everything that a model objects to and then reads the
rest: the keys with errors are taken out and the model is asked again, so that
checks over several keys can still look at what is sound.  A Part remembers which
of its keys are not.
"""

from collections.abc import Collection, Mapping
from dataclasses import field
from itertools import islice
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from icsframework.config.marked import Document
from icsframework.config.messages import explain, fields_at, nearest, unknown_key
from icsframework.config.problem import KeyPath, Place, Problem
from icsframework.frozen import dataclass
from icsframework.quantities import shown

__all__ = ["Part", "Report", "read_section"]

M = TypeVar("M", bound=BaseModel)

MAX_PROBLEMS = 200
"""Problems of each kind that are reported: nobody reads more, and a hostile file must not fill the terminal."""
MAX_MESSAGE = 500
"""Characters of a message or an advice."""


def one_line(text: str) -> str:
    """A message as it may be printed: plugins write some of them, and quote what they like."""
    line = " ".join(text.split())
    return "".join(c if c.isprintable() else "?" for c in line[:MAX_MESSAGE])


class Report:
    """Collects what is found, and knows where it stands in the file."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.errors: list[Problem] = []
        self.warnings: list[Problem] = []
        self.notes: list[Problem] = []

    def error(self, path: KeyPath, message: str, advice: str = "", *, of_key: bool = False) -> None:
        """Something that refuses the file."""
        self.errors.append(self._problem(path, message, advice, of_key))

    def warn(self, path: KeyPath, message: str, advice: str = "", *, of_key: bool = False) -> None:
        """Something that the operator should change or know."""
        self.warnings.append(self._problem(path, message, advice, of_key))

    def note(self, path: KeyPath, message: str, advice: str = "", *, of_key: bool = False) -> None:
        """Something that is good to know."""
        self.notes.append(self._problem(path, message, advice, of_key))

    def _problem(self, path: KeyPath, message: str, advice: str, of_key: bool) -> Problem:
        place = self.document.place(path, of_key=of_key) if path else Place()
        file = self.document.source.file
        return Problem(file, place.line, place.column, path, one_line(message), one_line(advice))

    @staticmethod
    def in_order(problems: Collection[Problem]) -> tuple[Problem, ...]:
        """In the order of the file, each once."""
        unique = sorted(dict.fromkeys(problems), key=lambda problem: problem.place)
        return tuple(unique[:MAX_PROBLEMS])


@dataclass(frozen=True, slots=True)
class Part(Generic[M]):
    """A section that was read.

    ``value`` is None where nothing sensible could be read; ``unsound`` are the
    keys whose values in it are only defaults, because the file's had errors.
    """

    path: KeyPath
    value: M | None
    unsound: frozenset[str] = field(default_factory=frozenset)

    def sound(self, *keys: str) -> M | None:
        """The section, if these keys of it can be relied on (without keys: if all can)."""
        if self.value is None or (self.unsound if not keys else not self.unsound.isdisjoint(keys)):
            return None
        return self.value


def read_section(
    report: Report, model: type[M], raw: object, path: KeyPath, also_known: Collection[str] = ()
) -> Part[M]:
    """Read one mapping; ``also_known`` are keys of the same mapping that are read elsewhere (for suggestions)."""
    if not isinstance(raw, Mapping):
        report.error(
            path, f"{shown(raw)} is not a mapping", "write key: value lines below it, or {key: value}"
        )
        return Part(path, None)
    unsound: set[str] = set()
    rest = dict(raw)
    # The first pass reports; later ones only find out what is left. Each takes out a key, or gives up.
    for attempt in range(len(rest) + 1):
        try:
            return Part(path, model.model_validate(rest), frozenset(unsound))
        except ValidationError as error:
            details = error.errors(include_url=False)
            if attempt == 0:
                unsound |= _report_all(report, model, details, raw, path, also_known)
            bad = {str(detail["loc"][0]) for detail in details if detail["loc"]} & rest.keys()
        if not bad:
            break
        unsound |= bad
        rest = {key: value for key, value in rest.items() if key not in bad}
    return Part(path, None, frozenset(unsound))


def _report_all(
    report: Report,
    model: type[BaseModel],
    details: Collection[Any],
    raw: Mapping[str, Any],
    path: KeyPath,
    also_known: Collection[str],
) -> set[str]:
    """Report every error; returns the keys that were probably meant by unknown ones."""
    meant = set()
    wrong = {tuple(detail["loc"][:-1]) for detail in details}
    for detail in islice(details, MAX_PROBLEMS):
        if detail["type"] == "too_short" and tuple(detail["loc"]) in wrong:
            continue  # only because entries that are wrong were not counted
        inner, in_key = real_path(detail["loc"], raw, missing=detail["type"] == "missing")
        if detail["type"] == "extra_forbidden" and inner:
            key = str(inner[-1])
            known = fields_at(model, inner[:-1]) | (set(also_known) if len(inner) == 1 else set())
            report.error((*path, *inner), *unknown_key(key, known), of_key=True)
            meant |= {nearest(key, known) or key} if len(inner) == 1 else set()
        else:
            report.error((*path, *inner), *explain(detail), of_key=in_key or detail["type"] == "missing")
    return meant


def real_path(location: Collection[str | int], raw: object, *, missing: bool) -> tuple[KeyPath, bool]:
    """pydantic's location without the names of its own steps (``[key]``, ``function-before``, union members).

    Returns the path that exists in the file, with one more key if that key is
    missing, and whether the key and not the value is meant.
    """
    path: list[str | int] = []
    here: Any = raw
    parts = list(location)
    for position, part in enumerate(parts):
        inside_mapping = isinstance(here, Mapping) and part in here
        inside_list = isinstance(here, list | tuple) and isinstance(part, int) and 0 <= part < len(here)
        if inside_mapping or inside_list:
            path.append(part)
            here = here[part]
        elif missing and position == len(parts) - 1:
            path.append(part)
    return tuple(path), bool(parts) and parts[-1] == "[key]"
