"""Each way in which a NAT helper and its sessions can break their contract is named."""

import socket
import sys
from types import SimpleNamespace

import pytest
from twisted.application.service import Service
from twisted.internet.defer import succeed
from zope.interface import implementer

from icsframework.fields import NatHelperConfig
from icsframework.interfaces import INatHelper, ISession
from icsframework.testing.contract import check_plugin
from icsframework.testing.contract_helper import check_helper
from icsframework.testing.flows import INSIDE
from icsframework.testing.line_session import SAID, LineSession
from icsframework.testing.stage import ContractBroken
from icsframework.values import Applied, DatagramProxy, KernelHelper, Readiness, Send, Side, StreamProxy


@implementer(ISession)
class Relay:
    """Passes everything on."""

    def received(self, side, data, now):
        return [Send(side.other, data)]

    def opened(self, token, result, now):
        return ()

    def closed(self, side, now):
        return ()

    def timeout(self, now):
        return ()

    def deadline(self):
        return None


class Chatty(Relay):
    def received(self, side, data, now):
        return [data]


class Opening(Relay):
    def received(self, side, data, now):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind(("127.0.0.1", 0))
        return ()


class Timeless(Relay):
    def deadline(self):
        return "soon"


class Hoarding(Relay):
    """Keeps all it ever heard."""

    def __init__(self):
        self.heard = []

    def received(self, side, data, now):
        self.heard.append(data)
        return super().received(side, data, now)


@implementer(INatHelper)
class Helper(Service):
    """Wants what it was given."""

    def __init__(self, wants):
        self.wants = wants

    def stopService(self):
        return succeed(None)

    def reconfigure(self, new):
        return succeed(Applied())

    def attachments(self):
        return self.wants() if callable(self.wants) else self.wants


def factory(wants):
    """Makes such helpers."""
    return SimpleNamespace(create=lambda config, gateway: Helper(wants))


def proxy(session):
    return [StreamProxy((21,), lambda flow: session())]


COUNT = iter(range(99))


@pytest.mark.parametrize(
    ("wants", "sentence"),
    [
        ([KernelHelper("pptp", "tcp", (1723,)), *proxy(Relay)], ""),
        (["pptp"], "attachments must be values.Attachment, not 'pptp'"),
        (lambda: [KernelHelper("pptp", "tcp", (next(COUNT) + 1,))], "must be the same when asked again"),
        (proxy(object), "implement"),
        (proxy(Chatty), "a session answers with values.Action"),
        (proxy(Opening), "a session does no I/O; this one calls socket.bind ('127.0.0.1', 0)"),
        (proxy(Hoarding), "the session keeps"),
        (proxy(Timeless), "deadline must answer seconds or None, not 'soon'"),
    ],
)
def test_a_fault_is_named(wants, sentence):
    """Attachments and sessions, good and bad."""
    if not sentence:
        check_helper(factory(wants), NatHelperConfig())
        return
    with pytest.raises(ContractBroken) as refused:
        check_helper(factory(wants), NatHelperConfig())
    assert sentence in str(refused.value)


def test_sessions_get_flows_of_their_direction():
    """A helper of published services is tried with clients from the Internet, another with clients from behind."""
    flows = []

    def session(flow):
        flows.append(flow)
        return Relay()

    wants = [
        StreamProxy((21,), session, "inbound"),
        StreamProxy((22,), session),
        DatagramProxy((69,), session),
    ]
    check_helper(factory(wants), NatHelperConfig())
    assert {(flow.server.port, flow.direction, flow.protocol) for flow in flows} == {
        (21, "inbound", "tcp"),
        (22, "outbound", "tcp"),
        (69, "outbound", "udp"),
    }
    assert {flow.inside.address for flow in flows} == {INSIDE}


def test_a_helper_is_checked_as_a_whole():
    """check_plugin finds the way to this kind, from the factory on."""
    whole = SimpleNamespace(
        api_version=1,
        Config=NatHelperConfig,
        prepare=lambda config, system: Readiness.ready(),
        create=lambda config, gateway: Helper(["pptp"]),
    )
    with pytest.raises(ContractBroken, match="implement"):
        check_plugin("nat_helper", whole)


def test_the_conversations_of_a_helper_are_played(monkeypatch):
    """Those in the module of its factory, in other segments than they are written in."""
    heard = set()

    class Hearing(LineSession):
        def received(self, side, data, now):
            heard.add((side, data))
            return super().received(side, data, now)

    class Factory:
        def create(self, config, gateway):
            return Helper([StreamProxy((7,), Hearing)])

    monkeypatch.setitem(sys.modules, __name__, SimpleNamespace(__name__=__name__, CONVERSATIONS=[SAID]))
    check_helper(Factory(), NatHelperConfig())
    assert {*SAID, (Side.CLIENT, b"CALL 4001\nFORGET\nMORE\n"), (Side.CLIENT, b"F")} <= heard
