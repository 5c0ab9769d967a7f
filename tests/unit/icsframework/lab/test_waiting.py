import pytest

from icsframework.lab.waiting import LabTimeout, wait_for


def test_the_answer_is_returned():
    """wait_for asks until the answer is true, and returns it."""
    answers = iter([None, 0, "", "yes"])
    assert wait_for(lambda: next(answers)) == "yes"


def test_a_limit_ends_in_a_sentence():
    """The error says how long and for what; the predicate was asked at least once even without time."""
    asked = []
    with pytest.raises(LabTimeout, match=r"^waited 0 s for the moon$"):
        wait_for(lambda: asked.append(1), 0, "the moon")
    assert asked == [1]


def test_an_error_of_the_predicate_is_not_swallowed():
    """What the predicate raises comes out at once."""
    with pytest.raises(ZeroDivisionError):
        wait_for(lambda: 1 / 0)
