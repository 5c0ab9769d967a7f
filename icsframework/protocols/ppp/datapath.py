"""IP packets on an open link: headers as agreed, VJ compression, many frames in one buffer."""

from collections.abc import Iterable

from icsframework.protocols.ppp.hdlc import Encoder
from icsframework.protocols.ppp.ipcp import VjOption
from icsframework.protocols.ppp.lcp import LinkOptions
from icsframework.protocols.ppp.packet import ADDRESS_CONTROL, Protocol
from icsframework.protocols.ppp.vj import Compressor, Decompressor

__all__ = ["Datapath", "DatapathCounters"]


class DatapathCounters:
    """Packets; they live as long as the link, whatever is negotiated anew."""

    __slots__ = ("compressed", "oversize", "restored", "unsendable", "vj_lost")

    def __init__(self) -> None:
        self.compressed = 0
        """Sent with a compressed header."""
        self.restored = 0
        """Received with a compressed header."""
        self.oversize = 0
        """Not sent: larger than the peer takes."""
        self.unsendable = 0
        """Not sent: of a protocol that is not up."""
        self.vj_lost = 0
        """Received compressed and not restorable."""


class Datapath:
    """How frames are sent with what LCP and IPCP have agreed on."""

    def __init__(self, peer: LinkOptions, mtu: int, counters: DatapathCounters) -> None:
        self.mtu = min(mtu, peer.mru)
        self.counters = counters
        self.compressor: Compressor | None = None
        self.decompressor: Decompressor | None = None
        self.ipv4 = self.ipv6 = False
        self._encoder = Encoder(peer.accm)
        self._start = b"" if peer.acfc else ADDRESS_CONTROL
        self._pfc = peer.pfc
        self._heads = {protocol: self._head(protocol) for protocol in Protocol}

    def _head(self, protocol: int) -> bytes:
        return self._start + protocol.to_bytes(1 if self._pfc and protocol < 256 else 2, "big")

    def open_ipv4(self, send: VjOption | None, receive: VjOption | None) -> None:
        """IPCP is up."""
        self.ipv4 = True
        self.compressor = None if send is None else Compressor(send.slots, send.compress_ids)
        self.decompressor = None if receive is None else Decompressor(receive.slots)

    def close_ipv4(self) -> None:
        """IPCP is down."""
        self.ipv4 = False
        self.compressor = self.decompressor = None

    def control(self, protocol: int, information: bytes) -> bytes:
        """The wire octets of a control packet other than LCP."""
        return self._encoder.encode((self._head(protocol) + information,))

    def send(self, packets: Iterable[bytes]) -> bytes:
        """The wire octets of IP packets; those that cannot be sent are counted."""
        frames = []
        for packet in packets:
            version = packet[0] >> 4 if packet else 0
            if len(packet) > self.mtu:
                self.counters.oversize += 1
            elif version == 4 and self.ipv4:
                frames.append(self._ipv4(packet))
            elif version == 6 and self.ipv6:
                frames.append(self._heads[Protocol.IPV6] + packet)
            else:
                self.counters.unsendable += 1
        return self._encoder.encode(frames)

    def _ipv4(self, packet: bytes) -> bytes:
        if self.compressor is None:
            return self._heads[Protocol.IP] + packet
        protocol, information = self.compressor.compress(packet)
        if protocol is Protocol.VJ_COMPRESSED:
            self.counters.compressed += 1
        return self._heads[protocol] + information

    def lost(self) -> None:
        """A frame from the peer was lost."""
        if self.decompressor is not None:
            self.decompressor.toss()
