"""Steps of a connect, and how long they took."""

from icsframework.uplinks.stages import Stages


def told(*visits: tuple[float, str]) -> list[tuple[str, float]]:
    """Every step that is told of when a plugin is at these stages from these times on."""
    stages = Stages()
    found = [stages.enter(stage, when) for when, stage in visits]
    return [one for one in found if one is not None]


def test_each_of_several_steps_is_told_with_its_time() -> None:
    """Also the last one, when the connect is over."""
    visits = [(10.0, "initialising"), (12.0, "calling 123"), (30.0, "authenticating"), (30.5, "")]
    assert told(*visits) == [("initialising", 2.0), ("calling 123", 18.0), ("authenticating", 0.5)]


def test_a_single_step_is_not_told() -> None:
    """When it ended is known from what follows."""
    assert told((1.0, "dhcp"), (3.0, ""), (5.0, "dhcp"), (9.0, "")) == []


def test_a_stage_that_is_said_again_goes_on() -> None:
    """Its time counts from the first."""
    assert told((1.0, "a"), (2.0, "a"), (4.0, "b"), (5.0, "")) == [("a", 3.0), ("b", 1.0)]


def test_the_next_connect_begins_anew() -> None:
    """Several steps of the last one do not make a single one of this worth telling."""
    assert told((1.0, "a"), (2.0, "b"), (3.0, ""), (50.0, "a"), (60.0, "")) == [("a", 1.0), ("b", 1.0)]


def test_nothing_before_the_first() -> None:
    """An uplink that is down has no step."""
    assert told((1.0, ""), (2.0, "")) == []
