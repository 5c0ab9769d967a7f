"""Hostile modems and peers for the dial-up uplink: any octets at any moment, and any order of what may happen."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from ics_plugins.uplinks.dialup.config import DialupConfig
from ics_plugins.uplinks.dialup.plan import Order
from ics_plugins.uplinks.dialup.results import MAX_LINE, MAX_LINES, ResultReader
from ics_plugins.uplinks.dialup.scripts import SCRIPTS
from ics_plugins.uplinks.dialup.steps import MAX_TEXT, Connected, Conversation, Failed, Write
from ics_plugins.uplinks.dialup.uplink import DialupUplink
from icsframework.protocols.ppp.actions import Transmit
from icsframework.protocols.ppp.link import PppLink
from icsframework.testing.gateway import FakeGateway, Readers
from icsframework.testing.ppp import provider, seeded
from icsframework.values import Absent, Cause, Down, InterfaceInfo, UplinkSettings

WORDS = [
    b"OK", b"ERROR", b"BUSY", b"CONNECT 33600", b"CONNECT", b"NO CARRIER", b"RING", b"NO ANSWER", b"0", b"7",
    b"+CPIN: SIM PIN", b"+CPIN: READY", b"+CME ERROR: 16", b"+CME ERROR: 14", b"+CEREG: 0,1", b"+CEREG: 9,9,9",
    b"+CSQ: 99,99", b"+CSQ: x", b'+COPS: 0,0,"', b"CLIENTSERVER", b"ATZ", b"~\xff}#\xc0!", b"\0" * 50,
]  # fmt: skip
"""What modems say, near and far from sense."""
SPOKEN = st.one_of(
    st.sampled_from(WORDS).map(lambda word: b"\r\n" + word + b"\r\n"),
    st.binary(max_size=60),
    st.just(b"A" * 5000),
)
ORDER = Order(
    number="123",
    pin="1234",
    apn="internet",
    init=("ATM0",),
    reset=True,
    windows=True,
    chat=("ABORT", "BUSY", "TIMEOUT", "5", "", "ATZ", "OK-AT-OK", r"ATDT\T", "CONNECT", r"\d\c"),
)


@given(st.sampled_from(sorted(SCRIPTS)), st.lists(st.one_of(SPOKEN, st.just(None)), max_size=60))
def test_a_script_ends_whatever_the_modem_says(kind, moments):
    """It comes to an outcome in bounded time, keeps nothing beyond its bounds, and sends a PIN once at most."""
    talk, now, sent = Conversation(SCRIPTS[kind](ORDER)), 0.0, 0
    actions = list(talk.start(now))
    for moment in moments:
        if talk.outcome is not None:
            break
        if moment is None:
            now = max(now, talk.deadline())
            actions += talk.timeout(now)
        else:
            actions += talk.receive(moment, now)
    for _ in range(2000):
        if talk.outcome is not None:
            break
        now = talk.deadline()
        actions += talk.timeout(now)
    assert isinstance(talk.outcome, Connected | Failed)
    assert now < 3600
    sent = sum(action.data.count(b"AT+CPIN=") for action in actions if isinstance(action, Write))
    assert sent <= 1
    assert "1234" not in repr(talk.outcome)
    assert len(talk.reader.rest()) <= MAX_LINE * MAX_LINES
    assert len(talk.text()) <= MAX_TEXT


def test_a_hundred_thousand_mutated_lines():
    """None raises, and the reader stays within its bounds."""
    dice, reader = random.Random(5), ResultReader()
    for _ in range(100_000):
        line = bytearray(dice.choice(WORDS) + b"\r\n")
        for _ in range(dice.randrange(3)):
            line[dice.randrange(len(line))] = dice.randrange(256)
        reader.feed(bytes(line))
        while (result := reader.next()) is not None:
            assert len(result.text) <= MAX_LINE
    assert len(reader.rest()) <= MAX_LINE


class World:
    """The plugin, a modem that says anything, and now and then a provider that makes sense."""

    def __init__(self, kind):
        keys = {"numbers": ["123", "124"]} if kind != "null-modem" else {}
        own = DialupConfig.model_validate({"device": "/dev/ttyS0", "modem": kind, **keys})
        self.gateway, self.reactor, self.states = FakeGateway("uplink.modem"), Readers(), []
        self.host = self.gateway.host
        self.host.set_interface("icsu-m", InterfaceInfo("icsu-m", 7, "", 1500, True, True))
        chosen = UplinkSettings("m", "icsu-m", own)
        self.uplink = DialupUplink(
            chosen, self.gateway, self.states.append, self.reactor, seeded(1), lambda: 0.5
        )
        self.isp = None

    def do(self, what, value):
        if what == "says" and self.line is not None:
            self.line.peer.send(value)
        elif what == "provides" and self.line is not None:
            self.isp = PppLink(provider(silent=False), seeded(value))
            self.line.peer.send(b"\r\nCONNECT\r\n")
            self.isp_does(self.isp.open(self.now))
        elif what == "waits":
            self.gateway.advance(value)
        elif what == "connects":
            self.uplink.connect(Cause("x")).addErrback(lambda failure: None)
        elif what == "disconnects":
            self.uplink.disconnect("x")
        elif what == "unplugs" and self.line is not None:
            self.line.unplug()
        elif what == "packet" and self.host.tun and self.host.tun[-1].socket.fileno() >= 0:
            self.host.tun[-1].peer.send(value or b"E")
        self.turn()

    @property
    def now(self):
        return self.gateway.clock.now()

    @property
    def line(self):
        live = [line for line in self.host.serial if line.fileno() >= 0 and line.peer.fileno() >= 0]
        return live[-1] if live else None

    def turn(self):
        for _ in range(20):
            self.reactor.turn(0)
            line = self.line
            try:
                data = line.peer.recv(65536) if line is not None else b""
            except (BlockingIOError, OSError):
                data = b""
            if not data:
                return
            if self.isp is not None:
                self.isp_does(self.isp.receive(data, self.now))

    def isp_does(self, actions):
        for action in actions:
            if isinstance(action, Transmit) and self.line is not None:
                self.line.peer.send(action.data)


EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("says"), SPOKEN.filter(bool)),
        st.tuples(st.just("says"), SPOKEN.filter(bool)),
        st.tuples(st.just("waits"), st.floats(0, 20)),
        st.tuples(st.just("waits"), st.floats(0, 2)),
        st.tuples(st.just("connects"), st.none()),
        st.tuples(st.just("connects"), st.none()),
        st.tuples(st.just("provides"), st.integers(0, 99)),
        st.tuples(st.just("disconnects"), st.none()),
        st.tuples(st.just("unplugs"), st.none()),
        st.tuples(st.just("packet"), st.binary(max_size=1500)),
    ),
    max_size=40,
)


@settings(max_examples=150)
@given(st.sampled_from(["hayes", "cellular", "null-modem"]), EVENTS)
def test_whatever_happens_it_can_be_ended_and_leaves_nothing(kind, events):
    """Any octets, any wishes and any faults in any order: no exception, and after a stop no timer and no descriptor."""
    world = World(kind)
    world.uplink.startService()
    world.turn()
    for what, value in events:
        world.do(what, value)
    left = []
    world.uplink.disconnect("the end").addCallback(left.append)
    for _ in range(300):
        world.do("waits", 0.1)
        if left:
            break
    assert left == [None]
    assert isinstance(world.states[-1], Down | Absent)
    modem = world.uplink._device.modem
    assert modem is None or modem.defects == 0
    world.uplink.stopService()
    world.turn()
    assert not world.gateway.clock.clock.getDelayedCalls()
    assert not world.reactor.readers
    assert not world.reactor.writers
    assert world.host.open_sockets == []
    assert world.line is None
    world.gateway.close()
