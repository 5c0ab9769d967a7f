"""From profiles to what the data plane is asked for, and where two of them want the same port.  Pure."""

from collections.abc import Iterable, Iterator, Sequence

from ics_plugins.helpers.games.profile import Profile
from icsframework.values import PortSpan, PortTrigger

__all__ = ["clashes", "shown", "triggers"]


def triggers(profiles: Iterable[Profile]) -> tuple[PortTrigger, ...]:
    """One trigger a profile."""
    return tuple(
        PortTrigger(one.name, one.outbound.spans(), one.inbound.spans(), one.lifetime) for one in profiles
    )


def clashes(profiles: Sequence[Profile]) -> Iterator[tuple[int, int, PortSpan]]:
    """Pairs of profiles (by place, the earlier first) that open the same ports, and the first ports they share.

    A port leads to one host at a time, so it belongs to one profile.
    """
    for later, one in enumerate(profiles):
        for earlier, other in enumerate(profiles[:later]):
            shared = next(_shared(other.inbound.spans(), one.inbound.spans()), None)
            if shared is not None:
                yield earlier, later, shared


def _shared(some: Iterable[PortSpan], others: Sequence[PortSpan]) -> Iterator[PortSpan]:
    for a in some:
        for b in others:
            first, last = max(a.first, b.first), min(a.last, b.last)
            if a.protocol == b.protocol and first <= last:
                yield PortSpan(a.protocol, first, last)


def shown(span: PortSpan) -> str:
    """For people: ``TCP 6112-6119``."""
    ports = str(span.first) if span.first == span.last else f"{span.first}-{span.last}"
    return f"{span.protocol.upper()} {ports}"
