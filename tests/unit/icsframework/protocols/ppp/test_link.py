"""Whole conversations of a link, both ends of it ours, or the peer played by the test."""

from dataclasses import replace
from ipaddress import IPv4Address as A

import pytest

from icsframework.protocols.ppp.actions import (
    Cause,
    Deliver,
    Down,
    Ipv6Up,
    NoCarrier,
    Result,
    Stage,
    Text,
    Transmit,
    Up,
)
from icsframework.protocols.ppp.auth.method import Credentials, Method
from icsframework.protocols.ppp.hdlc import Decoder, Encoder
from icsframework.protocols.ppp.ipcp import IpcpSettings
from icsframework.protocols.ppp.lcp import LcpSettings
from icsframework.protocols.ppp.link import REJECTS, RESTARTS, PppLink
from icsframework.protocols.ppp.liveness import Echo
from icsframework.protocols.ppp.packet import (
    Option,
    Packet,
    Protocol,
    pack_options,
    parse_options,
    split_frame,
)
from icsframework.protocols.ppp.settings import LinkSettings, Phase
from icsframework.testing.ppp import PppPair, provider, seeded

GUEST = LinkSettings(credentials=Credentials("guest", "pa55word"))
BOOK = {"guest": "pa55word"}.get
LCP, PAP, CHAP, IPCP, CCP, IP = (
    Protocol.LCP,
    Protocol.PAP,
    Protocol.CHAP,
    Protocol.IPCP,
    Protocol.CCP,
    Protocol.IP,
)
ANSWERS = {
    2: "Ack",
    3: "Nak",
    4: "Rej",
    1: "Req",
    5: "TermReq",
    6: "TermAck",
    8: "ProtRej",
    9: "EchoReq",
    10: "EchoRep",
}


class Peer:
    """The other end, played by hand: what the link sends is read, what the test says is sent."""

    def __init__(self, settings=GUEST):
        self.link = PppLink(settings, seeded(1))
        self.now = 0.0
        self.decoder = Decoder()
        self.actions = []
        self.sent = []  # (protocol, Packet or information) since the last look
        self.do(self.link.open(0.0))

    def do(self, actions):
        for action in actions:
            if isinstance(action, Transmit):
                for frame in self.decoder.feed(action.data):
                    protocol, information = split_frame(frame)
                    control = protocol >= 0x8000
                    self.sent.append(
                        (Protocol(protocol), Packet.from_wire(information) if control else information)
                    )
            else:
                self.actions.append(action)

    def look(self):
        """What has been sent since the last look."""
        sent, self.sent = self.sent, []
        return sent

    def named(self):
        """The same in short: 'LCP Req'."""
        return [
            f"{protocol.name} {ANSWERS.get(packet.code, packet.code)}" for protocol, packet in self.look()
        ]

    def say(self, protocol, packet, at=None):
        """Send a packet to the link."""
        information = packet.to_wire() if isinstance(packet, Packet) else packet
        self.raw(Encoder().encode([b"\xff\x03" + protocol.to_bytes(2, "big") + information]), at)

    def raw(self, data, at=None):
        """Send octets."""
        self.now = self.now if at is None else at
        self.do(self.link.receive(data, self.now))

    def wait(self, until):
        """Let time pass."""
        while self.link.deadline() is not None and self.link.deadline() <= until:
            self.now = max(self.now, self.link.deadline())
            self.do(self.link.timeout(self.now))
        self.now = until

    def request(self, protocol, *options, ident=77):
        """Send a Configure-Request."""
        self.say(protocol, Packet(1, ident, pack_options(Option(*option) for option in options)))

    def answer(self, code=2, *options):
        """Answer the last Configure-Request that the link has sent."""
        protocol, packet = next((p, k) for p, k in reversed(self.sent) if isinstance(k, Packet) and k.code == 1 and p in (LCP, IPCP, Protocol.IPV6CP))  # fmt: skip
        data = pack_options(Option(*option) for option in options) if options else packet.data
        self.say(protocol, packet._replace(code=code, data=data))

    def establish(self, *options):
        """LCP up."""
        self.request(LCP, *options)
        self.answer()
        return self

    def configure(self):
        """IPCP up, as 10.0.0.2 of 10.0.0.1."""
        self.answer(3, (3, A("10.0.0.2").packed))
        self.request(IPCP, (3, A("10.0.0.1").packed))
        self.answer()
        assert self.actions[-1] == Up(self.actions[-1].result)
        return self

    @property
    def down(self):
        """How it ended."""
        return self.actions[-1] if isinstance(self.actions[-1], Down) else None


# --- both ends ours


@pytest.mark.parametrize(
    ("method", "title"),
    [(None, ""), (Method.PAP, "PAP"), (Method.CHAP_MD5, "CHAP"), (Method.MSCHAPV2, "MS-CHAPv2")],
)
def test_a_subscriber_and_a_provider(method, title):
    """The whole way, by each method; both know what was agreed on."""
    pair = PppPair(GUEST, provider([method] if method else [], BOOK))
    pair.connect()
    assert pair.left.all(Up) == [
        Up(Result(A("10.64.0.2"), A("10.64.0.1"), (A("10.64.0.53"),), 1500, 1500, title, "", {"PAP": "Login ok", "": ""}.get(title, "Welcome"), 16, 16))
    ]  # fmt: skip
    assert pair.right.all(Up) == [
        Up(Result(A("10.64.0.1"), A("10.64.0.2"), (), 1500, 1500, "", "guest" if method else "", "", 16, 16))
    ]
    stages = ["negotiating", "authenticating", "configuring"]
    assert [stage.name for stage in pair.left.all(Stage)] == [stages[0], *stages[1 + (method is None) :]]


@pytest.mark.parametrize(
    ("method", "silent", "trips"),
    [
        (None, True, 3),
        (Method.PAP, True, 3),
        (Method.CHAP_MD5, False, 3),
        (Method.MSCHAPV2, False, 3),
        (Method.CHAP_MD5, True, 4),
    ],
)
def test_round_trips_until_ip_passes(method, silent, trips):
    """Three, with a peer that speaks first also for CHAP, whose challenge comes half a trip later otherwise."""
    pair = PppPair(GUEST, provider([method] if method else [], BOOK, silent), delay=0.1)
    pair.did(pair.right, pair.right.link.open(0.0))
    pair.now = 0.1
    pair.did(pair.left, pair.left.link.open(0.1))
    assert pair.run(5, lambda: pair.left.up)
    assert pair.now - 0.1 == pytest.approx(0.2 * trips)


@pytest.mark.parametrize("method", list(Method))
def test_a_wrong_password_ends_both_ends(method):
    """At once, with a reason that names the user and not the password; nothing is tried again."""
    pair = PppPair(LinkSettings(credentials=Credentials("guest", "wr0ng")), provider([method], BOOK))
    pair.open()
    assert pair.run(5, lambda: bool(pair.left.down and pair.right.down))
    assert pair.left.down.cause is pair.right.down.cause is Cause.REFUSED
    assert "refused user guest" in pair.left.down.reason
    assert pair.now < 1
    assert pair.left.link.deadline() is None
    assert "wr0ng" not in str(pair.left.said) + str(pair.right.said)


def test_packets_pass_both_ways_with_compressed_headers(tcp):
    """TCP with VJ, other packets as they are, in order."""
    pair = PppPair(GUEST, provider())
    pair.connect()
    packets = [tcp(seq=1000 + 10 * n, data=b"0123456789", ident=n) for n in range(20)] + [b"\x45other"]
    pair.send(pair.left, *packets)
    pair.send(pair.right, *packets)
    pair.run(1, lambda: len(pair.left.received) == 21)
    assert pair.left.received == pair.right.received == packets
    assert pair.left.link.figures.compressed == pair.right.link.figures.restored == 19


def test_both_ends_prove_themselves():
    """Mutual authentication, each by its own method and book."""
    left = replace(GUEST, lcp=LcpSettings(demand=(Method.CHAP_MD5,)), secret_of={"isp": "theirs"}.get)
    right = replace(provider([Method.PAP], BOOK), credentials=Credentials("isp", "theirs"))
    pair = PppPair(left, right)
    pair.connect()
    assert pair.left.all(Up)[0].result.peer_name == "isp"
    assert pair.right.all(Up)[0].result.peer_name == "guest"


def test_the_peer_is_asked_again_and_again():
    """Re-challenges while the link is up disturb nothing; a password that has changed ends it."""
    book = {"guest": "pa55word"}
    pair = PppPair(GUEST, replace(provider([Method.CHAP_MD5], lambda user: book.get(user)), rechallenge=10.0))
    pair.connect()
    pair.run(35)
    assert len(pair.left.all(Up)) == len(pair.right.all(Up)) == 1
    book["guest"] = "changed"
    assert pair.run(20, lambda: bool(pair.left.down))
    assert pair.left.down.cause is Cause.REFUSED


def test_ipv6_comes_up_beside_ipv4():
    """Identifiers of both ends; packets of both families pass."""
    pair = PppPair(replace(GUEST, ipv6=True), replace(provider(), ipv6=True))
    pair.connect()
    pair.run(1, lambda: bool(pair.left.all(Ipv6Up)))
    (left,), (right,) = pair.left.all(Ipv6Up), pair.right.all(Ipv6Up)
    assert (left.local, left.peer) == (right.peer, right.local)
    pair.send(pair.left, b"\x60six", b"\x45four")
    pair.run(1, lambda: bool(pair.right.received))
    assert pair.right.received == [b"\x60six", b"\x45four"]


def test_a_link_is_closed_by_either_end():
    """The other one learns that it is, and not what for."""
    pair = PppPair(GUEST, provider())
    pair.connect()
    pair.did(pair.left, pair.left.link.close("no more money", pair.now))
    pair.run(5, lambda: bool(pair.left.down and pair.right.down))
    assert pair.left.down == Down(Cause.ASKED, "no more money")
    assert pair.right.down == Down(Cause.PEER, "the peer ended the link: disconnected")
    assert pair.left.link.phase is Phase.DEAD


def test_two_subscribers_come_up_with_different_addresses():
    """A null-modem cable between two that both want to be told."""
    pair = PppPair(GUEST, LinkSettings(), seed=3)
    pair.connect()
    left, right = pair.left.all(Up)[-1].result, pair.right.all(Up)[-1].result
    assert (left.local, left.peer) == (right.peer, right.local)
    assert left.local != left.peer


def test_nothing_shows_the_password():
    """Links, settings and their parts, as a log or a traceback would."""
    pair = PppPair(GUEST, provider([Method.MSCHAPV2], BOOK))
    pair.connect()
    assert "pa55" not in repr(pair.left.link) + repr(GUEST) + str(pair.left.said) + str(pair.right.said)


# --- the peer played by hand


def test_a_peer_that_speaks_first_is_answered():
    """Its request before ours has an answer is acknowledged, whichever order."""
    peer = Peer()
    peer.request(LCP, (5, b"magi"))
    assert peer.named() == ["LCP Req", "LCP Ack"]


def test_nothing_but_lcp_before_it_is_open():
    """Everything else is dropped, and not answered (RFC 1661 section 3.4)."""
    peer = Peer()
    peer.look()
    for protocol in (PAP, CHAP, IPCP, CCP, IP):
        peer.say(protocol, Packet(1, 1, b"\x10" + bytes(16)))
    assert peer.look() == []
    assert peer.link.unwelcome == 5


def test_ip_before_ipcp_is_open_is_dropped():
    """RFC 1332 section 2."""
    peer = Peer().establish()
    peer.say(IP, b"\x45packet")
    peer.say(Protocol.VJ_COMPRESSED, b"\x40\0packet")
    assert Deliver not in {type(action) for action in peer.actions}
    assert peer.link.send([b"\x45packet"]) == b""


def test_network_protocols_wait_for_authentication():
    """IPCP before the peer has judged us is dropped; ours is sent with the password and again after the verdict."""
    peer = Peer().establish((3, b"\xc0\x23"))
    assert peer.named() == ["LCP Req", "LCP Ack", "PAP Req", "IPCP Req"]
    peer.request(IPCP, (3, A("10.0.0.1").packed))
    assert peer.look() == []
    peer.say(PAP, Packet(2, 1))
    assert peer.named() == ["IPCP Req"]
    peer.request(IPCP, (3, A("10.0.0.1").packed))
    assert peer.named() == ["IPCP Ack"]


def test_the_early_request_can_be_switched_off():
    """For a peer that cannot bear it: IPCP begins when the verdict is there."""
    peer = Peer(replace(GUEST, early_ipcp=False)).establish((3, b"\xc0\x23"))
    assert peer.named() == ["LCP Req", "LCP Ack", "PAP Req"]
    peer.say(PAP, Packet(2, 1))
    assert peer.named() == ["IPCP Req"]


def test_a_peer_that_does_not_know_ipcp_yet_is_forgiven():
    """A Protocol-Reject of the request that came with the password means nothing."""
    peer = Peer().establish((3, b"\xc0\x23"))
    peer.say(LCP, Packet(8, 1, b"\x80\x21"))
    peer.say(PAP, Packet(2, 1))
    assert peer.named()[-1] == "IPCP Req"
    assert peer.down is None


def test_an_echo_before_authentication_is_answered():
    """LCP is open, that is enough."""
    peer = Peer().establish((3, b"\xc2\x23\x05"))
    peer.look()
    peer.say(LCP, Packet(9, 5, b"magi"))
    assert peer.named() == ["LCP EchoRep"]


def test_a_password_is_not_shown_to_who_did_not_ask():
    """PAP was not agreed on: a request for it, or a challenge, is not answered."""
    peer = Peer().establish()
    peer.look()
    peer.say(CHAP, Packet(1, 1, b"\x10" + bytes(16) + b"isp"))
    peer.say(PAP, Packet(1, 1, b"\1a\1b"))
    assert peer.look() == []


def test_a_challenge_may_come_while_the_link_is_up():
    """It is answered, also with a value that is not 16 octets long."""
    peer = Peer().establish((3, b"\xc2\x23\x05"))
    peer.say(CHAP, Packet(1, 1, b"\x10" + bytes(16) + b"isp"))
    peer.say(CHAP, Packet(3, 1))
    peer.configure()
    peer.look()
    peer.say(CHAP, Packet(1, 9, bytes((37,)) + bytes(37) + b"isp"))
    ((protocol, packet),) = peer.look()
    assert (protocol, packet.code, packet.ident) == (CHAP, 2, 9)
    peer.say(CHAP, Packet(4, 9, b"not you"))
    assert peer.named() == ["LCP TermReq"]


@pytest.mark.parametrize("protocol", [CCP, Protocol.ECP, Protocol.IPV6CP, 0x4003])
def test_other_protocols_are_rejected(protocol):
    """CCP, ECP, IPv6 where nobody wants it, and anything else; a few times, not for ever (RFC 1661 section 5.7)."""
    peer = Peer().establish()
    peer.look()
    for _ in range(REJECTS + 3):
        peer.say(protocol, Packet(1, 7))
    sent = peer.look()
    assert len(sent) == REJECTS
    assert {(p, k.code, k.data) for p, k in sent} == {
        (LCP, 8, protocol.to_bytes(2, "big") + Packet(1, 7).to_wire())
    }


def test_many_unknown_protocols_do_not_fill_memory():
    """After some dozens no new one is answered."""
    peer = Peer().establish()
    peer.look()
    for n in range(500):
        peer.say(0x4001 + 2 * n, b"x")
    assert len(peer.look()) == 32


def test_ipv6_never_holds_up_ipv4():
    """A peer that ignores IPV6CP: IPv4 is up at once, IPv6 is given up after some tries, the link stays."""
    peer = Peer(replace(GUEST, ipv6=True)).establish()
    peer.sent = [(p, k) for p, k in peer.sent if p is not Protocol.IPV6CP]
    peer.configure()
    assert isinstance(peer.actions[-1], Up)
    for second in range(1, 100):
        peer.raw(b"", second)
        peer.say(LCP, Packet(11, 1))
        peer.wait(float(second))
    assert sum(1 for p, k in peer.look() if p is Protocol.IPV6CP) < 12
    assert peer.down is None
    assert peer.link.ready


def test_a_peer_without_ipv6_is_believed():
    """Protocol-Reject of IPV6CP: no more requests, IPv4 goes on."""
    peer = Peer(replace(GUEST, ipv6=True)).establish()
    peer.say(LCP, Packet(8, 1, b"\x80\x57"))
    peer.sent = [(p, k) for p, k in peer.sent if p is not Protocol.IPV6CP]
    peer.configure()
    peer.look()
    peer.wait(15.0)
    assert not any(p is Protocol.IPV6CP for p, _ in peer.look())


def test_a_peer_without_ip_is_of_no_use():
    """Protocol-Reject of IPCP ends the link."""
    peer = Peer().establish()
    peer.say(LCP, Packet(8, 1, b"\x80\x21"))
    peer.wait(10.0)
    assert peer.down == Down(Cause.DISAGREED, "the peer does not know IPCP")


def test_the_end_of_ip_alone_is_the_end():
    """IPCP Terminate-Request while LCP stays up and answers echoes: there is no network, so the link is ended."""
    peer = Peer().establish().configure()
    peer.look()
    peer.say(IPCP, Packet(5, 9, b"Peer is not authorized to use remote address"))
    assert peer.named() == ["IPCP TermAck", "LCP TermReq"]
    assert not peer.link.ready
    peer.say(LCP, Packet(6, peer.link._lcp._ident))
    assert peer.down == Down(
        Cause.PEER, "the peer ended IP on the link: Peer is not authorized to use remote address"
    )


@pytest.mark.parametrize(
    ("stage", "reason"),
    [
        ("lcp", "the peer ended the link: bye (before IP was up)"),
        ("auth", "the peer ended the link: bye (while authenticating)"),
        ("ip", "the peer ended the link: bye"),
    ],
)
def test_the_peer_may_leave_at_any_time(stage, reason):
    """Right after LCP, while authenticating, when IP is up: acknowledged, and down at once with where it was."""
    peer = Peer().establish(*([(3, b"\xc2\x23\x05")] if stage == "auth" else []))
    if stage == "ip":
        peer.configure()
    peer.look()
    peer.say(LCP, Packet(5, 9, b"bye"))
    assert peer.named() == ["LCP TermAck"]
    assert peer.down == Down(Cause.PEER, reason)
    assert peer.link.deadline() is None
    peer.request(LCP)
    assert peer.look() == []


def test_a_refused_password_and_the_goodbye_after_it():
    """slirp ends LCP right behind the Nak: the reason is the password, not the goodbye."""
    peer = Peer().establish((3, b"\xc0\x23"))
    peer.say(PAP, Packet(3, 1, b"\x0fLogin incorrect"))
    peer.say(LCP, Packet(5, 9))
    peer.wait(10.0)
    assert peer.down == Down(Cause.REFUSED, "the peer refused user guest (PAP): Login incorrect")


def test_a_peer_that_starts_over_comes_up_again():
    """A Configure-Request on an open link: everything from the beginning, another Up; packets stop meanwhile."""
    peer = Peer().establish().configure()
    peer.look()
    peer.request(LCP, (5, b"newm"), ident=99)
    assert peer.named() == ["LCP Req", "LCP Ack"]
    assert peer.actions[-1] == Stage("negotiating")
    assert not peer.link.ready
    peer = Peer().establish().configure()
    peer.request(LCP, (5, b"newm"), ident=99)
    peer.answer()
    peer.configure()
    assert len([action for action in peer.actions if isinstance(action, Up)]) == 2


def test_a_peer_that_starts_over_for_ever_is_left():
    """After twenty times."""
    peer = Peer().establish().configure()
    for n in range(RESTARTS + 1):
        peer.request(IPCP, (3, A("10.0.0.1").packed), ident=n)
        if peer.link.phase is Phase.NETWORK:
            peer.answer()
    peer.wait(10.0)
    assert peer.down == Down(Cause.DISAGREED, "the peer starts over again and again")


def test_a_peer_that_starts_lcp_over_for_ever_is_left():
    """After twenty times too, with nothing left to say."""
    peer = Peer().establish().configure()
    for n in range(RESTARTS + 1):
        peer.request(LCP, (5, b"magi"), ident=n)
        if not peer.down:
            peer.answer()
    assert peer.down == Down(Cause.DISAGREED, "the peer starts over again and again")


def test_a_peer_that_starts_ip_over():
    """Nothing passes from its request until it is answered and ours is; then there is another Up."""
    peer = Peer().establish().configure()
    peer.request(IPCP, (3, A("10.0.0.3").packed), ident=99)
    assert peer.actions[-1] == Stage("configuring")
    assert not peer.link.ready
    assert peer.link.send([b"\x45packet"]) == b""
    peer.say(IP, b"\x45packet")
    assert peer.link.unwelcome == 1
    peer.answer()
    assert peer.actions[-1].result.peer == A("10.0.0.3")


def test_nothing_of_ip_is_said_to_a_peer_that_is_yet_to_prove_itself():
    """The request that saves a round trip is for a peer of whom nothing is demanded."""
    peer = Peer(replace(GUEST, lcp=LcpSettings(demand=(Method.CHAP_MD5,)), secret_of={"isp": "theirs"}.get))
    peer.establish((3, b"\xc0\x23"))
    assert IPCP not in {protocol for protocol, _ in peer.look()}
    peer.say(PAP, Packet(2, 1))
    assert IPCP not in {protocol for protocol, _ in peer.look()}
    peer.request(IPCP, (3, A("10.0.0.1").packed))
    assert peer.look() == []


def test_what_comes_unescaped_is_judged_by_the_map_that_was_agreed():
    """Before, controls among the octets are somebody else's and removed; with a map of none they are the peer's own."""
    peer = Peer()
    peer.request(LCP)
    wire = Encoder().encode([b"\xff\x03\xc0\x21" + Packet(11, 1, b"peer").to_wire()])
    disturbed = wire[:4] + b"\x13" + wire[4:]
    peer.raw(disturbed)
    assert peer.link.counters.bad_fcs == 0
    peer.answer()
    peer.raw(disturbed)
    assert peer.link.counters.bad_fcs == 1


def test_an_authentication_without_a_verdict():
    """Nothing is said about the password: it may be tried again."""
    peer = Peer().establish((3, b"\xc0\x23"))
    peer.wait(40.0)
    assert peer.down == Down(Cause.UNPROVEN, "the peer did not answer to the password in 30 s (PAP)")


def test_nothing_comes_after_the_end():
    """What stands behind a Terminate-Request in the same read is not looked at."""
    peer = Peer().establish().configure()
    peer.look()
    goodbye = Encoder().encode([b"\xff\x03\xc0\x21" + Packet(5, 9).to_wire()])
    peer.raw(goodbye * 3)
    assert peer.named() == ["LCP TermAck"]
    assert isinstance(peer.actions[-1], Down)


def test_a_silent_end_waits_for_ever_and_then_not_for_ever():
    """Until somebody speaks it has all the time there is; from then on the usual patience."""
    pair = PppPair(GUEST, provider())
    pair.did(pair.right, pair.right.link.open(0.0))
    assert not pair.step()
    pair.now = 1000.0
    right = pair.right.link
    pair.did(
        pair.right, right.receive(Encoder().encode([b"\xff\x03\xc0\x21" + Packet(1, 1).to_wire()]), 1000.0)
    )
    assert pair.run(100, lambda: bool(pair.right.down))


def test_the_first_reason_is_the_reason():
    """Closing a link that ends already, for a wrong password, does not hide that."""
    peer = Peer().establish((3, b"\xc0\x23"))
    peer.say(PAP, Packet(3, 1, b"\x0fLogin incorrect"))
    peer.do(peer.link.close("the operator lost patience", 1.0))
    peer.do(peer.link.lost("the device is gone", 2.0))
    assert peer.down.cause is Cause.REFUSED


def test_a_peer_that_answers_and_never_agrees_is_left():
    """It acknowledges all our requests and never makes one: no timer of RFC 1661 ends that, patience does."""
    peer = Peer()
    while not peer.down and peer.now < 200:
        if any(packet.code == 1 for _, packet in peer.sent):
            peer.answer()
        peer.look()
        peer.wait(peer.link.deadline())
    assert peer.down == Down(Cause.DISAGREED, "the two ends did not come to an agreement in 90 s")


def test_a_line_without_an_answer():
    """Ten requests, then the end."""
    peer = Peer()
    peer.wait(100.0)
    assert len(peer.look()) == 10
    assert peer.down == Down(Cause.SILENT, "LCP: no answer to 10 requests")


def test_a_dead_peer_is_found_by_echo():
    """Down at once when the last question has no answer."""
    peer = Peer(replace(GUEST, lcp=LcpSettings(echo=Echo(20.0, 5.0, 2)))).establish().configure()
    peer.look()
    peer.wait(29.9)
    assert peer.named() == ["LCP EchoReq"] * 2
    peer.wait(30.0)
    assert peer.down == Down(Cause.SILENT, "the peer has been silent for 30 s and answers no echo")


def test_a_stall_of_ten_seconds_is_survived():
    """And traffic makes echoes unnecessary."""
    peer = Peer().establish().configure()
    peer.look()
    for second in range(5, 60, 10):
        peer.say(IP, b"\x45packet", float(second))
        peer.wait(second + 9.0)
    assert peer.look() == []
    assert peer.down is None


def test_an_answered_echo_tells_the_round_trip():
    """For the status."""
    peer = Peer().establish().configure()
    peer.look()
    peer.wait(20.0)
    ((_, question),) = peer.look()
    peer.say(LCP, Packet(10, question.ident, b"magi"), 20.25)
    assert peer.link.rtt == 0.25


def test_a_looped_line_is_found():
    """Everything that is sent comes back."""
    link = PppLink(GUEST, seeded(1))
    actions = link.open(0.0)
    for action in actions:  # grows while it is read
        if isinstance(action, Transmit):
            actions += link.receive(action.data, 0.1)
        assert len(actions) < 50
    assert actions[-1].cause is Cause.LOOPED


def test_a_lost_carrier_among_frames():
    """The text after half a frame, with a flag behind it: over at once."""
    peer = Peer().establish().configure()
    peer.raw(b"\x7e\x21\x45half\r\nNO CARRIER\r\n\x7e")
    assert peer.actions[-2:] == [NoCarrier(), Down(Cause.LINE, "the modem lost the carrier (NO CARRIER)")]


def test_a_lost_carrier_as_the_last_words():
    """No flag will ever come: over after one second of silence."""
    peer = Peer().establish().configure()
    peer.raw(b"\x7e\x21\x45half\r\nNO CARR", 30.0)
    peer.raw(b"IER\r\n", 30.1)
    peer.wait(31.0)
    assert peer.down is None
    peer.wait(31.2)
    assert peer.down.cause is Cause.LINE


def test_the_words_in_a_packet_end_nothing():
    """A mail about modems passes, even if the line pauses behind the words, and even if a damaged frame has them."""
    peer = Peer().establish().configure()
    packet = b"\x45mail\r\nNO CARRIER\r\nhe said"
    wire = Encoder(0).encode([b"\x21" + packet])
    cut = wire.index(b"he said")
    peer.raw(wire[:cut], 30.0)
    peer.raw(wire[cut:], 30.9)
    assert peer.actions[-1] == Deliver((packet,))
    peer.raw(wire.replace(b"mail", b"main"))
    peer.wait(40.0)
    assert peer.down is None


def test_a_login_prompt_is_shown():
    """Text that is no PPP reaches whoever knows what to do with it."""
    peer = Peer()
    peer.raw(b"\r\nWelcome to isp\r\nlogin: ")
    peer.wait(1.0)
    assert peer.actions[-1] == Text("Welcome to isp login:")


def test_junk_and_damage_are_counted():
    """Nothing else comes of it."""
    peer = Peer().establish().configure()
    before = len(peer.actions)
    peer.raw(b"\n\x7e\x7e\x00\xff\x01garbage\x80\x7e")
    assert len(peer.actions) == before
    assert peer.link.counters.bad_fcs == 2
    peer.say(LCP, b"\1")
    peer.say(0xC020, b"")
    assert peer.link.unwelcome == 2


def test_a_damaged_frame_makes_the_decompressor_careful(tcp):
    """After it no compressed packet without a slot number is believed."""
    pair = PppPair(GUEST, provider())
    pair.connect()
    wires = [pair.left.link.send([tcp(seq=1000 + n, data=b"x", ident=n)]) for n in range(4)]
    right = pair.right.link
    assert right.receive(wires[0] + wires[1], 1.0)
    assert right.receive(wires[2][:-4] + b"zz" + wires[2][-4:], 1.0) == []
    assert right.receive(wires[3], 1.0) == []
    assert right.figures.vj_lost == 1


def test_a_peer_that_rejects_compressed_packets():
    """Protocol-Reject of VJ: packets go uncompressed from then on."""
    peer = Peer().establish()
    peer.answer(3, (3, A("10.0.0.2").packed))
    peer.request(IPCP, (3, A("10.0.0.1").packed), (2, bytes.fromhex("002d0f01")))
    peer.answer()
    assert peer.actions[-1].result.vj_send == 16
    peer.say(LCP, Packet(8, 1, b"\0\x2f"))
    assert peer.link._path.compressor is None


def test_the_peers_mru_is_the_mtu():
    """Larger packets are not sent: slirp would drop them without a word."""
    peer = Peer().establish((1, b"\x02\x40")).configure()
    assert peer.actions[-1].result.mtu == 576
    assert peer.link.send([b"\x45" + bytes(576)]) == b""
    assert peer.link.send([b"\x45" + bytes(575)]) != b""
    assert peer.link.figures.oversize == 1


def test_lcp_is_sent_as_if_nothing_were_agreed():
    """All controls escaped, address and control sent, whatever was negotiated (RFC 1662 section 7.1)."""
    peer = Peer().establish((2, bytes(4)), (7, b""), (8, b"")).configure()
    (action,) = peer.link.close("bye", 1.0)
    assert min(action.data) >= 0x20
    assert action.data[1:3] == b"\xff\x7d"


def test_closing_before_anything_was_said():
    """A silent end that nobody has spoken to is down at once; one that is closed twice is closed."""
    link = PppLink(provider(), seeded(1))
    assert link.open(0.0) == [Stage("negotiating")]
    assert link.close("enough", 1.0) == [Down(Cause.ASKED, "enough")]
    assert link.close("enough", 2.0) == []
    assert link.timeout(3.0) == []
    assert link.receive(b"\x7e", 3.0) == []


def test_closing_does_not_wait_for_ever():
    """A peer that does not acknowledge: down after three seconds."""
    peer = Peer().establish().configure()
    peer.do(peer.link.close("bye", 10.0))
    peer.wait(20.0)
    assert peer.named().count("LCP TermReq") == 2
    assert peer.down == Down(Cause.ASKED, "bye")


def test_a_line_that_is_gone():
    """Nothing is sent any more."""
    peer = Peer().establish().configure()
    peer.look()
    peer.do(peer.link.lost("the device is unplugged", 5.0))
    assert peer.look() == []
    assert peer.down == Down(Cause.LINE, "the device is unplugged")
    assert peer.link.deadline() is None
    assert peer.link.send([b"\x45packet"]) == b""


def test_a_peer_that_wants_a_password_we_have_not():
    """The reason says what to configure."""
    peer = Peer(LinkSettings())
    peer.request(LCP, (3, b"\xc0\x23"))
    assert peer.named() == ["LCP Req", "LCP Rej"]
    peer.say(LCP, Packet(5, 1, b"peer refused to authenticate"))
    peer.say(LCP, Packet(6, peer.link._lcp._ident))
    assert peer.down.reason == (
        "the peer ended the link: peer refused to authenticate"
        " (it wants a user name and a password, and we have none for it)"
    )


def test_a_demand_needs_a_book():
    """Otherwise nobody could ever be let in."""
    with pytest.raises(ValueError, match="password"):
        PppLink(LinkSettings(lcp=LcpSettings(demand=(Method.PAP,))), seeded(1))


def test_any_split_of_reads_gives_the_same():
    """A whole call, cut into single octets, with noise in it, says the same as in one piece."""
    script = PppPair(GUEST, provider([Method.CHAP_MD5], BOOK))
    script.connect()
    heard = b"".join(action.data for action in script.right.all(Transmit))
    heard = b"\n" + heard[:50] + b"\x7e\r\nRING\r\n\x7e" + heard[50:] + b"\r\nNO CARRIER\r\n\x7e"

    def conversation(size):
        link = PppLink(GUEST, seeded(1))
        actions = link.open(0.0)
        for at in range(0, len(heard), size):
            actions += link.receive(heard[at : at + size], 1.0)
        sent = b"".join(action.data for action in actions if isinstance(action, Transmit))
        return Decoder().feed(sent), [action for action in actions if not isinstance(action, Transmit)]

    whole = conversation(len(heard))
    assert whole[1][-1].cause is Cause.LINE
    assert Text("RING") in whole[1]
    assert all(conversation(size) == whole for size in (1, 2, 3, 7, 50))


def test_the_settings_of_a_peer_are_its_own():
    """Nothing of one link is left for the next: a rejected option is asked for again."""
    for _ in range(2):
        peer = Peer()
        (_, request) = peer.look()[0]
        assert [option.type for option in parse_options(request.data)] == [2, 5, 7, 8]
        peer.say(LCP, request._replace(code=4, data=pack_options([Option(7)])))


def test_a_subscriber_without_compression():
    """VJ switched off: neither asked for nor granted."""
    pair = PppPair(replace(GUEST, ipcp=IpcpSettings(vj=None)), provider())
    pair.connect()
    assert (pair.result().result.vj_send, pair.result().result.vj_receive) == (0, 0)
