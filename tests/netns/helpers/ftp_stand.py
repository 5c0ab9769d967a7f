"""pyftpdlib, which Debian has for its own Python: ftp_stand.py ROOT PORT.  Anonymous, may write; its log is on stderr."""

import logging
import sys

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import ThreadedFTPServer

root, port = sys.argv[1], int(sys.argv[2])
logging.basicConfig(level=logging.DEBUG)
authorizer = DummyAuthorizer()
authorizer.add_anonymous(root, perm="elradfmw")
FTPHandler.authorizer = authorizer
ThreadedFTPServer(("0.0.0.0", port), FTPHandler).serve_forever()
