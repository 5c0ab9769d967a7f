"""``ics render FILE``: the packet filter that a configuration makes, as text for nft, without applying it."""

from ipaddress import IPv4Interface
from typing import TextIO

from icsframework.config.commands import print_problems
from icsframework.config.loader import load
from icsframework.config.subnets import pick_subnet
from icsframework.dataplane.marks import assign_indices
from icsframework.dataplane.plane import HoldSide
from icsframework.dataplane.policy import build
from icsframework.dataplane.render import render as render_table
from icsframework.gateway import demands
from icsframework.gateway.desired import Live, data_plane, enabled, helpers
from icsframework.gateway.onpaper import FIRST_LISTENER, doors_on_paper
from icsframework.gateway.subnets import taken
from icsframework.registry import Registry


def render(path: str, out: TextIO, err: TextIO) -> int:
    """Print it; 0, or 2 with the file's errors.  ``auto`` LANs get the subnet they would get on a machine without others.

    What installed helpers want is in it; a helper that cannot say that without running is named on ``err``.  No link is
    up: where one is dialled on demand, packets wait for it.
    """
    registry = Registry.installed()
    result = load(path, registry)
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
    doors, unknown = doors_on_paper(helpers(config), registry)
    err.writelines(f"{sentence}\n" for sentence in unknown)
    if doors.redirects:
        out.write(
            f"# The listeners of helpers get their ports when they start; here {FIRST_LISTENER} and above.\n"
        )
    hold = HoldSide() if demands.on_demand(enabled(config)) else None
    live = Live(chosen=chosen, doors=doors, hold=hold)
    plane = data_plane(config, live, assign_indices(uplink.name for uplink in enabled(config)))
    out.write(render_table(build(plane), None))
    return 0
