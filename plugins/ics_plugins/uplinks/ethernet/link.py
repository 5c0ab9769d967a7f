"""The Link that the uplink announces: a pure function of settings, device and lease."""

from ics_plugins.uplinks.ethernet.lease import Lease
from icsframework.values import Family, InterfaceInfo, Link, UplinkSettings


def make_link(
    settings: UplinkSettings, info: InterfaceInfo, device_mtu: int, lease: Lease | None, since: float
) -> Link:
    """A link with the static address of ``settings``, or with that of ``lease``, up ``since`` (IClock.now).

    ``device_mtu`` is the interface's own MTU, which ``info`` may no longer show.
    """
    return Link(
        interface=info.name,
        ifindex=info.ifindex,
        parent=None,
        kind="ethernet",
        carrier="kernel",
        mtu=settings.mtu or _mtu(device_mtu, lease),
        metered=settings.metered,
        since=since,
        v4=_family(settings, lease),
    )


def _family(settings: UplinkSettings, lease: Lease | None) -> Family | None:
    static = settings.own.address
    if static is not None:
        return Family((static.address,), static.gateway, settings.dns or static.dns)
    return None if lease is None else Family((lease.address,), lease.router, settings.dns or lease.dns)


def _mtu(device_mtu: int, lease: Lease | None) -> int:
    """The device's own, or what the server says if that is less: the device cannot do more."""
    return min(device_mtu, lease.mtu) if lease is not None and lease.mtu is not None else device_mtu
