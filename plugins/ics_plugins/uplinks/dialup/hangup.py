"""Ending a call, and making sure of it: DTR, speed 0, +++ and ATH, and in the end the device itself.

The first that works is enough: DTR is quick, but a pseudo-terminal or a three-wire
cable has none; speed 0 drops DTR by another way, and an emulated modem sees it;
+++ works on every modem that listens.  If it does not answer after all that, the
device is closed (``Reopen`` is what ``Failed`` with Fault.SILENT means).
"""

from ics_plugins.uplinks.dialup.commands import GUARD, command, is_ok
from ics_plugins.uplinks.dialup.steps import (
    Answer,
    Chatter,
    Discard,
    Done,
    Dtr,
    Failed,
    Fault,
    Pause,
    Script,
    SetSpeed,
    Write,
)

DROP = 0.5
"""Seconds that DTR stays down: twice what a modem needs to notice (register S25 is 50 ms by default, V.24 wants 0.25 s)."""
QUICK = 0.7
"""Seconds for the answer to ATH of a modem that is listening: it has nothing to do."""


def hang_up(speed: int, at: bool = True) -> Script:
    """End the call of a modem, of which ``at`` says whether it knows AT commands; ``speed`` is that of the line."""
    yield from drop(speed)
    if not at or (yield from _listens()):
        return Done()
    yield Pause(GUARD)
    yield Write(b"+++")
    yield Answer(GUARD + 0.5)
    if (yield from _listens()):
        return Done()
    return Failed("the modem does not hang up", Fault.SILENT)


def drop(speed: int) -> Chatter[None]:
    """DTR down and up, by both ways."""
    yield Dtr(False)
    yield SetSpeed(0)
    yield Pause(DROP)
    yield SetSpeed(speed)
    yield Dtr(True)
    yield Discard()


def _listens() -> Chatter[bool]:
    """True if the modem is in command state; ATH makes sure of the rest."""
    return is_ok((yield from command("ATH", QUICK)))
