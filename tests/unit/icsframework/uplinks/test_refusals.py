"""Which refusals are told."""

from icsframework.uplinks.refusals import EVERY, KINDS, Refusals


def test_the_first_of_a_kind_and_another_one_after_a_while() -> None:
    """The kind is the key that decided, whatever else the reason says."""
    refusals = Refusals()
    assert [
        refusals.worth_telling("limits.time: until 14:00", 0.0),
        refusals.worth_telling("limits.time: until 14:01", 1.0),
        refusals.worth_telling("hours: 06:00-23:00", 1.0),
        refusals.worth_telling("limits.time: until 14:02", EVERY - 1.0),
        refusals.worth_telling("limits.time: until 14:03", EVERY),
        refusals.worth_telling("limits.time: until 14:04", EVERY + 1.0),
    ] == [True, False, True, False, True, False]


def test_after_a_change_everything_is_news() -> None:
    """A limit was over in between."""
    refusals = Refusals()
    refusals.worth_telling("hours", 0.0)
    refusals.forget()
    assert refusals.worth_telling("hours", 1.0)


def test_it_remembers_a_bounded_number() -> None:
    """The one told longest ago goes; the newest stay."""
    refusals = Refusals()
    for number in range(KINDS + 1):
        refusals.worth_telling(f"wake[{number}]", float(number))
    assert not refusals.worth_telling(f"wake[{KINDS}]", 70.0)
    assert not refusals.worth_telling("wake[1]", 70.0)
    assert refusals.worth_telling("wake[0]", 70.0)


def test_what_is_told_again_is_new() -> None:
    """It is not the one that is forgotten next."""
    refusals = Refusals()
    for number in range(KINDS):
        refusals.worth_telling(f"wake[{number}]", 0.0)
    assert refusals.worth_telling("wake[0]", EVERY)
    refusals.worth_telling("hours", EVERY)
    assert not refusals.worth_telling("wake[0]", EVERY + 1.0)
