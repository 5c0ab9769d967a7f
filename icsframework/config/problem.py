"""Something wrong with the configuration file: where, what, and what to do about it."""

import re

from icsframework.frozen import dataclass

__all__ = ["KeyPath", "Place", "Problem", "show_path"]

KeyPath = tuple[str | int, ...]
"""Keys and list positions from the top of the file to a value."""

_PLAIN_KEY = re.compile(r"[\w.-]{1,40}")


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A position in the file; both count from 1.  Line 0 means the file as a whole."""

    line: int = 0
    column: int = 0


@dataclass(frozen=True, slots=True)
class Problem:
    """One error, warning or note.

    ``file`` is the name the operator gave; ``line`` and ``column`` count from 1,
    0 for the file as a whole.  ``message`` says what is wrong, ``advice`` what to
    do next; both are sentences without a full stop and of one line.
    """

    file: str
    line: int
    column: int
    path: KeyPath
    message: str
    advice: str = ""

    @property
    def place(self) -> Place:
        """Line and column, to sort by."""
        return Place(self.line, self.column)

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        path = f"{show_path(self.path)}: " if self.path else ""
        return f"{where}: {path}{self.message}" + (f"; {self.advice}" if self.advice else "")


def show_path(path: KeyPath) -> str:
    """``lans[0].services[1].range``; a key that is not a plain word is quoted."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            key = part if _PLAIN_KEY.fullmatch(part) else repr(part[:40])
            text += f".{key}" if text else key
    return text
