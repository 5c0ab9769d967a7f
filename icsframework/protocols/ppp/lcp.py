"""LCP: what both ends agree on before anything else passes (RFC 1661 sections 5 and 6, RFC 1662 section 7).

Our options: MRU, the character map, a magic number against loops, compression of
the header fields, and the authentication that we demand.  Of the peer's every
known one is taken in any form that the line can carry; others are rejected, so
that the peer does without.
"""

from collections.abc import Callable, Sequence

from icsframework.frozen import dataclass
from icsframework.protocols.ppp.actions import Cause
from icsframework.protocols.ppp.auth.method import Method
from icsframework.protocols.ppp.automaton import Event, Limits
from icsframework.protocols.ppp.hdlc import ALL_CONTROLS
from icsframework.protocols.ppp.liveness import Echo, Liveness
from icsframework.protocols.ppp.negotiation import Layer, Output, Verdict
from icsframework.protocols.ppp.packet import Code, MalformedPacket, Option, Packet, Protocol

__all__ = ["DEFAULT_MRU", "Lcp", "LcpSettings", "LinkOptions"]

MRU, ACCM, AUTHENTICATION, MAGIC, PFC, ACFC = 1, 2, 3, 5, 7, 8
"""Option types (RFC 1661 section 6; ACCM: RFC 1662 section 7.1)."""

DEFAULT_MRU = 1500
"""Octets; whatever is agreed, so much can always be received (RFC 1661 section 6.1)."""
SMALLEST_MRU = 128
"""Octets; a peer that wants less is asked to take this: below it headers are all that fits."""
LOOPS = 5
"""Configure-Requests with our own magic number until the line counts as looped: chance does that once in 2^32."""
OWN_ECHOES = 2
"""Echo-Requests of our own that come back on an open link until it counts as looped."""
LOOPED = "everything sent comes back: the line is looped, or there is a modem or login prompt at its end"


@dataclass(frozen=True, slots=True)
class LcpSettings:
    """What this end asks for and accepts."""

    mru: int = DEFAULT_MRU
    """Octets of information this end wants to receive at most."""
    accm: int = 0
    """Octets below 0x20 (bit n for octet n) that the peer is to escape."""
    asynchronous: bool = True
    """The line is a serial one.  On PPPoE there is no character map and nothing to compress (RFC 2516 section 7)."""
    echo: Echo = Echo()
    silent: bool = False
    """Do not speak before the peer has."""
    accept: tuple[Method, ...] = (Method.MSCHAPV2, Method.CHAP_MD5, Method.PAP)
    """How we let ourselves be authenticated, best first; empty without credentials."""
    demand: tuple[Method, ...] = ()
    """How the peer must authenticate itself, best first; empty if it need not."""


@dataclass(frozen=True, slots=True)
class LinkOptions:
    """What a peer has been granted; the defaults hold until then."""

    mru: int = DEFAULT_MRU
    accm: int = ALL_CONTROLS
    authentication: Method | None = None
    magic: int = 0
    pfc: bool = False
    acfc: bool = False


class Lcp(Layer):
    """The link control protocol of one end.  ``random(n)`` gives n random octets."""

    name = "LCP"
    served = "the link"
    protocol = Protocol.LCP

    def __init__(self, settings: LcpSettings, limits: Limits, random: Callable[[int], bytes]) -> None:
        super().__init__(limits)
        self.settings = settings
        self.peer = LinkOptions()
        """What the peer asked for and got: how we must send."""
        self.agreed = LinkOptions()
        """What we asked for and got: how the peer sends, and how it authenticates itself."""
        self.liveness = Liveness(settings.echo)
        self.looped = False
        """What we send comes back to us."""
        self.unmet = ""
        """The authentication that the peer wanted and did not get; it may leave for that reason much later."""
        self.lost = False
        """The peer is gone without a word."""
        self.rejected_protocol: int | None = None
        """The protocol in the last Protocol-Reject of the peer; whoever uses it sets it to None."""
        self._random = random
        self._loops = self._own_echoes = 0
        self._demand = list(settings.demand)
        self._options = self._initial()

    def _initial(self) -> dict[int, bytes]:
        settings = self.settings
        options = {} if settings.mru == DEFAULT_MRU else {MRU: settings.mru.to_bytes(2, "big")}
        if settings.asynchronous:
            options[ACCM] = settings.accm.to_bytes(4, "big")
        if self._demand:
            options[AUTHENTICATION] = self._demand[0].value
        options[MAGIC] = self._nonzero()
        if settings.asynchronous:
            options |= {PFC: b"", ACFC: b""}
        return options

    def _nonzero(self) -> bytes:
        magic = self._random(4)
        return magic if any(magic) else b"\0\0\0\1"

    # --- our options

    def wanted(self) -> tuple[Option, ...]:
        """See Layer."""
        return tuple(Option(kind, value) for kind, value in self._options.items())

    def accepted(self) -> None:
        """See Layer."""
        self.agreed = _link(self.asked)

    def naked(self, option: Option) -> None:
        """See Layer.  What the peer would add by itself is not asked for."""
        if option.type not in self._options:
            return
        value = option.value
        if option.type == MRU and len(value) == 2:
            # Never more than we can take; less is the peer's own choice.
            self._options[MRU] = min(value, self.settings.mru.to_bytes(2, "big"))
        elif option.type == ACCM and len(value) == 4:
            both = int.from_bytes(value, "big") | int.from_bytes(self._options[ACCM], "big")
            self._options[ACCM] = both.to_bytes(4, "big")
        elif option.type == MAGIC:
            self._options[MAGIC] = self._nonzero()
        elif option.type == AUTHENTICATION:
            self._other_method(value)

    def _other_method(self, value: bytes) -> None:
        """The peer would authenticate itself otherwise: as it says if we may, else the next best."""
        self._demand = self._demand[1:]
        proposed = [method for method in self._demand if method.value == value]
        self._demand = proposed + [method for method in self._demand if method.value != value]
        if self._demand:
            self._options[AUTHENTICATION] = self._demand[0].value
        else:
            self._unauthenticated()

    def _unauthenticated(self) -> None:
        names = " or ".join(method.title for method in self.settings.demand)
        self.because(Cause.DISAGREED, f"the peer does not authenticate itself with {names}")

    def rejected(self, option: Option) -> None:
        """See Layer."""
        if option.type == AUTHENTICATION and AUTHENTICATION in self._options:
            self._unauthenticated()
        else:
            self._options.pop(option.type, None)

    # --- the peer's options

    def judge(self, options: Sequence[Option], now: float) -> Verdict:
        """See Layer.  Of all the peer's options first those are rejected that we never take (RFC 1661 section 5.4)."""
        rejects = tuple(option for option in options if not self._known(option))
        if rejects:
            return Verdict(Code.CONFIGURE_REJECT, rejects)
        naks = tuple(better for option in options for better in [self._better(option)] if better != option)
        if naks:
            return Verdict(Code.CONFIGURE_NAK, naks)
        return Verdict(Code.CONFIGURE_ACK, tuple(options))

    def _known(self, option: Option) -> bool:
        if option.type in (ACCM, PFC, ACFC):
            return self.settings.asynchronous and len(option.value) == (4 if option.type == ACCM else 0)
        if option.type == AUTHENTICATION:
            if not self.settings.accept:
                self.unmet = self.hint = "it wants a user name and a password, and we have none for it"
            return bool(self.settings.accept)
        return len(option.value) == {MRU: 2, MAGIC: 4}.get(option.type, -1)

    def _better(self, option: Option) -> Option:
        """The option as we would take it, which is often as it is."""
        kind, value = option
        if kind == MRU:
            return Option(MRU, max(value, SMALLEST_MRU.to_bytes(2, "big")))
        if kind == AUTHENTICATION and value not in {method.value for method in self.settings.accept}:
            self.unmet = self.hint = f"it wants another authentication than we may give: 0x{value[:3].hex()}"
            return Option(AUTHENTICATION, self.settings.accept[0].value)
        if kind == MAGIC and value == self._options.get(MAGIC):
            self._loops += 1
            self.looped = self._loops >= LOOPS
            return Option(MAGIC, self._nonzero())
        if kind == MAGIC and not any(value):
            return Option(MAGIC, self._nonzero())
        return option

    def granted(self, options: Sequence[Option]) -> None:
        """See Layer."""
        self.peer = _link(options)
        self.hint = ""
        if self.peer.authentication is not None:
            self.unmet = ""

    # --- codes of its own

    def other(self, packet: Packet, now: float) -> list[Output] | None:
        """Protocol-Reject, echoes, and what RFC 1570 adds; all only on an open link (RFC 1661 sections 5.7-5.9)."""
        if packet.code == Code.ECHO_REQUEST:
            return self._echo_request(packet, now)
        if packet.code == Code.ECHO_REPLY:
            if self.opened and not self._ours(packet):
                self.liveness.answered(now)
            return []
        if packet.code == Code.PROTOCOL_REJECT:
            return self._protocol_reject(packet, now)
        if packet.code in (Code.DISCARD_REQUEST, Code.IDENTIFICATION, Code.TIME_REMAINING):
            return []
        return None

    def _ours(self, packet: Packet) -> bool:
        """The packet carries our magic number: it has come back."""
        return bool(self.agreed.magic) and packet.data[:4] == self.agreed.magic.to_bytes(4, "big")

    def _echo_request(self, packet: Packet, now: float) -> list[Output]:
        if not self.opened:
            return []
        if self._ours(packet):
            self._own_echoes += 1
            self.looped = self.looped or self._own_echoes >= OWN_ECHOES
            return []
        magic = self.agreed.magic.to_bytes(4, "big")
        room = max(0, self.peer.mru - 8)
        self._reply = Packet(Code.ECHO_REPLY, packet.ident, magic + packet.data[4 : 4 + room]).to_wire()
        return self._run(Event.RXR, now)

    def _protocol_reject(self, packet: Packet, now: float) -> list[Output]:
        if not self.opened:
            return []
        if len(packet.data) < 2:
            raise MalformedPacket("a Protocol-Reject that names no protocol")
        self.rejected_protocol = int.from_bytes(packet.data[:2], "big")
        if self.rejected_protocol == Protocol.LCP:
            return self.refused(now)
        return self._run(Event.RXJ_PLUS, now)

    def reject_protocol(self, protocol: int, information: bytes) -> bytes:
        """A Protocol-Reject for a frame of the peer (RFC 1661 section 5.7); empty if LCP is not open."""
        if not self.opened:
            return b""
        room = max(0, min(self.peer.mru, DEFAULT_MRU) - 6)
        return self._next(Code.PROTOCOL_REJECT, protocol.to_bytes(2, "big") + information[:room])

    # --- time

    @property
    def deadline(self) -> float | None:
        """See Layer."""
        return self.liveness.deadline if self.opened else self.automaton.deadline

    def timeout(self, now: float) -> list[Output]:
        """See Layer; also sends Echo-Requests, and ends a link whose peer is gone."""
        if not self.opened:
            return super().timeout(now)
        if self.liveness.dead(now):
            self.liveness.stop()
            self.lost = True
            seconds = self.liveness.silence
            self.because(Cause.SILENT, f"the peer has been silent for {seconds:.0f} s and answers no echo")
            return self.close(now, self.reason)
        if self.liveness.ask(now):
            return [self._next(Code.ECHO_REQUEST, self.agreed.magic.to_bytes(4, "big"))]
        return []


def _link(options: Sequence[Option]) -> LinkOptions:
    """Agreed options as a value; their forms have been checked."""
    values = dict(options)
    authentication = values.get(AUTHENTICATION)
    return LinkOptions(
        mru=int.from_bytes(values.get(MRU, DEFAULT_MRU.to_bytes(2, "big")), "big"),
        accm=int.from_bytes(values.get(ACCM, b"\xff\xff\xff\xff"), "big"),
        authentication=None if authentication is None else Method(authentication),
        magic=int.from_bytes(values.get(MAGIC, b""), "big"),
        pfc=PFC in values,
        acfc=ACFC in values,
    )
