"""Finds plugins by entry point, verifies them, and says why one is unusable.

Listing imports nothing.  Only what the configuration names is imported, so an
installed but unconfigured broken plugin harms nobody; a configured one that is
missing or broken stops the start with one sentence that names it.  First-party
plugins come this way like everybody's.

A name in the configuration is an entry point's name, or ``module:attribute``
for code that is on the path without being installed.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import field
from difflib import get_close_matches
from importlib import import_module, invalidate_caches
from importlib.metadata import EntryPoint, entry_points
from inspect import isclass
from traceback import format_exception
from typing import Any, Literal

from zope.interface import Interface
from zope.interface.exceptions import Invalid
from zope.interface.verify import verifyObject

from icsframework.errors import PluginError
from icsframework.frozen import dataclass
from icsframework.interfaces import (
    API_VERSION,
    ILanService,
    ILanServiceFactory,
    INatHelper,
    INatHelperFactory,
    IUplink,
    IUplinkFactory,
)
from icsframework.values import Readiness, SystemInfo

KindName = Literal["uplink", "lan_service", "nat_helper"]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of plugin: its entry-point group, and what its factory and its objects must provide."""

    name: KindName
    group: str
    factory: type[Interface]
    product: type[Interface]
    words: str
    """How an error names it."""


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("uplink", "icsframework.uplink", IUplinkFactory, IUplink, "uplink plugin"),
        Kind(
            "lan_service", "icsframework.lan_service", ILanServiceFactory, ILanService, "LAN service plugin"
        ),
        Kind("nat_helper", "icsframework.nat_helper", INatHelperFactory, INatHelper, "NAT helper plugin"),
    )
}


@dataclass(frozen=True, slots=True)
class PluginEntry:
    """An installed plugin as its metadata describes it, not yet imported."""

    kind: KindName
    name: str
    target: str
    """``module:attribute`` of the factory."""
    distribution: str
    version: str

    @property
    def origin(self) -> str:
        """Distribution and version, as errors name it."""
        return f"{self.distribution} {self.version}".strip() or "no distribution"


@dataclass(frozen=True, slots=True)
class PluginReport:
    """One line of ``ics plugins --check``; ``traceback`` is for the log, never for the terminal."""

    entry: PluginEntry
    state: Literal["ready", "broken"]
    reason: str = ""
    traceback: str = field(default="", compare=False)


class Registry:
    """The plugins of this installation.

    ``entries`` are all that are installed; ``installed()`` reads them from the metadata, ``look_again()`` anew, with
    ``look``.
    """

    def __init__(
        self,
        entries: Iterable[PluginEntry] = (),
        look: Callable[[], Iterable[PluginEntry]] | None = None,
    ) -> None:
        self._entries = _in_order(entries)
        self._factories: dict[tuple[str, str], Any] = {}
        self._look = look

    @classmethod
    def installed(cls) -> "Registry":
        """Read the metadata of every installed distribution (some 10 ms in a full environment; imports no plugin)."""
        return cls(_installed(), _installed)

    def look_again(self) -> None:
        """Find what was installed or removed since.  What is loaded stays as it is: another version takes a restart.

        PluginError if that cannot be seen now (no descriptors are left); then all is as it was.
        """
        if self._look is None:
            return
        invalidate_caches()
        try:
            found = _in_order(self._look())
        except OSError as error:
            raise PluginError(
                f"the installed plugins cannot be looked for ({error.strerror or error}); try again when that is mended"
            ) from error
        if self._entries and not found:  # importlib takes a directory that it cannot read for an empty one
            raise PluginError(
                "the installed plugins cannot be looked for: none is found any more; are they still installed, and "
                "are file descriptors left?"
            )
        self._entries = found

    def entries(self) -> Sequence[PluginEntry]:
        """All installed plugins, sorted by kind and name."""
        return self._entries

    def names(self, kind: str) -> Sequence[str]:
        """Names of one kind, sorted, each once."""
        return sorted({entry.name for entry in self._entries if entry.kind == kind})

    def title(self, kind: str, name: str) -> str:
        """How an error names a plugin: its kind, its name, and whose it is if that is known."""
        found = [entry for entry in self._entries if (entry.kind, entry.name) == (kind, name)]
        whose = f" of {found[0].origin}" if len(found) == 1 and found[0].distribution else ""
        return f"{KINDS[kind].words} {name!r}{whose}"

    def get(self, kind: str, name: str) -> Any:
        """The verified factory called ``name``; PluginError says in one sentence why it cannot be had."""
        key = (kind, name)
        if key not in self._factories:
            self._factories[key] = self._load(KINDS[kind], name)
        return self._factories[key]

    def check(self) -> Sequence[PluginReport]:
        """Import and verify everything that is installed."""
        return [self._report(entry) for entry in self._entries]

    def _report(self, entry: PluginEntry) -> PluginReport:
        try:
            self.get(entry.kind, entry.name)
        except PluginError as error:
            cause = error.__cause__
            trace = "".join(format_exception(cause)) if cause is not None else ""
            return PluginReport(entry, "broken", str(error), trace)
        return PluginReport(entry, "ready")

    def _load(self, kind: Kind, name: str) -> Any:
        entry = self._find(kind, name)
        factory = _import(kind, entry)
        _verify_factory(kind, entry, factory)
        return factory

    def _find(self, kind: Kind, name: str) -> PluginEntry:
        if ":" in name:
            return PluginEntry(kind.name, name, name, "", "")
        found = [entry for entry in self._entries if entry.kind == kind.name and entry.name == name]
        if not found:
            raise PluginError(self._missing(kind, name))
        if len(found) > 1:
            origins = " and ".join(entry.origin for entry in found)
            raise PluginError(
                f"{kind.words} {name!r} is installed twice, by {origins}; uninstall one of them"
            )
        return found[0]

    def _missing(self, kind: Kind, name: str) -> str:
        names = self.names(kind.name)
        near = get_close_matches(name, names, 1)
        advice = f"did you mean {near[0]!r}?" if near else f"installed are: {', '.join(names) or 'none'}"
        return f"there is no {kind.words} {name!r}; {advice}"


def prepare(factory: Any, own: Any, system: SystemInfo) -> Readiness:
    """What a factory's ``prepare`` answers; TypeError if it is no Readiness, and whatever else a stranger's raises."""
    answer = factory.prepare(own, system)
    if not isinstance(answer, Readiness):
        raise TypeError(f"prepare answered {answer!r:.100}, not a Readiness")
    return answer


def verify_product(kind: str, name: str, product: object, title: str = "") -> None:
    """Check that what a factory created provides its kind's interface; PluginError, naming ``title``, otherwise."""
    try:
        verifyObject(KINDS[kind].product, product)
    except Invalid as error:
        raise PluginError(
            f"{title or f'{KINDS[kind].words} {name!r}'} created an object that does not keep its contract: {_one_line(error)}; "
            "update or remove that plugin"
        ) from error


def create(registry: Registry, kind: str, name: str, *arguments: Any) -> Any:
    """A plugin's object, made by its factory of ``arguments`` and verified; PluginError names it, whatever it did."""
    factory, title = registry.get(kind, name), registry.title(kind, name)
    try:
        product = factory.create(*arguments)
    except Exception as error:
        raise PluginError(
            f"{title} cannot be created: {type(error).__name__}: {_one_line(error)}; "
            "update or remove that plugin"
        ) from error
    verify_product(kind, name, product, title)
    return product


def _in_order(entries: Iterable[PluginEntry]) -> tuple[PluginEntry, ...]:
    """Sorted, so that lists, errors and the order of defaults never depend on the order of directories on disk."""
    return tuple(sorted(set(entries), key=lambda e: (e.kind, e.name, e.distribution, e.target)))


def _installed() -> Iterator[PluginEntry]:
    every = entry_points()  # asked once: each call would read all files anew
    described: dict[int, tuple[str, str]] = {}
    for kind in KINDS.values():
        for point in every.select(group=kind.group):
            yield _entry(kind, point, described)


def _entry(kind: Kind, point: EntryPoint, described: dict[int, tuple[str, str]]) -> PluginEntry:
    """``described`` remembers distributions (by identity): each look at one's name parses its metadata anew."""
    name, version = "", ""
    if point.dist is not None:
        if id(point.dist) not in described:
            metadata = point.dist.metadata
            described[id(point.dist)] = metadata["Name"], metadata["Version"]
        name, version = described[id(point.dist)]
    return PluginEntry(kind.name, point.name, point.value.replace(" ", ""), name, version)


def _import(kind: Kind, entry: PluginEntry) -> Any:
    module_name, _, attribute = entry.target.partition(":")
    try:
        found: Any = import_module(module_name)
        for part in attribute.split("."):
            found = getattr(found, part)
    except (Exception, SystemExit) as error:  # a stranger's module may raise anything while it is imported
        raise PluginError(
            f"{kind.words} {entry.name!r} of {entry.origin} cannot be imported: "
            f"{type(error).__name__}: {_one_line(error)}; update or remove it"
        ) from error
    return found


def _verify_factory(kind: Kind, entry: PluginEntry, factory: Any) -> None:
    from icsframework.fields import PluginConfig  # late: listing plugins needs no pydantic

    fault = f"{kind.words} {entry.name!r} of {entry.origin} cannot be used: "
    if isclass(factory):
        raise PluginError(f"{fault}{entry.target} is a class; the entry point must name an object of it")
    try:
        version = getattr(factory, "api_version", None)
        if version != API_VERSION:
            raise PluginError(
                f"{fault}it is written for API version {version!r}, this is version {API_VERSION}; update it"
            )
        verifyObject(kind.factory, factory)
        config = factory.Config
    except PluginError:
        raise
    except Exception as error:  # Invalid, or whatever a stranger's attributes raise
        raise PluginError(f"{fault}{_one_line(error)}; update or remove it") from error
    if not (isclass(config) and issubclass(config, PluginConfig)):
        raise PluginError(f"{fault}its Config is no subclass of fields.PluginConfig; update or remove it")


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
