"""Mark bits: the layout, its nft text, and stable indices."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsframework.dataplane.marks import MAX_UPLINKS, Marks, assign_indices
from icsframework.errors import ConfigurationError


def test_default_layout():
    """From the lowest bit up: five bits of uplink, one of offload, two in reserve."""
    marks = Marks()
    assert (marks.uplink_mask, marks.offload, marks.mask) == (0x001F0000, 0x00200000, 0x00FF0000)
    assert (marks.uplink_mark(1), marks.uplink_mark(31)) == (0x00010000, 0x001F0000)
    assert marks.uplink_index(0xFF2A1234) == 0x0A


@given(st.integers(0, 24), st.integers(1, MAX_UPLINKS), st.integers(0, 0xFFFFFFFF))
def test_any_place_of_eight_bits_works(shift, index, others):
    """Wherever the bits lie, an index comes back from a mark that carries it among foreign bits."""
    marks = Marks(0xFF << shift)
    carried = others & ~marks.uplink_mask | marks.uplink_mark(index)
    assert marks.uplink_index(carried) == index
    assert marks.uplink_mask & marks.offload == 0
    assert (marks.uplink_mask | marks.offload) & ~marks.mask == 0


@pytest.mark.parametrize("mask", [0, 0x7F, 0x00FE00FE, 0x1FF00000000, -1, 0b1011111111])
def test_unfit_masks_are_refused(mask):
    """Too few bits, a gap, or more than 32 bits: one sentence that names the key and gives an example."""
    with pytest.raises(ConfigurationError, match=r"gateway\.mark.*0x00ff0000"):
        Marks(mask)


@pytest.mark.parametrize("index", [0, 32, -1])
def test_index_out_of_range(index):
    """Index 0 means no uplink, and 32 does not fit."""
    with pytest.raises(ValueError, match=r"not in 1\.\.31"):
        Marks().uplink_mark(index)


def test_nft_text_leaves_foreign_bits_alone():
    """Setting the field clears and sets its own bits only; the key masks the others out."""
    marks = Marks(0xFF)
    assert marks.set_uplink(3, "ct") == "ct mark set ct mark & 0xffffffe0 | 0x00000003"
    assert marks.key() == "ct mark & 0x0000001f"
    assert marks.key("meta") == "meta mark & 0x0000001f"


def test_indices_are_stable():
    """A name keeps its index through reordering; a new one gets the lowest that is free; a gone one's is given again."""
    known = assign_indices(["cable", "dsl"])
    assert known == {"cable": 1, "dsl": 2}
    assert assign_indices(["modem", "dsl"], known) == {"modem": 1, "dsl": 2}
    assert assign_indices(["dsl", "cable", "lte"], known) == {"dsl": 2, "cable": 1, "lte": 3}


def test_too_many_uplinks():
    """32 uplinks are one too many, and the sentence says so."""
    assert len(set(assign_indices(map(str, range(31))).values())) == 31
    with pytest.raises(ConfigurationError, match="32 are configured, 31 is the most"):
        assign_indices(map(str, range(32)))


def test_every_bit_has_one_meaning():
    """Uplink, offload, trigger and inside lie in the mask, apart from each other, wherever the mask lies."""
    for mask in (0x00FF0000, 0xFF, 0xFFF00000):
        marks = Marks(mask)
        parts = [marks.uplink_mask, marks.offload, marks.trigger, marks.inside]
        assert sum(parts) == marks.uplink_mask | marks.offload | marks.trigger | marks.inside
        assert sum(parts) & ~mask == 0


def test_the_way_of_a_flow():
    """Uplink and inside bit are set and compared together; everything else of the mark stays."""
    marks = Marks()
    assert marks.way() == "ct mark & 0x009f0000"
    assert marks.set_way(3, inside=True) == "ct mark set ct mark & 0xff60ffff | 0x00830000"
    assert marks.set_way(inside=True) == "ct mark set ct mark & 0xff60ffff | 0x00800000"
    assert marks.set_way() == "ct mark set ct mark & 0xff60ffff"
