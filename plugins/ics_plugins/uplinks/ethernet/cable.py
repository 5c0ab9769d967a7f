"""What an interface's state means for the link.  Pure."""

from icsframework.values import InterfaceInfo

CARRIER_GRACE = 1.0
"""Seconds without carrier before the link counts as lost: a switch port that blinks is shorter, a person waits longer."""
MTU_GRACE = 5.0
"""The same for a link with an MTU other than the device's: setting it makes some devices negotiate anew, for up to
3 s, and to give the link up (and the MTU back) each time would never end."""


def trouble(name: str, info: InterfaceInfo | None) -> str | None:
    """Why the interface called ``name`` cannot be used now, with what to do; None if it can."""
    if info is None:
        return f"there is no interface {name}; plug it in, or correct interface: (ip link lists them)"
    if not info.up:
        return f"{name} is switched off; ip link set {name} up switches it on"
    return None if info.carrier else f"{name} has no carrier; is the cable plugged in?"


def another_device(before: InterfaceInfo | None, now: InterfaceInfo | None) -> bool:
    """True if the name now belongs to another device, or the device has another hardware address: no lease is valid there."""
    return before is not None and now is not None and (before.ifindex, before.mac) != (now.ifindex, now.mac)


def grace(link_mtu: int, device_mtu: int) -> float:
    """Seconds for which a link that is up may be without carrier."""
    return CARRIER_GRACE if link_mtu == device_mtu else MTU_GRACE
