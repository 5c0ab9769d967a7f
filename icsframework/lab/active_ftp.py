"""Active-mode FTP, watched: the server calls back to a port of the gateway that was opened for this one call.

The client is curl, the server that of ftp_server.py.  What is shown is what the two ends saw: the client's own
words, the server's log, the file that arrived; and afterwards the server tries the port once more.
"""

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

from icsframework.lab.clients import Lease
from icsframework.lab.errors import LabError
from icsframework.lab.ftp_server import FILE, asked_ports
from icsframework.lab.host import Host
from icsframework.lab.pattern import pattern
from icsframework.lab.spec import HostSpec, LabSpec
from icsframework.lab.waiting import wait_for

__all__ = ["FtpSite", "fetch_actively", "find_ftp_site"]

PATIENCE = 20
"""Seconds that curl may take for the whole transfer."""
ANSWER = 0.2
"""Seconds in which an open port, or a host behind it, would have answered: the lab's round trips take microseconds."""
GONE = 1.0
"""Seconds after the transfer in which the gateway's list of open ports is empty again."""


@dataclass(frozen=True, slots=True)
class FtpSite:
    """An FTP server and its name."""

    name: str
    host: HostSpec

    @property
    def url(self) -> str:
        """Its file."""
        port = self.host.ftp.port if self.host.ftp else 21
        return f"ftp://{self.name}" + ("" if port == 21 else f":{port}") + f"/{FILE}"

    @property
    def content(self) -> bytes:
        """What its file holds."""
        return pattern(self.host.ftp.size) if self.host.ftp else b""


def find_ftp_site(spec: LabSpec) -> FtpSite | None:
    """The first FTP server of the lab, under a name that a provider's DNS has for it, one that begins with ftp first."""
    server = next((host for host in spec.hosts.values() if host.ftp), None)
    if server is None:
        return None
    address = str(server.address)
    tables = [dict(host.dns.names) for host in spec.hosts.values() if host.dns]
    names = {name for table in tables for name, records in table.items() if address in records}
    aliases = {
        name
        for table in tables
        for name, records in table.items()
        if {f"CNAME {one}" for one in names} & {*records}
    }
    found = sorted(names | aliases, key=lambda name: (not name.startswith("ftp."), name))
    return FtpSite(found[0] if found else address, server)


def fetch_actively(pc: Host, site: FtpSite, server: Host, gateways: Sequence[Host], lease: Lease) -> str:
    """Fetch the file with curl in active mode.  Raises LabError unless it came by a port opened for it and only once."""
    before = len(asked_ports(_server_log(server)))
    file = pc.directory / "fetched"
    seconds = _curl(pc, site, file)
    content = file.read_bytes()
    file.unlink()
    if content != site.content:
        raise LabError(
            f"{pc.name} fetched {site.url}: {len(content)} bytes arrived, and not those of the file"
        )
    asked = asked_ports(_server_log(server))[before:]
    if not asked:
        raise LabError(f"{server.name} was never asked to connect back: this was no active mode")
    address, port = asked[-1]
    _check_translated(server, address, lease)
    for gateway in gateways:
        _check_closed(gateway, port)
    _check_shut(server, address, port)
    return (
        f"{pc.name} fetched {site.url} in active mode, {len(content)} bytes in {seconds:.3f} s; {server.name} "
        f"called back to {address} port {port}, open for that one call and closed again"
    )


def _curl(pc: Host, site: FtpSite, file: Path) -> float:
    """Run it; the seconds that it took."""
    options = ["--silent", "--show-error", "--max-time", str(PATIENCE), "--write-out", "%{time_total}"]
    done = pc.run(
        ["curl", *options, "--ftp-port", "-", "--output", str(file), site.url], timeout=PATIENCE + 5.0
    )
    if done.returncode:
        raise LabError(f"{pc.name} could not fetch {site.url} in active mode: {done.stderr.strip()}")
    return float(done.stdout)


def _server_log(server: Host) -> str:
    """What was said to it: the log of vsftpd, or of Twisted's server in its place."""
    return server.services["vsftpd" if "vsftpd" in server.services else "isp"].log()


def _check_translated(server: Host, address: IPv4Address | IPv6Address, lease: Lease) -> None:
    if address in lease.address.network:
        raise LabError(
            f"{server.name} was asked to connect to {address}, an address at home: nothing translated it"
        )


def _check_closed(gateway: Host, port: int) -> None:
    """The gateway knows of no such port any more."""

    def gone() -> bool:
        mappings = gateway.gateway.api("GET", "/v1/mappings")
        return all(mapping["external_port"] != port for mapping in mappings)

    wait_for(gone, GONE, f"port {port} to be closed again after the transfer")


def _check_shut(server: Host, address: IPv4Address | IPv6Address, port: int) -> None:
    """The server tries again: only silence means that the port leads nowhere."""

    def try_again() -> str:
        try:
            socket.create_connection((str(address), port), ANSWER).close()
        except TimeoutError:
            return ""
        except OSError as error:
            return f"it was answered: {error.strerror}"
        return "it was taken"

    answer = server.inside(try_again, ("net",))
    if answer:
        raise LabError(
            f"after the transfer {server.name} tried {address} port {port} once more, and {answer}: it is still open"
        )
