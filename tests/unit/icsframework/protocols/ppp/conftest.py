"""TCP packets made by dpkt, whose checksums are its own work and not ours."""

import dpkt
import pytest


def tcp_packet(
    seq=1000, ack=2000, data=b"", flags=dpkt.tcp.TH_ACK, window=8192, ident=1, urgent=0, sport=1025, options=b"", ttl=64, **ip
):  # fmt: skip
    """A whole IPv4 packet with TCP in it."""
    tcp = dpkt.tcp.TCP(
        sport=sport, dport=80, seq=seq & 0xFFFFFFFF, ack=ack & 0xFFFFFFFF, flags=flags, win=window, urp=urgent, data=data
    )  # fmt: skip
    tcp.opts = options
    tcp.off = 5 + len(options) // 4
    packet = dpkt.ip.IP(src=b"\x0a\0\0\1", dst=b"\x0a\0\0\2", p=6, id=ident & 0xFFFF, ttl=ttl, data=tcp, **ip)
    packet.len = len(packet)
    return bytes(packet)


@pytest.fixture
def tcp():
    """The function that makes a packet."""
    return tcp_packet
