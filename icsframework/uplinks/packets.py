"""One IPv4 packet of the hold device: who sends what to whom.  Pure.

The kernel routed it here, but a LAN host wrote it: nothing in it is believed that was not checked.  What a packet is
to the rules (``traffic``), to the queue (``flow``, ``fingerprint``) and to the wire (``data``) is found in one go,
because a burst of thousands must not hold up the rest of the gateway.
"""

from collections.abc import Hashable
from ipaddress import IPv4Address
from typing import Literal, NamedTuple

from icsframework.frozen import dataclass
from icsframework.uplinks.traffic import Form, Traffic
from icsframework.values import Address

__all__ = ["PROTOCOLS", "Flow", "Packet", "Unacceptable", "parse"]

Unacceptable = Literal["version", "header", "length", "fragment", "source", "transport"]
"""Why a packet cannot be held: it is no IPv4 packet; its header is cut off or shorter than a header can be; it is cut
off; it is a fragment but the first; it has a source that nobody can answer; its transport header is impossible.
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
_ICMP, _TCP, _UDP = 1, 6, 17
_SHORTEST = {_ICMP: 8, _TCP: 20, _UDP: 8}
"""Octets of the shortest transport header (RFC 792, 9293, 768)."""
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
    identification, the time to live and the checksums are.  ``more`` is true for the first fragment of a datagram.
    """

    data: bytes
    flow: Flow
    fingerprint: Hashable
    traffic: Traffic
    more: bool = False

    @property
    def own(self) -> bool:
        """True if the gateway itself sent it."""
        return self.traffic.own


def parse(data: bytes, own: frozenset[Address] = frozenset()) -> Packet | Unacceptable:
    """The packet in ``data``, or why it is none that can be held; ``own`` are the gateway's addresses.  Never raises."""
    if not data or data[0] >> 4 != _VERSION_4:
        return "version"
    header = (data[0] & 0x0F) * _WORD
    if header < _HEADER or len(data) < header:
        return "header"
    total = int.from_bytes(data[2:4])
    if not header <= total <= len(data):
        return "length"
    fragment = int.from_bytes(data[6:8])
    if fragment & _OFFSET:
        return "fragment"
    first = data[12]
    if first == 0 or first == _LOOPBACK or first >= _MULTICAST:
        return "source"
    return _transport(data[:total], header, bool(fragment & _MORE), own)


def _transport(
    data: bytes, header: int, more: bool, own: frozenset[Address]
) -> Packet | Literal["transport"]:
    number = data[9]
    body = len(data) - header
    if body < _SHORTEST.get(number, 0):
        return "transport"
    form: Form | None = None
    port: int | None = None
    source_port = destination_port = 0
    content: Hashable
    if number == _TCP:
        source_port, destination_port = _ports(data, header)
        offset, flags = data[header + 12] >> 4, data[header + 13]
        if not _SHORTEST[_TCP] <= offset * _WORD <= (body if not more else 60):
            return "transport"
        port, form, content = destination_port, _form(flags), (data[header + 4 : header + 8], flags)
    elif number == _UDP:
        source_port, destination_port = _ports(data, header)
        length = int.from_bytes(data[header + 4 : header + 6])
        if length < _SHORTEST[_UDP] or (length > body and not more):
            return "transport"
        port, content = destination_port, hash(data[header + 8 :])
    elif number == _ICMP:
        kind = data[header]
        source_port = int.from_bytes(data[header + 4 : header + 6]) if kind in _QUERIES else 0
        form = "echo" if kind == _ECHO else None
        content = hash(data[header : header + 2] + data[header + 4 :])
    else:
        content = hash(data[header:])
    protocol = PROTOCOLS.get(number) or str(number)
    source, destination = IPv4Address(data[12:16]), IPv4Address(data[16:20])
    flow = Flow(source, destination, protocol, source_port, destination_port)
    ours = source in own
    client = None if ours else source
    traffic = Traffic(client, protocol, destination, port, form=form, own=ours)
    return Packet(data, flow, (flow, content), traffic, more)


def _ports(data: bytes, at: int) -> tuple[int, int]:
    return int.from_bytes(data[at : at + 2]), int.from_bytes(data[at + 2 : at + 4])


def _form(flags: int) -> Form | None:
    """RST and FIN first: no connection is opened by what also ends one."""
    if flags & (_FIN | _RST):
        return "closing"
    return "opening" if flags & (_SYN | _ACK) == _SYN else None
