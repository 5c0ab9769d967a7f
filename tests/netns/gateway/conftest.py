"""Programs of traffic.py running in hosts of the lab."""

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from icsframework.lab.errors import LabError
from icsframework.lab.waiting import wait_for

TRAFFIC = str(Path(__file__).with_name("traffic.py"))
HANDOVER = 75


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


class Unit:
    """Does what the systemd unit does: a gateway that ended with 75 is started again."""

    def __init__(self, gateway):
        self._gateway = gateway
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.restarts = 0

    def _run(self):
        while not self._over.wait(0.01):
            if self._gateway.status == HANDOVER:
                self._gateway.start()
                self.restarts += 1

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()


@pytest.fixture
def unit():
    """The context manager Unit(gateway)."""
    return Unit


@pytest.fixture
def answers():
    """A function that waits until the gateway answers as another process than before."""

    def wait(gateway, before):
        def pid():
            try:
                return gateway.status_tree()["gateway"]["pid"]
            except LabError:
                return before

        return wait_for(lambda: pid() != before and pid(), 20, "another gateway to answer")

    return wait
