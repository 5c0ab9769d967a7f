"""A gateway behind the control API with nothing behind it."""

from typing import Any

from twisted.internet.defer import Deferred

from icsframework.control.api import Hangup
from icsframework.errors import UplinkFailed
from icsframework.testing.control import ScriptedControl
from icsframework.values import Cause


def results(*deferreds: Deferred[Any]) -> list[Any]:
    """What each fired with."""
    found: list[Any] = []
    for deferred in deferreds:
        deferred.addCallbacks(found.append, lambda failure: found.append(failure.value))
    return found


def test_it_answers_and_notes_its_commands() -> None:
    """Every command succeeds and is noted."""
    control = ScriptedControl()
    assert results(
        control.connect("a", Cause("command")), control.disconnect(None, "x"), control.reload()
    ) == [
        control.link,
        Hangup("cable", "always"),
        "nothing has changed",
    ]
    assert control.calls == ["connect a command", "disconnect None (x)", "reload"]
    assert (len(control.leases_status()), len(control.history_entries()), control.status().mappings) == (
        1,
        1,
        0,
    )


def test_it_fails_and_waits_on_request() -> None:
    """``error`` fails every command, ``waiting`` holds a connect."""
    control = ScriptedControl()
    control.error = UplinkFailed("no")
    assert (
        results(control.connect("a", Cause("c")), control.disconnect("a", "x"), control.reload())
        == [control.error] * 3
    )
    control.waiting = Deferred()
    assert control.connect("a", Cause("c")) is control.waiting
