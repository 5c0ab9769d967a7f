"""What a modem answers (ITU-T V.250, 3GPP TS 27.007), read from octets that come split anyhow.

Words (ATV1) and numbers (ATV0), with or without the echo of the command.  What
follows CONNECT belongs to the peer: it is handed over by ``rest``.
"""

import re
from dataclasses import dataclass
from enum import Enum

MAX_LINE = 256
"""Octets of a line that are kept: the longest answer of a modem is the name of an operator, a hostile one never ends."""
MAX_LINES = 64
"""Lines kept until somebody asks for them: the answer to AT&V has some thirty."""


class Kind(Enum):
    """What a line means."""

    OK = "OK"
    CONNECT = "CONNECT"
    RING = "RING"
    NO_CARRIER = "NO CARRIER"
    ERROR = "ERROR"
    NO_DIALTONE = "NO DIALTONE"
    BUSY = "BUSY"
    NO_ANSWER = "NO ANSWER"
    REFUSED = "REFUSED"
    """The modem will not call for now: DELAYED, BLACKLISTED."""
    OTHER = "OTHER"
    """Information, or words that are none of these."""


@dataclass(frozen=True, slots=True)
class Result:
    """One line of a modem.  ``text`` is printable ASCII; ``speed`` is that of CONNECT in bit/s, if it says one."""

    kind: Kind
    text: str
    speed: int | None = None


FINAL = frozenset(Kind) - {Kind.RING, Kind.OTHER}
"""Kinds that answer a command; the others come at any time."""

_NUMBERS = {
    "0": Kind.OK,
    "1": Kind.CONNECT,
    "2": Kind.RING,
    "3": Kind.NO_CARRIER,
    "4": Kind.ERROR,
    "5": Kind.CONNECT,
    "6": Kind.NO_DIALTONE,
    "7": Kind.BUSY,
    "8": Kind.NO_ANSWER,
}
"""V.250 table 1; 5 is CONNECT 1200, and all from 9 on are a maker's CONNECT at some speed."""
_WORDS = {
    "OK": Kind.OK,
    "CONNECT": Kind.CONNECT,
    "RING": Kind.RING,
    "NO CARRIER": Kind.NO_CARRIER,
    "ERROR": Kind.ERROR,
    "+CME ERROR": Kind.ERROR,
    "+CMS ERROR": Kind.ERROR,
    "COMMAND NOT SUPPORT": Kind.ERROR,
    "NO DIALTONE": Kind.NO_DIALTONE,
    "NO DIAL TONE": Kind.NO_DIALTONE,
    "BUSY": Kind.BUSY,
    "NO ANSWER": Kind.NO_ANSWER,
    "DELAYED": Kind.REFUSED,
    "BLACKLISTED": Kind.REFUSED,
}
_PATTERN = re.compile(
    "(" + "|".join(re.escape(word) for word in sorted(_WORDS, key=len, reverse=True)) + r")(?![A-Z0-9])"
)
_END = re.compile(rb"[\r\n]+")
_SPEED = re.compile(r"\d{3,9}")


def classify(text: str) -> Result:
    """What one line, without its end, means."""
    if text.isdigit() and len(text) <= 2:
        return Result(_NUMBERS.get(text, Kind.CONNECT), text)
    found = _PATTERN.match(text)
    if found is None:
        return Result(Kind.OTHER, text)
    kind = _WORDS[found[1]]
    speed = _SPEED.search(text) if kind is Kind.CONNECT else None
    return Result(kind, text, None if speed is None else int(speed[0]))


class ResultReader:
    """Octets in, results out, one at a time."""

    def __init__(self) -> None:
        self.dropped = 0
        """Octets that made no line of reasonable length, and lines nobody asked for in time."""
        self._waiting = b""
        self._echo = ""

    def sent(self, command: bytes) -> None:
        """This was sent: its echo is no answer."""
        self._echo = printable(command)

    def feed(self, data: bytes) -> None:
        """Octets from the modem."""
        waiting = self._waiting + data
        if len(waiting) > MAX_LINE * MAX_LINES:
            self.dropped += len(waiting) - MAX_LINE * MAX_LINES
            waiting = waiting[-MAX_LINE * MAX_LINES :]
        self._waiting = waiting

    def next(self) -> Result | None:
        """The next line that is no echo, or None if there is none yet."""
        while found := _END.search(self._waiting):
            line, self._waiting = self._waiting[: found.start()], self._waiting[found.end() :]
            self.dropped += max(0, len(line) - MAX_LINE)
            text = printable(line[-MAX_LINE:])
            if not text or (self._echo and text == self._echo):
                continue
            return classify(text)
        if len(self._waiting) > MAX_LINE:
            self.dropped += len(self._waiting) - MAX_LINE
            self._waiting = self._waiting[-MAX_LINE:]
        return None

    def rest(self) -> bytes:
        """What came behind the last result; it is forgotten here."""
        rest, self._waiting = self._waiting, b""
        return rest


def printable(data: bytes) -> str:
    """``data`` as one line of printable ASCII, without blanks around it; the parity bit of old modems is passed over."""
    return "".join(chr(octet & 0x7F) for octet in data if 0x20 <= octet & 0x7F < 0x7F).strip()
