"""What waits for the line."""

from hypothesis import given
from hypothesis import strategies as st

from ics_plugins.uplinks.dialup.queue import (
    KEPT,
    LEAST,
    MOST,
    PATIENCE,
    SHARE,
    URGENT_MOST,
    LineQueue,
)

SLOW, FAST = 3360.0, 1e9


def made(rate=SLOW):
    """A queue whose urgent packets begin with u."""
    return LineQueue(rate, lambda packet: packet.startswith(b"u"))


def bulk(number, size=1500):
    return b"b%d" % number + bytes(size - len(b"b%d" % number))


def names(packets):
    return [packet.rstrip(b"\0").decode() for packet in packets]


def test_urgent_packets_overtake():
    """In their own order."""
    queue = made()
    for packet in (bulk(1), bulk(2), b"u1", b"u2"):
        queue.put(packet, 0.0)
    assert names(queue.take(9999, 0.0)) == ["u1", "u2", "b1", "b2"]
    assert (len(queue), queue.octets) == (0, 0)


def test_as_much_as_is_asked_for():
    """At least one packet; the last may be cut nowhere."""
    queue = made()
    for number in range(4):
        queue.put(bulk(number), 0.0)
    assert names(queue.take(1, 0.0)) == ["b0"]
    assert names(queue.take(1600, 0.0)) == ["b1", "b2"]
    assert queue.octets == 1500


def test_bulk_is_not_starved():
    """After so many urgent octets in a row one of bulk goes, and then it is their turn again."""
    queue = made()
    queue.put(bulk(1), 0.0)
    queue.put(bulk(2), 0.0)
    for _ in range(12):
        queue.put(b"u" + bytes(499), 0.0)
    order = "".join(packet[:1].decode() for packet in queue.take(99999, 0.0))
    turn = SHARE // 500
    assert order == "u" * turn + "b" + "u" * turn + "b"


def test_the_bound_follows_the_line():
    """Four packets on the slowest, what is sent in PATIENCE on others, and an end to it."""
    assert (made(30.0).limit, made(11520.0).limit, made(FAST).limit) == (LEAST, int(11520 * PATIENCE), MOST)
    queue = made()
    for number in range(10):
        queue.put(bulk(number), 0.0)
    assert (queue.octets, queue.dropped) == (LEAST, 6)
    assert queue.full
    queue.put(b"u1", 0.0)
    assert names(queue.take(1, 0.0)) == ["u1"]


def test_urgent_packets_are_bounded_too():
    """A flood of pings."""
    queue = made()
    for _ in range(1000):
        queue.put(b"u" + bytes(99), 0.0)
    assert queue.octets <= URGENT_MOST
    assert queue.dropped == 1000 - URGENT_MOST // 100


def test_what_is_too_old_is_dropped():
    """The oldest first, and never all: on a slow line one packet alone may take longer."""
    queue = made()
    for number in range(4):
        queue.put(bulk(number), float(number))
    assert names(queue.take(1, 2.0)) == ["b1"]
    assert queue.dropped == 1
    assert names(queue.take(1, 100.0)) == ["b2"]
    assert len(queue) == KEPT - 1


def test_a_packet_larger_than_the_bound_still_goes():
    """When nothing else waits."""
    queue = made(1.0)
    queue.put(bulk(1, 9000), 0.0)
    assert len(queue.take(1, 0.0)) == 1


PACKETS = st.tuples(st.sampled_from([b"u", b"b"]), st.integers(1, 1500)).map(
    lambda made: made[0] + bytes(made[1])
)


@given(st.lists(st.one_of(PACKETS, st.integers(0, 4000)), max_size=120))
def test_the_account_is_right(events):
    """Whatever comes and goes: octets are those of the packets, each class keeps its order, nothing is invented."""
    queue, now = made(), 0.0
    came, went = 0, 0
    for event in events:
        now += 0.1
        if isinstance(event, bytes):
            queue.put(event, now)
            came += 1
        else:
            went += len(queue.take(event, now))
        assert came == went + len(queue) + queue.dropped
        assert queue.octets <= queue.limit + 1500 + URGENT_MOST
    left = queue.take(10**9, now)
    assert queue.octets == len(queue) == 0
    assert came == went + len(left) + queue.dropped
