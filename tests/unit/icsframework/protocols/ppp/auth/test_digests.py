"""The algorithms of CHAP."""

import hashlib

import pytest

from icsframework.protocols.ppp.auth.digests import Md5, MsChapV2, digest_of
from icsframework.protocols.ppp.auth.method import Method
from icsframework.testing.ppp import seeded


def test_md5_is_identifier_secret_challenge():
    """RFC 1994 section 4.1."""
    value, proof = Md5().answer(7, b"challenge", "guest", "secret")
    assert value == hashlib.md5(b"\x07secretchallenge").digest()
    assert proof == b""


@pytest.mark.parametrize("method", [Method.CHAP_MD5, Method.MSCHAPV2])
def test_an_answer_is_verified(method):
    """The right password convinces; a wrong one, another challenge and a cut answer do not."""
    digest = digest_of(method, seeded(1))
    value, proof = digest.answer(7, b"c" * 16, "guest", "secret")
    text = digest.verify(7, b"c" * 16, "guest", "secret", value)
    assert text is not None
    assert text.startswith(proof)
    assert digest.verify(7, b"c" * 16, "guest", "other", value) is None
    assert digest.verify(7, b"d" * 16, "guest", "secret", value) is None
    assert digest.verify(7, b"c" * 16, "guest", "secret", value[:-1]) is None


def test_md5_depends_on_the_identifier():
    """An answer cannot be used for another question."""
    value, _ = Md5().answer(7, b"c" * 16, "guest", "secret")
    assert Md5().verify(8, b"c" * 16, "guest", "secret", value) is None


def test_a_response_of_mschapv2_has_its_layout():
    """16 octets of challenge, 8 zeros, 24 of response, flags 0 (RFC 2759 section 4); the challenge is new each time."""
    digest = MsChapV2(seeded(1))
    value, proof = digest.answer(1, b"c" * 16, "guest", "secret")
    assert len(value) == 49
    assert value[16:24] == bytes(8)
    assert value[48] == 0
    assert proof[:2] == b"S="
    assert digest.answer(1, b"c" * 16, "guest", "secret")[0][:16] != value[:16]


def test_failures_are_explained():
    """MD5's is the peer's own text, MS-CHAPv2's is read; ours say what the RFCs want."""
    assert Md5().explain(b"Go 'way.\r\n") == "Go 'way."
    assert MsChapV2(seeded(1)).explain(b"E=647 R=0 V=3") == "the account is disabled"
    assert Md5().failure(seeded(1)) == b"Login incorrect"
    assert MsChapV2(seeded(1)).explain(MsChapV2(seeded(1)).failure(seeded(1))) == (
        "wrong user name or password (Login incorrect)"
    )
