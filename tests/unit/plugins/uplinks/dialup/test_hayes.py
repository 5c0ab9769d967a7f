"""Whole conversations with a modem on a telephone line."""

import pytest

from ics_plugins.uplinks.dialup.hayes import hayes

BEGIN = [
    "stage initialising",
    "> ATZ\\r",
    "> ATE0V1Q0\\r",
    "> AT&C1&D2\\r",
    "stage calling 123",
    "> ATDT123\\r",
]
ONE_PIECE = 0


def dialled(paper, order, answer, **changes):
    """What happens when the call is answered by this."""
    return paper({"ATDT123": answer}, **changes).run(hayes(order()))


@pytest.mark.parametrize("piece", [ONE_PIECE, 1, 3])
def test_a_call_that_is_answered(paper, order, piece):
    """Initialise, dial, connect; however the answers are cut."""
    log = dialled(paper, order, b"\r\nCONNECT 33600\r\n", piece=piece)
    assert log == [*BEGIN, "answer: CONNECT 33600", "connected 33600"]


@pytest.mark.parametrize(
    ("answer", "end"),
    [
        (b"BUSY\r\n", "call: 123: the line is busy"),
        (b"NO ANSWER\r\n", "call: 123: nobody answered"),
        (b"NO CARRIER\r\n", "call: 123: no modem answered there (NO CARRIER)"),
        (b"3\r", "call: 123: no modem answered there (NO CARRIER)"),
        (b"NO DIALTONE\r\n", "modem: 123: there is no dial tone; is the telephone cable plugged in?"),
        (b"ERROR\r\n", "modem: 123: the modem refused to call it (ERROR)"),
        (b"OK\r\n", "modem: 123: the modem answered OK instead of calling"),
        (b"BLACKLISTED\r\n", "call: 123: the modem will not call this number again for now"),
    ],
)
def test_a_call_that_is_not(paper, order, answer, end):
    """Each answer has its reason; an OK to a call, as tcpser gives it after a failed one, is none."""
    assert dialled(paper, order, answer)[-1] == end


def test_rings_and_progress_are_waited_through(paper, order):
    """Somebody calls us, and the modem tells its protocol before CONNECT."""
    log = dialled(paper, order, b"RING\r\nRINGING\r\nCARRIER 33600\r\nPROTOCOL: LAPM\r\nCONNECT 115200\r\n")
    assert log[-1] == "connected 115200"


def test_nobody_answers_in_time(paper, order):
    """A key ends the dialling, and the number is named."""
    log = paper({"ATDT123": None, "": b"NO CARRIER\r\n"}).run(hayes(order(dial_timeout=30.0)))
    assert log == [
        *BEGIN,
        "... 30 s",
        "> \\r",
        "call: 123: nobody answered in 30 s (dial_timeout)",
    ]


def test_a_modem_that_dies_while_dialling(paper, order):
    """Not even the key is noticed: it counts as dead, so that its device is opened anew."""
    log = paper({"ATDT123": None, "": None}).run(hayes(order(dial_timeout=30.0)))
    assert log[-1] == "silent: 123: the modem said nothing for 30 s"


def test_a_modem_that_is_still_in_a_call(paper, order):
    """It hears no command until +++ between two silences; then all is well."""
    modem = paper({"ATZ": [None, b"OK\r\n"], "ATDT123": b"CONNECT\r"})
    assert modem.run(hayes(order())) == [
        "stage initialising",
        "> ATZ\\r",
        "... 3 s",
        "... 1.1 s",
        "> +++",
        "> ATH\\r",
        "> ATZ\\r",
        *BEGIN[2:],
        "answer: CONNECT",
        "connected None",
    ]


def test_a_modem_that_is_not_there(paper, order):
    """Three times spoken to, in less than half a minute."""
    modem = paper(quiet=True)
    log = modem.run(hayes(order()))
    assert log.count("> ATZ\\r") == 3
    assert log[-1] == "silent: the modem does not answer; is it switched on, and speed: right?"
    assert modem.now - 100.0 < 30.0


def test_a_modem_without_carrier_lines_goes_on(paper, order):
    """It refuses what it does not know, and that is no reason not to dial."""
    log = paper({"AT&C1&D2": b"ERROR\r", "ATDT123": b"CONNECT\r"}).run(hayes(order()))
    assert log[-1] == "connected None"


def test_the_operators_commands(paper, order):
    """They come before the call; one that is refused is named."""
    told = order(init=("ATM0", "ATX3"), dial="ATDP")
    log = paper({"ATDP123": b"CONNECT 2400\r"}).run(hayes(told))
    assert log[4:6] == ["> ATM0\\r", "> ATX3\\r"]
    assert log[-1] == "connected 2400"
    log = paper({"ATX3": b"ERROR\r"}).run(hayes(told))
    assert log[-1] == "modem: the modem refuses ATX3 (init) with ERROR"
    log = paper({"ATX3": None}).run(hayes(told))
    assert log[-1] == "silent: the modem does not answer ATX3 (init)"


def test_a_reset_takes_the_factory_settings(paper, order):
    """What an earlier try has left in the modem is gone."""
    log = paper({"ATDT123": b"CONNECT\r"}).run(hayes(order(reset=True)))
    assert log[1:4] == ["> ATZ\\r", "> AT&F\\r", "> ATE0V1Q0\\r"]


def test_an_echoing_modem(paper, order):
    """The echo of the command is no answer to it."""
    answers = {text: text.encode() + b"\r\r\nOK\r\n" for text in ("ATZ", "ATE0V1Q0", "AT&C1&D2")} | {
        "ATDT123": b"ATDT123\r\r\nCONNECT 9600\r\n"
    }
    assert paper(answers).run(hayes(order()))[-1] == "connected 9600"
