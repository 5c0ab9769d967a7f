"""The bytes of the configuration file, and whether they are text at all.

Everything that can be wrong before YAML comes into it: no such file, a
directory, binary data, UTF-16, control characters.  Each is one clear Problem.
"""

import os
import re
import stat

from icsframework.config.problem import Place, Problem
from icsframework.frozen import dataclass

__all__ = ["MAX_BYTES", "Source", "SourceError", "decode", "read_source"]

MAX_BYTES = 1 << 20
"""Bytes of a configuration file: some ten thousand reservations; more is a wrong file."""

_CONTROL = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What YAML 1.2.2 (section 5.1) does not allow in a file."""
_LINE_END = re.compile(r"\r\n|[\n\r\x85\u2028\u2029]")


class SourceError(Exception):
    """The file is no text that could be a configuration; ``problem`` says why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Source:
    """The text of a file.  ``mode`` are its permission bits, 0 if it is not from a disk."""

    file: str
    text: str
    mode: int = 0

    def lines(self) -> list[str]:
        """The lines as YAML counts them, without their ends."""
        return _LINE_END.split(self.text)

    def place(self, index: int) -> Place:
        """Line and column of a character, both from 1."""
        line, start = 1, 0
        for end in _LINE_END.finditer(self.text, 0, index):
            line, start = line + 1, end.end()
        return Place(line, index - start + 1)


def read_source(path: str | os.PathLike[str]) -> Source:
    """Read and decode a file; raises SourceError."""
    file = os.fspath(path)
    try:
        # O_NONBLOCK: opening a FIFO must not hang; what is no regular file is refused below.
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    except (OSError, ValueError) as error:
        raise SourceError(_cannot_read(file, error)) from None
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            what = "a directory" if stat.S_ISDIR(mode) else "not a regular file"
            raise SourceError(_whole(file, f"this is {what}", "name the configuration file itself"))
        data = _read_all(descriptor)
    except OSError as error:
        raise SourceError(_cannot_read(file, error)) from None
    finally:
        os.close(descriptor)
    source = decode(data, file)
    return Source(source.file, source.text, stat.S_IMODE(mode))


def _read_all(descriptor: int) -> bytes:
    """Everything up to one byte more than is allowed."""
    data = b""
    while len(data) <= MAX_BYTES and (chunk := os.read(descriptor, MAX_BYTES + 1 - len(data))):
        data += chunk
    return data


def decode(data: bytes, file: str) -> Source:
    """Turn bytes into text; a UTF-8 byte order mark is dropped.  Raises SourceError."""
    if len(data) > MAX_BYTES:
        raise SourceError(_whole(file, "the file is larger than 1 MiB", "name the configuration file itself"))
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise SourceError(_whole(file, "the file is UTF-16 text", "save it as UTF-8"))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # error.object is what remains after a byte order mark.
        before = Source(file, error.object[: error.start].decode("utf-8", "replace"))
        place = before.place(len(before.text))
        message = f"the file is not UTF-8 text (byte 0x{error.object[error.start]:02x})"
        raise SourceError(Problem(file, place.line, place.column, (), message, "save it as UTF-8")) from None
    source = Source(file, text)
    if (control := _CONTROL.search(text)) is not None:
        place, code = source.place(control.start()), ord(control[0])
        message = f"the file holds the control character U+{code:04X}"
        advice = "remove it" if code else "name a text file; this one looks binary"
        raise SourceError(Problem(file, place.line, place.column, (), message, advice))
    return source


def _cannot_read(file: str, error: Exception) -> Problem:
    if isinstance(error, FileNotFoundError):
        return _whole(file, "no such file", "check the path")
    if isinstance(error, PermissionError):
        return _whole(file, "cannot be read: permission denied", "run as a user who may read it")
    reason = os.strerror(error.errno).lower() if isinstance(error, OSError) and error.errno else "not a path"
    return _whole(file, f"cannot be read: {reason}", "check the path")


def _whole(file: str, message: str, advice: str) -> Problem:
    return Problem(file, 0, 0, (), message, advice)
