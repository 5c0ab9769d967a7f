"""Which interface plays which role: a pure function of the configuration and of the interfaces that are here.

A role is a LAN, a port of a LAN's bridge, an uplink, or the interface below an
uplink's VLAN.  The file finds its interface by name or by MAC address.  What the
file says comes first; an interface that has a role keeps it when it is renamed,
until another one fits what the file says.  No interface plays two roles, but
several VLANs may share the one below them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from icsframework.config.common import Match
from icsframework.config.configuration import Configuration
from icsframework.config.lans import LanSection
from icsframework.config.uplinks import UplinkSection
from icsframework.values import InterfaceInfo

DEVICE_PREFIX = "icsu-"
"""Uplink devices that we or a plugin make are called so, followed by the uplink's name."""

STACKED = frozenset({"bond", "bridge", "ipvlan", "macsec", "macvlan", "macvtap", "team", "vlan"})
"""Kinds of interfaces that show the MAC address of one below them: never what ``match: {mac: ...}`` means."""

Kind = Literal["lan", "port", "uplink", "below"]


@dataclass(frozen=True, slots=True)
class Role:
    """``name`` is that of the LAN or uplink; ``port`` the configured name of a bridge's port."""

    kind: Kind
    name: str
    port: str = ""

    def __str__(self) -> str:
        words = {
            "lan": f"LAN {self.name}",
            "port": f"a port of LAN {self.name}",
            "uplink": f"uplink {self.name}",
            "below": f"the VLAN of uplink {self.name}",
        }
        return words[self.kind]


@dataclass(frozen=True, slots=True)
class Wanted:
    """How the file finds a role's interface: by ``name``, or by ``mac``; ``shown`` is the MAC address that we give it."""

    role: Role
    name: str = ""
    mac: str = ""
    shown: str = ""

    @property
    def shared(self) -> bool:
        """True if others may have the same interface."""
        return self.role.kind == "below"

    def fits(self, info: InterfaceInfo) -> bool:
        """True if the file means this interface."""
        if not self.mac:
            return info.name == self.name
        if info.permanent_mac:
            return info.permanent_mac == self.mac
        return info.kind not in STACKED and info.mac in {self.mac, self.shown or self.mac}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a role is played: ``info`` is None while its interface is absent, and then ``reason`` says why.

    ``name`` is what rules call it: its name now, else the one that it will have as
    far as that is known ("" if not), so that it is closed from the moment it appears.
    """

    name: str = ""
    info: InterfaceInfo | None = None
    reason: str = ""


def wanted(config: Configuration) -> tuple[Wanted, ...]:
    """Every role of a configuration, those that come first in the file first."""
    found = [one for lan in config.lans for one in of_lan(lan)]
    return (*found, *(one for uplink in config.uplinks if uplink.enabled for one in of_uplink(uplink)))


def of_lan(lan: LanSection) -> Iterable[Wanted]:
    """The roles of a LAN."""
    if lan.bridge is None:
        yield _by(Role("lan", lan.name), lan.interface, lan.match)
        return
    yield Wanted(Role("lan", lan.name), lan.bridge.name)
    for port in lan.bridge.ports:
        yield Wanted(Role("port", lan.name, port), port)


def of_uplink(uplink: UplinkSection) -> Iterable[Wanted]:
    """The roles of an uplink: none if its plugin makes the device."""
    role = Role("uplink", uplink.name)
    if uplink.interface is None and uplink.match is None:
        return
    if uplink.vlan is None:
        yield _by(role, uplink.interface, uplink.match, uplink.mac or "")
    else:
        yield _by(Role("below", uplink.name), uplink.interface, uplink.match)
        yield Wanted(role, made_device(uplink.name))


def made_device(uplink: str) -> str:
    """The name of the device that is made for an uplink."""
    return f"{DEVICE_PREFIX}{uplink}"


def _by(role: Role, interface: str | None, match: Match | None, shown: str = "") -> Wanted:
    return Wanted(role, interface or "") if match is None else Wanted(role, "", match.mac, shown)


def assign(
    roles: Sequence[Wanted], here: Sequence[InterfaceInfo], before: Mapping[Role, Place]
) -> dict[Role, Place]:
    """Who plays what now; ``before`` is the answer of last time."""
    interfaces = sorted(here, key=lambda info: info.ifindex)
    found: dict[Role, Place] = {}
    players: dict[str, Role] = {}

    def give(one: Wanted, info: InterfaceInfo) -> None:
        if not one.shared and info.name in players:
            found[one.role] = Place(reason=f"{info.name} is already {players[info.name]}")
            return
        found[one.role] = Place(info.name, info)
        if not one.shared:
            players[info.name] = one.role

    for one in roles:
        if (fitting := _fitting(one, interfaces, before)) is not None:
            give(one, fitting)
    by_index = {info.ifindex: info for info in interfaces}
    for one in roles:
        last = before.get(one.role, Place()).info
        if one.role in found:
            continue
        if last is not None and last.ifindex in by_index and by_index[last.ifindex].name not in players:
            give(one, by_index[last.ifindex])
        else:
            found[one.role] = _absent(one, before.get(one.role, Place()), {info.name for info in here})
    return found


def _fitting(
    one: Wanted, interfaces: Iterable[InterfaceInfo], before: Mapping[Role, Place]
) -> InterfaceInfo | None:
    """The interface that the file means; of several with the same MAC address the one that has the role, else the oldest."""
    fitting = [info for info in interfaces if one.fits(info)]
    last = before.get(one.role, Place()).info
    kept = (info for info in fitting if last is not None and info.ifindex == last.ifindex)
    return next(kept, fitting[0] if fitting else None)


def _absent(one: Wanted, last: Place, here: set[str]) -> Place:
    if not one.mac:
        return Place(one.name, reason=f"there is no interface {one.name}")
    name = "" if last.name in here else last.name
    return Place(name, reason=f"there is no interface with the MAC address {one.mac}")
