import signal

import pytest

from icsframework.lab.daemon import Daemon
from icsframework.lab.errors import LabError
from icsframework.lab.waiting import wait_for

LOOP = "trap 'echo bye; exit 0' TERM; echo here; while :; do sleep 0.01; done"


def test_the_life_of_a_daemon(here):
    """Started, ready, stopped with its own status, started again, killed; one log over all."""
    daemon = Daemon(
        here, "loop", ["/bin/sh", "-c", LOOP], lambda: daemon.log().count("here") > daemon.log().count("bye")
    )
    assert (daemon.running, daemon.status, daemon.stop()) == (False, None, 0)
    daemon.start()
    daemon.wait_ready()
    with pytest.raises(LabError, match="loop on here runs already"):
        daemon.start()
    first = daemon.pid
    daemon.restart()
    assert daemon.pid != first
    assert daemon.log() == "here\nbye\nhere\n"
    daemon.kill()
    assert (daemon.running, daemon.status) == (False, -signal.SIGKILL)


def test_a_daemon_that_ends_at_once_shows_its_log(here):
    """The error has the status and the end of the log, not all of it."""
    daemon = Daemon(here, "broken", ["/bin/sh", "-c", "seq 1000; exit 4"], lambda: False)
    daemon.start()
    with pytest.raises(LabError) as caught:
        daemon.wait_ready()
    lines = str(caught.value).splitlines()
    assert lines[0] == "broken on here: it ended with status 4"
    assert (lines[1], lines[-1]) == ("961", "1000")


def test_a_daemon_that_never_serves_is_given_up(here):
    """The wait has its limit."""
    daemon = Daemon(here, "slow", ["sleep", "60"], lambda: False)
    daemon.start()
    with pytest.raises(LabError, match=r"slow on here: waited 0.05 s for it to be ready"):
        daemon.wait_ready(0.05)


def test_signals_and_ends(here):
    """A signal arrives, and an end by itself is waited for."""
    daemon = Daemon(here, "d", ["/bin/sh", "-c", "trap 'exit 7' USR1; echo up; while :; do sleep 0.01; done"])
    with pytest.raises(LabError, match="d on here was not started"):
        daemon.signal(signal.SIGUSR1)
    daemon.start()
    wait_for(lambda: daemon.log() == "up\n", what="the trap")
    daemon.signal(signal.SIGUSR1)
    assert daemon.wait_end() == 7
