"""Packets of the hold device, read: what they are to rules and queue, and what is no packet that can wait."""

from dataclasses import replace
from ipaddress import ip_address

import dpkt
import pytest

from icsframework.testing.packets import CLIENT, SERVER, echo, ipv4, tcp, udp
from icsframework.uplinks.packets import Flow, Fragment, Packet, parse
from icsframework.uplinks.traffic import Traffic

HOST, FAR = ip_address(CLIENT), ip_address(SERVER)
OWN = ip_address("192.0.0.8")
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
MORE = 0x2000


def read(data, own=()):
    packet = parse(data, own)
    assert isinstance(packet, Packet), packet
    return packet


@pytest.mark.parametrize(
    ("data", "flow", "traffic"),
    [
        (
            udp(sport=5000, port=53),
            Flow(HOST, FAR, "udp", 5000, 53),
            Traffic(HOST, "udp", FAR, 53),
        ),
        (
            tcp(sport=40000, port=443),
            Flow(HOST, FAR, "tcp", 40000, 443),
            Traffic(HOST, "tcp", FAR, 443, form="opening"),
        ),
        (echo(ident=77), Flow(HOST, FAR, "icmp", 77), Traffic(HOST, "icmp", FAR, form="echo")),
        (echo(kind=3, ident=77), Flow(HOST, FAR, "icmp"), Traffic(HOST, "icmp", FAR)),
        (ipv4(47, b"\0\0\x08\0"), Flow(HOST, FAR, "gre"), Traffic(HOST, "gre", FAR)),
        (ipv4(200, b""), Flow(HOST, FAR, "200"), Traffic(HOST, "200", FAR)),
    ],
)
def test_what_it_is(data, flow, traffic):
    """Addresses, protocol, ports and form stand where rules, queue and people look for them."""
    assert (read(data).data, read(data).flow, read(data).traffic) == (data, flow, traffic)


@pytest.mark.parametrize(
    ("flags", "form"),
    [
        (SYN, "opening"),
        (SYN | 0xC0, "opening"),  # with ECN (RFC 3168)
        (SYN | ACK, None),
        (ACK, None),
        (PSH | ACK, None),
        (0, None),
        (FIN | ACK, "closing"),
        (RST, "closing"),
        (SYN | RST, "closing"),
        (SYN | FIN, "closing"),
    ],
)
def test_the_form_of_a_segment(flags, form):
    """Only a SYN alone opens a connection; whatever ends one opens none."""
    assert read(tcp(flags)).traffic.form == form


def test_own_packets_have_no_client():
    """The gateway's own addresses are known by the caller; what comes from them is nobody else's traffic."""
    data = udp(source=str(OWN))
    assert read(data, {OWN}).traffic == Traffic(None, "udp", FAR, 9999, own=True)
    assert read(data, {OWN}).own
    assert not read(data).own


def test_options_are_passed_over():
    """Ports are found behind IP options (here: router alert, RFC 2113)."""
    plain = udp(sport=7, port=8)
    assert read(ipv4(17, plain[20:], options=b"\x94\x04\0\0")).flow == read(plain).flow


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (tcp(ident=1), tcp(ident=2)),
        (tcp(ttl=64), tcp(ttl=63)),
        (udp(ident=1), udp(ident=2)),
        (udp(), udp()[:26] + b"\0\0" + udp()[28:]),  # no UDP checksum
        (echo(), echo()[:22] + b"\xff\xff" + echo()[24:]),
    ],
)
def test_a_retransmission_is_known(one, other):
    """Identification, time to live and checksums make no other packet of it."""
    assert one != other
    assert read(one).fingerprint == read(other).fingerprint


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (tcp(sequence=1), tcp(sequence=2)),
        (tcp(SYN), tcp(ACK)),
        (tcp(sport=1), tcp(sport=2)),
        (udp(b"a"), udp(b"b")),
        (udp(port=1), udp(port=2)),
        (udp(source="192.168.0.8"), udp()),
        (udp(destination="203.0.113.10"), udp()),
        (echo(1), echo(2)),
        (echo(kind=8), echo(kind=13)),
        (ipv4(47, b"a"), ipv4(47, b"b")),
        (ipv4(47, b"a"), ipv4(50, b"a")),
    ],
)
def test_another_packet_is_another(one, other):
    """What differs in flow or content is no retransmission."""
    assert read(one).fingerprint != read(other).fingerprint


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "version"),
        (b"\x60" + bytes(60), "version"),
        (b"\x44" + udp()[1:], "header"),
        (udp()[:19], "header"),
        (b"\x4f" + udp()[1:], "header"),
        (udp()[:-1], "length"),
        (udp()[:2] + b"\0\x13" + udp()[4:], "length"),
        (udp(source="0.0.0.0"), "source"),
        (udp(source="127.0.0.1"), "source"),
        (udp(source="224.0.0.1"), "source"),
        (udp(source="255.255.255.255"), "source"),
        (ipv4(17, b"", fragment=1), "fragment"),
        (ipv4(17, bytes(16), fragment=0x1FFF), "fragment"),
        (ipv4(6, tcp()[20:39]), "transport"),
        (ipv4(6, tcp()[20:32] + b"\x40" + tcp()[33:]), "transport"),
        (ipv4(6, tcp()[20:32] + b"\x60" + tcp()[33:]), "transport"),
        (ipv4(17, bytes(7)), "transport"),
        (ipv4(17, b"\0\1\0\2\0\7\0\0"), "transport"),
        (ipv4(17, b"\0\1\0\2\0\x09\0\0"), "transport"),
        (ipv4(1, bytes(7)), "transport"),
    ],
)
def test_no_packet_that_can_wait(data, why):
    """Each is told by what is wrong with it."""
    assert parse(data) == why


def test_octets_behind_the_packet_are_cut_off():
    """A padded packet is the packet without its padding."""
    assert read(udp() + b"padding") == read(udp())


def test_fragments_know_their_datagram():
    """The first has ports and what the others have in common with it; they have nothing else."""
    whole = udp(b"x" * 100, ident=9)
    first = ipv4(17, whole[20:84], ident=9, fragment=MORE)
    second = ipv4(17, whole[84:], ident=9, fragment=8)
    found = read(first)
    assert found.flow == read(whole).flow
    assert parse(second) == Fragment(second, found.datagram)
    assert found.datagram != b"" == read(whole).datagram
    for other in (
        ipv4(17, whole[84:], ident=8, fragment=8),
        ipv4(6, whole[84:], ident=9, fragment=8),
        ipv4(17, whole[84:], "192.168.0.9", ident=9, fragment=8),
    ):
        assert parse(other).datagram != found.datagram


def test_a_first_fragment_needs_its_ports():
    """Tiny fragments that hide the header from filters (RFC 1858) do not wait."""
    assert parse(ipv4(6, tcp()[20:36], fragment=MORE)) == "transport"


@pytest.mark.parametrize("data", [udp(), udp(b""), tcp(), tcp(ACK), echo(), udp(b"x" * 1400)])
def test_others_read_it_alike(data):
    """dpkt finds the same in it."""
    theirs, ours = dpkt.ip.IP(data), read(data)
    assert (theirs.src, theirs.dst) == (ours.flow.source.packed, ours.flow.destination.packed)
    if theirs.p != dpkt.ip.IP_PROTO_ICMP:
        assert (theirs.data.sport, theirs.data.dport) == (ours.flow.source_port, ours.flow.port)
    else:
        assert theirs.data.data.id == ours.flow.source_port


def test_it_is_a_value():
    """Equal packets are equal, and a name can be put beside what was read."""
    named = replace(read(udp()), traffic=replace(read(udp()).traffic, name="www.example"))
    assert named.fingerprint == read(udp()).fingerprint
    assert named != read(udp()) == read(udp())
