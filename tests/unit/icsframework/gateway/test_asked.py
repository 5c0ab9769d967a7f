"""What the control API asks is answered by the part that knows it (whole gateways are in test_compose.py)."""

from typing import Any

import pytest

from icsframework.errors import UplinkRefused
from icsframework.gateway.asked import Asked
from icsframework.values import Cause


class Silent:
    """A supervisor without uplinks."""

    def runner(self, name: str | None) -> Any:
        """Which there is none of."""
        raise UplinkRefused(f"there is no uplink {name}")


def test_an_unknown_uplink_is_an_answer_not_a_defect() -> None:
    """Both commands fail by their Deferred."""
    asked = Asked()
    asked.supervisor = Silent()  # type: ignore[assignment]
    told: list[str] = []
    for answer in (asked.connect("cabel", Cause("manual")), asked.disconnect("cabel", "asked")):
        answer.addErrback(lambda failure: told.append(str(failure.value)))
    assert told == ["there is no uplink cabel"] * 2


def test_the_gateway_itself_is_for_the_gateway_to_tell() -> None:
    """What only compose.py knows is not made up."""
    for question in (Asked().gateway_status, Asked().warnings):
        with pytest.raises(NotImplementedError):
            question()
