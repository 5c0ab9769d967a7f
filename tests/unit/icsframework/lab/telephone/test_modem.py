"""The modem's conversations, with time passed in."""

import pytest

from icsframework.lab.telephone.modem import Call, Carry, Drop, Habits, Mode, Modem, Say
from icsframework.lab.telephone.numbers import FAULTS, Fate, Outcome, fate_of
from icsframework.lab.telephone.sim import Sim

BOOK = {
    number: fate_of(text)
    for number, text in {**FAULTS, "123": "isp", "300": "silent", "301": "ok", "302": "error"}.items()
}
ISP = Fate(Outcome.ANSWERED, "isp")


class Talk:
    """A computer and its modem; no echo unless asked for."""

    def __init__(self, kind="hayes", echo=False, **more):
        sim = more.pop("sim", None)
        self.modem = Modem(Habits(kind, rate=33600, **more), BOOK, sim)
        self.now = 0.0
        self.actions = self.modem.opened(0.0)
        if not echo and kind != "null-modem":
            self.type("ATE0\r")
            self.actions = []

    def type(self, text, after=10.0):
        """Type after some seconds; what the modem says at once."""
        self.now += after
        return self.heard(self.modem.typed(text.encode(), self.now))

    def wait(self, seconds):
        """What it says within that time."""
        said, end = "", self.now + seconds
        while (due := self.modem.deadline()) is not None and due <= end:
            self.now = due
            said += self.heard(self.modem.timeout(due))
        self.now = end
        return said

    def heard(self, actions):
        """Split what it says from what it does."""
        self.actions += [action for action in actions if not isinstance(action, Say)]
        return "".join(action.data.decode() for action in actions if isinstance(action, Say))

    def online(self):
        """Have a call."""
        assert self.type("ATDT123\r") + self.wait(1.0) == ""
        assert self.heard(self.modem.answered(self.now)) == "\r\nCONNECT 33600\r\n"
        self.actions = []
        return self


def test_commands_and_their_echo():
    """Every key comes back until ATE0; a line feed is no key, a backspace takes one away; A/ says it once more."""
    talk = Talk(echo=True)
    assert talk.type("AT\r\n") == "AT\r\r\nOK\r\n\n"
    assert talk.type("ATX\bE0\r") == "ATX\bE0\r\r\nOK\r\n"
    assert talk.type("ATS7?\r") == "\r\n050\r\n\r\nOK\r\n"
    assert talk.type("A/") == "\r\n050\r\n\r\nOK\r\n"
    assert [talk.type(text + "\r") for text in ("hello", "AT~", "ATG", "AT+CSQ")] == [
        "",
        *["\r\nERROR\r\n"] * 3,
    ]


@pytest.mark.parametrize(
    ("number", "result"),
    [
        ("200", "BUSY"),
        ("201", "NO ANSWER"),
        ("202", "NO DIALTONE"),
        ("203", "NO CARRIER"),
        ("204", "BUSY"),
        ("999", "NO CARRIER"),
        ("300", ""),
        ("301", "OK"),
        ("302", "ERROR"),
    ],
)
def test_calls_that_fail(number, result):
    """Each has its result; the next command is understood."""
    talk = Talk()
    said = talk.type(f"ATDT{number}\r") + talk.wait(60.0)
    assert said == (f"\r\n{result}\r\n" if result else "")
    assert (talk.modem.dialled, talk.actions) == ([number], [])
    assert talk.modem.mode is (Mode.DIALLING if number == "300" else Mode.COMMAND)


def test_results_without_words():
    """ATV0 has numbers, ATX0 tells less apart, ATQ1 nothing; ATZ has it all back."""
    talk = Talk()
    assert talk.type("ATV0\r") == "0\r"
    assert talk.type("ATD200\r") + talk.wait(1.0) == "7\r"
    talk.type("ATV1X0\r")
    assert [talk.type(f"ATD{number}\r") + talk.wait(9.0) for number in (200, 201, 202)] == [
        "\r\nNO CARRIER\r\n"
    ] * 3
    assert talk.type("ATQ1\r") + talk.type("AT\r") == ""
    assert talk.type("ATZ\r") == "\r\nOK\r\n"
    talk.type("ATD200\r")
    assert talk.wait(1.0) == "\r\nBUSY\r\n"


def test_no_answer_takes_as_long_as_s7_says():
    """But not longer than the lab has patience."""
    talk = Talk(no_answer=2.0)
    talk.type("ATS7=1DT201\r")
    assert (talk.wait(0.9), talk.wait(0.2)) == ("", "\r\nNO ANSWER\r\n")
    talk.type("ATS7=60D201\r")
    assert (talk.wait(1.9), talk.wait(0.2)) == ("", "\r\nNO ANSWER\r\n")


def test_a_call():
    """Ringing is asked for after the dialling; then octets pass both ways until the other end hangs up."""
    talk = Talk(suffix="/ARQ")
    assert talk.type("AT DT 1-23\r") + talk.wait(0.09) == ""
    assert talk.actions == []
    talk.wait(0.02)
    assert talk.actions == [Call(ISP)]
    assert talk.heard(talk.modem.answered(talk.now)) == "\r\nCONNECT 33600/ARQ\r\n"
    assert talk.type("ATH\r") == ""
    assert talk.actions == [Call(ISP), Carry(b"ATH\r")]
    assert talk.modem.arrived(b"~\xff", talk.now) == [Say(b"~\xff")]
    assert talk.modem.carrier_lost(talk.now) == [Drop(), Say(b"\r\nNO CARRIER\r\n")]
    assert talk.modem.carrier_lost(talk.now) == []
    assert talk.modem.arrived(b"late", talk.now) == []
    assert talk.type("AT\r") == "\r\nOK\r\n"


def test_a_call_that_ends_before_it_is_taken():
    """The carrier that is lost while it rings is the end of that call, and of no other."""
    talk = Talk()
    talk.type("ATD123\r")
    assert talk.heard(talk.modem.carrier_lost(talk.now)) == "\r\nNO CARRIER\r\n"
    assert talk.modem.answered(talk.now) == []
    assert talk.type("AT\r") == "\r\nOK\r\n"


def test_nobody_answers_the_call():
    """All lines of the provider are taken."""
    talk = Talk()
    talk.type("ATD123\r")
    talk.wait(1.0)
    assert talk.heard(talk.modem.unanswered(talk.now)) == "\r\nBUSY\r\n"
    assert talk.modem.unanswered(talk.now) == []


def test_a_key_ends_dialling():
    """Whatever it is."""
    talk = Talk()
    talk.type("ATD300\r")
    assert talk.type("A") == "\r\nNO CARRIER\r\n"
    assert talk.actions == [Drop()]
    talk.type("ATD123\r")
    talk.type("x", after=0.01)
    assert talk.wait(9.0) == ""
    assert Call(ISP) not in talk.actions


def test_the_escape_sequence():
    """Between two silences it leads to commands, without ending the call; ATO leads back, ATH ends it."""
    talk = Talk().online()
    assert talk.type("+++", after=1.0) + talk.wait(0.9) == ""
    assert talk.wait(0.2) == "\r\nOK\r\n"
    assert talk.modem.arrived(b"lost", talk.now) == []
    assert talk.type("ATD200\r") == "\r\nERROR\r\n"
    assert talk.type("ATO\r") == "\r\nCONNECT 33600\r\n"
    talk.type("+")
    talk.type("++", after=0.1)
    assert talk.wait(1.1) == "\r\nOK\r\n"
    assert talk.type("ATH\r") == "\r\nOK\r\n"
    assert talk.actions == [Carry(b"+++"), Carry(b"+"), Carry(b"++"), Drop()]
    assert talk.type("ATO\r") == "\r\nNO CARRIER\r\n"


@pytest.mark.parametrize(
    "pieces", [[("x+++", 2.0)], [("+++", 0.5)], [("+++", 2.0), ("x", 0.5)], [("++++", 2.0)], [("++", 2.0)]]
)
def test_what_is_no_escape_sequence(pieces):
    """Text around it, or no silence."""
    talk = Talk().online()
    talk.type("data")
    for text, after in pieces:
        talk.type(text, after)
    assert (talk.wait(5.0), talk.modem.mode) == ("", Mode.ONLINE)


@pytest.mark.parametrize("way", ["closed", "&D0"])
def test_dtr(way):
    """It hangs up when DTR drops, unless it was told to ignore that."""
    talk = Talk()
    if way == "&D0":
        talk.type("AT&D0\r")
    talk.online()
    assert talk.modem.dtr_dropped(talk.now) == ([Drop()] if way == "closed" else [])


def test_no_dial_tone():
    """A desk modem without its wall socket; a cellular one needs none."""
    talk = Talk()
    talk.modem.dial_tone = False
    assert talk.type("ATD123\r") + talk.wait(1.0) == "\r\nNO DIALTONE\r\n"
    cell = Talk("cellular")
    cell.modem.dial_tone = False
    cell.online()


def test_a_cellular_modem():
    """Its own commands are answered; it calls nobody while the SIM is locked or the network out of reach."""
    talk = Talk("cellular", sim=Sim("1234"))
    assert talk.type("AT+CSQ;+CSQ\r") == "\r\nERROR\r\n"
    assert talk.type("ATD123\r") == "\r\nNO CARRIER\r\n"
    assert talk.type('AT+CPIN="1234"\r') == "\r\nOK\r\n"
    assert talk.type("ATE0+CSQ\r") == "\r\n+CSQ: 18,99\r\n\r\nOK\r\n"
    talk.modem.sim.registered = False
    assert talk.type("ATD123\r") == "\r\nNO CARRIER\r\n"
    talk.modem.sim.registered = True
    talk.online()


def test_a_cable():
    """It leads to the other end as soon as the device is opened, says nothing, and comes back by itself."""
    talk = Talk("null-modem")
    assert talk.actions == [Call(Fate(Outcome.ANSWERED))]
    assert talk.type("early") == ""
    assert talk.modem.answered(talk.now) == []
    assert talk.modem.typed(b"+++", 99.0) == [Carry(b"+++")]
    assert talk.wait(5.0) == ""
    assert talk.modem.carrier_lost(talk.now) == [Drop()]
    assert talk.modem.typed(b"x", 200.0) == [Call(Fate(Outcome.ANSWERED))]
    assert talk.modem.unanswered(talk.now) == []
