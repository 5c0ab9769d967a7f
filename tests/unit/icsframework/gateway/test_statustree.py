"""The status tree, in its stable JSON shape."""

from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface
from typing import Any, cast

from twisted.internet.defer import succeed
from twisted.logger import Logger

from icsframework.config.helpers import HelperSection
from icsframework.config.lans import LanSection
from icsframework.config.uplinks import UplinkSection
from icsframework.gateway.helpers import Helper
from icsframework.gateway.lans import LanState, ServiceState
from icsframework.gateway.roles import Place
from icsframework.gateway.statustree import (
    helper_status,
    lan_status,
    lease_status,
    plugin_warnings,
    uplink_status,
)
from icsframework.host.traffic import Traffic
from icsframework.status import Instant, to_json
from icsframework.testing.gateway import WALL_AT_START, FakeClock, FakeEvents
from icsframework.testing.helper import ScriptedFigures, ScriptedShell
from icsframework.testing.uplink import ScriptedUplink
from icsframework.uplinks.occasions import ConnectMode
from icsframework.uplinks.quiet import NEVER_QUIET, Quiet
from icsframework.uplinks.runner import Runner, UplinkSpec
from icsframework.values import (
    Absent,
    Cause,
    Connecting,
    Down,
    Failed,
    Family,
    InterfaceInfo,
    Lan,
    LeaseView,
    Link,
    StreamProxy,
    Up,
)

LINK = Link(
    "eth0", 2, None, "ethernet", "kernel", 1400, False, 10.0,
    Family((IPv4Interface("203.0.113.5/24"),), IPv4Address("203.0.113.1"), (IPv4Address("203.0.113.1"),)),
)  # fmt: skip
SECTION = UplinkSection(name="cable", plugin="ethernet", interface="eth0", metered=True)


def runner(clock: FakeClock, connect: ConnectMode = "always", quiet: Quiet = NEVER_QUIET) -> Runner:
    """An uplink whose machine always agrees."""
    spec = UplinkSpec("cable", "ethernet", connect, "eth0", True, 1 << 16, ScriptedUplink, quiet)
    one = Runner(
        spec, clock, FakeEvents("u", clock), Logger(), lambda: succeed(None), lambda: None, lambda: 0.5
    )
    one.start()
    return one


def test_warnings_of_plugins() -> None:
    """Sentences under "warnings", of the whole plugin or of one LAN; whatever else stands there does no harm."""

    def broken() -> dict[str, Any]:
        raise RuntimeError("a bug")

    details: dict[str, Callable[[], dict[str, Any]]] = {
        "dhcp": lambda: {"home": {"warnings": ["one"], "leases": 3}, "office": {"warnings": ()}},
        "dns": lambda: {"warnings": ["two"]},
        "odd": lambda: {"warnings": "text", "x": {"warnings": 7}},
        "bad": broken,
        "none": lambda: cast(dict[str, Any], None),
    }
    assert plugin_warnings(details) == ("one", "two")


def test_an_uplink_that_is_up() -> None:
    """Addresses, servers, MTU, times as ISO 8601, counters, cause and the plugin's own figures."""
    clock = FakeClock()
    one = runner(clock)
    one.plugin.report(Down())  # type: ignore[attr-defined]
    one.plugin.report(Up(LINK))  # type: ignore[attr-defined]
    details = {"uplink.cable": lambda: {"server": "203.0.113.1"}}
    shown = to_json(uplink_status(one, SECTION, True, clock, {"eth0": Traffic(7, 9)}, details))
    assert shown == {
        "name": "cable",
        "plugin": "ethernet",
        "connect": "always",
        "state": "up",
        "stage": None,
        "active": True,
        "interface": "eth0",
        "addresses": ["203.0.113.5/24"],
        "dns": ["203.0.113.1"],
        "mtu": 1400,
        "metered": True,
        "since": "2027-01-15T08:00:10Z",
        "cause": {
            "client": "",
            "mac": "",
            "hostname": "",
            "protocol": "",
            "destination": "",
            "name": "",
            "rule": "always",
        },
        "reason": None,
        "retry_at": None,
        "rx_bytes": 7,
        "tx_bytes": 9,
        "limits": {},
        "details": {"server": "203.0.113.1"},
        "stage_since": None,
        "hangs_up_at": None,
        "override": False,
    }


def test_an_uplink_that_waits_says_why_and_until_when() -> None:
    """Cooling carries the reason and the time of the next try."""
    clock = FakeClock()
    one = runner(clock)
    one.plugin.report(Down())  # type: ignore[attr-defined]
    assert uplink_status(one, SECTION, False, clock, {}, {}).stage == "starting"
    one.plugin.report(Failed("no DHCP server answers", retry_at=60.0))  # type: ignore[attr-defined]
    shown = to_json(uplink_status(one, SECTION, False, clock, {}, {}))
    assert (shown["state"], shown["reason"], shown["retry_at"]) == (
        "cooling",
        "no DHCP server answers",
        "2027-01-15T08:01:00Z",
    )


def test_an_uplink_that_connects_says_how_far_it_is() -> None:
    """Its stage and since when, and when it began to connect; neither once that is over."""
    clock = FakeClock()
    one = runner(clock)
    one.plugin.report(Down())  # type: ignore[attr-defined]
    clock.clock.advance(5)
    one.plugin.report(Connecting("dhcp request"))  # type: ignore[attr-defined]
    clock.clock.advance(3)
    shown = to_json(uplink_status(one, SECTION, False, clock, {}, {}))
    assert [shown[key] for key in ("state", "stage", "stage_since", "since")] == [
        "connecting",
        "dhcp request",
        "2027-01-15T08:00:05Z",
        "2027-01-15T08:00:00Z",
    ]
    one.plugin.report(Failed("no DHCP server answers"))  # type: ignore[attr-defined]
    shown = to_json(uplink_status(one, SECTION, False, clock, {}, {}))
    assert [shown[key] for key in ("stage", "stage_since", "since")] == [None, None, None]


def test_when_it_is_hung_up_and_what_it_has_cost() -> None:
    """By the wall clock; the meter's figures as they are."""
    clock = FakeClock()
    section = UplinkSection(name="modem", plugin="dialup", connect="demand")
    one = runner(clock, "demand", Quiet(300))
    one.plugin.report(Down())  # type: ignore[attr-defined]
    assert uplink_status(one, section, False, clock, {}, {}).hangs_up_at is None
    one.ask(Cause("demand.wake: built in"))
    one.plugin.report(Up(LINK))  # type: ignore[attr-defined]
    limits = {"rates": [], "hours": ["06:00-23:00"], "again": Instant(WALL_AT_START)}
    shown = to_json(uplink_status(one, section, True, clock, {}, {}, limits=limits))
    assert shown["hangs_up_at"] == "2027-01-15T08:05:00Z"
    assert shown["override"] is False
    one.connect(Cause("command, override"), override=True)
    assert uplink_status(one, section, True, clock, {}, {}).override is True
    assert shown["limits"] == {"rates": [], "hours": ["06:00-23:00"], "again": "2027-01-15T08:00:00Z"}


def test_a_broken_plugin_does_not_break_the_status() -> None:
    """Its figures are replaced by the error."""

    def broken() -> dict[str, int]:
        raise KeyError("x")

    clock = FakeClock()
    shown = uplink_status(runner(clock), SECTION, False, clock, {}, {"uplink.cable": broken})
    assert shown.details == {"error": "KeyError: 'x'"}


def test_a_lan_with_its_services_and_leases() -> None:
    """State, services with their own state, and the number of its leases."""
    nowhere = Place("eth1", reason="there is no interface eth1")
    state = LanState(LanSection(name="home", interface="eth1"), nowhere)
    state.services = {
        "dhcp": ServiceState("dhcp", "serving"),
        "dns": ServiceState("dns", "failed", "port 53 is taken"),
    }
    lease = LeaseView(IPv4Address("192.168.0.9"), "02::1", "", "pc", WALL_AT_START, "home")
    absent = lan_status(state, IPv4Interface("192.168.0.1/24"), [lease], {})
    assert (absent.state, absent.reason, absent.leases) == ("absent", "there is no interface eth1", 1)
    other = replace(lease, address=IPv4Address("192.168.7.9"), lan="attic")
    assert lan_status(state, None, [lease, other, other], {}).leases == 1
    state.place = Place("eth1", InterfaceInfo("eth1", 3, "02::1", 1500, True, True))
    failed = to_json(lan_status(state, None, [], {"dhcp": lambda: {"leases": 0}}))
    assert (failed["state"], failed["reason"], failed["address"]) == (
        "failed",
        "dns: port 53 is taken",
        "auto",
    )
    assert failed["services"][0] == {
        "plugin": "dhcp",
        "state": "serving",
        "reason": "",
        "details": {"leases": 0},
    }


def test_a_lan_that_the_machine_refused() -> None:
    """It is failed, with the machine's reason, although no service has failed."""
    state = LanState(LanSection(name="home", interface="eth1"), fault="eth1: device busy")
    state.place = Place("eth1", InterfaceInfo("eth1", 3, "02::1", 1500, True, True))
    shown = lan_status(state, None, [], {})
    assert (shown.state, shown.reason) == ("failed", "eth1: device busy")


def test_a_lease() -> None:
    """The shape of ``ics leases --json``; a lease without end has no time."""
    lease = LeaseView(IPv4Address("192.168.0.9"), "02::1", "01:02", "pc", None, "home")
    assert to_json(lease_status(lease, FakeClock())) == {
        "address": "192.168.0.9",
        "mac": "02::1",
        "client_id": "01:02",
        "hostname": "pc",
        "expires": None,
        "lan": "home",
    }


def test_a_leases_end_is_told_by_the_wall_clock_as_it_is_now() -> None:
    """A clock that was 1970 at the grant and is right now shows the right end."""
    clock = FakeClock(wall_at_start=0.0)
    lease = LeaseView(IPv4Address("192.168.0.9"), "02::1", "01:02", "pc", clock.now() + 43200, "home")
    assert to_json(lease_status(lease, clock))["expires"] == "1970-01-01T12:00:00Z"
    clock.wall_offset = WALL_AT_START
    clock.clock.advance(3600)
    assert to_json(lease_status(lease, clock))["expires"] == "2027-01-15T20:00:00Z"


def test_a_lan_behind_a_bridge_without_ports_is_absent() -> None:
    """Nobody can be there; and a LAN that is served may have something to say all the same."""
    state = LanState(LanSection(name="home", interface="eth1"))
    state.place = Place("eth1", InterfaceInfo("eth1", 3, "02::1", 1500, True, True))
    state.served = Lan("home", "eth1", 3, "02::1", IPv4Interface("192.168.0.1/24"))
    lacking = lan_status(state, None, [], {}, lacks="there is no interface eth7")
    assert (lacking.state, lacking.reason) == ("absent", "there is no interface eth7")
    moved = lan_status(state, None, [], {}, remark="moved from 192.168.0.1/24")
    assert (moved.state, moved.reason) == ("up", "moved from 192.168.0.1/24")


def test_the_core_may_know_better_why_a_device_is_absent() -> None:
    """The interface below a VLAN is named, not the VLAN that cannot be."""
    clock = FakeClock()
    one = runner(clock)
    one.plugin.report(Absent("there is no interface icsu-cable"))  # type: ignore[attr-defined]
    shown = uplink_status(one, SECTION, False, clock, {}, {}, lacks="there is no interface eth0 (for VLAN 7)")
    assert shown.reason == "there is no interface eth0 (for VLAN 7)"


def test_a_helper_shows_what_its_shells_counted() -> None:
    """Added up over its shells, beside what its plugin says of itself."""
    helper = Helper(HelperSection(plugin="ftp", name="work"))
    for sessions in (2, 3):
        shell = ScriptedShell(None, None, 40000, None)
        shell.shown = ScriptedFigures(sessions, 1, 0, {"stepped_aside": 4})
        helper.shells.append((StreamProxy((21,), lambda flow: None), shell, 40000))
    shown = helper_status(helper, {"helper.work": lambda: {"profiles": ["a"]}})
    assert to_json(shown) == {
        "name": "work",
        "plugin": "ftp",
        "sessions": 5,
        "expectations": 2,
        "refused": 0,
        "details": {"stepped_aside": 8, "profiles": ["a"]},
        "state": "ready",
        "reason": None,
    }
