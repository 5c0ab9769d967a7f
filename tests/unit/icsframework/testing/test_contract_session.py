import socket

import pytest

from icsframework.testing.contract_session import (
    NOISE,
    check_conversation,
    check_noise,
    in_pieces,
    joined,
    pipelined,
    retained,
)
from icsframework.testing.line_session import SAID, LineSession, line_proxy
from icsframework.testing.stage import ContractBroken
from icsframework.values import Send, Side

C, S = Side.CLIENT, Side.SERVER


def test_ways_to_cut():
    """Pieces, runs, and a client that does not wait; no byte is lost and no side's order changed."""
    said = [(S, b"hi"), (C, b"ab"), (C, b"cd"), (S, b"ok"), (C, b"e")]
    assert joined(said) == [(S, b"hi"), (C, b"abcd"), (S, b"ok"), (C, b"e")]
    assert in_pieces(said, 3) == [(S, b"hi"), (C, b"abc"), (C, b"d"), (S, b"ok"), (C, b"e")]
    assert pipelined(said) == [(S, b"hi"), (C, b"abcde"), (S, b"ok")]


def test_a_right_session_passes():
    """In both directions, and what came of it is returned."""
    assert check_conversation(line_proxy(), SAID).sent[S] == b"CALL 50000\nCALL 50001\nMORE\n"
    assert check_conversation(line_proxy(direction="inbound"), SAID).opened
    for kind in NOISE:
        for side in Side:
            check_noise(line_proxy(), side, kind)


class Segmented(LineSession):
    """Takes a segment for a line."""

    def received(self, side, data, now):
        return super().received(side, data if data.endswith(b"\n") else data + b"\n", now)


class Shared(LineSession):
    """Remembers over the end of a flow."""

    flows = 0

    def __init__(self, flow):
        super().__init__(flow)
        Shared.flows += 1

    def closed(self, side, now):
        return [Send(Side.CLIENT, b"%d" % self.flows)] if side is C else []


class Swapping(LineSession):
    """Lets lines overtake the one that waits for a port."""

    def read(self):
        lines, _, self.held = self.held.rpartition(b"\n")
        actions = [action for line in lines.splitlines() for action in self.line(line)]
        return sorted(actions, key=lambda action: not isinstance(action, Send))


class Talking(LineSession):
    """Asks somebody else."""

    def line(self, line):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.sendto(b"x", ("127.0.0.1", 9))
        return super().line(line)


class Offended(LineSession):
    """Cannot bear a refusal."""

    def opened(self, token, result, now):
        return [Send(S, b"CALL %d\n" % result.external.port)]


class Slamming(LineSession):
    """Thinks that the client closes first."""

    closer = None

    def closed(self, side, now):
        self.closer = self.closer or side
        return [Send(C, b"bye\n")] if self.closer is C else [Send(C, b"oh\n")]


@pytest.mark.parametrize(
    ("session", "complaint"),
    [
        (Segmented, "in segments of 1 bytes"),
        (Shared, "played twice"),
        (Talking, "no I/O"),
        (Offended, "external"),
        (Slamming, "closed by the server"),
    ],
)
def test_wrong_sessions_are_found(session, complaint):
    """Each by what it does."""
    with pytest.raises((ContractBroken, AttributeError), match=complaint):
        check_conversation(line_proxy(session), SAID)


def test_lines_that_overtake_are_found():
    """When the client pipelines, the order is that of the client."""
    with pytest.raises(ContractBroken, match=r"joined|pipelined"):
        check_conversation(line_proxy(Swapping), SAID)


class Gathering(LineSession):
    """Waits for the end of a line for ever."""

    def read(self):
        return []


class Greedy(LineSession):
    """Asks for a port whatever is said."""

    def line(self, line):
        self.waiting = line
        self.token += 1
        return [self.ask(5000)]


def test_noise_finds_what_gathers_and_what_opens():
    """Bytes that are kept without bound, and ports for nothing."""
    with pytest.raises(ContractBroken, match="keeps"):
        check_noise(line_proxy(Gathering), C, "a line without an end")
    with pytest.raises(ContractBroken, match="made the session ask"):
        check_noise(line_proxy(Greedy), C, "short lines")


def test_what_a_thing_keeps():
    """The bytes it refers to, each once; code does not count."""
    data = bytes(100_000)
    one = [data, data, LineSession, test_ways_to_cut]
    assert 100_000 < retained(one) < 101_000
