"""Default routes of other programs that take the packets which an uplink should take.  Pure.

LAN hosts may not leave by an interface that is no uplink; so what goes that way is refused, and where an uplink is
dialled on demand nothing ever dials it.
"""

from collections.abc import Iterable

from icsframework.dataplane.plane import DataPlane
from icsframework.dataplane.routing import FIRST_METRIC
from icsframework.host.defaultroutes import DefaultRoute

__all__ = ["shadows"]


def shadows(routes: Iterable[DefaultRoute], plane: DataPlane) -> dict[str, str]:
    """By interface, a sentence about each default route that the kernel prefers to ours."""
    ours = {*plane.interfaces, *([plane.hold.interface] if plane.hold is not None else [])}
    foreign = [route for route in routes if route.interface not in ours]
    if plane.preference:
        return {
            one.interface: f"{_whose(one)} comes before that of uplink {plane.preference[0].name}: what hosts "
            f"of the LANs send to the Internet goes there and is refused; {_cure(one)}"
            for one in foreign
            if one.metric < FIRST_METRIC
        }
    if plane.hold is None:
        return {}
    return {
        one.interface: f"{_whose(one)} takes the packets that should dial an uplink: nothing but names and "
        f"commands dials; {_cure(one)}"
        for one in foreign
    }


def _whose(route: DefaultRoute) -> str:
    return f"the default route of another program by {route.interface} (metric {route.metric})"


def _cure(route: DefaultRoute) -> str:
    return (
        f"ip route del default dev {route.interface} removes it until that program sets it again (NetworkManager: "
        "ipv4.never-default yes), or make that interface an uplink"
    )
