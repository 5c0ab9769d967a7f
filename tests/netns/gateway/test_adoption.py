"""Killed, handed over, started again: nobody behind the gateway notices."""

import re
import signal
import sys
from pathlib import Path

import pytest
import yaml

from icsframework.lab.snapshot import differences
from icsframework.lab.unit import Unit

ICS = str(Path(sys.executable).with_name("ics"))
ECHO, FILES = 7, 8000
SERVER = "192.0.2.80"
CONFIG = """
lans: [{name: home, interface: eth1, address: 192.168.0.1/24}]
uplinks:
  - {name: dsl, plugin: ethernet, interface: eth2, address: dhcp}
  - {name: cable, plugin: ethernet, interface: eth0, address: {address: 203.0.113.5/24, gateway: 203.0.113.1}}
"""
SETTLED = """
ip link set eth1 up
ip addr add 10.20.30.40/24 dev eth1
ip route add 10.99.0.0/16 via 10.20.30.1
ip rule add from 10.20.30.0/24 lookup 77 priority 500
sysctl -qw net.ipv4.conf.all.rp_filter=2 net.ipv4.conf.eth0.arp_ignore=2
nft 'table inet foreign { chain f { type filter hook forward priority 5; }; }'
"""


def kill(daemon):
    """kill -9, start."""
    daemon.kill()
    daemon.start()
    daemon.wait_ready()


def hand_over(daemon):
    """SIGUSR2, status 75, start."""
    daemon.signal(signal.SIGUSR2)
    assert daemon.wait_end() == 75
    daemon.start()
    daemon.wait_ready()


def running(lab):
    """The lab's daemon with both uplinks up."""
    daemon = lab["gateway"].gateway
    for uplink in ("dsl", "cable"):
        daemon.wait_uplink(uplink)
    return daemon


def asked(lab):
    """How often the provider's DHCP server was asked for anything."""
    return len(re.findall(r"DHCP(?:DISCOVER|REQUEST|RELEASE)\(", lab["isp-b"].services["dnsmasq"].log()))


def facts(daemon):
    """What must be the same before and after."""
    keys = ("name", "state", "since", "addresses", "dns", "cause", "active")
    uplinks = [{key: uplink[key] for key in keys} for uplink in daemon.status_tree()["uplinks"]]
    return uplinks, daemon.api("GET", "/v1/leases"), daemon.api("GET", "/v1/history")


@pytest.mark.parametrize("again", [kill, hand_over])
def test_no_packet_is_lost_in_ten_restarts(open_lab, traffic, again, record_property):
    """1000 datagrams a second and a download through NAT: each datagram answered, each byte right; leases the same."""
    lab = open_lab(gateway_config=CONFIG)
    daemon, pc, server = running(lab), lab["pc1"], lab["server"]
    pc.dhcp(), lab["pc2"].dhcp()
    echo, files = traffic(server, "echo", ECHO), traffic(server, "serve", FILES)
    before, questions = facts(daemon), asked(lab)
    stream, download = traffic(pc, "stream", SERVER, ECHO), traffic(pc, "download", SERVER, FILES)
    for _ in range(10):
        again(daemon)
        daemon.wait_uplink("dsl")
        daemon.wait_uplink("cable")
        assert facts(daemon) == before
    seen, sent, bytes_ = stream.end(), echo.end(), files.end()["bytes"]
    record_property("stream", seen)
    print(again.__name__, seen, sent, bytes_)
    assert (seen["missing"], seen["refused"]) == (0, 0), seen
    assert seen["answered"] == sent["distinct"] == seen["sent"] > 5000
    assert len(sent["sources"]) == 1
    assert download.end() == {"bytes": bytes_, "exact": True, "error": ""}
    assert bytes_ > 10 * 1000 * 1000
    assert asked(lab) == questions
    assert daemon.log().count("goes on as it was") == 20
    assert daemon.log().count("found a gateway's state here") == 10


def test_ten_ends_of_any_kind_and_a_stop_leave_the_original_state(lab):
    """before.json tells of the time before the first start, whatever came in between; a stop leaves no file."""
    gateway, daemon = lab["gateway"], lab["gateway"].gateway
    gateway.run(["sh", "-ec", SETTLED])
    before = gateway.snapshot()
    daemon.start()
    daemon.wait_ready()
    for again in (kill, hand_over, hand_over, kill, kill, hand_over, kill, hand_over, kill, kill):
        daemon.wait_uplink("cable")
        again(daemon)
    assert differences(before, gateway.snapshot())
    assert daemon.stop() == 0
    assert differences(before, gateway.snapshot()) == []
    assert [path.name for path in daemon.run.iterdir()] == []


def test_ics_restart_waits_for_the_next_gateway(gateway_lab):
    """With a unit that starts it again: status 0 and another process; traffic goes on."""
    gateway, daemon, pc = gateway_lab["gateway"], gateway_lab["gateway"].gateway, gateway_lab["pc1"]
    pc.dhcp()
    flow = pc.popen(["ping", "-i0.02", "-q", SERVER])
    before = daemon.status_tree()["gateway"]["pid"]
    with Unit([daemon]) as unit:
        done = gateway.run([ICS, "--socket", daemon.control_socket, "restart"], timeout=30)
    assert (done.returncode, unit.restarts) == (0, 1), done.stderr
    assert re.fullmatch(r"handed over in \d+\.\d s; the gateway is now process \d+\n", done.stdout)
    assert daemon.status_tree()["gateway"]["pid"] != before
    flow.send_signal(signal.SIGINT)
    assert " 0% packet loss" in flow.communicate(timeout=10)[0]


def test_ics_restart_says_that_nothing_starts_it_again(gateway_lab):
    """Without a unit: status 1, what to do, and the kernel forwards on."""
    gateway, daemon, pc = gateway_lab["gateway"], gateway_lab["gateway"].gateway, gateway_lab["pc1"]
    pc.dhcp()
    done = gateway.run([ICS, "--socket", daemon.control_socket, "restart"], timeout=40)
    assert done.returncode == 1
    assert "nothing has started it again" in done.stderr
    assert daemon.status == 75
    assert pc.run(["ping", "-c1", "-W2", SERVER]).returncode == 0
    daemon.start()
    daemon.wait_ready()
    daemon.wait_uplink("cable")


def test_a_cable_that_was_pulled_meanwhile(open_lab):
    """What does not go on is tidied up, and connects anew when it can."""
    lab = open_lab(gateway_config=CONFIG)
    daemon, gateway = running(lab), lab["gateway"]
    daemon.kill()
    lab.switch.run(["ip", "link", "set", "gateway-eth2", "down"], check=True)
    daemon.start()
    daemon.wait_ready()
    assert daemon.wait_uplink("dsl", "absent")["active"] is False
    daemon.wait_uplink("cable")
    assert "198.51.100" not in gateway.run(["ip", "-4", "-br", "addr", "show", "eth2"]).stdout
    assert "198.51.100" not in gateway.run(["ip", "route"]).stdout
    lab.switch.run(["ip", "link", "set", "gateway-eth2", "up"], check=True)
    assert daemon.wait_uplink("dsl")["active"] is True


def test_the_file_was_changed_meanwhile(open_lab, traffic):
    """Uplinks added and turned round: those that stay keep their mark, and their flows their way."""
    lab = open_lab(gateway_config=CONFIG)
    daemon, gateway, pc, server = running(lab), lab["gateway"], lab["pc1"], lab["server"]
    pc.dhcp()
    echo = traffic(server, "echo", ECHO)
    stream = traffic(pc, "stream", SERVER, ECHO)
    rule = [line for line in gateway.run(["ip", "rule"]).stdout.splitlines() if "lookup 26882" in line]
    assert rule  # 0x6902: cable, the second one
    daemon.kill()
    tree = yaml.safe_load(daemon.config_file.read_text())
    spare = {"name": "spare", "plugin": "ethernet", "interface": "eth9", "address": "dhcp"}
    tree["uplinks"] = [spare, *reversed(tree["uplinks"])]
    daemon.config_file.write_text(yaml.safe_dump(tree))
    daemon.start()
    daemon.wait_ready()
    assert daemon.wait_uplink("cable")["active"] is True
    daemon.wait_uplink("dsl")
    assert [
        line for line in gateway.run(["ip", "rule"]).stdout.splitlines() if "lookup 26882" in line
    ] == rule
    assert pc.fetch(f"http://{SERVER}/ip").body.split()[0] == b"203.0.113.5"
    seen, sent = stream.end(), echo.end()
    assert (seen["missing"], len(sent["sources"])) == (0, 1), (seen, sent)
    assert sent["sources"][0].startswith("198.51.100.")


def test_a_damaged_record_costs_a_new_connect_only(open_lab):
    """The start says so and connects; the clean stop still restores."""
    lab = open_lab(gateway_config=CONFIG, start_gateways=False)
    gateway, daemon = lab["gateway"], lab["gateway"].gateway
    before = gateway.snapshot()
    daemon.start()
    daemon.wait_ready()
    daemon.wait_uplink("dsl")
    daemon.kill()
    (daemon.run / "links.json").write_text("{")
    daemon.start()
    daemon.wait_ready()
    daemon.wait_uplink("dsl")
    assert "what an earlier start left is not known" in daemon.log()
    assert daemon.stop() == 0
    assert differences(before, gateway.snapshot()) == []
