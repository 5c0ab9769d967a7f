"""Any conversation: whatever clients, servers, links and time do in whatever order, the proxy keeps its promises.

Each question accepted is answered at most once, with its own id and spelling, to
who asked; nobody else hears anything; nothing is left waiting for ever; an
answer comes from a server that was asked and said so.  Without a link each client and
name asks for one once, and a refusal is heard by nobody else.
"""

from dataclasses import replace
from ipaddress import ip_address, ip_interface

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ics_plugins.lan.dns.actions import Answer, Asker, Dial, Forward, ForwardTcp
from ics_plugins.lan.dns.config import DnsConfig
from ics_plugins.lan.dns.exchange import MAX_WAITING_CLIENT
from ics_plugins.lan.dns.proxy import DnsProxy
from icsframework.protocols.dns.name import name_from_text
from icsframework.values import Endpoint, Lan, NameRecord

NAMES = [
    "www.example.net",
    "WWW.example.NET",
    "a.example.net",
    "printer.home.arpa",
    "printer",
    "x.test",
    "1.0.0.10.in-addr.arpa",
]
SERVERS = [Endpoint(ip_address(f"203.0.113.{n}"), 53) for n in (1, 2, 3)]
TAILS = [
    b"", b"\0\0\x29\x04\xd0\0\0\x80\0\0\0", b"\0\0\x29\x10\0\0\0\0\0\0\x0c\0\x0a\0\x08cookie78",
    b"\0\0\x29\x10\0\0\0\0\0\0\x04\xfd\xe9\0\0", b"\1k\0\0\xfa\0\xff\0\0\0\0\0\0",
]  # fmt: skip
RCODES = [0, 0, 0, 2, 3, 5]


class Conversation(RuleBasedStateMachine):
    """Random interleavings; ``open`` are the questions asked and not answered."""

    @initialize(seed=st.randoms(use_true_random=False))
    def begin(self, seed):
        """A proxy that serves two LANs."""
        self.proxy = DnsProxy(seed.randrange)
        self.now = 1000.0
        self.open = {}
        self.last = None
        self.sent, self.tcp, self.dials = [], [], []
        for name, net in (("home", "192.168.0.1/24"), ("guests", "192.168.1.1/24")):
            lan = Lan(name, "eth1", 3, "", ip_interface(net))
            self.proxy.set_lan(lan, DnsConfig(serve_stale=100.0, cache_size=8))
        self.link_up(SERVERS[:2])

    def perform(self, actions):
        """Check and keep what the proxy wants."""
        for action in actions:
            match action:
                case Answer(asker, message):
                    key = asker, message[:2], self.question(message)
                    assert self.open.get(key, 0) > 0, f"nobody waits for {message!r} at {asker}"
                    self.open[key] -= 1
                    assert message[2] & 0x80
                case Forward():
                    assert 0 <= action.slot < 32
                    self.sent.append(action)
                case ForwardTcp():
                    self.tcp.append(action)
                case Dial():
                    assert not self.proxy.forwarder.is_up
                    assert action not in self.dials
                    self.dials.append(action)

    @staticmethod
    def question(message):
        """The octets of the question section."""
        end = 12
        while message[end]:
            end += message[end] + 1
        return message[12 : end + 5]

    @rule(
        lan=st.sampled_from(["home", "guests"]),
        client=st.integers(10, 12),
        port=st.integers(1, 3),
        tcp=st.integers(0, 2),
        ident=st.integers(0, 3),
        name=st.sampled_from(NAMES),
        qtype=st.sampled_from([1, 28, 12, 65280]),
        flags=st.sampled_from([0x0100, 0x0110, 0x2800]),
        tail=st.sampled_from(TAILS),
        then=st.sampled_from([None, 0, 0, 2, 3]),
        records=st.sampled_from([1, 60]),
    )
    def ask(self, lan, client, port, tcp, ident, name, qtype, flags, tail, then, records):
        """A client asks; a server may answer at once."""
        net = "192.168.0." if lan == "home" else "192.168.1."
        asker = Asker(lan, ip_address(f"{net}{client}"), port, tcp)
        question = name_from_text(name) + qtype.to_bytes(2) + b"\0\1"
        data = (
            ident.to_bytes(2) + flags.to_bytes(2) + b"\0\1\0\0\0\0\0" + bytes([bool(tail)]) + question + tail
        )
        actions = self.send(asker, data)
        forwarder = self.proxy.forwarder
        for action in actions if then is not None else ():
            if isinstance(action, Forward | ForwardTcp):
                data = self.response(action.message, then, 300, False, False, records)
            if isinstance(action, Forward):
                source = str(action.server.address), action.server.port
                self.perform(forwarder.answered(action.slot, source, data, self.now))
            elif isinstance(action, ForwardTcp):
                self.perform(forwarder.answered_tcp(action.token, data, self.now))

    def send(self, asker, data):
        """A question as the sockets hand it on; returns what the proxy wanted."""
        view = self.proxy.views.get(asker.lan)
        self.last = asker, data
        if view is not None:
            key = asker, data[:2], self.question(data)
            self.open[key] = self.open.get(key, 0) + 1
        entry = view.raw.hit(data[2:], int(self.now)) if view is not None and not asker.connection else None
        actions = [Answer(asker, data[:2] + entry.body)] if entry else self.proxy.ask(asker, data, self.now)
        self.perform(actions)
        return actions

    @rule(ident=st.integers(0, 3), port=st.integers(1, 3))
    def ask_again(self, ident, port):
        """The same question once more, perhaps with another id from another port."""
        if self.last is not None:
            asker, data = self.last
            self.send(replace(asker, port=port), ident.to_bytes(2) + data[2:])

    @rule(number=st.integers(0, 12), then=st.sampled_from([0, 0, 3]), records=st.sampled_from([1, 60]))
    def ask_something_new(self, number, then, records):
        """An everyday question, answered at once."""
        self.ask("home", 10, 1, 0, 1, f"n{number}.example.net", 1, 0x0100, b"", then, records)

    @rule(data=st.binary(max_size=60))
    def garbage(self, data):
        """A client sends garbage: nothing comes back but what garbage that is a whole message gets."""
        asker = Asker("home", ip_address("192.168.0.66"), 1)
        for action in self.proxy.ask(asker, data[:11], self.now):
            raise AssertionError(action)
        for action in self.proxy.forwarder.answered(0, ("203.0.113.1", 53), data, self.now):
            raise AssertionError(action)

    def response(self, message, rcode, ttl, private, truncated, records=1):
        """A server's answer to a forwarded query."""
        question = self.question(message)
        address = b"\xc0\xa8\0\1" if private else b"\xc0\0\2\1"
        record = b"\xc0\x0c\0\1\0\1" + ttl.to_bytes(4) + b"\0\4" + address
        counts = b"\0\1\0" + bytes([records * (rcode == 0)]) + b"\0\0\0\0"
        flags = (0x8180 | rcode | 0x0200 * truncated | int.from_bytes(message[2:4]) & 0x7800).to_bytes(2)
        return message[:2] + flags + counts + question + (record * records if rcode == 0 else b"")

    @rule(
        which=st.integers(0, 5),
        rcode=st.sampled_from(RCODES),
        ttl=st.sampled_from([0, 1, 300, 2**31]),
        private=st.booleans(),
        truncated=st.booleans(),
        wrong=st.sampled_from(["", "", "", "slot", "source", "id", "cut"]),
    )
    def answer(self, which, rcode, ttl, private, truncated, wrong):
        """A server, or somebody who pretends to be one, answers a query of the last six."""
        if which >= len(self.sent):
            return
        sent = self.sent[-1 - which]
        data = self.response(sent.message, rcode, ttl, private, truncated)
        slot, source = sent.slot, (str(sent.server.address), 53)
        if wrong == "slot":
            slot = (slot + 1) % 32
        elif wrong == "source":
            source = "203.0.113.66", 53
        elif wrong == "id":
            data = bytes([data[0] ^ 1]) + data[1:]
        elif wrong == "cut":
            data = data[:-1]
        actions = self.proxy.forwarder.answered(slot, source, data, self.now)
        if wrong in ("source", "cut"):
            assert actions == []
        self.perform(actions)

    @rule(which=st.integers(0, 3), rcode=st.sampled_from(RCODES), fails=st.booleans())
    def answer_tcp(self, which, rcode, fails):
        """A question by TCP is answered, or its connection fails."""
        if which < len(self.tcp):
            sent = self.tcp[-1 - which]
            data = None if fails else self.response(sent.message, rcode, 300, private=False, truncated=False)
            self.perform(self.proxy.forwarder.answered_tcp(sent.token, data, self.now))

    @rule(seconds=st.sampled_from([0.1, 1.0, 5.0, 30.0, 400.0]))
    def wait(self, seconds):
        """Time passes."""
        self.now += seconds
        self.perform(self.proxy.forwarder.timeout(self.now))

    @rule(
        kind=st.sampled_from(["up", "down", "comes", "goes", "drop", "unusable"]),
        servers=st.lists(st.sampled_from(SERVERS), max_size=3, unique=True),
    )
    def happens(self, kind, servers):
        """A link comes or goes, or is of no use, a host comes or goes, a LAN is withdrawn."""
        match kind:
            case "up":
                self.link_up(servers)
            case "down":
                self.perform(self.proxy.forwarder.uplink_down(self.now))
            case "unusable":
                self.perform(self.proxy.forwarder.unusable("too many open files", self.now))
            case "comes" | "goes":
                addresses = (ip_address("192.168.0.30"),) if kind == "comes" else ()
                self.proxy.name_changed(NameRecord("dhcp", "printer", addresses, 60))
            case "drop":
                self.proxy.drop_lan("guests")
                self.open = {key: count for key, count in self.open.items() if key[0].lan != "guests"}

    @rule(kind=st.sampled_from(["refused", "failed", "granted"]), which=st.integers(0, 50))
    def dial_ends(self, kind, which):
        """A request for a link has its answer: who hears of it has wanted just that."""
        if not self.dials:
            return
        wish = self.dials.pop(which % len(self.dials))
        forwarder = self.proxy.forwarder
        match kind:
            case "refused":
                actions = forwarder.dial_refused(wish, "limits.time", self.now)
            case "failed":
                actions = forwarder.dial_failed(wish, "no carrier", self.now)
            case _:
                actions = forwarder.dial_granted(wish)
        name = name_from_text(wish.name)
        for action in actions:
            if isinstance(action, Answer):
                assert action.asker.client == wish.client
                assert self.question(action.message)[:-4].lower() == name
        self.perform(actions)

    def link_up(self, servers):
        """There is a link with these servers."""
        self.perform(self.proxy.uplink_up(servers, self.now))

    @invariant()
    def bounded(self):
        """What waits is what was asked, and within bounds; the cache too."""
        if hasattr(self, "proxy"):
            assert 0 <= self.proxy.room.total <= sum(self.open.values())
            assert self.proxy.room.total <= 6 * MAX_WAITING_CLIENT
            assert len(self.proxy.cache) <= 8
            waiting = self.proxy.room.total
            assert not waiting or self.proxy.forwarder.deadline() is not None

    def teardown(self):
        """In the end everybody who waits is answered or given up: nothing is left."""
        if not hasattr(self, "proxy"):
            return
        for _ in range(200):
            if (deadline := self.proxy.forwarder.deadline()) is None:
                break
            self.now = max(self.now, deadline)
            self.perform(self.proxy.forwarder.timeout(self.now))
        assert self.proxy.room.total == 0
        assert self.proxy.forwarder.deadline() is None


TestConversation = Conversation.TestCase
TestConversation.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
