"""The telephone network of a lab: which programs run on which host, and the book that every modem has."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from icsframework.lab.daemon import Daemon
from icsframework.lab.machine import Machine
from icsframework.lab.spec import HostSpec, ModemSpec, TelephoneService
from icsframework.lab.telephone.numbers import FAULTS
from icsframework.lab.telephone.remote import ModemDaemon

__all__ = ["book_of", "modem_daemon", "provider_daemon", "providers_of"]

ANSWERS_AT = "telephone.sock"
"""In a host's directory: Unix sockets lead from one host to another without any network."""


def providers_of(hosts: Mapping[str, HostSpec], directory: Path) -> dict[str, str]:
    """Host to the socket at which it takes calls, in the order of the lab's description."""
    return {
        name: str(directory / name / ANSWERS_AT) for name, host in hosts.items() if host.telephone is not None
    }


def book_of(hosts: Mapping[str, HostSpec], modem: ModemSpec) -> dict[str, str]:
    """Number to what `numbers.fate_of` reads: the faults, the providers' numbers, the modem's own."""
    own = {
        number: name
        for name, host in hosts.items()
        if host.telephone is not None
        for number in host.telephone.numbers
    }
    return {**FAULTS, **own, **dict(modem.numbers)}


def modem_daemon(
    host: Machine, modem: ModemSpec, book: Mapping[str, str], providers: Mapping[str, str]
) -> ModemDaemon:
    """The program of a modem."""
    file, control = host.directory / f"{modem.name}.json", host.directory / f"{modem.name}.sock"
    config = {
        "device": modem.device,
        "control": str(control),
        "kind": modem.kind,
        "rate": modem.rate,
        "latency": modem.latency,
        "pin": modem.pin,
        "book": dict(book),
        "providers": dict(providers),
    }
    file.write_text(json.dumps(config), encoding="utf-8")
    arguments: list[str | Path] = [sys.executable, "-m", "icsframework.lab.telephone.emulator", file]
    return ModemDaemon(host, modem.name, arguments, control)


def provider_daemon(host: Machine, service: TelephoneService) -> Daemon:
    """The program that takes the calls of a provider."""
    file = host.directory / "telephone.json"
    config = {
        "socket": str(host.directory / ANSWERS_AT),
        "server": service.server,
        "auth": service.auth,
        "users": dict(service.users),
        "address": str(service.address),
        "clients": list(map(str, service.clients)),
        "dns": list(map(str, service.dns)),
        "home": str(host.directory / "slirp"),
        "options": list(service.options),
        "delay": service.delay,
    }
    file.write_text(json.dumps(config), encoding="utf-8")
    file.chmod(0o600)
    daemon = Daemon(
        host,
        "telephone",
        [sys.executable, "-m", "icsframework.lab.telephone.provider", file],
        lambda: "waiting for calls" in daemon.log(),
    )
    return daemon
