"""Does a plugin keep its contract?  For the tests of whoever writes one.

    from icsframework.testing.contract import check_plugin

    def test_contract():
        check_plugin("uplink", factory, "device: /dev/ttyS0")

The text is a working entry of the YAML file as an operator would write it, without ``plugin:``, the
shortest that makes sense.  ``check_plugin`` does all that the other functions do; each raises
ContractBroken (an AssertionError) with a sentence that says what is not as interfaces.py wants it.
Nothing leaves this process: gateway, host and store are the fakes of this package.  The
parts for one kind of plugin are in contract_uplink, contract_lan and contract_helper.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from inspect import isclass
from textwrap import indent
from typing import Any

from pydantic import ValidationError
from zope.interface import Interface
from zope.interface.exceptions import Invalid
from zope.interface.verify import verifyObject

from icsframework.config.configuration import Configuration
from icsframework.config.loader import interpret
from icsframework.config.plugins import KINDS as CONFIG_KINDS
from icsframework.config.schema import definition_of, json_schema
from icsframework.config.source import Source
from icsframework.fields import PluginConfig, Section, text_type
from icsframework.interfaces import API_VERSION
from icsframework.registry import KINDS
from icsframework.testing.contract_helper import check_helper
from icsframework.testing.contract_lan import check_lan_service
from icsframework.testing.contract_uplink import check_uplink
from icsframework.testing.held import watched
from icsframework.testing.registry import FixedRegistry
from icsframework.testing.stage import ContractBroken
from icsframework.testing.uplink import ScriptedUplinkFactory
from icsframework.values import Readiness, SystemInfo

__all__ = [
    "ContractBroken",
    "Example",
    "PluginContract",
    "check_config",
    "check_factory",
    "check_plugin",
    "check_prepare",
    "check_schema",
    "check_service",
]

NAME = "example"
"""What the plugin under test is called in the file."""


@dataclass(frozen=True, slots=True)
class Example:
    """An entry of the file as it was read: the plugin's own keys, and the interface that the core's keys name or ""."""

    own: PluginConfig
    interface: str = ""


def check_plugin(kind: str, factory: Any, text: str = "") -> None:
    """Everything there is to check of a plugin; ``kind`` is uplink, lan_service or nat_helper."""
    check_factory(kind, factory)
    check_schema(kind, factory)
    example = check_config(kind, factory, text)
    check_prepare(factory, example.own)
    check_service(kind, factory, example)


class PluginContract:
    """The same as a class whose tests pytest or unittest finds: derive from it and set the attributes."""

    kind: str
    factory: Any
    text = ""

    def test_factory(self) -> None:
        """The factory provides what its kind needs."""
        check_factory(self.kind, self.factory)

    def test_schema(self) -> None:
        """Each key is described."""
        check_schema(self.kind, self.factory)

    def test_config(self) -> None:
        """The example is read, written and read again."""
        check_config(self.kind, self.factory, self.text)

    def test_prepare(self) -> None:
        """It only looks."""
        check_prepare(self.factory, check_config(self.kind, self.factory, self.text).own)

    def test_service(self) -> None:
        """It starts, serves and stops, and leaves nothing."""
        check_service(self.kind, self.factory, check_config(self.kind, self.factory, self.text))


def check_factory(kind: str, factory: Any) -> None:
    """The entry-point object provides its kind's interface, and its Config is of its kind."""
    if isclass(factory):
        raise ContractBroken("the entry point must name an object, not a class")
    version = getattr(factory, "api_version", None)
    if version != API_VERSION:
        raise ContractBroken(f"api_version is {version!r}, this is {API_VERSION}")
    _verify(KINDS[kind].factory, factory)
    base, config = CONFIG_KINDS[kind].base, factory.Config
    if not isclass(config) or not issubclass(config, base):
        raise ContractBroken(f"Config must be a subclass of {base.__name__}, not {config!r}")
    taken = sorted(set(config.model_fields) & base.reserved)
    if taken:
        raise ContractBroken(f"Config declares {', '.join(taken)}, reserved for the core")


def _verify(interface: type[Interface], candidate: object) -> None:
    try:
        verifyObject(interface, candidate)
    except Invalid as error:
        raise ContractBroken(" ".join(str(error).split())) from error


def check_schema(kind: str, factory: Any) -> None:
    """Each key has a description that says what it means (a docstring below the field), not only what to write."""
    definitions = json_schema(FixedRegistry({(kind, NAME): factory}))["$defs"]
    for section in _sections(factory.Config):
        properties = (definition_of(section, definitions) or {}).get("properties", {})
        for name, field in section.model_fields.items():
            key = properties.get(field.alias or name)
            if key is None:
                raise ContractBroken(f"the key {name} of {section.__name__} is missing in the JSON schema")
            forms = {one.schema["description"] for one in field.metadata if isinstance(one, text_type)}
            if key.get("description", "") in {"", *forms}:
                raise ContractBroken(
                    f"the key {name} of {section.__name__} has no description; write a docstring below its field"
                )


def _sections(config: Any) -> Iterator[type[Section]]:
    """The model and those of its keys."""
    if isclass(config) and issubclass(config, Section):
        yield config
        for field in config.model_fields.values():
            yield from _sections(field.annotation)
    for part in getattr(config, "__args__", ()):
        yield from _sections(part)


def check_config(kind: str, factory: Any, text: str = "") -> Example:
    """``text`` is accepted as an entry of the file, and what is written back as JSON is the same when read again."""
    file = interpret(Source("example.yaml", _file(kind, text)), _registry(kind, factory))
    if file.config is None:
        raise ContractBroken("the example is refused: " + "; ".join(map(str, file.errors)))
    example = _entry(kind, file.config)
    written = example.own.model_dump_json(by_alias=True)
    try:
        again = type(example.own).model_validate(json.loads(written))
    except ValidationError as error:
        raise ContractBroken(f"what is written, {written}, cannot be read again: {error}") from error
    if again != example.own:
        raise ContractBroken(f"the configuration changes when written and read again: {written}")
    return example


def _registry(kind: str, factory: Any) -> FixedRegistry:
    return FixedRegistry({("uplink", "scripted"): ScriptedUplinkFactory(), (kind, NAME): factory})


def _file(kind: str, text: str) -> str:
    """A whole file around the entry."""
    entry = "\n".join([f"- plugin: {NAME}", *(f"  {line}" for line in text.splitlines())])
    uplinks = entry if kind == "uplink" else "- {plugin: scripted, interface: eth0}"
    lan = "- interface: eth1\n  address: 192.168.0.1/24\n"
    lan += f"  services:\n{indent(entry, '  ')}" if kind == "lan_service" else "  services: []"
    helpers = f"helpers:\n{entry}\n" if kind == "nat_helper" else "helpers: []\n"
    return f"lans:\n{lan}\nuplinks:\n{uplinks}\n{helpers}"


def _entry(kind: str, config: Configuration) -> Example:
    if kind == "uplink":
        return Example(config.uplinks[0].own, config.uplinks[0].interface or "")
    if kind == "lan_service":
        return Example(config.lans[0].services[0].own)
    return Example(config.helpers[0].own)


def check_prepare(factory: Any, config: PluginConfig) -> None:
    """``prepare`` answers a Readiness, whoever runs it, and does nothing but look."""
    for privileged in (True, False):
        for found in (lambda _: None, lambda name: f"/usr/sbin/{name}"):
            system = SystemInfo(privileged, "6.1.0", found)
            with watched() as done:
                answer = factory.prepare(config, system)
            if done:
                raise ContractBroken(f"prepare must look only; it {'; it '.join(done)}")
            if not isinstance(answer, Readiness):
                raise ContractBroken(f"prepare must answer a Readiness, not {answer!r}")
            if not answer.is_ready and not answer.reason:
                raise ContractBroken(f"prepare says {answer.kind} without a reason")


def check_service(kind: str, factory: Any, example: Example) -> None:
    """What ``create`` makes begins, works and ends as its kind should, and leaves nothing."""
    if kind == "uplink":
        check_uplink(factory, example.own, example.interface)
    elif kind == "lan_service":
        check_lan_service(factory, example.own)
    else:
        check_helper(factory, example.own)
