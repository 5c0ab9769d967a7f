"""Whole conversations with a cellular modem."""

import pytest

from ics_plugins.uplinks.dialup.cellular import cellular, operator, registration, signal
from ics_plugins.uplinks.dialup.steps import Fault

READY = {
    "AT+CPIN?": b"+CPIN: READY\r\nOK\r\n",
    "AT+CEREG?": b"+CEREG: 0,1\r\nOK\r\n",
    "AT+CSQ": b"+CSQ: 20,99\r\nOK\r\n",
    "AT+COPS?": b'+COPS: 0,0,"Lab Mobile",7\r\nOK\r\n',
    "ATD*99#": b"CONNECT 100000000\r\n",
}
LOCKED = READY | {"AT+CPIN?": b"+CPIN: SIM PIN\r\nOK\r\n"}


@pytest.fixture
def mobile(order):
    """An order for the Internet."""

    def make(**changes):
        return order(**{"number": "*99#", **changes})

    return make


def test_a_modem_that_is_ready(paper, mobile):
    """SIM, network, access point, call; what is learned on the way is told."""
    assert paper(READY).run(cellular(mobile(apn="internet"))) == [
        "stage initialising",
        "> ATZ\\r",
        "> ATE0V1Q0\\r",
        "> AT+CMEE=1\\r",
        "> AT+CPIN?\\r",
        "stage waiting for the network",
        "> AT+CSQ\\r",
        "signal: -73 dBm",
        "> AT+CEREG?\\r",
        "> AT+COPS=3,0\\r",
        "> AT+COPS?\\r",
        "operator: Lab Mobile",
        '> AT+CGDCONT=1,"IP","internet"\\r',
        "stage calling *99#",
        "> ATD*99#\\r",
        "answer: CONNECT 100000000",
        "connected 100000000",
    ]


def test_the_pin_is_given_once_and_not_shown(paper, mobile):
    """A locked SIM is unlocked."""
    modem = paper(LOCKED)
    log = modem.run(cellular(mobile(pin="1234")))
    assert log[4:8] == [
        "> AT+CPIN?\\r",
        "stage unlocking the SIM",
        "> (secret)",
        "stage waiting for the network",
    ]
    assert modem.sent.count(b'AT+CPIN="1234"\r') == 1


@pytest.mark.parametrize(
    "answer", [b"+CME ERROR: 16\r\n", b"ERROR\r\n", b"+CME ERROR: incorrect password\r\n"]
)
def test_a_refused_pin_is_remembered(paper, mobile, answer):
    """It is said to whoever keeps it, and nothing more is tried."""
    log = paper(LOCKED | {'AT+CPIN="1234"': answer}).run(cellular(mobile(pin="1234")))
    assert log[-2] == "pin refused"
    assert log[-1].startswith("settings: the SIM refused the PIN (")


def test_a_pin_that_was_refused_before_is_not_sent(paper, mobile):
    """Three wrong ones lock the SIM."""
    modem = paper(LOCKED)
    log = modem.run(cellular(mobile(pin="1234", refused=lambda pin: pin == "1234")))
    assert b"1234" not in modem.sent
    assert log[-1].startswith("settings: the SIM has refused this PIN before")


@pytest.mark.parametrize("answer", [b"+CME ERROR: 14\r\n", b"+CME ERROR: 13\r\n"])
def test_a_busy_sim_does_not_condemn_the_pin(paper, mobile, answer):
    """What is not the PIN's fault is not remembered."""
    log = paper(LOCKED | {'AT+CPIN="1234"': answer}).run(cellular(mobile(pin="1234")))
    assert "pin refused" not in log
    assert log[-1].startswith("modem: the SIM could not be unlocked")


@pytest.mark.parametrize(
    ("state", "end"),
    [
        (
            b"+CPIN: SIM PUK\r\nOK\r\n",
            "the SIM asks for SIM PUK; put it into a telephone and unlock it there",
        ),
        (b"+CME ERROR: 10\r\n", "there is no SIM in the modem"),
        (b"+CPIN: SIM PIN\r\nOK\r\n", "the SIM asks for its PIN; set pin: in the file"),
    ],
)
def test_somebody_must_act(paper, mobile, state, end):
    """No try is of use before that."""
    modem = paper(READY | {"AT+CPIN?": state})
    assert modem.run(cellular(mobile()))[-1] == f"settings: {end}"


def test_a_sim_that_takes_its_time(paper, mobile):
    """It is asked again until it says something, and not for ever."""
    busy = b"+CME ERROR: 14\r\n"
    log = paper(READY | {"AT+CPIN?": [busy, busy, READY["AT+CPIN?"]]}).run(cellular(mobile()))
    assert log.count("... 2 s") == 2
    assert log[-1] == "connected 100000000"
    log = paper(READY | {"AT+CPIN?": busy}).run(cellular(mobile()))
    assert log[-1] == "modem: the SIM is not ready; is it well seated?"


def test_the_network_is_waited_for(paper, mobile):
    """Searching, then roaming; who is roaming is told so."""
    steps = [b"+CEREG: 0,2\r\nOK\r\n", b"+CEREG: 0,2\r\nOK\r\n", b"+CEREG: 0,5\r\nOK\r\n"]
    quiet = {"AT+CGREG?": b"ERROR\r\n", "AT+CREG?": b"+CREG: 0,2\r\nOK\r\n"}
    log = paper(READY | quiet | {"AT+CEREG?": steps}).run(cellular(mobile()))
    assert log.count("... 2 s") == 2
    assert "operator: Lab Mobile (roaming)" in log
    assert log[-1] == "connected 100000000"


@pytest.mark.parametrize(
    ("state", "why"),
    [(2, "no network was found"), (3, "the network refuses this SIM"), (0, "no network was found")],
)
def test_no_network(paper, mobile, state, why):
    """After network_timeout it is said, and why as far as it is known."""
    answers = {
        f"AT+{name}?": b"+%s: 0,%d\r\nOK\r\n" % (name.encode(), state) for name in ("CEREG", "CGREG", "CREG")
    }
    modem = paper(READY | answers)
    log = modem.run(cellular(mobile(network_timeout=10.0)))
    assert log[-1] == f"call: {why} in 10 s (network_timeout); is the antenna connected?"
    assert modem.now == 110.0


def test_a_modem_that_cannot_tell_is_called_on(paper, mobile):
    """Neither SIM nor network are known to it: the call will show."""
    error = b"ERROR\r\n"
    answers = dict.fromkeys(("AT+CPIN?", "AT+CEREG?", "AT+CGREG?", "AT+CREG?", "AT+CSQ", "AT+COPS?"), error)
    assert paper(READY | answers).run(cellular(mobile()))[-1] == "connected 100000000"


def test_an_access_point_that_is_refused(paper, mobile):
    """It is named."""
    log = paper(READY | {'AT+CGDCONT=1,"IP","internet"': b"ERROR\r\n"}).run(cellular(mobile(apn="internet")))
    assert log[-1] == "modem: the modem answers ERROR to the access point internet (apn)"


def test_a_reset_restarts_the_radio(paper, mobile):
    """Then everything begins anew; a modem that cannot goes on as it is."""
    log = paper(READY).run(cellular(mobile(reset=True)))
    assert [line for line in log if "CFUN" in line] == ["> AT+CFUN=4\\r", "> AT+CFUN=1\\r"]
    assert log[-1] == "connected 100000000"
    log = paper(READY | {"AT+CFUN=4": b"ERROR\r\n"}).run(cellular(mobile(reset=True)))
    assert log[-1] == "connected 100000000"


@pytest.mark.parametrize(
    ("text", "state"),
    [("0,1", 1), ("1", 1), ('2,5,"1A","2B",7', 5), ("", None), ("x,y", None), ("0,123", None)],
)
def test_registration(text, state):
    """The second number, or the only one."""
    assert registration(text) == state


@pytest.mark.parametrize(
    ("text", "dbm"),
    [("20,99", -73), ("0,0", -113), ("31,0", -51), ("99,99", None), ("", None), ("80,1", -51), ("-3", None)],
)
def test_signal(text, dbm):
    """27.007 section 8.5; nothing of a modem's is believed that cannot be."""
    assert signal(text) == dbm


@pytest.mark.parametrize(
    ("text", "name"), [('0,0,"Lab Mobile",7', "Lab Mobile"), ("0", ""), ('0,0,"', ""), ("", "")]
)
def test_operator(text, name):
    """What stands between quotes."""
    assert operator(text) == name


def test_settings_is_a_fault_of_its_own(paper, mobile):
    """So that the pause after it is long."""
    modem = paper(LOCKED)
    modem.run(cellular(mobile()))
    assert modem.outcome.fault is Fault.SETTINGS
