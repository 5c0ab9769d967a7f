"""What is read from a client's lines, and how addresses are written."""

from ipaddress import ip_address
from time import process_time

import pytest

from ics_plugins.helpers.ftp.commands import (
    FtpSyntaxError,
    UnknownFamily,
    format_eprt,
    format_port,
    is_http,
    parse_command,
    parse_eprt,
    parse_port,
)
from icsframework.values import Endpoint

HOST = Endpoint(ip_address("132.235.1.2"), 6275)
SIX = Endpoint(ip_address("1080::8:800:200c:417a"), 5282)


@pytest.mark.parametrize(
    "argument",
    [
        b"132,235,1,2,24,131",
        b" 132, 235 ,1,2,24,131 ",
        b"132,235,001,002,024,131",
        b"000132,235,1,2,24,131",
        b"132,235,1,2,24,131\t",
    ],
)
def test_port(argument):
    """RFC 959 section 4.1.2, with what real clients add."""
    assert parse_port(argument) == HOST


@pytest.mark.parametrize(
    "argument",
    [
        b"",
        b"132,235,1,2,24",
        b"132,235,1,2,24,131,7",
        b"132,235,1,2,24,256",
        b"256,235,1,2,24,131",
        b"132,235,1,2,-24,131",
        b"132,235,1,2,24,0x83",
        b"132.235.1.2.24.131",
        b"(132,235,1,2,24,131)",
        b"132,235,1,2,24,131 132,235,1,2,24,131",
        b"0000000132,235,1,2,24,131",
        b"1" * 5000 + b",2,3,4,5,6",
        "١,2,3,4,5,6".encode(),
    ],
)
def test_no_port(argument):
    """What is not six octets is refused, not guessed."""
    with pytest.raises(FtpSyntaxError):
        parse_port(argument)


@pytest.mark.parametrize(
    ("argument", "endpoint"),
    [
        (b"|1|132.235.1.2|6275|", HOST),
        (b" |1|132.235.1.2|6275| ", HOST),
        (b"| 1 | 132.235.1.2 | 6275 |", HOST),
        (b"|01|132.235.001.002|06275|", HOST),
        (b"!1!132.235.1.2!6275!", HOST),
        (b"|2|1080::8:800:200C:417A|5282|", SIX),
    ],
)
def test_eprt(argument, endpoint):
    """RFC 2428 section 2: the two examples of the RFC and their loose relatives."""
    assert parse_eprt(argument) == endpoint


@pytest.mark.parametrize(
    "argument",
    [
        b"",
        b"  ",
        b"|1|132.235.1.2|6275",
        b"1|132.235.1.2|6275|",
        b"|1|132.235.1.2|6275||",
        b"|1|132.235.1|6275|",
        b"|1|132.235.1.256|6275|",
        b"|1|1080::8|6275|",
        b"|2|132.235.1.2|6275|",
        b"|2|fe80::1%eth0|6275|",
        b"|1|132.235.1.2|65536|",
        b"|1|132.235.1.2||",
        b"|1|132.235.1.2|-1|",
        b"|1|host|6275|",
        b"|1|132.235.1.2|62.75|",
        b"\xff1\xff132.235.1.2\xff6275\xff",
    ],
)
def test_no_eprt(argument):
    """Everything else is refused."""
    with pytest.raises(FtpSyntaxError):
        parse_eprt(argument)


def test_another_family():
    """A family that we do not know is told from nonsense: there is an answer of its own for it."""
    with pytest.raises(UnknownFamily):
        parse_eprt(b"|3|x|6275|")


def test_formats():
    """What is written is canonical."""
    assert format_port(HOST) == b"132,235,1,2,24,131"
    assert format_eprt(HOST) == b"|1|132.235.1.2|6275|"
    assert format_eprt(SIX) == b"|2|1080::8:800:200c:417a|5282|"


@pytest.mark.parametrize(
    ("line", "verb", "argument"),
    [
        (b"RETR a file \r\n", b"RETR", b"a file "),
        (b"retr\tx\n", b"RETR", b"x"),
        (b"QUIT", b"QUIT", b""),
        (b"\r\n", b"", b""),
        (b"\xff\xf4\xff\xf2ABOR\r\n", b"ABOR", b""),
        (b"\xf2ABOR\r\n", b"ABOR", b""),
        (b"\xff\xfbPPORT 1\r\n", b"PORT", b"1"),
        (b"\xff\xfaxx\xff\xf0PORT 1\r\n", b"PORT", b"1"),
        (b"P\0O\xff\xf1RT\0 1\r\n", b"PORT", b"1"),
        (b"PORT1,2\r\n", b"PORT1,2", b""),
        (b"STOR \xff\xff\xe4\r\n", b"STOR", b"\xff\xff\xe4"),
    ],
)
def test_a_command_is_found(line, verb, argument):
    """Any case; Telnet's commands, NULs and blanks before the verb do not hide it."""
    command = parse_command(line)
    assert (command.verb, command.argument) == (verb, argument)


@pytest.mark.parametrize(
    "line", [b"RETR a\r\n", b"\xff\xf4\xf2  retr a\n", b"\xff\xfdRETR a", b"\0\0Retr a\r\r\n"]
)
def test_what_surrounds_a_command_is_kept(line):
    """Only the argument is exchanged."""
    assert parse_command(line).with_argument(b"a") == line


@pytest.mark.parametrize(
    ("line", "hidden"),
    [
        (b"NOOP\rPORT 1,2,3,4,5,6\r\n", True),
        (b"NOOP\r\0 eprt |1|\r\n", True),
        (b"NOOP\rx\rLPRT 4\n", True),
        (b"NOOP\rP\0O\xff\xf1RT 1,2,3,4,5,6\r\n", True),
        (b"NOOP\rPORTAL 1\r\n", False),
        (b"RNTO a\rb\r\n", False),
        (b"PORT 1,2,3,4,5,6\r\r\n", False),
        (b"RETR PORT 1\r\n", False),
    ],
)
def test_announcements_behind_a_lone_cr(line, hidden):
    """Some servers take it for the end of a line."""
    assert parse_command(line).hidden is hidden


def test_http():
    """Request lines of HTTP are no FTP, and no FTP command looks like one."""
    assert is_http(b"POST /a HTTP/1.1\r\n")
    assert is_http(b"GET / HTTP/1.0\r\n")
    assert not is_http(b"RETR my HTTP/1.1 notes\r\n")
    assert not is_http(b"USER HTTP/1.1\r\n")


HOSTILE = (b"\xff\xfa" * 2047, b"\xff" * 4095, b"\xfa\xff" * 2047, b"\r" * 4095, b" " * 4095, b"x\r" * 2047)


@pytest.mark.parametrize("line", HOSTILE, ids=lambda line: repr(line[:2]))
def test_hostile_lines_take_no_time(line):
    """The longest lines of the kind that makes careless expressions slow: milliseconds each, not seconds."""
    before = process_time()
    for _ in range(5):
        parse_command(line + b"\n")
    assert process_time() - before < 1.0
