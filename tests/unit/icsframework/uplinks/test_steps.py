"""The steps of one connect."""

from icsframework.uplinks.steps import (
    AT_ONCE,
    EARLIER,
    MAX_STEPS,
    MAX_WORDS,
    PLACEHOLDER,
    Step,
    begin,
    printable,
    to_fields,
)


def test_steps_with_their_seconds() -> None:
    """The one that goes on counts until now; a stage that is said again goes on."""
    connect = begin("dhcp", 10.0).enter("dhcp", 12.0).enter("configuring", 13.0)
    assert (connect.began, connect.since) == (10.0, 13.0)
    assert connect.steps(13.5) == (Step("dhcp", 3.0), Step("configuring", 0.5))


def test_the_placeholder_is_a_step_only_if_it_lasts() -> None:
    """A plugin that says at once what it does leaves no line; one that keeps people waiting does."""
    assert begin(PLACEHOLDER, 0.0).enter("dhcp", AT_ONCE / 2).steps(1.0)[0].stage == "dhcp"
    assert begin(PLACEHOLDER, 0.0).enter("dhcp", 1.0).steps(1.0) == (
        Step(PLACEHOLDER, 1.0),
        Step("dhcp", 0.0),
    )
    assert begin(PLACEHOLDER, 0.0).steps(0.0) == ()


def test_many_steps_are_bounded_and_their_time_is_kept() -> None:
    """A plugin that goes through numbers for hours: the newest steps, and one for all before."""
    connect = begin("0", 0.0)
    for number in range(1, 500):
        connect = connect.enter(str(number), float(number))
    steps = connect.steps(500.0)
    assert len(steps) == MAX_STEPS
    assert (steps[0].stage, steps[-1]) == (EARLIER, Step("499", 1.0))
    assert sum(step.seconds for step in steps) == 500.0


def test_a_stage_is_a_line_for_any_terminal() -> None:
    """No control characters, no end of length; what is cut off makes no other stage."""
    assert printable("calling \x1b[2J\n1") == "calling ?[2J?1"
    connect = begin("x" * 1000, 0.0)
    assert len(connect.stage) == MAX_WORDS
    assert connect.enter("x" * 999, 1.0) is connect


def test_fields_of_an_event() -> None:
    """Plain JSON, to the millisecond."""
    assert to_fields((Step("dhcp", 1.23456),)) == [{"stage": "dhcp", "seconds": 1.235}]
