import os
import subprocess
import sys

from icsframework.lab.errors import LabUnavailable
from icsframework.lab.privilege import find_program, missing_programs, why_unavailable


def test_programs_that_are_missing_are_named_with_their_packages():
    """One sentence with all of them; none if nothing is missing."""
    assert missing_programs(["sh"]) == ""
    sentence = "the lab needs no-such-a and no-such-b; on Debian: apt install no-such-a no-such-b"
    assert missing_programs(["no-such-b", "sh", "no-such-a"][::-1]) == sentence


def test_programs_are_found_whatever_path_says():
    """sbin counts although an ordinary user's PATH lacks it."""
    assert os.access(find_program("sh"), os.X_OK)
    assert find_program("no-such-program") is None


def test_root_stays_what_it_is():
    """For root nothing changes; an ordinary user becomes root of a namespace, but not with threads running."""
    code = (
        "import os, threading\n"
        "from icsframework.lab.privilege import become_root\n"
        "from icsframework.errors import IcsError\n"
        "gate = threading.Event()\n"
        "threading.Thread(target=gate.wait).start()\n"
        "before = os.readlink('/proc/self/ns/user')\n"
        "try:\n    become_root(); print('root', os.readlink('/proc/self/ns/user') == before)\n"
        "except IcsError as error:\n    print(error)\n"
        "finally:\n    gate.set()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    if os.geteuid() == 0 and not why_unavailable():
        assert done.stdout == "root True\n"
    else:
        assert "namespace" in done.stdout
    assert (done.returncode, done.stderr) == (0, "")


def test_no_permission_is_status_77():
    """The command ends with the status that scripts know."""
    assert LabUnavailable("why").exit_status == 77
