"""Text in the middle of PPP."""

import pytest

from icsframework.protocols.ppp.texts import TextWatch, is_text, says_no_carrier

LOST = b"\r\nNO CARRIER\r\n"


@pytest.mark.parametrize(
    "data", [LOST, b"NO CARRIER\r\n", b"\x21E\0 half a packet" + LOST, b"\rNO CARRIER\r"]
)
def test_a_modem_says_that_the_call_is_over(data):
    """Alone, glued to half a frame, with other line ends."""
    assert says_no_carrier(data)
    assert is_text(data)


@pytest.mark.parametrize(
    "data", [b"xNO CARRIER\r\n", LOST + b"x", b"\r\nNO CARRIE", b"he said NO CARRIER", b"", LOST + b"\0\x01"]
)
def test_the_words_inside_of_something_else_are_nothing(data):
    """They must stand on a line of their own, at the end: a damaged packet with them in its middle ends no call."""
    assert not says_no_carrier(data)


def test_text_is_told_from_damaged_frames():
    """Printable octets only, and some of them."""
    assert is_text(b"\r\nRING\r\n")
    assert is_text(b"login: ")
    assert not is_text(b"\n")
    assert not is_text(b"\xff\x7d\x23\xc0!")
    assert not is_text(b"!E\0\0ab")


def test_a_text_without_a_flag_counts_when_it_stands_alone():
    """One second later, and once only."""
    watch = TextWatch()
    watch.look(LOST, 10.0)
    assert watch.deadline == 11.0
    assert watch.timeout(10.9) == b""
    assert watch.timeout(11.0) == LOST
    watch.look(LOST, 12.0)
    assert watch.deadline is None


def test_a_text_that_goes_on_is_a_packet():
    """The rest of the frame comes before the second is over."""
    watch = TextWatch()
    watch.look(b"!E\0" + LOST, 10.0)
    watch.look(b"!E\0" + LOST + b"more", 10.5)
    assert watch.deadline is None
    assert watch.timeout(20.0) == b""


def test_the_same_text_may_come_again_later():
    """After something else has come in between."""
    watch = TextWatch()
    watch.look(b"RING\r\n", 10.0)
    watch.timeout(11.0)
    watch.look(b"", 12.0)
    watch.look(b"RING\r\n", 13.0)
    assert watch.timeout(14.0) == b"RING\r\n"
