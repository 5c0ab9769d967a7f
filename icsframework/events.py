"""The catalogue of events: every id that log, history, event stream and tests may rely on.

An id is ``area.thing.happened`` and never changes its meaning.  The text is what
the log prints; ``{...}`` are the event's fields.  ``level`` is that of
twisted.logger.  A plugin of a stranger may emit ids of its own, beginning with
its plugin name and a dot; they are logged at level info.
"""

from typing import Literal

from icsframework.frozen import dataclass

Level = Literal["debug", "info", "warn", "error", "critical"]


@dataclass(frozen=True, slots=True)
class EventKind:
    """One entry of the catalogue."""

    id: str
    level: Level
    text: str
    history: bool = False
    """True if it belongs in ``ics history``."""


_KINDS = (
    # the gateway as a whole
    EventKind("gateway.starting", "info", "ics {version} starts with {config}"),
    EventKind("gateway.ready", "info", "ready after {seconds:.3f} s: {lans} LANs, {uplinks} uplinks"),
    EventKind("gateway.adopted", "info", "found a gateway's state here and goes on with it"),
    EventKind("gateway.reloaded", "info", "reloaded {config}: {changes}"),
    EventKind(
        "gateway.reload_on_trial",
        "info",
        "unless it is confirmed within {seconds} s, what was before comes back",
    ),
    EventKind("gateway.reload_confirmed", "info", "{config} was confirmed: {changes}"),
    EventKind(
        "gateway.reload_rolled_back", "warn", "{config} is not in force, what was before it is: {reason}"
    ),
    EventKind("gateway.reload_failed", "error", "the new configuration is not in force: {reason}"),
    EventKind(
        "gateway.handover", "info", "handing over: the kernel goes on, the next start adopts its state"
    ),
    EventKind("gateway.stopping", "info", "stopping: {reason}"),
    EventKind("gateway.restored", "info", "everything is as it was before; this ended {flows} flows"),
    EventKind("gateway.fault", "critical", "fatal: {reason}"),
    EventKind(
        "gateway.descriptors.low",
        "error",
        "{used} of {limit} file descriptors are in use; raise LimitNOFILE=",
    ),
    EventKind(
        "gateway.descriptors.enough", "info", "only {used} of {limit} file descriptors are in use again"
    ),
    EventKind("config.warning", "warn", "{problem}"),
    EventKind("plugin.broken", "error", "plugin {plugin} failed: {reason}"),
    # helpers
    EventKind("helper.unavailable", "warn", "helper {helper} is {state}: {reason}"),
    # the machine
    EventKind("host.state.failed", "error", "the machine refused a change: {reason}"),
    EventKind("dataplane.failed", "error", "nft refused the rule set, the old one stays: {reason}"),
    EventKind("dataplane.restored", "warn", "our packet filter {what}{by}; it is loaded again"),
    # external ports
    EventKind("mapping.added", "info", "{mapping} leads to {to} now"),
    EventKind("mapping.removed", "info", "{mapping} does not lead to {to} any more: removed"),
    EventKind("mapping.ended", "info", "{mapping} does not lead to {to} any more: its time is over"),
    EventKind("mapping.suspended", "warn", "{mapping} does not lead to {to} for now: {reason}"),
    EventKind("mapping.resumed", "info", "{mapping} leads to {to} again"),
    EventKind(
        "mapping.failed", "error", "external ports are not as they should be and are tried again: {reason}"
    ),
    # the time
    EventKind(
        "clock.set",
        "info",
        "the clock was set by {seconds:+.0f} s, to {time}; leases and timers do not follow it",
    ),
    EventKind("clock.wrong", "warn", "{problem}"),
    EventKind("clock.right", "info", "the clock is right now: {time}; the history is corrected"),
    # other programs on this machine
    EventKind("beside.warning", "warn", "{problem}"),
    EventKind("beside.cured", "info", "no longer so: {problem}"),
    EventKind("store.failed", "error", "could not write {file}: {reason}"),
    EventKind("store.unreadable", "warn", "what an earlier start left is not known: {reason}"),
    EventKind("store.recovered", "info", "{file} can be written again"),
    EventKind(
        "store.damaged",
        "warn",
        "{file} was damaged from byte {offset} on: {bytes} bytes skipped, {records} records read; kept as {copy}",
    ),
    EventKind(
        "store.torn",
        "info",
        "{file} ended in an unfinished record that nobody was told is safe; it was cut off",
    ),
    EventKind(
        "store.upgraded",
        "info",
        "{file} upgraded from version {found} to {version}; the old one is kept as {copy}",
    ),
    # LANs
    EventKind("lan.serving", "info", "LAN {lan} ({interface}, {address}): {services}"),
    EventKind("lan.absent", "warn", "LAN {lan}: {reason}"),
    EventKind("lan.renumbered", "warn", "LAN {lan} moves from {before} to {address}: {reason}"),
    EventKind("lan.port_here", "info", "LAN {lan}: {port} is a port of its bridge"),
    EventKind("lan.port_absent", "warn", "LAN {lan}: its port {port} is gone ({reason})"),
    EventKind("lan.port_refused", "error", "LAN {lan}: {reason}"),
    EventKind("interface.renamed", "warn", "{role}: its interface {before} is called {name} now; {advice}"),
    EventKind(
        "lan.address.restored",
        "warn",
        "LAN {lan}: {address} was taken from {interface} by another program; it is back",
    ),
    EventKind("lan.failed", "error", "LAN {lan} cannot be served: {reason}"),
    EventKind("lan.service_failed", "error", "LAN {lan}: {plugin} does not serve: {reason}"),
    # DHCP allocator
    EventKind("dhcp.lease.granted", "info", "{address} to {mac} {hostname} on {lan}"),
    EventKind("dhcp.lease.renewed", "debug", "{address} renewed by {mac} on {lan}"),
    EventKind("dhcp.lease.released", "info", "{address} released by {mac} on {lan}"),
    EventKind("dhcp.lease.expired", "info", "{address} of {mac} expired on {lan}"),
    EventKind(
        "dhcp.lease.declined",
        "warn",
        "{address} is in use by somebody else, says {mac} on {lan}; left out for a while",
    ),
    EventKind("dhcp.conflict", "warn", "{address} on {lan} is answered by {owner}; it is not given out"),
    EventKind("dhcp.refused", "info", "{mac} asked for {address} on {lan}: refused, {reason}"),
    EventKind("dhcp.exhausted", "warn", "no address left on {lan} for {mac}"),
    EventKind("dhcp.foreign_server", "warn", "another DHCP server, {server}, answers on {lan}"),
    # DNS proxy
    EventKind("dns.upstream.failed", "warn", "DNS server {server} does not answer"),
    EventKind("dns.upstream.recovered", "info", "DNS server {server} answers again"),
    EventKind("dns.upstream.unusable", "error", "cannot ask DNS servers by uplink {uplink}: {reason}"),
    EventKind(
        "dns.rebind.refused", "warn", "{name} leads to the private address {address}; {client} was refused it"
    ),
    # uplinks
    EventKind(
        "uplink.connecting", "info", "uplink {uplink} connects ({stage}), because: {cause}", history=True
    ),
    EventKind("uplink.stage", "info", "uplink {uplink}: {stage}"),
    EventKind("uplink.up", "info", "uplink {uplink} is up: {addresses} on {interface}", history=True),
    EventKind("uplink.changed", "info", "uplink {uplink} changed: {addresses} on {interface}", history=True),
    EventKind("uplink.down", "info", "uplink {uplink} is down: {reason}", history=True),
    EventKind("uplink.failed", "warn", "uplink {uplink} failed: {reason}", history=True),
    EventKind("uplink.absent", "warn", "uplink {uplink}: {reason}", history=True),
    EventKind("uplink.adopted", "info", "uplink {uplink} goes on as it was: {addresses} on {interface}"),
    EventKind(
        "uplink.not_adopted",
        "warn",
        "uplink {uplink}: what an earlier start left does not go on: {reason}",
        history=True,
    ),
    EventKind(
        "uplink.refused",
        "info",
        "uplink {uplink} is not connected: {reason}; it was wanted because: {cause}",
        history=True,
    ),
    EventKind("uplink.active", "info", "the Internet is now reached by {uplink}"),
    # packets that wait for a link
    EventKind(
        "hold.unavailable",
        "warn",
        "packets cannot wait for a link, so that only lookups and ics connect dial: {reason}",
    ),
    EventKind("hold.silent", "warn", "hosts that wait for a link in vain are not told so: {reason}"),
    EventKind(
        "hold.lost", "warn", "the device for packets that wait is gone ({reason}); again in {seconds:g} s"
    ),
    EventKind("hold.delivered", "debug", "{count} packets that waited were sent on within {seconds:.6f} s"),
    EventKind("hold.refused", "info", "{count} packets of {clients} hosts were refused: {reason}"),
    EventKind("hold.failed", "info", "{count} packets of {clients} hosts waited in vain: {reason}"),
    EventKind("limits.near", "warn", "uplink {uplink}: {reason}"),
    EventKind("limits.reached", "warn", "uplink {uplink}: {reason}"),
    # sessions of helpers
    EventKind("helper.session.refused", "warn", "helper {helper} refused {client} to {server}: {reason}"),
    EventKind(
        "helper.session.failed",
        "debug",
        "helper {helper}: the session of {client} with {server} failed, {reason}; {outcome}",
    ),
    EventKind("helper.session.ended", "debug", "helper {helper}: {client} with {server} has ended: {reason}"),
    EventKind(
        "helper.server.unreachable", "debug", "helper {helper}: {client} cannot reach {server}: {reason}"
    ),
    EventKind(
        "helper.port.opened", "debug", "helper {helper}: {external} leads to {to}, for {client} with {server}"
    ),
    EventKind(
        "helper.port.denied",
        "debug",
        "helper {helper}: {client} with {server} gets no port for {port}: {reason}",
    ),
    # control
    EventKind("control.command", "info", "{user} asks: {command}"),
    EventKind("control.refused", "warn", "{peer} may not {command}: {reason}"),
)

KINDS: dict[str, EventKind] = {kind.id: kind for kind in _KINDS}
"""Catalogue by id."""
