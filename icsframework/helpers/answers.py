"""What a session answers, looked at before any of it is carried out.  Pure.

A stranger's session may answer anything.  An answer is taken as a whole or not
at all: so nothing of a wrong one has gone out when its flow is ended or, with
``fail: open``, relayed.
"""

import math
from collections.abc import Sequence
from typing import Any, get_args

from icsframework.helpers.limits import MOST_ACTIONS, MOST_BYTES
from icsframework.values import Action, Close, Endpoint, Open, Send, Side

__all__ = ["Nonsense", "actions_of", "deadline_of", "shown"]

_ACTIONS = get_args(Action)


class Nonsense(Exception):
    """A session answered what ISession does not allow; the text says what."""


def actions_of(answer: Any, method: str) -> tuple[Action, ...]:
    """The actions that ``session.method`` answered; Nonsense if it is no answer."""
    if type(answer) in (list, tuple) and not answer:
        return ()
    if not isinstance(answer, Sequence) or isinstance(answer, str | bytes | bytearray):
        raise Nonsense(f"{method}() answered {shown(answer)}, not a sequence of actions")
    if len(answer) > MOST_ACTIONS:
        raise Nonsense(f"{method}() answered {len(answer)} actions; {MOST_ACTIONS} is the most")
    actions = tuple(answer)
    size = 0
    for action in actions:
        size += _checked(action, method)
    if size > MOST_BYTES:
        raise Nonsense(f"{method}() sends {size} bytes at once; {MOST_BYTES} is the most")
    return actions


def _checked(action: Any, method: str) -> int:
    """How many bytes it sends; Nonsense if it is no action or its fields are of other types than values.py says."""
    if isinstance(action, Send):
        if type(action.data) is not bytes or not isinstance(action.side, Side):
            raise Nonsense(f"{method}() answered a Send of {shown(action.data)} to {shown(action.side)}")
        return len(action.data)
    if not isinstance(action, _ACTIONS):
        raise Nonsense(f"{method}() answered {shown(action)}, which is no action")
    if isinstance(action, Open | Close):
        _require_hashable(action.token, method)
    if isinstance(action, Open):
        _require_types(action, method)
    return 0


def _require_hashable(token: Any, method: str) -> None:
    try:
        hash(token)
    except TypeError as error:
        raise Nonsense(f"{method}() answered the token {shown(token)}, which cannot be looked up") from error


def _require_types(request: Any, method: str) -> None:
    right = (
        request.protocol in ("tcp", "udp")
        and isinstance(request.to, Endpoint)
        and type(request.to.port) is int
        and type(request.count) is int
        and _is_number(request.lifetime)
    )
    if not right:
        raise Nonsense(f"{method}() answered {shown(request)}, whose fields are not those of an Open")


def deadline_of(answer: Any) -> float | None:
    """What ``session.deadline`` answered; Nonsense if it is no time."""
    if answer is None:
        return None
    if not _is_number(answer):
        raise Nonsense(f"deadline() answered {shown(answer)}, not seconds or None")
    return float(answer)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def shown(value: Any) -> str:
    """For the log: short, and whatever its ``repr`` does."""
    try:
        text = repr(value)
    except Exception as error:  # noqa: BLE001 - a stranger's repr; what it raised is shown instead
        text = f"a {type(value).__name__} whose repr fails ({type(error).__name__})"
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


_LONGEST_SHOWN = 200
"""Characters of a value in a log line."""
