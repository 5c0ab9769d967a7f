"""``ics cleanup`` without rights; what it does with them is shown in tests/netns."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def unprivileged() -> list[str]:
    """A command prefix that gives up every right."""
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("setpriv (util-linux) is not installed")
    return ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]


def test_without_rights_nothing_is_touched(tmp_path: Path) -> None:
    """One sentence names the capabilities, status 77."""
    command = [*unprivileged(), sys.executable, "-m", "icsframework.cli", "cleanup", "--run", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (77, "")
    assert done.stderr.startswith("ics: ics lacks CAP_NET_BIND_SERVICE, CAP_NET_ADMIN, CAP_NET_RAW;")
