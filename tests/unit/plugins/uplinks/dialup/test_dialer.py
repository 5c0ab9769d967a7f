"""Rounds of calls; the rest of it is in test_uplink.py."""

import pytest

from ics_plugins.uplinks.dialup.dialer import RoundFailed
from ics_plugins.uplinks.dialup.plan import Remedy

NOTHING = Remedy()


def dial(one, remedy=NOTHING):
    """Begin a round; the list that its end will stand in."""
    got = []
    one.uplink._dialer.dial(remedy).addCallback(got.append)
    one.turn()
    return got


@pytest.mark.parametrize(
    ("answer", "calls", "kind"),
    [
        (b"BUSY\r\n", 2, {}),
        (b"ERROR\r\n", 1, {}),
        (b"NO DIALTONE\r\n", 1, {}),
        (b"", 1, {"silent": True}),
    ],
)
def test_who_is_called_next(bench, answer, calls, kind):
    """Another number after one that was busy, nobody after a modem that cannot."""
    one = bench(
        {"ATDT1": answer or None, "ATDT2": answer or None, "": None}, numbers=["1", "2"], providers={}
    ).start()
    got = dial(one)
    assert one.wait(80, lambda: bool(got))
    assert len([text for text in one.phone.commands if text.startswith("ATDT")]) == calls
    reason = got[0].reason
    assert got == [RoundFailed(reason, **kind)]


def test_an_end_in_the_midst_is_no_failure(bench):
    """Whoever dialled hears nothing but that it is over."""
    one = bench({"ATDT123": None}, providers={}).start()
    got = dial(one)
    one.wait(1)
    ended = []
    one.uplink._dialer.end("enough").addCallback(ended.append)
    assert one.wait(6, lambda: bool(ended))
    assert got == [None]


def test_a_secret_that_cannot_be_read(bench):
    """Nothing is dialled, and the reason names the file."""
    one = bench(user="guest", password={"file": "/nonexistent/password"}).start()
    got = dial(one)
    assert got[0].settings
    assert "/nonexistent/password" in got[0].reason
    assert one.phone.commands == []


def test_the_device_is_opened_anew_first(bench):
    """If that is the remedy."""
    one = bench().start()
    got = dial(one, Remedy(reopen=True))
    assert one.wait(10, lambda: bool(got))
    assert (got, len(one.host.serial)) == ([None], 2)


def test_facts_of_the_last_call_go(bench):
    """The answer to it; what is of lasting interest stays."""
    one = bench({"ATDT123": None}, providers={}).start()
    dialer = one.uplink._dialer
    dialer.facts = {"answer": "BUSY", "signal": "-70 dBm"}
    dial(one)
    assert dialer.facts == {"signal": "-70 dBm"}
