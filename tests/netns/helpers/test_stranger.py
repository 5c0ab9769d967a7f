"""A stranger's helper in real traffic: nuttcp's, from its own wheel, in a daemon that runs in a clean environment."""

from pathlib import Path

import dpkt
import pytest

from icsframework.lab.parse import default_text, parse_lab
from icsframework.lab.privilege import find_program
from icsframework.lab.waiting import wait_for

EXAMPLE = Path(__file__).resolve().parents[3] / "examples/ics-helper-nuttcp"
SERVER, OUTSIDE = "192.0.2.80", "203.0.113.5"
PCS = {"pc1": "192.168.0.11", "pc2": "192.168.0.12"}
CONFIG = """
lans: [{interface: eth1, address: 192.168.0.1/24, services: []}]
uplinks:
  - name: cable
    plugin: ethernet
    interface: eth0
    address: {address: 203.0.113.5/24, gateway: 203.0.113.1, dns: [203.0.113.1]}
helpers: []
"""
HELPER = "[{plugin: nuttcp, servers: [192.0.2.0/24]}]"
AMOUNT = "20m"
"""What a test transmits (nuttcp's -n)."""
PATIENCE = "20"
"""Seconds for a test that should take a moment."""

pytestmark = pytest.mark.skipif(not find_program("nuttcp"), reason="nuttcp is not installed")


@pytest.fixture(scope="module")
def environment(make_environment):
    """Our wheel, and no checkout."""
    return make_environment()


@pytest.fixture(scope="module")
def lab(environment, build_wheel, open_module_lab):
    """A gateway out of that environment, two PCs, and a nuttcp server far away; the helper is installed while it runs."""
    spec = parse_lab(default_text()).with_gateway_config(CONFIG, environment=str(environment.home))
    lab = open_module_lab(spec)
    for name, address in PCS.items():
        lab[name].run(["ip", "address", "add", f"{address}/24", "dev", "eth0"], check=True)
        lab[name].run(["ip", "route", "add", "default", "via", "192.168.0.1"], check=True)
    lab["server"].run(["nuttcp", "-S"], check=True)
    gateway = lab["gateway"].gateway
    gateway.wait_uplink("cable")
    environment.install(build_wheel(EXAMPLE))
    change(gateway, "helpers: []", f"helpers: {HELPER}")
    return lab


def change(gateway, before, after):
    """Another configuration, in force."""
    text = gateway.config_file.read_text()
    assert before in text
    gateway.config_file.write_text(text.replace(before, after))
    gateway.api("POST", "/v1/reload")


def measure(host, *options):
    """A test with nuttcp's own verdict; fails if it does not come to an end."""
    command = ["timeout", PATIENCE, "nuttcp", "-fparse", *options, SERVER]
    done = host.run(command, timeout=float(PATIENCE) + 5)
    assert done.returncode == 0, done.stdout + done.stderr
    return dict(pair.split("=") for pair in done.stdout.split() if "=" in pair)


def helper(lab):
    """What `ics status` says of it."""
    (found,) = lab["gateway"].gateway.status_tree()["helpers"]
    return found


CALLS = f"src {SERVER} and dst {OUTSIDE} and (udp or tcp[tcpflags] & (tcp-syn|tcp-ack) == tcp-syn)"
"""What comes of the server without being an answer: the first packets of its TCP connections, and UDP."""


def called(capture):
    """The ports that the server called, each once, in the order of the calls."""
    packets = [dpkt.ethernet.Ethernet(frame).ip for frame in capture.frames()]
    return list(dict.fromkeys(packet.data.dport for packet in packets))


def test_the_daemon_is_the_installed_one(lab, environment):
    """Not the checkout's: its interpreter is that of the environment, and it has the helper by its name."""
    words = lab["gateway"].processes().values()
    assert any(str(environment.bin / "python") in one[0] and "ics" in one for one in words)
    found = helper(lab)
    assert (found["name"], found["plugin"]) == ("nuttcp", "nuttcp")


def test_the_server_calls_back(lab):
    """`nuttcp -r`: the call arrives, the data goes by the kernel, and nothing stays open."""
    before = helper(lab)["details"]
    with lab["isp-a"].capture("eth0", CALLS) as seen:
        result = measure(lab["pc1"], "-r", f"-n{AMOUNT}")
    assert float(result["megabytes"]) == 20
    assert called(seen) == [5001]
    after = helper(lab)["details"]
    assert after["opened"] - before["opened"] == 1
    assert after["bytes_to_client"] - before["bytes_to_client"] < 5000
    wait_for(lambda: helper(lab)["sessions"] == helper(lab)["expectations"] == 0, 10, "the session to end")
    assert lab["gateway"].gateway.api("GET", "/v1/mappings") == []


@pytest.mark.parametrize(
    ("options", "ports"),
    [
        (["-r", "-N3", "-p5201"], [5201, 5202, 5203]),
        (["-r", "-u", "-R16m"], [5001]),
        (["-t", "-F"], [5001]),
        (["-r", "-F"], []),
        (["-t"], []),
    ],
    ids=["streams", "udp", "flipped", "receiver-calls", "transmitter-calls"],
)
def test_each_kind_of_test(lab, options, ports):
    """As many ports as the server calls, by TCP and UDP; none where it is the client who connects."""
    opened = helper(lab)["details"]["opened"]
    with lab["isp-a"].capture("eth0", CALLS) as seen:
        result = measure(lab["pc2"], *options, "-n2m")
    assert float(result["megabytes"]) == pytest.approx(2, rel=0.05)
    assert called(seen) == ports
    assert helper(lab)["details"]["opened"] - opened == bool(ports)


def test_two_hosts_that_name_the_same_port(lab):
    """The second gets another port outside, and its server is told that one."""
    with lab["isp-a"].capture("eth0", CALLS) as seen:
        first = lab["pc1"].popen(["timeout", PATIENCE, "nuttcp", "-r", "-T2", "-R50m", SERVER])
        wait_for(lambda: called(seen) == [5001], 10, "the first host to be called")
        second = measure(lab["pc2"], "-r", "-n2m")
        assert first.wait(timeout=30) == 0
    assert float(second["megabytes"]) == 2
    assert len(called(seen)) == 2


def test_without_it_the_call_does_not_arrive(lab):
    """It is the helper that does it: a host that it is not for gets no call."""
    change(lab["gateway"].gateway, "servers: [192.0.2.0/24]", f"clients: [{PCS['pc2']}/32]")
    # A port of its own: the server's call is said again and again, and must not be taken for the other host's.
    done = lab["pc1"].run(["timeout", "2", "nuttcp", "-r", "-p5301", "-n1m", SERVER], timeout=20)
    assert done.returncode != 0
    assert float(measure(lab["pc2"], "-r", "-n1m")["megabytes"]) == 1
