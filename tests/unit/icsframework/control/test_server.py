"""The API over a real Unix socket, asked by raw HTTP."""

import json
import os
import select
import socket
import stat
from pathlib import Path
from pwd import getpwuid
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.logger import Logger

from icsframework.control.rights import Caller, Right
from icsframework.control.server import MAX_AUDITED, MAX_BODY, MAX_CONNECTIONS, serve
from icsframework.errors import HostError, UplinkFailed
from icsframework.status import LeaseStatus
from icsframework.testing.control import ScriptedControl
from icsframework.testing.gateway import FakeClock, FakeEvents


class Bench:
    """A served gateway."""

    def __init__(self, path: Path) -> None:
        self.path = path / "control.sock"
        self.control = ScriptedControl()
        self.events = FakeEvents("control", FakeClock())
        self.logged: list[Any] = []
        self.right = Right.OPERATE
        log = Logger(observer=self.logged.append)
        self.port = serve(
            reactor, self.path, self.control, self.events, log, lambda _: Caller("somebody", self.right)
        )

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
    """The event names who asked."""
    status, body = await bench.post("/v1/connect", b'{"uplink": "dsl"}')
    assert (status, body) == (200, {"interface": "eth0", "addresses": []})
    [fields] = bench.events.said("control.command")
    assert fields["user"] == "somebody"
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
        (b"GET /v1/events?since=-1 HTTP/1.0\r\n\r\n", 400),
        (b"GET /v1/events?since=%s HTTP/1.0\r\n\r\n" % (b"9" * 5000), 400),
        (
            b"POST /v1/connect HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
            + b"2\r\n{}\r\n"
            + b"4000\r\n%s\r\n" % (b" " * 0x4000) * 5
            + b"0\r\n\r\n",
            400,
        ),
        (
            b"POST /v1/connect HTTP/1.0\r\nContent-Length: %d\r\n\r\n%s"
            % (MAX_BODY + 2, b"{}" + b" " * MAX_BODY),
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
async def test_a_parameter_that_nobody_knows_is_refused(bench: Bench) -> None:
    """A word that is misspelt is not overlooked: without it something else would be done."""
    status, body = await bench.post("/v1/disconnect", b'{"forr": "2h"}')
    assert (status, body["exit"]) == (400, 2)
    assert body["error"] == "/v1/disconnect knows no 'forr'; it knows: uplink, for"


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
    """One sentence with the path, and no timer is left of the try."""
    before = len(reactor.getDelayedCalls())  # type: ignore[attr-defined]
    with pytest.raises(HostError, match=r"the control socket .*missing/control.sock cannot be made"):
        serve(reactor, tmp_path / "missing" / "control.sock", bench.control, bench.events, Logger())
    assert len(reactor.getDelayedCalls()) == before  # type: ignore[attr-defined]


@pytest_twisted.ensureDeferred
async def test_who_asks_is_read_from_the_socket(tmp_path: Path) -> None:
    """The kernel says by whom the other end was opened; the daemon's own user operates it."""
    bench = Bench(tmp_path)
    path = tmp_path / "real.sock"
    port = serve(reactor, path, bench.control, bench.events, Logger())
    bench.path = path
    assert (await bench.post("/v1/reload", b"{}"))[0] == 200
    assert (
        bench.events.said("control.command")[0]["user"]
        == f"{getpwuid(os.geteuid()).pw_name} (pid {os.getpid()})"
    )
    await port.stopListening()
    await bench.port.stopListening()


@pytest.mark.parametrize("path", ["/v1/status", "/v1/events", "/v1/connect"])
@pytest_twisted.ensureDeferred
async def test_without_the_right_nothing_is_shown_or_done(bench: Bench, path: str) -> None:
    """403 with exit status 77, an event, and no word of what there is."""
    bench.right = Right.NONE
    method = "POST" if path == "/v1/connect" else "GET"
    status, body = await bench.ask(f"{method} {path} HTTP/1.0\r\n\r\n".encode())
    assert (status, body["exit"]) == (403, 77)
    assert body["error"] == "somebody may not do that; be root or in group ics"
    assert bench.events.said("control.refused") == [
        {"peer": "somebody", "command": path, "reason": "no right"}
    ]
    assert bench.control.calls == []


@pytest.mark.parametrize("body", [b"[" * 60_000, b'{"a":' * 12_000, b"9" * 60_000])
@pytest_twisted.ensureDeferred
async def test_a_body_that_exhausts_the_parser_is_refused(bench: Bench, body: bytes) -> None:
    """Thousands of brackets in each other, and a number of thousands of digits, are answered like any that is no object."""
    status, answer = await bench.post("/v1/connect", body)
    assert (status, answer["exit"]) == (400, 2)
    assert bench.control.calls == []


@pytest_twisted.ensureDeferred
async def test_the_audit_log_is_bounded(bench: Bench) -> None:
    """Whatever is sent as a parameter, a line of the log is a line."""
    await bench.post("/v1/disconnect", json.dumps({"uplink": "x" * 10_000}).encode())
    [fields] = bench.events.said("control.command")
    assert len(fields["command"]) == MAX_AUDITED


@pytest_twisted.ensureDeferred
async def test_a_client_that_goes_away_does_not_stop_what_he_began(bench: Bench) -> None:
    """A reload or a hang-up that has begun is finished: half of it would be worse than either."""
    gone: Deferred[None] = Deferred()
    cancelled: list[str] = []
    finished: Deferred[str] = Deferred(lambda _: cancelled.append("reload"))

    def reload(confirm: int | None = None) -> Deferred[str]:
        reactor.callLater(0.1, gone.callback, None)  # type: ignore[attr-defined]
        return finished

    bench.control.reload = reload  # type: ignore[method-assign]

    def talk() -> None:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(bench.path))
            connection.sendall(b"POST /v1/reload HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}")

    await deferToThread(talk)
    await gone
    assert cancelled == []
    finished.callback("nothing has changed")


@pytest_twisted.ensureDeferred
async def test_an_answer_that_is_no_json_is_told_and_logged(bench: Bench) -> None:
    """The client gets an answer even then."""
    bench.control.reload = lambda confirm: {1, 2}  # type: ignore[assignment, method-assign, return-value]
    bench.control.status = lambda: {("a", "b"): 1}.keys()  # type: ignore[assignment, method-assign, return-value]
    status, body = await bench.post("/v1/reload", b"{}")
    assert status == 500
    assert "not JSON serializable" in body["error"]


@pytest_twisted.ensureDeferred
async def test_too_many_connections_are_hung_up(bench: Bench) -> None:
    """Who opens connections and says nothing takes only so many of them; one that ends makes room."""

    def crowd() -> tuple[int, int]:
        opened = []
        for _ in range(MAX_CONNECTIONS + 1):
            one = socket.socket(socket.AF_UNIX)
            one.connect(str(bench.path))  # waits for a place in the backlog
            one.settimeout(10)
            opened.append(one)
        closed = opened[-1].recv(1) == b""
        opened.pop(0).close()
        for one in opened:
            one.sendall(b"GET /v1/version HTTP/1.0\r\n\r\n") if one is not opened[-1] else None
        answered = sum(one.recv(65536) != b"" for one in opened[:-1])
        for one in opened:
            one.close()
        return closed, answered

    assert await deferToThread(crowd) == (True, MAX_CONNECTIONS - 1)
    status, _ = await bench.ask(b"GET /v1/status HTTP/1.0\r\n\r\n")
    assert status == 200


@pytest_twisted.ensureDeferred
async def test_who_is_slow_to_ask_or_to_read_is_hung_up(tmp_path: Path, bench: Bench) -> None:
    """A connection that says nothing, and one whose answer is never read, do not stay open for ever."""
    path = tmp_path / "impatient.sock"
    bench.control.leases_status = lambda: [LeaseStatus("x" * 5_000_000, "", "", "", None, "home")]  # type: ignore[method-assign]
    port: Any = serve(
        reactor,
        path,
        bench.control,
        bench.events,
        Logger(),
        lambda _: Caller("somebody", Right.VIEW),
        patience=0.3,
    )

    def wait(request: bytes) -> int:
        """Ask, sleep through the patience, then read what comes until the end; how much."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(30)
            connection.connect(str(path))
            connection.sendall(request)
            select.select([], [], [], 1.5 if request else 0.0)
            try:
                return sum(len(part) for part in iter(lambda: connection.recv(65536), b""))
            except ConnectionResetError:
                return 0

    assert await deferToThread(wait, b"") == 0
    assert await deferToThread(wait, b"GET /v1/leases HTTP/1.0\r\n\r\n") < 5_000_000
    await port.stopListening()
