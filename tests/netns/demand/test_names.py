"""Names: a lookup dials, says who wanted it, and names that must not dial do not."""

import time

from icsframework.lab.waiting import wait_for

SERVER, OTHER, PORT = "192.0.2.80", "192.0.2.81", 9000
TELEMETRY = '[{action: ignore, name: "*.telemetry.example"}]'
PROHIBITED = 18
"""RFC 8914."""


def test_a_lookup_dials(stand):
    """It waits for the line and is answered; the history has who asked for what, by every name there is."""
    dialled, name = stand.dialled(), stand.new_name()
    said = stand.dig("+short", name)
    assert said.split() == [SERVER]
    assert stand.dialled() == dialled + 1
    cause = stand.uplink()["cause"]
    assert cause["client"] == str(stand.lease["pc1"].address.ip)
    assert cause["mac"] == stand.pc1.run(["cat", "/sys/class/net/eth0/address"]).stdout.strip()
    assert (cause["hostname"], cause["name"], cause["protocol"]) == ("pc1", name, "udp")
    assert cause["rule"] == "demand.wake: built in"
    events = [event for event in stand.history() if event["event"] in ("connecting", "up")][-2:]
    assert [event["cause"] for event in events] == [cause, cause]
    assert name in stand.ics("history")[1]


def test_the_name_of_a_packet(stand):
    """A name looked up before is the name of the packet that dials later."""
    name = stand.new_name()
    assert stand.dig("+short", name, host=stand.pc2).split() == [SERVER]
    stand.hang_up()
    with stand.witness(PORT), stand.udp(stand.pc2, (SERVER, PORT)) as own:
        own.send(b"later")
        assert own.recv(100) == b"later"
    cause = stand.uplink()["cause"]
    assert (cause["hostname"], cause["name"]) == ("pc2", name)
    assert (cause["protocol"], cause["destination"]) == ("udp", f"{SERVER}:{PORT}")


def test_names_that_must_not_dial(module_stand):
    """Refused at once with an extended error; answered while the line is up; what they led to does not dial either."""
    stand = module_stand.begin(wake=TELEMETRY)
    before = stand.dialled()
    began = time.monotonic()
    said = stand.dig("stats.telemetry.example")
    assert time.monotonic() - began < 1.0
    assert "status: SERVFAIL" in said
    assert stand.extended_error(said)[0] == PROHIBITED
    assert "wake[0]" in stand.extended_error(said)[1]
    assert (stand.dialled(), stand.uplink()["state"]) == (before, "armed")
    assert stand.dig("+short", stand.new_name()).split() == [SERVER]
    said = stand.dig("stats.telemetry.example")
    assert f"A\t{OTHER}" in said, said
    stand.hang_up()
    with stand.witness(PORT, answer=False) as witness, stand.udp(stand.pc1, (OTHER, PORT)) as one:
        one.send(b"what you did today")
        assert "192.168.0.100" in stand.dig("pc1.home.arpa") + stand.dig("pc2.home.arpa")
        assert (stand.dialled(), stand.uplink()["state"]) == (before + 1, "armed")
        with stand.udp(stand.pc2, (OTHER, PORT)) as two:  # who never looked it up
            two.send(b"hello")
            wait_for(lambda: witness.heard, 15.0, "its datagram")
    assert [one.data for one in witness.heard] == [b"hello"]
    assert stand.dialled() == before + 2


def test_local_names_need_no_line(stand):
    """The home's own names, whole and short, forward and back, and what can only be local, are answered without a dial."""
    before = stand.dialled()
    address = str(stand.lease["pc2"].address.ip)
    reverse = ".".join(reversed(address.split(".")))
    assert stand.dig("+short", "pc2.home.arpa").split() == [address]
    assert stand.dig("+short", "pc2").split() == [address]
    assert stand.dig("+short", "-x", address).split() == ["pc2.home.arpa."]
    assert stand.pc1.resolve("pc2") == (address,)
    for name in (
        "nosuchhost",
        "nosuchhost.home.arpa",
        "1.0.16.172.in-addr.arpa",
        "printer.local",
        "localhost",
    ):
        said = stand.dig(name)
        assert "status: NXDOMAIN" in said or "status: NOERROR" in said, said
    assert f"{reverse}.in-addr.arpa" in stand.dig("-x", address)
    assert (stand.dialled(), stand.uplink()["state"]) == (before, "armed")
