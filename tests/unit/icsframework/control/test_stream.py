"""One client of the event stream, fast or slow."""

import json
from ipaddress import IPv4Address
from typing import Any

from twisted.internet.defer import Deferred

from icsframework.control.stream import EventStream
from icsframework.testing.gateway import FakeClock, FakeEvents


class Connection:
    """A request whose connection is full after ``room`` lines until the client reads."""

    def __init__(self, room: int = 1000) -> None:
        self.room = room
        self.lines: list[dict[str, Any]] = []
        self.gone: Deferred[None] = Deferred()
        self.producer: Any = None

    def notifyFinish(self) -> Deferred[None]:
        """See Request."""
        return self.gone

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """See Request."""
        assert streaming
        self.producer = producer

    def write(self, data: bytes) -> None:
        """See Request."""
        if not data:
            return
        self.lines.append(json.loads(data))
        if len(self.lines) >= self.room:
            self.producer.pauseProducing()

    def read(self, room: int) -> list[int]:
        """The client reads all there is, and there is room for more; the numbers of the events."""
        got, self.lines, self.room = [line["seq"] for line in self.lines], [], room
        self.producer.resumeProducing()
        return got


def events(count: int = 0) -> FakeEvents:
    """A stream of events."""
    made = FakeEvents("x", FakeClock())
    for number in range(count):
        made.emit("x.happened", number=number)
    return made


def test_an_event_is_one_line_of_plain_json() -> None:
    """Whatever a plugin puts into its fields."""
    bus, connection = events(), Connection()
    EventStream(connection, bus, 0).start()  # type: ignore[arg-type]
    bus.emit("x.happened", address=IPv4Address("192.0.2.1"), why={"rule": "dns"}, raw=b"\xff", some=[1, None])
    assert connection.lines == [
        {
            "seq": 1,
            "time": "2027-01-15T08:00:00Z",
            "event": "x.happened",
            "owner": "x",
            "fields": {"address": "192.0.2.1", "why": {"rule": "dns"}, "raw": "b'\\xff'", "some": [1, None]},
        }
    ]


def test_a_client_that_does_not_read_costs_nothing() -> None:
    """When its connection is full nothing more is written; when it reads it goes on where it was, without a gap."""
    bus, connection = events(5), Connection(room=3)
    EventStream(connection, bus, 1).start()  # type: ignore[arg-type]
    for number in range(10_000):
        bus.emit("x.happened", number=number)
    assert len(connection.lines) == 3
    assert connection.read(room=2) == [2, 3, 4]
    assert connection.read(room=100_000) == [5, 6]
    assert connection.read(room=100_000)[-1] == 10_005
    bus.emit("x.happened")
    connection.producer.resumeProducing()  # once more than needed
    bus.emit("x.happened")
    assert connection.read(room=1) == [10_006, 10_007]


def test_nothing_is_written_to_a_client_that_has_gone() -> None:
    """Its watch ends."""
    bus, connection = events(), Connection()
    EventStream(connection, bus, 0).start()  # type: ignore[arg-type]
    connection.gone.callback(None)
    bus.emit("x.happened")
    assert connection.lines == []
