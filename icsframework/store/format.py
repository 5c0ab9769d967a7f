"""The journal file format.  Pure: bytes in, values out.

Theory of operation
-------------------
A journal is a text file that a person can read with ``less``.  Its first line is the header, each further
line one record::

    {"ics-journal":"leases","format":2,"writer":"ics 0.1.0","framing":1,"first":41,"crc":"5d1bb2f3"}
    9f0c1a77 57 41 {"address":"192.168.0.10","mac":"02:00:5e:00:53:01"}

``format`` is the version of the records and belongs to the journal's owner; ``framing`` is the version of
this module.  A record line is CRC-32, length, sequence number and JSON object; the CRC and the length cover
``number json``.  The JSON is ASCII without a raw newline, so a newline always ends a record, and a name that
a hostile client chose can never look like one.

Sequence numbers go up by one within a file and start at the header's ``first``.  A file that replaces
another (compaction, upgrade, repair) leaves one number out, so whoever follows the numbers sees a jump and
knows: forget what was before, what begins here is whole.

Damage.  Whatever happened to a file, `scan` returns every record that stands before the damage.  Records
*after* it are read too: each carries its own CRC and number, and losing leases that clients hold because an
older line lost a bit would be the greater harm.  Reading resumes only where a line begins.  Numbers that
are missing are counted; records that repeat or go back in number are not believed.  What was skipped is
reported as `Damage`; only an incomplete last line is ordinary (the process ended while writing it, and
nobody was told that it was safe).
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from zlib import crc32

from icsframework.errors import StoreError
from icsframework.frozen import dataclass

FRAMING = 1
"""The version of the line format written here."""

MAX_RECORD = 1 << 20
"""Bytes of JSON in one record: far above any lease or history entry, far below what would stall a start."""

_encoder = json.JSONEncoder(separators=(",", ":"), allow_nan=False)
_FRAME = re.compile(rb"([0-9a-f]{8}) ([1-9][0-9]{0,6}) ")
_BODY = re.compile(rb"([1-9][0-9]{0,18}) (\{.*\})", re.DOTALL)
_HEADER = re.compile(rb'\{[^\n]*?,"crc":"[0-9a-f]{8}"\}')
_HEADER_CRC = re.compile(rb',"crc":"([0-9a-f]{8})"\}\Z')


@dataclass(frozen=True, slots=True)
class Header:
    """The first line of a journal.  ``intact`` is false if its CRC is absent or wrong: then it is only a hint."""

    name: str
    version: int
    writer: str
    first: int = 1
    framing: int = FRAMING
    intact: bool = True


@dataclass(frozen=True, slots=True)
class Entry:
    """A record as it stands in the file: its number and its JSON."""

    seq: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Damage:
    """``length`` bytes from ``offset`` on that are no journal, and how many record numbers are missing there."""

    offset: int
    length: int
    missing: int = 0


@dataclass(frozen=True, slots=True)
class Scan:
    """What a journal file holds.

    ``good_length`` counts the bytes before the first damage.  ``torn`` says that the only damage is an
    incomplete last line, so that cutting the file to ``good_length`` loses nothing that was acknowledged.
    """

    header: Header | None
    entries: tuple[Entry, ...]
    good_length: int
    damage: tuple[Damage, ...] = ()
    torn: bool = False

    @property
    def last(self) -> int:
        """The number of the newest record; one less than the first to come if there is none."""
        if self.entries:
            return self.entries[-1].seq
        return self.header.first - 1 if self.header else 0


def encode(record: Mapping[str, Any]) -> bytes:
    """The record as compact ASCII JSON.

    Raises StoreError if it is no JSON-able dictionary or longer than `MAX_RECORD`.
    """
    try:
        payload = _encoder.encode(dict(record)).encode("ascii")
    except (TypeError, ValueError, RecursionError) as error:
        raise StoreError(f"A record cannot be written as JSON ({error}); store plain JSON values.") from error
    if len(payload) > MAX_RECORD:
        raise StoreError(f"A record of {len(payload)} bytes is too long; the limit is {MAX_RECORD}.")
    return payload


def decode(payload: bytes) -> dict[str, Any]:
    """The record that `encode` wrote; a new dictionary each time."""
    record: dict[str, Any] = json.loads(payload)
    return record


def header_line(header: Header) -> bytes:
    """The first line of a file, with its newline."""
    fields = {
        "ics-journal": header.name,
        "format": header.version,
        "writer": header.writer,
        "framing": header.framing,
        "first": header.first,
    }
    text = _encoder.encode(fields).encode("ascii")
    return b'%b,"crc":"%08x"}\n' % (text[:-1], crc32(text))


def frame(seq: int, payload: bytes) -> bytes:
    """One record line, with its newline."""
    body = b"%d %b" % (seq, payload)
    return b"%08x %d %b\n" % (crc32(body), len(body), body)


def frames(first: int, payloads: Iterable[bytes]) -> bytes:
    """The lines of consecutive records, the first numbered ``first``."""
    return b"".join([frame(seq, payload) for seq, payload in enumerate(payloads, first)])


def scan(data: bytes) -> Scan:
    """Read a whole journal file; never raises, whatever the bytes are."""
    return _Scanner(data).run()


def parse_header(line: bytes) -> Header | None:
    """The header in ``line`` (without newline); None if it is not one."""
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(fields, dict):
        return None
    name, writer = fields.get("ics-journal"), fields.get("writer", "")
    version, framing, first = fields.get("format", 0), fields.get("framing", FRAMING), fields.get("first", 1)
    if not (isinstance(name, str) and isinstance(writer, str)):
        return None
    if not all(type(number) is int and number >= 1 for number in (version, framing, first)):
        return None
    return Header(name, version, writer, first, framing, _header_is_intact(line))


def _header_is_intact(line: bytes) -> bool:
    found = _HEADER_CRC.search(line)
    return found is not None and int(found[1], 16) == crc32(line[: found.start()] + b"}")


def _is_object(payload: bytes) -> bool:
    try:
        return isinstance(json.loads(payload), dict)
    except (ValueError, RecursionError):
        return False


class _Scanner:
    """One pass over the bytes: ``_position`` only grows."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0
        self._header: Header | None = None
        self._entries: list[Entry] = []
        self._damage: list[Damage] = []
        self._expected: int | None = None

    def run(self) -> Scan:
        self._read_header()
        if self._header is not None and self._header.intact and self._header.framing > FRAMING:
            # Written by rules unknown here: reading on would report damage where there is none.
            return Scan(self._header, (), self._position)
        while self._position < len(self._data):
            if not self._read_entry():
                self._skip_line()
        good_length = self._damage[0].offset if self._damage else len(self._data)
        return Scan(self._header, tuple(self._entries), good_length, tuple(self._damage), self._is_torn())

    def _read_header(self) -> None:
        found = _HEADER.match(self._data)
        end = found.end() if found else self._data.find(b"\n")
        self._header = parse_header(self._data[:end]) if end >= 0 else None
        if self._header is None or not self._header.intact:
            self._skip_line()
            return
        self._expected = self._header.first
        self._end_line(end)

    def _read_entry(self) -> bool:
        """Take the record at the position; False if there is none, and then nothing has moved."""
        found = _FRAME.match(self._data, self._position)
        if found is None:
            return False
        end = found.end() + int(found[2])
        body = self._data[found.end() : end]
        parts = _BODY.fullmatch(body)
        if parts is None or crc32(body) != int(found[1], 16) or not _is_object(parts[2]):
            return False
        if self._expected is not None and int(parts[1]) < self._expected:
            return False
        self._take(Entry(int(parts[1]), parts[2]), end)
        return True

    def _take(self, entry: Entry, end: int) -> None:
        if self._expected is not None and entry.seq > self._expected:
            self._report(0, entry.seq - self._expected)
        self._entries.append(entry)
        self._expected = entry.seq + 1
        self._end_line(end)

    def _end_line(self, end: int) -> None:
        """Pass the newline at ``end`` of a line that its CRC has proved.

        If it is wrong, most likely only that byte is: reading goes on behind it, and if no record begins
        there, at the next newline.
        """
        self._position = end
        if self._data[end : end + 1] == b"\n":
            self._position += 1
        else:
            self._report(min(1, len(self._data) - end))

    def _skip_line(self) -> None:
        newline = self._data.find(b"\n", self._position)
        end = len(self._data) if newline < 0 else newline + 1
        self._report(end - self._position)

    def _report(self, length: int, missing: int = 0) -> None:
        """Note ``length`` damaged bytes at the position, joined to the damage just before them, and pass them."""
        offset = self._position
        if self._damage and self._damage[-1].offset + self._damage[-1].length == offset:
            before = self._damage.pop()
            offset, missing = before.offset, before.missing + missing
        self._position += length
        self._damage.append(Damage(offset, self._position - offset, missing))

    def _is_torn(self) -> bool:
        if self._header is None or not self._header.intact or len(self._damage) != 1:
            return False
        damage = self._damage[0]
        tail = self._data[damage.offset :]
        return len(tail) == damage.length > 0 and b"\n" not in tail and self._data[damage.offset - 1] == 0x0A
