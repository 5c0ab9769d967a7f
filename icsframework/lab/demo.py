"""The main job, watched: PCs join, wake a line that is down, look up a name, fetch a page and a file by FTP.

What is shown follows from the lab's description: every host with an interface
that uses DHCP is a PC, the first web server with a name in a provider's DNS is
the site, and the first PC fetches from the first FTP server, if there is one.  Each step either returns the sentence to show or raises LabError; the
first that fails ends the demo.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Interface, ip_address
from time import monotonic

from icsframework.lab.active_ftp import fetch_actively, find_ftp_site
from icsframework.lab.clients import Lease
from icsframework.lab.errors import LabError
from icsframework.lab.host import Host
from icsframework.lab.snapshot import Snapshot, differences
from icsframework.lab.spec import HostSpec, LabSpec
from icsframework.lab.waking import armed_uplink, wake
from icsframework.lab.world import Lab

__all__ = ["Site", "find_pcs", "find_site", "run_demo"]

Report = Callable[[float, str], None]
"""Called with the seconds a step took and its sentence."""


@dataclass(frozen=True, slots=True)
class Site:
    """A web server and its name."""

    name: str
    host: HostSpec

    @property
    def url(self) -> str:
        """Where its page is, without the final slash."""
        port = self.host.web.port if self.host.web else 80
        return f"http://{self.name}" + ("" if port == 80 else f":{port}")


def find_pcs(spec: LabSpec) -> list[tuple[str, str]]:
    """Host and interface of each PC: what gets its address by DHCP."""
    return [
        (host.name, interface.name)
        for host in spec.hosts.values()
        for interface in host.interfaces
        if interface.dhcp and host.gateway is None
    ]


def find_site(spec: LabSpec) -> Site:
    """The web site to visit.  Raises LabError if no web server of the lab has a name."""
    servers = {
        str(address.ip): host
        for host in spec.hosts.values()
        if host.web
        for interface in host.interfaces
        for address in interface.addresses
    }
    for host in spec.hosts.values():
        for name, records in host.dns.names if host.dns else ():
            for record in records:
                if record in servers:
                    return Site(name, servers[record])
    raise LabError("the demo needs a host with `web` and a host with `dns` that has a name for it")


def run_demo(spec: LabSpec, report: Report, clock: Callable[[], float] = monotonic) -> None:
    """Show everything, one report a step.  Raises LabError at the first thing that does not happen."""
    site = find_site(spec)
    pcs = find_pcs(spec)
    if not pcs:
        raise LabError("the demo needs a host with an interface whose address is dhcp")
    start = clock()
    with Lab(spec, start_gateways=False) as lab:
        for sentence in _steps(lab, site, pcs):
            report(clock() - start, sentence)
            start = clock()


def _steps(lab: Lab, site: Site, pcs: list[tuple[str, str]]) -> Iterator[str]:
    segments = ", ".join(lab.spec.segments)
    yield f"a small Internet is up: {len(lab.hosts)} hosts on the networks {segments}{describe_modems(lab.spec)}"
    gateways = {host: host.snapshot() for host in lab.hosts if "ics" in host.services}
    for host in gateways:
        yield start_gateway(host)
    leases = {}
    for name, interface in pcs:
        leases[name] = lab[name].dhcp(interface=interface)
        yield joined(name, leases[name])
    check_distinct(leases)
    for host in gateways:
        if uplink := armed_uplink(host):
            name, lease = next(iter(leases.items()))
            yield wake(lab[name], site.host, host, uplink, lease)
    for name, lease in leases.items():
        yield look_up(lab[name], site)
        yield visit_site(lab[name], site, lease)
    ftp_site = find_ftp_site(lab.spec)
    if ftp_site is not None:
        name, lease = next(iter(leases.items()))
        yield fetch_actively(lab[name], ftp_site, lab[ftp_site.host.name], tuple(gateways), lease)
    for host, before in gateways.items():
        yield stop_gateway(host, before)


def start_gateway(host: Host) -> str:
    """Start the daemon and wait for its first uplink, as far as it comes up by itself."""
    gateway = host.gateway
    gateway.start()
    gateway.wait_ready()
    uplinks = gateway.status_tree()["uplinks"]
    if not uplinks:
        return f"{host.name} runs, without an uplink"
    if uplinks[0]["connect"] == "demand":
        first = gateway.wait_uplink(uplinks[0]["name"], "armed")
        return f"{host.name} runs; nobody needs the Internet yet, and its uplink {first['name']} is down"
    first = gateway.wait_uplink(uplinks[0]["name"])
    addresses = ", ".join(first["addresses"])
    up = f"its uplink {first['name']} is up with {addresses} on {first['interface']}"
    return f"{host.name} runs, {called(host)}{up}"


def describe_modems(spec: LabSpec) -> str:
    """Which hosts have a modem, as the end of a sentence; empty if none has."""
    return "".join(
        f"; {host.name} has a modem" + (f" for {modem.rate} bit/s" if modem.rate else "")
        for host in spec.hosts.values()
        for modem in host.modems
    )


def called(host: Host) -> str:
    """The number that its modem called last, as a part of a sentence; empty if there is no modem, or it called nobody."""
    numbers = host.modem.look()["dialled"] if host.spec.modems else []
    return f"called {numbers[-1]}, " if numbers else ""


def stop_gateway(host: Host, before: Snapshot) -> str:
    """Stop the daemon and compare the host's network with what it was before the start."""
    status = host.gateway.stop()
    if status:
        raise LabError(
            f"the daemon on {host.name} did not stop cleanly but with status {status}\n{host.gateway.log()}"
        )
    left = differences(before, host.snapshot())
    if left:
        raise LabError(f"the daemon on {host.name} stopped and left something behind:\n" + "\n".join(left))
    return f"{host.name} stopped and left its network as it had found it"


def joined(name: str, lease: Lease) -> str:
    """What a PC was given.  Raises LabError if it cannot reach the Internet with that."""
    if lease.router is None or not lease.dns:
        raise LabError(f"{name} got {lease.address.ip} but no router or no DNS server")
    servers = ", ".join(map(str, lease.dns))
    return f"{name} got {lease.address.ip} by DHCP ({lease.client}); router {lease.router}, DNS {servers}"


def check_distinct(leases: dict[str, Lease]) -> None:
    """Raise LabError if two PCs got one address."""
    owners: dict[IPv4Interface, str] = {}
    for name, lease in leases.items():
        other = owners.setdefault(lease.address, name)
        if other != name:
            raise LabError(f"{other} and {name} both got {lease.address.ip}")


def look_up(pc: Host, site: Site) -> str:
    """Resolve the site's name."""
    addresses = pc.resolve(site.name)
    if str(site.host.address) not in addresses:
        raise LabError(
            f"{pc.name} resolved {site.name} to {', '.join(addresses) or 'nothing'}, not {site.host.address}"
        )
    return f"{pc.name} resolved {site.name} to {', '.join(addresses)}"


def visit_site(pc: Host, site: Site, lease: Lease) -> str:
    """Fetch the page, and see from the server's side where the request came from."""
    page = pc.fetch(site.url + "/")
    expected = site.host.web.page.encode() if site.host.web else b""
    if page.status != 200 or page.body != expected:
        raise LabError(
            f"{pc.name} asked for {site.url}/ and got status {page.status}, {len(page.body)} bytes: not the page"
        )
    seen = ip_address(pc.fetch(site.url + "/ip").body.split()[0].decode())
    if seen in lease.address.network:
        raise LabError(
            f"{site.host.name} saw {pc.name} as {seen}, its address at home: nothing translated it"
        )
    return f"{pc.name} fetched {site.url}/, {len(page.body)} bytes; {site.host.name} saw it come from {seen}: NAT works"
