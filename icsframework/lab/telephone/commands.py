"""Command lines of a modem taken apart (ITU-T V.250 section 5.2).  Pure."""

import re
from dataclasses import dataclass

__all__ = ["Command", "Registers", "split"]

BASIC = re.compile(r"(S\d+(?:=\d*|\?)|[&\\%][A-Z]\d*|[A-CE-Z]\d*)")
"""S-register, a command with a prefix, a plain one; D and + take the rest of the line."""

MAX_LINE = 200
"""Characters of a command line that are kept; a modem's own buffer is as short."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command: ``name`` as E, &F, S, D or +, ``number`` behind it, ``text`` for those that take more."""

    name: str
    number: int = 0
    text: str = ""


@dataclass(slots=True)
class Registers:
    """What commands set, as the factory has it."""

    echo: bool = True
    verbose: bool = True
    quiet: bool = False
    level: int = 4
    """ATX: which results are told apart."""
    dtr: int = 2
    """AT&D: 2 hangs up when DTR drops."""
    escape: int = ord("+")
    guard: float = 1.0
    """Seconds of silence around the escape sequence (S12)."""
    patience: int = 50
    """Seconds that the called end has to answer (S7)."""


def split(line: str) -> list[Command] | None:
    """The commands of a line without its AT; None if it has something that is no command."""
    text = line.strip()
    found: list[Command] = []
    while text:
        head = text[0].upper()
        if head == " ":
            text = text[1:]
        elif head == "D":
            return [*found, Command("D", text=re.sub(r"^[TtPp]?\s*", "", text[1:].strip()))]
        elif head == "+":
            return [*found, Command("+", text=text)]
        else:
            match = BASIC.match(text.upper())
            if match is None:
                return None
            found.append(_basic(match[0]))
            text = text[match.end() :]
    return found


def _basic(word: str) -> Command:
    if word[0] == "S" and len(word) > 1 and word[1].isdigit():
        register, _, value = word[1:].rstrip("?").partition("=")
        return Command("S?" if word.endswith("?") else "S", int(register), value)
    length = 2 if word[0] in "&\\%" else 1
    return Command(word[:length], int(word[length:] or 0))
