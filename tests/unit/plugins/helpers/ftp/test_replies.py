"""What is read from a server's lines."""

from ipaddress import ip_address

import pytest

from ics_plugins.helpers.ftp.commands import FtpSyntaxError
from ics_plugins.helpers.ftp.replies import (
    Reply,
    ReplyReader,
    parse_227,
    parse_229,
    with_endpoint,
    with_port,
)
from icsframework.values import Endpoint

OURS = Endpoint(ip_address("203.0.113.5"), 60000)


def read(*lines):
    """The code that each line ends a reply with, or None."""
    reader = ReplyReader()
    return [reply and reply.code for reply in map(reader.read, lines)]


def test_replies_of_one_line():
    """Three digits and a space; some servers leave the space out."""
    assert read(b"220 hi\r\n", b"226\r\n", b"226\n", b"226", b"631 xyz\r\n") == [220, 226, 226, 226, 631]


def test_replies_of_many_lines():
    """The first has a hyphen, the last the same code and a space; what stands between is text (RFC 959 section 4.2)."""
    lines = b"211-status", b" 211 no", b"227 no", b"211-again", b"234 no", b"2110", b"", b"211 end", b"200 ok"
    assert read(*lines) == [None] * 7 + [211, 200]


def test_many_lines_are_a_state():
    """Whoever wants to say something in between can ask."""
    reader = ReplyReader()
    assert not reader.is_inside
    reader.read(b"220-hi")
    assert reader.is_inside
    reader.read(b"220 hi")
    assert not reader.is_inside


def test_what_is_no_reply():
    """Garbage is not taken for one."""
    assert (
        read(
            b"",
            b"\n",
            b"hello",
            b"22 x",
            b"2200 x",
            b"020 x",
            b"700 x",
            b" 220 x",
            b"220x",
            b"\xb2\xb2\xb0 x",
        )
        == [None] * 10
    )


def test_what_a_code_says():
    """1yz promises another reply; 2yz and 3yz are good news (RFC 959 section 4.2.1)."""
    assert [Reply(code).is_preliminary for code in (150, 226, 331, 425, 550)] == [
        True,
        False,
        False,
        False,
        False,
    ]
    assert [Reply(code).is_positive for code in (150, 226, 331, 425, 550)] == [
        False,
        True,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("line", "rewritten"),
    [
        (
            b"227 Entering Passive Mode (1,2,3,4,5,6).\r\n",
            b"227 Entering Passive Mode (203,0,113,5,234,96).\r\n",
        ),
        (b"227 =1,2,3,4,5,6\r\n", b"227 =203,0,113,5,234,96\r\n"),
        (b"227 1,2,3,4,5,6", b"227 203,0,113,5,234,96"),
        (b"227 at 10: 1 , 2,3 ,4,5, 6 \n", b"227 at 10: 203,0,113,5,234,96 \n"),
    ],
)
def test_227(line, rewritten):
    """The address is found by its digits; the text around it stays (RFC 1123 section 4.1.2.6)."""
    assert parse_227(line) == Endpoint(ip_address("1.2.3.4"), 1286)
    assert with_endpoint(line, OURS) == rewritten


@pytest.mark.parametrize(
    "line", [b"227 no", b"227 1,2,3,4,5", b"227 1,2,3,4,5,256", b"227,1,2,3,4,5", b"227 1234,2,3,4,5,6"]
)
def test_no_227(line):
    """Anything else names no port."""
    with pytest.raises(FtpSyntaxError):
        parse_227(line)


@pytest.mark.parametrize(
    ("line", "rewritten"),
    [
        (
            b"229 Entering Extended Passive Mode (|||6446|)\r\n",
            b"229 Entering Extended Passive Mode (|||60000|)\r\n",
        ),
        (b"229 ok |||6446|", b"229 ok |||60000|"),
        (b"229 (!!!6446!)", b"229 (!!!60000!)"),
    ],
)
def test_229(line, rewritten):
    """RFC 2428 section 3, with any delimiter."""
    assert parse_229(line) == 6446
    assert with_port(line, OURS) == rewritten


@pytest.mark.parametrize(
    "line", [b"229 no", b"229 (|||65536|)", b"229 (||6446|)", b"229 (|||6446)", b"229 (1116446 1)"]
)
def test_no_229(line):
    """Anything else names no port."""
    with pytest.raises(FtpSyntaxError):
        parse_229(line)
