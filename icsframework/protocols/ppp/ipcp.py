"""IPCP: addresses, name servers and header compression for IPv4 (RFC 1332, RFC 1877, RFC 1144).

One class for both ends.  A subscriber asks for 0.0.0.0 and takes what it is
told; a provider knows its own address, the peer's, and the servers to tell.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from ipaddress import IPv4Address

from icsframework.frozen import dataclass
from icsframework.protocols.ppp.actions import Cause
from icsframework.protocols.ppp.automaton import Limits
from icsframework.protocols.ppp.negotiation import Layer, Verdict
from icsframework.protocols.ppp.packet import Code, Option, Protocol

__all__ = ["FALLBACK_PEER", "Ipcp", "IpcpSettings", "VjOption"]

COMPRESSION, ADDRESS, DNS_1, DNS_2 = 2, 3, 129, 131
"""Option types (RFC 1332 section 3, RFC 1877 section 1).  All others are rejected: IP-Addresses (1) is deprecated,
NBNS (130, 132) is of no use here.
"""
NOWHERE = IPv4Address(0)
FALLBACK_PEER = IPv4Address("10.64.64.64")
"""What a peer is called that does not know its own address, as pppd does: nobody routes to it."""
PLACEHOLDERS = (IPv4Address("10.11.12.13"), IPv4Address("10.11.12.14"))
"""What cellular modems call their name servers as long as they do not know them, and sometimes for ever."""
MOST_SLOTS = 16
"""Connections that VJ compression remembers in each direction (RFC 1144 section 3.2.2)."""


@dataclass(frozen=True, slots=True)
class VjOption:
    """The parameters of VJ compression (RFC 1332 section 4): how many connections, and whether their numbers may be left out."""

    slots: int = MOST_SLOTS
    compress_ids: bool = True

    @classmethod
    def from_wire(cls, value: bytes) -> "VjOption | None":
        """Read the option's value; None if it is another kind of compression, or not well formed."""
        if len(value) != 4 or int.from_bytes(value[:2], "big") != Protocol.VJ_COMPRESSED or value[3] > 1:
            return None
        return cls(value[2] + 1, bool(value[3]))

    def to_wire(self) -> bytes:
        """The option's value."""
        return Protocol.VJ_COMPRESSED.to_bytes(2, "big") + bytes((self.slots - 1, self.compress_ids))


@dataclass(frozen=True, slots=True)
class IpcpSettings:
    """What this end is and gives; the defaults are a subscriber's."""

    local: IPv4Address = NOWHERE
    """Our address; 0.0.0.0 asks the peer for one."""
    accept_local: bool = True
    """Take another address than ``local`` if the peer says so."""
    peer: IPv4Address = NOWHERE
    """The peer's address, the only one it may have; 0.0.0.0 lets it choose."""
    ask_dns: bool = True
    """Ask for name servers."""
    give_dns: tuple[IPv4Address, ...] = ()
    """Name servers to tell a peer that asks; at most two are told."""
    vj: VjOption | None = VjOption()
    """Compress TCP headers, if the peer can; None for never."""


class Ipcp(Layer):
    """The control protocol of IPv4 of one end.  ``random(n)`` gives n random octets."""

    name = "IPCP"
    served = "IP on the link"
    protocol = Protocol.IPCP

    def __init__(self, settings: IpcpSettings, limits: Limits, random: Callable[[int], bytes]) -> None:
        super().__init__(limits)
        self.settings = settings
        self.peer = settings.peer
        """The peer's address; 0.0.0.0 as long as it is not known."""
        self.send_vj: VjOption | None = None
        """What the peer can decompress."""
        self._random = random
        self._added = False
        self._options: dict[int, bytes] = {ADDRESS: settings.local.packed}
        if settings.vj is not None:
            self._options[COMPRESSION] = settings.vj.to_wire()
        if settings.ask_dns:
            self._options |= {DNS_1: NOWHERE.packed, DNS_2: NOWHERE.packed}

    # --- what came out

    @property
    def local(self) -> IPv4Address:
        """Our address."""
        value = self._options.get(ADDRESS)
        return self.settings.local if value is None else IPv4Address(value)

    @property
    def dns(self) -> tuple[IPv4Address, ...]:
        """The servers that the peer told us, without gaps, doubles and placeholders."""
        told = [IPv4Address(self._options.get(kind, NOWHERE.packed)) for kind in (DNS_1, DNS_2)]
        return tuple(dict.fromkeys(each for each in told if usable(each) and each not in PLACEHOLDERS))

    @property
    def receive_vj(self) -> VjOption | None:
        """What the peer may send compressed."""
        value = dict(self.asked).get(COMPRESSION)
        return None if value is None else VjOption.from_wire(value)

    # --- our options

    def wanted(self) -> tuple[Option, ...]:
        """See Layer."""
        return tuple(Option(kind, value) for kind, value in self._options.items())

    def accepted(self) -> None:
        """See Layer.  A peer that is content with 0.0.0.0 has given nothing."""
        if self.local == NOWHERE:
            self.because(Cause.DISAGREED, "the peer gave us no address")

    def naked(self, option: Option) -> None:
        """See Layer."""
        kind, value = option
        if kind == COMPRESSION:
            self._other_compression(VjOption.from_wire(value))
        elif kind == ADDRESS and len(value) == 4:
            address = IPv4Address(value)
            ours = self.settings.local
            if usable(address) and (ours == NOWHERE or self.settings.accept_local):
                self._options[ADDRESS] = value
        elif kind in (DNS_1, DNS_2) and kind in self._options and len(value) == 4:
            if not usable(IPv4Address(value)):
                self._options.pop(kind)  # it has none
            else:
                self._options[kind] = value

    def _other_compression(self, proposed: VjOption | None) -> None:
        mine = self.settings.vj
        if mine is None or proposed is None or COMPRESSION not in self._options:
            self._options.pop(COMPRESSION, None)
            return
        fewer = VjOption(min(mine.slots, proposed.slots), mine.compress_ids and proposed.compress_ids)
        self._options[COMPRESSION] = fewer.to_wire()

    def rejected(self, option: Option) -> None:
        """See Layer."""
        had = self._options.pop(option.type, None) is not None
        if had and option.type == ADDRESS and self.settings.local == NOWHERE:
            self.because(Cause.DISAGREED, "the peer gives no addresses")

    # --- the peer's options

    def judge(self, options: Sequence[Option], now: float) -> Verdict:
        """See Layer."""
        rejects = tuple(option for option in options if not self._known(option))
        if rejects:
            return Verdict(Code.CONFIGURE_REJECT, rejects)
        naks = [better for option in options for better in [self._better(option)] if better != option]
        if self._must_add(options):
            self._added = True
            naks.append(Option(ADDRESS, self.settings.peer.packed))
        if naks:
            return Verdict(Code.CONFIGURE_NAK, tuple(naks))
        return Verdict(Code.CONFIGURE_ACK, tuple(options))

    def _must_add(self, options: Sequence[Option]) -> bool:
        """A provider tells its address also to a peer that does not ask, once (RFC 1661 section 5.3)."""
        return self.settings.peer != NOWHERE and not self._added and ADDRESS not in dict(options)

    def _known(self, option: Option) -> bool:
        kind, value = option
        if kind == COMPRESSION:
            return self.settings.vj is not None and VjOption.from_wire(value) is not None
        if kind in (DNS_1, DNS_2):
            return len(value) == 4 and bool(self.settings.give_dns)
        return kind == ADDRESS and len(value) == 4

    def _better(self, option: Option) -> Option:
        """The option as we would take it, which is often as it is."""
        kind, value = option
        if kind == ADDRESS:
            return Option(ADDRESS, self._peer_address(IPv4Address(value)).packed)
        if kind in (DNS_1, DNS_2):
            # A single one is told twice, as pppd does: a Reject of the second would cost a round trip.
            servers = self.settings.give_dns
            return Option(kind, servers[min(kind == DNS_2, len(servers) - 1)].packed)
        return option

    def _peer_address(self, asked: IPv4Address) -> IPv4Address:
        if self.settings.peer != NOWHERE:
            return self.settings.peer
        if usable(asked) and asked != self.local:
            return asked
        if self.local != FALLBACK_PEER:
            return FALLBACK_PEER
        # Two subscribers back to back call each other the same; chance parts them.
        return IPv4Address(int(FALLBACK_PEER) + 1 + self._random(1)[0] % 128)

    def granted(self, options: Sequence[Option]) -> None:
        """See Layer."""
        values = dict(options)
        asked = values.get(ADDRESS)
        if asked is not None:
            self.peer = IPv4Address(asked)
        elif self.peer == NOWHERE:
            self.peer = self._peer_address(NOWHERE)
        vj = VjOption.from_wire(values.get(COMPRESSION, b""))
        self.send_vj = None if vj is None else replace(vj, slots=min(vj.slots, MOST_SLOTS))


def usable(address: IPv4Address) -> bool:
    """True for an address that an end of a link, or a name server, can have."""
    return not (
        address.is_unspecified
        or address.is_loopback
        or address.is_multicast
        or int(address) == 0xFFFFFFFF
        or int(address) >> 24 == 0
    )
