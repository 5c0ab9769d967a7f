"""Other modems than a Hayes one: a cellular modem with its PIN, and a cable."""

CELLULAR = {"modem": "cellular", "numbers": None, "apn": "internet"}


def test_a_cellular_modem(dialup):
    """PIN, registration, access point, and *99#, which need not be written; the operator is in the status."""
    lab = dialup('kind: cellular, pin: "1234"', "auth: none", pin='"1234"', **CELLULAR).join()
    up = lab.wait("up")
    assert "Lab Mobile" in str(up["details"])
    state = lab.modem.look()
    assert (state["dialled"], state["pins"], state["access_points"]) == (
        ["*99#"],
        ["1234"],
        {"1": "internet"},
    )
    assert lab.works() == "203.0.113.5"


def test_a_refused_pin_is_sent_once(dialup):
    """Not again by the next try, nor after a restart; but when it was changed in the file."""
    lab = dialup('kind: cellular, pin: "1234"', "auth: none", connect="manual", pin='"9999"', **CELLULAR)
    for _ in range(2):
        status, said = lab.ics("connect", "phone")
        assert (status, "PIN" in said) == (1, True), said
    lab.gateway.restart()
    assert lab.ics("connect", "phone")[0] == 1
    assert lab.modem.look()["pins"] == ["9999"]
    assert "9999" not in lab.gateway.log()
    lab.configure(pin='"1234"', **CELLULAR)
    assert lab.ics("connect", "phone")[0] == 0
    assert lab.modem.look()["pins"] == ["9999", "1234"]


def test_a_cable(dialup):
    """No number; the line is there when it is opened."""
    lab = dialup("kind: null-modem", "", modem="null-modem", numbers=None).join()
    lab.wait("up")
    assert lab.works() == "203.0.113.5"
