"""The MAC addresses of the bridges that we make, remembered so that a client's ARP cache stays right.

By itself a bridge shows the lowest address of its ports, so the gateway would
be another one for its clients whenever a port comes or goes.  Ours is drawn once
at random and kept with the state: it depends on no port, two gateways in one
network never share it (as they would if it were derived from the bridge's
name), and a card that is moved to another machine does not take it along.
"""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import inlineCallbacks

from icsframework.config.configuration import Configuration
from icsframework.interfaces import IJournal, IStore

FORMAT = 1


def own_address(random: bytes) -> str:
    """A locally administered unicast address (IEEE 802 section 8.4) of six random bytes."""
    return bytes(((random[0] | 0x02) & 0xFE, *random[1:6])).hex(":")


class BridgeAddresses:
    """Bridge name -> MAC address, on disk.  ``random(n)`` returns n random bytes."""

    def __init__(self, random: Callable[[int], bytes]) -> None:
        self._random = random
        self._journal: IJournal | None = None
        self.known: dict[str, str] = {}

    @inlineCallbacks
    def choose(self, store: IStore, config: Configuration) -> Any:
        """Give every bridge an address; the journal is opened when the first one needs it."""
        names = [lan.bridge.name for lan in config.lans if lan.bridge is not None]
        if not names:
            return
        if self._journal is None:
            self._journal = yield store.open("bridges", FORMAT)
            self.known = {record["bridge"]: record["mac"] for record in self._journal.load()}
        for name in names:
            if name not in self.known:
                self.known[name] = own_address(self._random(6))
                yield self._journal.append({"bridge": name, "mac": self.known[name]})
