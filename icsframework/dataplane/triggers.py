"""Port triggers in the kernel: traffic out opens ports in to the host that sent it.  Pure.

Each trigger has three dynamic sets.  ``trigger_*`` leads in: from an uplink to the
host that has the trigger there.  ``holder_*`` knows that host, ``taken_*`` that
somebody has it; so the first host keeps it until it runs out, and only its own
traffic prolongs it (an nft map cannot be asked whose its data is).  All three
run out together.

The first packet of a flow that triggers marks its connection; packets of marked
flows prolong the trigger before known flows are accepted.  A flow without the
mark pays one comparison.
"""

import re
from collections.abc import Iterator
from typing import Any
from zlib import crc32

from icsframework.dataplane.doors import Trigger
from icsframework.dataplane.plane import DataPlane
from icsframework.dataplane.ruleset import Chain, Map, Rule, Set
from icsframework.dataplane.scoping import by_lan, by_uplink, pairs
from icsframework.dataplane.text import duration
from icsframework.values import PortSpan

__all__ = ["TRIGGERS", "identifier", "opened_by_triggers", "prolong", "trigger_chains", "trigger_sets"]

TRIGGERS = "triggers"
"""The chain that flows on their way out pass."""

HOLDERS = 256
"""Elements of a trigger's sets; one for each uplink is all that is ever needed."""

LONGEST = 80
"""Letters of a trigger's name in the names of sets and chains, of which the kernel takes 127."""

_FLAGS = frozenset({"dynamic", "timeout"})


def identifier(trigger: Trigger) -> str:
    """The trigger in the names of its sets and chain: the same from load to load, and no other's."""
    said = f"{trigger.owner}_{trigger.name}"
    plain = re.sub(r"[^A-Za-z0-9_.-]", "_", said)[:LONGEST]
    return plain if plain == said else f"{plain}_{crc32(said.encode()):08x}"


def trigger_sets(plane: DataPlane) -> tuple[Set, ...]:
    """The sets of all triggers."""
    return tuple(item for trigger in plane.doors.triggers for item in _sets(trigger))


def _sets(trigger: Trigger) -> tuple[Set, ...]:
    name, why = identifier(trigger), f"trigger {trigger.name} of {trigger.owner}"
    known: dict[str, Any] = {"flags": _FLAGS, "dynamic": True, "size": HOLDERS}
    return (
        Map(f"trigger_{name}", ("mark",), comment=f"{why}: leads to", data=("ipv4_addr",), **known),
        Set(f"holder_{name}", ("mark", "ipv4_addr"), comment=f"{why}: who has it", **known),
        Set(f"taken_{name}", ("mark",), comment=f"{why}: somebody has it", **known),
    )


def prolong(plane: DataPlane) -> Iterator[Rule]:
    """For forward, before known flows are accepted."""
    if plane.doors.triggers:
        marked = f"ct mark & {plane.marks.trigger:#010x} != 0"
        yield Rule(f"{marked} oifname @uplinks jump {TRIGGERS}", "traffic that keeps triggered ports open")


def trigger_chains(plane: DataPlane) -> tuple[Chain, ...]:
    """What goes out, and one chain for each trigger."""
    if not plane.doors.triggers:
        return ()
    rules = tuple(rule for trigger in plane.doors.triggers for rule in _watch(plane, trigger))
    return (
        Chain(TRIGGERS, rules, "traffic out that opens ports in"),
        *(_pull(plane, trigger) for trigger in plane.doors.triggers),
    )


def _watch(plane: DataPlane, trigger: Trigger) -> Iterator[Rule]:
    scope = trigger.scope
    for lan in by_lan(plane, scope, "iifname"):
        for uplinks in by_uplink(plane, scope.uplinks):
            for hosts in pairs(scope.clients, scope.servers):
                for span in trigger.outbound:
                    yield Rule(
                        f"{lan}{uplinks}{hosts}{_ports(span)} jump trigger_{identifier(trigger)}",
                        f"trigger {trigger.name} of {trigger.owner}",
                    )


def _pull(plane: DataPlane, trigger: Trigger) -> Chain:
    name, uplink = identifier(trigger), plane.marks.key()
    stays = f"timeout {duration(trigger.lifetime)}"
    elements = (
        f"@trigger_{name} {{ {uplink} {stays} : ip saddr }}",
        f"@holder_{name} {{ {uplink} . ip saddr {stays} }}",
        f"@taken_{name} {{ {uplink} {stays} }}",
    )
    hold = " ".join(f"update {element}" for element in elements)
    return Chain(
        f"trigger_{name}",
        (
            Rule(
                f"{uplink} . ip saddr != @holder_{name} {uplink} @taken_{name} return", "another host has it"
            ),
            Rule(
                f"{hold} ct mark set ct mark | {plane.marks.trigger:#010x}",
                "this host has it from now on",
            ),
        ),
        f"trigger {trigger.name} of {trigger.owner}",
    )


def opened_by_triggers(plane: DataPlane) -> Iterator[Rule]:
    """The rules that lead new flows of an uplink (by its connection mark) to the host that has the trigger."""
    for trigger in plane.doors.triggers:
        for uplinks in by_uplink(plane, trigger.scope.uplinks):
            for hosts in pairs((), trigger.scope.servers, server="ip saddr"):
                for span in trigger.inbound:
                    yield Rule(
                        f"{uplinks}{hosts}{_ports(span)} dnat ip to {plane.marks.key()} map "
                        f"@trigger_{identifier(trigger)}",
                        f"opened by trigger {trigger.name} of {trigger.owner}",
                    )


def _ports(span: PortSpan) -> str:
    ports = str(span.first) if span.first == span.last else f"{span.first}-{span.last}"
    return f"{span.protocol} dport {ports}"
