"""The pieces that scripts are made of."""

from ics_plugins.uplinks.dialup.commands import MOST_LINES, command, failed_call, is_ok, query
from ics_plugins.uplinks.dialup.results import Kind, Result
from ics_plugins.uplinks.dialup.steps import Done, Fault


def test_a_query_finds_its_line_among_others(paper):
    """Rings and other modems' lines in between are passed over."""
    found = []

    def script():
        found.append((yield from query("AT+CSQ", "+CSQ:")))
        return Done()

    paper({"AT+CSQ": b"RING\r\n+CREG: 1\r\n+CSQ: 20,99\r\nOK\r\n"}).run(script())
    assert found == [("20,99", Result(Kind.OK, "OK"))]


def test_a_query_that_is_never_answered_ends(paper):
    """However much the modem has to say meanwhile."""
    found = []

    def script():
        found.append((yield from query("AT+CSQ", "+CSQ:")))
        return Done()

    log = paper({"AT+CSQ": b"RING\r\n" * MOST_LINES}).run(script())
    assert found == [("", None)]
    assert log == ["> AT+CSQ\\r", "done"]


def test_a_secret_command_is_not_shown(paper):
    """It is sent all the same."""

    def script():
        yield from command('AT+CPIN="1234"', secret=True)
        return Done()

    modem = paper()
    assert modem.run(script()) == ["> (secret)", "done"]
    assert modem.sent == b'AT+CPIN="1234"\r'


def test_is_ok():
    """Nothing but OK is."""
    assert is_ok(Result(Kind.OK, "OK"))
    assert not is_ok(None)
    assert not is_ok(Result(Kind.ERROR, "ERROR"))


def test_an_answer_without_words_of_ours_is_shown_as_it_is():
    """Whatever kind it is."""
    assert failed_call("1", Result(Kind.RING, "RING")).reason == "1: RING"
    assert failed_call("1", Result(Kind.BUSY, "BUSY")).fault is Fault.CALL
