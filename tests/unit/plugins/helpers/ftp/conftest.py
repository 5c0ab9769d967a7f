"""A wire with an FtpSession in its midst: what both ends say goes in, what happens comes out as lines."""

from ipaddress import ip_address

import pytest

from ics_plugins.helpers.ftp.answers import Counters
from ics_plugins.helpers.ftp.protocol import FtpSession
from icsframework.values import (
    Close,
    End,
    Endpoint,
    Flow,
    Mapping,
    Open,
    Refused,
    Send,
    Side,
    StepAside,
)

PC = Endpoint(ip_address("192.168.0.10"), 40000)
FAR = Endpoint(ip_address("198.51.100.80"), 21)
OUTSIDE = ip_address("203.0.113.5")
GUEST = Endpoint(ip_address("198.51.100.7"), 50000)
SERVER = Endpoint(ip_address("192.168.0.20"), 21)
OUTBOUND = Flow("tcp", PC, FAR, Endpoint(OUTSIDE, 40000), "cable")
INBOUND = Flow("tcp", GUEST, SERVER, Endpoint(OUTSIDE, 21), "cable", "inbound")
SIX = Flow(
    "tcp",
    Endpoint(ip_address("2001:db8::10"), 40000),
    Endpoint(ip_address("2001:db8:f::80"), 21),
    Endpoint(ip_address("2001:db8:f::5"), 40000),
    "cable",
)


class Wire:
    """``said`` is everything that happened, in order; external ports are given from 60000 on, as long as ``free``."""

    def __init__(self, flow, **settings):
        self.flow, self.now, self.free, self.said = flow, 1000.0, True, []
        self.counters = Counters()
        self.session = FtpSession(flow, self.counters, **settings)
        self.answering, self.asked = True, []
        self._port = 60000

    def talk(self, *lines):
        """``> text`` is a line of the client, ``< text`` one of the server; returns what happened."""
        before = len(self.said)
        for line in lines:
            side = {"> ": Side.CLIENT, "< ": Side.SERVER}[line[:2]]
            self.raw(side, line[2:].encode("latin-1") + b"\r\n")
        return self.said[before:]

    def raw(self, side, data):
        """Bytes of one side."""
        before = len(self.said)
        self.perform(self.session.received(side, data, self.now))
        return self.said[before:]

    def close(self, side):
        """One side has nothing more to say."""
        before = len(self.said)
        self.perform(self.session.closed(side, self.now))
        return self.said[before:]

    def wait(self, seconds):
        """Time passes."""
        before = len(self.said)
        self.now += seconds
        deadline = self.session.deadline()
        if deadline is not None and deadline <= self.now:
            self.perform(self.session.timeout(self.now))
        return self.said[before:]

    def answer(self):
        """Answer the oldest Open that waits."""
        request = self.asked.pop(0)
        result = self._mapping(request) if self.free else Refused("limits.expectations")
        self.perform(self.session.opened(request.token, result, self.now))

    def perform(self, actions):
        """Write down what the session wants, and answer its questions."""
        for action in actions:
            self._note(action)
        while self.answering and self.asked:
            self.answer()

    def _note(self, action):
        match action:
            case Send(side, data):
                for line in data.splitlines(keepends=True):
                    text = line[:-2] if line.endswith(b"\r\n") else line
                    self.said.append(f"to {side.value}: {text.decode('latin-1')}")
            case Open():
                assert (action.protocol, action.remote, action.once) == ("tcp", self.flow.peer.address, True)
                self.said.append(f"open {action.to}")
                self.asked.append(action)
            case Close(token):
                self.said.append(f"close {token}")
            case StepAside():
                self.said.append("step aside")
            case End(reason):
                self.said.append(f"end: {reason}")

    def _mapping(self, request):
        external = Endpoint(self.flow.outside.address, self._port)
        self._port += 1
        return Mapping(
            "tcp",
            "cable",
            external,
            request.to,
            request.remote,
            "ftp",
            self.now + request.lifetime,
            1,
            True,
        )


@pytest.fixture
def outbound():
    """A PC behind us speaks to a server in the Internet."""
    return Wire(OUTBOUND)


@pytest.fixture
def inbound():
    """Somebody in the Internet speaks to a published server."""
    return Wire(INBOUND)


@pytest.fixture
def wire():
    """Makes a Wire for a flow."""
    return Wire


@pytest.fixture
def flows():
    """Flows of each kind by name."""
    return {"outbound": OUTBOUND, "inbound": INBOUND, "six": SIX}
