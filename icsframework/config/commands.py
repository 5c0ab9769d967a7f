"""The bodies of ``ics check`` and ``ics schema``.  They touch nothing but the file named and the streams given."""

import json
import os
from collections.abc import Callable, Sequence
from typing import TextIO

from icsframework.config.configuration import Configuration
from icsframework.config.loader import LoadResult, load
from icsframework.config.plugins import Plugins

__all__ = ["Look", "check", "print_problems", "schema"]

DONE = 0
BAD_CONFIGURATION = 2


Look = Callable[[Configuration], tuple[Sequence[str], Sequence[str]]]
"""What a correct file means on this machine: errors, and notes that are none."""


def check(
    path: str | os.PathLike[str], plugins: Plugins, out: TextIO, err: TextIO, look: Look | None = None
) -> int:
    """Print everything that is wrong with a file, a line each, and a summary.  Returns 0, or 2 if there are errors.

    ``look`` is asked about a file without errors; what it says has no line.
    """
    result = load(path, plugins)
    print_problems(result, err)
    errors, notes = look(result.config) if look is not None and result.config is not None else ((), ())
    err.writelines(f"{line}\n" for line in (*errors, *(f"note: {note}" for note in notes)))
    counts = (len(result.errors) + len(errors), len(result.warnings))
    out.write(f"{os.fspath(path)}: {_summary(*counts)}\n")
    return BAD_CONFIGURATION if counts[0] else DONE


def print_problems(result: LoadResult, err: TextIO) -> None:
    """Errors, warnings and notes in the order of the file; what is not an error says so."""
    lines = [(problem.place, f"{problem}") for problem in result.errors]
    lines += [(problem.place, f"warning: {problem}") for problem in result.warnings]
    lines += [(problem.place, f"note: {problem}") for problem in result.notes]
    err.writelines(f"{line}\n" for _, line in sorted(lines, key=lambda item: item[0]))


def schema(plugins: Plugins, out: TextIO) -> int:
    """Print the JSON schema of the file with the installed plugins."""
    from icsframework.config.schema import json_schema

    json.dump(json_schema(plugins), out, indent=2, ensure_ascii=False)
    out.write("\n")
    return DONE


def _summary(errors: int, warnings: int) -> str:
    counts = [
        f"{count} {word}{'' if count == 1 else 's'}"
        for count, word in ((errors, "error"), (warnings, "warning"))
        if count
    ]
    return ", ".join(counts) or "correct"
