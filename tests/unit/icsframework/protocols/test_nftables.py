"""Notifications of nf_tables: recorded from `nft` adding a table, a chain and a rule, and flushing all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsframework.errors import WireError
from icsframework.protocols.netlink import Message
from icsframework.protocols.nftables import Changed, Committed, dump_counters, parse, read_counter

NEW_GENERATION = bytes.fromhex(
    "2c0000000f0a000001000000332500000000000208000100000000020800020000002533080003006e667400"
)


def message(kind, body, family=1):
    """One message of nf_tables."""
    payload = bytes([family, 0, 0, 1]) + body
    length = 16 + len(payload)
    head = length.to_bytes(4, "little") + bytes([kind, 10]) + bytes(2) + bytes(8)
    return head + payload + bytes(-length % 4)


NAME = bytes.fromhex("0800010069637300")


def test_a_recorded_transaction():
    """What nft did, and that it was nft, process 9523."""
    assert parse(message(0, NAME) + message(3, NAME) + message(6, NAME) + NEW_GENERATION) == [
        Changed("added", "inet", "ics"),
        Changed("added", "inet", "ics"),
        Changed("added", "inet", "ics"),
        Committed("nft", 9523),
    ]


@pytest.mark.parametrize("kind", [2, 5, 8, 11])
def test_removals(kind):
    """Table, chain, rule, set."""
    assert parse(message(kind, NAME, family=2)) == [Changed("removed", "ip", "ics")]


def test_what_is_left_out():
    """Elements, objects, and messages of other subsystems."""
    assert parse(message(12, NAME) + message(14, NAME) + message(18, NAME)) == []
    assert parse(message(0, NAME).replace(bytes([0, 10]), bytes([0, 1]), 1)) == []


def test_an_unknown_family_and_a_kernel_that_names_nobody():
    """The number has to do; nobody is "" and 0."""
    assert parse(message(0, NAME, family=99)) == [Changed("added", "99", "ics")]
    assert parse(message(15, b"")) == [Committed("", 0)]


@given(st.binary(max_size=80))
def test_garbage(data):
    """Values or WireError, for bytes and for damaged messages."""
    for text in (data, message(0, data), message(15, data)):
        try:
            parse(text)
        except WireError:
            pass


@pytest.mark.parametrize("cut", range(1, 44))
def test_torn_messages(cut):
    """A message that ends early is refused."""
    with pytest.raises(WireError):
        parse(NEW_GENERATION[:cut])


# --- counters -----------------------------------------------------------------------------------

LISTED = bytes.fromhex(
    "01000000" "08000100" "69637300" "0c000200" "6c65616b65640000" "08000300" "00000001"
    "1c000480" "0c000100" "00000000000001a4" "0c000200" "0000000000000007"
)  # fmt: skip


def test_a_counter_is_read():
    """Name and packets; other messages, and objects that are no counters, are passed over."""
    assert read_counter(Message(0x0A12, 2, LISTED)) == ("leaked", 7)
    assert read_counter(Message(0x0A0F, 2, LISTED)) is None
    assert (
        read_counter(Message(0x0A12, 2, LISTED.replace(bytes.fromhex("00000001"), bytes.fromhex("00000003"))))
        is None
    )


def test_counters_are_asked_for_by_table_and_kind():
    """Of the family inet; the name ends with a zero."""
    request = dump_counters("ics")
    assert (request.kind, request.flags) == (0x0A13, 0x300)
    assert request.body == bytes.fromhex("0100000008000100696373000800030000000001")


@given(st.binary(max_size=80) | st.integers(0, len(LISTED)).map(lambda end: LISTED[:end]))
def test_broken_counters(body):
    """Whatever is listed is a counter, is none, or is an error in words."""
    try:
        found = read_counter(Message(0x0A12, 2, body))
    except WireError:
        return
    assert found is None or isinstance(found[0], str)
