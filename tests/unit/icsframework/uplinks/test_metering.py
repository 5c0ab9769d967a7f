"""When a meter is asked, and what it is told when another one comes."""

from typing import Any

from icsframework.uplinks.metering import Metering
from icsframework.values import Link, Refused

TIME = Refused("limits.time: 2h/day are used")
LINK = Link("eth0", 2, None, "ethernet", "kernel", 1500, False, 0.0, None)


def test_news_wait_until_nothing_else_is_done(meter: Any) -> None:
    """Told once, however much of it there was; asking in between is enough."""
    busy, asked = [False], []
    metering = Metering(meter, lambda: busy[0], lambda: asked.append(metering.forbidden()))
    meter.say(TIME)
    busy[0] = True
    meter.say(None)
    meter.say(TIME)
    metering.finished()  # an inner step
    assert asked == [TIME]
    busy[0] = False
    metering.finished()
    metering.finished()
    assert asked == [TIME, TIME]
    busy[0] = True
    meter.say(None)
    assert metering.forbidden() is None
    busy[0] = False
    metering.finished()
    assert len(asked) == 2


def test_the_end_of_a_call_is_told_before_it_is_judged(meter: Any) -> None:
    """What the meter says then is the answer, not news about a call that is still thought to be up."""
    heard: list[int] = []
    metering = Metering(meter, lambda: False, lambda: heard.append(1))
    meter.down = lambda: meter.say(TIME)
    assert (metering.call_is_over(), heard) == (TIME, [])
    meter.say(None)
    assert heard == [1]


def test_the_next_meter_takes_over(meter: Any) -> None:
    """The old one is not heard any more, and counts no call; the same one is told nothing."""
    heard: list[int] = []
    metering = Metering(meter, lambda: False, lambda: heard.append(1))
    other = type(meter)()
    metering.replace(meter, LINK)
    metering.replace(other, LINK)
    meter.say(TIME)
    assert (meter.calls, other.calls, heard) == (["down"], ["up 1500"], [])
    other.say(TIME)
    assert (metering.forbidden(), heard) == (TIME, [1])
    metering.replace(type(meter)(), None)
    assert other.calls == ["up 1500"]


def test_after_the_end_nothing_is_heard(meter: Any) -> None:
    """Not even what came before it."""
    busy, heard = [True], []
    metering = Metering(meter, lambda: busy[0], lambda: heard.append(1))
    meter.say(TIME)
    metering.stop()
    busy[0] = False
    metering.finished()
    assert (heard, meter.watchers) == ([], [])
