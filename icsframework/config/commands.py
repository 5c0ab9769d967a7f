"""The bodies of ``ics check`` and ``ics schema``.  They touch nothing but the file named and the streams given."""

import json
import os
from typing import TextIO

from icsframework.config.loader import LoadResult, load
from icsframework.config.plugins import Plugins

__all__ = ["check", "print_problems", "schema"]

DONE = 0
BAD_CONFIGURATION = 2


def check(path: str | os.PathLike[str], plugins: Plugins, out: TextIO, err: TextIO) -> int:
    """Print everything that is wrong with a file, a line each, and a summary.  Returns 0, or 2 if there are errors."""
    result = load(path, plugins)
    print_problems(result, err)
    out.write(f"{os.fspath(path)}: {_summary(result)}\n")
    return BAD_CONFIGURATION if result.errors else DONE


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


def _summary(result: LoadResult) -> str:
    counts = [
        f"{len(problems)} {word}{'' if len(problems) == 1 else 's'}"
        for problems, word in ((result.errors, "error"), (result.warnings, "warning"))
        if problems
    ]
    return ", ".join(counts) or "correct"
