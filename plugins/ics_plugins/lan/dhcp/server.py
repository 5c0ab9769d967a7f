"""The allocator's decisions: messages in, actions out; no socket, no clock, no file (RFC 2131 section 4.3).

One DhcpServer serves one LAN.  A binding goes through these states::

    free --DISCOVER--> probing --nobody answered--> offered --REQUEST--> leased --time--> expired
                          |                            |                    |                |
                          +-in use--> quarantined <----+------DECLINE-------+   (still the client's previous
                                                       +--60 s--> free          address until another needs it)

Probing (section 2.2): an address that is new to a client is offered only after
an ARP probe of ``probe`` seconds; ARP answers in milliseconds on a LAN, so 0.4 s
also covers a sleepy wireless station, and a client waits seconds for its offer.
Renewals and a client's own previous address are never delayed.  When many
addresses are wanted at once the offers beyond MAX_PROBES go out unprobed: the
client probes too (section 4.4.1) and declines.

A client is known by its identifier, else by its hardware address (section 4.2,
RFC 4361 section 6.3).  While a foreign server is about (see foreign.py) only
leases that are ours already are renewed.

Deviations, on purpose.  A client that renews or rebinds an address of ours that
is free is given it although we have no record (section 4.3.2 leaves it open):
that record can only have been lost here, and the client has a working network.
A REQUEST for an offer we do not remember is granted if the address is free:
offers do not survive a restart.
"""

from collections import Counter
from collections.abc import Callable
from ipaddress import IPv4Address

from ics_plugins.lan.dhcp.actions import Action, LeaseChanged, LeaseEnded, Probe, Reply, Say, Seek
from ics_plugins.lan.dhcp.bindings import Bindings
from ics_plugins.lan.dhcp.foreign import ForeignServers
from ics_plugins.lan.dhcp.hostnames import hostname_of
from ics_plugins.lan.dhcp.leases import Lease, LeaseTable
from ics_plugins.lan.dhcp.offers import Offer
from ics_plugins.lan.dhcp.replies import ReplyWriter
from ics_plugins.lan.dhcp.settings import SHORTEST_LEASE, Settings
from icsframework.protocols.dhcp import options
from icsframework.protocols.dhcp.message import BOOTREPLY, BOOTREQUEST, BROADCAST_FLAG, Message, MessageType

MAX_PROBES = 32
"""Probes under way at once; each is an ARP request and a timer."""
MAX_TRIES = 8
"""Addresses found in use for one DISCOVER before it is left to the client's next one."""
MAX_CLIENT_ID = 255
"""Bytes of a client identifier; more cannot come in one option."""
SAY_EVERY = 10.0
"""Seconds between two events of the same kind about refusals: a client may ask a thousand times a second."""

WRONG_NETWORK = "wrong network"
UNAVAILABLE = "address not available"
TOO_MANY = "too many leases for one hardware address"


class DhcpServer:
    """See the module's docstring.  ``transaction_id`` makes the xid of our own probes for foreign servers."""

    def __init__(
        self,
        settings: Settings,
        now: float,
        transaction_id: Callable[[], int],
        table: LeaseTable | None = None,
    ) -> None:
        self.counters: Counter[str] = Counter()
        self.table = table if table is not None else LeaseTable()
        self.settings = settings
        self._transaction_id = transaction_id
        self._bindings = Bindings(settings, self.table)
        self._foreign = ForeignServers(now)
        self._write = ReplyWriter(settings)
        self._said: dict[str, float] = {}
        self._probing = 0

    def reconfigure(self, settings: Settings, now: float) -> list[Action]:
        """Go on with other settings.

        Leases outside the new network end now; those outside the new range when they would be renewed.
        """
        old, self.settings = self.settings, settings
        actions: list[Action] = []
        for lease in self.table:
            if not settings.is_local(lease.address) or lease.address == settings.server:
                if self.table.is_live(lease.address):
                    actions.append(LeaseEnded(lease, "withdrawn", forget=True))
                self.table.remove(lease.address)
        if (settings.network, settings.mask, settings.server) != (old.network, old.mask, old.server):
            self._bindings.forget_neighbours()
            self._foreign = ForeignServers(now)
        self._bindings.use(settings)
        self._write = ReplyWriter(settings)
        return actions

    # --- what arrives

    def receive(self, message: Message, now: float) -> list[Action]:
        """A message from the LAN."""
        if message.op == BOOTREPLY:
            return self.overheard(message, now)
        kind = message.message_type
        method = None if kind is None else _METHODS.get(kind)
        if kind is None or method is None:
            return self._drop("not_for_a_server")
        settings = self.settings
        if message.giaddr and (message.giaddr == settings.server or not settings.is_local(message.giaddr)):
            # RFC 3046 section 2.1: a giaddr of ours is a spoof or a loop; one of another
            # network needs a pool for that network, which a LAN does not have.
            return self._drop("relayed_dropped")
        client = client_key(message)
        if client is None:
            return self._drop("anonymous")
        self.counters[_COUNTED[kind]] += 1
        return method(self, message, client, now)

    def overheard(self, message: Message, now: float) -> list[Action]:
        """A reply that is not ours: another server is about."""
        kind = message.message_type
        server = _address(message, options.SERVER_IDENTIFIER)
        if message.op != BOOTREPLY or kind not in (MessageType.OFFER, MessageType.ACK) or not server:
            return self._drop("not_for_a_server")
        if server == self.settings.server:
            return []
        self.counters["foreign_replies"] += 1
        if not self._foreign.seen(server, now):
            return []
        return [Say("dhcp.foreign_server", {"server": _text(server), "lan": self.settings.lan})]

    def discover(self, message: Message, client: bytes, now: float, tries: int = 0) -> list[Action]:
        """RFC 2131 section 4.3.1."""
        if self._aside(now):
            return self._drop("stood_aside")
        standing = self._bindings.offers.of(client)
        if standing is not None and standing.waiting is not None:
            standing.waiting = message  # the newest one is answered, with its xid
            return []
        if self._bindings.has_too_many(client, message.chaddr):
            return self._refuse(message, 0, TOO_MANY, now)
        asked = _address(message, options.REQUESTED_ADDRESS)
        address = self._bindings.choose(client, message.chaddr, asked, now)
        if address is None:
            self.counters["exhausted"] += 1
            return self._say("dhcp.exhausted", now, mac=_mac(message.chaddr), lan=self.settings.lan)
        offer = Offer(address, client, message.chaddr, now, tries=tries)
        self._bindings.offer(offer)
        if not self.settings.probe or not self._bindings.needs_probe(address, client, now):
            return [self._offer(offer, message)]
        if self._probing >= MAX_PROBES:
            self.counters["unprobed"] += 1
            return [self._offer(offer, message)]
        self._probing += 1
        offer.waiting = message
        return [Probe(address, self.settings.probe)]

    def probed(self, address: int, mac: bytes | None, now: float) -> list[Action]:
        """The answer to a Probe: the hardware address that uses ``address``, or None."""
        self._probing -= 1
        offer = self._bindings.offers.at(address)
        if offer is None or offer.waiting is None:
            return []
        message, offer.waiting = offer.waiting, None
        if mac is not None and mac != offer.chaddr:
            return self._in_use(offer, message, mac, now)
        if mac is None:
            self._bindings.checked(address, now)
        if self._aside(now):
            self._bindings.withdraw_offer(offer.client)
            return self._drop("stood_aside")
        return [self._offer(offer, message)]

    def request(self, message: Message, client: bytes, now: float) -> list[Action]:
        """RFC 2131 section 4.3.2: which of its four states the client is in shows in what it filled in."""
        if options.SERVER_IDENTIFIER in message.options:
            return self._selecting(message, client, now)
        if message.ciaddr:
            return self._renewing(message, client, now)
        return self._init_reboot(message, client, now)

    def _selecting(self, message: Message, client: bytes, now: float) -> list[Action]:
        if _address(message, options.SERVER_IDENTIFIER) != self.settings.server:
            # The client took another server's offer; ours is free again.
            self._bindings.withdraw_offer(client)
            self._foreign.hint(now)
            return self._drop("for_another_server")
        address = _address(message, options.REQUESTED_ADDRESS) or message.ciaddr
        if self._aside(now) and not self._bindings.holds(client, address):
            return self._drop("stood_aside")
        if not address or not self._bindings.may_have(address, client, message.chaddr):
            return self._nak(message, address, UNAVAILABLE, now)
        return self._commit(message, client, address, now)

    def _init_reboot(self, message: Message, client: bytes, now: float) -> list[Action]:
        address = _address(message, options.REQUESTED_ADDRESS)
        if not address:
            return self._drop("without_address")
        if self._aside(now) and not self._bindings.holds(client, address):
            return self._drop("stood_aside")
        if not self.settings.is_local(address):
            return self._nak(message, address, WRONG_NETWORK, now)
        known = self.table.of(client) or self.settings.reserved_for(client, message.chaddr)
        if known is None and not self.settings.authoritative:
            return self._drop("unknown_client")  # silence, so that its own server can answer
        previous = self.table.of(client)
        moved = previous is not None and previous.address != address
        if moved or not self._bindings.may_have(address, client, message.chaddr):
            return self._nak(message, address, UNAVAILABLE, now)
        return self._commit(message, client, address, now)

    def _renewing(self, message: Message, client: bytes, now: float) -> list[Action]:
        address = message.ciaddr
        if self._aside(now) and not self._bindings.holds(client, address):
            return self._drop("stood_aside")
        if not self.settings.is_local(address):
            return self._nak(message, address, WRONG_NETWORK, now)
        known = self.table.of(client)
        moved = known is not None and known.address != address
        if not moved and self._bindings.may_have(address, client, message.chaddr):
            return self._commit(message, client, address, now)
        if known is None and not self._bindings.is_ours(address):
            return self._drop("unknown_client")  # an address that was never ours to give
        return self._nak(message, address, UNAVAILABLE, now)

    def decline(self, message: Message, client: bytes, now: float) -> list[Action]:
        """RFC 2131 section 4.3.3: somebody else uses the address; it is left alone for a while."""
        address = _address(message, options.REQUESTED_ADDRESS)
        theirs = self._bindings.holds(client, address) or self._bindings.is_offered(client, address)
        if not self._is_for_us(message) or not theirs:
            return self._drop("baseless_decline")
        lease = self._bindings.isolate(address, now)
        ended: list[Action] = [] if lease is None else [LeaseEnded(lease, "declined", forget=True)]
        mac = _mac(message.chaddr)
        said = self._say("dhcp.lease.declined", now, address=_text(address), mac=mac, lan=self.settings.lan)
        return [*ended, *said]

    def release(self, message: Message, client: bytes, now: float) -> list[Action]:
        """RFC 2131 section 4.3.4: the lease ends; the address stays the client's previous one."""
        if not self._is_for_us(message) or not self._bindings.holds(client, message.ciaddr):
            return self._drop("baseless_release")
        lease = self._bindings.end(message.ciaddr, now)
        return [] if lease is None else [LeaseEnded(lease, "released")]

    def inform(self, message: Message, client: bytes, now: float) -> list[Action]:
        """RFC 2131 section 4.3.5: parameters for a host that has its address from elsewhere; no lease is looked up."""
        if self._aside(now):
            return self._drop("stood_aside")
        if not message.ciaddr or not self.settings.is_local(message.ciaddr):
            return self._drop("without_address")
        return [self._write.inform(message)]

    # --- time

    def expire(self, now: float) -> list[Action]:
        """Whatever has come to its end by ``now``; call it at ``deadline``."""
        actions: list[Action] = [LeaseEnded(lease, "expired") for lease in self._bindings.expire(now)]
        if self._foreign.look_due(now):
            actions.append(Seek(self._own_discover()))
        return actions

    @property
    def deadline(self) -> float:
        """When ``expire`` should be called next."""
        other = self._bindings.deadline
        return self._foreign.deadline if other is None else min(other, self._foreign.deadline)

    def details(self, now: float) -> dict[str, object]:
        """The figures for ``ics status``."""
        return {
            "range": f"{_text(self.settings.first)}-{_text(self.settings.last)}",
            "leases": self.table.live,
            "offers": len(self._bindings.offers),
            "quarantined": [_text(address) for address in self._bindings.quarantine],
            "foreign_servers": [_text(server) for server in self._foreign.present(now)],
            "standing_aside": self._aside(now),
            "warnings": self._warnings(now),
            "counters": dict(sorted(self.counters.items())),
        }

    def _warnings(self, now: float) -> list[str]:
        others = [_text(server) for server in self._foreign.present(now)]
        if not others:
            return []
        effect = (
            "clients without an address of ours get none from us until it is gone; switch it off, or say authoritative: true"
            if self._aside(now)
            else "clients may get an address from it instead of ours; switch it off"
        )
        return [f"another DHCP server ({', '.join(others)}) answers on LAN {self.settings.lan}: {effect}"]

    # --- saying yes

    def _commit(self, message: Message, client: bytes, address: int, now: float) -> list[Action]:
        """Bind, and acknowledge once it is durable."""
        renewed = self._bindings.holds(client, address)
        if not renewed and self._bindings.has_too_many(client, message.chaddr):
            return self._refuse(message, address, TOO_MANY, now)
        given = self._reserved_name(client, message.chaddr)
        duration = self._duration(message)
        hostname = given or self._said_name(message, client)
        lease = Lease(address, client, message.chaddr, hostname, now + duration, duration)
        moved = self._bindings.bind(lease)
        ack = self._write.grant(MessageType.ACK, message, address, duration, given)
        if moved is None:
            return [LeaseChanged(lease, renewed), ack]
        return [LeaseEnded(moved, "moved", forget=True), LeaseChanged(lease, renewed), ack]

    def _duration(self, message: Message) -> int:
        """The lease time: as configured, or less if the client asks for less (RFC 2131 section 4.3.1)."""
        asked = message.options.get(options.LEASE_TIME, b"")
        if len(asked) != 4:
            return self.settings.lease
        return min(self.settings.lease, max(SHORTEST_LEASE, int.from_bytes(asked, "big")))

    def _offer(self, offer: Offer, message: Message) -> Reply:
        given = self._reserved_name(offer.client, offer.chaddr)
        return self._write.grant(MessageType.OFFER, message, offer.address, self._duration(message), given)

    def _said_name(self, message: Message, client: bytes) -> str:
        """The name the client gives itself; one that says nothing keeps the name it had."""
        if options.HOST_NAME in message.options or options.CLIENT_FQDN in message.options:
            return hostname_of(message.options)
        previous = self.table.of(client)
        return "" if previous is None else previous.hostname

    def _reserved_name(self, client: bytes, chaddr: bytes) -> str:
        reserved = self.settings.reserved_for(client, chaddr)
        return "" if reserved is None else reserved.hostname

    # --- saying no

    def _in_use(self, offer: Offer, message: Message, mac: bytes, now: float) -> list[Action]:
        """A stranger answers for the address: leave it alone, and try another for the client."""
        address = offer.address
        self._bindings.isolate(address, now)
        self.counters["conflicts"] += 1
        said = self._say("dhcp.conflict", now, address=_text(address), owner=_mac(mac), lan=self.settings.lan)
        if offer.tries + 1 >= MAX_TRIES:
            return said
        return [*said, *self.discover(message, offer.client, now, offer.tries + 1)]

    def _aside(self, now: float) -> bool:
        return not self.settings.authoritative and self._foreign.any_present(now)

    def _is_for_us(self, message: Message) -> bool:
        return _address(message, options.SERVER_IDENTIFIER) in (0, self.settings.server)

    def _nak(self, message: Message, address: int, why: str, now: float) -> list[Action]:
        self.counters["naks"] += 1
        return [*self._said_no(message, address, why, now), self._write.nak(message, why)]

    def _refuse(self, message: Message, address: int, why: str, now: float) -> list[Action]:
        self.counters["refused"] += 1
        return self._said_no(message, address, why, now)

    def _said_no(self, message: Message, address: int, why: str, now: float) -> list[Action]:
        shown = _text(address) if address else "an address"
        mac = _mac(message.chaddr)
        return self._say("dhcp.refused", now, mac=mac, address=shown, lan=self.settings.lan, reason=why)

    def _say(self, event: str, now: float, **fields: object) -> list[Action]:
        """An event, unless it was said a moment ago."""
        if now - self._said.get(event, now - SAY_EVERY) < SAY_EVERY:
            return []
        self._said[event] = now
        return [Say(event, fields)]

    def _drop(self, why: str) -> list[Action]:
        self.counters[why] += 1
        return []

    def _own_discover(self) -> Message:
        """A DISCOVER as a client on this LAN would send it, to see who else answers."""
        wanted = {options.MESSAGE_TYPE: b"\x01", options.PARAMETER_REQUEST_LIST: b"\x01\x03"}
        return Message(BOOTREQUEST, self._transaction_id(), self.settings.mac, wanted, BROADCAST_FLAG)


_Method = Callable[[DhcpServer, Message, bytes, float], list[Action]]
_METHODS: dict[MessageType, _Method] = {
    MessageType.DISCOVER: DhcpServer.discover,
    MessageType.REQUEST: DhcpServer.request,
    MessageType.DECLINE: DhcpServer.decline,
    MessageType.RELEASE: DhcpServer.release,
    MessageType.INFORM: DhcpServer.inform,
}
_COUNTED = {kind: kind.name.lower() for kind in MessageType}


def client_key(message: Message) -> bytes | None:
    """What a lease is keyed by (RFC 2131 section 4.2): the client identifier, else hardware type and address.

    A client that sends type and address as its identifier, as most do, is the
    same with and without it: a boot loader and its system share a lease.
    """
    client_id = message.options.get(options.CLIENT_IDENTIFIER, b"")
    if client_id:
        return client_id if len(client_id) <= MAX_CLIENT_ID else None
    if not any(message.chaddr):
        return None
    return bytes((message.htype,)) + message.chaddr


def _address(message: Message, code: int) -> int:
    """The address in an option, or 0 if it is absent or no address."""
    value = message.options.get(code, b"")
    return int.from_bytes(value, "big") if len(value) == 4 else 0


def _text(address: int) -> str:
    return str(IPv4Address(address))


def _mac(chaddr: bytes) -> str:
    return chaddr.hex(":")
