"""The lease of last time, in the journal ``lease``: what a restarted gateway asks for, and what it still uses.

Records of format 1: ``{mac, held, wall, trusted, boot, since, lease}``.  ``held`` says that the lease was in use; false means that
it was given back, so that the address is only a wish.  ``lease`` null: the address must not be
asked for again.  ``wall`` is the wall clock at ``lease.obtained``, ``trusted`` (left out: true) whether it was,
``boot`` names the boot that the lease's own times count in, ``since`` the ``Link.since`` of the link
that it was announced with (0 in records of older writers).  The last record of a hardware address counts.
"""

from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred, DeferredLock, inlineCallbacks

from ics_plugins.uplinks.ethernet.lease import Lease, from_record, to_record
from icsframework.errors import StoreError
from icsframework.interfaces import IGateway, IJournal

KEPT_RECORDS = 50
"""Journal records before it is compacted to the last one."""
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Remembered:
    """A lease and what may be done with it."""

    lease: Lease
    held: bool
    """It was in use when last heard of."""
    expired: bool
    """It has run out since; after a reboot, as far as the wall clock can be trusted."""
    same_boot: bool
    """Its times are those of the clock that runs now."""
    since: float = 0.0
    """``Link.since`` of its link: the same one means the same boot, whatever became of the wall clock."""


class LeaseMemory:
    """One uplink's memory.  A disk that fails costs the memory, never the link."""

    def __init__(self, gateway: IGateway) -> None:
        self._gateway = gateway
        self._journal: IJournal | None = None
        self._lock = DeferredLock()  # opening and closing take time and may be asked for in between

    def open(self) -> Deferred[None]:
        """Read the journal; Deferred, which never fails."""
        return self._lock.run(self._open)

    def close(self) -> Deferred[None]:
        """Close the journal; Deferred fires when all is on disk."""
        return self._lock.run(self._close)

    @inlineCallbacks
    def _open(self) -> Any:
        if self._journal is None:
            try:
                self._journal = yield self._gateway.store.open("lease", FORMAT)
            except StoreError as error:
                self._gateway.log.error("the lease of last time is not known: {why}", why=str(error))

    @inlineCallbacks
    def _close(self) -> Any:
        journal, self._journal = self._journal, None
        if journal is not None:
            yield journal.close()

    def keep(self, lease: Lease, mac: str, held: bool = True, since: float = 0.0) -> None:
        """Remember a lease that is used from now on by the link up ``since``, or (``held`` false) was until now."""
        clock = self._gateway.clock
        wall = clock.wall() - (clock.now() - lease.obtained)
        record = {"mac": mac, "held": held, "wall": wall, "since": since, "lease": to_record(lease)}
        self._write(record | {"trusted": clock.wall_trusted, "boot": clock.boot})

    def forget(self, mac: str) -> None:
        """The last address must not be asked for again."""
        if self.recall(mac) is not None:
            self._write({"mac": mac, "held": False, "wall": 0.0, "lease": None})

    def recall(self, mac: str) -> Remembered | None:
        """What is known of this hardware address's last lease."""
        records = self._journal.load() if self._journal is not None else ()
        record = next((one for one in reversed(records) if one.get("mac") == mac), None)
        if record is None or record.get("lease") is None:
            return None
        try:
            return self._judge(record, from_record(record["lease"]))
        except (ValueError, KeyError, TypeError):
            self._gateway.log.warn("a record of the lease journal makes no sense and is passed over")
            return None

    def _judge(self, record: dict[str, Any], lease: Lease) -> Remembered:
        clock = self._gateway.clock
        same_boot = record.get("boot") == clock.boot
        age = clock.now() - lease.obtained if same_boot else clock.wall() - float(record["wall"])
        known = same_boot or (clock.wall_trusted and record.get("trusted", True))
        since = float(record.get("since", 0.0))
        return Remembered(lease, bool(record["held"]), known and age >= lease.duration, same_boot, since)

    def _write(self, record: dict[str, Any]) -> None:
        if self._journal is None:
            return
        crowded = len(self._journal.load()) >= KEPT_RECORDS
        written: Deferred[Any] = self._journal.compact([record]) if crowded else self._journal.append(record)
        written.addErrback(self._not_written)

    def _not_written(self, failure: Any) -> None:
        failure.trap(StoreError)
        self._gateway.log.warn("the lease will not be known after a restart: {why}", why=str(failure.value))
