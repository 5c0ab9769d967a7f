"""The SIM and the network."""

import pytest

from icsframework.lab.telephone.sim import Sim


def test_an_open_sim():
    """Without a PIN it is ready; what it tells has the forms of TS 27.007."""
    sim = Sim()
    told = {command: sim.answer(command) for command in ("+CPIN?", "+CEREG?", "+CSQ", "+COPS?", "+CGATT?")}
    assert told == {
        "+CPIN?": (["+CPIN: READY"], "OK"),
        "+CEREG?": (["+CEREG: 0,1"], "OK"),
        "+CSQ": (["+CSQ: 18,99"], "OK"),
        "+COPS?": (['+COPS: 0,0,"Lab Mobile",7'], "OK"),
        "+CGATT?": (["+CGATT: 1"], "OK"),
    }


def test_a_locked_sim():
    """Nothing works until the right PIN; every one that was sent is remembered; three wrong ones want the PUK."""
    sim = Sim("1234")
    assert sim.answer("+CPIN?") == (["+CPIN: SIM PIN"], "OK")
    assert sim.answer('+CGDCONT=1,"IP","internet"') == ([], "ERROR")
    assert sim.answer("+CMEE=1") == ([], "OK")
    assert sim.answer('+CGDCONT=1,"IP","internet"') == ([], "+CME ERROR: 11")
    assert (sim.answer('+CPIN="0000"'), sim.ready) == (([], "+CME ERROR: 16"), False)
    assert (sim.answer('+CPIN="1234"'), sim.ready, sim.tries) == (([], "OK"), True, 3)
    assert sim.pins == ["0000", "1234"]
    sim = Sim("1234", errors=2)
    for _ in range(3):
        assert sim.answer("+CPIN=1") == ([], "+CME ERROR: incorrect password")
    assert sim.answer("+CPIN?") == (["+CPIN: SIM PUK"], "OK")
    assert sim.answer("+CPIN=1234") == ([], "+CME ERROR: SIM PUK required")


def test_access_points():
    """Set and told again."""
    sim = Sim()
    assert sim.answer('+CGDCONT=1,"IP","internet.Example"') == ([], "OK")
    assert sim.access_points == {"1": "internet.Example"}
    assert sim.answer("+CGDCONT?") == (['+CGDCONT: 1,"IP","internet.Example"'], "OK")


def test_out_of_reach():
    """It searches, has no signal and no operator."""
    sim = Sim(registered=False)
    lines = [sim.answer(command)[0][0] for command in ("+CREG?", "+CSQ", "+COPS?")]
    assert lines == ["+CREG: 0,2", "+CSQ: 99,99", "+COPS: 0"]


@pytest.mark.parametrize(("command", "result"), [("+CFUN=1", "OK"), ("+CGATT=1", "OK"), ("+XYZ", "ERROR")])
def test_other_commands(command, result):
    """Some are taken without effect, others are not known."""
    assert Sim().answer(command) == ([], result)
