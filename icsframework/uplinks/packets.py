"""One IPv4 packet of the hold device: who sends what to whom.  Pure.

The kernel routed it here, but a LAN host wrote it: nothing in it is believed that was not checked.  What a packet is
to the rules (``traffic``), to the queue (``flow``, ``fingerprint``) and to the wire (``data``) is found in one go,
because a burst of thousands must not hold up the rest of the gateway.
"""

from collections.abc import Callable, Container, Hashable, Mapping
from ipaddress import IPv4Address
from typing import Literal, NamedTuple

from icsframework.frozen import dataclass
from icsframework.uplinks.traffic import Form, Traffic
from icsframework.values import Address

__all__ = ["PROTOCOLS", "Flow", "Fragment", "Packet", "Unacceptable", "parse"]

Unacceptable = Literal["version", "header", "length", "fragment", "source", "transport"]
"""Why a packet cannot be held: it is no IPv4 packet; its header is cut off or too short; it is cut off; it is a fragment
of nothing, or of more than a datagram can be; its source is nobody who could be answered; its transport header is
impossible.
"""

PROTOCOLS = {
    1: "icmp",
    2: "igmp",
    6: "tcp",
    17: "udp",
    41: "ipv6",
    47: "gre",
    50: "esp",
    51: "ah",
    132: "sctp",
}
"""Names by the number in the header (IANA protocol numbers); every other one is called by its number."""

_HEADER = 20
"""Octets of an IPv4 header without options (RFC 791 section 3.1)."""
_VERSION_4 = 4
_WORD = 4
"""Octets of a word, in which header lengths are counted."""
_OFFSET, _MORE = 0x1FFF, 0x2000
"""Fragment offset and "more fragments" in the field of both."""
_BLOCK = 8
"""Octets in which fragment offsets are counted."""
_LONGEST = 65535 - _HEADER
"""Octets that a datagram can carry."""
_ICMP_HEADER, _TCP_HEADER, _UDP_HEADER = 8, 20, 8
"""Octets of the shortest transport headers."""
_FIN, _SYN, _RST, _ACK = 0x01, 0x02, 0x04, 0x10
_ECHO = 8
"""ICMP type of an echo request."""
_QUERIES = frozenset({0, 8, 13, 14, 15, 16, 17, 18})
"""ICMP types with an identifier where the others have something else (RFC 792, 950)."""
_LOOPBACK, _MULTICAST = 127, 224
"""First octet of loopback addresses; from this one on addresses are of groups, or reserved (RFC 6890)."""


class Flow(NamedTuple):
    """What belongs together.  Without ports they are 0; an ICMP query has its identifier as the source's."""

    source: Address
    destination: Address
    protocol: str
    source_port: int = 0
    port: int = 0


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet that may be held.

    ``traffic`` is what the rules judge, without the name, which is not in the packet.  ``fingerprint`` is the same for a
    retransmission: TCP by flow, sequence number and flags; everything else by flow and content, whatever the IP
    identification, the time to live and the checksums are.  The first fragment of a datagram has in ``datagram`` what
    the others have in theirs, and in ``rest`` those that are here.
    """

    data: bytes
    flow: Flow
    fingerprint: Hashable
    traffic: Traffic
    datagram: bytes = b""
    rest: tuple[bytes, ...] = ()

    @property
    def own(self) -> bool:
        """True if the gateway itself sent it."""
        return self.traffic.own


@dataclass(frozen=True, slots=True)
class Fragment:
    """A fragment but the first: it has no ports, and goes where its datagram's first one goes (RFC 791 section 3.2)."""

    data: bytes
    datagram: bytes


def parse(data: bytes, own: Container[Address] = ()) -> Packet | Fragment | Unacceptable:
    """The packet in ``data``, or why it is none that can be held; ``own`` are the gateway's addresses.  Never raises."""
    if not data or data[0] >> 4 != _VERSION_4:
        return "version"
    header = (data[0] & 0x0F) * _WORD
    if header < _HEADER or len(data) < header:
        return "header"
    total = int.from_bytes(data[2:4])
    if not header <= total <= len(data):
        return "length"
    first = data[12]
    if first == 0 or first == _LOOPBACK or first >= _MULTICAST:
        return "source"
    if total < len(data):
        data = data[:total]
    place = int.from_bytes(data[6:8])
    if not place & (_OFFSET | _MORE):
        return _whole(data, header, b"", own)
    datagram = data[4:6] + data[9:10] + data[12:20]
    if not place & _OFFSET:
        return _whole(data, header, datagram, own)
    end = (place & _OFFSET) * _BLOCK + total - header
    return Fragment(data, datagram) if header < total and end <= _LONGEST else "fragment"


def _whole(
    data: bytes, header: int, datagram: bytes, own: Container[Address]
) -> Packet | Literal["transport"]:
    """A packet, or the first fragment of one, which must have its whole transport header."""
    number = data[9]
    found = _TRANSPORTS.get(number, _other)(data, header, bool(datagram))
    if found is None:
        return "transport"
    source_port, port, form, content = found
    protocol = PROTOCOLS.get(number) or str(number)
    source, destination = IPv4Address(data[12:16]), IPv4Address(data[16:20])
    flow = Flow(source, destination, protocol, source_port, port or 0)
    ours = source in own
    traffic = Traffic(None if ours else source, protocol, destination, port, form=form, own=ours)
    return Packet(data, flow, (flow, content), traffic, datagram)


_Found = tuple[int, int | None, Form | None, Hashable] | None
"""Source port (or what stands for it), destination port, form, and what tells it from others of its flow; None: impossible."""


def _tcp(data: bytes, at: int, more: bool) -> _Found:
    """A segment (RFC 9293 section 3.1)."""
    body = len(data) - at
    if body < _TCP_HEADER:
        return None
    header = (data[at + 12] >> 4) * _WORD
    if header < _TCP_HEADER or (header > body and not more):
        return None
    flags = data[at + 13]
    content = (data[at + 4 : at + 8], flags)
    return int.from_bytes(data[at : at + 2]), int.from_bytes(data[at + 2 : at + 4]), _form(flags), content


def _form(flags: int) -> Form | None:
    """RST and FIN first: nothing opens a connection that also ends one."""
    if flags & (_FIN | _RST):
        return "closing"
    return "opening" if flags & (_SYN | _ACK) == _SYN else None


def _udp(data: bytes, at: int, more: bool) -> _Found:
    """A datagram (RFC 768)."""
    body = len(data) - at
    if body < _UDP_HEADER:
        return None
    length = int.from_bytes(data[at + 4 : at + 6])
    if length < _UDP_HEADER or (length > body and not more):
        return None
    ports = int.from_bytes(data[at : at + 2]), int.from_bytes(data[at + 2 : at + 4])
    return *ports, None, hash(data[at + _UDP_HEADER :])


def _icmp(data: bytes, at: int, more: bool) -> _Found:
    """A message (RFC 792); queries of one identifier are a flow."""
    if len(data) - at < _ICMP_HEADER:
        return None
    kind = data[at]
    query = int.from_bytes(data[at + 4 : at + 6]) if kind in _QUERIES else 0
    return query, None, "echo" if kind == _ECHO else None, hash(data[at : at + 2] + data[at + 4 :])


def _other(data: bytes, at: int, more: bool) -> _Found:
    return 0, None, None, hash(data[at:])


_TRANSPORTS: Mapping[int, Callable[[bytes, int, bool], _Found]] = {1: _icmp, 6: _tcp, 17: _udp}
