"""A bad line, a modem that is pulled out, a carrier that goes: nothing of it ends the sharing for good."""

import shutil

import pytest

from icsframework.lab.waiting import wait_for

PROVIDER, SEEN = (
    ("server: slirp", "192.0.2.1") if shutil.which("slirp-fullbolt") else ("server: ics", "203.0.113.5")
)
"""A PPP server that others wrote, where it is installed; and the address that the server sees."""


@pytest.fixture(scope="module")
def lab(module_dialup):
    """A PC with its address; the gateway redials after a second."""
    lab = module_dialup("rate: 115200, latency: 10", PROVIDER, redial="1s", redial_max="2s").join()
    lab.wait("up")
    return lab


@pytest.fixture(autouse=True)
def good_line(lab):
    """Each test begins with a good line, and the uplink up."""
    lab.modem.ask(stalled=False, errors=0.0, plugged=True)
    lab.wait("up", 30.0)


def test_nat_and_names(lab):
    """The server sees the provider's address, not the PC's; names come from the provider's server."""
    assert lab.uplink()["dns"] == ["192.0.2.1"]
    assert lab.works() == SEEN


def test_the_carrier_is_lost(lab):
    """Redialled by itself, and said in the history."""
    before = len(lab.dialled())
    lab.modem.drop()
    wait_for(lambda: len(lab.dialled()) > before, 10.0, "the gateway to dial again")
    lab.wait("up")
    assert lab.works() == SEEN
    reasons = [event["reason"].lower() for event in lab.history() if event["event"] in ("failed", "down")]
    assert "carrier" in reasons[-1]


def test_the_modem_is_unplugged(lab):
    """Absent with a reason that names the device; plugged in again it dials by itself."""
    lab.modem.unplug()
    absent = lab.wait("absent", 10.0)
    assert "/run/modem" in absent["reason"]
    lab.modem.plug()
    lab.wait("up")
    assert lab.works() == SEEN


def test_ten_seconds_of_silence(lab):
    """The link survives that, and what was asked meanwhile is answered afterwards, without a new call."""
    before = len(lab.dialled())
    lab.modem.stall()
    assert lab.pc.run(["ping", "-c", "1", "-W", "10", "192.0.2.80"], timeout=12.0).returncode == 1
    assert lab.uplink()["state"] == "up"
    lab.modem.stall(False)
    assert lab.works() == SEEN
    assert len(lab.dialled()) == before


def test_bit_errors(lab):
    """One octet in a thousand is wrong: it still dials, and pages still arrive; bad frames are counted, none gets through."""
    lab.modem.corrupt(0.001)
    lab.modem.drop()
    wait_for(lambda: lab.uplink()["state"] != "up", 5.0, "the gateway to see the end")
    lab.wait("up", 30.0)
    for _ in range(3):
        assert lab.works(30.0) == SEEN
    wait_for(lambda: lab.uplink()["details"]["bad_frames"] > 0, 10.0, "a frame to be bad")
