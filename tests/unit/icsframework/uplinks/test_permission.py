"""The meter of an uplink without limits."""

from icsframework.uplinks.permission import FREE, Permission, Unmetered
from icsframework.values import Link

LINK = Link("eth0", 2, None, "ethernet", "kernel", 1500, False, 0.0, None)


def test_without_limits_everything_is_free_and_nothing_is_ever_new() -> None:
    """Whatever it is told, its answer stays, and it tells nobody."""
    meter, heard = Unmetered(), []
    end = meter.watch(lambda: heard.append(1))
    for tell in (meter.dialled, lambda: meter.up(LINK), meter.down):
        tell()
        assert meter.permission() == FREE == Permission(None)
    end()
    assert heard == []
