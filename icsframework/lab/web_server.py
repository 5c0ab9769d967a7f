"""The provider's web server: Twisted's, with a page and a file known in advance.

`/` is the page, `/big` a file of so many bytes, `/big?size=N` one of N bytes
(both from `pattern`), `/ip` the client's address and port as seen here,
`/headers` the request's header lines.
"""

from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

from twisted.web import resource, server

from icsframework.lab.pattern import pattern

__all__ = ["web_site"]

MAX_SIZE = 10**9
"""Bytes of the largest file made on request; it is made in memory."""


class Answer(resource.Resource):
    """Plain text made for each request."""

    isLeaf = True

    def __init__(self, make: Callable[[Any], bytes]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._make = make

    def render_GET(self, request: Any) -> bytes:
        """The text."""
        request.setHeader(b"content-type", b"text/plain; charset=utf-8")
        return self._make(request)


def _peer(request: Any) -> bytes:
    address = request.transport.getPeer()
    return f"{ip_address(address.host)} {address.port}\n".encode()


def _headers(request: Any) -> bytes:
    lines = request.requestHeaders.getAllRawHeaders()
    return b"".join(b"%s: %s\n" % (name, value) for name, values in sorted(lines) for value in values)


def _file(request: Any, size: int) -> bytes:
    asked = request.args.get(b"size", [b"%d" % size])[0]
    if not asked.isdigit() or int(asked) > MAX_SIZE:
        request.setResponseCode(400)
        return b"size is a number of bytes, at most %d\n" % MAX_SIZE
    return pattern(int(asked))


def web_site(page: str, big: int) -> server.Site:
    """The site; ``big`` is the size of `/big` in bytes."""
    root = resource.Resource()
    root.putChild(b"", Answer(lambda request: page.encode()))
    root.putChild(b"ip", Answer(_peer))
    root.putChild(b"headers", Answer(_headers))
    root.putChild(b"big", Answer(lambda request: _file(request, big)))
    return server.Site(root)
