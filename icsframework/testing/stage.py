"""The stage on which contract.py tries a plugin: a FakeGateway, interfaces, the reactor turned by hand, and the account.

Plugins use Twisted's global reactor; it need not run.  The clock of the gateway moves only when somebody waits.
"""

from collections import Counter
from collections.abc import Sequence
from time import monotonic
from types import TracebackType
from typing import Any, Self, TypeVar

from twisted.internet import reactor as installed_reactor
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from icsframework.testing.gateway import FakeClock, FakeGateway
from icsframework.testing.held import JOURNAL, held, name_of
from icsframework.testing.slow import SlowHost, SlowStore
from icsframework.values import InterfaceInfo

__all__ = ["ContractBroken", "Stage"]

T = TypeVar("T")
reactor: Any = installed_reactor

REAL_PATIENCE = 2.0
"""Seconds of real time for what goes through the reactor: a loaded machine, never the disk or a network."""
STEP = 0.25
"""Seconds of the gateway's clock from look to look."""
STEPS = 400
"""Looks before something counts as never happening: 100 s of the gateway's clock."""


class ContractBroken(AssertionError):
    """What the plugin did that the contract (interfaces.py) does not allow."""


class Stage:
    """One gateway for one plugin; ``delay`` is how long host and store take for everything.  A context manager."""

    def __init__(self, interfaces: Sequence[str] = (), delay: float = 0.0, owner: str = "example") -> None:
        clock = FakeClock()
        self.gateway = FakeGateway(owner, SlowStore(clock.clock, delay) if delay else None, clock)
        if delay:
            self.gateway.host = SlowHost(clock.clock, delay)
        for name in interfaces:
            self.plug(name)
        self._readers, self._writers = set(reactor.getReaders()), set(reactor.getWriters())
        self._calls = set(reactor.getDelayedCalls())
        # A timer of somebody else that comes again and again is another object each time.
        self._functions = [call.func for call in self._calls]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # What the plugin left in the reactor must not meet a later test at the same descriptor number.
        for reader in set(reactor.getReaders()) - self._readers:
            reactor.removeReader(reader)
        for writer in set(reactor.getWriters()) - self._writers:
            reactor.removeWriter(writer)
        for call in self._new_calls():
            call.cancel()
        self.gateway.close()

    def plug(self, name: str) -> None:
        """An interface with carrier appears."""
        index = sum(name.encode())
        info = InterfaceInfo(name, index, f"02:00:5e:00:53:{index % 256:02x}", 1500, True, True)
        self.gateway.host.set_interface(name, info)

    # --- time

    def turn(self) -> None:
        """Let the reactor do what is due."""
        for _ in range(3):
            reactor.iterate(0)

    def wait(self, seconds: float) -> None:
        """Let the gateway's clock go on."""
        left = seconds
        while left > 0:
            self.gateway.advance(min(STEP, left))
            self.turn()
            left -= STEP

    def result(self, deferred: object, what: str) -> Any:
        """What ``deferred`` fires with; an exception of it is raised.  ContractBroken if it does not fire, or is none."""
        if not isinstance(deferred, Deferred):
            raise ContractBroken(f"{what} must return a Deferred, not {deferred!r}")
        results: list[Any] = []
        deferred.addBoth(results.append)
        until = monotonic() + REAL_PATIENCE
        for step in range(STEPS):
            self.turn()
            if results:
                break
            if step:
                self.gateway.advance(STEP)
        while not results and monotonic() < until:
            reactor.iterate(0.01)
        if not results:
            raise ContractBroken(f"the Deferred of {what} never fires")
        if isinstance(results[0], Failure):
            results[0].raiseException()
        return results[0]

    def stop(self, plugin: Any) -> None:
        """Stop a plugin and wait until it has."""
        ended = plugin.stopService()
        if ended is not None:
            self.result(ended, "stopService")

    # --- the account

    def held(self, journals: bool = True) -> Counter[str]:
        """What the plugin holds now, of the gateway (see held.py) and of the reactor."""
        self.turn()
        found = held(self.gateway) + self._reactor_holds()
        return Counter({what: n for what, n in found.items() if journals or not what.startswith(JOURNAL)})

    def expect(self, before: Counter[str], after: str, journals: bool = True) -> None:
        """ContractBroken unless what is held is what was held ``before``."""
        now = self.held(journals)
        left, lost = now - before, before - now
        sentences = [f"{after} leaves {_shown(left)}"] if left else []
        sentences += [f"{after} lost {_shown(lost)}"] if lost else []
        if sentences:
            raise ContractBroken("; ".join(sentences))

    def _reactor_holds(self) -> Counter[str]:
        readers, writers = set(reactor.getReaders()), set(reactor.getWriters())
        found = [f"reader {name_of(one)} in the reactor" for one in readers - self._readers]
        found += [f"writer {name_of(one)} in the reactor" for one in writers - self._writers]
        found += [f"timer of {name_of(call.func)} in the reactor" for call in self._new_calls()]
        return Counter(found)

    def _new_calls(self) -> list[Any]:
        calls: set[Any] = set(reactor.getDelayedCalls()) - self._calls
        return [call for call in calls if call.func not in self._functions]


def _shown(things: Counter[str]) -> str:
    return ", ".join(f"{count} x {name}" if count > 1 else name for name, count in sorted(things.items()))
