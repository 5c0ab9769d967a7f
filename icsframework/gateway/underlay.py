"""What lies below LANs and uplinks: the ports of bridges, the interfaces that VLANs are on; and what is renamed.

The machine is settled when one of them comes or is renamed, so that the bridge
gets its port and the VLAN is made.  An interface that the kernel refuses as a
port (a wireless station, for instance) is left alone from then on, so that it
does not keep everything else from being configured.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from icsframework.config.lans import LanSection
from icsframework.config.uplinks import UplinkSection
from icsframework.gateway.places import Places
from icsframework.gateway.roles import Place, Role
from icsframework.host.machine import PortRefused
from icsframework.interfaces import IEvents


class Underlay:
    """See the module.  ``settle`` makes the machine agree with what is here."""

    def __init__(
        self, places: Places, events: IEvents, log: Logger, settle: Callable[[], Deferred[Any]]
    ) -> None:
        self._places = places
        self._events = events
        self._log = log
        self._settle = settle
        self._refused: dict[int, str] = {}
        self._started = False
        places.follow(self._moved)

    def start(self) -> None:
        """From now on settle when something comes; before, whoever starts the gateway does."""
        self._started = True

    def refuse(self, error: PortRefused) -> bool:
        """The kernel does not take an interface as a port; True if that is news."""
        for role, place in self._ports():
            if place.info is not None and place.name == error.interface:
                if place.info.ifindex in self._refused:
                    return False
                self._refused[place.info.ifindex] = str(error)
                self._events.emit("lan.port_refused", lan=role.name, port=place.name, reason=str(error))
                return True
        return False

    def refused(self) -> frozenset[str]:
        """The names of the interfaces that cannot be ports."""
        return frozenset(place.name for _, place in self._ports() if self._why(place))

    def lan_lacks(self, lan: LanSection) -> str | None:
        """Why no host can be behind the LAN's bridge, or None if a port is there."""
        if lan.bridge is None:
            return None
        places = [self._places.of(Role("port", lan.name, port)) for port in lan.bridge.ports]
        if any(place.info is not None and not self._why(place) for place in places):
            return None
        reasons = [self._why(place) or place.reason for place in places]
        return "; ".join(reasons) or f"the bridge {lan.bridge.name} has no ports; name them in bridge: ports:"

    def uplink_lacks(self, uplink: UplinkSection) -> str | None:
        """Why the device of an uplink that is a VLAN cannot be there, or None."""
        if uplink.vlan is None:
            return None
        below = self._places.of(Role("below", uplink.name))
        return f"{below.reason} (for VLAN {uplink.vlan})" if below.reason else None

    def _ports(self) -> list[tuple[Role, Place]]:
        return [(role, self._places.of(role)) for role in self._places.names() if role.kind == "port"]

    def _why(self, place: Place) -> str:
        return self._refused.get(place.info.ifindex, "") if place.info is not None else ""

    def _moved(self, before: Mapping[Role, Place], after: Mapping[Role, Place]) -> None:
        for role, place in after.items():
            self._tell(role, before.get(role, Place()), place)
        came = any(
            place.info is not None and _identity(place) != _identity(before.get(role, Place()))
            for role, place in after.items()
            if role.kind in ("port", "below")
        )
        if came and self._started:
            ports = [role for role, place in after.items() if role.kind == "port" and place.info is not None]
            new = [role for role in ports if before.get(role, Place()).info is None]
            settled = self._settle().addCallback(lambda _: self._tell_new(new))
            settled.addErrback(lambda why: self._log.error("{why}", why=why.getErrorMessage()))

    def _tell(self, role: Role, before: Place, after: Place) -> None:
        if before.info is not None and after.info is not None:
            if before.info.ifindex == after.info.ifindex and before.name != after.name:
                self._tell_rename(role, before.name, after.name)
        elif role.kind == "port":
            self._tell_port(role, before, after)

    def _tell_rename(self, role: Role, before: str, name: str) -> None:
        wanted = self._places.wanted(role)
        as_written = wanted.mac or wanted.name == name
        advice = (
            "nothing is to be done"
            if as_written
            else f"the file says {wanted.name}: correct it before the next start, or write match: {{mac: ...}}"
        )
        self._events.emit("interface.renamed", role=str(role), before=before, name=name, advice=advice)

    def _tell_port(self, role: Role, before: Place, after: Place) -> None:
        if after.info is None and before.info is not None:
            self._refused.pop(before.info.ifindex, None)
            self._events.emit("lan.port_absent", lan=role.name, port=role.port, reason=after.reason)

    def _tell_new(self, ports: Sequence[Role]) -> None:
        for role in ports:
            place = self._places.of(role)
            if place.info is not None and not self._why(place):
                self._events.emit("lan.port_here", lan=role.name, port=place.name)


def _identity(place: Place) -> tuple[str, int]:
    return (place.name, 0 if place.info is None else place.info.ifindex)
