"""What an FTP server says: replies of one or many lines, and the addresses in 227 and 229.  Pure."""

import re
from dataclasses import dataclass

from ics_plugins.helpers.ftp.commands import FtpSyntaxError, endpoint_of, format_port
from icsframework.values import Endpoint

__all__ = ["Reply", "ReplyReader", "parse_227", "parse_229", "with_endpoint", "with_port"]

CODE = re.compile(rb"([1-6]\d\d)(-| |\r?\n|$)")
"""Three digits, then a space (the only line, or the last) or a hyphen (the first of many); RFC 959 section 4.2, 2228 for 6."""
ADDRESS = re.compile(rb"(?<!\d)" + rb"\s*,\s*".join([rb"(\d{1,3})"] * 6) + rb"(?!\d)")
"""Wherever it stands, with or without parentheses: RFC 1123 section 4.1.2.6."""
PORT = re.compile(rb"([!-/:-~])\1\1(\d{1,5})\1")
"""(|||6446|) with any delimiter that is no digit."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The last line of a reply."""

    code: int

    @property
    def is_preliminary(self) -> bool:
        """1yz: another reply to the same command follows (RFC 959 section 4.2)."""
        return self.code < 200

    @property
    def is_positive(self) -> bool:
        """2yz and 3yz: the command did, or may still do, what it should."""
        return 200 <= self.code < 400


class ReplyReader:
    """Tells lines that end a reply from the text of replies that have many (RFC 959 section 4.2)."""

    def __init__(self) -> None:
        self._code = b""

    @property
    def is_inside(self) -> bool:
        """Whether a reply of many lines has begun and not ended."""
        return self._code != b""

    def read(self, line: bytes) -> Reply | None:
        """The reply that ends with this line, or None: text, whatever it looks like."""
        found = CODE.match(line)
        if found is None:
            return None
        code, then = found.groups()
        if self._code and code != self._code:
            return None
        self._code = code if then == b"-" else b""
        return None if self._code else Reply(int(code))


def parse_227(line: bytes) -> Endpoint:
    """RFC 959 section 4.1.2, the reply to PASV."""
    return endpoint_of([int(number) for number in _find(ADDRESS, line).groups()])


def parse_229(line: bytes) -> int:
    """RFC 2428 section 3, the reply to EPSV: a port."""
    port = int(_find(PORT, line)[2])
    if port > 65535:
        raise FtpSyntaxError("a port is above 65535")
    return port


def with_endpoint(line: bytes, endpoint: Endpoint) -> bytes:
    """The 227 line with another address; the text around it stays."""
    found = _find(ADDRESS, line)
    return line[: found.start()] + format_port(endpoint) + line[found.end() :]


def with_port(line: bytes, endpoint: Endpoint) -> bytes:
    """The 229 line with another port; the text around it stays."""
    found = _find(PORT, line)
    return line[: found.start(2)] + b"%d" % endpoint.port + line[found.end(2) :]


def _find(pattern: re.Pattern[bytes], line: bytes) -> re.Match[bytes]:
    found = pattern.search(line, 3)
    if found is None:
        raise FtpSyntaxError("the reply names no port")
    return found
