"""Entries of the file that name a plugin: the core's keys and the plugin's own, side by side.

The keys reserved for the core (sections.py) are validated by the core's model
of the entry, the rest by the plugin's ``Config``.
"""

from collections.abc import Collection, Mapping
from typing import Any, Generic, Protocol, TypeVar

from icsframework.config.common import parse_plugin_name
from icsframework.config.messages import nearest
from icsframework.config.problem import KeyPath
from icsframework.config.reading import Part, Report, read_section
from icsframework.errors import PluginError
from icsframework.fields import (
    FieldError,
    LanServiceConfig,
    NatHelperConfig,
    PluginConfig,
    Section,
    UplinkConfig,
)
from icsframework.frozen import dataclass
from icsframework.quantities import shown

__all__ = ["KINDS", "Entry", "Plugins", "read_entry"]

S = TypeVar("S", bound=Section)


class Plugins(Protocol):
    """What is needed of the registry of plugins."""

    def names(self, kind: str) -> Collection[str]:
        """Names of the installed plugins of a kind (uplink, lan_service, nat_helper)."""

    def get(self, kind: str, name: str) -> Any:
        """The factory called ``name``, with its ``Config``; PluginError says why it cannot be had."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How a kind of plugin appears in the file."""

    name: str
    words: str
    base: type[PluginConfig]


KINDS = {
    "uplink": Kind("uplink", "uplink plugin", UplinkConfig),
    "lan_service": Kind("lan_service", "LAN service plugin", LanServiceConfig),
    "nat_helper": Kind("nat_helper", "NAT helper plugin", NatHelperConfig),
}


@dataclass(frozen=True, slots=True)
class Entry(Generic[S]):
    """An entry as it was read: the core's keys and the plugin's own."""

    kind: str
    core: Part[S]
    own: Part[PluginConfig]

    @property
    def path(self) -> KeyPath:
        """Where the entry stands."""
        return self.core.path

    @property
    def complete(self) -> S | None:
        """The core's section with the plugin's keys in ``own``, if nothing is wrong with either."""
        core, own = self.core.sound(), self.own.sound()
        return None if core is None or own is None else core.model_copy(update={"own": own})


def read_entry(
    report: Report, plugins: Plugins, kind: str, model: type[S], raw: object, path: KeyPath
) -> Entry[S]:
    """Read one entry of ``uplinks:``, ``services:`` or ``helpers:``."""
    reserved = KINDS[kind].base.reserved
    if not isinstance(raw, Mapping):
        advice = "write {plugin: NAME, ...}, or key: value lines"
        report.error(path, f"{shown(raw)} is not a mapping", advice)
        return Entry(kind, Part(path, None), Part(path, None))
    core_keys = {key: value for key, value in raw.items() if key in reserved}
    own_keys = {key: value for key, value in raw.items() if key not in reserved}
    if "plugin" not in raw:
        installed = ", ".join(sorted(plugins.names(kind))) or "none"
        report.error(
            (*path, "plugin"), "is missing", f"add plugin: NAME (installed: {installed})", of_key=True
        )
        core_keys["plugin"] = "missing"  # stands in, so that the other keys are read; there is no own part
    core = read_section(report, model, core_keys, path)
    config = _find_config(report, plugins, KINDS[kind], raw.get("plugin"), path)
    if config is None:
        _near_misses(report, own_keys, reserved, path)
        return Entry(kind, core, Part(path, None))
    try:
        own = read_section(report, config, own_keys, path, also_known=reserved)
    except Exception as error:  # noqa: BLE001 - a stranger's validator; it must not take the rest down
        report.error(
            (*path, "plugin"),
            f"the plugin {shown(raw['plugin'])} failed to read its keys: {error!r}",
            "tell its author",
        )
        own = Part(path, None)
    return Entry(kind, core, own)


def _near_misses(report: Report, own_keys: Collection[str], reserved: Collection[str], path: KeyPath) -> None:
    """Without the plugin nobody knows its keys; but some are plainly a slip of the core's."""
    for key in own_keys:
        guess = nearest(key, reserved, cutoff=0.8)
        if guess is not None:
            report.error((*path, key), f"unknown key {shown(key)}", f"did you mean {guess}?", of_key=True)


def _find_config(
    report: Report, plugins: Plugins, kind: Kind, name: object, path: KeyPath
) -> type[PluginConfig] | None:
    """The model of the plugin's own keys; None (reported, or about to be) if there is none."""
    try:
        parse_plugin_name(name)
    except FieldError:
        return None  # said by the model of the core's keys
    name = str(name)
    installed = sorted(plugins.names(kind.name))
    if ":" not in name and name not in installed:
        guess = nearest(name, installed)
        advice = f"did you mean {guess}?" if guess else f"installed: {', '.join(installed) or 'none'}"
        report.error((*path, "plugin"), f"there is no {kind.words} called {shown(name)}", advice)
        return None
    try:
        config = plugins.get(kind.name, name).Config
    except PluginError as error:
        report.error((*path, "plugin"), str(error))
        return None
    return _usable(report, kind, name, config, (*path, "plugin"))


def _usable(report: Report, kind: Kind, name: str, config: Any, path: KeyPath) -> type[PluginConfig] | None:
    if not (isinstance(config, type) and issubclass(config, PluginConfig)):
        report.error(
            path,
            f"the Config of the plugin {shown(name)} is no fields.{kind.base.__name__}",
            "tell its author",
        )
        return None
    taken = sorted(set(config.model_fields) & kind.base.reserved)
    if taken:
        report.error(
            path,
            f"the plugin {shown(name)} declares {', '.join(taken)}, reserved for the core",
            "tell its author",
        )
        return None
    return config
