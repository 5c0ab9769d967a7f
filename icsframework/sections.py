"""Base classes of every model that reads the configuration file; plugins import them from fields.py.

pydantic does the work; what is added here: no silent conversions ("5" for 5, 1
for true), the keys reserved for the core, and ``check`` for what one key alone
does not show.
"""

from collections.abc import Iterable
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler
from pydantic_core import CoreSchema

from icsframework import values
from icsframework.frozen import dataclass

__all__ = [
    "CheckContext",
    "Finding",
    "LanServiceConfig",
    "NatHelperConfig",
    "PluginConfig",
    "Section",
    "UplinkConfig",
]


@dataclass(frozen=True, slots=True)
class Finding:
    """What ``PluginConfig.check`` objects to.

    ``path`` leads from the plugin's mapping to the value, for example
    ``("reservations", 2, "address")``; ``problem`` and ``advice`` are the two
    halves of the sentence that the operator reads.  A ``warning`` does not
    refuse the file.
    """

    path: tuple[str | int, ...]
    problem: str
    advice: str = ""
    warning: bool = False


@dataclass(frozen=True, slots=True)
class CheckContext:
    """What surrounds a plugin's keys while they are checked: the core's own keys of the same entry.

    ``kind`` is the entry-point group's last word (uplink, lan_service,
    nat_helper), ``name`` that of the uplink, the LAN served, or the helper.
    ``interface`` is "" when the file names none, ``mac`` that of ``match:`` or
    "".  ``address`` is the gateway's address on the LAN, or None: for an uplink,
    a helper, and ``address: auto``, where it is known only while running.
    """

    kind: str
    name: str
    interface: str = ""
    mac: str = ""
    address: values.InterfaceAddress | None = None


_STRICT = frozenset({"int", "float", "bool"})


def _refuse_conversions(schema: Any) -> None:
    """Make the plain scalars of a core schema strict.

    pydantic's own ``strict=True`` would also refuse a list where a tuple is
    declared and a string where an Enum is, which is all that a file can hold.
    """
    if isinstance(schema, dict):
        if schema.get("type") in _STRICT:
            schema["strict"] = True
        for value in schema.values():
            _refuse_conversions(value)
    elif isinstance(schema, list):
        for value in schema:
            _refuse_conversions(value)


class Section(BaseModel):
    """A mapping in the file: frozen, without unknown keys, without silent conversions."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        hide_input_in_errors=True,  # an input may be a secret
        defer_build=True,  # a model whose section is not in the file costs nothing at the start
    )

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        schema = handler(source)
        _refuse_conversions(schema)
        return schema


class PluginConfig(Section):
    """Base of every plugin's ``Config``: the plugin's own keys.  Derive from the subclass for your kind of plugin.

    ``reserved`` are the keys that the core reads from the same mapping; a
    model that declares one of them is refused when its class is created.
    """

    reserved: ClassVar[frozenset[str]] = frozenset({"plugin", "enabled", "tags"})

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        names = set(cls.model_fields) | {f.alias for f in cls.model_fields.values() if f.alias}
        taken = sorted(names & cls.reserved)
        if taken:
            raise TypeError(
                f"{cls.__module__}.{cls.__qualname__} declares {', '.join(taken)}, reserved for the core"
            )

    def check(self, context: CheckContext) -> Iterable[Finding]:
        """What is wrong with these keys that one key alone does not show.  Override it; the default objects to nothing.

        Called when each key is valid by itself, by ``ics check`` and before
        every start and reload, so it must be pure: it looks neither at the
        network nor at devices.  ``context`` tells the
        LAN's address and such.  All findings are reported at once, each with the
        line of its ``path``::

            def check(self, context):
                if context.address is not None and self.router not in context.address.network:
                    yield Finding(("router",), f"{self.router} is outside {context.address.network}",
                                  "choose an address of the LAN")
        """
        return ()


class UplinkConfig(PluginConfig):
    """Base of an uplink plugin's ``Config``."""

    def networks(self) -> Iterable[values.Network]:
        """The networks this uplink is known from the file to be in (a static address); LANs must not overlap them."""
        return ()

    reserved: ClassVar[frozenset[str]] = frozenset(
        {
            "connect",
            "demand",
            "dns",
            "enabled",
            "interface",
            "ipv6",
            "keep",
            "limits",
            "mac",
            "match",
            "metered",
            "mtu",
            "name",
            "plugin",
            "probe",
            "shaping",
            "tags",
            "vlan",
            "wake",
            "weight",
        }
    )


class LanServiceConfig(PluginConfig):
    """Base of a LAN service plugin's ``Config``."""

    reserved: ClassVar[frozenset[str]] = frozenset({"enabled", "ipv6", "plugin", "tags"})


class NatHelperConfig(PluginConfig):
    """Base of a NAT helper plugin's ``Config``."""

    reserved: ClassVar[frozenset[str]] = frozenset(
        {"clients", "enabled", "fail", "lans", "limits", "name", "plugin", "servers", "tags", "uplinks"}
    )
