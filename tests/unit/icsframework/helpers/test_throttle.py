"""How often something may be said."""

from icsframework.helpers.throttle import Throttle


def test_a_burst_then_one_now_and_again():
    """What was not said meanwhile is counted, and silence fills the burst again, not more."""
    throttle = Throttle(3, every=10.0)
    assert [throttle.allow(0.0) for _ in range(5)] == [True, True, True, False, False]
    assert throttle.suppressed == 2
    assert [throttle.allow(t) for t in (9.0, 10.5, 11.0)] == [False, True, False]
    assert [throttle.allow(1000.0) for _ in range(4)] == [True, True, True, False]
