import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.testing import StringTransport

from icsframework.lab.pattern import pattern
from icsframework.lab.web_server import web_site


def get(path):
    """Status and body of one request, over a connection in memory."""
    transport = StringTransport(peerAddress=IPv4Address("TCP", "203.0.113.5", 4711))
    protocol = web_site("the page", 70_000).buildProtocol(None)
    protocol.makeConnection(transport)
    protocol.dataReceived(b"GET %s HTTP/1.0\r\nX-Test: yes\r\n\r\n" % path.encode())
    head, _, body = transport.value().partition(b"\r\n\r\n")
    return int(head.split()[1]), body


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        ("/", 200, b"the page"),
        ("/ip", 200, b"203.0.113.5 4711\n"),
        ("/headers", 200, b"X-Test: yes\n"),
        ("/big", 200, pattern(70_000)),
        ("/big?size=5", 200, b"00000"),
        ("/big?size=x", 400, b"size is a number of bytes, at most 1000000000\n"),
        ("/big?size=9999999999", 400, b"size is a number of bytes, at most 1000000000\n"),
    ],
)
def test_pages(path, status, body):
    """Each page of the site; a size that is none is refused."""
    assert get(path) == (status, body)


def test_a_page_that_is_not_there():
    """404."""
    assert get("/nothing")[0] == 404
