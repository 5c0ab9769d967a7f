"""ARP on the wire."""

from ipaddress import IPv4Address

import dpkt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsframework.protocols.arp import (
    REPLY,
    REQUEST,
    Arp,
    MalformedArp,
    announcement,
    from_frame,
    probe,
    to_frame,
)

MAC = "02:00:5e:00:53:01"
ADDRESS = IPv4Address("192.168.0.7")


def test_a_probe_as_another_decoder_sees_it():
    """RFC 5227 section 1.1: a request, sender address 0, target hardware address 0, to everybody."""
    frame = dpkt.ethernet.Ethernet(probe(MAC, ADDRESS))
    assert len(bytes(frame)) >= 60
    assert (frame.dst.hex(":"), frame.src.hex(":"), frame.type) == ("ff:ff:ff:ff:ff:ff", MAC, 0x0806)
    assert (frame.arp.op, frame.arp.sha.hex(":"), frame.arp.spa) == (1, MAC, bytes(4))
    assert (frame.arp.tha, frame.arp.tpa) == (bytes(6), ADDRESS.packed)


def test_an_announcement_is_a_request_of_the_owner_for_itself():
    """RFC 5227 section 1.1: sender and target address are the address announced, and everybody gets it."""
    frame = announcement(MAC, ADDRESS)
    assert frame[:6] == b"\xff" * 6
    assert from_frame(frame) == Arp(REQUEST, MAC, ADDRESS, "00:00:00:00:00:00", ADDRESS)


@given(
    st.builds(
        Arp,
        st.sampled_from([REQUEST, REPLY]),
        st.binary(min_size=6, max_size=6).map(lambda raw: raw.hex(":")),
        st.ip_addresses(v=4),
        st.binary(min_size=6, max_size=6).map(lambda raw: raw.hex(":")),
        st.ip_addresses(v=4),
    )
)
def test_there_and_back(packet):
    """What is written is read as the same."""
    assert from_frame(to_frame(packet, MAC, MAC)) == packet


@given(st.binary(max_size=80))
def test_garbage(frame):
    """Anything else is MalformedArp and nothing worse."""
    try:
        from_frame(frame)
    except MalformedArp:
        pass


@pytest.mark.parametrize("at", [12, 15, 17, 18, 19])
def test_other_kinds_are_refused(at):
    """Another ethertype, hardware, protocol, or length of address."""
    frame = bytearray(probe(MAC, ADDRESS))
    frame[at] ^= 0x55
    with pytest.raises(MalformedArp):
        from_frame(bytes(frame))
