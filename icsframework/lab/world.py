"""The whole lab: built from its description, started, and taken away again."""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from icsframework.lab import wires
from icsframework.lab.daemon import Daemon
from icsframework.lab.errors import LabError
from icsframework.lab.ftp_server import make_root, vsftpd
from icsframework.lab.gateway import Gateway
from icsframework.lab.host import Host
from icsframework.lab.machine import Machine
from icsframework.lab.parse import SWITCH, default_text, parse_lab
from icsframework.lab.privilege import find_program, missing_programs
from icsframework.lab.spec import DhcpService, HostSpec, LabSpec
from icsframework.lab.telephone.exchange import book_of, modem_daemon, provider_daemon, providers_of
from icsframework.lab.telephone.slirp import PROGRAM as SLIRP

__all__ = ["Lab"]


class Lab:
    """A lab; use it in a with statement.  The process must be root, see privilege.become_root."""

    def __init__(self, spec: LabSpec, start_gateways: bool = True) -> None:
        """``start_gateways`` false leaves the gateways' daemons to be started by hand."""
        self.spec = spec
        self._start_gateways = start_gateways
        self.directory = Path()
        """The lab's files, removed at the end: one directory a host, with configuration and logs."""
        self._hosts: dict[str, Host] = {}
        self._switch: Machine | None = None

    @classmethod
    def from_yaml(cls, source: str | Path | None = None, start_gateways: bool = True) -> Self:
        """A lab from a file (a Path), from YAML text, or the default lab.  Raises LabSpecError."""
        if source is None:
            return cls(parse_lab(default_text(), "default.yaml"), start_gateways)
        if isinstance(source, Path):
            return cls(parse_lab(source.read_text(encoding="utf-8"), str(source)), start_gateways)
        return cls(parse_lab(source), start_gateways)

    def __getitem__(self, name: str) -> Host:
        """A host by its name."""
        if name not in self._hosts:
            raise LabError(f"the lab has no host {name}; there are: {', '.join(self._hosts) or 'none'}")
        return self._hosts[name]

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def hosts(self) -> tuple[Host, ...]:
        """All hosts, in the order of the description."""
        return tuple(self._hosts.values())

    @property
    def switch(self) -> Machine:
        """The host that carries the segments, one bridge each; PC1's cable to it is called pc1-eth0 there."""
        if self._switch is None:
            raise LabError("the lab is not open")
        return self._switch

    # -- start -------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Build everything and wait until every service serves."""
        self._check_programs()
        self.directory = Path(tempfile.mkdtemp(prefix="ics-lab-"))
        # The switch takes the directory away if this process never comes to it.
        self._switch = Machine(SWITCH, self.directory / SWITCH, remove=self.directory)
        self._hosts = {name: Host(spec, self.directory / name) for name, spec in self.spec.hosts.items()}
        machines = (self._switch, *self._hosts.values())
        for machine in machines:
            machine.boot()
        for machine in machines:
            machine.ready()
        self._wire(self._switch)
        self._plug_modems()  # before any gateway looks for its serial line
        daemons = [daemon for host in self._hosts.values() for daemon in self._services(host)]
        for daemon in daemons:
            daemon.start()
        for daemon in daemons:
            if daemon.has_ready_sign:
                daemon.wait_ready()

    def _check_programs(self) -> None:
        services: list[tuple[object, str]] = [(host.gateway, "nft") for host in self.spec.hosts.values()]
        services += [
            (host.telephone and host.telephone.server == "slirp", SLIRP) for host in self.spec.hosts.values()
        ]
        missing = missing_programs(sorted({program for service, program in services if service}))
        if missing:
            raise LabError(missing)

    def _wire(self, switch: Machine) -> None:
        """Sysctls, cables, addresses, routes."""
        switch.write_sysctls(wires.switch_sysctls())
        for host in self._hosts.values():
            host.write_sysctls(wires.host_sysctls(host.spec))
        pids = {host.name: host.pid for host in self._hosts.values()}
        # Only the network namespace is entered: ip must see the process numbers we see.
        _finish(switch, _batch(switch, wires.switch_batch(self.spec, pids)))
        running = [(host, _batch(host, wires.host_batch(host.spec))) for host in self._hosts.values()]
        for host, process in running:
            _finish(host, process)
            lines = "".join(f"nameserver {address}\n" for address in host.spec.resolver)
            (host.directory / "resolv.conf").write_text(lines, encoding="ascii")

    def _plug_modems(self) -> None:
        providers = providers_of(self.spec.hosts, self.directory)
        modems = []
        for host in self._hosts.values():
            for modem in host.spec.modems:
                daemon = modem_daemon(host, modem, book_of(self.spec.hosts, modem), providers)
                host.services[modem.name] = daemon
                modems.append(daemon)
                daemon.start()
        for daemon in modems:
            daemon.wait_ready()

    def _services(self, host: Host) -> list[Daemon]:
        """The daemons to start on a host, its modems apart; all it has are in host.services."""
        spec = host.spec
        running = set(host.services)
        own_ftp = spec.ftp is not None and not find_program("vsftpd")
        if spec.dns or spec.web or own_ftp:
            host.services["isp"] = _isp(host, own_ftp)
        if spec.ftp and not own_ftp:
            host.services["vsftpd"] = vsftpd(host, spec.ftp)
        if spec.dhcp and find_program("dnsmasq"):
            host.services["dnsmasq"] = _dnsmasq(host, spec.dhcp)
        if spec.telephone:
            host.services["telephone"] = provider_daemon(host, spec.telephone)
        for number, command in enumerate(spec.run):
            name = f"run-{number}"
            host.services[name] = Daemon(host, name, ["/bin/sh", "-c", command])
        started = [daemon for name, daemon in host.services.items() if name not in running]
        if spec.gateway:
            gateway = Gateway(host, spec.gateway)
            host.services["ics"] = gateway
            started += [gateway] if self._start_gateways else []
        return started

    # -- end -----------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Stop the gateways properly, then take everything away."""
        for host in self._hosts.values():
            if "ics" in host.services:
                host.services["ics"].stop()
        for machine in (*self._hosts.values(), *([self._switch] if self._switch else [])):
            machine.close()
        self._hosts = {}
        self._switch = None
        if self.directory != Path():
            shutil.rmtree(self.directory, ignore_errors=True)
            self.directory = Path()


def _batch(machine: Machine, commands: str) -> subprocess.Popen[str]:
    """Start `ip -batch` with ``commands`` in the network of a machine."""

    def start() -> subprocess.Popen[str]:
        ip = find_program("ip") or "ip"
        return subprocess.Popen(
            [ip, "-batch", "-"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    process = machine.inside(start, ("net",))
    assert process.stdin is not None
    process.stdin.write(commands)
    process.stdin.close()
    process.stdin = None
    return process


def _finish(machine: Machine, process: subprocess.Popen[str]) -> None:
    output, _ = process.communicate(timeout=30.0)
    if process.returncode:
        raise LabError(f"the network of {machine.name} cannot be built: {output.strip()}")


def _addresses(spec: HostSpec) -> list[str]:
    return [str(address.ip) for interface in spec.interfaces for address in interface.addresses]


def _isp(host: Host, own_ftp: bool) -> Daemon:
    spec = host.spec
    dns = spec.dns and {"names": dict(spec.dns.names), "ttl": spec.dns.ttl}
    web = spec.web and {"page": spec.web.page, "big": spec.web.big, "port": spec.web.port}
    ftp = None
    if spec.ftp and own_ftp:
        ftp = {"root": str(make_root(host.directory, spec.ftp.size)), "port": spec.ftp.port}
    file = host.directory / "isp.json"
    services = {"listen": _addresses(spec), "dns": dns, "web": web, "ftp": ftp}
    file.write_text(json.dumps(services), encoding="utf-8")
    daemon = Daemon(
        host, "isp", [sys.executable, "-m", "icsframework.lab.isp", file], lambda: "serving" in daemon.log()
    )
    return daemon


def _dnsmasq(host: Host, service: DhcpService) -> Daemon:
    """dnsmasq as a DHCP server only."""
    options = [
        "--no-daemon",  # and no other user: in a user namespace there is nobody else to become
        "--conf-file=/dev/null",
        "--log-dhcp",
        "--port=0",
        "--bind-interfaces",
        f"--interface={service.interface}",
        "--except-interface=lo",
        "--dhcp-authoritative",
        "--no-ping",  # the three seconds in which it asks whether an address is in use
        f"--dhcp-range={service.first},{service.last},{service.lease}s",
        f"--dhcp-leasefile={host.directory / 'dnsmasq.leases'}",
        "--pid-file",
    ]
    options.append("--dhcp-option=3" + (f",{service.router}" if service.router else ""))
    options.append("--dhcp-option=6" + "".join(f",{address}" for address in service.dns))
    options += [f"--dhcp-option={option}" for option in service.options]
    if service.domain:
        options.append(f"--domain={service.domain}")
    daemon = Daemon(host, "dnsmasq", ["dnsmasq", *options], lambda: "DHCP, IP range" in daemon.log())
    return daemon
