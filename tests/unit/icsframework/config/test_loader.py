"""The configuration file as a whole."""

import time
from decimal import Decimal
from ipaddress import IPv4Interface
from pathlib import Path

import pytest

from icsframework.config.loader import MAX_ENTRIES, load
from icsframework.dataplane.marks import MAX_UPLINKS
from icsframework.fields import Period, Rate

MINIMAL = """\
lans: [{interface: eth1}]
uplinks: [{plugin: ethernet, interface: eth0}]
"""

WHOLE = """\
version: 1
gateway:
  state: /srv/ics
  run: /run/ics
  timezone: Europe/Berlin
  resolver: leave
  mark: 0x00ff0000
lans:
  - name: home
    interface: eth1
    address: 192.168.0.1/24
    users: view
    reach: []
    services:
      - plugin: dhcp
        lease: 12h
        reservations:
          - {mac: "02:00:5e:00:53:01", address: 192.168.0.10}
      - plugin: dns
        domain: home.arpa
  - name: guest
    bridge: {name: br-guest, ports: [eth2, wlan0]}
    address: auto
    reach: [home]
    services: []
uplinks:
  - name: cable
    plugin: ethernet
    interface: eth0
    address: dhcp
    connect: always
    probe: {targets: [203.0.113.1], interval: 10s}
  - name: modem
    plugin: dialup
    device: /dev/serial/by-id/usb-modem
    modem: hayes
    numbers: ["5551234", "5551235"]
    password: {env: HOME}
    connect: standby
    metered: true
    demand: {idle: 5m, hold: 60s, min_up: 0s, ignore: [ntp], hours: "06:00-23:00"}
    wake: [{action: ignore, name: "*.telemetry.example"}]
    limits: {time: 2h/day, data: 500MB/month, dials: 20/hour, money: 10/month, price: 0.02, charge_unit: 60s, billing_day: 31}
helpers:
  - plugin: ftp
  - plugin: acme.chess:factory
    port: 5000
publish:
  - {name: web, protocol: tcp, port: 80, to: "192.168.0.10:8080"}
control:
  web: true
"""


def test_the_least_that_works(load_text):
    """Two lines; everything else has its default."""
    result = load_text(MINIMAL)
    assert (result.errors, result.warnings) == ((), ())
    (lan,), (uplink,) = result.config.lans, result.config.uplinks
    assert (lan.name, lan.interface, lan.address, lan.users) == (
        "eth1",
        "eth1",
        IPv4Interface("192.168.0.1/24"),
        "view",
    )
    assert [(service.plugin, service.own.model_fields_set) for service in lan.services] == [
        ("dhcp", set()),
        ("dns", set()),
    ]
    assert (uplink.name, uplink.interface, uplink.connect, uplink.own.address) == (
        "eth0",
        "eth0",
        "always",
        None,
    )
    assert (result.config.publish, result.config.control.web) == ((), True)


def test_default_helpers_are_those_that_are_installed_and_whole(load_text):
    """The others are notes, never errors; an empty list means none."""
    result = load_text(MINIMAL)
    assert [helper.plugin for helper in result.config.helpers] == ["ftp"]
    assert [str(note) for note in result.notes] == [
        "g.yaml: the NAT helper games is broken; update it",
        "g.yaml: default helpers that are not installed: pptp, tftp",
    ]
    assert load_text(MINIMAL + "helpers: []").config.helpers == ()
    assert load_text(MINIMAL + "helpers: []").notes == ()


def test_the_whole_file_of_the_documentation(load_text):
    """Every section is read, and what has no function yet is one warning."""
    result = load_text(WHOLE)
    assert result.errors == ()
    config = result.config
    assert config.gateway.state == Path("/srv/ics")
    assert [(lan.name, lan.device, lan.address) for lan in config.lans] == [
        ("home", "eth1", IPv4Interface("192.168.0.1/24")),
        ("guest", "br-guest", None),
    ]
    modem = config.uplinks[1]
    assert (modem.connect, modem.metered, modem.own.numbers, modem.demand.ignore) == (
        "standby",
        True,
        ("5551234", "5551235"),
        ("ntp",),
    )
    assert modem.limits.money == (Rate(Decimal(10), Period.MONTH),)
    assert [(helper.name, helper.own.port) for helper in config.helpers] == [("ftp", 21), ("chess", 5000)]
    assert config.publish[0].inside.port == 8080
    assert len(result.warnings) == 1


def test_errors_are_all_reported_at_once_in_the_order_of_the_file(errors_of):
    """Unknown keys, wrong values, references and what only several keys show, in one go."""
    text = """\
    version: 2
    gatway: {}
    lans:
      - name: Home
        interface: eth1
        adress: 192.168.1.1/24
        services:
          - plugin: dhcp
            leese: 12h
          - plugin: dnz
      - {interface: eth1, reach: [hom], address: 10.0.0.1/24}
      - 5
    uplinks:
      - name: cable
        interface: eth0
        conect: always
        mtu: 20
      - {plugin: dialup, password: 1234}
    helpers: {plugin: ftp}
    publish:
      - {protocol: tcp, port: 80, to: "192.168.0.10:8080"}
    control: {web: yes}
    """
    assert [error.split(": ")[1] for error in errors_of(text)] == [
        "version",
        "gatway",
        "lans[0].name",
        "lans[0].adress",
        "lans[0].services[0].leese",
        "lans[0].services[1].plugin",
        "lans[1].interface",
        "lans[2]",
        "uplinks[0].plugin",
        "uplinks[0].conect",
        "uplinks[0].mtu",
        "uplinks[1].device",
        "uplinks[1].password",
        "helpers",
        "control.web",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1", [
            "1:1: a: unknown key 'a'; known here: control, gateway, helpers, lans, publish, uplinks, version",
            "1:1: lans: is missing; add for example lans: [{interface: eth1}]",
            "1:1: uplinks: is missing; add for example uplinks: [{plugin: ethernet, interface: eth0}]",
        ]),
        ("lans: []\nuplinks:", [
            "1:1: lans: is empty; write for example lans: [{interface: eth1}]",
            "2:1: uplinks: is missing; add for example uplinks: [{plugin: ethernet, interface: eth0}]",
        ]),
        ("lans: {interface: eth1}\nuplinks: eth0", [
            "1:1: lans: a mapping is not a list; write entries that begin with - below it, or [{...}, {...}]",
            "2:10: uplinks: 'eth0' is not a list; write entries that begin with - below it, or [{...}, {...}]",
        ]),
        (MINIMAL + "gateway: 5\ncontrol: [web]", [
            "3:10: gateway: '5' is not a mapping; write key: value lines below it, or {key: value}",
            "4:1: control: a list is not a mapping; write key: value lines below it, or {key: value}",
        ]),
        (MINIMAL + "version: '1'", ["3:10: version: '1' is not a version of the file that this ics reads; write version: 1"]),
        (MINIMAL + "version: true", ["3:10: version: 'true' is not a version of the file that this ics reads; write version: 1"]),
        (MINIMAL.replace("eth1}", "eth1, services: dns}"), [
            "1:36: lans[0].services: 'dns' is not a list; write entries that begin with - below it, or [{...}, {...}]"
        ]),
        (MINIMAL.replace("eth1}", "eth1, services: [broken]}"), [
            "1:37: lans[0].services[0]: 'broken' is not a mapping; write {plugin: NAME, ...}, or key: value lines"
        ]),
        (MINIMAL.replace("eth1}", "eth1, services: [{plugin: broken}]}"), [
            "1:46: lans[0].services[0].plugin: the LAN service broken cannot be imported"
        ]),
    ],
)  # fmt: skip
def test_the_frame_of_the_file(errors_of, text, expected):
    """What the top level must be like."""
    assert errors_of(text) == expected


def test_names_that_are_left_out(load_text):
    """From interface, bridge or plugin, from protocol and port; numbered if taken, in the order of the file."""
    text = """\
    lans:
      - {interface: eth1}
      - {name: eth1-2, interface: eth2, address: 10.0.0.1/24}
      - {bridge: {name: Br.Home}, address: 10.0.1.1/24}
      - {match: {mac: "02:00:5e:00:53:01"}, address: 10.0.2.1/24}
      - {interface: enp0s31f6np1, address: 10.0.3.1/24}
    uplinks:
      - {plugin: ethernet, interface: eth0}
      - {plugin: dialup, device: /dev/ttyS0}
      - {plugin: dialup, device: /dev/ttyS1}
    helpers: [{plugin: ftp}, {plugin: ftp}, {plugin: acme.chess:factory}]
    publish:
      - {protocol: tcp, port: 80, to: 192.168.0.10}
      - {protocol: tcp, port: 6112-6119, to: 192.168.0.10}
    """
    config = load_text(text).config
    assert [lan.name for lan in config.lans] == ["eth1", "eth1-2", "br-home", "lan", "enp0s31f6n"]
    assert [uplink.name for uplink in config.uplinks] == ["eth0", "dialup", "dialup-2"]
    assert [helper.name for helper in config.helpers] == ["ftp", "ftp-2", "chess"]
    assert [published.name for published in config.publish] == ["tcp-80", "tcp-6112-6"]


def test_sections_without_values_are_as_if_left_out(load_text):
    """A section whose keys are all commented out."""
    text = (
        MINIMAL.replace("eth1}", "eth1, users: , services: }")
        + "gateway:\n  # state: /x\ncontrol:\nhelpers:\n"
    )
    assert load_text(text).config == load_text(MINIMAL).config


def test_a_configuration_is_a_value(load_text):
    """Equal files make equal values, which is how a reload finds what changed; a part that changed does not compare equal."""
    first, second = load_text(WHOLE).config, load_text(WHOLE).config
    assert first == second
    changed = load_text(WHOLE.replace("lease: 12h", "lease: 13h")).config
    assert (
        changed.lans[0] == first.lans[0],
        changed.lans[1:] == first.lans[1:],
        changed.uplinks == first.uplinks,
    ) == (
        False,
        True,
        True,
    )


def test_a_configuration_knows_its_text_and_does_not_show_it(load_text):
    """Whoever wants to load it again has all of it; no log gets it, and a comment makes no other configuration."""
    text = MINIMAL + "# a comment\n"
    found = load_text(text).config
    assert found.text == text
    assert "a comment" not in repr(found)
    assert found == load_text(MINIMAL).config


def test_files_that_cannot_be_read_are_errors_too(tmp_path, plugins):
    """A path is all that load needs."""
    assert [str(p) for p in load(tmp_path / "none.yaml", plugins).errors] == [
        f"{tmp_path}/none.yaml: no such file; check the path"
    ]
    path = tmp_path / "g.yaml"
    path.write_text(MINIMAL)
    assert load(str(path), plugins).config.lans[0].name == "eth1"
    path.write_text("lans: [")
    assert [str(p) for p in load(path, plugins).errors] == [
        f"{path}:2:1: a value, ] or }} is missing before this place; close what is open, or add the value"
    ]


def test_the_example_in_etc_is_correct(plugins):
    """As it stands; it is the first thing that a user changes."""
    example = Path(__file__).parents[4] / "etc" / "gateway.yaml"
    result = load(example, plugins)
    assert (result.errors, result.warnings) == ((), ())


def test_lists_are_bounded(load_text):
    """So that a strange file cannot keep the daemon busy; there are as many uplinks as the mark can tell apart."""
    assert MAX_ENTRIES["uplinks"] == MAX_UPLINKS
    entry = {
        "lans": "{interface: eth1}",
        "uplinks": "{plugin: ethernet}",
        "helpers": "{plugin: ftp}",
        "publish": "{}",
    }
    for key, most in MAX_ENTRIES.items():
        text = f"{key}:\n" + f"- {entry[key]}\n" * (most + 1)
        message = f"{key} has {most + 1} entries"
        found = [problem for problem in load_text(text).errors if problem.message == message]
        assert [(problem.line, problem.path) for problem in found] == [(1, (key,))]


def test_a_hostile_file_is_answered_in_reasonable_time(errors_of):
    """Endless entries and endless unknown keys are cut short."""
    started = time.process_time()
    assert len(errors_of("lans:\n" + "- {interface: eth1}\n" * 20_000)) == 200
    assert len(errors_of("".join(f"lan{n}: 1\n" for n in range(30_000)))) == 200
    assert time.process_time() - started < 10
