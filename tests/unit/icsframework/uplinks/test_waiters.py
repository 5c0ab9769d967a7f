"""Those who wait for a link."""

from twisted.internet.defer import CancelledError

from icsframework.errors import UplinkFailed
from icsframework.uplinks.waiters import Waiters
from icsframework.values import Link

LINK = Link("eth0", 2, None, "ethernet", "kernel", 1500, False, 0.0, None)


def test_all_get_the_link_once() -> None:
    """And wait no more."""
    waiters, got = Waiters(), []
    for _ in range(3):
        waiters.add().addCallback(got.append)
    assert len(waiters) == 3
    waiters.grant(LINK)
    waiters.grant(LINK)
    assert (got, len(waiters)) == ([LINK] * 3, 0)


def test_who_comes_while_others_are_told_waits_for_the_next_news() -> None:
    """A refused one that asks again at once does not hear the old answer."""
    waiters, heard = Waiters(), []

    def again(failure: object) -> None:
        heard.append("no")
        waiters.add().addCallback(lambda _: heard.append("yes"))

    waiters.add().addErrback(again)
    waiters.refuse(UplinkFailed("busy"))
    assert heard == ["no"]
    waiters.grant(LINK)
    assert heard == ["no", "yes"]


def test_one_may_cancel_another_while_they_are_told() -> None:
    """Nobody is told twice."""
    waiters, heard = Waiters(), []
    first, second = waiters.add(), waiters.add()
    second.addCallbacks(heard.append, lambda failure: heard.append(failure.check(CancelledError)))
    first.addCallback(lambda _: second.cancel())
    waiters.grant(LINK)
    assert heard == [CancelledError]
    first, second = waiters.add(), waiters.add()
    second.addErrback(lambda failure: heard.append(failure.check(CancelledError)))
    first.addErrback(lambda _: second.cancel())
    waiters.refuse(UplinkFailed("busy"))
    assert heard == [CancelledError] * 2
