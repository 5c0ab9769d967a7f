"""The parameters of requests."""

from typing import Any

import pytest

from icsframework.control.parameters import MAX_DOWN, confirm_seconds, down_seconds, flag, uplink_name
from icsframework.errors import UsageError


def test_what_is_left_out() -> None:
    """Nothing, and false."""
    assert (flag({}, "keep"), confirm_seconds({}), down_seconds({}), uplink_name({})) == (
        False,
        None,
        None,
        None,
    )


def test_what_makes_sense_is_taken() -> None:
    """A time as the file would say it, or in seconds."""
    assert down_seconds({"for": "1h30m"}) == 5400
    assert down_seconds({"for": 90}) == 90
    assert down_seconds({"for": MAX_DOWN}) == MAX_DOWN
    assert flag({"override": True}, "override") is True
    assert uplink_name({"uplink": "modem"}) == "modem"
    assert confirm_seconds({"confirm": 60}) == 60


@pytest.mark.parametrize("value", ["soon", "", 0, "0s", -1, True, [], {}, "366d", 1e18, float("inf")])
def test_a_time_that_makes_no_sense_is_refused(value: Any) -> None:
    """Nothing is hung up for it."""
    with pytest.raises(UsageError, match="for"):
        down_seconds({"for": value})


@pytest.mark.parametrize("value", [1, "true", None, []])
def test_true_and_false_only(value: Any) -> None:
    """Nothing that merely looks like it."""
    with pytest.raises(UsageError, match="override must be true or false"):
        flag({"override": value}, "override")


def test_a_name_is_text() -> None:
    """No list of them."""
    with pytest.raises(UsageError, match="the name of an uplink"):
        uplink_name({"uplink": ["modem"]})
