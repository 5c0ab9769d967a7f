"""The JSON schema of the file, judged by an independent validator."""

import json
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from icsframework.config.schema import definition_of, json_schema
from icsframework.fields import Section, UplinkConfig

MINIMAL = {"lans": [{"interface": "eth1"}], "uplinks": [{"plugin": "ethernet", "interface": "eth0"}]}


@pytest.fixture
def validator(plugins):
    """A validator of the schema with the plugins installed here."""
    return Draft202012Validator(json.loads(json.dumps(json_schema(plugins))))


def faults(validator, document):
    """Where a document breaks the schema."""
    return sorted(".".join(map(str, error.absolute_path)) for error in validator.iter_errors(document))


def test_it_is_a_schema(plugins):
    """What is printed keeps the rules of JSON Schema itself."""
    Draft202012Validator.check_schema(json_schema(plugins))


def test_good_files_fit_the_schema(validator):
    """The minimal one, the example in etc, and one that uses many keys."""
    example = Path(__file__).parents[4] / "etc" / "gateway.yaml"
    rich = {
        "version": 1,
        "gateway": {"mark": 0x00FF0000},
        "lans": [
            {
                "interface": "eth1",
                "address": "auto",
                "services": [
                    {"plugin": "dhcp", "lease": 3600, "reservations": []},
                    {"plugin": "x.y:factory", "anything": 1},
                ],
            }
        ],
        "uplinks": [
            {
                "plugin": "dialup",
                "device": "/dev/ttyS0",
                "password": {"env": "PASSWORD"},
                "demand": {"ignore": "ntp", "hours": ["06:00-23:00"]},
                "limits": {"time": "2h/day", "data": ["500MB/month"], "price": 0.02},
                "dns": "192.0.2.1",
            }
        ],
        "helpers": [{"plugin": "ftp", "port": 21}, {"plugin": "games", "profiles": ["any"]}],
        "publish": [{"protocol": "tcp", "port": "80-90", "to": "192.168.0.10"}],
        "control": {"web": False},
    }
    for document in (MINIMAL, yaml.safe_load(example.read_text()), rich):
        assert faults(validator, document) == []


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"gatway": {}}, ""),
        ({"version": 2}, "version"),
        ({"lans": []}, "lans"),
        ({"lans": [{"interface": "eth1", "adress": "auto"}]}, "lans.0"),
        ({"lans": [{"interface": "eth1", "own": 1}]}, "lans.0"),
        (
            {"lans": [{"interface": "eth1", "services": [{"plugin": "dns", "lease": "12h"}]}]},
            "lans.0.services.0",
        ),
        (
            {"lans": [{"interface": "eth1", "services": [{"plugin": "dhcp", "lease": []}]}]},
            "lans.0.services.0.lease",
        ),
        ({"lans": [{"interface": "eth1", "services": [{"plugin": "dhpc"}]}]}, "lans.0.services.0.plugin"),
        ({"uplinks": [{"interface": "eth0"}]}, "uplinks.0"),
        ({"uplinks": [{"plugin": "ethernet", "interface": "eth0", "own": 1}]}, "uplinks.0"),
        ({"uplinks": [{"plugin": "ethernet", "device": "x"}]}, "uplinks.0"),
        ({"uplinks": [{"plugin": "dialup"}]}, "uplinks.0"),
        ({"uplinks": [{"plugin": "ethernet", "connect": "sometimes"}]}, "uplinks.0.connect"),
        (
            {"uplinks": [{"plugin": "ethernet", "limits": {"billing_day": 32}}]},
            "uplinks.0.limits.billing_day",
        ),
        ({"control": {"web": "yes"}}, "control.web"),
    ],
)
def test_bad_files_do_not(validator, change, where):
    """Unknown keys, also those of another plugin; missing ones; wrong values."""
    assert where in faults(validator, {**MINIMAL, **change})


def test_other_spellings_behind_a_before_validator_are_not_judged(validator):
    """What such a function takes is not known to the schema; it must not call a good file wrong."""
    for address in ("dhcp", {"address": "203.0.113.5/24", "gateway": "203.0.113.1"}):
        uplink = {"plugin": "ethernet", "interface": "eth0", "address": address}
        assert faults(validator, {**MINIMAL, "uplinks": [uplink]}) == []


def test_every_key_of_the_core_is_described(plugins):
    """In words, with the default as the file would say it, so that an editor can show them."""
    definitions = json_schema(plugins)["$defs"]
    bare = [
        f"{name}.{key}"
        for name, definition in definitions.items()
        if name
        in {
            "GatewaySection",
            "LanSection",
            "UplinkSection",
            "HelperSection",
            "PublishSection",
            "Demand",
            "Limits",
            "Rule",
            "Probe",
        }
        for key, schema in definition["properties"].items()
        if not schema.get("description")
    ]
    assert bare == []
    assert definitions["Demand"]["properties"]["idle"]["default"] == "5m"
    assert definitions["LanSection"]["properties"]["address"]["default"] == "192.168.0.1/24"
    assert "duration" in definitions["Dhcp"]["properties"]["lease"]["description"]


def test_a_plugin_that_cannot_be_loaded_says_why(plugins):
    """Its keys are not judged."""
    branches = json_schema(plugins)["$defs"]["HelperSection"]["allOf"]
    (games,) = [
        branch["then"] for branch in branches if branch["if"]["properties"]["plugin"] == {"const": "games"}
    ]
    assert games == {"description": "the NAT helper games is broken; update it", "additionalProperties": True}


def test_two_plugins_may_call_their_model_alike(plugins):
    """Their definitions do not mix."""
    plugins.plugins["uplink"]["twin"] = type(
        "Ethernet",
        (plugins.plugins["uplink"]["dialup"].__base__,),
        {"__annotations__": {"twin": int}, "__module__": __name__},
    )
    validator = Draft202012Validator(json_schema(plugins))
    assert faults(validator, {**MINIMAL, "uplinks": [{"plugin": "twin", "twin": 1}]}) == []
    assert faults(validator, {**MINIMAL, "uplinks": [{"plugin": "ethernet", "twin": 1}]}) != []


class Limits(Section):
    """Called like a section of the core."""

    calls: int = 3
    """How many calls."""


class WithLimits(UplinkConfig):
    """A plugin's keys with such a section."""

    budget: Limits = Limits()
    """What it may use."""


def test_models_of_one_name_are_described_all_the_same(plugins):
    """Each by what stands below its own fields; one that nobody uses has no definition."""
    plugins.plugins["uplink"]["modest"] = WithLimits
    definitions = json_schema(plugins)["$defs"]
    assert "Limits" not in definitions
    assert definition_of(Limits, definitions)["properties"]["calls"]["description"] == "How many calls."
    assert definition_of(type("Unused", (Section,), {}), definitions) is None


def test_a_model_without_a_file_is_shown_without_descriptions(plugins):
    """One that was made by a program, in a module that is no file."""
    made = type(
        "Made",
        (UplinkConfig,),
        {"__annotations__": {"speed": int}, "__module__": "nowhere", "speed": 3},
    )
    plugins.plugins["uplink"]["made"] = made
    shown = definition_of(made, json_schema(plugins)["$defs"])
    assert shown["properties"]["speed"] == {"default": 3, "type": "integer"}
