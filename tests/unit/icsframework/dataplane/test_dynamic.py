"""The dynamic sets: what every one of them has to be, so that a reload keeps it."""

from icsframework.dataplane.dynamic import DYNAMIC, FAIL_OPEN


def test_they_are_bounded_and_can_time_out():
    """Each set belongs to whoever adds elements while we run, lets elements time out, and has a most size."""
    assert [item.name for item in DYNAMIC if not item.dynamic or "timeout" not in item.flags] == []
    assert all(item.size and item.size <= 65536 for item in DYNAMIC)


def test_their_keys_begin_with_the_uplink():
    """Every key but that of the listeners, which are the gateway's own, begins with the mark."""
    assert {item.type[0] for item in DYNAMIC if item is not FAIL_OPEN} == {"mark"}
