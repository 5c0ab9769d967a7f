"""What a modem's octets mean, however they come."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ics_plugins.uplinks.dialup.results import (
    MAX_LINE,
    MAX_LINES,
    Kind,
    Result,
    ResultReader,
    classify,
    printable,
)


def read(*pieces, sent=b""):
    """All results of these octets."""
    reader = ResultReader()
    reader.sent(sent)
    found = []
    for piece in pieces:
        reader.feed(piece)
        while (result := reader.next()) is not None:
            found.append(result)
    return found


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("OK", Kind.OK),
        ("ERROR", Kind.ERROR),
        ("BUSY", Kind.BUSY),
        ("NO ANSWER", Kind.NO_ANSWER),
        ("NO CARRIER", Kind.NO_CARRIER),
        ("NO DIALTONE", Kind.NO_DIALTONE),
        ("NO DIAL TONE", Kind.NO_DIALTONE),
        ("RING", Kind.RING),
        ("DELAYED 00:01:00", Kind.REFUSED),
        ("BLACKLISTED", Kind.REFUSED),
        ("+CME ERROR: 11", Kind.ERROR),
        ("+CME ERROR: SIM PIN required", Kind.ERROR),
        ("COMMAND NOT SUPPORT", Kind.ERROR),
        ("+CSQ: 20,99", Kind.OTHER),
        ("OKAY", Kind.OTHER),
        ("RINGING", Kind.OTHER),
        ("BUSYBODY", Kind.OTHER),
        ("NO CARRIERS", Kind.OTHER),
        ("0", Kind.OK),
        ("2", Kind.RING),
        ("3", Kind.NO_CARRIER),
        ("4", Kind.ERROR),
        ("6", Kind.NO_DIALTONE),
        ("7", Kind.BUSY),
        ("8", Kind.NO_ANSWER),
        ("1", Kind.CONNECT),
        ("5", Kind.CONNECT),
        ("16", Kind.CONNECT),
        ("100", Kind.OTHER),
    ],
)
def test_words_and_numbers(line, kind):
    """V.250 and 27.007 in words, in numbers, and what only looks like them."""
    assert classify(line).kind is kind


@pytest.mark.parametrize(
    ("line", "speed"),
    [
        ("CONNECT", None),
        ("CONNECT 33600", 33600),
        ("CONNECT 33600/ARQ/V34/LAPM", 33600),
        ("CONNECT 115200 VIA GPRS", 115200),
        ("CONNECT\t9600", 9600),
        ("CONNECT/ARQ", None),
    ],
)
def test_connect_says_its_speed(line, speed):
    """Whatever follows the word."""
    assert classify(line) == Result(Kind.CONNECT, line, speed)


def test_the_echo_is_no_answer():
    """A modem that echoes shows the command first; the same word as an answer later is one."""
    assert read(b"ATZ\r\r\nOK\r\n", sent=b"ATZ\r") == [Result(Kind.OK, "OK")]


def test_what_follows_connect_is_the_peers():
    """Also when it came in the same read; the line feed behind the return may be of either."""
    reader = ResultReader()
    reader.feed(b"\r\nCONNECT 9600\r\n~\x7f\xff")
    assert reader.next() == Result(Kind.CONNECT, "CONNECT 9600", 9600)
    assert reader.rest() == b"~\x7f\xff"
    assert reader.next() is None


def test_parity_and_junk_are_passed_over():
    """An old modem sends seven bits and parity; noise of the line makes no result."""
    assert read(bytes(octet | 0x80 for octet in b"OK") + b"\r") == [Result(Kind.OK, "OK")]
    assert read(b"\x00\x07\r\n\r\n\x01\r\n") == []


def test_a_line_that_never_ends_is_bounded():
    """What is too long is counted and forgotten, and the next line is read as ever."""
    reader = ResultReader()
    for _ in range(1000):
        reader.feed(b"A" * 100)
        assert reader.next() is None
    assert reader.dropped == 100_000 - MAX_LINE
    reader.feed(b"\r\nOK\r\n")
    assert [reader.next(), reader.next()] == [Result(Kind.OTHER, "A" * MAX_LINE), Result(Kind.OK, "OK")]


def test_lines_nobody_asks_for_are_bounded():
    """A modem that talks all night."""
    reader = ResultReader()
    for _ in range(10_000):
        reader.feed(b"RING\r\n")
    assert reader.dropped == 60_000 - MAX_LINE * MAX_LINES


@given(st.binary(max_size=400), st.lists(st.integers(1, 60), max_size=40))
def test_how_it_is_cut_makes_no_difference(junk, cuts):
    """Split anyhow, the same results come."""
    data = b"\r\nRING\r\n\r\n+CSQ: 9,99\r\n" + junk + b"\r\nOK\r\n\r\nNO CARRIER\r\n"
    pieces, rest = [], data
    for cut in cuts:
        pieces.append(rest[:cut])
        rest = rest[cut:]
    assert read(*pieces, rest) == read(data)


def test_printable_has_one_line():
    """No control character of a peer reaches a terminal."""
    assert printable(b" a\r\nb\x1b[31m\xe9 ") == "ab[31mi"
