"""``ics render FILE``: the packet filter that a configuration makes, as text for nft, without applying it."""

from ipaddress import IPv4Interface
from typing import TextIO

from icsframework.config.commands import print_problems
from icsframework.config.loader import load
from icsframework.config.subnets import pick_subnet
from icsframework.dataplane.marks import assign_indices
from icsframework.dataplane.policy import build
from icsframework.dataplane.render import render as render_table
from icsframework.gateway.desired import Live, data_plane, enabled
from icsframework.gateway.subnets import taken
from icsframework.registry import Registry


def render(path: str, out: TextIO, err: TextIO) -> int:
    """Print it; 0, or 2 with the file's errors.  ``auto`` LANs get the subnet they would get on a machine without others."""
    result = load(path, Registry.installed())
    if result.config is None:
        print_problems(result, err)
        return 2
    config = result.config
    chosen: dict[str, IPv4Interface] = {}
    for lan in config.lans:
        if lan.address is None:
            chosen[lan.name] = pick_subnet(
                [*taken(config, (), lan.device), *(a.network for a in chosen.values())]
            )
    plane = data_plane(config, Live(chosen=chosen), assign_indices(uplink.name for uplink in enabled(config)))
    out.write(render_table(build(plane), None))
    return 0
