"""What keeps a link that redials or flaps all night from pushing everything else out of the history.  Pure.

A try that fails as an earlier one of the same row did (same uplink, cause and reason, never up in between) becomes that
one: ``times`` counts, ``last`` is the time of the last one, the steps are its.  So do wishes of one client that are
refused by the same key while nothing else happens.  And an uplink keeps its first and its newest entries of a day; what
lies between goes, and the next entry says how many (``skipped``).  Refusals are counted apart, so that they push no dial
out.

Records are those of the journal.  What was written is read in the same way again, so nothing in the journal needs to
be changed for it.
"""

from collections.abc import MutableSequence
from itertools import islice
from typing import Any

__all__ = ["PER_DAY", "REFUSED_PER_DAY", "ROW", "add"]

Record = dict[str, Any]

ROW = 6
"""Different failures of one row that are told apart: as many numbers as one dials in turn."""
REFUSED = "refused"
"""The event of a wish that was not granted."""
PER_DAY = 200
"""Entries of one uplink in a day (UTC): a tenth of what is kept.  Of more, the first and the newest half stay."""
REFUSED_PER_DAY = 50
"""Refused wishes of one uplink in a day, besides those: enough to find who goes on asking."""
LOOK_BACK = 400
"""Entries in which the row is looked for: what two others that flap write in a day.  Reading the journal stays fast."""
DAY = 86400.0


def add(records: MutableSequence[Record], new: Record) -> None:
    """Append ``new``, or make it one with the entry that it repeats; drop what is too much of its day."""
    refused = new["event"] == REFUSED
    first = _refused_before(records, new) if refused else _repeated(records, new)
    if first is None:
        records.append(new)
        _thin(records, new)
        return
    attempt = _newest(records, new["uplink"])
    if not refused and attempt is not None and records[attempt]["event"] == "connecting":
        del records[attempt]
    first["times"] = first.get("times", 1) + new.get("times", 1)
    first["last"] = new.get("last", new["time"])
    first["reason"], first["steps"] = new["reason"], new.get("steps", [])


def _repeated(records: MutableSequence[Record], new: Record) -> Record | None:
    if new["event"] != "failed" or not new.get("trusted", True):
        return None
    seen = 0
    for record in islice(reversed(records), LOOK_BACK):
        if record["uplink"] != new["uplink"] or record["event"] in ("connecting", REFUSED):
            continue
        if record["event"] != "failed" or not record.get("trusted", True) or seen == ROW:
            return None
        if all(record.get(key) == new.get(key) for key in ("reason", "cause")):
            return record
        seen += 1
    return None


def _refused_before(records: MutableSequence[Record], new: Record) -> Record | None:
    """The entry of an equal wish, if only refusals of this uplink came since."""
    if not new.get("trusted", True):
        return None
    for record in islice(reversed(records), LOOK_BACK):
        if record["uplink"] != new["uplink"]:
            continue
        if record["event"] != REFUSED or not record.get("trusted", True):
            return None
        if _wish(record) == _wish(new):
            return record
    return None


def _wish(record: Record) -> tuple[str, str]:
    """Who wanted it, and the key that decided; until when it decides so may be another time with each wish."""
    return (record.get("cause") or {}).get("client", ""), record["reason"].partition(": ")[0]


def _newest(records: MutableSequence[Record], uplink: str) -> int | None:
    last = len(records) - 1
    return next((last - back for back, one in enumerate(reversed(records)) if one["uplink"] == uplink), None)


def _thin(records: MutableSequence[Record], new: Record) -> None:
    same, most = _of_its_day(records, new), REFUSED_PER_DAY if new["event"] == REFUSED else PER_DAY
    if len(same) > most:
        surplus, after = same[most // 2 : most // 2 + 2]
        records[after]["skipped"] = 1 + records[surplus].get("skipped", 0)
        del records[surplus]


def _of_its_day(records: MutableSequence[Record], new: Record) -> list[int]:
    """Where the entries of that uplink, day and sort are; looks no further back, so that long histories cost nothing."""
    day, refused, found = new["time"] // DAY, new["event"] == REFUSED, []
    last = len(records) - 1
    for back, record in enumerate(reversed(records)):
        if record["time"] // DAY < day:
            break
        alike = record["uplink"] == new["uplink"] and (record["event"] == REFUSED) == refused
        if alike and record["time"] // DAY == day:
            found.append(last - back)
    return found[::-1]
