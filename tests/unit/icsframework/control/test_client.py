"""The command's end of the API, against servers of a few lines."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from icsframework.control.client import ApiError, Client


@contextmanager
def answering(path: Path, answer: bytes) -> Iterator[list[bytes]]:
    """A server that gives one answer to one request."""
    requests: list[bytes] = []

    def run() -> None:
        connection, _ = listener.accept()
        with connection:
            requests.append(connection.recv(65536))
            connection.sendall(answer)

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        thread = threading.Thread(target=run)
        thread.start()
        yield requests
        thread.join()


def refusal(path: Path) -> tuple[str, int]:
    """Sentence and exit status of a question that is refused."""
    with pytest.raises(ApiError) as caught:
        Client(str(path)).get("/v1/status")
    return str(caught.value), caught.value.exit_status


def test_a_question_and_a_command(tmp_path: Path) -> None:
    """One request each, complete and with its length."""
    path = tmp_path / "s"
    with answering(path, b'HTTP/1.0 200 OK\r\n\r\n{"a": 1}\n') as requests:
        assert Client(str(path)).get("/v1/status") == {"a": 1}
    path.unlink()
    with answering(path, b"HTTP/1.1 200 OK\r\nX: y\r\n\r\n[]") as more:
        assert Client(str(path)).post("/v1/connect", {"uplink": None}) == []
    assert requests == [b"GET /v1/status HTTP/1.0\r\nHost: ics\r\nContent-Length: 0\r\n\r\n"]
    assert more == [b'POST /v1/connect HTTP/1.0\r\nHost: ics\r\nContent-Length: 16\r\n\r\n{"uplink": null}']


def test_nobody_there_is_69(tmp_path: Path) -> None:
    """No socket, or one that nobody serves: the same sentence, with what to do."""
    path = tmp_path / "s"
    expected = (f"no gateway answers at {path}; start one with: twistd -n --pidfile= ics -c FILE", 69)
    assert refusal(path) == expected
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    assert refusal(path) == expected


@pytest.mark.parametrize(
    ("answer", "words", "status"),
    [
        (b'HTTP/1.0 409 Conflict\r\n\r\n{"error": "busy", "exit": 1}', "busy", 1),
        (b'HTTP/1.0 403 Forbidden\r\n\r\n{"error": "no", "exit": 77}', "no", 77),
        (b'HTTP/1.0 404 Not Found\r\n\r\n{"error": "x", "exit": 1}', "older than this command", 1),
        (b"HTTP/1.0 500 Error\r\n\r\n[]", "answers with error 500", 1),
        (b"HTTP/1.0 200 OK\r\n\r\n{", "ended before its answer was whole", 69),
        (b"SSH-2.0-OpenSSH\r\n", "is no ics gateway", 69),
        (b"", "ended before it answered", 69),
    ],
)
def test_answers_that_are_refusals_or_nonsense(
    tmp_path: Path, answer: bytes, words: str, status: int
) -> None:
    """Each becomes one sentence and an exit status, never a traceback."""
    path = tmp_path / "s"
    with answering(path, answer):
        sentence, exit_status = refusal(path)
    assert words in sentence
    assert exit_status == status


def test_a_gateway_that_hangs_is_told_from_one_that_is_not_there(tmp_path: Path) -> None:
    """It took the connection and says nothing: status 1 after the time that was given."""
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        with pytest.raises(ApiError, match=r"does not answer within 0\.1 s") as caught:
            Client(str(path)).post("/v1/reload", {}, timeout=0.1)
    assert caught.value.exit_status == 1


def test_the_stream_yields_objects(tmp_path: Path) -> None:
    """Until the daemon ends it."""
    path = tmp_path / "s"
    with answering(path, b'HTTP/1.0 200 OK\r\nX: y\r\n\r\n{"seq": 1}\n{"seq": 2}\n'):
        assert list(Client(str(path)).follow("/v1/events")) == [{"seq": 1}, {"seq": 2}]


def test_the_socket_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The option, then ICS_SOCKET, then the usual place."""
    monkeypatch.setenv("ICS_SOCKET", "/tmp/a")
    assert [Client("/tmp/b").path, Client().path] == ["/tmp/b", "/tmp/a"]
    monkeypatch.delenv("ICS_SOCKET")
    assert Client().path == "/run/ics/control.sock"
