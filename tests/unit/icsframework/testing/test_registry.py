"""A registry of what the test gives."""

import pytest

from icsframework.errors import PluginError
from icsframework.testing.lan import ScriptedLanFactory
from icsframework.testing.registry import FixedRegistry


def test_it_finds_its_factories_and_nothing_else() -> None:
    """Names are listed by kind, and a wrong one is refused as by the real registry."""
    factory = ScriptedLanFactory()
    registry = FixedRegistry({("lan_service", "scripted"): factory})
    assert registry.names("lan_service") == ["scripted"]
    assert registry.names("uplink") == []
    assert registry.get("lan_service", "scripted") is factory
    with pytest.raises(PluginError, match="did you mean 'scripted'"):
        registry.get("lan_service", "script")
