"""The lab's stand-in for systemd."""

from typing import Any

import pytest

from icsframework.lab.unit import Unit
from icsframework.lab.waiting import wait_for


class Ended:
    """A daemon that has ended with a status."""

    def __init__(self, status: int | None) -> None:
        self.status = status
        self.starts = 0

    def start(self) -> None:
        """It runs again."""
        self.status = None
        self.starts += 1


def test_only_a_handover_is_followed_by_a_start() -> None:
    """Status 75; what runs, was stopped, failed or was killed stays as it is."""
    daemons: list[Any] = [Ended(None), Ended(0), Ended(1), Ended(-9), Ended(75)]
    with Unit(daemons) as unit:
        wait_for(lambda: unit.restarts, 5, "the restart")
        daemons[4].status = 75
        wait_for(lambda: unit.restarts == 2, 5, "the second one")
    assert [daemon.starts for daemon in daemons] == [0, 0, 0, 0, 2]


def test_it_ends_with_an_error_too() -> None:
    """Nothing is started after the end, however it came."""
    daemon: Any = Ended(0)
    with pytest.raises(ValueError, match="x"), Unit([daemon]):
        raise ValueError("x")
    daemon.status = 75
    assert daemon.starts == 0
