"""Start, stop, reload, kill, clean up: the machine's network is ours only while we run."""

import json
import signal
import sys
from pathlib import Path

import pytest

from icsframework.lab.snapshot import differences
from icsframework.lab.waiting import wait_for

ICS = str(Path(sys.executable).with_name("ics"))
SETTLED = """
# A machine that is in use: foreign table, addresses, routes, rules and settings that must all be there afterwards.
ip link set eth1 up
ip addr add 10.20.30.40/24 dev eth1
ip link set eth2 mtu 1400
ip route add 10.99.0.0/16 via 10.20.30.1
ip rule add from 10.20.30.0/24 lookup 77 priority 500
ip route add default via 10.20.30.1 table 77
sysctl -qw net.ipv4.conf.all.rp_filter=2 net.ipv4.conf.eth0.arp_ignore=2 net.netfilter.nf_conntrack_udp_timeout=45
nft 'table inet foreign { set s { type ipv4_addr; elements = { 192.0.2.9 }; }; chain f { type filter hook forward priority 5; ip saddr @s drop; }; }'
"""


def ics(gateway, *arguments, check=True):
    """The command, in the gateway's host."""
    return gateway.run([ICS, "--socket", str(gateway.gateway.control_socket), *arguments], check=check)


def descriptors(pid):
    """How many descriptors a process has open, when it is done with what it opens for a moment."""
    seen = [0, 1, 2]

    def still():
        seen.append(len(list(Path(f"/proc/{pid}/fd").iterdir())))
        return len(set(seen[-20:])) == 1

    wait_for(still, 10.0, "the number of descriptors to stay the same for 0.2 s")
    return seen[-1]


def test_twenty_starts_and_stops_leave_everything_as_it_was(lab):
    """Tables, addresses, routes, rules, sysctls, processes: identical after each clean stop, which ends with 0."""
    gateway, daemon = lab["gateway"], lab["gateway"].gateway
    gateway.run(["sh", "-ec", SETTLED])
    before, running = gateway.snapshot(), gateway.processes()
    open_files = set()
    for _ in range(20):
        daemon.start()
        daemon.wait_ready()
        daemon.wait_uplink("cable")
        open_files.add(descriptors(daemon.pid))
        assert differences(before, gateway.snapshot())  # it does something at all
        assert daemon.stop() == 0
        assert differences(before, gateway.snapshot()) == []
        assert gateway.processes() == running
        assert not (daemon.run / "before.json").exists()
    assert max(open_files) - min(open_files) <= 8  # nothing piles up over the journals' lives


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_while_it_starts_restores_too(lab, number):
    """A signal that comes before anything is ready leaves nothing either."""
    gateway, daemon = lab["gateway"], lab["gateway"].gateway
    before = gateway.snapshot()
    daemon.start()
    wait_for(lambda: "gateway.starting" in daemon.log(), 20, "the first line")
    daemon.signal(number)
    assert daemon.wait_end() == 0
    assert differences(before, gateway.snapshot()) == []


def test_after_kill_9_cleanup_restores(lab):
    """The kernel keeps forwarding; `ics cleanup` puts everything back from before.json alone."""
    gateway, daemon, pc = lab["gateway"], lab["gateway"].gateway, lab["pc1"]
    gateway.run(["sh", "-ec", SETTLED])
    before = gateway.snapshot()
    daemon.start()
    daemon.wait_ready()
    daemon.wait_uplink("cable")
    pc.dhcp()
    daemon.kill()
    assert pc.run(["ping", "-c1", "-W2", "192.0.2.80"], check=False).returncode == 0
    done = gateway.run([ICS, "cleanup", "--run", str(daemon.run)])
    assert done.stdout.endswith("changes taken back\n")
    assert differences(before, gateway.snapshot()) == []
    again = gateway.run([ICS, "cleanup", "--run", str(daemon.run)])
    assert again.stdout == "there was nothing to clean up\n"


def test_cleanup_does_not_touch_a_running_gateway(gateway_lab):
    """It is refused by name."""
    gateway = gateway_lab["gateway"]
    gateway.gateway.wait_uplink("dsl")
    before = gateway.snapshot()
    done = gateway.run([ICS, "cleanup", "--run", str(gateway.gateway.run)], check=False)
    assert done.returncode == 1
    assert "A gateway already runs in this network namespace" in done.stderr
    assert differences(before, gateway.snapshot()) == []


def test_leases_survive_kill_9_and_restart(lab):
    """An acknowledged lease is on disk: the same PC gets the same address, another PC another one."""
    gateway, pcs = lab["gateway"].gateway, [lab["pc1"], lab["pc2"]]
    gateway.start()
    gateway.wait_ready()
    first = pcs[0].dhcp().address
    gateway.kill()
    gateway.start()
    gateway.wait_ready()
    assert [lease["address"] for lease in gateway.api("GET", "/v1/leases")] == [str(first.ip)]
    assert pcs[1].dhcp().address != first
    assert pcs[0].dhcp().address == first


def test_kill_start_stop_ends_in_the_original_state(lab):
    """before.json is never overwritten by a start that finds one."""
    gateway, daemon = lab["gateway"], lab["gateway"].gateway
    gateway.run(["sh", "-ec", SETTLED])
    before = gateway.snapshot()
    for _ in range(2):
        daemon.start()
        daemon.wait_ready()
        daemon.wait_uplink("cable")
        daemon.kill()
    daemon.start()
    daemon.wait_ready()
    assert daemon.stop() == 0
    assert differences(before, gateway.snapshot()) == []


def test_reload_by_command_and_by_signal(gateway_lab):
    """Only what changed is touched; a flow through NAT never notices."""
    gateway, pc = gateway_lab["gateway"], gateway_lab["pc1"]
    daemon = gateway.gateway
    pc.dhcp()
    flow = pc.popen(["ping", "-i0.05", "-q", "192.0.2.80"])
    assert ics(gateway, "reload").stdout == "nothing has changed\n"
    text = daemon.config_file.read_text()
    daemon.config_file.write_text(
        text.replace(
            "192.168.0.1/24", "192.168.0.1/24\n  services: [{plugin: dhcp, lease: 1h}, {plugin: dns}]"
        )
    )
    assert ics(gateway, "reload").stdout == "LAN home changed\n"
    daemon.config_file.write_text(text)
    daemon.signal(signal.SIGHUP)
    wait_for(lambda: daemon.log().count("gateway.reloaded") == 3, 10, "the reload by SIGHUP")
    flow.send_signal(signal.SIGINT)
    assert " 0% packet loss" in flow.communicate(timeout=10)[0]


def test_a_bad_file_is_refused_and_nothing_changes(gateway_lab):
    """Every error with its line, exit status 2; the running configuration stays."""
    gateway = gateway_lab["gateway"]
    gateway.gateway.wait_uplink("dsl")
    before = gateway.snapshot()
    gateway.gateway.config_file.write_text(
        "lans: [{intreface: eth1}]\nuplinks: [{plugin: ethernot, interface: eth0}]\n"
    )
    done = ics(gateway, "reload", check=False)
    assert done.returncode == 2
    assert "gateway.yaml:1:" in done.stderr
    assert "gateway.yaml:2:" in done.stderr
    assert "Traceback" not in done.stderr
    assert differences(before, gateway.snapshot()) == []
    assert gateway.gateway.status_tree()["gateway"]["state"] == "ready"


def test_an_uplink_is_added_and_removed_by_reload(open_lab):
    """The second uplink comes and goes while the first one carries traffic."""
    base = "lans: [{name: home, interface: eth1}]\nuplinks:\n- {name: cable, plugin: ethernet, interface: eth0, address: {address: 203.0.113.5/24, gateway: 203.0.113.1}}\n"
    lab = open_lab(gateway_config=base)
    gateway, daemon = lab["gateway"], lab["gateway"].gateway
    daemon.wait_uplink("cable")
    text = daemon.config_file.read_text()
    more = "- {name: dsl, plugin: ethernet, interface: eth2, address: {address: 198.51.100.5/24, gateway: 198.51.100.1}}\n"
    daemon.config_file.write_text(text.replace("gateway:\n", f"{more}gateway:\n", 1))
    assert ics(gateway, "reload").stdout == "uplink dsl added\n"
    daemon.wait_uplink("dsl")
    assert "198.51.100.5" in gateway.run(["ip", "-br", "addr", "show", "eth2"]).stdout
    daemon.config_file.write_text(text)
    assert ics(gateway, "reload").stdout == "uplink dsl removed\n"
    assert "198.51.100.5" not in gateway.run(["ip", "-br", "addr", "show", "eth2"]).stdout
    assert daemon.uplink("cable")["state"] == "up"


def test_connect_and_disconnect_by_command(open_lab):
    """A manual uplink connects when told, stays up, and stays down when told; history knows why."""
    config = (
        "lans: [{name: home, interface: eth1}]\nuplinks:\n- {name: cable, plugin: ethernet, interface: eth0, connect: manual, "
        "address: {address: 203.0.113.5/24, gateway: 203.0.113.1}}\n"
    )
    lab = open_lab(gateway_config=config)
    gateway, pc = lab["gateway"], lab["pc1"]
    pc.dhcp()
    assert pc.run(["ping", "-c1", "-W1", "192.0.2.80"], check=False).returncode != 0
    *stages, end = ics(gateway, "connect").stdout.splitlines()
    assert [stage.partition(" s  ")[2] for stage in stages] == ["cable: starting", "cable: configuring"]
    assert end.startswith("up: 203.0.113.5/24 on eth0 (")
    assert pc.run(["ping", "-c1", "-W2", "192.0.2.80"], check=False).returncode == 0
    assert ics(gateway, "disconnect", "cable").stdout == (
        "cable: hung up; it stays down until: ics connect cable\n"
    )
    assert gateway.gateway.uplink("cable")["state"] == "down"
    assert pc.run(["ping", "-c1", "-W1", "192.0.2.80"], check=False).returncode != 0
    assert ics(gateway, "connect", "typo", check=False).returncode == 2
    history = json.loads(ics(gateway, "history", "--json").stdout)
    assert [(entry["event"], (entry["cause"] or {}).get("rule")) for entry in history] == [
        ("connecting", "command"),
        ("up", "command"),
        ("down", "command"),
    ]
