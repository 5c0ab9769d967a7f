"""The API over a real Unix socket, asked by raw HTTP."""

import json
import socket
import stat
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.logger import Logger

from icsframework.control.server import MAX_BODY, serve
from icsframework.errors import HostError, UplinkFailed
from icsframework.testing.control import ScriptedControl
from icsframework.testing.gateway import FakeClock, FakeEvents


class Bench:
    """A served gateway."""

    def __init__(self, path: Path) -> None:
        self.path = path / "control.sock"
        self.control = ScriptedControl()
        self.events = FakeEvents("control", FakeClock())
        self.logged: list[Any] = []
        self.port = serve(reactor, self.path, self.control, self.events, Logger(observer=self.logged.append))

    def ask(self, request: bytes) -> Deferred[tuple[int, Any]]:
        """Send one request; status and JSON body of the answer."""

        def talk() -> tuple[int, Any]:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(10)
                connection.connect(str(self.path))
                connection.sendall(request)
                answer = b"".join(iter(lambda: connection.recv(65536), b""))
            head, _, body = answer.partition(b"\r\n\r\n")
            return int(head.split()[1]), json.loads(body)

        return deferToThread(talk)

    def post(self, path: str, body: bytes) -> Deferred[tuple[int, Any]]:
        """POST a body."""
        return self.ask(f"POST {path} HTTP/1.0\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)


@pytest.fixture
def bench(tmp_path: Path) -> Any:
    """See Bench."""
    made = Bench(tmp_path)
    yield made
    pytest_twisted.blockon(made.port.stopListening())


@pytest_twisted.ensureDeferred
async def test_a_question_is_answered(bench: Bench) -> None:
    """JSON, status 200, nothing in the audit log."""
    status, body = await bench.ask(b"GET /v1/status HTTP/1.0\r\n\r\n")
    assert (status, body["gateway"]["state"]) == (200, "ready")
    assert bench.events.ids() == []


@pytest_twisted.ensureDeferred
async def test_a_command_is_carried_out_and_audited(bench: Bench) -> None:
    """The event names who asked by uid and process."""
    status, body = await bench.post("/v1/connect", b'{"uplink": "dsl"}')
    assert (status, body) == (200, {"interface": "eth0", "addresses": []})
    [fields] = bench.events.said("control.command")
    assert fields["user"].startswith("uid ")
    assert fields["command"] == "/v1/connect {'uplink': 'dsl'}"


@pytest_twisted.ensureDeferred
async def test_a_refusal_carries_sentence_and_exit_status(bench: Bench) -> None:
    """Our errors are answers, not failures of the server."""
    bench.control.error = UplinkFailed("no DHCP server answers on eth0")
    assert await bench.post("/v1/connect", b"{}") == (
        409,
        {"error": "no DHCP server answers on eth0", "exit": 1},
    )
    assert bench.logged == []


@pytest_twisted.ensureDeferred
async def test_a_defect_is_told_and_logged(bench: Bench) -> None:
    """A programming error ends the request, not the daemon, and the traceback is in the log only."""
    bench.control.error = ValueError("bug")  # type: ignore[assignment]
    status, body = await bench.post("/v1/connect", b"{}")
    assert (status, body["error"]) == (500, "internal error: bug; the log has more")
    assert any("log_failure" in entry for entry in bench.logged)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /v1/nothing HTTP/1.0\r\n\r\n", 404),
        (b"DELETE /v1/status HTTP/1.0\r\n\r\n", 404),
        (b"GET / HTTP/1.0\r\n\r\n", 404),
        (b"POST /v1/connect HTTP/1.0\r\nContent-Length: 3\r\n\r\n[1]", 400),
        (b"POST /v1/connect HTTP/1.0\r\nContent-Length: 2\r\n\r\n{x", 400),
        (
            b"POST /v1/connect HTTP/1.0\r\nContent-Length: %d\r\n\r\n%s"
            % (MAX_BODY + 1, b" " * (MAX_BODY + 1)),
            400,
        ),
    ],
)
@pytest_twisted.ensureDeferred
async def test_what_makes_no_sense_is_refused(bench: Bench, request_: bytes, status: int) -> None:
    """Unknown paths and methods, bodies that are no object or too long: an answer with an error, no command."""
    got, body = await bench.ask(request_)
    assert got == status
    assert body["error"]
    assert bench.control.calls == []


@pytest_twisted.ensureDeferred
async def test_a_client_that_goes_away_cancels_its_wish(bench: Bench) -> None:
    """``ics connect`` interrupted at the terminal stops waiting, and nothing is written to a closed connection."""
    cancelled: Deferred[None] = Deferred()
    bench.control.waiting = Deferred(lambda _: cancelled.callback(None))

    def talk() -> None:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(bench.path))
            connection.sendall(b"POST /v1/connect HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}")
            connection.shutdown(socket.SHUT_WR)

    await deferToThread(talk)
    await cancelled


@pytest_twisted.ensureDeferred
async def test_the_stream_sends_what_was_and_what_comes(bench: Bench) -> None:
    """One JSON object a line, from the sequence number asked for."""
    bench.events.emit("x.first")
    bench.events.emit("x.second", number=2)

    def listen() -> list[Any]:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(10)
            connection.connect(str(bench.path))
            connection.sendall(b"GET /v1/events?since=1 HTTP/1.0\r\n\r\n")
            stream = connection.makefile("rb")
            while stream.readline().strip():
                pass
            return [json.loads(stream.readline()) for _ in range(2)]

    listening = deferToThread(listen)
    reactor.callLater(0.2, bench.events.emit, "x.third")  # type: ignore[attr-defined]
    lines = await listening
    assert [(line["seq"], line["event"], line["fields"]) for line in lines] == [
        (2, "x.second", {"number": 2}),
        (3, "x.third", {}),
    ]


def test_the_socket_is_for_owner_and_group_only(bench: Bench) -> None:
    """Nobody else may even connect."""
    assert stat.S_IMODE(bench.path.stat().st_mode) == 0o660


@pytest_twisted.ensureDeferred
async def test_a_socket_left_by_a_killed_daemon_is_replaced(bench: Bench, tmp_path: Path) -> None:
    """We hold the lock, so the file belongs to nobody."""
    left = tmp_path / "left.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(left))
    port = serve(reactor, left, bench.control, bench.events, Logger())
    await port.stopListening()


def test_a_place_where_no_socket_can_be_is_named(bench: Bench, tmp_path: Path) -> None:
    """One sentence with the path."""
    with pytest.raises(HostError, match=r"the control socket .*missing/control.sock cannot be made"):
        serve(reactor, tmp_path / "missing" / "control.sock", bench.control, bench.events, Logger())
