"""MS-CHAPv2, by the vectors of RFC 2759 section 9.2."""

import pytest

from icsframework.protocols.ppp.auth.mschapv2 import (
    Failure,
    authenticator_response,
    challenge_hash,
    nt_hash,
    nt_response,
    parse_failure,
)

USER, PASSWORD = "User", "clientPass"
CHALLENGE = bytes.fromhex("5B5D7C7D7B3F2F3E3C2C602132262628")
PEER_CHALLENGE = bytes.fromhex("21402324255E262A28295F2B3A337C7E")
RESPONSE = bytes.fromhex("82309ECD8D708B5EA08FAA3981CD83544233114A3D85D6DF")


def test_the_vectors_of_the_rfc():
    """Challenge, NtPasswordHash, NT-Response and Authenticator Response are those of section 9.2."""
    assert challenge_hash(PEER_CHALLENGE, CHALLENGE, USER).hex().upper() == "D02E4386BCE91226"
    assert nt_hash(PASSWORD).hex().upper() == "44EBBA8D5312B8D611474411F56989AE"
    assert nt_response(CHALLENGE, PEER_CHALLENGE, USER, PASSWORD) == RESPONSE
    proof = authenticator_response(CHALLENGE, PEER_CHALLENGE, USER, PASSWORD, RESPONSE)
    assert proof == b"S=407A5589115FD0D6209F510FE9C04566932CDA56"


def test_a_domain_is_not_part_of_the_hash():
    """Only the name behind the backslash counts (section 4)."""
    assert challenge_hash(PEER_CHALLENGE, CHALLENGE, "BIGCO\\User") == challenge_hash(
        PEER_CHALLENGE, CHALLENGE, "User"
    )


def test_a_password_of_any_letters_has_a_hash():
    """The password is hashed as UTF-16 (section 8.3)."""
    assert nt_hash("pässwörd") != nt_hash("passwoerd")
    assert len(nt_hash("\U0001f511")) == 16


def test_a_failure_is_read():
    """All parts of the text, the message with its blanks (section 6)."""
    text = b"E=691 R=1 C=5B5D7C7D7B3F2F3E3C2C602132262628 V=3 M=Access denied, try again"
    failure = parse_failure(text)
    assert failure == Failure(691, True, CHALLENGE, 3, "Access denied, try again")
    assert str(failure) == "wrong user name or password (Access denied, try again)"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (b"", "no reason given"),
        (b"E=648 R=0", "the password has expired"),
        (b"E=12345 R=0 V=3", "error 12345"),
        (b"E=99999999999999999999 R=9 C=zz V=x", "no reason given"),
        (b"E=691 M=E=648 R=1", "wrong user name or password (E=648 R=1)"),
        (b"go away", "no reason given"),
        (b"\xff\x00E=\xb2", "no reason given"),
    ],
)
def test_any_failure_can_be_shown(text, shown):
    """Parts may be missing or nonsense, and what stands behind M= is only text."""
    assert str(parse_failure(text)) == shown


@pytest.mark.parametrize("challenge", [b"C=" + b"0" * 31, b"C=" + b"0" * 33, b"C=" + b"g" * 32, b"C="])
def test_a_new_challenge_has_exactly_32_digits(challenge):
    """One of another length is no challenge."""
    assert parse_failure(b"E=691 R=1 " + challenge).challenge == b""
