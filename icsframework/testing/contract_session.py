"""A conversation in all the ways in which a network may deliver it: what a session must do the same in each.

    for said in conversations_of("acme_chess:factory"):
        check_conversation(proxy, said)

Segments are split and joined, the client pipelines, either side closes first or in the midst of it, every Open is
granted and none is, time passes beyond every deadline; and noise of all kinds is said (``check_noise``).
"""

import gc
import sys
from collections import deque
from types import BuiltinFunctionType, FunctionType, ModuleType

from icsframework.testing.held import watched
from icsframework.testing.sessions import Conversation, Outcome, Play, Proxy, play, refuse
from icsframework.testing.stage import ContractBroken
from icsframework.values import Side, StreamProxy

__all__ = ["check_conversation", "check_noise", "in_pieces", "joined", "pipelined", "retained"]

FLOOD = 400_000
"""Bytes of noise said by one side."""
MANY = 50_000
"""Bytes of noise that is all short lines: as many as there are objects in a session that keeps each."""
SEGMENT = 8192
"""Bytes of noise at a time."""
KEPT = 200_000
"""Bytes that a session may have gathered after a flood, objects included: room for limits of 64 kB both ways."""


def joined(said: Conversation) -> list[tuple[Side, bytes]]:
    """What one side says without a word of the other between is one segment."""
    runs: list[tuple[Side, bytes]] = []
    for side, data in said:
        if runs and runs[-1][0] is side:
            runs[-1] = (side, runs[-1][1] + data)
        else:
            runs.append((side, data))
    return runs


def in_pieces(said: Conversation, size: int) -> list[tuple[Side, bytes]]:
    """Segments of ``size`` bytes."""
    return [
        (side, data[begin : begin + size])
        for side, data in joined(said)
        for begin in range(0, len(data), size)
    ]


def pipelined(said: Conversation) -> list[tuple[Side, bytes]]:
    """The client does not wait for answers: all it says is one segment, and so is what the server answers.

    What the server says before the client's first word stays there.
    """
    words = deque(said)
    greeting = []
    while words and words[0][0] is Side.SERVER:
        greeting.append(words.popleft())
    return greeting + joined(sorted(words, key=lambda word: word[0] is Side.SERVER))


def check_conversation(proxy: Proxy, said: Conversation) -> Outcome:
    """Everything there is to see of a session in this conversation; returns the outcome of the plain play."""
    with watched() as done:
        plain = play(proxy, said)
        _compare("played twice", plain, play(proxy, said))
        if isinstance(proxy, StreamProxy):
            for size in (1, 2, 7):
                _compare(f"in segments of {size} bytes", plain, play(proxy, in_pieces(said, size)))
            _compare("in joined segments", plain, play(proxy, joined(said)))
            _check_pipelined(plain, play(proxy, pipelined(said)))
        _compare("closed by the server", plain, play(proxy, said, (Side.SERVER, Side.CLIENT)))
        play(proxy, said, grant=refuse)
        for cut in range(len(said)):
            play(proxy, said[:cut], (Side.CLIENT, Side.SERVER))
            play(proxy, said[:cut], (Side.SERVER, Side.CLIENT))
    if done:
        raise ContractBroken(f"a session does no I/O; this one {'; it '.join(done)}")
    return plain


def _compare(how: str, plain: Outcome, other: Outcome) -> None:
    if plain != other:
        raise ContractBroken(f"{how} the conversation ends differently:\n{plain}\n{other}")


def _check_pipelined(plain: Outcome, other: Outcome) -> None:
    """What the server gets is the same and in the same order, unless the session had itself left out."""
    over = any(one.stepped_aside or one.ended is not None for one in (plain, other))
    if not over and plain.sent[Side.SERVER] != other.sent[Side.SERVER]:
        raise ContractBroken(
            f"pipelined, the server gets {other.sent[Side.SERVER]!r} instead of {plain.sent[Side.SERVER]!r}"
        )


NOISE = {
    "nothing but zeros": (b"\0", FLOOD),
    "binary": (bytes(range(256)), FLOOD),
    "a line without an end": (b"A", FLOOD),
    "half of a line's end": (b"\r", FLOOD),
    "long lines": (b"B" * 5000 + b"\r\n", FLOOD),
    "lines without a word": (b"\r\n", MANY),
    "short lines": (b"x\n", MANY),
    "numbers": (b"65536,99999999999999999999,-1,|1|::|0|\r\n", FLOOD),
}
"""What no protocol says, and how much of it."""


def check_noise(proxy: Proxy, side: Side, kind: str) -> None:
    """A flood of ``kind`` (of NOISE) from one side: no exception, nothing opened, nothing gathered, here or around it."""
    one = Play(proxy)
    before = retained(one.shell)
    words, amount = NOISE[kind]
    block = (words * (SEGMENT // len(words) + 1))[:SEGMENT]
    for turn in range(amount // SEGMENT):
        one.say(side, block[turn + 1 :] + block[: turn + 1])  # each its own bytes, cut at another place
        one.outcome.sent = dict.fromkeys(Side, b"")
        if one.over:
            break
    kept = retained(one.shell) - before
    if kept > KEPT:
        raise ContractBroken(
            f"after {amount} bytes of {kind} the session keeps {kept} bytes more than before"
        )
    if one.outcome.opened:
        raise ContractBroken(f"noise of {kind} made the session ask for {one.outcome.opened[0]!r}")
    one.wait()
    one.close(side)
    one.close(side.other)
    one.finish()


NOT_ITS = (type, ModuleType, FunctionType, BuiltinFunctionType)


def retained(thing: object) -> int:
    """Bytes that ``thing`` and all it refers to take, without code; the difference of two looks is what it gathered."""
    seen: set[int] = set()
    left, total = [thing], 0
    while left:
        one = left.pop()
        if id(one) in seen or isinstance(one, NOT_ITS):
            continue
        seen.add(id(one))
        total += sys.getsizeof(one)
        left += gc.get_referents(one)
    return total
