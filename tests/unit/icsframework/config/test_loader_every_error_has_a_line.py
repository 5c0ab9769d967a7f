"""Every error of every model leads to the line of the file that caused it.

A document that uses every key of every section is spoilt at each place in turn,
in three ways; the error must stand exactly where the damage was done.
"""

import copy
from typing import Any, get_args

import pytest
import yaml
from pydantic import BaseModel

from icsframework.config import gateway, helpers, lans, publish, uplinks
from icsframework.config.common import Bridge, Match

RULE = {
    "action": "ignore",
    "client": "192.168.0.0/24",
    "protocol": "tcp",
    "port": "80-90",
    "destination": "192.0.2.0/24",
    "name": "*.telemetry.example",
}
DOCUMENT: dict[str, Any] = {
    "version": 1,
    "gateway": {"state": "/s", "run": "/r", "timezone": "UTC", "resolver": "leave", "mark": 0x00FF0000},
    "lans": [
        {
            "name": "home",
            "interface": "eth1",
            "address": "192.168.0.1/24",
            "users": "view",
            "reach": ["attic", "cellar"],
            "services": [
                {
                    "plugin": "dhcp",
                    "enabled": True,
                    "ipv6": False,
                    "tags": ["a", "b"],
                    "lease": "12h",
                    "reservations": [{"mac": "02:00:5e:00:53:01", "address": "192.168.0.10"}],
                },
                {"plugin": "dns", "domain": "home.arpa"},
            ],
        },
        {"name": "attic", "address": "10.0.0.1/24", "bridge": {"name": "br0", "ports": ["eth2", "eth3"]}},
        {"name": "cellar", "address": "10.0.1.1/24", "match": {"mac": "02:00:5e:00:53:02"}},
    ],
    "uplinks": [
        {
            "name": "cable",
            "plugin": "ethernet",
            "enabled": True,
            "interface": "eth0",
            "connect": "always",
            "demand": {
                "idle": "5m",
                "hold": "60s",
                "min_up": "0s",
                "ignore": ["ntp", "smb"],
                "hours": ["06:00-23:00"],
            },
            "limits": {
                "time": ["2h/day", "20h/month"],
                "data": ["500MB/month"],
                "dials": ["20/hour"],
                "money": ["10/month"],
                "price": 0.02,
                "charge_unit": "60s",
                "billing_day": 31,
            },
            "wake": [RULE, {"port": 80}],
            "keep": [{"client": "192.168.0.5"}],
            "probe": {"targets": ["203.0.113.1"], "interval": "10s", "timeout": "2s", "failures": 3},
            "metered": True,
            "weight": 2,
            "mtu": 1400,
            "mac": "02:00:5e:00:53:03",
            "dns": ["192.0.2.1", "192.0.2.2"],
            "ipv6": False,
            "vlan": 7,
            "shaping": {"down": "20Mbit/s", "up": "5Mbit/s"},
            "tags": ["a"],
            "address": {"address": "203.0.113.5/24", "gateway": "203.0.113.1"},
        },
        {"name": "spare", "plugin": "ethernet", "match": {"mac": "02:00:5e:00:53:04"}},
        {
            "name": "modem",
            "plugin": "dialup",
            "device": "/dev/ttyS0",
            "modem": "hayes",
            "numbers": ["1", "2"],
            "password": {"env": "HOME"},
            "peers": {"isp": {"env": "HOME"}},
            "retries": 5,
        },
    ],
    "helpers": [
        {
            "plugin": "ftp",
            "name": "ftp",
            "enabled": True,
            "lans": ["home"],
            "clients": ["192.168.0.0/24"],
            "servers": ["192.0.2.0/24"],
            "uplinks": ["cable"],
            "limits": {"sessions": 5, "expectations": 5, "idle": "1h"},
            "fail": "open",
            "tags": ["a"],
            "port": 21,
        }
    ],
    "publish": [
        {
            "name": "web",
            "protocol": "tcp",
            "port": 80,
            "to": "192.168.0.10:8080",
            "uplinks": ["cable"],
            "clients": ["192.0.2.0/24"],
        }
    ],
    "control": {"web": True},
}
MODELS: tuple[type[BaseModel], ...] = (
    gateway.GatewaySection,
    gateway.ControlSection,
    lans.LanSection,
    lans.ServiceSection,
    Match,
    Bridge,
    uplinks.UplinkSection,
    uplinks.Demand,
    uplinks.Limits,
    uplinks.Rule,
    uplinks.Probe,
    uplinks.Shaping,
    helpers.HelperSection,
    helpers.HelperLimits,
    publish.PublishSection,
)


def walk(value, path=()):
    """Every path of the document and what stands there."""
    if path:
        yield path, value
    children = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for part, child in children:
        yield from walk(child, (*path, part))


def spoilt(path, value):
    """The document as YAML with another value at a path."""
    document = copy.deepcopy(DOCUMENT)
    here: Any = document
    for part in path[:-1]:
        here = here[part]
    here[path[-1]] = value
    return yaml.dump(document, Dumper=yaml.CSafeDumper, default_flow_style=False, sort_keys=False)


def line_of(text, marker):
    """The line of the one place where the marker stands."""
    (line,) = (number for number, line in enumerate(text.splitlines(), 1) if marker in line)
    return line


PATHS = [path for path, _ in walk(DOCUMENT)]
SECTIONS = [path for path, value in walk(DOCUMENT) if isinstance(value, dict)]
SECRETS = {("uplinks", 2, "password"), ("uplinks", 2, "peers", "isp")}
"""Sections that are one value: {env: NAME}."""
TABLE = ("uplinks", 2, "peers")
"""A section whose keys the operator chooses."""
FREE_TEXT = {
    ("uplinks", 2, "device"),
    ("uplinks", 2, "modem"),
    ("uplinks", 2, "numbers", 0),
    ("uplinks", 2, "numbers", 1),
    ("uplinks", 2, "password"),
    ("uplinks", 2, "peers", "isp"),
    ("lans", 0, "services", 1, "domain"),
}
"""Keys that take any text."""


def show(path):
    """A readable test id."""
    return ".".join(map(str, path))


def test_the_document_is_correct_and_uses_every_key_of_every_model(load_text):
    """So no model can gain a key that is not tried below."""
    assert load_text(yaml.dump(DOCUMENT, Dumper=yaml.CSafeDumper, sort_keys=False)).errors == ()
    used = {key for _, value in walk(DOCUMENT) if isinstance(value, dict) for key in value}
    unused = {(m.__name__, name) for m in MODELS for name in m.model_fields if name not in used | {"own"}}
    assert unused == set()


def test_no_model_is_forgotten():
    """Every section that hangs below another is in the list above."""
    below = set()
    waiting = list(MODELS)
    while waiting:
        annotation = waiting.pop()
        if isinstance(annotation, type) and issubclass(annotation, BaseModel) and annotation not in below:
            below.add(annotation)
            waiting += [field.annotation for field in annotation.model_fields.values()]
        waiting += get_args(annotation)
    assert below == set(MODELS)


@pytest.mark.parametrize("path", PATHS, ids=show)
def test_a_wrong_value_is_reported_where_it_stands(load_text, path):
    """Text that no key accepts; the path of the error is the path of the damage."""
    text = spoilt(path, "zz zz zz")
    found = [(problem.line, problem.column) for problem in load_text(text).errors if problem.path == path]
    line = line_of(text, "zz zz zz")
    if path in FREE_TEXT:
        assert found == []
    elif path[-1] == "env":
        assert [problem.path for problem in load_text(text).errors] == [path[:-1]]
    else:
        assert found == [(line, text.splitlines()[line - 1].index("zz zz zz") + 1)]


@pytest.mark.parametrize("path", [path for path in PATHS if path[-1] != "env"], ids=show)
def test_a_mapping_where_it_does_not_belong_is_reported_where_it_stands(load_text, path):
    """Whatever the key wants, it is not this."""
    text = spoilt(path, {"zz-strange": 1})
    found = [problem for problem in load_text(text).errors if problem.path[: len(path)] == path]
    assert found != []
    line = line_of(text, "zz-strange")
    assert all(line - 1 <= problem.line <= line for problem in found)


@pytest.mark.parametrize("path", [(), *SECTIONS], ids=show)
def test_an_unknown_key_is_reported_where_it_stands(load_text, path):
    """In every section, with the path of the section and the key."""
    text = spoilt((*path, "zz-strange"), 1)
    errors = load_text(text).errors
    if path in SECRETS:
        assert [problem.path for problem in errors] == [path]
        return
    assert [(problem.path, problem.line) for problem in errors] == [
        ((*path, "zz-strange"), line_of(text, "zz-strange"))
    ]
    if path != TABLE:
        assert "unknown key" in errors[0].message
