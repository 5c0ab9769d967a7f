"""Mutated lines of modems through every conversation: hayes, cellular, null-modem with Windows, and a chat of one's own.

Usage: python benchmarks/ppp/talk.py [--lines N] [--seed N]

Each line is one that a modem says, with some octets changed, doubled or lost, split anywhere; some are noise. What leaves
a conversation as an exception, or takes it beyond its bounds, ends this with status 1 and a traceback.
"""

import argparse
import random
import sys
import time
from typing import Any

from ics_plugins.uplinks.dialup.plan import Order
from ics_plugins.uplinks.dialup.results import MAX_LINE, MAX_LINES
from ics_plugins.uplinks.dialup.scripts import SCRIPTS
from ics_plugins.uplinks.dialup.steps import Conversation, Fact, Failed, Write

LINES = (
    *(
        b"OK",
        b"ERROR",
        b"BUSY",
        b"RING",
        b"NO CARRIER",
        b"NO DIALTONE",
        b"NO ANSWER",
        b"DELAYED",
        b"BLACKLISTED;1",
    ),
    *(b"CONNECT", b"CONNECT 33600", b"CONNECT 57600/ARQ/V34/LAPM/V42BIS", b"0", b"3", b"7", b"12", b"99999"),
    *(b"+CPIN: READY", b"+CPIN: SIM PIN", b"+CPIN: SIM PUK", b"+CME ERROR: 16", b"+CME ERROR: SIM busy"),
    *(b"+CEREG: 0,1", b"+CGREG: 0,5", b'+CREG: 2,2,"00AF","01"', b"+CSQ: 18,99", b"+CSQ: ,", b"+CEREG:"),
    *(b'+COPS: 0,0,"Lab Mobile",7', b"+COPS: 0", b'+CGDCONT: 1,"IP","internet"', b"ATZ", b"ATDT5551234"),
    *(b"CLIENTSERVER", b"login: ", b"Password:", b"~\xff}#\xc0!}!", b"\0\0\0", b"\xe9" * 40),
)
ORDERS = {
    "hayes": Order("5551234", init=("ATM0",), reset=True),
    "cellular": Order("*99#", apn="internet", pin="1234", reset=True),
    "null-modem": Order(windows=True),
    "chat": Order(
        "5551234",
        user="gw",
        password="secret",
        chat=(
            "ABORT",
            "BUSY",
            "TIMEOUT",
            "5",
            "",
            "ATZ",
            "OK",
            "ATDT\\T",
            "CONNECT",
            "\\c",
            "ogin:-BREAK-ogin:",
            "\\U",
        ),
    ),
}
STEPS = 400
"""Lines for one conversation, until another one begins."""
GOOD = {
    b"ATD": b"CONNECT 33600",
    b"AT+CPIN?": b"+CPIN: READY",
    b"AT+CEREG?": b"+CEREG: 0,1",
    b"AT": b"OK",
    b"": b"ogin:",
}
"""Begin of a command and the answer that leads further, best first."""
KIND = 0.5
"""How often a command gets it, so that the later parts of a conversation are reached too."""


def mutated(chance: random.Random) -> bytes:
    """One line as it may come over a bad cable."""
    if chance.random() < 0.1:
        return chance.randbytes(chance.choice((1, 3, 40, 600)))
    line = bytearray(chance.choice(LINES))
    for _ in range(chance.choice((0, 0, 0, 1, 2, 5))):
        at = chance.randrange(len(line) + 1)
        line[at : at + chance.randrange(3)] = chance.randbytes(chance.randrange(3))
    return (
        b"\r\n" * (chance.random() < 0.9) + bytes(line) + chance.choice((b"\r\n", b"\r\n", b"\r", b"\n", b""))
    )


def helpful(actions: list[Any]) -> bytes:
    """The answer to what was written last."""
    said = next((action.data for action in reversed(actions) if isinstance(action, Write)), b"")
    answer = next(answer for begin, answer in GOOD.items() if said.startswith(begin))
    return b"\r\n" + answer + (b"\r\n\r\nOK\r\n" if answer.startswith(b"+") else b"\r\n")


def conversation(kind: str, chance: random.Random, most: int) -> tuple[int, bool]:
    """Hold one; how many lines it heard, and whether it ended with a call."""
    talk = Conversation(SCRIPTS[kind](ORDERS[kind]))
    now, heard = 0.0, 0
    actions = list(talk.start(now))
    while talk.outcome is None and heard < most:
        due = talk.deadline()
        assert due is not None, "it waits for nothing"
        if chance.random() < 0.05:
            now = max(now, due)
            actions += talk.timeout(now)
            continue
        line = helpful(actions) if chance.random() < KIND else mutated(chance)
        heard += 1
        cut = chance.randrange(len(line) + 1) if line else 0
        for piece in (line[:cut], line[cut:]):
            now += 0.001
            actions += talk.receive(piece, now)
        assert len(talk.heard) <= MAX_LINE
        assert len(talk.reader.rest()) <= MAX_LINE * MAX_LINES
    assert all(len(action.data) < 1000 for action in actions if isinstance(action, Write))
    assert all(len(str(action.value)) <= MAX_LINE for action in actions if isinstance(action, Fact))
    assert "1234" not in (talk.outcome.reason if isinstance(talk.outcome, Failed) else "").split()
    return heard, talk.outcome is not None and not isinstance(talk.outcome, Failed)


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    before = time.process_time()
    for kind in SCRIPTS:
        lines = talks = calls = 0
        while lines < options.lines // len(SCRIPTS):
            heard, called = conversation(kind, chance, STEPS)
            lines, talks, calls = lines + max(1, heard), talks + 1, calls + called
        print(
            f"{kind:12}{lines:9} mutated lines in {talks} conversations, {calls} of them led to a call",
            flush=True,
        )
    print(f"no exception, {time.process_time() - before:.0f} s of CPU time")
    return 0


if __name__ == "__main__":
    sys.exit(main())
