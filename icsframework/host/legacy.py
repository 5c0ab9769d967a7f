"""The packet filter of iptables-legacy, which nft does not see.

Only read where such tables exist in this network namespace: asking for a table
that is not there would make the kernel create it.
"""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from icsframework.dataplane.filters import Filters
from icsframework.dataplane.filters_iptables import parse

__all__ = ["read_legacy"]

TABLES = Path("/proc/thread-self/net/ip_tables_names")
"""The legacy tables of this network namespace, one a line."""

PATIENCE = 5.0
"""Seconds that the program may take."""

DIRECTORIES = "/usr/sbin:/sbin:/usr/local/sbin"


def find_program() -> str | None:
    """Path of iptables-legacy, or None."""
    return shutil.which("iptables-legacy", path=f"{os.environ.get('PATH', os.defpath)}:{DIRECTORIES}")


def read_legacy(tables: Path = TABLES, find: Callable[[], str | None] = find_program) -> Filters:
    """The legacy filter table; empty if there is none, or nobody to ask.  Blocks: for the worker thread."""
    try:
        names = tables.read_text().split()
    except OSError:
        return Filters()  # the kernel has no legacy tables at all, or we may not know
    program = find() if "filter" in names else None
    if program is None:
        return Filters()
    # The lock file belongs to root; reading needs none.
    environment = {**os.environ, "XTABLES_LOCKFILE": os.devnull, "LC_ALL": "C.UTF-8"}
    try:
        done = subprocess.run(
            [program, "-S"], capture_output=True, text=True, timeout=PATIENCE, check=True, env=environment
        )
    except (OSError, subprocess.SubprocessError):
        return Filters()  # a warning less, nothing worse; the next look tries again
    return parse(done.stdout)
