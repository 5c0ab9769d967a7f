"""The frame of netlink: requests, answers, attributes."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsframework.errors import WireError
from icsframework.protocols.netlink import (
    NLM_F_DUMP,
    Answer,
    Message,
    NetlinkError,
    attributes,
    attributes_to_wire,
    parse,
    to_wire,
)


def message(kind, body, sequence=7, flags=2):
    raw = struct.pack("=IHHII", 16 + len(body), kind, flags, sequence, 99) + body
    return raw + bytes(-len(raw) % 4)


DONE = message(3, bytes(4))


def test_a_list():
    """Messages up to the one that ends the list, also over several datagrams."""
    first, last = Message(16, 2, b"link"), Message(16, 2, b"odd")
    assert parse(message(16, b"link"), 7) == Answer([first], False, False)
    assert parse(message(16, b"link") + message(16, b"odd") + DONE, 7) == Answer([first, last], True, False)


def test_a_list_that_changed_meanwhile():
    """The kernel marks one message of it, which may be the last."""
    assert parse(message(16, b"link", flags=0x12) + DONE, 7).interrupted
    assert parse(message(3, bytes(4), flags=0x12), 7) == Answer([], True, True)


def test_an_acknowledgement():
    """Error 0 ends the answer without messages."""
    assert parse(message(2, bytes(20)), 7) == Answer([], True, False)


def test_answers_to_other_questions_are_passed_over():
    """A late answer to an earlier request is not mixed in, whatever it says."""
    late = message(16, b"link", sequence=6) + message(2, struct.pack("=i", -1), sequence=6)
    assert parse(late, 7) == Answer([], False, False)


@pytest.mark.parametrize("kind", [2, 3])
def test_an_error(kind):
    """The kernel's number, alone or at the end of a list."""
    with pytest.raises(NetlinkError) as caught:
        parse(message(kind, struct.pack("=i", -17) + bytes(16)), 7)
    assert caught.value.code == 17


def test_a_request():
    """Length, type, flags with the one that says request, sequence number, and the kernel as the receiver."""
    assert (
        to_wire(Message(18, NLM_F_DUMP, b"body"), 7) == struct.pack("=IHHII", 20, 18, 0x301, 7, 0) + b"body"
    )


@given(st.lists(st.tuples(st.integers(1, 0x3FFF), st.binary(max_size=20)), unique_by=lambda pair: pair[0]))
def test_attributes_there_and_back(given_ones):
    """Every attribute comes back, whatever its length; what is in front of the next is padding."""
    wire = attributes_to_wire(given_ones)
    assert len(wire) % 4 == 0
    assert attributes(wire) == dict(given_ones)


def test_flags_of_attribute_types():
    """The bits for nesting and byte order are no part of the type."""
    assert attributes(struct.pack("=HH", 4, 0xC012)) == {0x12: b""}


@given(st.binary(max_size=200))
def test_garbage(data):
    """Anything at all is read or refused with WireError, and never loops."""
    for read in (attributes, lambda raw: parse(raw, 7)):
        try:
            read(data)
        except WireError:
            pass


@pytest.mark.parametrize("cut", range(1, 20))
def test_cut_answers(cut):
    """A message that ends early is refused."""
    with pytest.raises(WireError):
        parse(message(16, b"link")[:-cut], 7)
