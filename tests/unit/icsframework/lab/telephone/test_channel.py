"""One direction of a line, with time passed in."""

from icsframework.lab.telephone.channel import BUFFER, Channel, Quality


def channel(chance=1.0, **quality):
    """A channel whose luck is always the same."""
    return Channel(Quality(**quality), lambda: chance)


def test_speed_and_latency():
    """At 9600 bit/s 96 octets take 0.1 s, in pieces, each later by the latency."""
    line = channel(rate=9600, latency=0.5)
    line.put(bytes(96), 10.0)
    assert (line.due(), round(line.empty_at(10.0), 6)) == (10.0 + 16 / 960 + 0.5, 10.6)
    assert len(line.take(10.5501)) == 48
    assert len(line.take(10.601)) == 48
    assert (line.due(), line.carried) == (None, 96)


def test_the_room_is_what_the_line_has_not_sent():
    """What is under way does not count, what waits does; a line without a speed has much room and never waits."""
    line = channel(rate=9600, latency=5.0)
    line.put(bytes(BUFFER), 0.0)
    assert line.room(0.0) == 0
    assert line.room(BUFFER / 960 / 2 + 0.001) == BUFFER // 2
    assert line.room(BUFFER / 960 + 0.001) == BUFFER
    line = channel()
    line.put(bytes(1_000_000), 0.0)
    assert line.room(0.0) == 65536
    assert len(line.take(0.0)) == 1_000_000


def test_octets_one_after_the_other():
    """What is put in later arrives later, also when the line was idle between."""
    line = channel(rate=9600)
    line.put(b"a" * 96, 0.0)
    line.put(b"b" * 96, 0.05)
    assert round(line.empty_at(0.05), 6) == 0.2
    line.put(b"c" * 96, 9.0)
    assert line.take(1.0) == b"a" * 96 + b"b" * 96
    assert round(line.empty_at(9.0), 6) == 9.1


def test_errors_are_single_bits():
    """With luck below the probability an octet loses one bit; above it nothing happens."""
    line = channel(0.25, errors=0.3)
    line.put(b"\x00\xff", 0.0)
    assert line.take(0.0) == b"\x04\xfb"
    line.quality.errors = 0.2
    line.put(b"\x00\xff", 0.0)
    assert line.take(0.0) == b"\x00\xff"


def test_a_stall_swallows():
    """Nothing arrives, then or later; what is put in afterwards does."""
    line = channel(stalled=True)
    line.put(b"lost", 0.0)
    assert line.take(99.0) == b""
    line.quality.stalled = False
    line.put(b"here", 99.0)
    assert line.take(99.0) == b"here"


def test_clear():
    """The end of a call is the end of what was under way."""
    line = channel(rate=9600)
    line.put(bytes(960), 0.0)
    line.clear()
    assert (line.due(), line.room(0.0), line.take(9.0)) == (None, BUFFER, b"")
    line.put(b"x", 0.0)
    assert line.due() == 1 / 960
