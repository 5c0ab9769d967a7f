"""Exit status and signals, in a real process."""

import signal
import subprocess
import sys
import textwrap

import pytest

pytestmark = pytest.mark.slow  # a process for each test

BODY = """
import sys
from twisted.internet import reactor
from icsframework.errors import Handover, NoPrivilege
from icsframework.gateway.process import Process

process = Process(reactor)
process.handle_signals(lambda: print("reload", flush=True), lambda: process.fatal(Handover()))
reactor.callWhenRunning(lambda: reactor.callLater(0, print, "running", flush=True))
{more}
reactor.run()
print("end", flush=True)
"""


def start(more: str = "") -> subprocess.Popen[str]:
    """A small daemon."""
    code = BODY.format(more=textwrap.dedent(more))
    return subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_clean_stop_ends_with_0(number: signal.Signals) -> None:
    """SIGTERM and SIGINT stop the reactor; the process ends by itself and does not die of the signal."""
    with start() as daemon:
        assert daemon.stdout is not None
        assert daemon.stdout.readline() == "running\n"
        daemon.send_signal(number)
        out, err = daemon.communicate(timeout=20)
    assert (daemon.returncode, out, err) == (0, "end\n", "")


def test_hangup_reloads() -> None:
    """SIGHUP calls the reload and nothing ends."""
    with start() as daemon:
        assert daemon.stdout is not None
        daemon.stdout.readline()
        daemon.send_signal(signal.SIGHUP)
        assert daemon.stdout.readline() == "reload\n"
        daemon.terminate()
        daemon.communicate(timeout=20)
    assert daemon.returncode == 0


def test_a_handover_ends_with_75() -> None:
    """SIGUSR2 hands over; the unit starts the next process because of the status."""
    with start() as daemon:
        assert daemon.stdout is not None
        assert daemon.stdout.readline() == "running\n"
        daemon.send_signal(signal.SIGUSR2)
        out, err = daemon.communicate(timeout=20)
    assert (daemon.returncode, out) == (75, "end\n")
    assert "leaves its kernel state to the next start" in err


def test_a_fatal_error_leaves_its_status_and_its_sentence() -> None:
    """What ends the gateway later sets the exit status too."""
    with start("reactor.callWhenRunning(lambda: process.fatal(NoPrivilege('no rights')))") as daemon:
        out, err = daemon.communicate(timeout=20)
    assert daemon.returncode == 77
    assert err == "ics: no rights\n"
    assert out.splitlines()[-1] == "end"


def test_an_unknown_error_is_status_1() -> None:
    """A defect is a failure, not a success."""
    with start("reactor.callWhenRunning(lambda: process.fatal(ValueError('bug')))") as daemon:
        daemon.communicate(timeout=20)
    assert daemon.returncode == 1


def test_a_signal_before_the_reactor_runs_is_carried_out_when_it_does() -> None:
    """SIGHUP sent right after the start by a service manager kills nothing, and SIGTERM is a clean stop."""
    with start(
        "import os, signal\nfor one in (signal.SIGHUP, signal.SIGTERM): os.kill(os.getpid(), one)"
    ) as daemon:
        out, err = daemon.communicate(timeout=20)
    assert (daemon.returncode, err) == (0, "")
    assert out.splitlines()[0] == "reload"
    assert out.splitlines()[-1] == "end"


def test_two_signals_are_one_stop() -> None:
    """Ctrl-C pressed twice while it stops is not an error."""
    slow = """
    from twisted.internet.defer import Deferred
    stopping = Deferred()
    def stop():
        print("stopping", flush=True)
        reactor.callLater(1, stopping.callback, None)
        return stopping
    reactor.addSystemEventTrigger("before", "shutdown", stop)
    """
    with start(slow) as daemon:
        assert daemon.stdout is not None
        daemon.stdout.readline()
        daemon.send_signal(signal.SIGINT)
        assert daemon.stdout.readline() == "stopping\n"
        daemon.send_signal(signal.SIGINT)
        daemon.send_signal(signal.SIGTERM)
        out, err = daemon.communicate(timeout=20)
    assert (daemon.returncode, out, err) == (0, "end\n", "")


def test_the_first_fatal_error_is_the_one_that_is_told() -> None:
    """What fails while it ends does not hide why it ends, nor change the status."""
    more = """
    def two():
        process.fatal(NoPrivilege("no rights"))
        process.fatal(ValueError("and then"))
    reactor.callWhenRunning(two)
    """
    with start(more) as daemon:
        _, err = daemon.communicate(timeout=20)
    assert (daemon.returncode, err) == (77, "ics: no rights\n")


def test_a_fatal_error_during_the_stop_leaves_its_status() -> None:
    """A stop that could not give the machine back does not look like a clean one."""
    with start(
        'reactor.addSystemEventTrigger("before", "shutdown", lambda: process.fatal(ValueError("not restored")))'
    ) as daemon:
        assert daemon.stdout is not None
        daemon.stdout.readline()
        daemon.terminate()
        _, err = daemon.communicate(timeout=20)
    assert (daemon.returncode, err) == (1, "ics: not restored\n")
