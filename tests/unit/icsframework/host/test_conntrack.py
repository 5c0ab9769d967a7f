"""ctnetlink messages; the real kernel is in tests/netns/dataplane."""

import struct
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsframework.dataplane.flows import MarkFilter, Tracked
from icsframework.errors import HostError
from icsframework.host.conntrack import Conntrack, attributes, parse_flow

# A masqueraded UDP flow as Linux 6.18 described it: 192.168.0.10:4000 -> 192.0.2.80:9000, seen as 203.0.113.5.
FLOW = bytes.fromhex(
    "02000000340001801400018008000100c0a8000a08000200c00002501c0002800500010011000000060002000fa00000"
    "0600030023280000340002801400018008000100c000025008000200cb0071051c000280050001001100000006000200"
    "23280000060003000fa00000080003000000019a080008000001000008000c003c6df33b08000b000000000108000700"
    "00000077"
)
TUPLES = 108
"""Bytes up to the end of both tuples."""


def test_a_flow_of_the_kernel():
    """Protocol, both ends, where answers go and the mark are read; the source is seen to be translated."""
    pc, server, outside = map(ip_address, ("192.168.0.10", "192.0.2.80", "203.0.113.5"))
    flow = parse_flow(FLOW)
    assert flow == Tracked(17, pc, server, server, outside, 4000, 9000, 9000, 4000, mark=0x10000)
    assert flow.translated


@pytest.mark.parametrize("length", range(TUPLES))
def test_cut_short(length):
    """A message that ends anywhere inside the tuples is one clear error."""
    with pytest.raises(HostError, match="unknown way"):
        parse_flow(FLOW[:length])


@given(st.binary(max_size=200))
def test_garbage(data):
    """Any bytes are a flow or a HostError; attributes are a dictionary or a ValueError."""
    try:
        parse_flow(data)
    except HostError:
        pass
    try:
        attributes(data)
    except ValueError:
        pass


def test_attributes():
    """Attributes are told apart by type, without flags, padded to four bytes."""
    data = struct.pack("=HH", 5, 1) + b"a\0\0\0" + struct.pack("=HH", 8, 0x8002) + b"abcd"
    assert attributes(data) == {1: b"a", 2: b"abcd"}
    with pytest.raises(ValueError, match="attribute of 9 bytes in 8"):
        attributes(struct.pack("=HH", 9, 1) + b"abcd")


def test_forgetting_everything_is_refused():
    """A filter without mask would end every connection of the machine."""
    with pytest.raises(ValueError, match="every connection"):
        Conntrack().delete(MarkFilter())
