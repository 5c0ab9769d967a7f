"""What a person reads on the terminal."""

from datetime import UTC, datetime

import pytest

from icsframework.control import show
from icsframework.control.words import WIDTH

NOW = datetime(2026, 11, 25, 12, 0, 0, tzinfo=UTC)
STATUS = {
    "gateway": {"version": "1.0", "state": "ready", "since": "2026-11-25T10:00:00Z", "config": "/etc/ics/gateway.yaml"},
    "uplinks": [
        {
            "name": "cable", "state": "up", "stage": None, "active": True, "interface": "eth0",
            "addresses": ["203.0.113.5/24"], "since": "2026-11-25T11:59:18Z", "reason": None, "retry_at": None,
            "rx_bytes": 1234567, "tx_bytes": 999,
        },
        {
            "name": "modem", "state": "cooling", "stage": None, "active": False, "interface": None,
            "addresses": [], "since": None, "reason": "busy", "retry_at": "2026-11-25T12:01:30Z",
            "rx_bytes": 0, "tx_bytes": 0,
        },
    ],
    "lans": [
        {
            "name": "home", "state": "up", "interface": "eth1", "address": "192.168.0.1/24", "leases": 2, "reason": None,
            "services": [
                {"plugin": "dhcp", "state": "serving", "reason": ""},
                {"plugin": "dns", "state": "failed", "reason": "port 53 is taken"},
            ],
        }
    ],
    "helpers": [],
    "warnings": ["careful"],
}  # fmt: skip


def test_status_fits_a_terminal() -> None:
    """The whole screen, aligned; the active uplink has a star."""
    assert show.status(STATUS, NOW).splitlines() == [
        "ics 1.0  ready  since 2h  /etc/ics/gateway.yaml",
        "",
        "UPLINK   STATE    INTERFACE  ADDRESS         SINCE  IN      OUT",
        "* cable  up       eth0       203.0.113.5/24  42s    1.2 MB  999 B",
        "  modem  cooling  -          -               -      0 B     0 B",
        "    busy (next try in 1m 30s)",
        "",
        "LAN     STATE  INTERFACE  ADDRESS         LEASES  SERVICES",
        "  home  up     eth1       192.168.0.1/24  2",
        "    dhcp, dns (failed: port 53 is taken)",
        "warning: careful",
    ]


def test_what_is_short_stands_in_its_line_and_nothing_is_wider_than_the_terminal() -> None:
    """With colours and without; a long reason goes below its line, wrapped."""
    long = STATUS["uplinks"][1] | {"reason": "no DHCP server answers on eth2, and so on; " * 4}  # type: ignore[operator]
    short = STATUS["uplinks"][1] | {"reason": "busy", "retry_at": None}  # type: ignore[operator]
    data = STATUS | {"uplinks": [long, short], "warnings": ["something to think about " * 5]}
    for colour in (False, True):
        plain = show.status(data, NOW, colour)
        for code in ("\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[0m"):
            plain = plain.replace(code, "")
        assert max(len(line) for line in plain.splitlines() if not line.startswith("warning: ")) <= WIDTH
        assert "  modem  cooling  -          -        -      0 B  0 B  busy" in plain.splitlines()
        assert plain.count("no DHCP server") == 4


def test_helpers_with_what_they_did_and_why_one_does_not_work() -> None:
    """One line each; the reason stands with it."""
    helpers = [
        {"name": "ftp", "plugin": "ftp", "sessions": 2, "expectations": 1, "refused": 0, "state": "ready", "reason": None},
        {"name": "pptp", "plugin": "pptp", "sessions": 0, "expectations": 0, "refused": 0, "state": "unsupported",
         "reason": "this kernel has no conntrack helper pptp"},
    ]  # fmt: skip
    shown = show.status({**STATUS, "helpers": helpers, "warnings": []}, NOW)
    assert shown.splitlines()[-4:] == [
        "HELPER  STATE        SESSIONS  EXPECTATIONS  REFUSED",
        "ftp     ready        2         1             0",
        "pptp    unsupported  0         0             0",
        "    this kernel has no conntrack helper pptp",
    ]


def test_a_reload_on_trial_is_on_the_screen() -> None:
    """What it changed, how long there is, and what to say."""
    pending = {"changes": "LAN home changed", "until": "2026-11-25T12:00:42Z", "seconds_left": 41.6}
    tried = STATUS | {"gateway": STATUS["gateway"] | {"pending": pending}}  # type: ignore[operator]
    assert show.status(tried, NOW).splitlines()[1] == (
        "on trial: LAN home changed; what was before comes back in 41s, unless you say: ics reload --keep"
    )


def test_a_look_ahead_has_three_parts() -> None:
    """Those that are empty are left out."""
    diff = "--- in force\n+++ to come\n@@ -1 +1 @@\n-a\n+b\n"
    assert show.preview({"changes": "LAN home changed", "machine": ["up eth1"], "nft": diff}) == (
        "LAN home changed\n\non the machine:\n  up eth1\n\nin the packet filter:\n" + diff.rstrip()
    )
    assert show.preview({"changes": "nothing has changed", "machine": [], "nft": ""}) == "nothing has changed"


def test_colours_do_not_disturb_the_columns() -> None:
    """The same screen in colour is as wide as without."""
    plain, coloured = show.status(STATUS, NOW), show.status(STATUS, NOW, colour=True)
    stripped = (
        coloured.replace("\x1b[32m", "")
        .replace("\x1b[33m", "")
        .replace("\x1b[31m", "")
        .replace("\x1b[0m", "")
    )
    assert coloured != plain
    assert stripped == plain


def test_leases_as_a_table() -> None:
    """Address, MAC, name, LAN and how long."""
    lease = {
        "address": "192.168.0.9",
        "mac": "02::1",
        "hostname": "",
        "lan": "home",
        "expires": "2026-11-25T23:30:00Z",
    }
    assert show.leases([lease, lease | {"hostname": "pc", "expires": None}], NOW).splitlines() == [
        "ADDRESS      MAC    NAME  LAN   EXPIRES",
        "192.168.0.9  02::1  -     home  in 11h 30m",
        "192.168.0.9  02::1  pc    home  never",
    ]
    assert show.leases([], NOW) == "no leases"


MAPPING = {
    "protocol": "tcp",
    "uplink": "cable",
    "external_port": 8080,
    "to": "192.168.0.10:80",
    "remote": None,
    "owner": "added",
    "expires": None,
    "count": 1,
    "once": False,
    "external_address": "203.0.113.5",
    "reason": None,
}


def test_mappings_as_a_table() -> None:
    """Port or ports, where to, for whom, whose, how long; below a line why it does not work."""
    expectation = MAPPING | {
        "remote": "192.0.2.80",
        "owner": "helper.ftp",
        "expires": "2026-11-25T12:01:00Z",
        "once": True,
    }
    waiting = MAPPING | {"protocol": "udp", "external_port": 6112, "count": 8, "reason": "it has no address"}
    assert show.mappings([MAPPING, expectation, waiting], NOW).splitlines() == [
        "PROTOCOL  UPLINK  PORT       TO               FOR         OWNER       ENDS",
        "tcp       cable   8080       192.168.0.10:80  anybody     added       never",
        "tcp       cable   8080       192.168.0.10:80  192.0.2.80  helper.ftp  in 1m, once",
        "udp       cable   6112-6119  192.168.0.10:80  anybody     added       never",
        "    it has no address",
    ]
    assert show.mappings([], NOW) == "no external ports are open"


def test_status_counts_mappings() -> None:
    """And says how to see them; without any it says nothing."""
    assert "mappings of external ports: 2; ics mappings lists them" in show.status(
        STATUS | {"mappings": 2}, NOW
    ).split("\n")
    assert "mappings" not in show.status(STATUS | {"mappings": 0}, NOW)


def test_what_was_added_and_removed_in_words() -> None:
    """A line for each uplink; one that has no address is named instead."""
    waiting = MAPPING | {"external_address": None, "uplink": "dsl", "reason": "uplink dsl has no address now"}
    assert show.added({"added": [MAPPING, waiting]}).splitlines() == [
        "tcp 203.0.113.5 port 8080 leads to 192.168.0.10:80",
        "tcp dsl port 8080 leads to 192.168.0.10:80 (not now: uplink dsl has no address now)",
    ]
    assert show.removed({"removed": [MAPPING | {"count": 2}]}) == (
        "tcp port 8080-8081 on cable is closed; it led to 192.168.0.10:80"
    )


def test_plugins_with_and_without_check() -> None:
    """State and reason only after a check."""
    row = {"name": "dhcp", "kind": "lan_service", "distribution": "icsframework", "version": "1"}
    assert show.plugins([row]).splitlines()[0] == "NAME  KIND         DISTRIBUTION  VERSION"
    assert (
        show.plugins([row | {"state": "broken", "reason": "no"}])
        .splitlines()[1]
        .endswith("1        broken  no")
    )
    assert show.plugins([]) == "no plugins are installed"


@pytest.mark.parametrize(
    ("answer", "stays"),
    [
        ({"connect": "always", "until": "2026-11-25T21:10:00Z"}, "until 21:10"),
        ({"connect": "demand", "until": "2026-11-25T12:01:30Z"}, "until 12:01:30"),
        ({"connect": "demand", "until": None}, "until something needs the Internet"),
        ({"connect": "manual", "until": None}, "until: ics connect modem"),
        ({"connect": "always", "until": None}, "until: ics connect modem"),
        ({}, "until it is wanted again"),
    ],
)
def test_who_hangs_up_reads_how_long_it_stays_down(answer: dict[str, str | None], stays: str) -> None:
    """Until a time, until traffic, or until a command; an older gateway does not say which."""
    words = show.hung_up({"uplink": "modem"} | answer, NOW)
    assert words == f"modem: hung up; it stays down {stays}"


def test_packets_that_wait_are_on_the_screen() -> None:
    """While there are any."""
    hold = {"held": 3, "bytes": 1180, "clients": 1, "oldest": 4.2}
    told = "waiting for a link: 3 packets (1.2 kB) of 1 client, the oldest for 4s"
    assert told in show.status(STATUS | {"hold": hold}, NOW).splitlines()
    one = {"held": 1, "bytes": 60, "clients": 2, "oldest": None}
    assert "waiting for a link: 1 packet (60 B) of 2 clients, the oldest for 0s" in show.status(
        STATUS | {"hold": one}, NOW
    )
    for nothing in ({}, {"hold": None}, {"hold": hold | {"held": 0}}):
        assert "waiting" not in show.status(STATUS | nothing, NOW)
