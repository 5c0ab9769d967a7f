"""DES encryption of single blocks (FIPS 46-3), for the three of an MS-CHAPv2 response only.

Written after the standard's tables and not for speed: 0.2 ms a block.  No one
should protect anything with it.
"""

from collections.abc import Sequence

__all__ = ["des", "expand_key"]

_IP = tuple(start - 8 * n for start in (58, 60, 62, 64, 57, 59, 61, 63) for n in range(8))
"""Initial permutation: bits are numbered from 1 at the left, as everywhere in the standard."""
_FP = tuple(_IP.index(bit) + 1 for bit in range(1, 65))
_E = tuple((4 * row + column - 1) % 32 + 1 for row in range(8) for column in range(6))
_P = (
    16, 7, 20, 21, 29, 12, 28, 17, 1, 15, 23, 26, 5, 18, 31, 10,
    2, 8, 24, 14, 32, 27, 3, 9, 19, 13, 30, 6, 22, 11, 4, 25,
)  # fmt: skip
_PC1 = (
    57, 49, 41, 33, 25, 17, 9, 1, 58, 50, 42, 34, 26, 18, 10, 2, 59, 51, 43, 35, 27, 19, 11, 3, 60, 52, 44, 36,
    63, 55, 47, 39, 31, 23, 15, 7, 62, 54, 46, 38, 30, 22, 14, 6, 61, 53, 45, 37, 29, 21, 13, 5, 28, 20, 12, 4,
)  # fmt: skip
_PC2 = (
    14, 17, 11, 24, 1, 5, 3, 28, 15, 6, 21, 10, 23, 19, 12, 4, 26, 8, 16, 7, 27, 20, 13, 2,
    41, 52, 31, 37, 47, 55, 30, 40, 51, 45, 33, 48, 44, 49, 39, 56, 34, 53, 46, 42, 50, 36, 29, 32,
)  # fmt: skip
_SHIFTS = (1, 1, 2, 2, 2, 2, 2, 2, 1, 2, 2, 2, 2, 2, 2, 1)
_BOXES = (
    "e4d12fb83a6c59070f74e2d1a6cb953841e8d62bfc973a50fc8249175b3ea06d",
    "f18e6b34972dc05a3d47f28ec01a69b50e7ba4d158c6932fd8a13f42b67c05e9",
    "a09e63f51dc7b428d709346a285ecbf1d6498f30b12c5ae71ad069874fe3b52c",
    "7de3069a1285bc4fd8b56f03472c1ae9a690cb7df13e52843f06a1d8945bc72e",
    "2c417ab6853fd0e9eb2c47d150fa3986421bad78f9c5630eb8c71e2d6f09a453",
    "c1af92680d34e75baf427c9561de0b389ef528c3704a1db6432c95fabe17608d",
    "4b2ef08d3c975a61d0b7491ae35c2f8614bdc37eaf6805926bd814a7950fe23c",
    "d2846fb1a93e50c71fd8a374c56b0e927b419ce206adf35821e74a8dfc90356b",
)
"""Eight boxes of four rows of sixteen values."""


def _permute(value: int, width: int, order: Sequence[int]) -> int:
    """The bits of a number of ``width`` bits in another order."""
    out = 0
    for bit in order:
        out = out << 1 | value >> (width - bit) & 1
    return out


def _round_keys(key: int) -> list[int]:
    chosen = _permute(key, 64, _PC1)
    left, right = chosen >> 28, chosen & 0xFFFFFFF
    keys = []
    for shift in _SHIFTS:
        left = (left << shift | left >> (28 - shift)) & 0xFFFFFFF
        right = (right << shift | right >> (28 - shift)) & 0xFFFFFFF
        keys.append(_permute(left << 28 | right, 56, _PC2))
    return keys


def _f(half: int, key: int) -> int:
    mixed = _permute(half, 32, _E) ^ key
    out = 0
    for n, box in enumerate(_BOXES):
        six = mixed >> (42 - 6 * n) & 0x3F
        row, column = six >> 4 & 2 | six & 1, six >> 1 & 0xF
        out = out << 4 | int(box[16 * row + column], 16)
    return _permute(out, 32, _P)


def des(key: bytes, block: bytes) -> bytes:
    """One block of 8 octets, encrypted with a key of 8 octets whose parity bits do not matter."""
    value = _permute(int.from_bytes(block, "big"), 64, _IP)
    left, right = value >> 32, value & 0xFFFFFFFF
    for key_of_round in _round_keys(int.from_bytes(key, "big")):
        left, right = right, left ^ _f(right, key_of_round)
    return _permute(right << 32 | left, 64, _FP).to_bytes(8, "big")


def expand_key(key: bytes) -> bytes:
    """A key of 7 octets with a parity bit, 0, after every seven bits (RFC 2759 section 8.6)."""
    bits = int.from_bytes(key, "big")
    return bytes(bits >> (49 - 7 * n) << 1 & 0xFE for n in range(8))
