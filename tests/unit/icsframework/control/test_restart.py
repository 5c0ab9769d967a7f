"""``ics restart`` against gateways of a script."""

from typing import Any

import pytest

from icsframework.control.client import ApiError
from icsframework.control.restart import PATIENCE, POLL, restart

READY, STARTING = {"state": "ready", "pid": 8}, {"state": "starting", "pid": 8}
OLD = {"state": "ready", "pid": 7}
NOBODY = ApiError("no gateway answers", 69)


class Script:
    """A client whose looks at the status are answered one by one; the last answer stays."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []
        self.time = 100.0

    def post(self, path: str, parameters: dict[str, Any]) -> Any:
        """The command."""
        self.asked.append(path)
        return {"pid": 7}

    def get(self, path: str) -> Any:
        """The next answer."""
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, ApiError):
            raise answer
        return {"gateway": answer}

    def now(self) -> float:
        """Moves with every sleep."""
        return self.time

    def sleep(self, seconds: float) -> None:
        """Time passes."""
        self.time += seconds


def run(script: Script) -> str:
    """The sentence."""
    return restart(script, script.now, script.sleep)


def test_it_returns_when_the_next_one_is_ready() -> None:
    """Not while the old one still answers, nobody does, or the next one starts."""
    script = Script(OLD, NOBODY, NOBODY, STARTING, READY)
    assert run(script) == f"handed over in {5 * POLL:.1f} s; the gateway is now process 8"
    assert script.asked == ["/v1/restart"]


def test_the_same_number_may_be_another_process() -> None:
    """In a container every gateway is process 1."""
    assert "process 7" in run(Script(OLD, NOBODY, OLD))


def test_nothing_starts_it_again() -> None:
    """Said in the end, with what to do; status 1."""
    script = Script(NOBODY)
    with pytest.raises(ApiError, match=r"nothing has started it again.*start it again") as raised:
        run(script)
    assert raised.value.exit_status == 1
    assert script.time >= 100 + PATIENCE


def test_it_does_not_end() -> None:
    """A gateway that hangs while stopping is named."""
    with pytest.raises(ApiError, match=r"process 7.* does not end"):
        run(Script(OLD))


def test_other_errors_are_told_as_they_are() -> None:
    """No permission is no reason to wait."""
    with pytest.raises(ApiError, match="no permission"):
        run(Script(ApiError("no permission", 77)))
