"""Is what a NAT helper asks for something that rules can be made of?  Pure.

A stranger's mistake must be named as his; without this it would be nft that
refuses the whole rule set, and tells a line of it.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import get_args

from icsframework.values import (
    Attachment,
    DatagramProxy,
    KernelHelper,
    PortSpan,
    PortTrigger,
    Protocol,
    StreamProxy,
)

__all__ = ["faults"]

MAX_PORTS = 256
"""Ports or spans of one attachment; each makes rules that new flows are compared with."""
LONGEST = 7 * 86400.0
"""Seconds that a trigger may stay open without traffic."""

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)


def faults(attachments: Sequence[Attachment]) -> Iterator[str]:
    """What is wrong with them: each says which attachment, and what of it."""
    names: set[str] = set()
    for one in attachments:
        kind = type(one).__name__
        if isinstance(one, KernelHelper | StreamProxy | DatagramProxy):
            if isinstance(one, KernelHelper):
                yield from (f"{kind}: {fault}" for fault in _protocol(one.protocol))
            yield from (f"{kind}: {fault}" for fault in _ports(one.ports))
        elif isinstance(one, PortTrigger):
            yield from (f"{kind} {one.name!r}: {fault}" for fault in _trigger(one))
            if one.name in names:
                yield f"{kind} {one.name!r}: another one has the same name"
            names.add(one.name)


def _ports(ports: Sequence[int]) -> Iterator[str]:
    yield from _number_of(ports, "ports")
    yield from (f"{port!r} is no port" for port in ports if not _is_port(port))


def _trigger(trigger: PortTrigger) -> Iterator[str]:
    if not _NAME.fullmatch(str(trigger.name)):
        yield "a name is letters, digits, _, . and -"
    for what, spans in (("outbound", trigger.outbound), ("inbound", trigger.inbound)):
        yield from _number_of(spans, f"{what} ports")
        yield from _spans(spans)
    if not _is_number(trigger.lifetime) or not 0 < trigger.lifetime <= LONGEST:
        yield f"a lifetime of {trigger.lifetime!r} s is none"


def _spans(spans: Iterable[PortSpan]) -> Iterator[str]:
    for span in spans:
        yield from _protocol(span.protocol)
        if not (_is_port(span.first) and _is_port(span.last) and span.first <= span.last):
            yield f"{span.first!r} to {span.last!r} are no ports"


def _protocol(protocol: object) -> Iterator[str]:
    if protocol not in get_args(Protocol):
        yield f"the protocol is tcp or udp, not {protocol!r}"


def _number_of(ports: Sequence[object], what: str) -> Iterator[str]:
    if not 1 <= len(ports) <= MAX_PORTS:
        yield f"it needs 1 to {MAX_PORTS} {what}, and names {len(ports)}"


def _is_port(port: object) -> bool:
    return type(port) is int and 1 <= port <= 65535


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
