"""IPV6CP: the interface identifiers of both ends (RFC 5072).  Nobody waits for it."""

from collections.abc import Callable, Sequence

from icsframework.protocols.ppp.automaton import Limits
from icsframework.protocols.ppp.negotiation import Layer, Verdict
from icsframework.protocols.ppp.packet import Code, Option, Protocol

__all__ = ["Ipv6cp"]

INTERFACE_IDENTIFIER = 1
"""Option type (section 4.1); IPv6-Compression-Protocol (2) is rejected."""
NONE = bytes(8)
_UNIVERSAL = 0x02
"""The "u" bit in the first octet: 0 says that the identifier is not globally unique (section 4.1)."""


class Ipv6cp(Layer):
    """The control protocol of IPv6 of one end.  ``random(n)`` gives n random octets."""

    name = "IPV6CP"
    served = "IPv6 on the link"
    protocol = Protocol.IPV6CP

    def __init__(self, limits: Limits, random: Callable[[int], bytes]) -> None:
        super().__init__(limits)
        self._random = random
        self.local = self._identifier()
        """Our interface identifier, 8 octets."""
        self.peer = NONE
        """The peer's; zeros if it named none."""
        self._ask = True

    def _identifier(self) -> bytes:
        octets = self._random(8)
        made = bytes((octets[0] & ~_UNIVERSAL,)) + octets[1:]
        return made if any(made) else b"\0\0\0\0\0\0\0\1"

    def wanted(self) -> tuple[Option, ...]:
        """See Layer."""
        return (Option(INTERFACE_IDENTIFIER, self.local),) if self._ask else ()

    def naked(self, option: Option) -> None:
        """See Layer.  The peer's proposal is taken if it can be told from the peer's own."""
        if option.type == INTERFACE_IDENTIFIER and self._ask:
            good = len(option.value) == 8 and any(option.value) and option.value != self.peer
            self.local = option.value if good else self._identifier()

    def rejected(self, option: Option) -> None:
        """See Layer.  A rejected identifier is not asked for again; our own one stays."""
        if option.type == INTERFACE_IDENTIFIER:
            self._ask = False

    def judge(self, options: Sequence[Option], now: float) -> Verdict:
        """See Layer."""
        rejects = tuple(
            option for option in options if option.type != INTERFACE_IDENTIFIER or len(option.value) != 8
        )
        if rejects:
            return Verdict(Code.CONFIGURE_REJECT, rejects)
        for option in options:
            if option.value in (NONE, self.local):
                return Verdict(Code.CONFIGURE_NAK, (Option(INTERFACE_IDENTIFIER, self._identifier()),))
        return Verdict(Code.CONFIGURE_ACK, tuple(options))

    def granted(self, options: Sequence[Option]) -> None:
        """See Layer."""
        self.peer = dict(options).get(INTERFACE_IDENTIFIER, NONE)
