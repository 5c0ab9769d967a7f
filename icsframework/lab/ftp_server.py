"""The FTP server of a host: vsftpd where it is installed, Twisted's elsewhere, so never code of the gateway.

Anybody may log in and fetch the one file `big` (from `pattern`).  The server's log has every PORT and EPRT as the
server got it: what a gateway between made of it shows there.
"""

import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any

from icsframework.lab.daemon import Daemon
from icsframework.lab.machine import Machine
from icsframework.lab.pattern import pattern
from icsframework.lab.spec import FtpService

__all__ = ["CONFIG", "FILE", "asked_ports", "make_root", "twisted_server", "vsftpd"]

FILE = "big"
"""The file that is there."""

PORT = re.compile(r"\bPORT (?P<octets>\d+,\d+,\d+,\d+),(?P<high>\d+),(?P<low>\d+)", re.IGNORECASE)
"""RFC 959 section 4.1.2."""
EPRT = re.compile(r"\bEPRT \|[12]\|(?P<host>[0-9a-fA-F.:]+)\|(?P<port>\d+)\|", re.IGNORECASE)
"""RFC 2428 section 2."""

CONFIG = """\
listen=YES
listen_port={port}
background=NO
run_as_launching_user=YES
anonymous_enable=YES
no_anon_password=YES
ftp_username=root
anon_root={root}
secure_chroot_dir={empty}
connect_from_port_20=YES
max_per_ip=0
seccomp_sandbox=NO
isolate=NO
isolate_network=NO
xferlog_enable=YES
log_ftp_protocol=YES
vsftpd_log_file={log}
"""
"""Run as whoever starts it: in a user namespace there is nobody else to become.

One anonymous user, no sandbox of its own (a lab host is one), data connections from port 20.
"""


def make_root(directory: Path, size: int) -> Path:
    """The directory that is served, with the file in it."""
    root = directory / "ftp"
    root.mkdir(exist_ok=True)
    (root / FILE).write_bytes(pattern(size))
    return root


def vsftpd(host: Machine, service: FtpService, name: str = "vsftpd") -> Daemon:
    """vsftpd; what is said on its control connections is in its Daemon's log.  ``name`` tells several on a host apart."""
    empty, file = host.directory / "vsftpd-empty", host.directory / f"{name}.conf"
    empty.mkdir(exist_ok=True)
    root = make_root(host.directory, service.size)
    log = host.directory / f"{name}.log"
    file.write_text(CONFIG.format(port=service.port, root=root, empty=empty, log=log), encoding="utf-8")
    return Daemon(host, name, ["vsftpd", file], lambda: _listens(host, service.port))


def _listens(host: Machine, port: int) -> bool:
    """Whether somebody listens at ``port``; connecting to see would be a session."""
    table = host.inside(Path("/proc/thread-self/net/tcp").read_text, ("net",))
    return any(line.split()[1].endswith(f":{port:04X}") for line in table.splitlines()[1:] if " 0A " in line)


def twisted_server(root: str) -> Any:
    """Twisted's, as a factory; it prints PORT and EPRT."""
    from twisted.cred.checkers import AllowAnonymousAccess
    from twisted.cred.portal import Portal
    from twisted.protocols.ftp import FTP, FTPFactory, FTPRealm

    class Talking(FTP):
        """Says what it was asked for."""

        def ftp_PORT(self, address: str) -> Any:
            print("PORT", address, flush=True)
            return super().ftp_PORT(address)  # type: ignore[no-untyped-call]

        def ftp_EPRT(self, address: str) -> Any:
            print("EPRT", address, flush=True)
            return super().ftp_EPRT(address)  # type: ignore[no-untyped-call]

    factory = FTPFactory(Portal(FTPRealm(root), [AllowAnonymousAccess()]))
    factory.protocol = Talking
    return factory


def asked_ports(log: str) -> Sequence[tuple[IPv4Address | IPv6Address, int]]:
    """The addresses and ports of every PORT and EPRT in a server's log, in order."""
    found = [(one.start(), one) for expression in (PORT, EPRT) for one in expression.finditer(log)]
    return [_endpoint(one) for _, one in sorted(found, key=lambda each: each[0])]


def _endpoint(one: re.Match[str]) -> tuple[IPv4Address | IPv6Address, int]:
    if "octets" in one.re.groupindex:
        return ip_address(one["octets"].replace(",", ".")), int(one["high"]) * 256 + int(one["low"])
    return ip_address(one["host"]), int(one["port"])
