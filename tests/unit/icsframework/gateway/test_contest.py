"""Somebody undoes what we do: how soon it is done again."""

from icsframework.gateway.contest import FIRST_GAP, FREE, LONGEST_GAP, PEACE, Contest


def test_a_contest():
    """Some times at once, then longer and longer pauses up to a bound, until there was peace."""
    contest = Contest()
    waits = []
    for now in range(FREE + 5):
        waits.append(contest.wait(now))
        contest.again(now)
    assert waits[:FREE] == [0] * FREE
    assert waits[FREE:] == [
        FIRST_GAP - 1,
        2 * FIRST_GAP - 1,
        4 * FIRST_GAP - 1,
        LONGEST_GAP - 1,
        LONGEST_GAP - 1,
    ]
    last = FREE + 4
    assert contest.is_bitter(last + PEACE)
    assert not contest.is_bitter(last + PEACE + 1)
    assert contest.wait(last + PEACE + 1) == 0
