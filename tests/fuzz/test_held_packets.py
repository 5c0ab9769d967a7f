"""Any octets into the hold device: they are read or refused by name, and what is read agrees with dpkt and with the filter."""

import typing

import dpkt
from hypothesis import example, given
from hypothesis import strategies as st

from icsframework.protocols.icmp import LONGEST, NET_UNREACHABLE, answerable, checksum, unreachable
from icsframework.testing.packets import echo, ipv4, tcp, udp
from icsframework.uplinks.hold import Bounds, Hold
from icsframework.uplinks.packets import Fragment, Packet, Unacceptable, parse

REASONS = frozenset(typing.get_args(Unacceptable))
GOOD = [udp(), udp(b""), tcp(), echo(), echo(kind=3), ipv4(47, b"gre"), udp(fragment=0x2000), udp(fragment=1)]


@st.composite
def mutated(draw):
    """A good packet with some octets changed, cut off or added."""
    data = bytearray(draw(st.sampled_from(GOOD)))
    for _ in range(draw(st.integers(0, 4))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data[: draw(st.integers(0, len(data)))]) + draw(st.binary(max_size=4))


octets = st.one_of(st.binary(max_size=100), mutated())


@given(octets)
@example(b"")
@example(b"\x45")
def test_any_octets_are_read_or_refused(data):
    """Nothing is raised; a packet that is read stands in the octets, and others find the same addresses and ports in it."""
    found = parse(data)
    if isinstance(found, str):
        assert found in REASONS
        return
    assert data.startswith(found.data)
    if isinstance(found, Fragment):
        assert dpkt.ip.IP(found.data).offset > 0
        return
    theirs = dpkt.ip.IP(found.data)
    assert (theirs.src, theirs.dst) == (found.flow.source.packed, found.flow.destination.packed)
    assert len(found.data) == theirs.len
    if theirs.p in (dpkt.ip.IP_PROTO_TCP, dpkt.ip.IP_PROTO_UDP) and not theirs.mf:
        assert (theirs.data.sport, theirs.data.dport) == (found.flow.source_port, found.flow.port)
        assert found.traffic.port == theirs.data.dport
    if theirs.p == dpkt.ip.IP_PROTO_TCP and not theirs.mf:
        opening = theirs.data.flags & 0x17 == dpkt.tcp.TH_SYN
        assert (found.traffic.form == "opening") == opening


@given(octets)
def test_any_octets_are_answered_or_not(data):
    """An error is right whatever it is about, and is not sent about errors and fragments."""
    message = unreachable(NET_UNREACHABLE, data)
    assert 20 + len(message) <= LONGEST
    assert checksum(message) == 0
    if answerable(data):
        header = (data[0] & 15) * 4
        assert int.from_bytes(data[6:8]) & 0x1FFF == 0
        assert data[9] != 1 or data[header] not in (3, 4, 5, 11, 12)


@given(st.lists(octets, max_size=40))
def test_any_octets_wait_within_bounds(burst):
    """Whatever comes in whatever order, the bounds hold, and what is released is what came."""
    hold = Hold(60.0, Bounds(packets=8, of_a_client=4, octets=300))
    for data in burst:
        found = parse(data)
        if isinstance(found, Packet):
            hold.offer(found, 0.0)
        elif isinstance(found, Fragment):
            hold.join(found)
        assert hold.places <= 8
        assert hold.octets <= 300
    for one in hold.release():
        for data in (one.data, *one.rest):
            assert any(came.startswith(data) for came in burst)
