"""What stands in a reply: its options (RFC 2131 table 3) and where it goes (section 4.1).  Pure."""

from collections.abc import Mapping

from ics_plugins.lan.dhcp.actions import Reply
from ics_plugins.lan.dhcp.hostnames import fqdn_answer
from ics_plugins.lan.dhcp.settings import Settings
from icsframework.protocols.dhcp import options
from icsframework.protocols.dhcp.frame import BROADCAST_ADDRESS, BROADCAST_MAC
from icsframework.protocols.dhcp.message import (
    BOOTREPLY,
    BROADCAST_FLAG,
    CLIENT_PORT,
    ETHERNET,
    LARGEST_SENT,
    SERVER_PORT,
    Message,
    MessageType,
)

DEFAULT_LIST = bytes(
    (options.SUBNET_MASK, options.ROUTER, options.DNS_SERVER, options.DOMAIN_NAME, options.BROADCAST_ADDRESS)
)
"""What a client gets that does not say what it wants."""
MAX_LISTS = 256
"""Different parameter request lists whose answers are kept; a LAN has a handful of systems."""

_TYPE = {kind: bytes((kind,)) for kind in MessageType}


class ReplyWriter:
    """Writes the replies of one server.  What depends only on the settings is made once."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._server = settings.server.to_bytes(4, "big")
        self._by_list: dict[bytes, dict[int, bytes]] = {}

    def grant(self, kind: MessageType, request: Message, address: int, lease: int, hostname: str) -> Reply:
        """An OFFER or ACK of ``address`` for ``lease`` seconds."""
        found = {
            options.MESSAGE_TYPE: _TYPE[kind],
            options.SERVER_IDENTIFIER: self._server,
            options.LEASE_TIME: lease.to_bytes(4, "big"),
            # RFC 2131 section 4.4.5: T1 is half of the lease, T2 seven eighths.
            options.RENEWAL_TIME: (lease // 2).to_bytes(4, "big"),
            options.REBINDING_TIME: (lease * 7 // 8).to_bytes(4, "big"),
        }
        return self._reply(request, self._with_parameters(found, request, hostname), address)

    def inform(self, request: Message) -> Reply:
        """The answer to INFORM: parameters, but no lease time and no address (RFC 2131 section 4.3.5)."""
        found = {options.MESSAGE_TYPE: _TYPE[MessageType.ACK], options.SERVER_IDENTIFIER: self._server}
        return self._reply(request, self._with_parameters(found, request, ""), 0)

    def nak(self, request: Message, why: str) -> Reply:
        """A NAK: no address, no parameters (table 3), by broadcast so that it arrives (section 4.1)."""
        found = {
            options.MESSAGE_TYPE: _TYPE[MessageType.NAK],
            options.SERVER_IDENTIFIER: self._server,
            options.MESSAGE: options.pack_text(why),
        }
        message = Message(
            BOOTREPLY, request.xid, request.chaddr, _echoed(found, request.options),
            # A relay must broadcast it too: the client has no address that would work (section 4.3.2).
            request.flags | BROADCAST_FLAG if request.giaddr else request.flags,
            giaddr=request.giaddr, htype=request.htype,
        )  # fmt: skip
        if request.giaddr:
            return Reply(message, b"", request.giaddr, SERVER_PORT)
        return Reply(message, BROADCAST_MAC, BROADCAST_ADDRESS)

    def _with_parameters(self, found: dict[int, bytes], request: Message, hostname: str) -> dict[int, bytes]:
        """Add what the client asked for, then what is echoed; leave out what does not fit."""
        asked = request.options
        wanted = asked.get(options.PARAMETER_REQUEST_LIST, DEFAULT_LIST)
        found.update(self._parameters(wanted))
        if hostname and options.HOST_NAME in wanted:
            found[options.HOST_NAME] = hostname.encode("ascii")
        if options.CLIENT_FQDN in asked:
            answer = fqdn_answer(asked[options.CLIENT_FQDN], hostname, self._settings.domain)
            if answer is not None:
                found[options.CLIENT_FQDN] = answer
        return _echoed(found, asked)

    def _parameters(self, wanted: bytes) -> Mapping[int, bytes]:
        """The configured options of a parameter request list: the mask always and first, the rest in the client's order."""
        parameters = self._by_list.get(wanted)
        if parameters is None:
            if len(self._by_list) >= MAX_LISTS:
                self._by_list.clear()
            available = self._settings.options
            codes = options.listed(bytes((options.SUBNET_MASK,)) + wanted, available)
            parameters = self._by_list[wanted] = {code: available[code] for code in codes}
        return parameters

    def _reply(self, request: Message, found: dict[int, bytes], yiaddr: int) -> Reply:
        giaddr, ciaddr = request.giaddr, request.ciaddr
        message = Message(
            BOOTREPLY, request.xid, request.chaddr, found, request.flags, ciaddr, yiaddr, 0, giaddr, 0, 0,
            request.htype,
        )  # fmt: skip
        if giaddr:
            return Reply(message, b"", giaddr, SERVER_PORT, LARGEST_SENT)
        direct = ciaddr or yiaddr
        usable = request.htype == ETHERNET and len(request.chaddr) == 6 and any(request.chaddr)
        if not usable or (request.flags & BROADCAST_FLAG and not ciaddr):
            return Reply(message, BROADCAST_MAC, BROADCAST_ADDRESS, CLIENT_PORT, request.max_size)
        return Reply(message, request.chaddr, direct, CLIENT_PORT, request.max_size)


def _echoed(found: dict[int, bytes], asked: Mapping[int, bytes]) -> dict[int, bytes]:
    """Echo the client identifier (RFC 6842 section 3) and, last, what a relay added (RFC 3046 section 2.2)."""
    if options.CLIENT_IDENTIFIER in asked:
        found[options.CLIENT_IDENTIFIER] = asked[options.CLIENT_IDENTIFIER]
    if options.RELAY_AGENT_INFORMATION in asked:
        found[options.RELAY_AGENT_INFORMATION] = asked[options.RELAY_AGENT_INFORMATION]
    return found


KEPT = frozenset(
    {
        options.MESSAGE_TYPE, options.SERVER_IDENTIFIER, options.LEASE_TIME, options.SUBNET_MASK,
        options.ROUTER, options.CLIENT_IDENTIFIER, options.RELAY_AGENT_INFORMATION,
    }
)  # fmt: skip
"""Options that no reply may lose for lack of room."""


def wire_of(reply: Reply) -> bytes:
    """The message as bytes; what does not fit is left out, the last asked for first."""
    message = reply.message
    while True:
        try:
            return message.to_wire(reply.max_size)
        except ValueError:
            droppable = [code for code in message.options if code not in KEPT]
            if not droppable:
                return message.to_wire(LARGEST_SENT)
            kept = {code: value for code, value in message.options.items() if code != droppable[-1]}
            message = message._replace(options=kept)
