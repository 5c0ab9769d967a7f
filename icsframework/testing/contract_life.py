"""What all kinds of plugins have in common: created idle, started, stopped, started again, and nothing left."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from zope.interface import Interface
from zope.interface.exceptions import Invalid
from zope.interface.verify import verifyObject

from icsframework.errors import IcsError
from icsframework.testing.held import watched
from icsframework.testing.stage import ContractBroken, Stage
from icsframework.values import Applied, RestartMe

__all__ = ["attempt", "check_life", "check_reconfigure", "check_status", "created", "whole"]

QUIET = 120.0
"""Seconds of the gateway's clock after a stop in which nothing may stir."""

Make = Callable[[Stage], Any]


@contextmanager
def whole(stage: Stage) -> Iterator[Stage]:
    """The stage, and at its end no descriptor, thread or file that was not there before."""
    with watched() as done, stage:
        yield stage
    # Loopback sockets of the fake host are bound and used; only what is left counts here.
    left = [sentence for sentence in done if sentence.startswith("leaves")]
    if left:
        raise ContractBroken(f"the plugin {'; it '.join(left)}")


def created(stage: Stage, make: Make, interface: type[Interface]) -> Any:
    """A plugin, which provides its interface; creating it had no effect."""
    with watched() as done:
        plugin = make(stage)
    if done:
        raise ContractBroken(f"create must start nothing; it {'; it '.join(done)}")
    stage.expect(Counter(), "create")
    try:
        verifyObject(interface, plugin)
    except Invalid as error:
        raise ContractBroken(" ".join(str(error).split())) from error
    check_status(stage, "before the start")
    return plugin


def check_life(stage: Stage, make: Make, interface: type[Interface]) -> None:
    """Created, started, stopped, and the same once more."""
    plugin = created(stage, make, interface)
    for _ in range(2):
        plugin.startService()
        stage.wait(1.0)
        check_status(stage, "while it runs")
        stage.stop(plugin)
        check_status(stage, "after the stop")
        stage.expect(Counter(), "stopService")
    stage.wait(QUIET)
    stage.expect(Counter(), "time after stopService")


def check_status(stage: Stage, when: str) -> None:
    """The details for ``ics status`` can be had at any time and are JSON."""
    try:
        json.dumps(stage.gateway.status.read(), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ContractBroken(f"the status details {when} are not JSON: {error}") from error


def check_reconfigure(stage: Stage, plugin: Any, new: Any) -> None:
    """``reconfigure`` answers Applied or RestartMe."""
    answer = stage.result(plugin.reconfigure(new), "reconfigure")
    if not isinstance(answer, Applied | RestartMe):
        raise ContractBroken(f"reconfigure must answer Applied() or RestartMe(), not {answer!r}")


def attempt(stage: Stage, deferred: Any, what: str) -> Any:
    """What ``deferred`` fires with, or the IcsError it fails with; any other error breaks the contract."""
    try:
        return stage.result(deferred, what)
    except IcsError as error:
        return error
    except ContractBroken:
        raise
    except Exception as error:
        raise ContractBroken(f"{what} fails with {error!r}, which is no error of errors.py") from error
