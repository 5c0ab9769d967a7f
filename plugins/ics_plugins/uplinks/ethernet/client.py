"""The DHCP client of RFC 2131 section 4.4.  Pure: messages and time in, actions out.

States have the names of figure 5.  INIT and SELECTING look for a server, REQUESTING
takes its offer, INIT_REBOOT and REBOOTING ask for the address of last time, BOUND
uses it, RENEWING asks the same server for more time, REBINDING asks any.

Timing: 4 s before the first repetition, doubled, each moved by up to a second at
random (section 4.1).  ``TRIES`` messages without an answer end an attempt with
``Failed``; who tries again, and when, is the supervisor's business.  In RENEWING and
REBINDING half of the remaining time passes between messages, never less than a
minute (section 4.4.5).

Left out on purpose: the random delay before the first DISCOVER (section 4.4.1):
it guards a segment whose hosts are all switched on at once; a gateway is one host.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address

from ics_plugins.uplinks.ethernet.lease import Lease, read_lease
from icsframework.errors import WireError
from icsframework.protocols.dhcp import options
from icsframework.protocols.dhcp.message import BOOTREPLY, BOOTREQUEST, Message, MessageType

FIRST_WAIT = 4.0
"""Seconds before the first repetition (section 4.1)."""
SPREAD = 1.0
"""Seconds that a wait is moved by at most, either way (section 4.1)."""
TRIES = 4
"""Messages of one kind before the attempt has failed: after some 60 s."""
REBOOT_TRIES = 2
"""Messages in REBOOTING before we look for any server: a dozen seconds that a moved machine loses at most."""
SHORTEST_REPEAT = 60.0
"""Seconds between messages in RENEWING and REBINDING at least (section 4.4.5)."""
WANTED = bytes(
    (
        options.SUBNET_MASK,
        options.CLASSLESS_STATIC_ROUTE,  # before ROUTER (RFC 3442)
        options.ROUTER,
        options.DNS_SERVER,
        options.INTERFACE_MTU,
        options.BROADCAST_ADDRESS,
        options.RENEWAL_TIME,
        options.REBINDING_TIME,
    )
)
"""The parameter request list."""
MAX_MESSAGE = 1500
"""Bytes of IP datagram we accept (option 57): whole Ethernet frames."""


class State(Enum):
    """RFC 2131 figure 5."""

    INIT = "init"
    SELECTING = "selecting"
    REQUESTING = "requesting"
    INIT_REBOOT = "init-reboot"
    REBOOTING = "rebooting"
    BOUND = "bound"
    RENEWING = "renewing"
    REBINDING = "rebinding"


@dataclass(frozen=True, slots=True)
class Transmit:
    """Send a message: to all, or (``to``) from our address to the server."""

    message: Message
    to: IPv4Address | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """Is somebody using this address already?  Answer with ``checked``."""

    lease: Lease


@dataclass(frozen=True, slots=True)
class Bound:
    """The lease may be used, or goes on with these values."""

    lease: Lease


@dataclass(frozen=True, slots=True)
class Lost:
    """The attempt failed, or the address must not be used any more."""

    reason: str


Action = Transmit | Check | Bound | Lost


class DhcpClient:
    """One interface's client.

    ``chaddr`` is its hardware address, ``identity`` are the options that say who
    we are in every message (client identifier, host name); ``number`` returns a
    random 32-bit xid, ``random`` a float in [0, 1).
    """

    def __init__(
        self,
        chaddr: bytes,
        identity: Mapping[int, bytes],
        number: Callable[[], int],
        random: Callable[[], float],
    ) -> None:
        self.state = State.INIT
        self.lease: Lease | None = None
        self.unusable = 0
        """Messages of servers that could not be used."""
        self.complaint = ""
        """What was wrong with the last of them."""
        self._chaddr = chaddr
        self._identity = dict(identity)
        self._number = number
        self._random = random
        self._xid = 0
        self._began = 0.0
        self._tries = 0
        self._asked = 0.0
        self._offer: Lease | None = None
        self._deadline: float | None = None

    # --- what the shell says

    def start(self, now: float, last: Lease | None = None) -> Sequence[Action]:
        """Begin to get an address, that of ``last`` time if there is one (INIT-REBOOT)."""
        self._begin(now)
        if last is None:
            return self._discover(now)
        self.lease = last
        self.state = State.REBOOTING
        return self._repeat(now)

    def resume(self, lease: Lease, now: float) -> Sequence[Action]:
        """Go on with a lease that this machine still uses; it is asked about when its time comes."""
        self._begin(now)
        return self._bind(lease)

    def received(self, message: Message, now: float) -> Sequence[Action]:
        """A server's message.  What is not for us, or not now, has no effect."""
        if message.op != BOOTREPLY or message.xid != self._xid or message.chaddr != self._chaddr:
            return ()
        try:
            match message.message_type:
                case MessageType.OFFER if self.state is State.SELECTING:
                    return self._offered(read_lease(message, self._asked), now)
                case MessageType.ACK if self._expects_verdict():
                    return self._acknowledged(read_lease(message, self._asked))
                case MessageType.NAK if self._expects_verdict():
                    return self._refused(message, now)
        except WireError as error:
            # Another server may do better.
            self.unusable += 1
            self.complaint = str(error)
        return ()

    def checked(self, lease: Lease, in_use_by: str | None, now: float) -> Sequence[Action]:
        """The answer to Check: the MAC of whoever has the address, or None."""
        if self.state is not State.REQUESTING or self._offer is not lease:
            return ()
        if in_use_by is None:
            return self._bind(lease)
        decline = self._message(
            MessageType.DECLINE,
            {
                options.REQUESTED_ADDRESS: lease.address.ip.packed,
                options.SERVER_IDENTIFIER: lease.server.packed,
            },
        )
        self._stop()
        return Transmit(decline), Lost(f"{lease.address.ip} is used by {in_use_by}; the server was told")

    def timeout(self, now: float) -> Sequence[Action]:
        """The time of ``deadline`` has come."""
        if self._deadline is None or now < self._deadline:
            return ()
        match self.state:
            case State.BOUND | State.RENEWING | State.REBINDING:
                return self._extend(now)
            case State.REBOOTING if self._tries >= REBOOT_TRIES:
                self._begin(now)
                return self._discover(now)
            case State.REQUESTING if self._tries >= TRIES:
                self._stop()
                return (Lost("a DHCP server offers an address but does not confirm it"),)
            case State.SELECTING if self._tries >= TRIES:
                self._stop()
                return (Lost("no DHCP server answers"),)
        return self._repeat(now)

    def release(self, now: float) -> Sequence[Action]:
        """Give the address back (section 4.4.6) and stop."""
        lease, holds = self.lease, self.state in (State.BOUND, State.RENEWING, State.REBINDING)
        self._begin(now)
        self._stop()
        if lease is None or not holds:
            return ()
        message = self._message(
            MessageType.RELEASE,
            {options.SERVER_IDENTIFIER: lease.server.packed},
            ciaddr=int(lease.address.ip),
        )
        return (Transmit(message, to=lease.server),)

    def deadline(self) -> float | None:
        """When to call ``timeout``."""
        return self._deadline

    # --- the states

    def _begin(self, now: float) -> None:
        self._xid = self._number()
        self._began = self._asked = now
        self._tries = 0
        self._offer = None

    def _stop(self) -> None:
        self.state = State.INIT
        self.lease = None
        self._offer = None
        self._deadline = None

    def _discover(self, now: float) -> Sequence[Action]:
        self.state = State.SELECTING
        self.lease = None
        return self._repeat(now)

    def _offered(self, offer: Lease, now: float) -> Sequence[Action]:
        self._offer = offer
        self._tries = 0
        self.state = State.REQUESTING
        return self._repeat(now)

    def _expects_verdict(self) -> bool:
        return self.state in (State.REQUESTING, State.REBOOTING, State.RENEWING, State.REBINDING)

    def _acknowledged(self, lease: Lease) -> Sequence[Action]:
        if self.state is State.REQUESTING:
            if self._offer is None or lease.server != self._offer.server:
                return ()
            # A new address is looked for on the wire before it is used (section 3.1, 5).
            self._offer = lease
            self._deadline = None
            return (Check(lease),)
        return self._bind(lease)

    def _bind(self, lease: Lease) -> Sequence[Action]:
        self.lease = lease
        self.state = State.BOUND
        self._offer = None
        self._deadline = lease.T1
        return (Bound(lease),)

    def _refused(self, message: Message, now: float) -> Sequence[Action]:
        chosen = self._offer or (self.lease if self.state is State.RENEWING else None)
        server = message.options.get(options.SERVER_IDENTIFIER)
        if chosen is not None and server != chosen.server.packed:
            return ()  # only the server we asked may refuse
        was_using = self.state in (State.RENEWING, State.REBINDING)
        self._begin(now)
        if was_using:
            self._stop()
            return (Lost("the DHCP server took the address back"),)
        return self._discover(now)

    def _extend(self, now: float) -> Sequence[Action]:
        lease = self.lease
        assert lease is not None
        if now >= lease.expires:
            self._stop()
            return (Lost("the lease ran out and no DHCP server answered"),)
        if self.state is State.BOUND:
            self._begin(now)
        self.state = State.RENEWING if now < lease.T2 else State.REBINDING
        return self._repeat(now)

    # --- messages

    def _repeat(self, now: float) -> Sequence[Action]:
        """Send the message of the state and set the time of the next."""
        self._asked = now
        self._deadline = now + self._wait(now)
        self._tries += 1
        match self.state:
            case State.SELECTING:
                return (Transmit(self._message(MessageType.DISCOVER, {}, now=now)),)
            case State.REQUESTING:
                assert self._offer is not None
                extra = {
                    options.REQUESTED_ADDRESS: self._offer.address.ip.packed,
                    options.SERVER_IDENTIFIER: self._offer.server.packed,
                }
                return (Transmit(self._message(MessageType.REQUEST, extra, now=now)),)
            case State.REBOOTING:
                assert self.lease is not None
                extra = {options.REQUESTED_ADDRESS: self.lease.address.ip.packed}
                return (Transmit(self._message(MessageType.REQUEST, extra, now=now)),)
        assert self.lease is not None
        renewal = self._message(MessageType.REQUEST, {}, now=now, ciaddr=int(self.lease.address.ip))
        return (Transmit(renewal, to=self.lease.server if self.state is State.RENEWING else None),)

    def _wait(self, now: float) -> float:
        if self.state in (State.RENEWING, State.REBINDING):
            assert self.lease is not None
            until = self.lease.T2 if self.state is State.RENEWING else self.lease.expires
            return min(max((until - now) / 2, SHORTEST_REPEAT), until - now)
        return float(FIRST_WAIT * 2**self._tries + SPREAD * (2 * self._random() - 1))

    def _message(
        self, kind: MessageType, extra: Mapping[int, bytes], now: float | None = None, ciaddr: int = 0
    ) -> Message:
        asks = kind in (MessageType.DISCOVER, MessageType.REQUEST)
        wishes = {
            options.PARAMETER_REQUEST_LIST: WANTED,
            options.MAX_MESSAGE_SIZE: MAX_MESSAGE.to_bytes(2, "big"),
        }
        return Message(
            BOOTREQUEST,
            self._xid,
            self._chaddr,
            {options.MESSAGE_TYPE: bytes((kind,)), **extra, **self._identity, **(wishes if asks else {})},
            ciaddr=ciaddr,
            secs=min(0xFFFF, int((now or self._began) - self._began)),
        )
