"""The journal file format: exact bytes, and what survives every kind of damage."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from icsframework.errors import StoreError
from icsframework.store.format import (
    MAX_RECORD,
    Damage,
    Entry,
    Header,
    decode,
    encode,
    frame,
    frames,
    header_line,
    parse_header,
    scan,
)

HEADER = Header("leases", 3, "ics 0.1.0", first=41)
PAYLOADS = [
    encode({"address": f"192.168.0.{n}", "mac": f"02:00:5e:00:53:{n:02x}", "name": "x" * (n % 7)})
    for n in range(20)
]
ENTRIES = tuple(Entry(seq, payload) for seq, payload in enumerate(PAYLOADS, 41))
FIRST_LINE = header_line(HEADER)
JOURNAL = FIRST_LINE + frames(41, PAYLOADS)
ENDS = [len(FIRST_LINE + frames(41, PAYLOADS[:count])) for count in range(21)]
"""Where the line of each record ends; of the header, at index 0."""

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=3,
)
record_lists = st.lists(st.dictionaries(st.text(), json_values, max_size=2), max_size=4)


def test_a_journal_is_text_that_a_person_can_read():
    """The exact bytes of a small journal: a promise to the next version."""
    assert header_line(Header("leases", 2, "ics 0.1.0")) + frame(1, encode({"host": "büro", "n": 1})) == (
        b'{"ics-journal":"leases","format":2,"writer":"ics 0.1.0","framing":1,"first":1,"crc":"d6c3b7d1"}\n'
        b'1f7992bf 28 1 {"host":"b\\u00fcro","n":1}\n'
    )


def test_an_undamaged_journal_is_read_whole():
    """Header and every record come back, with nothing to report."""
    found = scan(JOURNAL)
    assert (found.header, found.entries, found.good_length, found.damage, found.torn, found.last) == (
        HEADER, ENTRIES, len(JOURNAL), (), False, 60,
    )  # fmt: skip


def test_an_empty_journal_continues_the_numbers_of_the_one_before():
    """Without records the last number is the one before the header's first."""
    assert scan(FIRST_LINE).last == 40


def test_truncation_anywhere_loses_no_record_before_it():
    """Cut at any byte, all whole records are read, and cutting to good_length gives a clean journal of them."""
    for length in range(len(JOURNAL)):
        found = scan(JOURNAL[:length])
        whole = tuple(ENTRIES[n] for n in range(20) if ENDS[n + 1] - 1 <= length)
        at_line_end, only_newline_gone = length in ENDS, length + 1 in ENDS
        in_header = length < ENDS[0] - 1
        assert (found.header is None) == in_header, length
        assert (found.entries, bool(found.damage)) == (whole, not at_line_end), length
        assert found.torn == (not at_line_end and not only_newline_gone and not in_header), length
        assert found.good_length == (
            0 if in_header else length if only_newline_gone else max(e for e in ENDS if e <= length)
        )
        if found.torn:
            repaired = JOURNAL[: found.good_length] + frames(found.last + 1, [b"{}"])
            assert scan(repaired).damage == (), length


@pytest.mark.parametrize("change", ["bit", "case", "invert", "newline", "zero", "nine"])
def test_corruption_of_any_byte_loses_at_most_the_record_it_hit(change):
    """One wrong byte at any offset: nothing before it is lost, nothing after it, and nothing false is believed."""
    changes = {
        "bit": lambda byte: byte ^ 0x01,
        "case": lambda byte: byte ^ 0x20,
        "invert": lambda byte: byte ^ 0xFF,
        "newline": lambda byte: 0x0A,
        "zero": lambda byte: 0x00,
        "nine": lambda byte: 0x39,
    }
    for offset, byte in enumerate(JOURNAL):
        wrong = changes[change](byte)
        if wrong == byte:
            continue
        found = scan(JOURNAL[:offset] + bytes([wrong]) + JOURNAL[offset + 1 :])
        hit = next(n for n, end in enumerate(ENDS) if offset < end)
        if hit == 0:
            assert found.entries == ENTRIES, offset
            intact = found.header is not None and found.header.intact
            assert intact == (offset == ENDS[0] - 1), offset
        else:
            survivors = ENTRIES[: hit - 1] + ENTRIES[hit:]
            expected = ENTRIES if offset == ENDS[hit] - 1 else survivors
            assert found.entries == expected, offset
        assert found.damage, offset
        assert found.damage[0].offset <= offset, offset
        assert found.good_length in (0, *ENDS, offset), offset


@given(st.integers(0, 12), st.data())
def test_a_damaged_stretch_leaves_everything_before_it(count, data):
    """Any stretch replaced by any bytes: records before it are all there, in order, and only true ones."""
    payloads = PAYLOADS[:count]
    journal = header_line(HEADER) + frames(41, payloads)
    start = data.draw(st.integers(len(FIRST_LINE), len(journal)))
    end = data.draw(st.integers(start, len(journal)))
    damaged = journal[:start] + data.draw(st.binary(max_size=40)) + journal[end:]
    found = scan(damaged)
    true = [Entry(seq, payload) for seq, payload in enumerate(payloads, 41)]
    position, before = len(FIRST_LINE), []
    for entry in true:
        position += len(frame(entry.seq, entry.payload))
        if position <= start:
            before.append(entry)
    assert list(found.entries[: len(before)]) == before
    assert [entry for entry in found.entries if entry not in true] == []
    assert [entry.seq for entry in found.entries] == sorted({entry.seq for entry in found.entries})


@given(
    st.binary()
    | st.binary().map(lambda tail: FIRST_LINE + tail)
    | st.binary().map(lambda tail: JOURNAL + tail)
)
def test_any_bytes_are_read_without_an_exception(data):
    """Garbage is damage, never a traceback; the damage lies inside the file."""
    found = scan(data)
    assert 0 <= found.good_length <= len(data)
    assert all(damage.offset >= 0 and damage.offset + damage.length <= len(data) for damage in found.damage)


@settings(max_examples=50)
@given(record_lists)
def test_what_was_encoded_is_decoded(records):
    """Records survive the way to the file and back."""
    data = FIRST_LINE + frames(41, [encode(record) for record in records])
    assert [decode(entry.payload) for entry in scan(data).entries] == [
        json.loads(json.dumps(r)) for r in records
    ]


def test_missing_records_are_counted():
    """A line that is gone without a trace is noticed by the numbers."""
    found = scan(FIRST_LINE + frames(41, PAYLOADS[:3]) + frames(46, PAYLOADS[5:7]))
    assert [entry.seq for entry in found.entries] == [41, 42, 43, 46, 47]
    assert found.damage == (Damage(ENDS[3], 0, missing=2),)
    assert not found.torn


def test_a_repeated_record_is_not_believed():
    """A stale block of the disk that shows up again does not bring old records back."""
    found = scan(
        FIRST_LINE + frames(41, PAYLOADS[:3]) + frames(42, PAYLOADS[1:2]) + frames(44, PAYLOADS[3:4])
    )
    assert found.entries == ENTRIES[:4]
    assert found.damage == (Damage(ENDS[3], len(frame(42, PAYLOADS[1]))),)


def test_zeros_at_the_end_are_a_torn_end():
    """After a power failure ext4 may leave a file longer than what was written to it, filled with zeros."""
    found = scan(JOURNAL + bytes(4096))
    assert (found.entries, found.good_length, found.torn) == (ENTRIES, len(JOURNAL), True)


def test_zeros_before_good_records_are_damage():
    """A hole in the middle is no torn end: what follows it is read, and the file must be rewritten."""
    found = scan(FIRST_LINE + bytes(100) + b"\n" + frames(44, PAYLOADS[3:]))
    assert (found.entries, found.torn) == (ENTRIES[3:], False)
    assert found.damage == (Damage(len(FIRST_LINE), 101, missing=3),)


def test_a_name_that_looks_like_a_record_is_never_read_as_one():
    """A client that calls itself like a journal line gains nothing from a damaged line."""
    forged = frame(99, b"{}").decode()
    line = frame(41, encode({"host": "\n" + forged + forged}))
    found = scan(FIRST_LINE + b"?" + line[1:] + frame(42, b'{"a":1}'))
    assert found.entries == (Entry(42, b'{"a":1}'),)


@pytest.mark.parametrize(
    "payload",
    [b"[]", b"1", b"{", b'{"a":}', b'{"a":"\n"}'],
    ids=["list", "number", "cut", "broken", "newline"],
)
def test_a_line_with_a_good_checksum_that_is_no_object_is_damage(payload):
    """The checksum proves that the bytes are what somebody wrote, not that they are a record."""
    assert scan(FIRST_LINE + frame(41, payload)).entries == ()


@pytest.mark.parametrize(
    "value", [float("nan"), {1, 2}, b"bytes", object()], ids=["nan", "set", "bytes", "object"]
)
def test_a_record_that_is_not_json_is_refused(value):
    """What could not be read back is not written."""
    with pytest.raises(StoreError, match="cannot be written as JSON"):
        encode({"value": value})


def test_a_record_that_contains_itself_is_refused():
    """A cycle is a clear error."""
    record: dict[str, object] = {}
    record["self"] = record
    with pytest.raises(StoreError, match="cannot be written as JSON"):
        encode(record)


def test_a_record_that_is_too_long_is_refused():
    """The bound on one record holds when writing; a record of just that length is read back."""
    with pytest.raises(StoreError, match="too long"):
        encode({"a": "x" * MAX_RECORD})
    longest = encode({"a": "x" * (MAX_RECORD - len('{"a":""}'))})
    assert scan(FIRST_LINE + frame(41, longest)).entries == (Entry(41, longest),)


@pytest.mark.parametrize(
    "line",
    [b"", b"[]", b"null", b"{}", b'{"ics-journal":"x"}', b'{"ics-journal":"x","format":0}', b'{"ics-journal":"x","format":true}',
     b'{"ics-journal":1,"format":1}', b'{"ics-journal":"x","format":1,"first":0}', b'{"ics-journal":"x","format":1,"writer":1}',
     b"[" * 100_000, b'{"ics-journal":"\xff","format":1}'],
)  # fmt: skip
def test_what_is_no_header_is_none(line):
    """A first line without name and version is not taken for one."""
    assert parse_header(line) is None


def test_a_header_without_its_checksum_is_only_a_hint():
    """Its version can be shown and compared, but the header is not intact."""
    header = parse_header(b'{"ics-journal":"leases","format":99,"writer":"ics 9.9"}')
    assert header == Header("leases", 99, "ics 9.9", intact=False)


def test_a_file_in_a_newer_framing_is_not_read_on():
    """Its lines follow rules unknown here, so nothing in it is called damage."""
    found = scan(header_line(Header("leases", 3, "ics 9.9", framing=2)) + b"something else\n")
    assert (found.header.framing, found.entries, found.damage) == (2, (), ())
