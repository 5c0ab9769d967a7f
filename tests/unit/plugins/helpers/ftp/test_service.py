"""The FTP helper: what it asks for, and what it tells."""

from zope.interface.verify import verifyObject

from ics_plugins.helpers.ftp import factory
from ics_plugins.helpers.ftp.config import FtpConfig
from ics_plugins.helpers.ftp.protocol import FtpSession
from icsframework.interfaces import INatHelper, ISession
from icsframework.testing.gateway import FakeGateway
from icsframework.values import Applied, Open, Side, StreamProxy


def test_it_watches_both_directions():
    """Clients behind us, and published servers unless the operator does not want that."""
    helper = factory.create(FtpConfig(), FakeGateway("ftp"))
    verifyObject(INatHelper, helper)
    assert list(helper.attachments()) == [
        StreamProxy((21,), helper.session),
        StreamProxy((21,), helper.session, "inbound"),
    ]
    helper = factory.create(FtpConfig(published=False), FakeGateway("ftp"))
    assert list(helper.attachments()) == [StreamProxy((21,), helper.session)]


def test_it_takes_other_settings_while_running(flows):
    """Ports and lifetime are those of the new file, for sessions that begin after it."""
    helper = factory.create(FtpConfig(), FakeGateway("ftp"))
    done = []
    helper.reconfigure(FtpConfig(ports=(21, 2121), lifetime=60)).addCallback(done.append)
    assert done == [Applied()]
    assert {one.ports for one in helper.attachments()} == {(21, 2121)}
    [request] = [
        action
        for action in helper.session(flows["outbound"]).received(
            Side.CLIENT, b"PORT 192,168,0,10,156,64\r\n", 0.0
        )
        if isinstance(action, Open)
    ]
    assert request.lifetime == 60.0


def test_all_sessions_are_counted_together(flows):
    """Status tells what they have seen, and who tried what last."""
    gateway = FakeGateway("ftp")
    helper = factory.create(FtpConfig(), gateway)
    for _ in range(2):
        session = helper.session(flows["outbound"])
        verifyObject(ISession, session)
        assert isinstance(session, FtpSession)
        session.received(Side.SERVER, b"220 hi\r\n", 0.0)
        session.received(Side.CLIENT, b"PORT 10,0,0,1,0,25\r\n", 0.0)
    assert gateway.status.read() == {
        "ports": [21],
        "bounces": 2,
        "last_bounce": "192.168.0.10:40000: PORT 10,0,0,1,0,25",
        "unreadable": 0,
        "no_port": 0,
        "expired": 0,
        "encrypted": 0,
        "not_ftp": 0,
        "too_long": 0,
        "too_many": 0,
    }
