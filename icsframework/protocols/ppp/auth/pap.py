"""PAP: the password in plain text, for lines that nobody else reads (RFC 1334 section 2)."""

import hmac
from enum import IntEnum

from icsframework.protocols.ppp.auth.method import (
    AuthOutput,
    Credentials,
    Passed,
    Refused,
    SecretOf,
    Unproven,
)
from icsframework.protocols.ppp.packet import Packet, Protocol, readable

__all__ = ["PapClient", "PapServer"]

REPEAT = 3.0
"""Seconds between Authenticate-Requests without an answer (RFC 1334 section 2.2.1 leaves it open)."""
PATIENCE = 30.0
"""Seconds until an end that hears nothing gives up: RADIUS servers may take ten."""
MAX_FIELD = 255
"""Octets of name or password: their length is one octet."""


class Code(IntEnum):
    """RFC 1334 section 2.2."""

    REQUEST = 1
    ACK = 2
    NAK = 3


class PapClient:
    """The end that shows its password."""

    protocol = Protocol.PAP
    codes = frozenset((Code.ACK, Code.NAK))

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._give_up = 0.0
        self.deadline: float | None = None

    def start(self, now: float) -> list[AuthOutput]:
        """The link is open: ask at once."""
        user, password = (
            text.encode()[:MAX_FIELD] for text in (self._credentials.user, self._credentials.password)
        )
        data = bytes((len(user),)) + user + bytes((len(password),)) + password
        self._give_up = now + PATIENCE
        self.deadline = now + REPEAT
        self._request = Packet(Code.REQUEST, 1, data).to_wire()
        return [self._request]

    def receive(self, packet: Packet, now: float) -> list[AuthOutput]:
        """The verdict.  A message is often there and never needed."""
        if self.deadline is None or packet.ident != 1:
            return []
        self.deadline = None
        self._request = b""
        message = readable(packet.data[1 : 1 + packet.data[0]]) if packet.data else ""
        if packet.code == Code.ACK:
            return [Passed("", message)]
        said = f": {message}" if message else ""
        return [Refused(f"the peer refused user {self._credentials.user} (PAP){said}")]

    def timeout(self, now: float) -> list[AuthOutput]:
        """Ask again, or give up."""
        if self.deadline is None or now < self.deadline:
            return []
        if now >= self._give_up:
            self.deadline = None
            return [Unproven(f"the peer did not answer to the password in {PATIENCE:.0f} s (PAP)")]
        self.deadline = min(now + REPEAT, self._give_up)
        return [self._request]


class PapServer:
    """The end that knows everybody's password."""

    protocol = Protocol.PAP
    codes = frozenset((Code.REQUEST,))

    def __init__(self, secret_of: SecretOf) -> None:
        self._secret_of = secret_of
        self._verdict: bool | None = None
        self.deadline: float | None = None

    def start(self, now: float) -> list[AuthOutput]:
        """The link is open: the peer must speak."""
        self.deadline = now + PATIENCE
        return []

    def receive(self, packet: Packet, now: float) -> list[AuthOutput]:
        """Judge once; whoever asks again did not get the answer and hears the same (RFC 1334 section 2.2.1)."""
        fields = _fields(packet.data)
        if fields is None:
            return []
        first, user = self._verdict is None, fields[0].decode("utf-8", "replace")
        if self._verdict is None:
            secret = self._secret_of(user)
            self._verdict = secret is not None and hmac.compare_digest(secret.encode(), fields[1])
            self.deadline = None
        code, text = (Code.ACK, b"Login ok") if self._verdict else (Code.NAK, b"Login incorrect")
        answer = Packet(code, packet.ident, bytes((len(text),)) + text).to_wire()
        if not first:
            return [answer]
        shown = readable(fields[0])
        return [
            answer,
            Passed(shown) if self._verdict else Refused(f"user {shown} gave a wrong name or password (PAP)"),
        ]

    def timeout(self, now: float) -> list[AuthOutput]:
        """A peer that says nothing is not let in."""
        if self.deadline is None or now < self.deadline:
            return []
        self.deadline = None
        return [Unproven(f"the peer did not authenticate itself in {PATIENCE:.0f} s (PAP)")]


def _fields(data: bytes) -> tuple[bytes, bytes] | None:
    """Name and password of an Authenticate-Request; None if their lengths do not fit."""
    if not data or len(data) < 2 + data[0]:
        return None
    user, rest = data[1 : 1 + data[0]], data[1 + data[0] :]
    return (user, rest[1 : 1 + rest[0]]) if len(rest) >= 1 + rest[0] else None
