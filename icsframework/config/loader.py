"""The configuration file, from path to frozen value, with everything that is wrong with it.

``load`` does all that can be done without touching the system: it reads, checks
every key by itself, asks each plugin about its own keys, and checks what only
several keys together show.  All errors are reported at once, in the order of the
file, each with line, column, key path and what to do.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

from icsframework.config.check import check
from icsframework.config.configuration import VERSION, Configuration
from icsframework.config.gateway import ControlSection, GatewaySection
from icsframework.config.helpers import DEFAULT_HELPERS, HelperSection
from icsframework.config.lans import LanSection, ServiceSection
from icsframework.config.marked import Document, MarkedError, parse_marked
from icsframework.config.messages import unknown_key
from icsframework.config.naming import fit_name, free_name
from icsframework.config.not_yet import warn_not_yet
from icsframework.config.parts import LanPart, Parts
from icsframework.config.plugins import Entry, Plugins, read_entry
from icsframework.config.problem import KeyPath, Problem
from icsframework.config.publish import PublishSection
from icsframework.config.reading import MAX_PROBLEMS, Report, read_section
from icsframework.config.secrets_check import check_secrets
from icsframework.config.source import Source, SourceError, read_source
from icsframework.config.uplinks import UplinkSection
from icsframework.errors import PluginError
from icsframework.fields import Finding
from icsframework.frozen import dataclass
from icsframework.quantities import shown

__all__ = ["DEFAULT_SERVICES", "LoadResult", "interpret", "load"]

DEFAULT_SERVICES = ("dhcp", "dns")
"""What runs on a LAN that has no ``services:``."""
LONGEST_HELPER_NAME = 64
"""Characters."""

MAX_ENTRIES = {"lans": 256, "uplinks": 31, "helpers": 256, "publish": 1000}
"""Entries of each list.  Every two are compared; the packet mark tells 31 uplinks apart."""

_TOP = ("version", "gateway", "lans", "uplinks", "helpers", "publish", "control")
_LIST_ADVICE = "write entries that begin with - below it, or [{...}, {...}]"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class LoadResult:
    """``config`` is None exactly if there are errors.  Warnings and notes never refuse a file."""

    config: Configuration | None
    errors: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    notes: tuple[Problem, ...] = ()


def load(path: str | os.PathLike[str], plugins: Plugins) -> LoadResult:
    """Read and check a file; never raises for anything that the file holds."""
    try:
        return interpret(read_source(path), plugins)
    except SourceError as error:
        return LoadResult(None, (error.problem,))


def interpret(source: Source, plugins: Plugins) -> LoadResult:
    """The same for text that is already there."""
    try:
        document = parse_marked(source)
    except MarkedError as error:
        return LoadResult(None, Report.in_order(error.problems))
    return _Reader(document, plugins).result()


class _Reader:
    """Reads one document."""

    def __init__(self, document: Document, plugins: Plugins) -> None:
        self._raw = document.plain()
        self._report = Report(document)
        self._plugins = plugins

    def result(self) -> LoadResult:
        self._check_top()
        self._fill_names()
        parts = self._read()
        self._take(check(parts))
        self._take(self._secrets(parts))
        warn_not_yet(self._report, self._raw)
        report = self._report
        errors, warnings, notes = map(Report.in_order, (report.errors, report.warnings, report.notes))
        if errors:
            return LoadResult(None, errors, warnings, notes)
        remarks = tuple(str(problem) for problem in (*warnings, *notes))
        return LoadResult(
            _assemble(parts, "helpers" not in self._raw, report.document.source.text, remarks),
            (),
            warnings,
            notes,
        )

    def _take(self, findings: Iterable[Finding]) -> None:
        for finding in findings:
            say = self._report.warn if finding.warning else self._report.error
            say(finding.path, finding.problem, finding.advice)

    def _check_top(self) -> None:
        unknown = (key for key in self._raw if key not in _TOP)
        for key in islice(unknown, MAX_PROBLEMS):
            self._report.error((key,), *unknown_key(key, _TOP), of_key=True)
        version = self._raw.get("version", VERSION)
        if type(version) is not int or version != VERSION:
            message = f"{shown(version)} is not a version of the file that this ics reads"
            self._report.error(("version",), message, f"write version: {VERSION}")
        for key, example in (
            ("lans", "[{interface: eth1}]"),
            ("uplinks", "[{plugin: ethernet, interface: eth0}]"),
        ):
            if key not in self._raw:
                self._report.error((key,), "is missing", f"add for example {key}: {example}", of_key=True)
            elif self._raw[key] == []:
                self._report.error((key,), "is empty", f"write for example {key}: {example}")
        for key, most in MAX_ENTRIES.items():
            entries = self._raw.get(key, [])
            if not isinstance(entries, list):
                self._report.error((key,), f"{shown(entries)} is not a list", _LIST_ADVICE)
                del self._raw[key]
            elif len(entries) > most:
                self._report.error((key,), f"{key} has {len(entries)} entries", f"it takes at most {most}")
                del entries[most:]

    def _entries(self, key: str) -> list[Any]:
        entries: list[Any] = self._raw.get(key, [])
        return entries

    # --- names ---

    def _fill_names(self) -> None:
        self._name_all("lans", "lan", _lan_name)
        self._name_all("uplinks", "uplink", lambda raw: str(raw.get("interface") or raw.get("plugin") or ""))
        self._name_all("publish", "service", lambda raw: f"{raw.get('protocol', '')}-{raw.get('port', '')}")
        taken = self._taken("helpers")
        for raw in self._unnamed("helpers"):
            # acme.chess:factory is called chess
            plain = str(raw.get("plugin", "helper")).partition(":")[0].rpartition(".")[2]
            raw["name"] = free_name(plain[:LONGEST_HELPER_NAME] or "helper", taken, LONGEST_HELPER_NAME)
            taken.add(raw["name"])

    def _name_all(self, key: str, fallback: str, source: Any) -> None:
        taken = self._taken(key)
        for raw in self._unnamed(key):
            raw["name"] = free_name(fit_name(source(raw), fallback), taken)
            taken.add(raw["name"])

    def _taken(self, key: str) -> set[str]:
        names = [raw.get("name") for raw in self._entries(key) if isinstance(raw, Mapping)]
        return {name.strip() for name in names if isinstance(name, str)}

    def _unnamed(self, key: str) -> Sequence[dict[str, Any]]:
        return [raw for raw in self._entries(key) if isinstance(raw, dict) and "name" not in raw]

    # --- sections ---

    def _read(self) -> Parts:
        report, raw = self._report, self._raw
        gateway = read_section(report, GatewaySection, raw.get("gateway", {}), ("gateway",))
        control = read_section(report, ControlSection, raw.get("control", {}), ("control",))
        lans = tuple(self._lan(entry, ("lans", index)) for index, entry in enumerate(self._entries("lans")))
        uplinks = self._plugin_entries("uplink", UplinkSection, self._entries("uplinks"), ("uplinks",))
        wanted = self._entries("helpers") if "helpers" in raw else self._default_helpers()
        helpers = self._plugin_entries("nat_helper", HelperSection, wanted, ("helpers",))
        publish = tuple(
            read_section(report, PublishSection, entry, ("publish", index))
            for index, entry in enumerate(self._entries("publish"))
        )
        return Parts(gateway, lans, uplinks, helpers, publish, control)

    def _plugin_entries(
        self, kind: str, model: Any, entries: Iterable[Any], path: KeyPath
    ) -> tuple[Entry[Any], ...]:
        return tuple(
            read_entry(self._report, self._plugins, kind, model, entry, (*path, index))
            for index, entry in enumerate(entries)
        )

    def _lan(self, raw: Any, path: KeyPath) -> LanPart:
        services: Any = [{"plugin": name} for name in DEFAULT_SERVICES]
        if isinstance(raw, Mapping) and "services" in raw:
            services = raw["services"]
            raw = {key: value for key, value in raw.items() if key != "services"}
            if not isinstance(services, list):
                self._report.error((*path, "services"), f"{shown(services)} is not a list", _LIST_ADVICE)
                services = []
        lan = read_section(self._report, LanSection, raw, path)
        return LanPart(
            lan, self._plugin_entries("lan_service", ServiceSection, services, (*path, "services"))
        )

    def _default_helpers(self) -> list[dict[str, Any]]:
        """Those of the usual helpers that are installed and can be imported; the others are only noted."""
        installed = set(self._plugins.names("nat_helper"))
        usable = []
        for name in DEFAULT_HELPERS:
            if name in installed:
                try:
                    self._plugins.get("nat_helper", name)
                except PluginError as error:
                    self._report.note((), str(error))
                else:
                    usable.append({"plugin": name, "name": name})
        lacking = [name for name in DEFAULT_HELPERS if name not in installed]
        if lacking:
            self._report.note((), f"default helpers that are not installed: {', '.join(lacking)}")
        return usable

    def _secrets(self, parts: Parts) -> Iterable[Finding]:
        mode = self._report.document.source.mode
        services: list[Entry[Any]] = [service for lan in parts.lans for service in lan.services]
        for entries in (parts.uplinks, parts.helpers, services):
            for entry in entries:
                yield from check_secrets(entry.own.value, entry.path, mode)


def _lan_name(raw: Mapping[str, Any]) -> str:
    bridge = raw.get("bridge")
    return str(raw.get("interface") or (bridge.get("name") if isinstance(bridge, Mapping) else "") or "")


def _assemble(parts: Parts, by_default: bool, text: str, remarks: tuple[str, ...]) -> Configuration:
    """The value of a file without errors, in which no part can be missing."""
    return Configuration(
        gateway=_present(parts.gateway.sound()),
        lans=tuple(_present(lan.complete) for lan in parts.lans),
        uplinks=tuple(_present(uplink.complete) for uplink in parts.uplinks),
        helpers=tuple(_present(helper.complete) for helper in parts.helpers),
        publish=tuple(_present(published.sound()) for published in parts.publish),
        control=_present(parts.control.sound()),
        helpers_by_default=by_default,
        text=text,
        remarks=remarks,
    )


def _present(value: T | None) -> T:
    if value is None:
        raise AssertionError("a part is missing although no error was reported")
    return value
