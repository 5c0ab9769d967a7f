"""Running out of descriptors is told once, shown with the way out, and over when there are some again."""

from twisted.logger import Logger

from icsframework.gateway.descriptorwatch import LOOK_EVERY, RESERVE, DescriptorWatch
from icsframework.host.descriptors import Descriptors
from icsframework.testing.gateway import FakeClock, FakeEvents


def test_low_is_told_once_and_so_is_the_end() -> None:
    """Between the two marks nothing is said, so that it does not flutter."""
    clock = FakeClock()
    events, used = FakeEvents("gateway", clock), [50]
    watch = DescriptorWatch(clock, events, Logger(), lambda: Descriptors(used[0], 100))

    def look(count: int) -> list[str]:
        used[0] = count
        clock.clock.advance(LOOK_EVERY)
        return events.ids()

    watch.start()
    assert (look(100 - RESERVE), watch.warnings()) == ([], ())
    assert look(100 - RESERVE + 1) == ["gateway.descriptors.low"]
    assert watch.warnings()[0].startswith("85 of 100 file descriptors are in use")
    assert look(100) == look(100 - RESERVE - 1) == ["gateway.descriptors.low"]
    assert look(50) == ["gateway.descriptors.low", "gateway.descriptors.enough"]
    assert watch.warnings() == ()
    watch.stop()
    assert clock.clock.getDelayedCalls() == []
