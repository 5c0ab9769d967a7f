"""The other end of the API, for the ``ics`` command.  Standard library only, and little of that: it must start fast."""

import json
import os
import socket
from collections.abc import Iterator
from typing import Any

DEFAULT_SOCKET = "/run/ics/control.sock"
TIMEOUT = 10.0
"""Seconds to wait for an answer that needs no dialling."""


class ApiError(Exception):
    """The daemon refused, or is not there.  ``exit_status`` is what the command ends with."""

    def __init__(self, sentence: str, exit_status: int) -> None:
        super().__init__(sentence)
        self.exit_status = exit_status


class Client:
    """Talks HTTP/1.0 to one Unix socket: one connection per request, so the answer ends with the connection."""

    def __init__(self, path: str | None = None) -> None:
        self.path = path or os.environ.get("ICS_SOCKET") or DEFAULT_SOCKET

    def get(self, path: str) -> Any:
        """The JSON at ``path``."""
        return self._call("GET", path, b"", TIMEOUT)

    def post(self, path: str, parameters: dict[str, Any], timeout: float | None = TIMEOUT) -> Any:
        """What the command at ``path`` returned; ``timeout`` None waits as long as it takes."""
        return self._call("POST", path, json.dumps(parameters).encode(), timeout)

    def require(self, path: str, parameter: str, option: str) -> None:
        """ApiError if the gateway is too old to know ``parameter`` of ``path``: it would do as if it were not there."""
        known = self.get("/v1/version").get("parameters", {})
        if parameter not in known.get(path, ()):
            raise ApiError(
                f"the running gateway is older than this command and knows no {option}; restart it", 1
            )

    def begin(self, method: str, path: str, parameters: dict[str, Any] | None = None) -> socket.socket:
        """Only ask; the caller reads the connection to its end, and closes it.  ``answer`` says what came."""
        connection = self._connect(TIMEOUT)
        self._send(connection, method, path, b"" if parameters is None else json.dumps(parameters).encode())
        return connection

    def answer(self, method: str, path: str, data: bytes) -> Any:
        """What the daemon returned to that, ``data`` being all that came; ApiError if it refused."""
        return self._read(method, path, data)

    def follow(self, path: str) -> Iterator[Any]:
        """The JSON objects of a stream, one a line, until the daemon ends it."""
        with self._connect(None) as connection:
            self._send(connection, "GET", path, b"")
            with connection.makefile("rb") as stream:
                while stream.readline().strip():
                    pass  # the header
                for line in stream:
                    yield json.loads(line)

    def _connect(self, timeout: float | None) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(timeout)
        try:
            connection.connect(self.path)
        except PermissionError:
            connection.close()
            raise ApiError(f"no permission for {self.path}; be root or in group ics", 77) from None
        except OSError:
            connection.close()
            raise ApiError(
                f"no gateway answers at {self.path}; start one with: twistd -n --pidfile= ics -c FILE", 69
            ) from None
        return connection

    def _send(self, connection: socket.socket, method: str, path: str, body: bytes) -> None:
        head = f"{method} {path} HTTP/1.0\r\nHost: ics\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body)

    def _call(self, method: str, path: str, body: bytes, timeout: float | None) -> Any:
        with self._connect(timeout) as connection:
            try:
                self._send(connection, method, path, body)
                answer = b"".join(iter(lambda: connection.recv(65536), b""))
            except TimeoutError:
                raise ApiError(
                    f"the gateway at {self.path} does not answer within {timeout:g} s", 1
                ) from None
            except OSError as error:
                raise ApiError(f"the gateway at {self.path} hung up: {error.strerror}", 69) from None
        return self._read(method, path, answer)

    def _read(self, method: str, path: str, answer: bytes) -> Any:
        if not answer:
            raise ApiError(f"the gateway at {self.path} ended before it answered", 69)
        head, _, body = answer.partition(b"\r\n\r\n")
        words = head.split(None, 2)
        if len(words) < 2 or not words[1].isdigit():
            raise ApiError(f"what answers at {self.path} is no ics gateway", 69)
        status = int(words[1])
        try:
            data = json.loads(body)
        except ValueError:
            raise ApiError(f"the gateway at {self.path} ended before its answer was whole", 69) from None
        if status == 404:
            raise ApiError(
                f"the running gateway is older than this command and knows no {method} {path}; restart it", 1
            )
        if status >= 400 and not isinstance(data, dict):
            raise ApiError(f"the gateway at {self.path} answers with error {status}", 1)
        if status >= 400:
            raise ApiError(str(data.get("error", f"error {status}")), int(data.get("exit", 1)))
        return data
