"""The API over HTTP on the Unix socket.  Imported late: twisted.web is heavy, and DHCP and DNS answer before it.

Requests are small and few: bodies are bounded, one JSON object each.  The event
stream (``GET /v1/events?since=N``) sends one JSON object a line until the client goes.
"""

import json
import os
import pwd
import socket
import struct
from collections.abc import Mapping
from grp import getgrnam
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IReactorUNIX
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import Request
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from icsframework.control.api import ROUTES, Controlled, http_status
from icsframework.control.rights import Caller, Right, unix_caller
from icsframework.errors import HostError, IcsError
from icsframework.interfaces import IEvents
from icsframework.status import Instant
from icsframework.values import Event

GROUP = "ics"
"""Members of this group operate the gateway without being root."""
MAX_BODY = 64 * 1024
"""Bytes of a request's body: a hundred times what any request of ours needs."""
_UCRED = struct.Struct("3i")


class ApiResource(Resource):
    """All of ``/v1``: looks the request up in ROUTES."""

    isLeaf = True

    def __init__(self, gateway: Controlled, events: IEvents, log: Logger) -> None:
        Resource.__init__(self)
        self._gateway = gateway
        self._events = events
        self._log = log

    def render(self, request: Request) -> Any:
        """Answer one request."""
        caller = peer_of(request)
        method, path = request.method.decode("latin-1"), request.path.decode("latin-1")
        if (method, path) == ("GET", "/v1/events") and caller.right >= Right.VIEW:
            return self._stream(request)
        route = ROUTES.get((method, path))
        if route is None:
            return self._error(request, 404, f"this gateway knows no {method} {path}")
        if caller.right < route.right:
            self._events.emit("control.refused", peer=str(caller), command=path, reason="no right")
            return self._error(request, 403, f"{caller} may not do that; be root or in group {GROUP}", 77)
        parameters = _parameters(request)
        if parameters is None:
            return self._error(request, 400, "the body must be one JSON object of at most 64 KiB", 2)
        if route.audit:
            self._events.emit("control.command", user=str(caller), command=f"{path} {dict(parameters)}")
        running: Deferred[Any] = maybeDeferred(route.function, self._gateway, caller, parameters)
        request.notifyFinish().addErrback(lambda _: running.cancel())
        running.addCallbacks(
            lambda data: self._reply(request, 200, data), lambda why: self._failed(request, why)
        )
        running.addErrback(lambda why: self._log.failure("control API", why))
        return NOT_DONE_YET

    def _failed(self, request: Request, failure: Failure) -> None:
        error = failure.value
        if request._disconnected:  # noqa: SLF001 - the only place where Twisted says so
            return
        if isinstance(error, IcsError):
            self._reply(request, http_status(error), {"error": str(error), "exit": error.exit_status})
            return
        self._log.failure("control API: {path}", failure, path=request.path)
        self._reply(
            request,
            500,
            {"error": f"internal error: {failure.getErrorMessage()}; the log has more", "exit": 1},
        )

    def _error(self, request: Request, status: int, sentence: str, exit_status: int = 1) -> Any:
        self._reply(request, status, {"error": sentence, "exit": exit_status})
        return NOT_DONE_YET

    def _reply(self, request: Request, status: int, data: Any) -> None:
        if request._disconnected:  # noqa: SLF001 - the only place where Twisted says so
            return
        request.setResponseCode(status)
        request.setHeader(b"content-type", b"application/json")
        request.write(json.dumps(data).encode() + b"\n")
        request.finish()

    def _stream(self, request: Request) -> Any:
        request.setHeader(b"content-type", b"application/x-ndjson")
        since = request.args.get(b"since", [b"0"])[0]

        def send(event: Event) -> None:
            request.write(json.dumps(_event_to_json(event)).encode() + b"\n")

        request.write(b"")
        unwatch = self._events.watch(send, int(since) if since.isdigit() else 0)
        request.notifyFinish().addBoth(lambda _: unwatch())
        return NOT_DONE_YET


def _event_to_json(event: Event) -> dict[str, Any]:
    fields = {
        name: value if isinstance(value, (int, float, dict)) else str(value)
        for name, value in event.fields.items()
    }
    return {
        "seq": event.seq,
        "time": str(Instant(event.wall)),
        "event": event.id,
        "owner": event.owner,
        "fields": fields,
    }


def _parameters(request: Request) -> Mapping[str, Any] | None:
    body = request.content.read(MAX_BODY + 1) if request.content is not None else b""
    if len(body) > MAX_BODY:
        return None
    try:
        found = json.loads(body or b"{}")
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def peer_of(request: Request) -> Caller:
    """Who is at the other end of the Unix socket."""
    transport: Any = request.channel.transport
    credentials = transport.getHandle().getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    pid, uid, gid = _UCRED.unpack(credentials)
    return unix_caller(pid, uid, _groups(uid, gid), os.geteuid(), _group_id())


def _groups(uid: int, gid: int) -> set[int]:
    try:
        user = pwd.getpwuid(uid)
    except KeyError:
        return {gid}
    return {gid, *os.getgrouplist(user.pw_name, user.pw_gid)}


def _group_id() -> int | None:
    try:
        return getgrnam(GROUP).gr_gid
    except KeyError:
        return None


def _no_access_log(request: Request) -> None:
    """What changes something is an event of its own; a status asked for every second is not worth a line."""


def serve(
    reactor: IReactorUNIX, path: Path, gateway: Controlled, events: IEvents, log: Logger
) -> IListeningPort:
    """Listen at ``path`` (mode 0660, group ics if there is one).  HostError if that cannot be."""
    site: Any = Site(ApiResource(gateway, events, log), timeout=None)
    site.noisy = False
    site.log = _no_access_log
    path.unlink(missing_ok=True)  # left by a killed daemon; we hold the lock, so nobody serves it
    try:
        port = reactor.listenUNIX(str(path), site, mode=0o660)
    except CannotListenError as error:
        raise HostError(
            f"the control socket {path} cannot be made: {error.socketError}; see gateway.run"
        ) from error
    group = _group_id()
    if group is not None and os.geteuid() == 0:
        os.chown(path, -1, group)
    return port
