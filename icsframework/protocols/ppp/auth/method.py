"""Which ways of authentication there are, as LCP negotiates them, and what each end brings along."""

from collections.abc import Callable
from dataclasses import field
from enum import Enum

from icsframework.frozen import dataclass

__all__ = ["Credentials", "Method", "Passed", "Refused", "SecretOf", "Unproven"]


class Method(Enum):
    """The value of LCP's Authentication-Protocol option (RFC 1661 section 6.2, RFC 1994 section 3, RFC 2759 section 3)."""

    MSCHAPV2 = b"\xc2\x23\x81"
    CHAP_MD5 = b"\xc2\x23\x05"
    PAP = b"\xc0\x23"

    @property
    def title(self) -> str:
        """What people call it."""
        return {"MSCHAPV2": "MS-CHAPv2", "CHAP_MD5": "CHAP", "PAP": "PAP"}[self.name]


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who we are to the peer.  The password is never shown."""

    user: str
    password: str = field(repr=False)


SecretOf = Callable[[str], str | None]
"""An authenticator's book: the password of a user, None if there is no such user."""


@dataclass(frozen=True, slots=True)
class Passed:
    """The verdict was good.  ``peer`` is the name of who was authenticated, ``message`` what the judge said."""

    peer: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """The verdict was bad; ``reason`` is a sentence for people."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unproven:
    """There was no verdict, or the judge could not prove itself; nothing is said about the password."""

    reason: str


AuthOutput = bytes | Passed | Refused | Unproven
"""What the machines of authentication return: a packet to send, or how it went."""
