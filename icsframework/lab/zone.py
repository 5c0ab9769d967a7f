"""The names a provider of the lab answers for: a table, looked up as a resolver would.  Pure.

Records are written as in a zone file, type and data: `A 192.0.2.1`,
`CNAME www.example.net`, `MX 10 mail.example.net`, `SRV 0 0 5060 sip.example.net`,
`TXT any text`, `NS ...`, `PTR ...`; an address alone is an A or AAAA record.  A
name may begin with `*.` (RFC 1034 section 4.3.3).  Addresses get their reverse
names by themselves.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address

from icsframework.lab.errors import LabSpecError

__all__ = ["Answer", "Record", "Zone"]

FIELDS = {"A": 1, "AAAA": 1, "CNAME": 1, "NS": 1, "PTR": 1, "TXT": 1, "MX": 2, "SRV": 4}
"""Record type to the number of its data fields (the last takes the rest of the text)."""

MAX_CHAIN = 8
"""CNAMEs followed for one question; a loop ends here."""


@dataclass(frozen=True, slots=True)
class Record:
    """One resource record."""

    owner: str
    type: str
    data: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a lookup gave.

    ``exists`` tells NODATA from NXDOMAIN; where CNAMEs lead, it is about the last name (RFC 6604 section 2).
    """

    records: tuple[Record, ...]
    exists: bool
    apex: str
    """The name whose SOA goes into a negative answer: the last two labels of what was asked."""


class Zone:
    """A table of records."""

    def __init__(self, names: Mapping[str, tuple[str, ...]]) -> None:
        """``names``: owner to record texts.  Raises LabSpecError for one that cannot be read."""
        self._records: dict[str, list[Record]] = {}
        for name, texts in names.items():
            for text in texts:
                self._add(_record(_canonical(name), text))

    def _add(self, record: Record) -> None:
        self._records.setdefault(record.owner, []).append(record)
        if record.type in ("A", "AAAA") and not record.owner.startswith("*"):
            reverse = ip_address(record.data[0]).reverse_pointer
            self._records.setdefault(reverse, []).append(Record(reverse, "PTR", (record.owner,)))

    def lookup(self, name: str, type: str) -> Answer:
        """All records of ``type`` ("ANY": of every type) at ``name``, through CNAMEs (RFC 1034 section 4.3.2)."""
        owner = _canonical(name)
        apex = ".".join(owner.split(".")[-2:])
        found: list[Record] = []
        for _ in range(MAX_CHAIN):
            here = self._at(owner)
            if here is None:
                return Answer(tuple(found), self._has_below(owner), apex)
            matching = [record for record in here if type in (record.type, "ANY")]
            aliases = [record for record in here if record.type == "CNAME"]
            if matching or not aliases:
                return Answer((*found, *matching), True, apex)
            found.append(aliases[0])
            owner = _canonical(aliases[0].data[0])
        return Answer(tuple(found), True, apex)

    def _at(self, owner: str) -> list[Record] | None:
        if owner in self._records:
            return self._records[owner]
        for name, records in self._records.items():
            if name.startswith("*.") and owner.endswith(name[1:]):
                return [Record(owner, record.type, record.data) for record in records]
        return None

    def _has_below(self, owner: str) -> bool:
        """Whether names below ``owner`` exist: then it exists too, without records (RFC 8020)."""
        return any(name.endswith("." + owner) for name in self._records)


def _canonical(name: str) -> str:
    return name.rstrip(".").lower()


def _record(owner: str, text: str) -> Record:
    try:
        address = ip_address(text)
    except ValueError:
        pass
    else:
        return Record(owner, "A" if address.version == 4 else "AAAA", (str(address),))
    kind, _, rest = text.partition(" ")
    kind = kind.upper()
    if kind not in FIELDS:
        raise LabSpecError(
            f"{owner}: {text!r} is no record; known types: {', '.join(FIELDS)}, or an address alone"
        )
    data = tuple(rest.split(None, FIELDS[kind] - 1)) if kind != "TXT" else (rest,)
    if len(data) != FIELDS[kind] or not all(number.isdigit() for number in data[:-1]):
        raise LabSpecError(f"{owner}: {text!r}: {kind} takes {FIELDS[kind]} fields, numbers before the last")
    return Record(owner, kind, data)
