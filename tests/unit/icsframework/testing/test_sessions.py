import sys
from dataclasses import replace
from ipaddress import ip_address
from types import ModuleType

import pytest

from icsframework.helpers.limits import Limits
from icsframework.testing.line_session import SAID, LineSession, line_proxy
from icsframework.testing.sessions import Outcome, Play, conversations_of, flow_of, play, refuse
from icsframework.testing.stage import ContractBroken
from icsframework.values import DatagramProxy, Endpoint, Open, Send, Side, StepAside

INSIDE, PEER = ip_address("192.168.0.10"), ip_address("192.0.2.80")


def asked(port):
    """The Open of a play without its token."""
    return Open(None, "tcp", Endpoint(INSIDE, port), PEER)


def test_a_play_shows_all_that_came_of_it():
    """What each side got, what was opened and given back."""
    assert play(line_proxy(), SAID) == Outcome(
        {Side.CLIENT: b"hello\ncalled\n", Side.SERVER: b"CALL 50000\nCALL 50001\nMORE\n"},
        [asked(4000), asked(4001)],
        given_back=1,
    )


def test_nothing_is_granted():
    """The session hears of the refusal."""
    assert play(line_proxy(), SAID, grant=refuse).sent[Side.SERVER] == b"CALL 4000\nCALL 4001\nMORE\n"


def test_what_follows_a_session_that_stepped_aside_is_relayed():
    """Untouched, and it is not asked."""
    outcome = play(line_proxy(), [(Side.CLIENT, b"ASIDE\nCALL 4000\n"), (Side.CLIENT, b"CALL 4000\n")])
    assert (outcome.stepped_aside, outcome.opened) == (True, [])
    assert outcome.sent[Side.SERVER] == b"ASIDE\nCALL 4000\nCALL 4000\n"


def test_nothing_follows_the_end():
    """The reason is kept, and nothing goes anywhere."""
    outcome = play(line_proxy(), [(Side.CLIENT, b"x" * 300), (Side.CLIENT, b"\n")])
    assert (outcome.ended, outcome.sent[Side.SERVER]) == ("a line is too long", b"")


def test_the_limit_of_the_helper_is_kept():
    """More ports than may be open at a time are denied by the gateway."""
    one = Play(line_proxy(), limits=Limits(expectations=1))
    one.say(Side.CLIENT, b"CALL 4000\nCALL 4001\n")
    assert one.outcome.opened == [asked(4000)]
    assert [request for request, _ in one.outcome.denied] == [asked(4001)]
    assert len(one.held) == 1
    one.finish()
    assert one.held == []


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"to": Endpoint(ip_address("192.168.0.11"), 4000)}, "another host"),
        ({"remote": None}, "peer alone"),
        ({"remote": ip_address("192.0.2.81")}, "peer alone"),
        ({"count": 0}, "no port"),
        ({"lifetime": 0}, "no lifetime"),
    ],
)
def test_what_no_session_may_ask_for(change, complaint):
    """The judge says so, although the gateway would refuse it too; without judge the gateway does."""

    class Wrong(LineSession):
        def ask(self, port):
            return replace(super().ask(port), **change)

    with pytest.raises(ContractBroken, match=complaint):
        play(line_proxy(Wrong), SAID)
    one = Play(line_proxy(Wrong), judge=False)
    one.say(Side.CLIENT, b"CALL 4000\n")
    assert (one.outcome.opened, len(one.outcome.denied)) == ([], 1)
    assert one.outcome.sent[Side.SERVER] == b"CALL 4000\n"


@pytest.mark.parametrize(
    "change", [{"to": Endpoint(INSIDE, 1023)}, {"to": Endpoint(INSIDE, 65535), "count": 2}]
)
def test_ports_that_are_not_to_be_had_are_denied(change):
    """A client may name any; the gateway opens none below 1024 and none beyond the last."""

    class Naive(LineSession):
        def ask(self, port):
            return replace(super().ask(port), **change)

    outcome = play(line_proxy(Naive), SAID)
    assert (outcome.opened, len(outcome.denied)) == ([], 2)


def test_a_session_that_raises_is_broken():
    """With its own exception."""

    class Wrong(LineSession):
        def line(self, line):
            raise KeyError("oh")

    with pytest.raises(KeyError):
        play(line_proxy(Wrong), SAID)


def test_a_session_that_answers_nonsense_is_broken():
    """The sentence is the gateway's."""

    class Wrong(LineSession):
        def closed(self, side, now):
            return [b"bytes"]

    with pytest.raises(ContractBroken, match="no action"):
        play(line_proxy(Wrong), SAID)


def test_a_deadline_that_never_moves_is_broken():
    """One that moves is none."""

    class Patient(LineSession):
        due, moves = 1005.0, 0.0

        def deadline(self):
            return self.due

        def timeout(self, now):
            self.due = self.due + 5 if self.due < 1020 else None
            return []

    class Wrong(Patient):
        def timeout(self, now):
            return [Send(Side.CLIENT, b"late\n")]

    one = Play(line_proxy(Patient))
    one.wait()
    assert one.now == 1020
    one = Play(line_proxy(Wrong))
    with pytest.raises(ContractBroken, match="still the same"):
        one.wait()


def test_flows_are_those_of_the_direction():
    """The inside end is the host behind the gateway in both, and a datagram's flow is UDP."""
    assert flow_of(line_proxy()).inside == Endpoint(INSIDE, 40000)
    assert flow_of(line_proxy(direction="inbound"), 9).inside == Endpoint(INSIDE, 9)
    assert flow_of(DatagramProxy((7,), LineSession)).protocol == "udp"


def test_conversations_are_found(monkeypatch):
    """In the factory's module, in a module beside it, in the package itself; none elsewhere."""
    made = {}
    for name, content in (
        ("single", {"CONVERSATIONS": [SAID]}),
        ("package", {"__path__": []}),
        ("package.conversations", {"CONVERSATIONS": (SAID, SAID)}),
        ("package.plugin", {}),
        ("bare", {}),
    ):
        made[name] = ModuleType(name)
        made[name].__dict__.update(content)
        made[name].__spec__ = object()
        monkeypatch.setitem(sys.modules, name, made[name])
    assert conversations_of("single:factory") == [SAID]
    assert conversations_of("package:factory") == conversations_of("package.plugin:factory") == [SAID, SAID]
    assert conversations_of("bare:factory") == []


def test_a_step_aside_after_an_open_gives_the_port_back():
    """When the flow is gone, whatever was opened is."""

    class Leaving(LineSession):
        def opened(self, token, result, now):
            return [StepAside()]

    assert play(line_proxy(Leaving), SAID).stepped_aside
