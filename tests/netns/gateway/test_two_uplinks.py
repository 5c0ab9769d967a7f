"""Two providers: which way flows take, and what becomes of them when a cable is pulled and comes back."""

import socket
import time

import pytest
import yaml

from icsframework.lab.waiting import wait_for

ECHO, TALK, FILES = 7, 9, 8000
SERVER = "192.0.2.80"
CABLE, DSL = "203.0.113.5", "198.51.100.5"
MARKS = {"cable": 0x10000, "dsl": 0x20000}
CONFIG = """
lans: [{name: home, interface: eth1, address: 192.168.0.1/24}]
uplinks:
  - name: cable
    plugin: ethernet
    interface: eth0
    address: {address: 203.0.113.5/24, gateway: 203.0.113.1, dns: [203.0.113.1]}
  - name: dsl
    plugin: ethernet
    interface: eth2
    address: {address: 198.51.100.5/24, gateway: 198.51.100.1, dns: [198.51.100.1]}
"""
ONE = CONFIG.partition("  - name: dsl")[0]


def cut(lab, interface="eth0"):
    """Pull the gateway's cable at the switch."""
    lab.switch.run(["ip", "link", "set", f"gateway-{interface}", "down"], check=True)


def plug(lab, interface="eth0"):
    """Put it back."""
    lab.switch.run(["ip", "link", "set", f"gateway-{interface}", "up"], check=True)


def running(open_lab, config=CONFIG):
    """The lab with all uplinks up and an address on pc1."""
    lab = open_lab(gateway_config=config)
    for uplink in yaml.safe_load(config)["uplinks"]:
        lab["gateway"].gateway.wait_uplink(uplink["name"])
    lab["pc1"].dhcp()
    return lab


def way(pc, timeout=2.0):
    """The address that the server sees of a new connection of the PC; None if there is none in time."""

    def ask():
        try:
            with socket.create_connection((SERVER, 80), timeout) as sock:
                sock.settimeout(timeout)
                sock.sendall(b"GET /ip HTTP/1.0\r\n\r\n")
                answer = b"".join(iter(lambda: sock.recv(4096), b""))
        except OSError:
            return None
        return answer.rpartition(b"\r\n")[2].split()[0].decode()

    return pc.inside(ask)


def tracked(gateway, uplink):
    """The flows that the kernel of the gateway tracks for an uplink."""
    return gateway.run(["conntrack", "-L", "-m", f"{MARKS[uplink]:#x}/0x1f0000"]).stdout.splitlines()


def hosts(seen):
    """The addresses among sources, in order."""
    return sorted({source.rpartition(":")[0] for source in seen["sources"]})


def test_flows_leave_by_their_uplink_and_answers_come_back_by_it(open_lab, traffic):
    """Both up: the gateway's own sockets go where their mark says, all others by the preferred one; nothing is lost."""
    lab = running(open_lab)
    gateway, pc, server = lab["gateway"], lab["pc1"], lab["server"]
    echo = {name: traffic(server, "echo", ECHO + place) for place, name in enumerate((*MARKS, "pc"))}
    streams = {
        name: traffic(gateway, "stream", SERVER, ECHO + place, mark)
        for place, (name, mark) in enumerate(MARKS.items())
    }
    streams["pc"] = traffic(pc, "stream", SERVER, ECHO + 2)
    with lab["isp-a"].capture("eth0", f"udp port {ECHO + 1}") as wrong:
        time.sleep(1.0)  # how long they talk
        seen = {name: stream.end() for name, stream in streams.items()}
    assert {name: (one["missing"], one["answered"] > 500) for name, one in seen.items()} == dict.fromkeys(
        streams, (0, True)
    )
    assert {name: hosts(one.end()) for name, one in echo.items()} == {
        "cable": [CABLE],
        "dsl": [DSL],
        "pc": [CABLE],
    }
    assert wrong.frames() == []


def test_a_pulled_cable_moves_new_flows_and_no_others(open_lab, traffic, record_property):
    """Within two seconds new flows and names go by the other one; TCP on the dead one ends; the other's flows go on."""
    lab = running(open_lab)
    gateway, pc, server, daemon = lab["gateway"], lab["pc1"], lab["server"], lab["gateway"].gateway
    parrot = traffic(server, "parrot", TALK)
    echo = traffic(server, "echo", ECHO)
    talk, kept = traffic(pc, "talk", SERVER, TALK), traffic(gateway, "talk", SERVER, TALK, MARKS["dsl"])
    stream = traffic(gateway, "stream", SERVER, ECHO, MARKS["dsl"])
    traffic(gateway, "talk", SERVER, TALK)  # the gateway's own, not translated: nobody but us ends it
    assert way(pc) == CABLE
    assert tracked(gateway, "cable")
    cut(lab)
    began = time.monotonic()
    found = wait_for(lambda: way(pc, 0.1), 10, "new flows to pass")
    moved = time.monotonic() - began
    with lab["isp-b"].capture("eth0", "udp port 53") as questions:
        assert pc.resolve("mail.example.net") == ("192.0.2.80",)
    resolved = time.monotonic() - began
    wait_for(lambda: talk.over, 10, "the old flow to end")
    ended = time.monotonic() - began
    record_property("seconds", (moved, resolved, ended))
    print(f"new flows after {moved:.2f} s, names {resolved:.2f} s, old TCP over after {ended:.2f} s")
    assert found == DSL
    assert moved < 2.0
    assert questions.frames()
    assert resolved < 3.0
    assert talk.end()["error"] == "Connection reset by peer"
    assert ended < 5.0
    assert daemon.uplink("cable")["state"] == "absent"
    assert daemon.uplink("dsl")["active"] is True
    wait_for(lambda: not tracked(gateway, "cable"), 5, "the flows of the dead uplink to be forgotten")
    assert tracked(gateway, "dsl")
    rest = kept.end()
    assert (rest["error"], rest["silent"] < 0.5) == ("", True)
    assert stream.end()["missing"] == 0
    assert hosts(echo.end()) == [DSL]
    assert parrot.end()["peers"] == [DSL, CABLE]


@pytest.mark.parametrize(("metered", "seen"), [(False, [DSL]), (True, [DSL, CABLE])])
def test_the_better_one_returns(open_lab, traffic, metered, seen):
    """New flows go there; a flow that has begun stays where it is, unless that costs money."""
    lab = running(
        open_lab, CONFIG.replace("interface: eth2", f"interface: eth2\n    metered: {str(metered).lower()}")
    )
    pc, server, daemon = lab["pc1"], lab["server"], lab["gateway"].gateway
    cut(lab)
    daemon.wait_uplink("cable", "absent")
    echo = traffic(server, "echo", ECHO)
    stream = traffic(pc, "stream", SERVER, ECHO)
    assert way(pc) == DSL
    plug(lab)
    daemon.wait_uplink("cable")
    assert way(pc) == CABLE
    time.sleep(1.5)  # until after the second look
    assert way(pc) == CABLE
    lost, sources = stream.end(), hosts(echo.end())
    assert sources == seen
    assert lost["missing"] < 20 if metered else lost["missing"] == 0, lost


def test_a_second_cable_pulled_and_both_back(open_lab):
    """No uplink at all: an answer at once; whichever returns first is used."""
    lab = running(open_lab)
    pc, daemon = lab["pc1"], lab["gateway"].gateway
    for interface, name in (("eth0", "cable"), ("eth2", "dsl")):
        cut(lab, interface)
        daemon.wait_uplink(name, "absent")
    wait_for(lambda: "Net Unreachable" in pc.run(["ping", "-c1", "-W1", SERVER]).stdout, 5, "an answer")
    plug(lab, "eth2")
    daemon.wait_uplink("dsl")
    assert way(pc) == DSL
    plug(lab, "eth0")
    daemon.wait_uplink("cable")
    assert way(pc) == CABLE


@pytest.mark.parametrize("config", [ONE, ONE.replace("203.0.113.1]}", "203.0.113.1]}\n    metered: true")])
def test_nothing_is_forgotten_while_there_is_no_other_way(open_lab, traffic, config):
    """The only cable pulled for three seconds: a download goes on where it was, byte for byte."""
    lab = running(open_lab, config)
    pc, server, daemon = lab["pc1"], lab["server"], lab["gateway"].gateway
    files = traffic(server, "serve", FILES)
    download = traffic(pc, "download", SERVER, FILES)
    cut(lab)
    daemon.wait_uplink("cable", "absent")
    time.sleep(1.5)  # until after the second look
    plug(lab)
    daemon.wait_uplink("cable")
    wait_for(lambda: way(pc) == CABLE, 5, "the way")
    time.sleep(1.0)  # some more of it
    assert not download.over
    sent = files.end()["bytes"]
    assert download.end() == {"bytes": sent, "exact": True, "error": ""}
