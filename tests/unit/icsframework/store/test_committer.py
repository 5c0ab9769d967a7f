"""The worker thread: grouping, order, start, end, and a target that breaks."""

from threading import Event, current_thread

import pytest

from icsframework.store.committer import Committer
from icsframework.store.file import Append
from icsframework.testing.store import StepCommitter

TIMEOUT = 30.0


class Target:
    """Notes its batches.  With a gate it is a slow disk: each commit waits until the gate is open."""

    def __init__(self, gate=None):
        self.batches = []
        self.threads = set()
        self.entered = Event()
        self._gate = gate

    def commit(self, requests):
        self.entered.set()
        if self._gate is not None:
            assert self._gate.wait(TIMEOUT)
        self.batches.append([request.payload for request in requests])
        self.threads.add(current_thread())
        return [request.payload for request in requests]


class Broken:
    """A mistake of ours."""

    def commit(self, requests):
        raise ZeroDivisionError("a mistake")


def committer_on(reactor):
    return Committer(reactor.callFromThread, reactor.callWhenRunning)


def test_what_gathers_while_the_disk_is_busy_is_one_batch(reactor):
    """Natural group commit: the first request goes alone, all that came meanwhile go together; in one thread."""
    gate = Event()
    target, done = Target(gate), []
    committer = committer_on(reactor)
    committer.submit(target, Append(b"0"), done.append)
    assert target.entered.wait(TIMEOUT)
    for n in range(1, 100):
        committer.submit(target, Append(b"%d" % n), done.append)
    gate.set()
    reactor.wait(committer.close())
    everything = [b"%d" % n for n in range(100)]
    assert target.batches == [everything[:1], everything[1:]]
    assert done == everything
    assert reactor.turns == 3  # one a batch, one for the end
    assert current_thread() not in target.threads
    assert not any(thread.is_alive() for thread in target.threads)


def test_outcomes_of_several_targets_come_in_the_order_of_the_requests():
    """Each target gets its requests together; the reactor hears of them in the order they were made."""
    one, two, done = Target(), Target(), []
    committer = StepCommitter()
    for n, target in enumerate([one, two, two, one, two]):
        committer.submit(target, Append(b"%d" % n), done.append)
    assert committer.commit_waiting() == 5
    assert (one.batches, two.batches) == ([[b"0", b"3"]], [[b"1", b"2", b"4"]])
    assert done == [b"0", b"1", b"2", b"3", b"4"]
    assert committer.commit_waiting() == 0


def test_a_target_that_breaks_leaves_the_thread_to_the_others(reactor):
    """Its requests fail with its exception; the others are carried out, then and later."""
    target, done = Target(), []
    committer = committer_on(reactor)
    committer.submit(Broken(), Append(b"1"), done.append)
    committer.submit(target, Append(b"2"), done.append)
    while len(done) < 2:
        reactor.turn()
    committer.submit(target, Append(b"3"), done.append)
    reactor.wait(committer.close())
    assert isinstance(done[0], ZeroDivisionError)
    assert done[1:] == [b"2", b"3"]


def test_no_thread_before_the_reactor_runs(reactor):
    """twistd forks before the reactor runs, and a thread would be left behind: requests wait for it."""
    reactor.running = False
    target, done = Target(), []
    committer = committer_on(reactor)
    committer.submit(target, Append(b"1"), done.append)
    assert not target.entered.wait(0.05)
    reactor.run()
    reactor.wait(committer.close())
    assert (target.batches, done) == ([[b"1"]], [b"1"])


def test_close_before_the_reactor_runs_writes_what_waits(reactor):
    """A start that fails half way still puts on disk what it was given, and starts no thread later."""
    reactor.running = False
    target, done = Target(), []
    committer = committer_on(reactor)
    committer.submit(target, Append(b"1"), done.append)
    closed = []
    committer.close().addCallback(closed.append)
    reactor.turn()
    assert (target.batches, closed, target.threads) == ([[b"1"]], [None], {current_thread()})
    assert done == [b"1"]
    reactor.run()
    assert target.batches == [[b"1"]]


def test_nothing_is_taken_after_close(reactor):
    """A request after the end would never be answered: it is our mistake, and raised."""
    committer = committer_on(reactor)
    assert committer.close() is committer.close()
    with pytest.raises(RuntimeError):
        committer.submit(Target(), Append(b"1"), list)


def test_a_callback_that_submits_does_not_overtake():
    """In the committer without a thread, what a callback submits comes after the rest of its batch."""
    held = True
    committer, target, done = StepCommitter(lambda: held), Target(), []

    def first(outcome):
        done.append(outcome)
        committer.submit(target, Append(b"3"), done.append)

    committer.submit(target, Append(b"1"), first)
    committer.submit(target, Append(b"2"), done.append)
    committer.flush()
    assert done == [b"1", b"2"]
    held = False
    committer.flush()
    assert done == [b"1", b"2", b"3"]
