"""Work that is done now and then."""

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from icsframework.errors import HostError
from icsframework.gateway.job import Job
from icsframework.testing.gateway import FakeClock


def test_a_job_is_never_done_twice_at_once():
    """Asked for while it runs, it runs again afterwards; the stop waits for it."""
    clock, runs = FakeClock(), []

    def work():
        runs.append(Deferred())
        return runs[-1]

    job = Job(clock, work, 30, Logger())
    job.soon()
    assert clock.clock.getDelayedCalls() == []
    job.start()
    clock.clock.advance(0)
    job.soon(5)
    job.soon(1)
    job.soon(9)
    clock.clock.advance(10)
    assert len(runs) == 1
    runs[0].callback(None)
    clock.clock.advance(1)
    assert len(runs) == 2
    stopped = job.stop()
    assert not stopped.called
    runs[1].callback(None)
    assert stopped.called
    assert clock.clock.getDelayedCalls() == []


def test_a_job_that_fails_goes_on_and_complains_once():
    """The same complaint is made once, until it works again; what is no error of ours is told with its trace."""
    said, clock = [], FakeClock()
    outcomes = [HostError("no"), HostError("no"), None, HostError("no"), ValueError("bug"), None]

    def work():
        outcome = outcomes.pop(0)
        if outcome is not None:
            raise outcome

    job = Job(clock, work, 30, Logger(observer=lambda event: said.append(event["log_level"].name)))
    job.start()
    for pause in (0, 30, 30, 30, 30, 30):
        clock.clock.advance(pause)
    assert (said, outcomes) == (["warn", "warn", "critical"], [])
    job.stop()


def test_sooner_wins():
    """The earliest of the times asked for; a later one does not put it off."""
    clock, times = FakeClock(), []
    job = Job(clock, lambda: times.append(clock.now()), 30, Logger())
    job.start()
    clock.clock.advance(0)
    job.soon(10)
    job.soon(2)
    job.soon(20)
    clock.clock.advance(2)
    assert times == [0, 2]
    job.stop()
