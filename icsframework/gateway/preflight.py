"""What is checked before anything is touched: configuration, rights, plugins, interfaces, lock.

Everything here happens in makeService and ends, if it ends, with one of our
errors, whose exit status twistd keeps.
"""

import platform
import shutil
from collections.abc import Callable, Iterator, Sequence

from icsframework.config.configuration import Configuration
from icsframework.config.loader import load
from icsframework.errors import ConfigurationError, InterfaceMissing, PluginError
from icsframework.fields import PluginConfig
from icsframework.gateway.desired import enabled, helpers
from icsframework.gateway.roles import Role, Wanted, assign, wanted
from icsframework.host.inventory import read_interfaces
from icsframework.registry import Registry
from icsframework.registry import prepare as plugin_prepare
from icsframework.values import InterfaceInfo, SystemInfo

PROGRAM_DIRECTORIES = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where programs are looked for besides PATH: an ordinary user's PATH lacks the sbin directories."""


def load_or_fail(path: str, registry: Registry) -> Configuration:
    """The configuration; ConfigurationError with a line for each problem."""
    result = load(path, registry)
    if result.config is None:
        count = len(result.errors)
        summary = f"{path}: {count} error{'' if count == 1 else 's'}; nothing was started or changed"
        raise ConfigurationError("\n".join([*(str(problem) for problem in result.errors), summary]))
    return result.config


def check(path: str, registry: Registry, privileged: bool) -> Configuration:
    """Configuration and plugins.  ConfigurationError or PluginError if it cannot be started."""
    config = load_or_fail(path, registry)
    prepare(config, registry, system_info(privileged))
    return config


def prepare(config: Configuration, registry: Registry, system: SystemInfo) -> None:
    """Ask every configured plugin whether it can work here; PluginError names the first that cannot.

    Not the helpers that nobody named: the gateway goes on without those that cannot.
    """
    for sentence, _ in _unready(_configured(config), registry, system):
        raise PluginError(sentence)


_Configured = tuple[str, str, str, PluginConfig]
"""Kind, the entry of the file in words, plugin, and the plugin's own keys."""


def _unready(
    configured: Sequence[_Configured], registry: Registry, system: SystemInfo
) -> Iterator[tuple[str, bool]]:
    """Why each plugin that cannot work here cannot, and whether that is for this machine only."""
    for kind, where, plugin, own in configured:
        who = f"{where}: {registry.title(kind, plugin)}"
        try:
            readiness = plugin_prepare(registry.get(kind, plugin), own, system)
        except PluginError:
            raise
        except Exception as error:  # noqa: BLE001 - a stranger's plugin may raise anything
            yield (
                f"{who} cannot be prepared: {type(error).__name__}: {error}; update or remove that plugin",
                False,
            )
            continue
        if not readiness.is_ready:
            remedy = f"; {readiness.remedy}" if readiness.remedy else ""
            yield f"{who} is {readiness.kind}: {readiness.reason}{remedy}", readiness.kind != "misconfigured"


def _configured(config: Configuration) -> list[_Configured]:
    found = [("uplink", f"uplink {uplink.name}", uplink.plugin, uplink.own) for uplink in enabled(config)]
    for lan in config.lans:
        found += [("lan_service", f"LAN {lan.name}", s.plugin, s.own) for s in lan.services if s.enabled]
    return found if config.helpers_by_default else found + _helpers(config)


def _helpers(config: Configuration) -> list[_Configured]:
    return [("nat_helper", f"helper {helper.name}", helper.plugin, helper.own) for helper in helpers(config)]


def system_info(privileged: bool) -> SystemInfo:
    """Facts about this machine for ``prepare``."""
    return SystemInfo(privileged, platform.release(), find_program)


def find_program(name: str) -> str | None:
    """Path of a program, or None."""
    return shutil.which(name) or shutil.which(name, path=PROGRAM_DIRECTORIES)


def interfaces_here() -> Sequence[InterfaceInfo]:
    """This network namespace's interfaces."""
    return read_interfaces()


def require_interfaces(config: Configuration, here: Sequence[InterfaceInfo]) -> None:
    """InterfaceMissing if no LAN or no uplink has an interface that is there: there is nothing to serve.

    Uplinks whose plugin makes the interface count as there, and LANs whose bridge can have a port.
    """
    found = assign(wanted(config), here, {})
    lans = [role for role in found if role.kind in ("lan", "port")]
    if not any(found[role].info is not None for role in lans):
        raise InterfaceMissing(_nothing("LAN", config, lans, here))
    uplinks = [role for role in found if role.kind in ("uplink", "below")]
    makes_its_own = {uplink.name for uplink in enabled(config)} - {role.name for role in uplinks}
    if not makes_its_own and not any(found[role].info is not None for role in uplinks):
        raise InterfaceMissing(_nothing("uplink", config, uplinks, here))


def _to_be_found(config: Configuration) -> list[Wanted]:
    """The roles whose interface we do not make ourselves."""
    roles = wanted(config)
    made = {Role("lan", role.role.name) for role in roles if role.role.kind == "port"}
    made |= {Role("uplink", role.role.name) for role in roles if role.role.kind == "below"}
    return [role for role in roles if role.role not in made]


def _nothing(what: str, config: Configuration, roles: Sequence[Role], here: Sequence[InterfaceInfo]) -> str:
    names = [one.name or one.mac for one in _to_be_found(config) if one.role in roles]
    sought = ", ".join(names) or "none configured"
    there = ", ".join(sorted(info.name for info in here if info.name != "lo")) or "none"
    return f"nothing to serve: no interface of any {what} is here ({sought}); this machine has: {there}"


def reloader(path: str, registry: Registry, privileged: bool) -> Callable[[], Configuration]:
    """Loads the file anew, as ``ics reload`` does; it may name plugins that were installed since the start."""

    def reload() -> Configuration:
        registry.look_again()
        return check(path, registry, privileged)

    return reload


def look(
    config: Configuration, registry: Registry, here: Sequence[InterfaceInfo]
) -> tuple[list[str], list[str]]:
    """What ``ics check`` says about a correct file and this machine: errors, and notes that are none.

    A plugin that contradicts its configuration is an error; what this machine lacks may be there elsewhere.
    """
    system = system_info(privileged=False)
    unready = list(_unready(_configured(config), registry, system))
    errors = [sentence for sentence, only_here in unready if not only_here]
    passed_over = _unready(_helpers(config) if config.helpers_by_default else [], registry, system)
    remarks = [
        *(sentence for sentence, only_here in unready if only_here),
        *(sentence for sentence, _ in passed_over),
    ]
    return errors, [*remarks, *notes(config, here)]


def notes(config: Configuration, here: Sequence[InterfaceInfo]) -> list[str]:
    """What ``ics check`` says about this machine without it being an error."""
    found = assign(wanted(config), here, {})
    return [
        f"{one.role}: {found[one.role].reason} on this machine now; it is used as soon as it appears"
        for one in _to_be_found(config)
        if found[one.role].info is None
    ]
