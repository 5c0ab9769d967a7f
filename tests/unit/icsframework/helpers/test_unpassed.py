"""What a failing session has not passed on."""

from icsframework.helpers.limits import MOST_KEPT
from icsframework.helpers.unpassed import Unpassed
from icsframework.values import Side

CLIENT, SERVER = Side.CLIENT, Side.SERVER


def test_what_went_on_as_it_came_is_not_kept():
    """A session that holds an unfinished line leaves exactly that."""
    unpassed = Unpassed()
    unpassed.taken(CLIENT, b"USER x\r\nPORT 1,")
    unpassed.sent(SERVER, b"USER x\r\n")
    unpassed.taken(CLIENT, b"2,3")
    unpassed.taken(SERVER, b"220 hel")
    assert unpassed.rest() == ((CLIENT, b"PORT 1,2,3"), (SERVER, b"220 hel"))
    assert unpassed.rest() == ()


def test_behind_something_rewritten_nothing_is_known():
    """Nothing is guessed."""
    unpassed = Unpassed()
    unpassed.taken(CLIENT, b"PORT 192,168,0,10,1,2\r\nNO")
    unpassed.sent(SERVER, b"PORT 203,0,113,5,1,2\r\n")
    assert unpassed.rest() == ()


def test_what_a_session_refused_does_not_get_through_later():
    """An answer of its own to the client says that the command was not to go on."""
    unpassed = Unpassed()
    unpassed.taken(CLIENT, b"PORT 10,0,0,1,0,22\r\n")
    unpassed.sent(CLIENT, b"500 no\r\n")
    assert unpassed.rest() == ()


def test_it_is_bounded():
    """A session that swallows everything costs no more than the last read and one buffer."""
    unpassed = Unpassed()
    for _ in range(100):
        unpassed.taken(CLIENT, b"x" * MOST_KEPT)
    assert len(unpassed.rest()[0][1]) == MOST_KEPT
