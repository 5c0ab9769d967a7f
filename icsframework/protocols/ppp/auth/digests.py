"""What a CHAP response is, for each algorithm: MD5 (RFC 1994 section 4.1) and MS-CHAPv2 (RFC 2759 section 4)."""

import hmac
from collections.abc import Callable
from hashlib import md5
from typing import Protocol

from icsframework.protocols.ppp.auth import mschapv2
from icsframework.protocols.ppp.auth.method import Method
from icsframework.protocols.ppp.packet import readable

__all__ = ["Digest", "Md5", "MsChapV2", "digest_of"]


class Digest(Protocol):
    """One algorithm, for both ends."""

    challenge_size: int
    """Octets of the challenges that we make."""

    def answer(self, ident: int, challenge: bytes, user: str, password: str) -> tuple[bytes, bytes]:
        """(value of the Response, text with which a Success must begin, or nothing)."""

    def verify(self, ident: int, challenge: bytes, user: str, password: str, value: bytes) -> bytes | None:
        """The text of the Success that the response deserves, None if it is wrong."""

    def failure(self, random: Callable[[int], bytes]) -> bytes:
        """The text of a Failure."""

    def explain(self, message: bytes) -> str:
        """The text of the peer's Failure for people."""


class Md5:
    """CHAP with MD5."""

    challenge_size = 16

    def answer(self, ident: int, challenge: bytes, user: str, password: str) -> tuple[bytes, bytes]:
        """See Digest."""
        return md5(bytes((ident,)) + password.encode() + challenge).digest(), b""  # noqa: S324 - as RFC 1994 has it

    def verify(self, ident: int, challenge: bytes, user: str, password: str, value: bytes) -> bytes | None:
        """See Digest."""
        expected, _ = self.answer(ident, challenge, user, password)
        return b"Welcome" if hmac.compare_digest(expected, value) else None

    def failure(self, random: Callable[[int], bytes]) -> bytes:
        """See Digest."""
        return b"Login incorrect"

    def explain(self, message: bytes) -> str:
        """See Digest."""
        return readable(message)


class MsChapV2:
    """CHAP as Microsoft made it.  ``random`` makes the challenge to the peer."""

    challenge_size = mschapv2.CHALLENGE_SIZE

    def __init__(self, random: Callable[[int], bytes]) -> None:
        self._random = random

    def answer(self, ident: int, challenge: bytes, user: str, password: str) -> tuple[bytes, bytes]:
        """See Digest."""
        peer_challenge = self._random(mschapv2.CHALLENGE_SIZE)
        response = mschapv2.nt_response(challenge, peer_challenge, user, password)
        proof = mschapv2.authenticator_response(challenge, peer_challenge, user, password, response)
        return peer_challenge + bytes(8) + response + b"\0", proof

    def verify(self, ident: int, challenge: bytes, user: str, password: str, value: bytes) -> bytes | None:
        """See Digest."""
        if len(value) != mschapv2.RESPONSE_SIZE:
            return None
        peer_challenge, response = value[:16], value[24:48]
        expected = mschapv2.nt_response(challenge, peer_challenge, user, password)
        if not hmac.compare_digest(expected, response):
            return None
        return (
            mschapv2.authenticator_response(challenge, peer_challenge, user, password, response)
            + b" M=Welcome"
        )

    def failure(self, random: Callable[[int], bytes]) -> bytes:
        """See Digest."""
        return (
            b"E=691 R=0 C="
            + random(mschapv2.CHALLENGE_SIZE).hex().upper().encode()
            + b" V=3 M=Login incorrect"
        )

    def explain(self, message: bytes) -> str:
        """See Digest."""
        return str(mschapv2.parse_failure(message))


def digest_of(method: Method, random: Callable[[int], bytes]) -> Digest:
    """The algorithm of a CHAP method."""
    return MsChapV2(random) if method is Method.MSCHAPV2 else Md5()
