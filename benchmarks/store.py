"""Acknowledged appends a second: the store's group commit against one fdatasync for each record, and against none.

Usage: python benchmarks/store.py [--directory DIR] [--records N] [--window N] [--rounds N]

The variants run interleaved, round after round, so that a disk that is busy for a while is busy for all.
``window`` records are in flight at a time, as with a DHCP server whose clients each wait for their answer.
Each line is one variant: median of the rounds, ratio to `each`, and the time from append to acknowledgement.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, inlineCallbacks, succeed

from icsframework.store.file import Append, JournalFile, Open
from icsframework.store.files import RealFiles
from icsframework.store.format import encode
from icsframework.store.store import Store

RECORD = {
    "address": "192.168.0.100",
    "mac": "02:00:5e:00:53:01",
    "client": "0102005e005301",
    "host": "printer",
    "expires": 1767225600,
}


class UnsyncedFiles(RealFiles):
    """The kernel without its disk: what the rest of the store costs."""

    def fdatasync(self, descriptor: int) -> None:
        """Not at all."""


class Round:
    """Keeps ``window`` appends in flight until ``records`` are acknowledged; notes how long each took."""

    def __init__(
        self, append: Callable[[dict[str, Any]], "Deferred[int]"], records: int, window: int
    ) -> None:
        self._append = append
        self._unanswered = records
        self._window = min(window, records)
        self._unsent = records - self._window
        self.latencies: list[float] = []
        self.done: Deferred[None] = Deferred()

    def run(self) -> "Deferred[None]":
        for _ in range(self._window):
            self._send()
        return self.done

    def _send(self) -> None:
        sent = time.perf_counter()
        self._append(RECORD).addCallbacks(self._acknowledged, self.done.errback, callbackArgs=(sent,))

    def _acknowledged(self, seq: int, sent: float) -> None:
        self.latencies.append(time.perf_counter() - sent)
        self._unanswered -= 1
        if self._unsent:
            self._unsent -= 1
            reactor.callLater(0, self._send)  # as a packet would arrive: in another turn
        elif not self._unanswered:
            self.done.callback(None)


@inlineCallbacks
def grouped(directory: Path, records: int, window: int, files: RealFiles) -> Generator[Any, Any, Round]:
    """The store as the gateway uses it."""
    store = Store(directory, reactor, files=files)  # type: ignore[arg-type]
    journal = yield store.open("leases", 1)
    measured = Round(journal.append, records, window)
    yield measured.run()
    yield store.close()
    return measured


@inlineCallbacks
def each(directory: Path, records: int, window: int, files: RealFiles) -> Generator[Any, Any, Round]:
    """The same file, written in the reactor with one fdatasync for each record."""
    file = JournalFile(files, directory / "leases.journal", "leases", 1, "bench")
    file.commit([Open()])

    def append(record: dict[str, Any]) -> "Deferred[int]":
        (seq,) = file.commit([Append(encode(record))])
        assert isinstance(seq, int), seq
        return succeed(seq)

    measured = Round(append, records, window)
    yield measured.run()
    return measured


@inlineCallbacks
def run(options: argparse.Namespace) -> Generator[Any, Any, None]:
    variants = {
        "each": (each, RealFiles()),
        "grouped": (grouped, RealFiles()),
        "unsynced": (grouped, UnsyncedFiles()),
    }
    rates: dict[str, list[float]] = {name: [] for name in variants}
    latencies: dict[str, list[float]] = {name: [] for name in variants}
    for number in range(options.rounds):
        for name, (variant, files) in variants.items():
            with tempfile.TemporaryDirectory(dir=options.directory, prefix=f"{name}{number}-") as directory:
                began = time.perf_counter()
                measured = yield variant(Path(directory), options.records, options.window, files)
                rates[name].append(options.records / (time.perf_counter() - began))
                latencies[name] += measured.latencies
    base = statistics.median(rates["each"])
    for name, values in rates.items():
        rate, cuts = statistics.median(values), statistics.quantiles(latencies[name], n=100)
        print(
            f"{name:9} {rate:9.0f} appends/s ({min(values):.0f}-{max(values):.0f})   {rate / base:5.1f} x each   "
            f"p50 {cuts[49] * 1e3:6.2f} ms   p99 {cuts[98] * 1e3:6.2f} ms"
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--directory", default=os.curdir, help="on the disk to measure (default: here)")
    parser.add_argument("--records", type=int, default=5000)
    parser.add_argument("--window", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    failed: list[Any] = []
    reactor.callWhenRunning(lambda: run(options).addErrback(failed.append).addBoth(lambda _: reactor.stop()))
    reactor.run()
    for failure in failed:
        failure.printTraceback()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
