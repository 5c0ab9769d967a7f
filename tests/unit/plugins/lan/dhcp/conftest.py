"""A LAN on paper: clients send, and what the allocator wants done is told as lines."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface

import pytest

from ics_plugins.lan.dhcp.actions import LeaseChanged, LeaseEnded, Probe, Reply, Say, Seek
from ics_plugins.lan.dhcp.config import DhcpConfig
from ics_plugins.lan.dhcp.server import DhcpServer
from ics_plugins.lan.dhcp.settings import settings_for
from icsframework.protocols.dhcp.message import BOOTREQUEST, Message, MessageType
from icsframework.values import Lan

GATEWAY_MAC = "02:00:5e:00:53:fe"


def number(address):
    """An address as the integer it is on the wire."""
    return int(IPv4Address(address))


def mac(host):
    """The hardware address of PC number ``host``."""
    return bytes((2, 0, 0x5E, 0, 0x53, host))


def text(address):
    """An integer as an address."""
    return str(IPv4Address(address))


def described(action):
    """An action as a line."""
    match action:
        case Reply(message):
            kind = message.message_type.name
            given = f" {text(message.yiaddr)}" if message.yiaddr else ""
            if not action.target_mac:
                return f"{kind}{given} by relay {text(action.destination)}"
            broadcast = action.destination == 0xFFFFFFFF
            return f"{kind}{given} {'by broadcast' if broadcast else 'to ' + text(action.destination)}"
        case Probe(address):
            return f"probe {text(address)}"
        case LeaseChanged(lease, renewed):
            return f"{text(lease.address)} {'renewed' if renewed else 'granted'}"
        case LeaseEnded(lease, reason):
            return f"{text(lease.address)} {reason}"
        case Say(event):
            return event
        case Seek():
            return "look for others"


class PaperLan:
    """One DhcpServer and its clients; ``now`` moves by hand."""

    def __init__(self, probe=0, address="192.168.0.1/24", table=None, now=1000.0, **config):
        self.now = now
        self.lan = Lan("home", "eth1", 2, GATEWAY_MAC, IPv4Interface(address))
        self.config = DhcpConfig.model_validate(
            {"probe": probe, "range": ["192.168.0.100", "192.168.0.103"], **config}
        )
        self.server = DhcpServer(settings_for(self.lan, self.config), now, lambda: 0xABCD, table)
        self.actions = []
        self.server.expire(now)  # the first look for other servers

    def reload(self, address=None, **config):
        """Other settings."""
        self.lan = replace(self.lan, address=IPv4Interface(address)) if address else self.lan
        self.config = DhcpConfig.model_validate(
            {"probe": 0, "range": ["192.168.0.100", "192.168.0.103"], **config}
        )
        return self._told(self.server.reconfigure(settings_for(self.lan, self.config), self.now))

    def send(self, kind, host=1, options=None, *, client_id=None, requested=None, server=None, **fields):
        """A message from PC number ``host``; what is to be done, as lines."""
        found = {53: bytes((MessageType[kind],))}
        if client_id is not None:
            found[61] = client_id
        if requested is not None:
            found[50] = IPv4Address(requested).packed
        if server is not None:
            found[54] = IPv4Address(server).packed
        found.update(options or {})
        fields = {k: number(v) if isinstance(v, str) else v for k, v in fields.items()}
        fields.setdefault("chaddr", mac(host))
        return self._told(self.server.receive(Message(BOOTREQUEST, 7, options=found, **fields), self.now))

    def join(self, host=1, **more):
        """DISCOVER and REQUEST of what was offered; the address, or None."""
        self.send("DISCOVER", host, **more)
        if not self.replies:
            return None
        address = text(self.replies[0].yiaddr)
        self.send("REQUEST", host, requested=address, server="192.168.0.1", **more)
        return address

    def probed(self, address, host=None):
        """The answer to a probe: that of PC number ``host``, or none."""
        return self._told(self.server.probed(number(address), mac(host) if host else None, self.now))

    def wait(self, seconds):
        """Time passes; what comes to its end."""
        self.now += seconds
        return self._told(self.server.expire(self.now))

    def _told(self, actions):
        self.actions = actions
        return [described(action) for action in actions]

    @property
    def replies(self):
        """The messages of the last answer."""
        return [action.message for action in self.actions if isinstance(action, Reply)]

    @property
    def live(self):
        """Who has what: {address: PC number}."""
        table = self.server.table
        return {text(x.address): x.chaddr[5] for x in table if table.is_live(x.address)}


@pytest.fixture
def paper():
    """Makes a PaperLan."""
    return PaperLan
