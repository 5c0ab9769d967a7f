"""Lines out of a stream that is cut anyhow."""

import pytest

from ics_plugins.helpers.ftp.lines import MAX_LINE, Lines, LineTooLong


def test_lines_keep_their_endings():
    """CR LF or LF alone; what is not complete waits."""
    lines = Lines()
    for piece in (b"US", b"ER a\r", b"\n\nB\n", b"\r\nre"):
        lines.feed(piece)
    assert [lines.next("client") for _ in range(5)] == [b"USER a\r\n", b"\n", b"B\n", b"\r\n", None]
    assert lines.starts_with(b"re")
    lines.feed(b"st\n")
    assert len(lines) == 5
    assert lines.next("client") == b"rest\n"


def test_the_rest():
    """Whatever is left can be had as it is."""
    lines = Lines()
    lines.feed(b"ab\ncd")
    assert (lines.rest(), lines.rest(), len(lines)) == (b"ab\ncd", b"", 0)


def test_a_line_has_a_longest_length():
    """The limit counts the end of the line, and holds for a line that has none yet."""
    lines = Lines()
    lines.feed(b"x" * (MAX_LINE - 1))
    assert lines.next("server") is None
    lines.feed(b"\n")
    assert len(lines.next("server")) == MAX_LINE
    lines.feed(b"x" * MAX_LINE + b"\n")
    with pytest.raises(LineTooLong, match="a line of the server is longer than 4096 bytes"):
        lines.next("server")
