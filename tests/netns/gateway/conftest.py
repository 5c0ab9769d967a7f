"""Programs of traffic.py running in hosts of the lab."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

TRAFFIC = str(Path(__file__).with_name("traffic.py"))


class Running:
    """One of them."""

    def __init__(self, host, *arguments):
        self._process = host.popen([sys.executable, TRAFFIC, *map(str, arguments)], stdin=subprocess.PIPE)
        assert self._process.stdout.readline() == "ready\n", self._process.communicate()

    @property
    def over(self):
        """Whether it has ended by itself."""
        return self._process.poll() is not None

    def end(self, timeout=30.0):
        """End it (or wait, if it ends by itself) and return what it saw."""
        output, errors = self._process.communicate("", timeout=timeout)
        assert output, errors
        return json.loads(output)


@pytest.fixture
def traffic():
    """A function that starts a program of traffic.py: host, mode, arguments."""
    return Running
