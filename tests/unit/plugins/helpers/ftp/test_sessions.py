"""FtpSession keeps the contract of a session."""

from zope.interface.verify import verifyObject

from ics_plugins.helpers.ftp.sessions import FtpSession
from icsframework.interfaces import ISession
from icsframework.testing.flows import outbound


def test_it_provides_isession() -> None:
    """All its methods are there."""
    verifyObject(ISession, FtpSession(outbound(21)))
