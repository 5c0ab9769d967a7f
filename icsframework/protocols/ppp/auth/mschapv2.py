"""The formulas of MS-CHAPv2 (RFC 2759 sections 8 and 9) and the texts of its verdicts.

The proof that the peer gives of itself is not decoration: an end that is told
"success" without it may be talking to somebody who knows nothing.
"""

import re
from hashlib import sha1

from icsframework.frozen import dataclass
from icsframework.protocols.ppp.auth.des import des, expand_key
from icsframework.protocols.ppp.auth.md4 import md4
from icsframework.protocols.ppp.packet import readable

__all__ = [
    "Failure",
    "authenticator_response",
    "challenge_hash",
    "nt_hash",
    "nt_response",
    "parse_failure",
]

RESPONSE_SIZE = 49
"""Octets of a Response: 16 of peer challenge, 8 zeros, 24 of NT response, 1 of flags (section 4)."""
CHALLENGE_SIZE = 16
"""Octets of either challenge (section 3)."""

_MAGIC_1 = b"Magic server to client signing constant"
_MAGIC_2 = b"Pad to make it do more than one iteration"
_FAILURE = re.compile(r"(?:^|\s)([ERCVM])=(\S*)")
_ERRORS = {
    646: "logging in is not allowed at this time",
    647: "the account is disabled",
    648: "the password has expired",
    649: "the account has no permission to dial in",
    691: "wrong user name or password",
    709: "the password must be changed",
}
"""Section 6."""


def nt_hash(password: str) -> bytes:
    """NtPasswordHash (section 8.3)."""
    return md4(password.encode("utf-16-le", "surrogatepass"))


def challenge_hash(peer_challenge: bytes, challenge: bytes, user: str) -> bytes:
    """ChallengeHash (section 8.2).  A domain before the user's name is not part of it (section 4)."""
    name = user.rpartition("\\")[2].encode()
    return sha1(peer_challenge + challenge + name).digest()[:8]  # noqa: S324 - as the protocol has it


def nt_response(challenge: bytes, peer_challenge: bytes, user: str, password: str) -> bytes:
    """GenerateNTResponse (section 8.1), 24 octets."""
    block = challenge_hash(peer_challenge, challenge, user)
    key = nt_hash(password).ljust(21, b"\0")
    return b"".join(des(expand_key(key[at : at + 7]), block) for at in (0, 7, 14))


def authenticator_response(
    challenge: bytes, peer_challenge: bytes, user: str, password: str, response: bytes
) -> bytes:
    """GenerateAuthenticatorResponse (section 8.7): ``S=`` and 40 upper-case hexadecimal digits."""
    digest = sha1(md4(nt_hash(password)) + response + _MAGIC_1).digest()  # noqa: S324
    digest = sha1(digest + challenge_hash(peer_challenge, challenge, user) + _MAGIC_2).digest()  # noqa: S324
    return b"S=" + digest.hex().upper().encode()


@dataclass(frozen=True, slots=True)
class Failure:
    """The text of a Failure (section 6).  ``challenge`` is empty unless it is a proper one."""

    error: int
    retry: bool
    challenge: bytes
    version: int
    message: str

    def __str__(self) -> str:
        meaning = _ERRORS.get(self.error, f"error {self.error}" if self.error else "no reason given")
        return f"{meaning} ({self.message})" if self.message else meaning


def parse_failure(data: bytes) -> Failure:
    """Read ``E=691 R=1 C=... V=3 M=text``; any part may be missing or nonsense."""
    text = readable(data[:512])
    head, _, message = text.partition("M=")
    fields = dict(_FAILURE.findall(head))
    challenge = fields.get("C", "")
    return Failure(
        error=_number(fields.get("E", "")),
        retry=fields.get("R") == "1",
        challenge=bytes.fromhex(challenge) if re.fullmatch("[0-9A-Fa-f]{32}", challenge) else b"",
        version=_number(fields.get("V", "")),
        message=message,
    )


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
