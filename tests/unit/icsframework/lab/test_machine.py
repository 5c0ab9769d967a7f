import signal
import subprocess
import sys

import pytest

from icsframework.lab.errors import LabError
from icsframework.lab.machine import Machine
from icsframework.lab.waiting import LabTimeout, wait_for


def test_run_gives_output_errors_and_status(here):
    """Everything a program says comes back as text, whatever bytes it was."""
    done = here.run(["/bin/sh", "-c", r"cat; printf '\377'; echo oops >&2; exit 3"], input="in")
    assert (done.stdout, done.stderr, done.returncode) == ("in�", "oops\n", 3)


def test_failures_are_sentences(here):
    """Status, time and absence each name host and command."""
    with pytest.raises(LabError, match=r"^here: false: exit status 1\n"):
        here.run(["false"], check=True)
    with pytest.raises(LabTimeout, match=r"^here: sleep 60: no end after 0.05 s"):
        here.run(["sleep", "60"], timeout=0.05)
    with pytest.raises(LabError, match=r"^here: no-such-program is not installed$"):
        here.run(["no-such-program"])
    with pytest.raises(LabError, match=r"^here: /no/such cannot be run: No such file or directory$"):
        here.run(["/no/such"])


def test_programs_speak_english_and_find_sbin(here):
    """The lab reads what programs print, and an ordinary user's PATH lacks sbin."""
    script = "echo $LC_ALL $EXTRA $PATH"
    words = here.run(["/bin/sh", "-c", script], env={"EXTRA": "more"}).stdout.split()
    assert words[:2] == ["C.UTF-8", "more"]
    assert words[2].endswith(":/usr/sbin:/sbin")


def test_python_is_this_one(here):
    """python() runs the interpreter of the test."""
    assert here.python("import sys; print(sys.executable, sys.argv[1])", "x").stdout.split() == [
        sys.executable,
        "x",
    ]


def test_a_process_is_asked_before_it_is_killed(here):
    """stop sends SIGTERM, and SIGKILL to who does not listen."""
    polite = here.popen(["sleep", "60"])
    assert here.stop(polite) == -signal.SIGTERM
    deaf = here.popen(["/bin/sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 0.01; done"])
    assert deaf.stdout.readline() == "deaf\n"
    assert here.stop(deaf, 0.1) == -signal.SIGKILL
    assert here.stop(deaf) == -signal.SIGKILL


def test_close_ends_what_was_started(here, tmp_path):
    """Spawned programs end with the machine; their output is in the log."""
    process = here.spawn(["/bin/sh", "-c", "echo hello; exec sleep 60"], tmp_path / "log")
    wait_for(lambda: (tmp_path / "log").read_text() == "hello\n", what="the log")
    here.close()
    assert process.returncode == -signal.SIGKILL
    here.close()


def test_a_host_that_does_not_start_says_why(tmp_path):
    """The words of what failed are in the error."""
    machine = Machine("broken", tmp_path / "broken")
    machine.directory.mkdir()
    (machine.directory / "boot.log").write_text("unshare: Operation not permitted\n")
    machine._holder = subprocess.Popen(["true"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with pytest.raises(LabError, match=r"^host broken did not start: unshare: Operation not permitted$"):
        machine.ready()
    machine.close()


def test_the_command_for_people_names_the_process(here):
    """nsenter with everything but the mount of users, which is added where the lab has no root of its own."""
    here.pid = 4711
    assert here.enter_command().startswith("nsenter --target 4711")
    assert here.enter_command().endswith("--net --mount --uts --pid")
