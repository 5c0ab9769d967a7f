"""A session on local sockets: frames, probes, announcements, timers, and the socket to one server."""

from ipaddress import IPv4Address

import pytest
from twisted.internet.defer import Deferred

from ics_plugins.uplinks.ethernet.actions import Lost
from ics_plugins.uplinks.ethernet.lease import read_lease
from ics_plugins.uplinks.ethernet.session import DhcpSession, Told
from icsframework.errors import HostError, NoPrivilege, PortTaken
from icsframework.protocols import arp
from icsframework.protocols.dhcp.frame import FrameBuilder, parse_frame
from icsframework.protocols.dhcp.message import Message
from icsframework.testing.gateway import FakeGateway, Readers
from icsframework.values import Endpoint, InterfaceInfo, PacketFilter

A, SERVER = IPv4Address("203.0.113.100"), IPv4Address("203.0.113.1")
MAC, NEIGHBOUR = "02:00:5e:00:53:01", "02:00:5e:00:53:99"
ETH0 = InterfaceInfo("eth0", 2, MAC, 1500, up=True, carrier=True)
MARK = 0x10000


class Stage:
    """A session, its gateway, and a server that answers by hand."""

    def __init__(self, replies):
        self.replies = replies
        self.gateway, self.reactor, self.told = FakeGateway("uplink.cable"), Readers(), []
        self.stages = []
        told = Told(
            self.stages.append,
            lambda lease: self._tell(f"bound {lease.address.ip}"),
            lambda: self._tell("forget"),
            self._lost,
        )
        self.then = lambda: None
        self.session = DhcpSession(self.gateway, self.reactor, ETH0, "gate", MARK, told)

    def _tell(self, line):
        self.told.append(line)
        self.then()

    def _lost(self, lost):
        assert isinstance(lost, Lost)
        self._tell(f"lost: {lost.reason}")

    def sent(self):
        """What left by the packet socket since the last look."""
        lines = []
        for frame in self.gateway.host.packet[0].frames():
            if frame[12:14] == b"\x08\x06":
                packet = arp.from_frame(frame)
                lines.append(f"arp {packet.sender} {packet.target}")
            else:
                self.last = Message.from_wire(parse_frame(frame).payload)
                lines.append(self.last.message_type.name)
        return lines

    def hears(self, kind, xid=None, **fields):
        """A server's answer to the message sent last."""
        answer = self.replies(kind, self.last.xid if xid is None else xid, **fields)
        frame = FrameBuilder(bytes(6), int(SERVER), 67, 68).build(b"\xff" * 6, 0xFFFFFFFF, answer.to_wire())
        self.gateway.host.packet[0].peer.send(frame)
        self.reactor.turn()

    def bind(self):
        """From the start to an address."""
        self.session.start()
        self.sent()
        self.hears("OFFER")
        self.sent()
        self.hears("ACK")
        self.gateway.advance(0.2)


@pytest.fixture
def stage(replies):
    """A stage, cleared at the end."""
    made = Stage(replies)
    yield made
    made.session.stop(release=False)
    made.gateway.close()


def test_from_the_first_frame_to_an_announced_address(stage):
    """RFC 2131 section 3.1 and RFC 5227 section 2: DISCOVER, REQUEST, a probe, then bound and two announcements."""
    stage.session.start()
    opening = stage.gateway.host.packet[0]
    assert (opening.interface, opening.filter) == ("eth0", PacketFilter(0x0800, 68))
    assert stage.sent() == ["DISCOVER"]
    stage.hears("OFFER")
    assert stage.sent() == ["REQUEST"]
    stage.hears("ACK")
    assert stage.gateway.host.probed == [("eth0", A, 0.2)]
    assert stage.told == []
    stage.gateway.advance(0.2)
    assert (stage.told, stage.sent()) == ([f"bound {A}"], [f"arp {A} {A}"])
    stage.gateway.advance(2)
    assert stage.sent() == [f"arp {A} {A}"]
    stage.gateway.advance(100)
    assert (stage.sent(), stage.gateway.host.udp) == ([], [])


def test_a_used_address_is_declined(stage):
    """Somebody answers the probe: DECLINE, and the reason names him."""
    stage.gateway.host.neighbours[A] = NEIGHBOUR
    stage.bind()
    assert stage.sent() == ["DECLINE"]
    assert stage.told == ["forget", f"lost: {A} is used by {NEIGHBOUR}; the DHCP server was told"]


def test_not_knowing_is_no_reason_to_stay_without_an_address(stage):
    """A probe that cannot be sent counts as no answer."""
    stage.gateway.host.fail["neighbour_in_use"] = HostError("no ARP today")
    stage.bind()
    assert stage.told == [f"bound {A}"]


def test_repetitions_come_by_the_timer(stage):
    """Four DISCOVERs within some 60 s, then it is lost."""
    stage.session.start()
    for _ in range(70):
        stage.gateway.advance(1)
    assert stage.sent() == ["DISCOVER"] * 4
    assert stage.told == ["lost: no DHCP server offers an address"]


def test_a_renewal_goes_to_the_server_from_our_address(stage):
    """Section 4.4.5: a socket of our address and port, our interface and mark, open until the answer is there."""
    stage.bind()
    stage.gateway.advance(1800)
    opening = stage.gateway.host.udp[0]
    assert (opening.endpoint, opening.interface, opening.mark) == (Endpoint(A, 68), "eth0", MARK)
    ((wire, to),) = opening.socket.sent
    asked = Message.from_wire(wire)
    assert (to, asked.message_type.name, asked.ciaddr) == ((str(SERVER), 67), "REQUEST", int(A))
    assert opening.socket.fileno() >= 0
    stage.hears("ACK", xid=asked.xid)
    assert (opening.socket.fileno(), stage.told) == (-1, [f"bound {A}"] * 2)
    assert stage.sent() == [f"arp {A} {A}", f"arp {A} {A}"]  # both of the first time: nothing is new


def test_rebinding_is_broadcast(stage):
    """After T2 the question leaves as a frame to all; the socket to the one server is closed at the answer."""
    stage.bind()
    stage.gateway.advance(1800)
    for _ in range(1350):
        stage.gateway.advance(1)
    assert stage.sent()[-1] == "REQUEST"
    assert len(stage.gateway.host.udp) > 1
    stage.hears("ACK", server="203.0.113.2")
    assert [opening.socket.fileno() for opening in stage.gateway.host.udp] == [-1] * len(
        stage.gateway.host.udp
    )


def test_a_taken_port_does_not_end_the_session(stage):
    """Another DHCP client on this machine has port 68: renewal waits for REBINDING, which needs no port."""
    stage.bind()
    stage.gateway.host.fail["bind_udp"] = PortTaken("Port 68 is used by dhclient.")
    for _ in range(3200):
        stage.gateway.advance(1)
    assert stage.sent()[-1] == "REQUEST"
    assert stage.told == [f"bound {A}"]


def test_release_is_sent_before_the_session_is_over(stage):
    """Section 4.4.6: to the server, from our address; then nothing is open."""
    stage.bind()
    stopped = stage.session.stop(release=True)
    ((wire, to),) = stage.gateway.host.udp[0].socket.sent
    assert (Message.from_wire(wire).message_type.name, to) == ("RELEASE", (str(SERVER), 67))
    assert stopped.called
    assert (stage.gateway.host.open_sockets, stage.reactor.readers) == ([], [])
    assert stage.gateway.clock.clock.getDelayedCalls() == []


@pytest.mark.parametrize("steps", range(5))
def test_it_can_be_stopped_anywhere(stage, steps):
    """Before and after each step: no socket, timer or probe stays, and nothing is sent or told afterwards."""
    script = [
        stage.session.start,
        lambda: (stage.sent(), stage.hears("OFFER")),
        lambda: (stage.sent(), stage.hears("ACK")),
        lambda: stage.gateway.advance(0.2),
    ]
    for step in script[:steps]:
        step()
    told = list(stage.told)
    assert stage.session.stop(release=False).called
    assert stage.session.stop(release=True).called
    assert (stage.gateway.host.open_sockets, stage.reactor.readers) == ([], [])
    assert stage.gateway.clock.clock.getDelayedCalls() == []
    stage.gateway.advance(5000)
    assert (stage.told, stage.gateway.host.udp) == (told, [])


def test_whoever_is_told_may_stop_it(stage):
    """The link is not wanted any more when it comes up: no announcement, no timer."""
    stage.then = lambda: stage.session.stop(release=False)
    stage.bind()
    assert (stage.told, stage.sent()) == ([f"bound {A}"], [])
    assert stage.gateway.clock.clock.getDelayedCalls() == []


def test_whoever_is_told_one_thing_and_stops_it_is_told_no_more(stage):
    """A refused address is forgotten, then it would be lost: the one who forgets stops the session."""
    stage.gateway.host.neighbours[A] = NEIGHBOUR
    stage.then = lambda: stage.session.stop(release=False)
    stage.bind()
    assert stage.told == ["forget"]


class SlowPorts:
    """A host whose UDP sockets come when the test says so, as by a broker."""

    def __init__(self, host):
        self.host, self.waiting = host, []

    def __getattr__(self, name):
        return getattr(self.host, name)

    def bind_udp(self, *arguments):
        """See IHost."""
        self.waiting.append((Deferred(), arguments))
        return self.waiting[-1][0]

    def arrives(self):
        """The broker answers."""
        for answer, arguments in self.waiting:
            self.host.bind_udp(*arguments).chainDeferred(answer)
        self.waiting.clear()


@pytest.mark.parametrize("release", [True, False])
def test_a_socket_that_comes_after_the_end(stage, release):
    """A question that is too late is not asked, a RELEASE is sent all the same and waited for; neither stays open."""
    stage.bind()
    slow = stage.gateway.host = SlowPorts(stage.gateway.host)
    if not release:
        stage.gateway.advance(1800)
    ended = []
    stage.session.stop(release).addCallback(ended.append)
    assert ended == []
    slow.arrives()
    assert ended == [None]
    sent = [Message.from_wire(wire).message_type.name for wire, _ in stage.gateway.host.udp[0].socket.sent]
    assert sent == (["RELEASE"] if release else [])
    assert stage.gateway.host.open_sockets == []


def test_without_rights_it_fails_with_the_hosts_words(stage):
    """The Deferred of start fails with the HostError."""
    stage.gateway.host.fail["open_packet"] = NoPrivilege("You may not open packet sockets.")
    failures = []
    stage.session.start().addErrback(failures.append)
    assert failures[0].check(NoPrivilege)


def test_a_lease_is_resumed_without_a_word(stage, replies):
    """Nothing is sent, probed or announced: the address is in use already."""
    stage.session.resume(read_lease(replies("ACK", 1), 0.0))
    assert (stage.sent(), stage.gateway.host.probed, stage.told) == ([], [], [f"bound {A}"])
    stage.gateway.advance(1800)
    assert len(stage.gateway.host.udp) == 1


def test_the_details_for_status(stage):
    """State, and what came that was of no use."""
    assert stage.session.details() == {
        "dhcp": "init",
        "unusable": 0,
        "complaint": "",
        "malformed": 0,
        "defects": 0,
    }
    stage.session.start()
    stage.sent()
    stage.gateway.host.packet[0].peer.send(b"garbage")
    stage.hears("OFFER", server=None)
    assert stage.session.details() == {
        "dhcp": "selecting",
        "unusable": 1,
        "complaint": "the server does not say who it is",
        "malformed": 1,
        "defects": 0,
    }


def test_it_says_who_it_is(stage):
    """RFC 4361 section 6.1: type 255, IAID, DUID; and the host name."""
    stage.session.start()
    stage.sent()
    assert stage.last.options[61][:1] == b"\xff"
    assert stage.last.options[61][5:] == bytes.fromhex("00030001" + MAC.replace(":", ""))
    assert stage.last.options[12] == b"gate"
