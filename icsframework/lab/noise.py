"""What the machines of a home say all day without anybody wanting the Internet: packets as the network sees them.  Pure.

Each kind is one IPv4 packet, ready for a raw socket.  A gateway that dials for one of them dials for nothing.
"""

import struct
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address, IPv4Interface

import dpkt

__all__ = ["flood", "home_noise", "packet", "udp"]

TTL = 64

SYN, ACK, FIN, RST, PUSH = (
    dpkt.tcp.TH_SYN,
    dpkt.tcp.TH_ACK,
    dpkt.tcp.TH_FIN,
    dpkt.tcp.TH_RST,
    dpkt.tcp.TH_PUSH,
)
BROADCAST_PORTS = {"netbios name": 137, "netbios datagram": 138, "dhcp": 67, "dropbox": 17500}
MULTICAST = {
    "mdns": ("224.0.0.251", 5353),
    "ssdp": ("239.255.255.250", 1900),
    "llmnr": ("224.0.0.252", 5355),
    "ws-discovery": ("239.255.255.250", 3702),
}
UNICAST_UDP = {
    "netbios name": 137,
    "netbios datagram": 138,
    "smb": 445,
    "mdns": 5353,
    "ssdp": 1900,
    "llmnr": 5355,
    "ntp": 123,
}
UNICAST_TCP = {"netbios session": 139, "smb": 445, "llmnr": 5355}
MIDDLES = {
    "rst": RST,
    "rst ack": RST | ACK,
    "fin ack": FIN | ACK,
    "ack in the middle": ACK,
    "data in the middle": PUSH | ACK,
    "syn ack": SYN | ACK,
}
NOWHERE = ("169.254.7.7", "240.0.0.1")
"""Addresses that no provider leads to: link-local, reserved."""


def packet(source: str, destination: str, protocol: int, content: bytes) -> bytes:
    """An IPv4 packet; the kernel of a raw socket fills in identification and checksum of the header."""
    made = dpkt.ip.IP(
        src=IPv4Address(source).packed, dst=IPv4Address(destination).packed, p=protocol, ttl=TTL
    )
    made.data = content
    made.len = len(made)
    return bytes(made)


def udp(source: str, destination: str, sport: int, dport: int, data: bytes = b"noise") -> bytes:
    """A datagram, with its checksum left out, as IPv4 allows (RFC 768)."""
    return packet(
        source, destination, dpkt.ip.IP_PROTO_UDP, struct.pack("!HHHH", sport, dport, 8 + len(data), 0) + data
    )


def tcp(source: str, destination: str, sport: int, dport: int, flags: int) -> bytes:
    """A segment.  dpkt adds the checksum, with the addresses, when the whole packet is put together."""
    segment = dpkt.tcp.TCP(sport=sport, dport=dport, flags=flags, seq=1000, ack=2000 if flags & ACK else 0)
    if flags & PUSH:
        segment.data = b"noise"
    made = dpkt.ip.IP(
        src=IPv4Address(source).packed,
        dst=IPv4Address(destination).packed,
        p=dpkt.ip.IP_PROTO_TCP,
        ttl=TTL,
    )
    made.data = segment
    made.len = len(made)
    return bytes(made)


def icmp(source: str, destination: str, kind: int, code: int, rest: bytes) -> bytes:
    """An ICMP message with its checksum; ``rest`` is what follows the checksum."""
    body = struct.pack("!BBH", kind, code, 0) + rest
    total = dpkt.in_cksum(body)
    return packet(source, destination, dpkt.ip.IP_PROTO_ICMP, body[:2] + struct.pack("!H", total) + body[4:])


def home_noise(own: IPv4Interface, far: str) -> Mapping[str, bytes]:
    """Every kind by its name, sent by the host that has the address ``own``; ``far`` is a server in the Internet."""
    source = str(own.ip)
    kinds = {
        f"{name} broadcast": udp(source, str(own.network.broadcast_address), port, port)
        for name, port in BROADCAST_PORTS.items()
    }
    kinds["broadcast to all"] = udp(source, "255.255.255.255", 4000, 4000)
    kinds |= {f"{name} multicast": udp(source, to, port, port) for name, (to, port) in MULTICAST.items()}
    kinds |= {f"{name} over udp": udp(source, far, port, port) for name, port in UNICAST_UDP.items()}
    kinds |= {f"{name} over tcp": tcp(source, far, 40001, port, SYN) for name, port in UNICAST_TCP.items()}
    kinds |= {name: tcp(source, far, 40002, 80, flags) for name, flags in MIDDLES.items()}
    kinds |= {f"to {place}": udp(source, place, 4001, 4001) for place in NOWHERE}
    quoted = udp(far, source, 80, 40003)[:28]
    kinds["echo reply"] = icmp(source, far, 0, 0, bytes(4) + b"noise")
    kinds["port unreachable"] = icmp(source, far, 3, 3, bytes(4) + quoted)
    return kinds


def flood(source: str, destination: str) -> Iterator[bytes]:
    """What scanners send to every public address, without end: datagrams and SYNs to one port after the other."""
    while True:
        for port in range(1, 65536, 13):
            yield udp(source, destination, 6000, port)
            yield tcp(source, destination, 6000, port, SYN)
