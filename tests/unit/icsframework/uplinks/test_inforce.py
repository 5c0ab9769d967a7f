"""A link on its way into the machine and out of it."""

from typing import Any

from twisted.internet.defer import Deferred

from icsframework.errors import HostError
from icsframework.uplinks.inforce import MachineLink
from icsframework.values import Failed, Link

LINK = Link("eth0", 2, None, "ethernet", "kernel", 1500, False, 0.0, None)
OTHER = Link("eth0", 2, None, "ethernet", "kernel", 1400, False, 0.0, None)


class Log:
    """Counts tracebacks."""

    def __init__(self) -> None:
        self.failures = 0

    def failure(self, *_: object, **__: object) -> None:
        """One more."""
        self.failures += 1


class Bench:
    """A machine that agrees when the test says so; ``heard`` is what comes of each link."""

    def __init__(self) -> None:
        self.settling: list[Deferred[None]] = []
        self.log = Log()
        self.machine = MachineLink(self.settle, self.settle, self.log, "uplink cable")  # type: ignore[arg-type]
        self.current: Link | None = None
        self.heard: list[Any] = []

    def settle(self) -> Deferred[None]:
        """It begins to change."""
        self.settling.append(Deferred())
        return self.settling[-1]

    def put(self, link: Link) -> None:
        """The plugin announces it."""
        self.current = link
        self.machine.put(link, lambda: self.current == link, self.heard.append, self.heard.append)


def test_the_first_link_and_a_changed_one_are_told_apart() -> None:
    """When they are in force, not before."""
    bench = Bench()
    bench.put(LINK)
    assert (bench.machine.link, bench.heard) == (None, [])
    bench.settling[0].callback(None)
    bench.put(OTHER)
    bench.settling[1].callback(None)
    assert (bench.machine.link, bench.heard) == (OTHER, [True, False])


def test_what_is_overtaken_says_nothing() -> None:
    """Neither that it is in force nor that it was refused."""
    bench = Bench()
    bench.put(LINK)
    bench.put(OTHER)
    bench.settling[0].callback(None)
    assert (bench.machine.link, bench.heard) == (None, [])
    bench.put(LINK)
    bench.settling[1].errback(HostError("collides"))
    assert (bench.machine.has_refused, bench.heard) == (False, [])


def test_a_refused_link_is_known_until_it_is_lost() -> None:
    """With its reason, and no other link is refused for it; a defect of ours leaves its traceback."""
    bench = Bench()
    bench.put(LINK)
    bench.settling[0].errback(ValueError("bug"))
    failed = Failed("could not be configured: bug")
    assert (bench.heard, bench.log.failures) == ([failed.reason], 1)
    assert (bench.machine.refusal(LINK), bench.machine.refusal(OTHER)) == (failed, None)
    bench.machine.lose(bench.heard.append)
    bench.settling[1].callback(None)
    assert (bench.heard[1:], bench.machine.has_refused) == ([True], False)


def test_a_loss_is_told_when_the_machine_is_without_it() -> None:
    """Two losses may be under way."""
    bench = Bench()
    bench.put(LINK)
    bench.settling[0].callback(None)
    bench.machine.lose(bench.heard.append)
    bench.machine.lose(bench.heard.append)
    bench.settling[1].callback(None)
    assert (bench.machine.link, bench.machine.losing, bench.heard) == (None, True, [True, False])
    bench.settling[2].callback(None)
    assert (bench.machine.losing, bench.heard) == (False, [True, False, False])
    assert bench.machine.leaving.called


def test_a_lost_link_is_known_while_the_machine_has_it() -> None:
    """Through several losses, of which the machine knows the last only when it agrees; one that never was in force is none."""
    bench = Bench()
    bench.machine.lose(bench.heard.append)
    assert (bench.machine.losing, bench.machine.parting) == (True, None)
    bench.settling[0].callback(None)
    bench.put(LINK)
    bench.settling[1].callback(None)
    for _ in range(2):
        bench.machine.lose(bench.heard.append)
    assert (bench.machine.link, bench.machine.parting) == (None, LINK)
    bench.settling[2].callback(None)
    assert bench.machine.parting == LINK
    bench.settling[3].callback(None)
    assert (bench.machine.losing, bench.machine.parting) == (False, None)
