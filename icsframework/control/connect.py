"""``ics connect``: asks for the link, shows the stages as the gateway tells them, and ends with the link or the reason.

The event stream is opened first and the status asked then, so that no stage is missed, also when the uplink connects
already; the command then joins that.  A gateway that tells of no stages is waited for in silence.
Interrupted it leaves the gateway connecting, as a lost terminal does: others may wait for the same link.
Standard library only.
"""

import json
import os
import select
import socket
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, TextIO

from icsframework.control.client import ApiError, Client
from icsframework.control.progress import Progress

__all__ = ["Terminal", "connect"]

REDRAW = 0.5
"""Seconds after which the line of a terminal is written anew: its seconds never jump by two."""
LAST_WORDS = 0.5
"""Seconds to wait, after the answer, for the event that says the same: it comes by another connection."""
FROM_NOW = 10**18 - 1
"""Number of an event that no gateway lives to see: with it the stream begins with what happens next."""
MAX_HEAD = 65536
"""Bytes of the stream's header: hundred times what the gateway sends."""
OUTCOMES = ("uplink.up", "uplink.failed", "uplink.down", "uplink.absent", "uplink.adopted")


class Terminal:
    """Where it is written to; ``columns`` is the width now, None if it is no terminal."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    @property
    def columns(self) -> int | None:
        """See above; 80 for a terminal that does not know."""
        if not self._out.isatty():
            return None
        try:
            return os.get_terminal_size(self._out.fileno()).columns or 80
        except OSError:
            return 80

    def write(self, text: str) -> None:
        """At once."""
        if text:
            self._out.write(text)
            self._out.flush()


class _Stream:
    """The events from now on, as they come."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        head, _, self._rest = self._head().partition(b"\r\n\r\n")
        self.alive = head.split(None, 2)[1:2] == [b"200"]

    def _head(self) -> bytes:
        """What comes until the header is whole; a stream that has none is no stream."""
        data = b""
        while b"\r\n\r\n" not in data:
            try:
                part = self.connection.recv(4096)
            except OSError:
                return b""
            if not part or len(data) > MAX_HEAD:
                return b""
            data += part
        return data

    def read(self) -> Iterator[Any]:
        """What has come; call it when there is something, and look at ``alive`` afterwards."""
        data = self.connection.recv(65536)
        self.alive = bool(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            yield json.loads(line)


class _Connect:
    """One run of the command."""

    def __init__(
        self,
        client: Client,
        uplink: str | None,
        terminal: Terminal,
        now: Callable[[], float],
        override: bool,
    ) -> None:
        self._client = client
        self._uplink = uplink
        self._override = override
        self._terminal = terminal
        self._now = now
        self.progress = Progress(uplink or "", terminal.columns)
        self._over = False

    def run(self) -> None:
        with self._client.begin("GET", f"/v1/events?since={FROM_NOW}") as events:
            stream = _Stream(events)
            self._look()
            wish = {"uplink": self._uplink} | ({"override": True} if self._override else {})
            with self._client.begin("POST", "/v1/connect", wish) as asked:
                asked.settimeout(None)
                link = self._client.answer("POST", "/v1/connect", self._wait(asked, stream))
        sentence = f"up: {', '.join(link['addresses'])} on {link['interface']}"
        self._terminal.write(self.progress.up(sentence, self._now()))

    def _look(self) -> None:
        """Which uplink that is, and whether it connects already."""
        uplinks = self._client.get("/v1/status")["uplinks"]
        found = next((one for one in uplinks if self._uplink in (None, one["name"])), None)
        if found is None:
            return  # the gateway says it better
        self.progress.uplink = found["name"]
        if found["state"] == "connecting" and found.get("stage"):
            since, began = (self._when(found.get(key)) for key in ("stage_since", "since"))
            self._write(self.progress.stage(found["stage"], self._now(), since, began))

    def _when(self, time: str | None) -> float | None:
        """A time of the gateway on our clock; the two are one machine's."""
        if time is None:
            return None
        return self._now() - max(0.0, (datetime.now(UTC) - datetime.fromisoformat(time)).total_seconds())

    def _wait(self, asked: socket.socket, stream: _Stream) -> bytes:
        """All of the answer; meanwhile what the stream says is shown."""
        parts: list[bytes] = []
        while not parts or parts[-1]:
            for ready in self._ready([asked, *([stream.connection] if stream.alive else [])], REDRAW):
                if ready is asked:
                    parts.append(self._receive(asked))
                else:
                    self._follow(stream)
            self._write(self.progress.tick(self._now(), self._terminal.columns))
        end = self._now() + LAST_WORDS
        while self.progress.began is not None and not self._over and stream.alive:
            if not self._ready([stream.connection], max(0.0, end - self._now())):
                break
            self._follow(stream)
        return b"".join(parts)

    def _ready(self, sockets: list[socket.socket], patience: float) -> list[socket.socket]:
        return select.select(sockets, [], [], patience)[0]

    def _receive(self, asked: socket.socket) -> bytes:
        try:
            return asked.recv(65536)
        except OSError as error:
            raise ApiError(f"the gateway at {self._client.path} hung up: {error.strerror}", 69) from None

    def _follow(self, stream: _Stream) -> None:
        for event in stream.read():
            if event["fields"].get("uplink") != self.progress.uplink:
                continue
            if event["event"] in ("uplink.connecting", "uplink.stage"):
                self._over = False
                self._write(self.progress.stage(event["fields"]["stage"], self._now()))
            elif event["event"] in OUTCOMES:
                self._over = True

    def _write(self, text: str) -> None:
        self._terminal.write(text)


def connect(
    client: Client,
    uplink: str | None,
    terminal: Terminal,
    now: Callable[[], float],
    override: bool = False,
) -> None:
    """Connect ``uplink``, or the preferred one, and say how it goes; ApiError with the reason if it fails.

    ``override``: whatever limits and hours say.
    """
    if override:
        client.require("/v1/connect", "override", "--override")
    running = _Connect(client, uplink, terminal, now, override)
    try:
        running.run()
    except (ApiError, KeyboardInterrupt) as end:
        terminal.write(running.progress.stopped())
        if isinstance(end, KeyboardInterrupt) and running.progress.began is not None:
            name = running.progress.uplink
            sys.stderr.write(f"ics: the gateway goes on connecting {name}; ics disconnect {name} ends it\n")
        raise
