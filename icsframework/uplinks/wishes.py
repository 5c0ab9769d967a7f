"""What a wish for the Internet is to the rules that wake an uplink.  Pure."""

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_address

from icsframework.errors import IcsError, UplinkFailed, UplinkRefused
from icsframework.uplinks.traffic import BUILT_IN, DNS_PORT, Form, Traffic, TrafficRule, judge
from icsframework.values import Address, Cause, Failed, Refused

__all__ = ["answer_of", "error_of", "ruled", "traffic"]

FORMS: dict[str, Form] = {"tcp": "opening", "icmp": "echo"}
"""What a wish is for: to open a connection, to ask for an echo.  Other packets are no reason to wish for anything."""


def traffic(cause: Cause) -> Traffic:
    """What is to be sent, as far as the cause says.

    A cause without a client is the gateway's own.  One with a name and no destination is a lookup: UDP to port 53.
    """
    address, port = _destination(cause.destination)
    if cause.name and not cause.destination:
        port = DNS_PORT
    return Traffic(
        cause.client,
        cause.protocol,
        address,
        port,
        cause.name,
        FORMS.get(cause.protocol),
        own=cause.client is None,
    )


def ruled(wake: Sequence[TrafficRule], cause: Cause) -> Cause | Refused:
    """The cause with the rule that lets it dial; or the refusal, whose reason begins with the rule that forbids it.

    Without any rules there is nothing to judge by, and everything may.
    """
    if not wake:
        return cause
    rule = judge(wake, traffic(cause))
    if rule is None:
        whose = "of the gateway itself" if cause.client is None else "of this kind"
        return Refused(f"demand.wake: no rule lets traffic {whose} dial")
    if rule.action == "ignore":
        return Refused(f"{rule.label}: such traffic does not dial")
    return replace(cause, rule=f"demand.wake: {BUILT_IN}" if rule.label == BUILT_IN else rule.label)


def error_of(why: Refused | Failed) -> IcsError:
    """What who wished for it gets."""
    kind = UplinkRefused if isinstance(why, Refused) else UplinkFailed
    return kind(why.reason, why.retry_at)


def answer_of(error: BaseException | None) -> Refused | Failed:
    """The reverse; any other error is a failure."""
    kind = Refused if isinstance(error, UplinkRefused) else Failed
    return kind(str(error), getattr(error, "retry_at", None))


def _destination(text: str) -> tuple[Address | None, int | None]:
    """``address``, ``address:port`` or ``[v6]:port``; what is neither says nothing."""
    address = _address(text)
    if address is not None:
        return address, None
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or len(port) > 5:
        return None, None
    address = _address(host.removeprefix("[").removesuffix("]"))
    return address, int(port) if address is not None else None


def _address(text: str) -> Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
