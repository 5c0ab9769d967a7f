from zope.interface.verify import verifyObject

from icsframework.interfaces import ISession
from icsframework.testing.line_session import LineSession, line_proxy
from icsframework.testing.sessions import Play, flow_of
from icsframework.values import Side


def test_it_keeps_the_contract():
    """A session like any other."""
    assert verifyObject(ISession, LineSession(flow_of(line_proxy())))


def test_lines_behind_a_call_wait():
    """For the port, which is named instead; ports that are none pass as text; a line without an end is the end."""
    one = Play(line_proxy())
    one.say(Side.CLIENT, b"CALL 4000\nCALL 22\nFORGET\nFORGET\n")
    assert one.outcome.sent[Side.SERVER] == b"CALL 50000\nCALL 22\n"
    assert (len(one.outcome.opened), one.outcome.given_back, one.held) == (1, 1, [])
    one.say(Side.CLIENT, b"x" * 201)
    assert one.outcome.ended == "a line is too long"
