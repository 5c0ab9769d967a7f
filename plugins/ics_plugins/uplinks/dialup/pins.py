"""PINs that a SIM has refused, in the journal ``pins``, so that a restart does not send them again.

Records of format 1: ``{salt, digest}``, both in hexadecimal: PBKDF2-HMAC-SHA256 of the PIN.  A PIN has too few
digits to be hidden from who has the file and time; it is hidden from who glances at it.
"""

import hashlib
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, DeferredLock, inlineCallbacks

from icsframework.errors import StoreError
from icsframework.interfaces import IGateway, IJournal

FORMAT = 1
ROUNDS = 20_000
"""Of PBKDF2; some 10 ms each time that a PIN is looked at, which is once a call at most."""
SALT = 16
KEPT = 8
"""Refused PINs that are remembered."""


def digest(pin: str, salt: bytes) -> str:
    """What is kept of a PIN."""
    return hashlib.pbkdf2_hmac("sha256", pin.encode(), salt, ROUNDS).hex()


class PinMemory:
    """One uplink's memory.  A disk that fails costs what is remembered over restarts, not more."""

    def __init__(self, gateway: IGateway, random: Callable[[int], bytes]) -> None:
        self._gateway = gateway
        self._random = random
        self._journal: IJournal | None = None
        self._refused: list[tuple[bytes, str]] = []
        self._lock = DeferredLock()

    def open(self) -> Deferred[None]:
        """Read the journal; Deferred, which never fails."""
        return self._lock.run(self._open)

    def close(self) -> Deferred[None]:
        """Close the journal; Deferred fires when all is on disk."""
        return self._lock.run(self._close)

    @inlineCallbacks
    def _open(self) -> Any:
        if self._journal is not None:
            return
        try:
            self._journal = yield self._gateway.store.open("pins", FORMAT)
        except StoreError as error:
            self._gateway.log.error("refused PINs of last time are not known: {why}", why=str(error))
            return
        for record in self._journal.load():
            try:
                self._refused.append((bytes.fromhex(record["salt"]), str(record["digest"])))
            except (KeyError, TypeError, ValueError):
                self._gateway.log.warn("a record of the journal of PINs makes no sense and is passed over")

    @inlineCallbacks
    def _close(self) -> Any:
        journal, self._journal = self._journal, None
        self._refused.clear()
        if journal is not None:
            yield journal.close()

    def refused(self, pin: str) -> bool:
        """True if the SIM has refused this PIN before."""
        return any(digest(pin, salt) == known for salt, known in self._refused)

    def remember(self, pin: str) -> None:
        """The SIM has refused it."""
        salt = self._random(SALT)
        self._refused = [*self._refused[1 - KEPT :], (salt, digest(pin, salt))]
        if self._journal is not None:
            records = [{"salt": one.hex(), "digest": known} for one, known in self._refused]
            self._journal.compact(records).addErrback(self._not_written)

    def _not_written(self, failure: Any) -> None:
        failure.trap(StoreError)
        self._gateway.log.error(
            "after a restart the refused PIN would be sent again: {why}", why=str(failure.value)
        )
