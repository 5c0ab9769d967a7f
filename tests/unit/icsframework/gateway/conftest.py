"""Configurations of text, as the loader makes them, with the plugins of this checkout."""

from collections.abc import Callable
from pathlib import Path

import pytest

from icsframework.config.configuration import Configuration
from icsframework.config.loader import load
from icsframework.registry import Registry

BASE = """
lans:
  - {name: home, interface: eth1}
uplinks:
  - {name: cable, plugin: ethernet, interface: eth0, address: {address: 203.0.113.5/24, gateway: 203.0.113.1}}
"""


@pytest.fixture(scope="session")
def registry() -> Registry:
    """The installed plugins."""
    return Registry.installed()


@pytest.fixture
def configure(tmp_path: Path, registry: Registry) -> Callable[[str], Configuration]:
    """Text -> Configuration; an error of the file fails the test."""

    def make(text: str = BASE) -> Configuration:
        path = tmp_path / "gateway.yaml"
        path.write_text(text)
        result = load(path, registry)
        assert result.config is not None, "\n".join(map(str, result.errors))
        return result.config

    return make
