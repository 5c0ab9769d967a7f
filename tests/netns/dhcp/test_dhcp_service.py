"""The DHCP allocator with real clients (udhcpc, dhclient, dhcpcd) and a server that is not ours (dnsmasq)."""

import json
import sys
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path

import pytest

from icsframework.lab.privilege import find_program
from icsframework.lab.waiting import wait_for

STAND = Path(__file__).with_name("stand.py")
LAB = """
version: 1
segments: [home]
hosts:
  pc1:
    interfaces: {eth0: {segment: home, address: dhcp, mac: "02:00:5e:00:53:01"}}
  pc2:
    interfaces: {eth0: {segment: home, address: dhcp, mac: "02:00:5e:00:53:02"}}
  fixed:
    interfaces: {eth0: {segment: home, address: 192.168.0.90/24, mac: "02:00:5e:00:53:03"}}
  gateway:
    interfaces: {eth1: {segment: home, address: 192.168.0.1/24}}
"""


class Stand:
    """The allocator on the lab's gateway."""

    def __init__(self, lab, directory, config=None):
        self.lab = lab
        arguments = [sys.executable, STAND, directory, "192.168.0.1/24", "eth1", json.dumps(config or {})]
        self._process = lab["gateway"].popen(arguments, stdin=-1)
        said = self._process.stdout.readline().strip()
        assert said == "ready", said + self._process.stderr.read()

    def tell(self, line):
        """Obeyed when this returns; gives what it said."""
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()

    def __getattr__(self, word):
        return json.loads(self.tell(word))

    def kill(self):
        """kill -9."""
        self._process.kill()
        self._process.wait(5)

    def end(self):
        self._process.stdin.close()
        return self._process.wait(5)


@pytest.fixture
def stand(open_lab, tmp_path):
    """A function that starts the allocator with a configuration; each start finds the journal of the last."""
    lab = open_lab(LAB)
    started = []

    def start(**config):
        started.append(Stand(lab, tmp_path / "state", config))
        return started[-1]

    yield start
    for each in started:
        if each._process.poll() is None:
            each.end()


@pytest.mark.parametrize("program", ["udhcpc", "dhclient", "dhcpcd"])
def test_a_client_gets_everything(stand, program):
    """DISCOVER, OFFER, REQUEST, ACK with a real client: address, mask, router, DNS, domain and lease time; the name is published."""
    if not find_program(program):
        pytest.skip(f"{program} is not installed")
    gateway = stand(range=["192.168.0.50", "192.168.0.60"], lease="1h")
    lease = gateway.lab["pc1"].dhcp(program)
    assert lease.address == IPv4Interface("192.168.0.50/24")
    assert (lease.router, lease.dns) == (IPv4Address("192.168.0.1"), (IPv4Address("192.168.0.1"),))
    assert (lease.domain, lease.seconds, lease.server) == ("home.arpa", 3600, IPv4Address("192.168.0.1"))
    assert gateway.names == {"pc1": ["192.168.0.50"]}
    assert [entry[:2] + entry[3:] for entry in gateway.leases] == [
        ["192.168.0.50", "02:00:5e:00:53:01", "pc1"]
    ]
    assert gateway.lab["pc1"].run(["ping", "-c1", "-W2", "192.168.0.1"]).returncode == 0


def test_renew_and_release(stand):
    """udhcpc renews by unicast and keeps its address; released, the address and the name are gone."""
    gateway = stand()
    client = gateway.lab["pc1"].dhcp_client("udhcpc")
    first = client.lease()
    assert client.renew().address == first.address
    client.release()
    wait_for(lambda: not gateway.leases, 5, "the lease to end")
    assert gateway.names == {}
    assert gateway.events == ["dhcp.lease.granted", "dhcp.lease.renewed", "dhcp.lease.released"]


def test_init_reboot_after_kill(stand):
    """Killed with -9 and started again, the allocator knows its leases: a rebooting dhclient keeps its address by INIT-REBOOT."""
    gateway = stand()
    client = gateway.lab["pc1"].dhcp_client("dhclient")
    first = client.lease()
    client.stop()
    gateway.kill()
    again = stand()
    assert [entry[0] for entry in again.leases] == [str(first.address.ip)]
    client.start()
    assert client.wait({"REBOOT"})["address"] == str(first.address.ip)
    assert again.status["counters"].get("discover", 0) == 0
    other = again.lab["pc2"].dhcp("udhcpc")
    assert other.address != first.address


def test_an_address_in_use_is_not_given(stand):
    """RFC 2131 section 2.2: an address that a machine set by hand answers for is passed over and said."""
    gateway = stand(range=["192.168.0.90", "192.168.0.95"])
    lease = gateway.lab["pc1"].dhcp("udhcpc")
    assert lease.address.ip == IPv4Address("192.168.0.91")
    assert gateway.status["quarantined"] == ["192.168.0.90"]
    assert "dhcp.conflict" in gateway.events


def test_a_reservation_moves_its_client(stand):
    """A reservation added by a reload, without a gap, is what the client gets at its next renewal."""
    gateway = stand()
    client = gateway.lab["pc1"].dhcp_client("udhcpc")
    client.lease()
    entry = {"mac": "02:00:5e:00:53:01", "address": "192.168.0.10", "hostname": "printer"}
    assert gateway.tell("serve " + json.dumps({"reservations": [entry]})) == "ready"
    before = len(client.events())
    client._process.send_signal(10)
    found = client.wait({"bound"}, after=before)
    assert found["address"] == "192.168.0.10"
    assert gateway.names == {"printer": ["192.168.0.10"]}


def test_a_foreign_server_is_seen_and_left_alone(stand):
    """DESIGN 6: another server answers, so we say so and hand out nothing; the client gets the other's address."""
    if not find_program("dnsmasq"):
        pytest.skip("dnsmasq is not installed")
    lab_gateway = stand()
    lab_gateway.end()
    other = lab_gateway.lab["fixed"].popen(
        ["dnsmasq", "-k", "--conf-file=/dev/null", "--user=root", "--pid-file", "--port=0", "--no-ping",
         "--leasefile-ro", "--log-facility=-", "--dhcp-authoritative",
         "--dhcp-range=192.168.0.200,192.168.0.210,1h"],
    )  # fmt: skip
    try:
        gateway = stand()
        wait_for(lambda: "dhcp.foreign_server" in gateway.events, 8, "the other server to be seen")
        assert gateway.status["foreign_servers"] == ["192.168.0.90"]
        assert gateway.lab["pc1"].dhcp("udhcpc").server == IPv4Address("192.168.0.90")
        assert gateway.leases == []
    finally:
        other.kill()
        other.wait(5)


def test_withdraw_leaves_nothing(stand):
    """After withdraw no socket is bound and nobody answers; the leases come back when the LAN is served again."""
    gateway = stand()
    first = gateway.lab["pc1"].dhcp("udhcpc")
    assert gateway.tell("withdraw") == "ready"
    assert ":67" not in gateway.lab["gateway"].run(["ss", "-lun"]).stdout
    assert (gateway.leases, gateway.names) == ([], {})
    assert gateway.tell("serve {}") == "ready"
    assert [entry[0] for entry in gateway.leases] == [str(first.address.ip)]
