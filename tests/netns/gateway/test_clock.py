"""A wall clock that is wrong, and one that jumps: leases, renewals and timers do not follow it.

other_time.py gives the daemon, and nobody else, another wall clock, by a file that may change while it runs.
"""

import json
import re
import sys
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from icsframework.lab.parse import default_text
from icsframework.lab.waiting import wait_for

LEASE = 7200
HOUR = 3600
CONFIG = f"""
lans: [{{name: home, interface: eth1, services: [{{plugin: dhcp, lease: {LEASE}s}}, {{plugin: dns}}]}}]
uplinks: [{{name: dsl, plugin: ethernet, interface: eth2, address: dhcp}}]
"""
OTHER_TIME = str(Path(__file__).with_name("other_time.py"))


class Clock:
    """The wall clock of the gateway's daemon."""

    def __init__(self, file):
        self._file = file
        self.offset = 0
        self.set(0)

    def command(self, arguments):
        """The command that runs a Python program by this clock."""
        return [sys.executable, OTHER_TIME, str(self._file), *map(str, arguments)]

    def set(self, offset):
        """Set it ``offset`` seconds beside the right time."""
        aside = self._file.with_suffix(".new")
        aside.write_text(f"{offset:+d}\n")
        aside.replace(self._file)
        self.offset = offset

    def set_to(self, wall):
        """Set it to a number of seconds since 1970."""
        self.set(wall - int(time.time()))

    def tells(self, iso):
        """How many seconds from now a time is, by this clock."""
        moment = datetime.strptime(iso, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
        return moment - time.time() - self.offset


@pytest.fixture
def clock(tmp_path):
    """The clock, right at first."""
    return Clock(tmp_path / "offset")


@pytest.fixture
def stand(open_lab, clock):
    """A gateway with that clock, not started, whose provider wants a renewal each five seconds."""
    text = default_text().replace(
        "dhcp: {server: dnsmasq,", 'dhcp: {server: dnsmasq, lease: 120, options: ["58,5", "59,60"],'
    )
    assert "58,5" in text
    lab = open_lab(text, gateway_config=CONFIG, start_gateways=False)
    daemon = lab["gateway"].gateway
    daemon.arguments = clock.command(daemon.arguments)
    return lab


def renewals(lab):
    """How often the provider's server has given the lease."""
    return len(re.findall(r"DHCPACK\(", lab["isp-b"].services["dnsmasq"].log()))


def goes_on(lab):
    """The uplink's lease is renewed in its time, and nobody notices anything."""
    before = renewals(lab)
    wait_for(lambda: renewals(lab) >= before + 2, 16, "two renewals by the uplink")
    assert lab["gateway"].gateway.uplink("dsl")["state"] == "up"
    assert lab["pc1"].run(["ping", "-c1", "-W2", "192.0.2.80"]).returncode == 0


def only_lease(lab):
    """The lease of the only PC."""
    (lease,) = lab["gateway"].gateway.api("GET", "/v1/leases")
    return lease


def started(lab):
    """Start the daemon and wait for its uplink."""
    daemon = lab["gateway"].gateway
    daemon.start()
    daemon.wait_ready()
    daemon.wait_uplink("dsl")
    return daemon


def test_a_boot_in_1970(stand, clock):
    """Leases are given and renewed, and told to be wrong in their times; when the clock is right, everything is."""
    clock.set_to(86400)
    daemon = started(stand)
    pc = stand["pc1"].dhcp_client("udhcpc")
    address = str(pc.lease().address.ip)
    assert "shows 1970-01-02T" in daemon.status_tree()["warnings"][-1]
    assert LEASE - 30 < clock.tells(only_lease(stand)["expires"]) <= LEASE + 1
    history = daemon.api("GET", "/v1/history")
    assert [(entry["time"][:4], entry["time_trusted"]) for entry in history] == [("1970", False)] * 2
    goes_on(stand)
    clock.set(0)
    wait_for(lambda: "clock.right" in daemon.log(), 20, "the clock to be right")
    assert not [one for one in daemon.status_tree()["warnings"] if "clock" in one]
    assert LEASE - 90 < clock.tells(only_lease(stand)["expires"]) <= LEASE + 1
    history = daemon.api("GET", "/v1/history")
    assert [entry["time_trusted"] for entry in history] == [True] * 2
    assert all(-90 < clock.tells(entry["time"]) <= 0 for entry in history)
    goes_on(stand)
    assert str(pc.renew().address.ip) == address
    # The next start is in 1970 again, after a kill: the store knows better, and the leases are whole.
    daemon.kill()
    clock.set_to(86400)
    daemon.start()
    daemon.wait_ready()
    daemon.wait_uplink("dsl")
    assert "cannot be right: it was 20" in next(
        one for one in daemon.status_tree()["warnings"] if "clock" in one
    )
    assert only_lease(stand)["address"] == address
    assert LEASE - 90 < clock.tells(only_lease(stand)["expires"]) <= LEASE + 1
    goes_on(stand)
    assert str(pc.renew().address.ip) == address


def test_jumps_of_hours_both_ways(stand, clock):
    """Timers, renewals and leases go on; what is shown is right by the clock as it is; so after a kill in between."""
    daemon = started(stand)
    pc = stand["pc1"].dhcp_client("udhcpc")
    address = str(pc.lease().address.ip)
    for number, jump in enumerate((5 * HOUR, -5 * HOUR), 1):
        clock.set(clock.offset + jump)
        goes_on(stand)
        wait_for(partial(jumps_told, daemon, number), 20, "the jump to be told")
        lease = only_lease(stand)
        assert lease["address"] == address
        assert LEASE - 120 < clock.tells(lease["expires"]) <= LEASE + 1
    wait_for(
        lambda: newest_time(daemon) <= time.time(), 5, "the time that was five hours ahead to be forgotten"
    )
    daemon.kill()
    clock.set(-3 * HOUR)
    daemon.start()
    daemon.wait_ready()
    lease = only_lease(stand)
    assert lease["address"] == address
    assert LEASE - 150 < clock.tells(lease["expires"]) <= LEASE + 1
    goes_on(stand)
    assert daemon.stop() == 0
    # Three hours back without having seen it set: that is a wrong clock, and the store keeps the last right time.
    assert -180 < newest_time(daemon) - time.time() <= 0


def jumps_told(daemon, number):
    """Whether so many jumps stand in the log."""
    return daemon.log().count("clock.set") == number


def newest_time(daemon):
    """What stands in the daemon's store."""
    line = (daemon.state / "clock.journal").read_text().splitlines()[-1]
    return json.loads(line[line.index("{") :])["wall"]
