"""The DHCP client of RFC 2131 section 4.4.  Pure: messages and time in, actions out.

States have the names of figure 5.  SELECTING looks for a server, REQUESTING takes its
offer, REBOOTING asks for the address of last time, CHECKING (which the figure does not
name) waits for the answer to Check, BOUND uses the address, RENEWING asks the same
server for more time, REBINDING asks any.  INIT is idle, or waits after a NAK.

``TRIES`` messages without an answer end an attempt with ``Lost``; who tries again,
and when, is the supervisor's business (how long all else takes: timing.py).

A server cannot make us shout: each message follows from a timer, but for one REQUEST
that follows an OFFER and one DISCOVER that follows the first NAK.

Left out on purpose: the random delay before the first DISCOVER (section 4.4.1):
it guards a segment whose hosts are all switched on at once; a gateway is one host.
"""

from collections.abc import Callable, Sequence
from ipaddress import IPv4Address

from ics_plugins.uplinks.ethernet import timing
from ics_plugins.uplinks.ethernet.actions import Action, Bound, Check, Forget, Lost, State, Transmit
from ics_plugins.uplinks.ethernet.lease import Lease, UnusableOffer, read_lease
from ics_plugins.uplinks.ethernet.messages import Composer
from icsframework.errors import WireError
from icsframework.protocols.dhcp import options
from icsframework.protocols.dhcp.message import BOOTREPLY, Message, MessageType

USING = frozenset({State.BOUND, State.RENEWING, State.REBINDING})
"""States in which the address is in use."""
ASKING = frozenset({State.REQUESTING, State.REBOOTING, State.RENEWING, State.REBINDING})
"""States in which a server may answer ACK or NAK."""


class DhcpClient:
    """One interface's client.

    ``chaddr`` is its hardware address, ``client_id`` option 61, ``hostname`` option 12
    (or empty); ``number`` returns a random 32-bit xid, ``random`` a float in [0, 1).
    """

    def __init__(
        self,
        chaddr: bytes,
        client_id: bytes,
        hostname: bytes,
        number: Callable[[], int],
        random: Callable[[], float],
    ) -> None:
        self.state = State.INIT
        self.lease: Lease | None = None
        """The lease in use; in REBOOTING the one asked for."""
        self.unusable = 0
        """Messages of servers that could not be used."""
        self.complaint = ""
        """What was wrong with the last of them."""
        self._compose = Composer(chaddr, client_id, hostname)
        self._client_id = client_id
        self._chaddr = chaddr
        self._number = number
        self._random = random
        self._xid = 0
        self._secs = 0
        self._began = 0.0
        self._tries = 0
        self._asked = 0.0
        self._offer: Lease | None = None
        """What we ask for in REQUESTING, what is looked for in CHECKING."""
        self._hint: IPv4Address | None = None
        self._passed_over: set[IPv4Address] = set()
        self._naks = 0
        self._deadline: float | None = None

    # --- what the shell says

    def start(
        self, now: float, last: Lease | None = None, hint: IPv4Address | None = None
    ) -> Sequence[Action]:
        """Begin to get an address.

        ``last`` is a lease that should still run: it is asked for by INIT-REBOOT.
        ``hint`` is an address that we would like to have again (section 4.4.1).
        """
        self._hint = last.address.ip if last is not None else hint
        self._begin(now)
        if last is None:
            return self._discover(now)
        self.lease = last
        self.state = State.REBOOTING
        return self._send(now)

    def resume(self, lease: Lease, now: float) -> Sequence[Action]:
        """Go on with a lease that this machine still uses; it is asked about when its time comes."""
        self._begin(now)
        return self._bind(lease, now)

    def received(self, message: Message, now: float) -> Sequence[Action]:
        """A server's message.  What is not for us, or not now, has no effect."""
        if not self._is_for_us(message):
            return ()
        try:
            match message.message_type:
                case MessageType.OFFER if self.state is State.SELECTING:
                    return self._offered(read_lease(message, now), now)
                case MessageType.ACK if self.state in ASKING:
                    return self._acknowledged(read_lease(message, self._asked), now)
                case MessageType.NAK if self.state in ASKING:
                    return self._refused(message, now)
        except WireError as error:
            # Another server may do better.
            self.unusable += 1
            self.complaint = str(error)
        return ()

    def checked(self, lease: Lease, in_use_by: str | None, now: float) -> Sequence[Action]:
        """The answer to Check: the MAC of whoever has the address, or None."""
        if self.state is not State.CHECKING or self._offer is not lease:
            return ()
        if in_use_by is None:
            return self._bind(lease, now)
        decline = self._compose.decline(self._xid, lease)
        self._stop()
        reason = f"{lease.address.ip} is used by {in_use_by}; the DHCP server was told"
        return Transmit(decline), Forget(), Lost(reason, timing.DECLINE_WAIT)

    def timeout(self, now: float) -> Sequence[Action]:
        """The time of ``deadline`` has come."""
        if self._deadline is None or now < self._deadline:
            return ()
        match self.state:
            case State.BOUND | State.RENEWING | State.REBINDING:
                return self._extend(now)
            case State.INIT:
                return self._discover(now)
            case State.REBOOTING if self._tries >= timing.REBOOT_TRIES:
                self._begin(now)
                return self._discover(now)
            case State.REQUESTING if self._tries >= timing.TRIES:
                return self._unconfirmed(now)
            case State.SELECTING if self._tries >= timing.TRIES:
                self._stop()
                why = f"; one was of no use: {self.complaint}" if self.complaint else ""
                return (Lost(f"no DHCP server offers an address{why}"),)
        return self._send(now)

    def release(self) -> Sequence[Action]:
        """Give the address back (section 4.4.6) and stop."""
        lease, using = self.lease, self.state in USING
        self._stop()
        if lease is None or not using:
            return ()
        return (Transmit(self._compose.release(self._number(), lease), to=lease.server),)

    def deadline(self) -> float | None:
        """When to call ``timeout``."""
        return self._deadline

    # --- the states

    def _is_for_us(self, message: Message) -> bool:
        """Ours by xid, hardware address and, if the server repeats it, client identifier (RFC 6842 section 3)."""
        return (
            message.op == BOOTREPLY
            and message.xid == self._xid
            and message.chaddr == self._chaddr
            and message.options.get(options.CLIENT_IDENTIFIER, self._client_id) == self._client_id
        )

    def _begin(self, now: float) -> None:
        self._xid = self._number()
        self._began = now
        self._tries = 0
        self._offer = None

    def _stop(self) -> None:
        self.state = State.INIT
        self.lease = self._offer = self._deadline = None

    def _discover(self, now: float) -> Sequence[Action]:
        self.state = State.SELECTING
        self.lease = None
        return self._send(now)

    def _offered(self, offer: Lease, now: float) -> Sequence[Action]:
        if offer.server in self._passed_over and self._tries == 1:
            return ()  # it did not keep its word; somebody else has until the repetition
        self._offer = offer
        self._tries = 0
        self.state = State.REQUESTING
        return self._send(now)

    def _acknowledged(self, lease: Lease, now: float) -> Sequence[Action]:
        if self.state is State.REQUESTING and self._offer is not None and lease.server != self._offer.server:
            return ()
        if now >= lease.expires:
            raise UnusableOffer(f"the lease of {lease.address.ip} ran out before it came")
        known = self.lease.address.ip if self.lease is not None else None
        if self.state in USING and lease.address.ip == known:
            return self._bind(lease, now)
        # An address that is not in use yet is looked for on the wire first (sections 3.1 and 3.2, RFC 5227).
        self.state = State.CHECKING
        self._offer = lease
        self._deadline = None
        return (Check(lease),)

    def _bind(self, lease: Lease, now: float) -> Sequence[Action]:
        self.lease = lease
        self.state = State.BOUND
        self._offer = None
        self._hint = lease.address.ip
        self._passed_over.clear()
        self._naks = 0
        self._deadline = timing.first_extension(lease, now, self._random())
        return (Bound(lease),)

    def _refused(self, message: Message, now: float) -> Sequence[Action]:
        chosen = self.lease if self.state is State.RENEWING else self._offer
        server = message.options.get(options.SERVER_IDENTIFIER)
        if chosen is not None and server != chosen.server.packed:
            return ()  # only the server we asked may refuse
        state, self._hint = self.state, None
        self._begin(now)
        if state in USING:
            self._stop()
            return Forget(), Lost("the DHCP server took the address back")
        if state is State.REBOOTING:
            return Forget(), *self._discover(now)
        return self._wait_after_nak(chosen, now)

    def _wait_after_nak(self, chosen: Lease | None, now: float) -> Sequence[Action]:
        self._stop()
        if chosen is not None:
            self._passed_over.add(chosen.server)
        self._deadline = now + timing.after_nak(self._naks)
        self._naks += 1
        return ()

    def _unconfirmed(self, now: float) -> Sequence[Action]:
        """The server offered and then kept silent: once, others are given a chance (section 3.1, step 5)."""
        assert self._offer is not None
        server = self._offer.server
        if server in self._passed_over:
            self._stop()
            return (Lost(f"the DHCP server {server} offers an address but does not confirm it"),)
        self._passed_over.add(server)
        self._begin(now)
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
        return self._send(now)

    # --- messages

    def _send(self, now: float) -> Sequence[Action]:
        """Send the message of the state and set the time of the next."""
        self._deadline = now + self._wait(now)
        if self.state in USING:
            # A number for each, so that the answer tells when its question was asked: the lease counts from there.
            self._xid = self._number()
        if self.state in USING or not self._tries:
            self._asked = now
        if self.state is not State.REQUESTING:
            # A REQUEST repeats the secs of its DISCOVER, so that relays send both the same way (section 3.1, step 3).
            self._secs = min(0xFFFF, int(now - self._began))
        self._tries += 1
        return (self._message(),)

    def _message(self) -> Transmit:
        compose, xid, secs = self._compose, self._xid, self._secs
        if self.state is State.SELECTING:
            return Transmit(compose.discover(xid, secs, self._hint))
        if self.state is State.REQUESTING:
            assert self._offer is not None
            return Transmit(compose.select(xid, secs, self._offer))
        assert self.lease is not None
        if self.state is State.REBOOTING:
            return Transmit(compose.reboot(xid, secs, self.lease))
        to = self.lease.server if self.state is State.RENEWING else None
        return Transmit(compose.renew(xid, secs, self.lease), to)

    def _wait(self, now: float) -> float:
        if self.state in USING:
            assert self.lease is not None
            until = self.lease.T2 if self.state is State.RENEWING else self.lease.expires
            return timing.extension(now, until)
        return timing.repetition(self._tries, self._random())
