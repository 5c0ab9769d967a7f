"""What an FTP client says: verbs, and the addresses that PORT and EPRT announce.  Pure.

Reading is generous (RFC 1123 section 1.2.2), so that a server with a more
generous reader than ours is not told anything that was not looked at; writing is
canonical.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from icsframework.values import Address, Endpoint

__all__ = [
    "ANNOUNCING",
    "TLS_HANDSHAKE",
    "Command",
    "FtpSyntaxError",
    "UnknownFamily",
    "format_eprt",
    "format_port",
    "is_http",
    "parse_command",
    "parse_eprt",
    "parse_port",
]

ANNOUNCING = frozenset({b"PORT", b"EPRT", b"LPRT"})
"""Commands that tell the server where to connect to (RFC 959, 2428, 1639)."""

TLS_HANDSHAKE = b"\x16"
"""How a stream begins that is encrypted from its first byte (RFC 8446 section 5.1); no FTP command does."""

FAMILIES = {4: 1, 6: 2}
"""IP version to the address family number of RFC 2428 section 2."""

MAX_SUBNEGOTIATION = 16
"""Bytes of a Telnet subnegotiation that are looked through for its end; FTP has a use for none."""

# IAC IAC, the byte 255 itself | IAC WILL/WONT/DO/DONT option | IAC SB ... IAC SE | IAC command (RFC 854).
_TELNET = rb"(?:(\xff\xff)|\xff(?:[\xfb-\xfe].|\xfa.{0,%d}?\xff\xf0|.))" % MAX_SUBNEGOTIATION
TELNET = re.compile(_TELNET, re.DOTALL)
BEFORE_VERB = re.compile(rb"(?:%b|[^A-Za-z])*" % _TELNET, re.DOTALL)
"""Telnet signals before the verb, as RFC 959 section 4.1.3 wants them before ABOR, and whatever else is no letter."""
PLAIN = re.compile(rb"([A-Za-z]+)(?:[ \t]+([^\r\0\xff]*))?(\r?\n)")
"""A command as nearly all are: nothing hides in it."""
HIDDEN = re.compile(rb"\r[^A-Za-z\r]*(?:PORT|EPRT|LPRT)\s", re.IGNORECASE)
"""An announcement behind a lone CR; Telnet's commands and NULs are gone already."""
WORDS = re.compile(rb"[^A-Za-z]*(\S*)\s*(.*)", re.DOTALL)
NUMBER = rb"\s*(\d{1,6})\s*"
SIX_NUMBERS = re.compile(rb",".join([NUMBER] * 6))
FOUR_NUMBERS = re.compile(r"\.".join([r"(\d{1,6})"] * 4))
HTTP = re.compile(rb"[A-Z]+ \S+ HTTP/\d(?:\.\d)?\s*$")


class FtpSyntaxError(ValueError):
    """The peer sent something that RFC 959 or RFC 2428 does not allow."""


class UnknownFamily(FtpSyntaxError):
    """EPRT with an address family that is neither IPv4 nor IPv6."""


@dataclass(frozen=True, slots=True)
class Command:
    """A line of a client: the verb in capitals (b"" for none) and what follows it.

    ``before`` and ``ending`` are what surrounds them on the wire, ``spelled`` is the verb as it was sent.  ``hidden`` is
    true if a server that takes a lone CR for an end of line would find PORT, EPRT or LPRT in the argument.
    """

    verb: bytes
    argument: bytes
    before: bytes
    spelled: bytes
    ending: bytes
    hidden: bool

    def with_argument(self, argument: bytes) -> bytes:
        """The line with another argument."""
        return self.before + self.spelled + b" " + argument + self.ending


def parse_command(line: bytes) -> Command:
    """RFC 959 section 5.3 (any case), with Telnet's commands (RFC 854) and NULs out of the way."""
    plain = PLAIN.fullmatch(line)
    if plain is not None:
        spelled, argument, ending = plain.groups(b"")
        return Command(spelled.upper(), argument, b"", spelled, ending, False)
    body = line.rstrip(b"\r\n")
    text = TELNET.sub(rb"\1", body).replace(b"\0", b"")
    words, before = WORDS.fullmatch(text), BEFORE_VERB.match(body)
    assert words, "it matches everything"
    assert before, "it matches everything"
    spelled, argument = words.groups()
    hidden = HIDDEN.search(text) is not None
    return Command(spelled.upper(), argument, before.group(), spelled, line[len(body) :], hidden)


def is_http(line: bytes) -> bool:
    """Whether the line begins an HTTP request: a browser that was led to an FTP port, to speak FTP in a form's text."""
    return HTTP.match(line) is not None


def parse_port(argument: bytes) -> Endpoint:
    """RFC 959 section 4.1.2, PORT h1,h2,h3,h4,p1,p2; with spaces and leading zeros."""
    found = SIX_NUMBERS.fullmatch(argument)
    if found is None:
        raise FtpSyntaxError("PORT wants six numbers")
    return endpoint_of([int(number) for number in found.groups()])


def endpoint_of(numbers: list[int]) -> Endpoint:
    """The endpoint that six octets spell."""
    if max(numbers) > 255:
        raise FtpSyntaxError("an octet is above 255")
    *host, high, low = numbers
    return Endpoint(IPv4Address(bytes(host)), high << 8 | low)


def parse_eprt(argument: bytes) -> Endpoint:
    """RFC 2428 section 2, EPRT |1|132.235.1.2|6275| or |2|1080::8:800:200C:417A|5282|, with any delimiter of 33 to 126."""
    text = argument.strip()
    if not text or not 33 <= text[0] <= 126:
        raise FtpSyntaxError("EPRT wants a delimiter")
    parts = [part.strip() for part in text.split(text[:1])]
    if len(parts) != 5 or parts[0] or parts[4] or not _is_number(parts[1]) or not _is_number(parts[3]):
        raise FtpSyntaxError("EPRT wants family, address and port")
    address, port = _address(int(parts[1]), parts[2].decode("latin-1")), int(parts[3])
    if port > 65535:
        raise FtpSyntaxError("a port is above 65535")
    return Endpoint(address, port)


def _is_number(text: bytes) -> bool:
    return text.isdigit() and len(text) <= 6


def _address(family: int, text: str) -> Address:
    if family not in FAMILIES.values():
        raise UnknownFamily(f"address family {family}")
    try:
        # ip_address takes no leading zeros, which C programs read as decimal or octal: told apart by writing it anew.
        four = FOUR_NUMBERS.fullmatch(text)
        if family == 1 and four:
            return IPv4Address(bytes(int(number) for number in four.groups()))
        if family == 2 and "%" not in text:
            return IPv6Address(text)
    except ValueError as error:
        raise FtpSyntaxError(f"no address: {error}") from error
    raise FtpSyntaxError("the address is not of its family")


def format_port(endpoint: Endpoint) -> bytes:
    """h1,h2,h3,h4,p1,p2 (RFC 959 section 4.1.2); for IPv4 only."""
    return b",".join(b"%d" % octet for octet in (*endpoint.address.packed, *divmod(endpoint.port, 256)))


def format_eprt(endpoint: Endpoint) -> bytes:
    """|family|address|port| (RFC 2428 section 2)."""
    return f"|{FAMILIES[endpoint.address.version]}|{endpoint.address}|{endpoint.port}|".encode()
