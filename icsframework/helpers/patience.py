"""How long a flow waits, and for what.  Pure."""

__all__ = [
    "CONNECT_PATIENCE",
    "FLUSH_PATIENCE",
    "HALF_CLOSED_IDLE",
    "OPENS_AT_ONCE",
    "OPEN_PATIENCE",
    "RESET_GRACE",
    "SHORTEST_TIMER",
]

CONNECT_PATIENCE = 30.0
"""Seconds for the second leg to connect: five SYNs of Linux, and less than a client of FTP waits for the greeting."""

OPEN_PATIENCE = 10.0
"""Seconds for the port book to answer; it takes a millisecond."""

OPENS_AT_ONCE = 8
"""Opens of one flow before the others have their turn."""

FLUSH_PATIENCE = 60.0
"""Seconds for the last bytes to go out and for the peer to close, once a flow has ended: two full buffers on a modem."""

RESET_GRACE = 0.1
"""Seconds between a reset of one side and that of the other, for what was said before it."""

HALF_CLOSED_IDLE = 600.0
"""Seconds without a byte after which a flow that one side has finished ends: nobody waits longer for an answer."""

SHORTEST_TIMER = 0.1
"""Seconds between two time-outs of a session that names a deadline which has passed."""
