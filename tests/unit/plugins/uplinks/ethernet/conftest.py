"""A DHCP client on paper: servers answer, time passes, and everything that happens is one list of lines."""

from dataclasses import dataclass, field
from ipaddress import IPv4Address

import pytest

from ics_plugins.uplinks.ethernet.actions import Bound, Check, Forget, Lost, Transmit
from ics_plugins.uplinks.ethernet.client import DhcpClient
from ics_plugins.uplinks.ethernet.messages import client_identifier
from icsframework.protocols.dhcp import options
from icsframework.protocols.dhcp.message import BOOTREPLY, Message, MessageType

MAC = bytes.fromhex("02005e005301")
CLIENT_ID = client_identifier(MAC, 7)
SERVER, OTHER = "203.0.113.1", "203.0.113.2"
ADDRESS = "203.0.113.100"
NEIGHBOUR = "02:00:5e:00:53:99"

LEASE = {
    options.SUBNET_MASK: IPv4Address("255.255.255.0").packed,
    options.ROUTER: IPv4Address(SERVER).packed,
    options.DNS_SERVER: IPv4Address("192.0.2.53").packed,
    options.LEASE_TIME: (3600).to_bytes(4, "big"),
}
"""What a good server gives with an address."""


def number(address):
    """An address as the integer it is on the wire."""
    return int(IPv4Address(address))


def reply(kind, xid, address=ADDRESS, server=SERVER, chaddr=MAC, changes=None):
    """A server's message; ``changes`` maps option codes to bytes, or None to leave one out."""
    found = {options.MESSAGE_TYPE: bytes((MessageType[kind],))}
    if server is not None:
        found[options.SERVER_IDENTIFIER] = IPv4Address(server).packed
    if kind != "NAK":
        found |= LEASE
    found |= changes or {}
    found = {code: value for code, value in found.items() if value is not None}
    return Message(BOOTREPLY, xid, chaddr, found, yiaddr=0 if kind == "NAK" else number(address))


def described(action):
    """An action as a line."""
    match action:
        case Transmit(message, to):
            words = [message.message_type.name]
            wanted = message.options.get(options.REQUESTED_ADDRESS)
            words += [f"wants {IPv4Address(wanted)}"] if wanted else []
            words += [f"has {IPv4Address(message.ciaddr)}"] if message.ciaddr else []
            server = message.options.get(options.SERVER_IDENTIFIER)
            words += [f"of {IPv4Address(server)}"] if server else []
            words += [f"to {to}"] if to else []
            return " ".join(words)
        case Check(lease):
            return f"check {lease.address.ip}"
        case Bound(lease):
            return f"bound {lease.address}"
        case Forget():
            return "forget"
        case Lost(reason, pause):
            return f"lost: {reason}" + (f" (wait {pause:g})" if pause else "")


@dataclass
class PaperClient:
    """One DhcpClient whose chance is always 0: waits are 3, 7, 15 and 31 s, T1 is exact, xids count from 1."""

    hostname: bytes = b""
    now: float = 1000.0
    log: list = field(default_factory=list)
    sent: list = field(default_factory=list)

    def __post_init__(self):
        self.xids = 0
        self.client = DhcpClient(MAC, CLIENT_ID, self.hostname, self._number, lambda: 0.0)

    def _number(self):
        self.xids += 1
        return self.xids

    @property
    def xid(self):
        """The number of the message sent last."""
        return self.sent[-1].xid

    @property
    def lease(self):
        """The lease that the client looks for, or has."""
        return self.checking if self.checking is not None else self.client.lease

    def start(self, **what):
        """Begin."""
        self.told(self.client.start(self.now, **what))

    def told(self, actions):
        """Note what is to be done."""
        self.checking = None
        for action in actions:
            self.log.append(f"{self.now - 1000:g} {described(action)}")
            if isinstance(action, Transmit):
                self.sent.append(action.message)
            if isinstance(action, Check):
                self.checking = action.lease

    def hears(self, kind, xid=None, **fields):
        """A server's message comes."""
        xid = self.xid if xid is None else xid
        self.told(self.client.received(reply(kind, xid, **fields), self.now))

    def checked(self, in_use_by=None):
        """The neighbours have been asked."""
        self.told(self.client.checked(self.checking, in_use_by, self.now))

    def sleep(self, seconds):
        """Time passes and nothing happens."""
        self.now += seconds
        self.told(self.client.timeout(self.now))

    def wait(self, times=1):
        """Time passes until the client's own time has come, so often."""
        for _ in range(times):
            deadline = self.client.deadline()
            assert deadline > self.now
            self.now = deadline
            self.told(self.client.timeout(self.now))

    def bind(self, **fields):
        """From the start until the address is in use; nothing of it stays in the log."""
        self.start()
        self.hears("OFFER", **fields)
        self.hears("ACK", **fields)
        self.checked()
        self.log.clear()


@pytest.fixture
def paper():
    """A client on paper."""
    return PaperClient()


@pytest.fixture
def replies():
    """The function that makes a server's message."""
    return reply
