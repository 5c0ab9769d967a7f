"""The API over HTTP on the Unix socket.  Imported late: twisted.web is heavy, and DHCP and DNS answer before it.

Requests are small and few: connections, their idle time and bodies are bounded, one
JSON object each.  The event stream (``GET /v1/events?since=N``, see control.stream) sends
one JSON object a line until the client goes.
"""

import json
import os
import pwd
import socket
import struct
from collections.abc import Callable, Mapping
from grp import getgrnam
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IReactorUNIX
from twisted.logger import Logger
from twisted.protocols.policies import WrappingFactory
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from icsframework.control.api import ROUTES, Controlled, Route, http_status, unknown_parameter
from icsframework.control.rights import Caller, Right, unix_caller
from icsframework.control.stream import EventStream
from icsframework.errors import HostError, IcsError
from icsframework.interfaces import IEvents

GROUP = "ics"
"""Members of this group operate the gateway without being root."""
MAX_BODY = 64 * 1024
"""Bytes of a request's body: a hundred times what any request of ours needs."""
MAX_CONNECTIONS = 64
"""At once: people, a page and a few scripts; each may hold an answer of some 500 kB (the history) until it is read."""
PATIENCE = 30.0
"""Seconds for a request to arrive, and for its answer to be read."""
MAX_AUDITED = 200
"""Characters of a command in the log: what a name needs, not what somebody may send."""
MAX_DIGITS = 18
"""Of ``since``: more events than a life of any gateway has."""
STREAM = Route(Right.VIEW, lambda gateway, caller, parameters: None)
"""The event stream, which is no table entry because it has no end; who may do what is the same."""
_UCRED = struct.Struct("3i")


class ApiRequest(Request):
    """Drops the rest of a body that is too long instead of keeping it."""

    too_long = False

    def gotLength(self, length: int | None) -> None:
        """See Request."""
        Request.gotLength(self, min(length or 0, MAX_BODY))

    def handleContentChunk(self, data: bytes) -> None:
        """See Request."""
        if self.content is not None and self.content.tell() + len(data) <= MAX_BODY:
            Request.handleContentChunk(self, data)
        else:
            self.too_long = True


class BoundedFactory(WrappingFactory):
    """Hangs up on whoever comes when MAX_CONNECTIONS are open."""

    noisy = False

    def buildProtocol(self, addr: Any) -> Any:
        """See Factory."""
        return WrappingFactory.buildProtocol(self, addr) if len(self.protocols) < MAX_CONNECTIONS else None


class ApiResource(Resource):
    """All of ``/v1``: looks the request up in ROUTES."""

    isLeaf = True

    def __init__(
        self,
        gateway: Controlled,
        events: IEvents,
        log: Logger,
        peer: Callable[[Request], Caller],
        patience: float,
    ) -> None:
        Resource.__init__(self)
        self._patience = patience
        self._peer = peer
        self._gateway = gateway
        self._events = events
        self._log = log

    def render(self, request: Request) -> Any:
        """Answer one request."""
        caller = self._peer(request)
        method, path = request.method.decode("latin-1"), request.path.decode("latin-1")
        stream = (method, path) == ("GET", "/v1/events")
        route = STREAM if stream else ROUTES.get((method, path))
        if route is None:
            return self._error(request, 404, f"this gateway knows no {method} {path}")
        if caller.right < route.right:
            self._events.emit("control.refused", peer=str(caller), command=path, reason="no right")
            return self._error(request, 403, f"{caller} may not do that; be root or in group {GROUP}", 77)
        return self._stream(request) if stream else self._run(request, route, path, caller)

    def _run(self, request: Request, route: Route, path: str, caller: Caller) -> Any:
        parameters = _parameters(request)
        if parameters is None:
            return self._error(request, 400, "the body must be one JSON object of at most 64 KiB", 2)
        if unknown := unknown_parameter(route, parameters):
            # One that is misspelt must not be overlooked: the rest would do something else than was meant.
            return self._error(request, 400, f"{path} {unknown}", 2)
        if route.audit:
            command = f"{path} {dict(parameters)}"[:MAX_AUDITED]
            self._events.emit("control.command", user=str(caller), command=command)
        running: Deferred[Any] = maybeDeferred(route.function, self._gateway, caller, parameters)
        request.notifyFinish().addErrback(lambda _: running.cancel() if route.waits else None)
        running.addCallback(lambda data: self._reply(request, 200, data))
        running.addErrback(lambda why: self._failed(request, why))
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
        body = json.dumps(data).encode() + b"\n"
        channel: Any = request.channel
        request.setResponseCode(status)
        request.setHeader(b"content-type", b"application/json")
        request.setHeader(b"content-length", b"%d" % len(body))
        request.write(body)
        request.finish()
        channel.abortTimeout = self._patience
        channel.setTimeout(self._patience)  # the time for reading it

    def _stream(self, request: Request) -> Any:
        since = request.args.get(b"since", [b"0"])[0]
        if not since.isdigit() or len(since) > MAX_DIGITS:
            return self._error(request, 400, "since must be the number of an event (seq), or 0", 2)
        request.setHeader(b"content-type", b"application/x-ndjson")
        EventStream(request, self._events, int(since)).start()
        return NOT_DONE_YET


def _parameters(request: Request) -> Mapping[str, Any] | None:
    if getattr(request, "too_long", False):
        return None
    body = request.content.read() if request.content is not None else b""
    try:
        found = json.loads(body or b"{}")
    except (ValueError, RecursionError):  # the latter for thousands of brackets, one in the other
        return None
    return found if isinstance(found, dict) else None


def peer_of(request: Request) -> Caller:
    """Who is at the other end of the Unix socket."""
    transport: Any = request.channel.transport
    credentials = transport.getHandle().getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    pid, uid, gid = _UCRED.unpack(credentials)
    try:
        user = pwd.getpwuid(uid)
    except KeyError:
        return unix_caller(pid, uid, {gid}, os.geteuid(), _group_id())
    groups = {gid, *os.getgrouplist(user.pw_name, user.pw_gid)}
    return unix_caller(pid, uid, groups, os.geteuid(), _group_id(), user.pw_name)


def _group_id() -> int | None:
    try:
        return getgrnam(GROUP).gr_gid
    except KeyError:
        return None


def _no_access_log(request: Request) -> None:
    """What changes something is an event of its own; a status asked for every second is not worth a line."""


def serve(
    reactor: IReactorUNIX,
    path: Path,
    gateway: Controlled,
    events: IEvents,
    log: Logger,
    peer: Callable[[Request], Caller] = peer_of,
    patience: float = PATIENCE,
) -> IListeningPort:
    """Listen at ``path`` (mode 0660, group ics if there is one).  HostError if that cannot be.

    ``peer`` says who asks, ``patience`` how many seconds a client has to send and to read.
    """
    resource = ApiResource(gateway, events, log, peer, patience)
    site: Any = Site(resource, requestFactory=ApiRequest, timeout=patience)
    site.noisy = False
    site.log = _no_access_log
    factory: Any = BoundedFactory(site)  # type: ignore[no-untyped-call]
    try:
        path.unlink(missing_ok=True)  # left by a killed daemon; we hold the lock, so nobody serves it
        port = reactor.listenUNIX(str(path), factory, mode=0o660)
    except (CannotListenError, OSError) as error:
        if factory.numPorts:
            factory.doStop()  # it was started for the port that never came, and has a timer
        why = error.socketError if isinstance(error, CannotListenError) else error.strerror
        raise HostError(f"the control socket {path} cannot be made: {why}; see gateway.run") from error
    group = _group_id()
    if group is not None and os.geteuid() == 0:
        os.chown(path, -1, group)
    return port
