"""Builds the frozen status tree from the parts of the gateway."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from icsframework.config.uplinks import UplinkSection
from icsframework.gateway.agreement import Agreement
from icsframework.gateway.desired import Live, uplink_device
from icsframework.gateway.helpers import Helper
from icsframework.gateway.lans import LanState
from icsframework.host.traffic import Traffic, read_traffic
from icsframework.interfaces import IClock
from icsframework.status import HelperStatus, Instant, LanStatus, LeaseStatus, UplinkStatus, cause_to_json
from icsframework.uplinks.runner import Runner
from icsframework.uplinks.supervisor import Supervisor
from icsframework.values import Absent, Connecting, InterfaceAddress, LeaseView, ShownState, Up

Details = Mapping[str, Callable[[], dict[str, Any]]]
NO_TRAFFIC = Traffic(0, 0)
NO_LIMITS: Mapping[str, Any] = MappingProxyType({})
Limits = Callable[[str], Mapping[str, Any]]


def no_limits(name: str) -> Mapping[str, Any]:
    """What is known of the limits of an uplink without a meter."""
    return NO_LIMITS


def uplinks_status(
    supervisor: Supervisor,
    sections: Mapping[str, UplinkSection],
    agreement: Agreement,
    clock: IClock,
    details: Details,
    limits: Limits = no_limits,
) -> tuple[UplinkStatus, ...]:
    """All uplinks, in order of preference; ``limits`` says how the one called so stands with what it may cost."""
    live, lacks, active = agreement.live(), agreement.underlay.uplink_lacks, supervisor.active()
    traffic = read_traffic()
    known = [runner for runner in supervisor.runners() if runner.spec.name in sections]
    return tuple(
        uplink_status(
            runner,
            sections[runner.spec.name],
            runner.spec.name == active,
            clock,
            traffic,
            details,
            live,
            lacks(sections[runner.spec.name]),
            limits(runner.spec.name),
            supervisor.standing(runner),
        )
        for runner in known
    )


def lans_status(
    states: Iterable[LanState], agreement: Agreement, leases: Sequence[LeaseView], details: Details
) -> tuple[LanStatus, ...]:
    """All LANs."""
    lacks, remark = agreement.underlay.lan_lacks, agreement.renumbering.reason
    return tuple(
        lan_status(
            state,
            agreement.address_of(state.section),
            leases,
            details,
            lacks(state.section),
            remark(state.section.name),
        )
        for state in states
    )


def uplink_status(
    runner: Runner,
    section: UplinkSection,
    active: bool,
    clock: IClock,
    traffic: Mapping[str, Traffic],
    details: Details,
    live: Live | None = None,
    lacks: str | None = None,
    limits: Mapping[str, Any] = NO_LIMITS,
    state: ShownState | None = None,
) -> UplinkStatus:
    """One uplink; ``lacks`` says why its device cannot be there, if the core knows better than the plugin.

    ``state``: as people shall see it, if that is not for the runner alone to say.
    """
    state = state or runner.standing()
    link = state.link if isinstance(state, Up) else None
    connect = runner.told.steps.connect if isinstance(state, Connecting) else None
    since = link.since if link is not None else connect.began if connect is not None else None
    interface = link.interface if link is not None else uplink_device(section, live)
    bytes_ = traffic.get(interface, NO_TRAFFIC)
    retry_at, hangs_up_at = getattr(state, "retry_at", None), runner.hangs_up_at()
    return UplinkStatus(
        name=section.name,
        plugin=section.plugin,
        connect=section.connect,
        state=state.name,
        stage=state.stage if isinstance(state, Connecting) else None,
        active=active,
        interface=interface,
        addresses=tuple(
            str(address) for family in (link.families if link else ()) for address in family.addresses
        ),
        dns=tuple(str(server) for family in (link.families if link else ()) for server in family.dns),
        mtu=link.mtu if link is not None else None,
        metered=section.metered,
        since=_wall(clock, since) if since is not None else None,
        cause=cause_to_json(runner.told.cause),
        reason=(lacks if isinstance(state, Absent) and lacks else getattr(state, "reason", None)) or None,
        retry_at=_wall(clock, retry_at) if retry_at is not None else None,
        rx_bytes=bytes_.received,
        tx_bytes=bytes_.sent,
        limits=limits,
        details=_details(details, f"uplink.{section.name}"),
        stage_since=_wall(clock, connect.since) if connect is not None else None,
        hangs_up_at=_wall(clock, hangs_up_at) if hangs_up_at is not None else None,
        override=runner.policy.override,
    )


def lan_status(
    state: LanState,
    address: InterfaceAddress | None,
    leases: Sequence[LeaseView],
    details: Details,
    lacks: str | None = None,
    remark: str | None = None,
) -> LanStatus:
    """One LAN; ``lacks`` says why nobody can be behind its bridge, ``remark`` what is worth knowing otherwise."""
    failed = next((s for s in state.services.values() if s.state == "failed"), None)
    reason = state.reason or lacks or (f"{failed.plugin}: {failed.reason}" if failed is not None else None)
    return LanStatus(
        name=state.section.name,
        interface=state.interface,
        address=str(address) if address is not None else "auto",
        state=_lan_state(state, lacks is not None, failed is not None),
        reason=reason or remark,
        services=tuple(
            {"plugin": s.plugin, "state": s.state, "reason": s.reason, "details": _details(details, s.plugin)}
            for s in state.services.values()
        ),
        leases=sum(lease.lan == state.section.name for lease in leases),
    )


def _lan_state(state: LanState, lacks: bool, failed: bool) -> str:
    if state.info is None or lacks:
        return "absent"
    if failed or state.fault is not None:
        return "failed"
    return "up" if state.served is not None else "starting"


def helpers_status(helpers: Iterable[Helper], details: Details) -> tuple[HelperStatus, ...]:
    """All helpers."""
    return tuple(helper_status(helper, details) for helper in helpers)


def helper_status(helper: Helper, details: Details) -> HelperStatus:
    """One helper: the counters of its shells, and what its plugin says of itself."""
    section, figures = helper.section, [shell.figures() for _, shell, _ in helper.shells]
    counters: dict[str, int] = {}
    for one in figures:
        for name, count in one.details.items():
            counters[name] = counters.get(name, 0) + count
    return HelperStatus(
        section.name,
        section.plugin,
        sum(one.sessions for one in figures),
        sum(one.expectations for one in figures),
        sum(one.refused for one in figures),
        {**counters, **_details(details, f"helper.{section.name}")},
        helper.state,
        helper.reason or None,
    )


def lease_status(lease: LeaseView, clock: IClock) -> LeaseStatus:
    """One lease; its end by the wall clock as that is now."""
    expires = _wall(clock, lease.expires) if lease.expires is not None else None
    return LeaseStatus(str(lease.address), lease.mac, lease.client_id, lease.hostname, expires, lease.lan)


def plugin_warnings(details: Details) -> tuple[str, ...]:
    """What plugins say is wrong: the sentences under "warnings" in their details, or in a part of these (one LAN's)."""
    found: list[str] = []
    for owner in details:
        own: object = _details(details, owner)
        for part in (own, *own.values()) if isinstance(own, dict) else ():
            sentences = part.get("warnings") if isinstance(part, Mapping) else None
            if isinstance(sentences, Sequence) and not isinstance(sentences, str):
                found += [str(sentence) for sentence in sentences]
    return tuple(found)


def _wall(clock: IClock, moment: float) -> Instant:
    return Instant(clock.wall() - clock.now() + moment)


def _details(details: Details, owner: str) -> dict[str, Any]:
    function = details.get(owner)
    if function is None:
        return {}
    try:
        return function()
    except Exception as error:  # noqa: BLE001 - a stranger's figures must not take the whole status with them
        return {"error": f"{type(error).__name__}: {error}"}
