"""What one key alone does not show: the gateway, names, references, plugins."""

import pytest

BASE = """\
lans: [{name: home, interface: eth1}]
uplinks: [{name: cable, plugin: ethernet, interface: eth0}]
"""


def test_a_good_file_has_no_errors(errors_of):
    """The base of the tests below."""
    assert errors_of(BASE) == []


@pytest.mark.parametrize("mark", ["0xff", "0x00ff0000", "0xffffffff", "0xff000000", "0x1ff0"])
def test_marks_of_at_least_eight_neighbouring_bits(errors_of, mark):
    """Anywhere in the 32."""
    assert errors_of(BASE + f"gateway: {{mark: {mark}}}") == []


@pytest.mark.parametrize(
    ("mark", "shown"),
    [
        ("0", "0x00000000"),
        ("0x7f", "0x0000007f"),
        ("0x00ff00ff", "0x00ff00ff"),
        ("0x1ff00000000", "0x1ff00000000"),
        ("-1", "-0x0000001"),
        ("0x0f0f0000", "0x0f0f0000"),
    ],
)
def test_a_mark_that_is_too_small_or_has_holes(errors_of, mark, shown):
    """The layout of our bits needs eight in one run."""
    assert errors_of(BASE + f"gateway: {{mark: {mark}}}") == [
        f"3:17: gateway.mark: {shown} does not name at least 8 neighbouring bits of 32; write for example 0x00ff0000"
    ]


@pytest.mark.parametrize("zone", ["Europe", "../../etc/passwd", "/etc/localtime", "Mars/Base", "Berlin\\0"])
def test_time_zones_that_do_not_exist(errors_of, zone):
    """Neither directories nor paths are zones."""
    (error,) = errors_of(BASE + f'gateway: {{timezone: "{zone}"}}')
    assert error.startswith("3:21: gateway.timezone: there is no time zone '")


def test_a_mistyped_time_zone(errors_of):
    """The nearest one that exists is named, or an example."""
    assert [errors_of(BASE + f"gateway: {{timezone: {zone}}}") for zone in ("Europe/Berlni", "qqqqqq")] == [
        ["3:21: gateway.timezone: there is no time zone 'Europe/Berlni'; did you mean Europe/Berlin?"],
        [
            "3:21: gateway.timezone: there is no time zone 'qqqqqq'; write system, or a name such as Europe/Berlin"
        ],
    ]


def test_time_zones_that_exist(errors_of):
    """And the system's own."""
    for zone in ("system", "Europe/Berlin", "UTC"):
        assert errors_of(BASE + f"gateway: {{timezone: {zone}}}") == []


def test_names_are_unique_in_their_list(errors_of):
    """A LAN and an uplink may share one; two of a kind may not. Names made by us never collide."""
    text = """\
    lans:
      - {name: a, interface: eth1}
      - {name: a, interface: eth2, address: 10.0.0.1/24}
      - {interface: eth3, address: 10.0.1.1/24}
      - {name: eth3, interface: eth4, address: 10.0.2.1/24}
    uplinks:
      - {name: a, plugin: ethernet, interface: eth0}
      - {name: a, plugin: ethernet, interface: eth9}
    helpers:
      - {plugin: ftp}
      - {plugin: ftp}
      - {plugin: ftp, name: x}
      - {plugin: ftp, name: x}
    publish:
      - {name: web, protocol: tcp, port: 80, to: 192.168.0.10}
      - {name: web, protocol: tcp, port: 81, to: 192.168.0.10}
    """
    assert errors_of(text) == [
        "3:12: lans[1].name: the name 'a' is taken by lans[0]; choose another name",
        "8:12: uplinks[1].name: the name 'a' is taken by uplinks[0]; choose another name",
        "13:25: helpers[3].name: the name 'x' is taken by helpers[2]; choose another name",
        "16:12: publish[1].name: the name 'web' is taken by publish[0]; choose another name",
    ]


def test_references_lead_somewhere(errors_of):
    """Each name of a LAN or an uplink exists, or the nearest one is suggested."""
    text = """\
    lans:
      - {name: home, interface: eth1, reach: [guest, gest, home]}
      - {name: guest, interface: eth2, address: 10.0.0.1/24, reach: [home]}
    uplinks: [{name: cable, plugin: ethernet, interface: eth0}]
    helpers: [{plugin: ftp, lans: [home, attic], uplinks: [cabel]}]
    publish: [{protocol: tcp, port: 80, to: 192.168.0.10, uplinks: [dsl, cable]}]
    """
    assert errors_of(text) == [
        "2:50: lans[0].reach[1]: there is no LAN called 'gest'; did you mean guest?",
        "2:56: lans[0].reach[2]: a LAN always reaches itself; remove it",
        "5:38: helpers[0].lans[1]: there is no LAN called 'attic'; there are: guest, home",
        "5:56: helpers[0].uplinks[0]: there is no uplink called 'cabel'; did you mean cable?",
        "6:65: publish[0].uplinks[0]: there is no uplink called 'dsl'; there are: cable",
    ]


def test_nobody_is_blamed_for_a_name_that_could_not_be_read(errors_of):
    """One mistake is one error."""
    text = """\
    lans: [{name: home, interface: eth1, reach: [Guest1]}, {name: Guest1, interface: eth2, address: 10.0.0.1/24}]
    uplinks: [{plugin: ethernet, interface: eth0}]
    """
    assert [error.split(": ")[1] for error in errors_of(text)] == ["lans[0].reach[0]", "lans[1].name"]


def test_plugins_object_to_their_own_keys(errors_of, load_text):
    """With the address of the LAN at hand, and with the path in the file; a warning does not refuse."""
    text = """\
    lans:
      - name: home
        interface: eth1
        services:
          - plugin: dhcp
            lease: 30s
            reservations:
              - {mac: "02:00:5e:00:53:01", address: 192.168.0.10}
              - {mac: "02:00:5e:00:53:02", address: 192.168.1.10}
    uplinks: [{plugin: ethernet}]
    """
    assert errors_of(text) == [
        "9:49: lans[0].services[0].reservations[1].address: 192.168.1.10 is outside 192.168.0.0/24; choose an address of the LAN",
        "10:11: uplinks[0]: no interface is named; add for example interface: eth0",
    ]
    assert "6:16: lans[0].services[0].lease: a lease this short is busy work" in str(
        load_text(text).warnings[0]
    )


def test_plugins_are_not_asked_about_keys_that_could_not_be_read(errors_of):
    """Nor about a LAN whose address could not; but about the rest they are."""
    text = """\
    lans:
      - interface: eth1
        services: [{plugin: dhcp, lease: soon, reservations: [{mac: "02:00:5e:00:53:01", address: 10.0.0.1}]}]
      - interface: eth2
        address: 10.0.0.256/24
        services: [{plugin: dhcp, reservations: [{mac: "02:00:5e:00:53:01", address: 10.9.9.9}]}]
    uplinks: [{plugin: ethernet, match: {mac: "02:00:5e:00:53:03"}}]
    """
    assert [error.split(": ")[1] for error in errors_of(text)] == [
        "lans[0].services[0].lease",
        "lans[0].services[0].reservations[0].address",
        "lans[1].address",
    ]


def test_a_plugin_that_fails_to_check_harms_nobody_else(errors_of):
    """It is named, as the defect of a stranger."""
    text = """\
    lans: [{interface: eth1, services: [{plugin: raising, at_check: true}]}]
    uplinks: [{plugin: ethernet}]
    """
    assert errors_of(text) == [
        "1:46: lans[0].services[0].plugin: the plugin failed to check its keys: KeyError('oops'); tell its author",
        "2:11: uplinks[0]: no interface is named; add for example interface: eth0",
    ]


def test_an_objection_to_a_default_is_not_one_to_a_value_that_could_not_be_read(errors_of):
    """Left out, the default is at fault; written wrongly, only the writing is."""
    text = """\
    lans: [{name: strict, interface: eth1, services: [{plugin: dns%s}]}]
    uplinks: [{plugin: ethernet, interface: eth0}]
    """
    assert [[error.split(": ")[2] for error in errors_of(text % key)] for key in ("", ", domain: [x]")] == [
        ["choose a domain of your own"],
        ["this is not text; write a word or a quoted text"],
    ]
