"""The daemon beside other programs on the same machine, as they are: real rule sets, real DHCP clients, real flushes."""

import json
import shlex
import signal
import socket
import sys
from pathlib import Path

import pytest

from icsframework.lab.errors import LabError
from icsframework.lab.privilege import find_program
from icsframework.lab.snapshot import differences
from icsframework.lab.waiting import wait_for

RULES = Path(__file__).parents[2] / "captures/filters"
ICS = str(Path(sys.executable).with_name("ics"))

needs_iptables = pytest.mark.skipif(find_program("iptables") is None, reason="iptables is not installed")


def warnings(gateway):
    """What `ics status` warns of, beside what it has to say about the configuration file."""
    return [text for text in gateway.gateway.status_tree()["warnings"] if "gateway.yaml: " not in text]


def wait_warning(gateway, *words):
    """Wait for the one warning with all these words."""

    def look():
        return [text for text in warnings(gateway) if all(word in text for word in words)]

    wait_for(look, 15, f"a warning with {words}")
    (text,) = look()
    return text


def follow(gateway, warning):
    """Do literally what the warning says."""
    gateway.run(["sh", "-ec", warning.partition("to let it pass: ")[2]], check=True)


def page(pc):
    """Whether a page of the Internet loads."""
    try:
        return pc.fetch("http://192.0.2.80/", timeout=2).status == 200
    except LabError:
        return False


def settled(gateway):
    """The state of the host's network once both uplinks are up."""
    for uplink in gateway.gateway.status_tree()["uplinks"]:
        gateway.gateway.wait_uplink(uplink["name"])
    return gateway.snapshot()


def same(before, gateway):
    """Wait until the host's network is as it was: sockets of a moment come and go."""
    wait_for(lambda: differences(before, gateway.snapshot()) == [], 5, "the network to be as before")


def make(gateway, name):
    """Put the rules of tests/captures/filters/NAME in force."""
    program = ["sh", "-ec", f". {RULES / name}"] if name.endswith(".sh") else ["nft", "-f", str(RULES / name)]
    gateway.run(program, check=True)


def told(gateway, events):
    """How often the log tells an event."""
    return gateway.gateway.log().count(events)


# --- other packet filters -------------------------------------------------------------------------


@needs_iptables
def test_docker_is_named_and_its_way_out_works(gateway_lab):
    """FORWARD drops what is ours: named with the commands that let it pass; when they were given, the page loads."""
    gateway, pc = gateway_lab["gateway"], gateway_lab["pc1"]
    pc.dhcp()
    assert page(pc)
    assert warnings(gateway) == []
    make(gateway, "docker.sh")
    warning = wait_warning(gateway, "Docker", "eth1", "eth0")
    assert "table ip filter" in warning
    assert not page(pc)
    follow(gateway, warning)
    assert page(pc)
    wait_for(lambda: warnings(gateway) == [], 10, "the warning to go")
    assert [told(gateway, event) for event in ("beside.warning", "beside.cured")] == [1, 1]


def test_a_firewall_that_was_there_first_is_named_at_the_start(lab):
    """A person's own rule set with a forward policy of drop; `ics status` shows it, and its way out is a rule there."""
    gateway, pc = lab["gateway"], lab["pc1"]
    make(gateway, "ordinary.nft")
    gateway.gateway.start()
    gateway.gateway.wait_ready()
    gateway.gateway.wait_uplink("cable")
    warning = wait_warning(gateway, "chain forward of table inet filter", "another program")
    shown = gateway.run([ICS, "--socket", str(gateway.gateway.control_socket), "status"]).stdout
    assert f"warning: {warning}" in shown
    pc.dhcp()  # input is open for DHCP and DNS in that rule set
    assert not page(pc)
    follow(gateway, warning)
    assert page(pc)


def test_firewalld_stops_dhcp_and_is_named(gateway_lab):
    """Its zones reject the LAN's questions and packets; with eth1 in zone trusted both pass."""
    gateway, pc = gateway_lab["gateway"], gateway_lab["pc1"]
    make(gateway, "firewalld.nft")
    wait_warning(gateway, "asks our DHCP and DNS", "firewalld", "--change-interface=eth1")
    wait_warning(gateway, "sends from eth1", "firewalld")
    make(gateway, "firewalld-trusted.nft")
    wait_for(lambda: warnings(gateway) == [], 10, "the warnings to go")
    pc.dhcp()
    assert page(pc)


@needs_iptables
def test_iptables_legacy_is_seen_too(lab):
    """The old kernel interface is in nobody's nft listing."""
    gateway = lab["gateway"]
    if gateway.run(["sh", "-c", "iptables-legacy -S"], check=False).returncode:
        pytest.skip("this kernel has no legacy iptables")
    gateway.run(["iptables-legacy", "-P", "FORWARD", "DROP"], check=True)
    gateway.gateway.start()
    gateway.gateway.wait_ready()
    warning = wait_warning(gateway, "iptables-legacy", "FORWARD", "eth0")
    follow(gateway, warning)
    pc = lab["pc1"]
    gateway.gateway.wait_uplink("cable")
    pc.dhcp()
    assert page(pc)


@needs_iptables
def test_foreign_tables_stay_as_they_are(gateway_lab):
    """Over twenty reloads, a restored table and our stop: not a rule of others changes."""
    gateway = gateway_lab["gateway"]
    make(gateway, "docker.sh")
    make(gateway, "firewalld.nft")

    def foreign():
        tables = ("ip filter", "ip nat", "inet firewalld")
        return [
            gateway.run(["nft", "-s", "list", "table", *name.split()], check=True).stdout for name in tables
        ]

    before = foreign()
    for _ in range(20):
        gateway.run([ICS, "--socket", str(gateway.gateway.control_socket), "reload"], check=True)
    gateway.run(["nft", "delete", "table", "inet", "ics"])
    wait_for(lambda: "dataplane.restored" in gateway.gateway.log(), 10, "the table to come back")
    assert foreign() == before
    assert gateway.gateway.stop() == 0
    assert foreign() == before


# --- our own table --------------------------------------------------------------------------------


def test_a_flushed_ruleset_comes_back_under_traffic(gateway_lab):
    """`nft flush ruleset` while a ping runs: all is restored within a moment, named with who did it, and the ping goes on."""
    gateway, pc = gateway_lab["gateway"], gateway_lab["pc1"]
    pc.dhcp()
    before = settled(gateway)
    # 80 pings are four seconds, so that three flushes weigh what they do to a person and not to a test.
    flow = pc.popen(["ping", "-i0.05", "-c80", "-O", "192.0.2.80"])
    for number in (1, 2, 3):
        gateway.run(["nft", "flush", "ruleset"])
        wait_for(lambda n=number: told(gateway, "dataplane.restored") == n, 10, "the table to come back")
        assert page(pc)
    same(before, gateway)
    said = [line for line in gateway.gateway.log().splitlines() if "dataplane.restored" in line]
    assert all("our packet filter was gone, by nft (pid " in line for line in said)
    text = flow.communicate(timeout=20)[0]
    sent, received = (
        int(text.partition(word)[0].split()[-1]) for word in (" packets transmitted", " received")
    )
    assert sent == 80
    assert received > 0.8 * sent, text  # each flush costs what is under way until the new table stands
    assert "no answer" not in "".join(text.splitlines()[-6:-3])  # and at the end nothing is lost any more


@pytest.mark.parametrize(
    ("command", "what"),
    [
        ("flush chain inet ics forward", "had lost"),
        ("flush table inet ics", "had lost"),
        ("delete table inet ics", "was gone"),
    ],
)
def test_parts_that_are_taken_come_back(gateway_lab, command, what):
    """A chain that was emptied, all rules, the table."""
    gateway = gateway_lab["gateway"]
    before = settled(gateway)
    gateway.run(["nft", *command.split()], check=True)
    wait_for(lambda: told(gateway, "dataplane.restored"), 10, "the table to come back")
    assert f"our packet filter {what}" in gateway.gateway.log()
    same(before, gateway)


def test_reloads_and_looking_are_no_loss(gateway_lab):
    """Our own loads, a rule somebody adds to look at something, and a listing cause no restoration."""
    gateway = gateway_lab["gateway"]
    gateway.run(["nft", "insert", "rule", "inet", "ics", "forward", "counter"], check=True)
    for _ in range(5):
        gateway.gateway.signal(signal.SIGHUP)
    wait_for(lambda: told(gateway, "gateway.reloaded"), 10, "the reloads")
    # One more, which waits for those before it: a flush in the middle of our own load would be no loss.
    gateway.run([ICS, "--socket", str(gateway.gateway.control_socket), "reload"], check=True)
    gateway.run(["nft", "list", "ruleset"])
    gateway.run(["nft", "flush", "ruleset"])
    wait_for(lambda: told(gateway, "dataplane.restored"), 10, "the one restoration")
    assert told(gateway, "dataplane.restored") == 1


def test_an_endless_fight_is_not_fought(gateway_lab):
    """Who flushes again and again gets a pause between, and a warning that says so."""
    gateway = gateway_lab["gateway"]
    fight = "while :; do nft flush ruleset; sleep 0.1; done"
    other = gateway.popen(["sh", "-c", fight])
    warning = wait_warning(gateway, "removed again and again")
    assert "by nft (pid " in warning
    at_once = told(gateway, "dataplane.restored")
    assert at_once <= 6
    other.kill()
    wait_for(lambda: "table inet ics" in gateway.run(["nft", "list", "tables"]).stdout, 40, "peace")


# --- other managers -------------------------------------------------------------------------------


def test_a_dhcp_client_on_the_lan_is_named(gateway_lab):
    """Somebody's dhclient on eth1: the program, the process and the line that ends it; and the end of it."""
    gateway = gateway_lab["gateway"]
    client = gateway.popen(
        ["dhclient", "-d", "-sf", "/bin/true", "-lf", "/run/x.leases", "-pf", "/run/x.pid", "eth1"]
    )
    # An address that comes from elsewhere is the symptom that makes us look at once.
    gateway.run(["ip", "address", "add", "10.77.0.5/24", "dev", "eth1"], check=True)
    warning = wait_warning(gateway, "dhclient (pid ", "manages eth1 (LAN home)")
    assert f"kill {warning.partition('(pid ')[2].partition(')')[0]}" in warning
    address = wait_warning(gateway, "got the address 10.77.0.5/24 from another program")
    gateway.run(shlex.split(address.partition("; ")[2].partition(" takes")[0]), check=True)
    client.kill()
    client.wait()
    wait_for(
        lambda: not any("10.77.0.5" in text for text in warnings(gateway)), 10, "the address to be forgotten"
    )


def test_our_address_that_was_taken_comes_back(gateway_lab):
    """`ip address flush` on the LAN: restored, named once, and the PC goes on."""
    gateway, pc = gateway_lab["gateway"], gateway_lab["pc1"]
    pc.dhcp()
    gateway.run(["ip", "address", "flush", "dev", "eth1"], check=True)
    wait_for(lambda: told(gateway, "lan.address.restored"), 10, "the address to come back")
    assert "192.168.0.1/24 was taken from eth1" in gateway.gateway.log()
    assert "192.168.0.1/24" in gateway.run(["ip", "-br", "address", "show", "eth1"]).stdout
    assert pc.resolve("www.example.net") == ("192.0.2.80",)
    assert told(gateway, "lan.address.restored") == 1


def test_an_address_that_was_there_before_is_nobodys_business(lab):
    """What stood on the interface before the start is not complained of, and stays."""
    gateway = lab["gateway"]
    gateway.run(["ip", "address", "add", "10.20.30.40/24", "dev", "eth1"], check=True)
    gateway.gateway.start()
    gateway.gateway.wait_ready()
    gateway.run(["ip", "address", "add", "10.77.0.5/24", "dev", "eth1"], check=True)
    wait_warning(gateway, "10.77.0.5/24")
    assert not any("10.20.30.40" in text for text in warnings(gateway))
    assert gateway.gateway.stop() == 0
    assert "10.20.30.40/24" in gateway.run(["ip", "-br", "address", "show", "eth1"]).stdout


# --- ports and other servers ------------------------------------------------------------------------


def hold(gateway, address, port, kinds=("net",)):
    """A socket of this test's own process in the gateway's network: the daemon cannot see the process."""

    def work():
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind((address, port))
        return made

    return gateway.inside(work, kinds)


def test_the_local_resolver_does_not_disturb(lab):
    """What listens on 127.0.0.53 as systemd-resolved does is no reason not to serve DNS."""
    gateway, pc = lab["gateway"], lab["pc1"]
    with hold(gateway, "127.0.0.53", 53):
        gateway.gateway.start()
        gateway.gateway.wait_ready()
        gateway.gateway.wait_uplink("cable")
        pc.dhcp()
        assert pc.resolve("www.example.net") == ("192.0.2.80",)


def test_a_port_whose_process_is_out_of_sight(lab):
    """A process of another container: the user, the socket, and how its name can be found."""
    gateway = lab["gateway"]
    with hold(gateway, "0.0.0.0", 53):
        done = gateway.run([*map(str, gateway.gateway.arguments)], check=False, timeout=30)
    assert done.returncode == 1
    assert "udp port 53 on 192.168.0.1 (eth1) is taken by a process of user root" in done.stderr
    assert "ss -Hlnpu 'sport = :53'" in done.stderr


def test_a_foreign_dhcp_server_stands_in_the_status(gateway_lab):
    """A second server on the LAN is named with its address as long as it is there."""
    gateway, other = gateway_lab["gateway"], gateway_lab["pc2"]
    if find_program("dnsmasq") is None:
        pytest.skip("dnsmasq is not installed")
    other.run(["ip", "address", "add", "192.168.0.99/24", "dev", "eth0"], check=True)
    other.popen(
        ["dnsmasq", "-k", "--conf-file=/dev/null", "--user=root", "--pid-file", "--port=0", "--leasefile-ro",
         "--log-facility=-", "--dhcp-authoritative", "--dhcp-range=192.168.0.200,192.168.0.210,1h"],
    )  # fmt: skip
    wait_for(lambda: ":67 " in other.run(["ss", "-Hlnu"]).stdout, 10, "dnsmasq")
    gateway_lab["pc1"].dhcp_client().lease()
    warning = wait_warning(gateway, "another DHCP server (192.168.0.99) answers on LAN home")
    assert "authoritative: true" in warning
    assert json.loads(json.dumps(warnings(gateway))) == [warning]
