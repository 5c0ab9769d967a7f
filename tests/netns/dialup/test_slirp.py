"""The whole way against a PPP server that others wrote: slirp behind a modem at 33600 bit/s and 60 ms."""

import pytest

SLOW = "rate: 33600, latency: 60"


@pytest.mark.parametrize("auth", ["pap", "chap"])
def test_a_pc_behind_the_gateway_is_in_the_internet(dialup, auth):
    """Called, let in, configured; names by the server that IPCP told; pages through NAT, headers compressed both ways."""
    lab = dialup(SLOW, f"server: slirp, auth: {auth}").join()
    up = lab.wait("up")
    assert (up["addresses"], up["dns"], up["interface"]) == (["10.0.2.15/32"], ["192.0.2.1"], "icsu-phone")
    details = up["details"]
    assert (details["number"], details["answer"], details["user"]) == ("123", "CONNECT 33600", "gw")
    assert details["authentication"] == auth.upper()
    assert lab.works() == "192.0.2.1"  # slirp translates too, on its host
    details = lab.uplink()["details"]
    assert details["vj_compressed"] > 3
    assert (details["vj_lost"], details["bad_frames"]) == (0, 0)
    last = [event for event in lab.history() if event["event"] == "up"][-1]
    stages = [step["stage"] for step in last["steps"]]
    assert stages[:2] == ["initialising", "calling 123"]
    assert stages[-2:] == ["authenticating", "configuring"]
    assert all(step["seconds"] >= 0 for step in last["steps"])
    assert lab.ics("disconnect", "phone")[0] == 0
    assert lab.uplink()["state"] in ("down", "armed")


@pytest.mark.parametrize("auth", ["pap", "chap"])
def test_a_wrong_password(dialup, auth):
    """`ics connect` ends with the reason and status 1; it is not tried again at once; the right one works after a reload."""
    lab = dialup("", f"server: slirp, auth: {auth}", connect="manual", password="wrong")
    status, said = lab.ics("connect", "phone")
    assert status == 1
    assert "refused user gw" in said
    state = lab.uplink()
    assert state["state"] in ("failed", "down", "cooling")
    failed = [event for event in lab.history() if event["event"] == "failed"][-1]
    assert "refused user gw" in failed["reason"]
    assert "wrong" not in lab.gateway.log() + said
    assert lab.dialled() == ["123"]
    lab.configure()
    status, said = lab.ics("connect", "phone")
    assert (status, "10.0.2.15" in said) == (0, True), said
