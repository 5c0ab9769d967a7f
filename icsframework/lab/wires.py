"""Links, addresses and routes of a lab as input for `ip -batch`, and the sysctls that go with them.  Pure.

A cable is a veth pair.  Its one end is made inside the host, the other inside
the switch, each under its final name: at no time is there a device in the
network of the machine.
"""

from collections.abc import Iterator, Mapping

from icsframework.lab.spec import HostSpec, InterfaceSpec, LabSpec, RouteSpec

__all__ = ["host_batch", "host_sysctls", "mac_address", "switch_batch", "switch_sysctls"]

DEVICE_NAME_LIMIT = 15
"""Characters the kernel takes (IFNAMSIZ without the final zero)."""


def mac_address(host: int, interface: int) -> str:
    """A locally administered address that tells host and interface number of a lab."""
    return f"02:00:00:00:{host:02x}:{interface:02x}"


def switch_batch(spec: LabSpec, pids: Mapping[str, int]) -> str:
    """What `ip -batch` must do in the switch: a bridge for each segment, a cable for each interface.

    ``pids`` names a process of each host, as seen by the process that runs ip.
    """
    lines = []
    for segment in spec.segments:
        # Snooping would hold back multicast until a querier was seen, and there is none.
        lines += [f"link add name {segment} type bridge mcast_snooping 0", f"link set dev {segment} up"]
    for number, host in enumerate(spec.hosts.values(), 1):
        for index, interface in enumerate(host.interfaces):
            lines += _cable(host, number, index, interface, pids[host.name])
    return _joined(lines)


def _cable(host: HostSpec, number: int, index: int, interface: InterfaceSpec, pid: int) -> list[str]:
    port = f"{host.name}-{interface.name}"
    if len(port) > DEVICE_NAME_LIMIT:
        port = f"port-{number}-{index}"
    mac = interface.mac or mac_address(number, index)
    near = f"link add name {port} mtu {interface.mtu} type veth"
    far = f"peer name {interface.name} address {mac} mtu {interface.mtu} netns {pid}"
    return [f"{near} {far}", f"link set dev {port} master {interface.segment} up"]


def host_batch(host: HostSpec) -> str:
    """What `ip -batch` must do in a host: addresses, links up, routes."""
    lines = ["link set dev lo up"]
    for interface in host.interfaces:
        # Everybody in the lab is known: no second of waiting for duplicate address detection.
        lines += [
            f"address add {address} dev {interface.name}" + (" nodad" if address.version == 6 else "")
            for address in interface.addresses
        ]
        if interface.up:
            lines.append(f"link set dev {interface.name} up")
    lines += map(_route, host.routes)
    return _joined(lines)


def _route(route: RouteSpec) -> str:
    return f"route add {route.to or 'default'} via {route.via}"


def _joined(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def host_sysctls(host: HostSpec) -> Iterator[tuple[str, str]]:
    """Sysctls to write before the cables come, in this order.

    A new network namespace takes over some values of the machine's (ip_forward where
    Docker runs, rp_filter), so those are written in any case: every lab is the same.
    """
    for scope in ("all", "default"):
        yield f"net.ipv4.conf.{scope}.rp_filter", "0"
    yield "net.ipv4.ip_forward", str(int(host.forward))
    yield "net.ipv6.conf.all.forwarding", str(int(host.forward))
    # Link-local addresses can be used at once, see host_batch.
    yield "net.ipv6.conf.default.accept_dad", "0"
    yield from host.sysctls


def switch_sysctls() -> Iterator[tuple[str, str]]:
    """A switch has no addresses, and no packet filter looks at what it carries."""
    for scope in ("all", "default"):
        yield f"net.ipv6.conf.{scope}.disable_ipv6", "1"
    for family in ("arptables", "ip6tables", "iptables"):
        yield f"net.bridge.bridge-nf-call-{family}", "0"
