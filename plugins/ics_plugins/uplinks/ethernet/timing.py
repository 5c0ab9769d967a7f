"""How long the DHCP client waits: sections 3.1, 4.1 and 4.4.5 of RFC 2131 as functions.  Pure; all in seconds.

``random`` is always a float in [0, 1).
"""

from ics_plugins.uplinks.ethernet.lease import Lease

FIRST_WAIT = 4.0
"""Before the first repetition (section 4.1)."""
SPREAD = 1.0
"""A wait is moved by this at most, either way (section 4.1)."""
TRIES = 4
"""Messages of one kind before the attempt has failed: after some 60 s."""
REBOOT_TRIES = 2
"""Messages in REBOOTING before we look for any server: a dozen seconds that a moved machine loses at most."""
SHORTEST_REPEAT = 60.0
"""Between messages in RENEWING and REBINDING at least (section 4.4.5)."""
EARLY = 0.05
"""Share of T1 by which we ask earlier at most: clients that started together shall part (section 4.4.5)."""
SHORTEST_BOUND = 1.0
"""In BOUND at least, should an ACK come so late that T1 has passed."""
FIRST_NAK_WAIT = 1.0
"""Before we begin anew when a server refuses what it has offered; doubled each time."""
LONGEST_NAK_WAIT = 64.0
"""What this may grow to (the longest wait of section 4.1)."""
DECLINE_WAIT = 10.0
"""After a DECLINE at least (section 3.1, step 5)."""


def repetition(tries: int, random: float) -> float:
    """Before the next message when ``tries`` of its kind were sent before this one."""
    return float(FIRST_WAIT * 2.0**tries + SPREAD * (2 * random - 1))


def extension(now: float, until: float) -> float:
    """Before the next REQUEST in RENEWING (``until`` T2) or REBINDING (``until`` the end of the lease)."""
    return min(max((until - now) / 2, SHORTEST_REPEAT), until - now)


def first_extension(lease: Lease, now: float, random: float) -> float:
    """The time (not a wait) of the first REQUEST to renew: T1, or a little earlier."""
    return max(lease.obtained + lease.renewal * (1 - EARLY * random), now + SHORTEST_BOUND)


def after_nak(naks: int) -> float:
    """Before the next DISCOVER when an offer was refused, after ``naks`` earlier refusals."""
    return min(LONGEST_NAK_WAIT, FIRST_NAK_WAIT * 2.0 ** min(naks, 16))
