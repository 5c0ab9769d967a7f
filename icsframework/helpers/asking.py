"""What a session may ask for, whatever a peer made it believe (RFC 2577).  Pure."""

from dataclasses import replace

from icsframework.helpers.limits import LONGEST_LIFETIME, LOWEST_PORT
from icsframework.values import Flow, Open

__all__ = ["HIGHEST_PORT", "granted", "refusal"]

HIGHEST_PORT = 65535


def refusal(request: Open, flow: Flow, free: int) -> str | None:
    """Why ``request`` is refused to the session of ``flow``, or None; ``free`` more ports may be open at a time."""
    if request.to.address != flow.inside.address:
        return f"{request.to.address} is not the host of this flow, {flow.inside.address}"
    if request.remote is None:
        return f"a session's ports are for its peer {flow.peer.address}, not for anybody"
    if request.remote != flow.peer.address:
        return f"{request.remote} is not the peer of this flow, {flow.peer.address}"
    if request.count < 1:
        return f"{request.count} ports are none"
    if request.to.port < LOWEST_PORT:
        return f"port {request.to.port} is below {LOWEST_PORT}"
    if request.to.port + request.count - 1 > HIGHEST_PORT:
        return f"{request.count} ports from {request.to.port} on end above {HIGHEST_PORT}"
    if request.count > free:
        return f"limits.expectations: {request.count} more ports, and {max(free, 0)} are free"
    if request.lifetime <= 0:
        return f"a lifetime of {request.lifetime:g} s is none"
    return None


def granted(request: Open) -> Open:
    """The request as it goes to the port book: not longer than a mapping may last."""
    if request.lifetime <= LONGEST_LIFETIME:
        return request
    return replace(request, lifetime=LONGEST_LIFETIME)
