"""A registry of factories that a test gives, without entry points."""

from typing import Any

from icsframework.registry import PluginEntry, Registry


class FixedRegistry(Registry):
    """``factories`` maps (kind, name) to factories, which are taken as they are and are of no distribution."""

    def __init__(self, factories: dict[tuple[str, str], Any]) -> None:
        super().__init__(PluginEntry(kind, name, f"test:{name}", "", "") for kind, name in factories)  # type: ignore[arg-type]
        self._factories.update(factories)
