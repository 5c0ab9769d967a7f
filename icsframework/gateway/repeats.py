"""What keeps a link that redials or flaps all night from pushing everything else out of the history.  Pure.

A try that fails as an earlier one of the same row did (same uplink, cause and reason, never up in between) becomes that
one: ``times`` counts, ``last`` is the time of the last one, the steps are its.  And an uplink keeps its first and its
newest entries of a day; what lies between goes, and the next entry says how many (``skipped``).

Records are those of the journal.  What was written is read in the same way again, so nothing in the journal needs to
be changed for it.
"""

from collections.abc import MutableSequence
from itertools import islice
from typing import Any

__all__ = ["PER_DAY", "ROW", "add"]

Record = dict[str, Any]

ROW = 6
"""Different failures of one row that are told apart: as many numbers as one dials in turn."""
PER_DAY = 200
"""Entries of one uplink in a day (UTC): a tenth of what is kept.  Of more, the first and the newest half stay."""
LOOK_BACK = 400
"""Entries in which the row is looked for: what two others that flap write in a day.  Reading the journal stays fast."""
DAY = 86400.0


def add(records: MutableSequence[Record], new: Record) -> None:
    """Append ``new``, or make it one with the entry that it repeats; drop what is too much of its day."""
    first = _repeated(records, new)
    if first is None:
        records.append(new)
        _thin(records, new)
        return
    attempt = _newest(records, new["uplink"])
    if attempt is not None and records[attempt]["event"] == "connecting":
        del records[attempt]
    first["times"] = first.get("times", 1) + new.get("times", 1)
    first["last"] = new.get("last", new["time"])
    first["steps"] = new.get("steps", [])


def _repeated(records: MutableSequence[Record], new: Record) -> Record | None:
    if new["event"] != "failed" or not new.get("trusted", True):
        return None
    seen = 0
    for record in islice(reversed(records), LOOK_BACK):
        if record["uplink"] != new["uplink"] or record["event"] == "connecting":
            continue
        if record["event"] != "failed" or not record.get("trusted", True) or seen == ROW:
            return None
        if all(record.get(key) == new.get(key) for key in ("reason", "cause")):
            return record
        seen += 1
    return None


def _newest(records: MutableSequence[Record], uplink: str) -> int | None:
    last = len(records) - 1
    return next((last - back for back, one in enumerate(reversed(records)) if one["uplink"] == uplink), None)


def _thin(records: MutableSequence[Record], new: Record) -> None:
    same = _of_its_day(records, new)
    if len(same) > PER_DAY:
        surplus, after = same[PER_DAY // 2 : PER_DAY // 2 + 2]
        records[after]["skipped"] = 1 + records[surplus].get("skipped", 0)
        del records[surplus]


def _of_its_day(records: MutableSequence[Record], new: Record) -> list[int]:
    """Where the entries of that uplink and day are; looks no further back, so that long histories cost nothing."""
    day, found = new["time"] // DAY, []
    last = len(records) - 1
    for back, record in enumerate(reversed(records)):
        if record["time"] // DAY < day:
            break
        if record["uplink"] == new["uplink"] and record["time"] // DAY == day:
            found.append(last - back)
    return found[::-1]
