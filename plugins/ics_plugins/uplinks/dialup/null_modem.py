"""A cable instead of a modem: the other end is there, or PPP will tell.

A Windows machine that serves a "direct connection" waits for the word CLIENT and
answers CLIENTSERVER before it speaks PPP.
"""

from ics_plugins.uplinks.dialup.plan import Order
from ics_plugins.uplinks.dialup.steps import (
    Connected,
    Discard,
    Failed,
    Fault,
    Find,
    Script,
    Stage,
    Write,
)

HELLO, WELCOME = b"CLIENT", b"CLIENTSERVER"
ANSWER = 3.0
"""Seconds for CLIENTSERVER; Windows takes less than one."""
TRIES = 4


def null_modem(order: Order) -> Script:
    """Nothing to do, unless the other end is Windows."""
    yield Stage("initialising")
    yield Discard()
    if not order.windows:
        return Connected(None)
    for _ in range(TRIES):
        yield Write(HELLO)
        if (yield Find((WELCOME,), ANSWER)) is not None:
            return Connected(None)
    return Failed("the other end does not answer CLIENT with CLIENTSERVER (windows: true)", Fault.CALL)
