"""Entries that name a plugin."""

import pytest
from pydantic import BaseModel, create_model

from icsframework.config.marked import parse_marked
from icsframework.config.plugins import read_entry
from icsframework.config.reading import Report
from icsframework.config.source import Source
from icsframework.config.uplinks import UplinkSection
from icsframework.fields import LanServiceConfig


@pytest.fixture
def read(plugins):
    """Read a text as one entry of uplinks:; returns the entry and the errors."""

    def act(text):
        document = parse_marked(Source("g.yaml", text))
        report = Report(document)
        entry = read_entry(report, plugins, "uplink", UplinkSection, document.plain(), ())
        return entry, [str(problem).removeprefix("g.yaml:") for problem in Report.in_order(report.errors)]

    return act


def test_the_keys_are_divided(read):
    """The core's keys and the plugin's own stand in one mapping, and come out side by side."""
    entry, errors = read("plugin: dialup\nname: modem\nmetered: true\ndevice: /dev/ttyS0\nnumbers: ['1']")
    assert errors == []
    assert entry.core.value == UplinkSection(plugin="dialup", name="modem", metered=True)
    assert (entry.own.value.device, entry.own.value.numbers) == ("/dev/ttyS0", ("1",))
    assert entry.complete.own is entry.own.value
    assert (entry.complete.name, entry.path) == ("modem", ())


def test_errors_of_both_halves_are_reported_at_once(read):
    """Each in its own words, and the entry is not complete."""
    entry, errors = read("plugin: dialup\nmetered: 1\nretries: 99\ndevcie: x")
    assert errors == [
        "1:1: device: is missing; add it",
        "2:10: metered: '1' is not true or false; write true or false",
        "3:10: retries: '99' is out of range; it must be at most 10",
        "4:1: devcie: unknown key 'devcie'; did you mean device?",
    ]
    assert entry.complete is None


def test_a_slip_in_the_cores_keys_is_recognised(read):
    """Suggestions come from both halves."""
    assert read("plugin: ethernet\nmeterd: true")[1] == [
        "2:1: meterd: unknown key 'meterd'; did you mean metered?"
    ]


def test_without_a_plugin_only_plain_slips_are_reported(read):
    """Nobody knows the keys of a plugin that is not there."""
    assert read("interface: eth0\nmeterd: true\nfoo: bar")[1] == [
        "1:1: plugin: is missing; add plugin: NAME (installed: dialup, ethernet)",
        "2:1: meterd: unknown key 'meterd'; did you mean metered?",
    ]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("ethernte", "1:9: plugin: there is no uplink plugin called 'ethernte'; did you mean ethernet?"),
        ("wimax", "1:9: plugin: there is no uplink plugin called 'wimax'; installed: dialup, ethernet"),
        ("ftp", "1:9: plugin: there is no uplink plugin called 'ftp'; installed: dialup, ethernet"),
        (
            "5",
            "1:9: plugin: '5' is not the name of a plugin; write a name that ics plugins lists, or module:attribute",
        ),
    ],
)
def test_a_plugin_that_does_not_exist_is_an_error(read, name, sentence):
    """It names the nearest installed one of the kind."""
    assert read(f"plugin: {name}")[1] == [sentence]


def test_a_broken_plugin_is_an_error_in_its_own_words(read, plugins):
    """The sentence of the registry."""
    plugins.plugins["uplink"]["bad"] = (
        "the uplink plugin 'bad' cannot be imported: No module named x; update or remove it"
    )
    assert read("plugin: bad")[1] == [
        "1:9: plugin: the uplink plugin 'bad' cannot be imported: No module named x; update or remove it"
    ]


def test_a_plugin_given_as_module_is_not_looked_for_among_the_installed(read, plugins):
    """The registry imports it."""
    plugins.get = lambda kind, name: type("F", (), {"Config": plugins.plugins["uplink"]["ethernet"]})
    assert read("plugin: acme.links:factory\ninterface: x")[1] == []


def test_a_config_that_is_no_plugin_config_is_refused(read, plugins):
    """So are keys that are reserved for the core of this kind of plugin."""
    plugins.plugins["uplink"]["bare"] = create_model("Bare", __base__=BaseModel)
    plugins.plugins["uplink"]["taken"] = create_model("Taken", __base__=LanServiceConfig, mtu=(int, 1))
    assert read("plugin: bare")[1] == [
        "1:9: plugin: the Config of the plugin 'bare' is no fields.UplinkConfig; tell its author"
    ]
    assert read("plugin: taken")[1] == [
        "1:9: plugin: the plugin 'taken' declares mtu, reserved for the core; tell its author"
    ]


def test_a_validator_that_raises_anything_harms_only_its_entry(read, plugins):
    """It is reported with the plugin's name."""
    plugins.plugins["uplink"]["raising"] = plugins.plugins["lan_service"]["raising"]
    entry, errors = read("plugin: raising\nname: x\nkey: 5")
    assert errors == [
        "1:9: plugin: the plugin 'raising' failed to read its keys: KeyError(5); tell its author"
    ]
    assert (entry.core.value.name, entry.complete) == ("x", None)


def test_an_entry_that_is_no_mapping(read, plugins):
    """A bare name is not enough."""
    document = parse_marked(Source("g.yaml", "a: [ethernet]"))
    report = Report(document)
    assert read_entry(report, plugins, "uplink", UplinkSection, "ethernet", ("a", 0)).complete is None
    assert [str(p) for p in report.errors] == [
        "g.yaml:1:5: a[0]: 'ethernet' is not a mapping; write {plugin: NAME, ...}, or key: value lines"
    ]
