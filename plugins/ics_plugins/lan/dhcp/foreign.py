"""Another DHCP server on the LAN: is there one, and do we stand aside?

Two servers that do not know of each other give one address to two machines, so
unless we are told to be authoritative we hand out nothing new while another
answers.  What it takes to know: now and then we send a DISCOVER as a client would
and listen for offers that are not ours; and every OFFER or ACK of another that
passes by counts.  Clients that hold a lease of ours go on renewing it: somebody
who plugs in a wrong router must not end everybody else's network.
"""

SEEK_EVERY = 300.0
"""Seconds between looks while we are alone: a new server is found within some minutes at one broadcast each."""
SEEK_EVERY_ASIDE = 30.0
"""Seconds between looks while another is there, to be back soon when it goes."""
SEEK_AT_START = 2.0
"""Seconds after the first look until the second, for a server that was itself starting, or probing before its offer."""
FORGET_AFTER = 95.0
"""Seconds of silence after which it is gone: three looks without an answer."""
SEEK_AT_MOST_EVERY = 10.0
"""Seconds between looks that a hint (a client choosing another server) can cause."""
MAX_SERVERS = 8
"""Other servers remembered; whoever invents more gains nothing."""


class ForeignServers:
    """What we know of other servers on one LAN; servers are IPv4 addresses as integers."""

    def __init__(self, now: float) -> None:
        self._seen: dict[int, float] = {}
        self._looks = 0
        self._last_look = now - SEEK_AT_MOST_EVERY
        self._next_look = now

    def seen(self, server: int, now: float) -> bool:
        """Another server spoke.  True if that is news."""
        news = server not in self._present(now)
        if news and len(self._seen) >= MAX_SERVERS:
            return False
        self._seen[server] = now
        self._next_look = min(self._next_look, now + SEEK_EVERY_ASIDE)
        return news

    def present(self, now: float) -> list[int]:
        """The servers that are there."""
        return sorted(self._present(now))

    def any_present(self, now: float) -> bool:
        """Is any there?  Asked for every message, and nearly always answered by the first look."""
        return bool(self._seen) and bool(self._present(now))

    def _present(self, now: float) -> dict[int, float]:
        gone = [server for server, when in self._seen.items() if when + FORGET_AFTER <= now]
        for server in gone:
            del self._seen[server]
        return self._seen

    def look_due(self, now: float) -> bool:
        """Is it time to look?  If so the next time is set."""
        if now < self._next_look:
            return False
        self._looks += 1
        self._last_look = now
        every = SEEK_EVERY_ASIDE if self._present(now) else SEEK_EVERY
        self._next_look = now + (SEEK_AT_START if self._looks == 1 else every)
        return True

    def hint(self, now: float) -> None:
        """There may be another: look soon, but not for every hint."""
        self._next_look = min(self._next_look, max(now, self._last_look + SEEK_AT_MOST_EVERY))

    @property
    def deadline(self) -> float:
        """When to look next."""
        return self._next_look
