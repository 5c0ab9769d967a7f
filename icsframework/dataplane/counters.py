"""The named counters of our table, as those see them who follow what goes on."""

from twisted.internet.defer import Deferred
from zope.interface import Interface

__all__ = ["ICounters"]


class ICounters(Interface):
    """Packets that our rules have counted: what was dropped and why, and what keeps an uplink up (keep.keep_counter)."""

    def counters() -> Deferred[dict[str, int]]:
        """Packets by the counter's name, since it is there; empty before the first load of the table.

        Counters stay over reloads and restarts; one that rules do not need any more goes.  Takes well under a
        millisecond.  Fails with NftError, NoPrivilege or HostError.
        """
