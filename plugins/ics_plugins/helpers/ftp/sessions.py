"""FtpSession as the contract knows it: said here, because interfaces.py needs Twisted and the session does not."""

from zope.interface import classImplements

from ics_plugins.helpers.ftp.protocol import FtpSession
from icsframework.interfaces import ISession

__all__ = ["FtpSession"]

classImplements(FtpSession, ISession)
