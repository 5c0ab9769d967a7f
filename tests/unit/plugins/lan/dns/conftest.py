"""A conversation with the proxy, written down as lines that read like the protocol.

What the proxy sends is read by twisted.names, which is not ours.
"""

from ipaddress import ip_address, ip_interface
from itertools import count

import pytest
from twisted.names import dns

from ics_plugins.lan.dns.actions import (
    Abandon,
    Answer,
    Asker,
    Dial,
    Forward,
    ForwardTcp,
    Happened,
    Resolved,
)
from ics_plugins.lan.dns.config import DnsConfig
from ics_plugins.lan.dns.proxy import DnsProxy
from icsframework.protocols.dns.name import name_from_text
from icsframework.values import Endpoint, Lan, NameRecord

TYPES = {name: number for number, name in dns.QUERY_TYPES.items()} | {"ANY": 255, "DS": 43}
RCODES = ("NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED")
RD = 0x0100


def wire_query(name, qtype="A", ident=1, flags=RD, edns=None, qclass=1, options=b"", do=False):
    """A query; ``edns`` is the size told in an OPT record."""
    opt = b""
    if edns is not None:
        ttl = b"\0\0\x80\0" if do else b"\0\0\0\0"
        opt = b"\0\0\x29" + edns.to_bytes(2) + ttl + len(options).to_bytes(2) + options
    head = ident.to_bytes(2) + flags.to_bytes(2) + b"\0\1\0\0\0\0\0" + bytes([bool(opt)])
    number = qtype if isinstance(qtype, int) else TYPES[qtype]
    return head + name_from_text(name) + number.to_bytes(2) + qclass.to_bytes(2) + opt


def record(name, qtype, ttl, *data):
    """A record as twisted.names keeps it."""
    return dns.RRHeader(name.encode(), TYPES[qtype], ttl=ttl, payload=getattr(dns, f"Record_{qtype}")(*data))


def soa(zone="example.net", ttl=600):
    """The SOA of a negative answer."""
    return record(zone, "SOA", ttl, b"ns." + zone.encode(), b"h." + zone.encode(), 1, 2, 3, 4, ttl)


def wire_answer(query, *answers, rcode=0, authority=(), truncated=False, ident=None, name=None, edns=False):
    """A server's answer to a query it was sent."""
    asked = dns.Message()
    asked.fromStr(query)
    cls = dns._EDNSMessage if edns else dns.Message
    message = cls(
        id=asked.id if ident is None else ident,
        answer=True,
        recDes=True,
        recAv=True,
        trunc=truncated,
        rCode=rcode,
        maxSize=65535,
    )
    message.queries = asked.queries if name is None else [dns.Query(name.encode(), asked.queries[0].type)]
    message.answers, message.authority = list(answers), list(authority)
    return message.toStr()


def shown_record(rr):
    """NAME TYPE DATA ttl=N."""
    payload = rr.payload
    data = getattr(payload, "name", None) or getattr(payload, "mname", None)
    if hasattr(payload, "dottedQuad"):
        data = payload.dottedQuad()
    elif hasattr(payload, "_address"):
        data = payload._address
    elif isinstance(payload, dns.Record_AAAA):
        data = ip_address(payload.address)
    kind = dns.QUERY_TYPES.get(rr.type, f"TYPE{rr.type}")
    return f"{rr.name.name.decode()} {kind} {data} ttl={rr.ttl}"


def shown(data):
    """A message in one line: #id, question, rcode, flags, records."""
    message = dns._EDNSMessage()
    message.fromStr(data)
    question = " ".join(
        f"{q.name.name.decode()} {dns.QUERY_TYPES.get(q.type, q.type)}" for q in message.queries
    )
    if not message.answer:
        return f"#{message.id} {question}"
    plain = dns.Message()
    plain.fromStr(data)
    rcode = RCODES[plain.rCode] if plain.rCode < len(RCODES) else plain.rCode
    flags = "".join(f" {name}" for name, on in (("aa", message.auth), ("tc", message.trunc)) if on)
    sections = [shown_record(rr) for rr in [*message.answers, *message.authority]]
    return f"#{message.id} {question} {rcode}{flags}" + "".join(f" | {text}" for text in sections)


class Talk:
    """One proxy, the actions it wants, and everybody's next line."""

    def __init__(self, config=None, servers=("203.0.113.1",), lan="192.168.0.1/24", drawn=None):
        numbers = iter(drawn or count(100))
        self.proxy = DnsProxy(lambda below: next(numbers) % below)
        self.now = 1000.0
        self.forwards = []
        self.dials = []
        self.tcp = []
        self.lan = Lan("home", "eth1", 3, "02:00:5e:00:53:01", ip_interface(lan))
        self.proxy.set_lan(self.lan, DnsConfig.model_validate(config or {}))
        if servers is not None:
            self.up(*servers)

    def lines(self, actions):
        """The actions as text; what was forwarded is kept for ``server``."""
        return [self._line(action) for action in actions]

    def _line(self, action):
        match action:
            case Answer(asker, message):
                port = f"tcp{asker.connection}" if asker.connection else asker.port
                return f"{asker.client}:{port} < {shown(message)}"
            case Forward(server, _, message):
                self.forwards.append(action)
                return f"{server} <- {shown(message)}"
            case ForwardTcp(server, _, message):
                self.tcp.append(action)
                return f"{server}/tcp <- {shown(message)}"
            case Abandon():
                return "abandon"
            case Dial(client, name):
                self.dials.append(action)
                return f"dial for {client} {name}"
            case Resolved(client, name, addresses, ttl):
                return f"told {client} {name} {' '.join(map(str, addresses))} {ttl}"
            case Happened(id, fields):
                return f"{id} {' '.join(fields.values())}"

    def ask(self, name, qtype="A", client="192.168.0.10", port=5000, tcp=0, lan="home", **query):
        """A client asks."""
        asker = Asker(lan, ip_address(client), port, tcp)
        return self.lines(self.proxy.ask(asker, wire_query(name, qtype, **query), self.now))

    def raw(self, data, client="192.168.0.10", port=5000, tcp=0):
        """A client sends octets."""
        return self.proxy.ask(Asker("home", ip_address(client), port, tcp), data, self.now)

    def server(self, *answers, forward=-1, slot=None, source=None, **response):
        """A server answers a forwarded query, the newest unless said otherwise."""
        sent = self.forwards[forward]
        source = source or (str(sent.server.address), sent.server.port)
        data = wire_answer(sent.message, *answers, **response)
        slot = sent.slot if slot is None else slot
        return self.lines(self.proxy.forwarder.answered(slot, source, data, self.now))

    def server_tcp(self, *answers, **response):
        """A server answers the newest query by TCP."""
        sent = self.tcp[-1]
        data = wire_answer(sent.message, *answers, **response)
        return self.lines(self.proxy.forwarder.answered_tcp(sent.token, data, self.now))

    def server_raw(self, data):
        """A server answers the newest query with these octets behind the id."""
        sent = self.forwards[-1]
        source = str(sent.server.address), sent.server.port
        return self.proxy.forwarder.answered(sent.slot, source, sent.message[:2] + data, self.now)

    def after(self, seconds):
        """Time passes; deadlines are kept."""
        end, lines = self.now + seconds, []
        while (deadline := self.proxy.forwarder.deadline()) is not None and deadline <= end:
            self.now = max(self.now, deadline)
            lines += self.lines(self.proxy.forwarder.timeout(self.now))
        self.now = end
        return lines

    def up(self, *servers):
        """There is a link with these DNS servers."""
        endpoints = [Endpoint(ip_address(server), 53) for server in servers]
        return self.lines(self.proxy.uplink_up(endpoints, self.now))

    def down(self):
        """There is none."""
        return self.lines(self.proxy.forwarder.uplink_down(self.now))

    def granted(self, dial=-1):
        """A request for a link is granted, the newest unless said otherwise."""
        return self.lines(self.proxy.forwarder.dial_granted(self.dials[dial]))

    def refused(self, dial=-1, reason="limits.time"):
        """The policy says no."""
        return self.lines(self.proxy.forwarder.dial_refused(self.dials[dial], reason, self.now))

    def failed(self, dial=-1, reason="modem: no carrier"):
        """The dial has failed."""
        return self.lines(self.proxy.forwarder.dial_failed(self.dials[dial], reason, self.now))

    def name(self, host, *addresses, owner="dhcp", ttl=60):
        """A host got these addresses."""
        self.proxy.name_changed(NameRecord(owner, host, tuple(map(ip_address, addresses)), ttl))


class Wire:
    """Makes messages."""

    query = staticmethod(wire_query)
    answer = staticmethod(wire_answer)
    record = staticmethod(record)
    soa = staticmethod(soa)
    shown = staticmethod(shown)
    A = record("www.example.net", "A", 300, "192.0.2.80")


@pytest.fixture(scope="session")
def wire():
    """Messages as twisted.names makes and reads them."""
    return Wire


@pytest.fixture
def talk():
    """Starts a conversation."""
    return Talk
