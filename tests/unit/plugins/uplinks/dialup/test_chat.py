r"""The operator's own conversations, in the language of chat(8)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ics_plugins.uplinks.dialup.chat import BadChat, chat, expected, parse, split_alternatives, taken_apart
from ics_plugins.uplinks.dialup.plan import Order
from ics_plugins.uplinks.dialup.steps import Pause, Write

USUAL = ("ABORT", "BUSY", "ABORT", "NO CARRIER", "TIMEOUT", "5", "", "ATZ", "OK", r"ATDT\T", "TIMEOUT", "60")


def test_the_usual_script(paper, order):
    """As everybody's chat script begins; the speed of CONNECT is understood."""
    told = order(chat=(*USUAL, "CONNECT", r"\c"))
    log = paper({"ATDT123": b"\r\nCONNECT 33600\r\n~"}, piece=2).run(chat(told))
    assert log[:3] == ["stage calling 123", "> ATZ\\r", "> ATDT123\\r"]
    assert log[-1].startswith("connected 33600")


def test_a_connect_without_the_end_of_its_line(paper, order):
    """Half a second later it is taken as it is."""
    log = paper({"ATDT123": b"CONNECT"}).run(chat(order(chat=(*USUAL, "CONNECT"))))
    assert log[-2:] == ["... 0.5 s", "connected None"]


def test_what_follows_connect_is_not_lost(paper, order):
    """PPP may begin in the same read."""
    log = paper({"ATDT123": b"CONNECT 9600\r\n~\xff"}).run(chat(order(chat=(*USUAL, "CONNECT", r"\c"))))
    assert log[-1] == "connected 9600 and b'\\n~\\xff'"


@pytest.mark.parametrize(
    ("answer", "end"),
    [
        (b"\r\nBUSY\r\n", "call: 123: BUSY (ABORT in chat)"),
        (b"\r\nNO CARRIER\r\n", "call: 123: NO CARRIER (ABORT in chat)"),
        (None, "call: 'CONNECT' did not come in 60 s (chat)"),
    ],
)
def test_aborts_and_timeouts(paper, order, answer, end):
    """What ends it early, and what never came."""
    assert paper({"ATDT123": answer}).run(chat(order(chat=(*USUAL, "CONNECT"))))[-1] == end


def test_an_abort_that_was_taken_back(paper, order):
    """CLR_ABORT."""
    script = ("ABORT", "BUSY", "CLR_ABORT", "BUSY", "", "ATZ", "OK", "ATD1", "CONNECT", r"\c")
    log = paper({"ATD1": b"BUSY CONNECT\r"}).run(chat(order(chat=script)))
    assert log[-1] == "connected None"


def test_a_login_after_the_call(paper, order):
    """Prompts with alternatives: a return is sent when the first does not come; the password is not shown."""
    script = (
        *USUAL,
        "CONNECT",
        "",
        "TIMEOUT",
        "5",
        "ogin:--ogin:",
        r"\U",
        "word:",
        r"\P",
        "SAY",
        "logged in",
    )
    answers = {
        "ATDT123": b"CONNECT\r\n",
        "": [None, b"\r\nlogin: "],
        "guest": b"Password: ",
        "hunter2": b"\r\nWelcome\r\n~",
    }
    told = order(chat=script, user="guest", password="hunter2")
    log = paper(answers).run(chat(told))
    assert log[3:] == [
        "> \\r",
        "... 5 s",
        "> \\r",
        "> guest\\r",
        "> (secret)",
        "stage logged in",
        "connected None and b' '",
    ]


def test_delays_and_no_return(paper, order):
    r"""\d is a second, \p a tenth, \c no return."""
    log = paper().run(chat(order(chat=("", r"AT\dZ\p\c"))))
    assert log == ["stage calling 123", "> AT", "... 1 s", "> Z", "... 0.1 s", "connected None"]


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("ATZ", b"ATZ\r"),
        ("", b"\r"),
        (r"\c", b""),
        (r"a\sb\tc\\d\c", b"a b\tc\\d"),
        (r"\r\n\c", b"\r\n"),
        (r"\101\0\c", b"A\0"),
        ("^C", b"\x03\r"),
        ("^^", b"^\r"),
        ("EOT", b"\x04"),
        (r"\T,\U", b"123,guest\r"),
    ],
)
def test_escapes(text, octets):
    """Those of chat(8), and ours."""
    steps = taken_apart(text, Order(number="123", user="guest"))
    assert b"".join(step.data for step in steps if isinstance(step, Write)) == octets


def test_a_hidden_string_is_secret():
    r"""\q and \P hide the whole string."""
    for text in (r"\qpin", r"\P"):
        assert all(step.secret for step in taken_apart(text, Order(password="x")) if isinstance(step, Write))
    assert taken_apart(r"\p\c", Order()) == [Pause(0.1)]


def test_expect_strings():
    """No return is expected unless it stands there; dashes part alternatives."""
    assert (expected("OK"), expected(r"OK\r"), expected(r"a\sb")) == (b"OK", b"OK\r", b"a b")
    assert split_alternatives("ogin:-BREAK-ogin:") == ["ogin:", "BREAK", "ogin:"]
    assert split_alternatives(r"a\-b") == ["a-b"]


@pytest.mark.parametrize(
    ("script", "why"),
    [
        (("ABORT",), "ABORT has no argument"),
        (("TIMEOUT", "soon"), "TIMEOUT soon is no number of seconds"),
        (("", r"\z"), r"\z is no escape of a chat script"),
        (("", "a\\"), "\\ stands alone at the end of a string"),
    ],
)
def test_scripts_that_make_no_sense(script, why):
    """They are refused before anything is dialled."""
    with pytest.raises(BadChat, match="^" + why.replace("\\", "\\\\") + "$"):
        parse(script)


def test_keywords_are_words_where_something_is_sent():
    """A word that is sent is only a word."""
    assert [one.word for one in parse(("", "TIMEOUT", "OK", "x"))] == ["expect", "send", "expect", "send"]


@given(st.lists(st.text(max_size=12), max_size=8))
def test_any_strings_are_a_script_or_are_refused(words):
    """Nothing else happens to them, and a script that was accepted never breaks."""
    try:
        parse(words)
    except BadChat:
        return
    from tests.unit.plugins.uplinks.dialup.conftest import PaperModem

    PaperModem(quiet=True).run(chat(Order(chat=tuple(words))))
