"""Pieces that several sections of the configuration share."""

import re
from typing import Annotated

from icsframework.fields import FieldError, InterfaceName, MacAddress, Section, text_type
from icsframework.quantities import shown

__all__ = ["UNNAMED", "Bridge", "Match", "PluginName", "Tag"]

UNNAMED = ""
"""The name of an entry that has none in the file, until the loader finds one."""
MAX_PLUGIN_NAME = 200
"""Characters; a module path and an attribute."""

_PLUGIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(:[A-Za-z_][A-Za-z0-9_.]*)?", re.ASCII)
_TAG = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}", re.ASCII)


def parse_plugin_name(value: object) -> str:
    """An entry-point name, or ``module:attribute``."""
    if not isinstance(value, str) or len(value) > MAX_PLUGIN_NAME or not _PLUGIN.fullmatch(value):
        advice = "write a name that ics plugins lists, or module:attribute"
        raise FieldError(f"{shown(value)} is not the name of a plugin", advice)
    return value


def parse_tag(value: object) -> str:
    """A label of the operator's own."""
    if not isinstance(value, str) or not _TAG.fullmatch(value):
        raise FieldError(
            f"{shown(value)} is not a tag", "use up to 32 of a-z, 0-9, ., _ and -, such as guest"
        )
    return value


PluginName = Annotated[
    str,
    text_type(
        parse_plugin_name,
        summary="the name of an installed plugin, or module:attribute",
        examples=("ethernet", "acme_chess:factory"),
    ),
]
Tag = Annotated[str, text_type(parse_tag, summary="a label of your own", examples=("guest",))]


class Match(Section):
    """Finds an interface by something that stays when its name changes."""

    mac: MacAddress
    """The interface's permanent MAC address."""


class Bridge(Section):
    """A bridge that ics makes, and removes again when it stops."""

    name: InterfaceName
    """The name of the bridge interface."""
    ports: tuple[InterfaceName, ...] = ()
    """The interfaces that become its ports."""
