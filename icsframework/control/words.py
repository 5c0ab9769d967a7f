"""Tables, amounts and times as a person reads them on a terminal.  Pure; standard library only.

A time is shown by the clock that the person reads: that of the time zone which ``now`` is given in.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from textwrap import wrap

__all__ = [
    "LOCAL",
    "WIDTH",
    "Row",
    "ago",
    "clock",
    "explained",
    "paint",
    "seconds",
    "size",
    "span",
    "stamp",
    "table",
    "until",
    "until_clock",
    "width_of",
]

Row = Sequence[str]

WIDTH = 80
"""Columns of the narrowest terminal that the status is made for."""
PAINT = 9
"""Characters that ``paint`` adds and nobody sees."""
NEAR = 600.0
"""Seconds from now within which a time is shown with its seconds."""
INDENT = "    "

_STATE_COLOURS = {
    "up": "32",
    "ready": "32",
    "connecting": "33",
    "cooling": "33",
    "failed": "31",
    "refused": "31",
    "absent": "31",
    "missing": "31",
    "misconfigured": "31",
    "unsupported": "33",
}

# --- tables


def table(head: Row, rows: Sequence[Row]) -> list[str]:
    """Lines of a table with columns as wide as their widest cell; colour codes do not count."""
    every = [head, *rows]
    widths = [max(width_of(row[column]) for row in every) for column in range(len(head))]
    return [
        "  ".join(
            cell + " " * (width - width_of(cell)) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in every
    ]


def explained(lines: Sequence[str], words: Sequence[Sequence[str]]) -> list[str]:
    """A table with sentences about each line: a single one behind it where it fits, else below it, each on its own."""
    widths = [len(line) - PAINT * (line.count("\x1b") // 2) for line in lines]
    found = []
    for line, width, sentences in zip(lines, widths, words, strict=True):
        told = [sentence for sentence in sentences if sentence]
        behind = max(widths) + 2 + len(told[0]) if len(told) == 1 else WIDTH + 1
        if behind <= WIDTH:
            found.append(line + " " * (max(widths) - width + 2) + told[0])
        else:
            found.append(line)
            for sentence in told:
                found += wrap(sentence, WIDTH, initial_indent=INDENT, subsequent_indent=INDENT)
    return found


def width_of(cell: str) -> int:
    """Columns that a cell takes on the terminal."""
    return len(cell) - (PAINT if cell.startswith("\x1b[") else 0)


def paint(state: str, colour: bool) -> str:
    """A state in its colour, if wanted: five characters before it and four after."""
    code = _STATE_COLOURS.get(state)
    return f"\x1b[{code}m{state}\x1b[0m" if colour and code else state


# --- amounts


def size(count: int) -> str:
    """Bytes in a unit that keeps the number short."""
    value, units = float(count), iter(("B", "kB", "MB", "GB", "TB"))
    unit = next(units)
    while value >= 1000 and unit != "TB":
        value, unit = value / 1000, next(units)
    return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"


def span(count: float) -> str:
    """A duration in its two largest units."""
    rest = int(abs(count))
    parts: list[str] = []
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        amount, rest = divmod(rest, length)
        if amount or (unit == "s" and not parts):
            parts.append(f"{amount}{unit}")
    return " ".join(parts[:2])


# --- times


class _Local(tzinfo):
    """The time zone of this machine with its summer times, each time with the offset that it has (or will have) then."""

    def utcoffset(self, moment: datetime | None) -> timedelta | None:
        return None if moment is None else moment.replace(tzinfo=None).astimezone().utcoffset()

    def dst(self, moment: datetime | None) -> timedelta | None:
        return None

    def tzname(self, moment: datetime | None) -> str:
        return "local"

    def fromutc(self, moment: datetime) -> datetime:
        here = datetime.fromtimestamp(moment.replace(tzinfo=UTC).timestamp())  # noqa: DTZ006 - with its fold
        return here.replace(tzinfo=self)


LOCAL = _Local()
"""For ``datetime.now``."""


def seconds(text: str, now: datetime) -> float:
    """Seconds from now to an ISO 8601 time (negative for the past)."""
    return (datetime.fromisoformat(text) - now).total_seconds()


def ago(text: str, now: datetime) -> str:
    """How long since a time."""
    return span(seconds(text, now))


def until(text: str, now: datetime) -> str:
    """How long until a time."""
    left = seconds(text, now)
    return "now" if left <= 0 else f"in {span(left)}"


def clock(text: str, now: datetime) -> str:
    """A time as the clock on the wall will show it: ``23:10``, ``tomorrow 06:00``, ``Tue 1 Dec 00:00``."""
    moment = datetime.fromisoformat(text).astimezone(now.tzinfo)
    hour = f"{moment:%H:%M:%S}" if abs(seconds(text, now)) < NEAR else f"{moment:%H:%M}"
    if moment.date() == now.date():
        return hour
    if moment.date() == now.date() + timedelta(days=1):
        return f"tomorrow {hour}"
    year = "" if moment.year == now.year else f" {moment.year}"
    return f"{moment:%a} {moment.day} {moment:%b}{year} {hour}"


def until_clock(text: str, now: datetime) -> str:
    """Both: ``23:10 (in 4h 2m)``."""
    return f"{clock(text, now)} ({until(text, now)})"


def stamp(text: str, now: datetime) -> str:
    """A time of the past with its date, for lists."""
    return f"{datetime.fromisoformat(text).astimezone(now.tzinfo):%Y-%m-%d %H:%M:%S}"
