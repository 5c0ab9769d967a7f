"""What a process costs, and how figures are shown: shared by the benchmarks."""

import os
import statistics
from collections.abc import Sequence
from pathlib import Path


def cpu_ms(pid: int) -> float:
    """CPU time of all threads of a process so far, in milliseconds, without its children.

    From schedstat, which counts nanoseconds; where the kernel has none, from stat, which counts ticks of 10 ms.
    """
    try:
        stats = Path(f"/proc/{pid}/task").glob("*/schedstat")
        return sum(int(path.read_text().split()[0]) for path in stats) / 1e6
    except FileNotFoundError:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def memory_mib(pid: int) -> tuple[float, float]:
    """Resident and proportional memory of a process."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    sizes = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines[1:])}
    return sizes["Rss"] / 1024, sizes["Pss"] / 1024


def spread(values: Sequence[float], digits: int = 0) -> str:
    """Median, minimum and maximum in three columns."""
    return "".join(f"{of:9.{digits}f}" for of in (statistics.median(values), min(values), max(values)))


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of the rounds' ratios, which other work on the machine disturbs least."""
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
