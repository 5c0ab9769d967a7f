"""DES, by known vectors and by the shape of its tables."""

import pytest

from icsframework.protocols.ppp.auth import des as module
from icsframework.protocols.ppp.auth.des import des, expand_key


@pytest.mark.parametrize(
    ("key", "plain", "cipher"),
    [
        ("133457799bbcdff1", "0123456789abcdef", "85e813540f0ab405"),
        ("0000000000000000", "0000000000000000", "8ca64de9c1b123a7"),
        ("ffffffffffffffff", "ffffffffffffffff", "7359b2163e4edc58"),
        ("3000000000000000", "1000000000000001", "958e6e627a05557b"),
        ("0123456789abcdef", "1111111111111111", "17668dfc7292532d"),
        ("fedcba9876543210", "0123456789abcdef", "ed39d950fa74bcc4"),
        ("7ca110454a1a6e57", "01a1d6d039776742", "690f5b0d9a26939b"),
        ("0131d9619dc1376e", "5cd54ca83def57da", "7a389d10354bd271"),
        ("07a1133e4a0b2686", "0248d43806f67172", "868ebb51cab4599a"),
        ("04b915ba43feb5b6", "42fd443059577fa2", "af37fb421f8c4095"),
        ("43297fad38e373fe", "762514b829bf486a", "ea676b2cb7db2b7a"),
    ],
)
def test_vectors(key, plain, cipher):
    """Published test vectors (NBS 500-20 and others)."""
    assert des(bytes.fromhex(key), bytes.fromhex(plain)).hex() == cipher


def test_every_row_of_a_box_has_each_value_once():
    """A slip in a table shows here before it shows in a vector."""
    assert len(module._BOXES) == 8
    for box in module._BOXES:
        for row in range(4):
            assert sorted(box[16 * row : 16 * row + 16]) == sorted("0123456789abcdef")


def test_parity_bits_do_not_matter():
    """Of a key of 8 octets 56 bits count."""
    block = b"8 octets"
    assert des(bytes.fromhex("133457799bbcdff1"), block) == des(bytes.fromhex("123456789abcdef0"), block)


def test_a_key_of_seven_octets_is_spread_over_eight():
    """Seven bits to an octet, the last one free (RFC 2759 section 8.6)."""
    assert expand_key(b"\xff" * 7) == b"\xfe" * 8
    assert expand_key(bytes.fromhex("80000000000001")) == bytes.fromhex("8000000000000002")
