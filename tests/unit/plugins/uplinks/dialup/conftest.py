"""A modem on paper, for scripts: it answers from a table, and everything that happens is one list of lines.

And a whole telephone line, for the plugin: a modem at the other end of a FakeSerialLine, and a provider behind it.
"""

import pytest
from zope.interface.verify import verifyObject

from ics_plugins.uplinks.dialup.config import DialupConfig
from ics_plugins.uplinks.dialup.plan import Order
from ics_plugins.uplinks.dialup.steps import (
    Connected,
    Conversation,
    Discard,
    Done,
    Dtr,
    Fact,
    Failed,
    PinRefused,
    SetSpeed,
    Stage,
    Write,
)
from ics_plugins.uplinks.dialup.uplink import DialupUplink
from icsframework.interfaces import IUplink
from icsframework.protocols.ppp.actions import Deliver, Down, Transmit
from icsframework.protocols.ppp.auth.method import Method
from icsframework.protocols.ppp.link import PppLink
from icsframework.testing.gateway import FakeGateway, Readers
from icsframework.testing.ppp import provider, seeded
from icsframework.values import Cause, Connecting, InterfaceInfo, UplinkSettings

OK = b"\r\nOK\r\n"
LIMIT = 200
"""Deadlines of one conversation; more is a script that never ends."""


def described(action):
    """An action as a line."""
    match action:
        case Write(data, secret):
            return "> (secret)" if secret else f"> {data.decode('latin-1')!r}"[:-1].replace("> '", "> ")
        case Stage(words):
            return f"stage {words}"
        case Fact(name, value):
            return f"{name}: {value}"
        case SetSpeed(speed):
            return f"speed {speed}"
        case Dtr(on):
            return f"dtr {'up' if on else 'down'}"
        case Discard():
            return "discard"
        case PinRefused():
            return "pin refused"


def ended(outcome):
    """How it ended, as a line."""
    match outcome:
        case Connected(speed, rest):
            return f"connected {speed}" + (f" and {rest!r}" if rest else "")
        case Failed(reason, fault):
            return f"{fault.value}: {reason}"
        case Done():
            return "done"


class PaperModem:
    """``answers`` maps what is written to what comes back: octets, None for silence, or a list of these in turn.

    What is not in it is answered by OK.  ``piece`` cuts every answer into pieces of so many octets.
    """

    def __init__(self, answers=None, piece=0, quiet=False):
        self.answers = dict(answers or {})
        self.log = []
        self.now = 100.0
        self.sent = b""
        self._piece = piece
        self._quiet = quiet

    def run(self, script):
        """Hold the conversation to its end; the list of what happened."""
        talk = Conversation(script)
        actions = talk.start(self.now)
        for _ in range(LIMIT):
            heard = b"".join(self._do(action) for action in actions)
            if talk.outcome is not None:
                break
            actions = ()
            for piece in self._pieces(heard):
                actions = (*actions, *talk.receive(piece, self.now))
            if not heard:
                before, self.now = self.now, talk.deadline()
                self.log.append(f"... {self.now - before:g} s")
                actions = talk.timeout(self.now)
        self.outcome = talk.outcome
        self.log.append(ended(talk.outcome))
        return self.log

    def _pieces(self, heard):
        size = self._piece or len(heard) or 1
        return [heard[at : at + size] for at in range(0, len(heard), size)]

    def _do(self, action):
        if not isinstance(action, Discard):
            self.log.append(described(action))
        if not isinstance(action, Write):
            return b""
        self.sent += action.data
        return self._answer(action.data)

    def _answer(self, data):
        key = data.decode("latin-1").rstrip("\r")
        answer = self.answers.get(key, None if self._quiet else OK)
        if isinstance(answer, list):
            answer = answer.pop(0) if answer else None
        return answer or b""


@pytest.fixture
def paper():
    """Makes a PaperModem."""
    return PaperModem


@pytest.fixture
def order():
    """Makes an Order for number 123."""

    def make(**changes):
        return Order(**{"number": "123", "dial_timeout": 60.0, **changes})

    return make


class Telephone:
    """Plays the modem on ``line`` and, while a call is on, the provider at the other end.

    ``answers`` maps commands to what comes back (octets; None for silence; a list of them in turn); a command that
    is not in it is answered by OK.  A number in ``providers`` is answered by CONNECT and a PppLink with these settings.
    """

    def __init__(self, clock, line, answers, providers):
        self._clock = clock
        self.line = line
        self.answers = answers
        self.providers = providers
        self.commands = []
        self.link = None
        self.received = []
        self.ended = None
        """How the provider's link ended."""
        self.deaf = False
        self._typed = b""

    def serve(self):
        """What there is to do now; True if anything was."""
        try:
            data = self.line.peer.recv(65536)
        except (BlockingIOError, OSError):
            data = b""
        if self.link is not None and not self.line.dtr:
            self.link = None
        if data and not self.deaf:
            self._heard(data)
        elif self.link is not None:
            due = self.link.deadline()
            if due is not None and due <= self._clock.now():
                self._do(self.link.timeout(self._clock.now()))
        return bool(data)

    def _heard(self, data):
        if self.link is not None:
            self._do(self.link.receive(data, self._clock.now()))
            return
        *commands, self._typed = (self._typed + data).split(b"\r")
        for command in commands:
            self._command(command.decode("latin-1"))

    def _command(self, text):
        text = text[max(0, text.rfind("AT")) :]  # whatever stands before is the rest of a call
        self.commands.append(text)
        number = text.lstrip("ATDP").strip() if text.startswith("ATD") else ""
        if number in self.providers:
            self.say(b"\r\nCONNECT 33600\r\n")
            self.link = PppLink(self.providers[number], seeded(len(self.commands)))
            self._do(self.link.open(self._clock.now()))
            return
        answer = self.answers.get(text, OK)
        if isinstance(answer, list):
            answer = answer.pop(0) if answer else None
        if answer:
            self.say(answer)

    def say(self, data):
        """The modem sends this."""
        self.line.peer.send(data)

    def send(self, *packets):
        """The provider sends IP packets."""
        self.say(self.link.send(packets))

    def _do(self, actions):
        for action in actions:
            if isinstance(action, Transmit):
                self.say(action.data)
            elif isinstance(action, Deliver):
                self.received += action.packets
            elif isinstance(action, Down):
                self.ended, self.link = action, None


class Bench:
    """The plugin with its telephone; ``seen`` is every state it reported, as a line."""

    STEP = 0.1

    def __init__(self, answers=None, providers=None, store=None, **keys):
        own = DialupConfig.model_validate({"device": "/dev/ttyS0", "numbers": ["123"], **keys})
        self.settings = UplinkSettings("modem", "icsu-modem", own)
        self.gateway = FakeGateway("uplink.modem", store)
        self.host = self.gateway.host
        self.host.set_interface(
            "icsu-modem", InterfaceInfo("icsu-modem", 7, "", 1500, True, True, kind="tun")
        )
        self.reactor = Readers()
        self.answers = dict(answers or {})
        self.providers = {"123": provider()} if providers is None else providers
        self.seen = []
        self.states = []
        self.phones = []
        self.uplink = DialupUplink(
            self.settings, self.gateway, self._observe, self.reactor, seeded(99), lambda: 0.5
        )
        verifyObject(IUplink, self.uplink)

    def _observe(self, state):
        self.states.append(state)
        words = state.stage if isinstance(state, Connecting) else getattr(state, "reason", "")
        self.seen.append(f"{state.name} {words}".strip())

    @property
    def phone(self):
        """The modem on the line that was opened last."""
        self._phones()
        return self.phones[-1]

    def _phones(self):
        for line in self.host.serial[len(self.phones) :]:
            self.phones.append(Telephone(self.gateway.clock, line, self.answers, self.providers))

    def wait(self, seconds, until=lambda: False):
        """Let time pass in small steps; tells whether ``until`` became true."""
        left = seconds
        self.turn()
        while left > 0 and not until():
            self.gateway.advance(min(self.STEP, left))
            self.turn()
            left -= self.STEP
        return until()

    def turn(self):
        """Everything that is due now."""
        busy = True
        while busy:
            self.reactor.turn(0)
            self._phones()
            busy = any(phone.serve() for phone in list(self.phones))
            self.reactor.turn(0)

    def start(self):
        self.uplink.startService()
        self.turn()
        return self

    def connect(self):
        """Ask for the Internet; the list that the answer will stand in."""
        got = []
        self.uplink.connect(Cause("test")).addBoth(got.append)
        return got

    def up(self):
        """Start, connect, and be up."""
        self.start()
        self.connect()
        assert self.wait(30, lambda: self.state == "up"), self.seen
        self.seen.clear()
        return self

    @property
    def state(self):
        return self.states[-1].name if self.states else ""

    @property
    def tun(self):
        return self.host.tun[-1]

    def close(self):
        """Stop, and see that nothing is left."""
        done = []
        self.uplink.stopService().addBoth(done.append)
        self.turn()
        assert done == [None]
        assert not self.reactor.readers
        assert not self.reactor.writers
        assert not self.gateway.clock.clock.getDelayedCalls()
        self.gateway.close()


@pytest.fixture
def bench():
    """Makes a Bench, and stops it in the end."""
    made = []

    def make(*arguments, **keys):
        made.append(Bench(*arguments, **keys))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def asking():
    """A provider that wants to know who calls: guest with the password secret."""

    def make(*methods):
        return provider(methods or (Method.CHAP_MD5,), lambda user: "secret" if user == "guest" else None)

    return make
