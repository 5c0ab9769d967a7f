"""`ics lab [FILE]`, to be entered; `ics lab --demo`; and `ics lab --run HOST: COMMAND`, for what is to be tried in it."""

import argparse
import os
import shlex
import signal
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from time import monotonic
from types import FrameType
from typing import NoReturn

from icsframework.errors import IcsError
from icsframework.lab.demo import find_pcs, run_demo
from icsframework.lab.errors import LabSpecError
from icsframework.lab.gateway import Gateway
from icsframework.lab.host import Host
from icsframework.lab.parse import default_text, parse_lab
from icsframework.lab.privilege import become_root
from icsframework.lab.spec import LabSpec
from icsframework.lab.unit import Unit
from icsframework.lab.waiting import wait_for
from icsframework.lab.world import Lab

__all__ = ["main"]


BIN = Path(sys.executable).parent
"""Where the commands of this environment are."""
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""What ends a lab: Ctrl-C, being asked to, and a terminal that was closed."""


STDOUT, STDERR = 1, 2
UPLINK_PATIENCE = 15.0
"""Seconds for the first uplink; DHCP takes one or two."""


class _Ended(BaseException):
    """The lab was told to end by a signal: not an error, and nothing may catch it on its way."""


def main(arguments: Sequence[str]) -> int:
    """Run the command; the exit status: 0 done, 1 failed, 2 bad usage or lab file, 77 no permission."""
    parser = argparse.ArgumentParser(
        prog="ics lab",
        description="A whole Internet in network namespaces: PCs, the gateway, its providers. "
        "Nothing of it touches the network of this machine.",
    )
    parser.add_argument(
        "file", nargs="?", type=Path, help="the lab's description (default: the built-in lab)"
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--demo", action="store_true", help="show the gateway at work in the lab, then end")
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="the gateway's configuration, instead of the lab's own"
    )
    what.add_argument(
        "--run",
        action="append",
        default=[],
        metavar="'HOST: COMMAND'",
        help="run a shell command on a host, then end; given several times, one after the other until one fails",
    )
    options = parser.parse_args(arguments)
    before = {number: signal.signal(number, _end) for number in SIGNALS}
    try:
        spec = _configured(_read(options.file), options.config)
        commands = [_command(spec, text) for text in options.run]
        become_root()
        if commands:
            return _run(spec, commands)
        if options.demo:
            _demo(spec)
        else:
            _keep_open(spec)
    except _Ended:
        return 1 if options.demo or options.run else 0
    except IcsError as error:
        print(f"ics lab: {error}", file=sys.stderr)
        return error.exit_status
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return 0


def _end(number: int, frame: FrameType | None) -> NoReturn:
    # A second signal must not cut the cleaning up short.
    for each in SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    raise _Ended


def _read(file: Path | None) -> LabSpec:
    if file is None:
        return parse_lab(default_text(), "the built-in lab")
    try:
        return parse_lab(file.read_text(encoding="utf-8"), str(file))
    except (OSError, UnicodeDecodeError) as error:
        raise LabSpecError(f"{file} cannot be read: {error}") from None


def _configured(spec: LabSpec, file: Path | None) -> LabSpec:
    """The lab with another configuration of its gateway."""
    if file is None:
        return spec
    names = [name for name, host in spec.hosts.items() if host.gateway]
    if len(names) != 1:
        raise LabSpecError(f"--config needs a lab with one gateway; this one has {len(names)}")
    try:
        return spec.with_gateway_config(file.read_text(encoding="utf-8"), names[0])
    except (OSError, UnicodeDecodeError) as error:
        raise LabSpecError(f"{file} cannot be read: {error}") from None


def _command(spec: LabSpec, text: str) -> tuple[str, str]:
    """Host and shell command of one ``--run``."""
    host, colon, command = text.partition(":")
    if not colon or host.strip() not in spec.hosts:
        hosts = ", ".join(spec.hosts)
        raise LabSpecError(f"--run {text!r} names no host; write 'HOST: COMMAND', HOST being one of {hosts}")
    return host.strip(), command.strip()


def _printer() -> Callable[[str, str], None]:
    """What prints a time and a sentence: with colour on a terminal where rich is installed."""
    if sys.stdout.isatty():
        try:
            from rich.console import Console
            from rich.text import Text
        except ImportError:
            pass
        else:
            console = Console()
            return lambda time, text: console.print(Text.assemble((time, "bold green"), "  ", text))
    return lambda time, text: print(f"{time}  {text}", flush=True)


def _demo(spec: LabSpec) -> None:
    show = _printer()
    start = monotonic()
    run_demo(spec, lambda seconds, sentence: show(f"{seconds:7.3f} s", sentence))
    show(f"{monotonic() - start:7.3f} s", "all of it, and the lab taken away again")


def _run(spec: LabSpec, commands: Sequence[tuple[str, str]]) -> int:
    """The exit status: 0 if every command ended with 0."""
    with Lab(spec) as lab:
        for host in lab.hosts:
            if "ics" in host.services:
                wait_for(partial(_is_settled, host.gateway), UPLINK_PATIENCE, f"the uplinks of {host.name}")
        _bring_up(lab)
        for name, command in commands:
            print(f"{name}$ {command}", flush=True)
            process = lab[name].popen(
                ["/bin/sh", "-c", command], stdout=STDOUT, stderr=STDERR, env=_variables(lab[name])
            )
            if process.wait():
                print(f"ics lab: on {name} this ended with status {process.returncode}", file=sys.stderr)
                return 1
    return 0


def _variables(host: Host) -> dict[str, str]:
    """On a gateway `ics` is the command of this environment, and finds the daemon without being told where."""
    if "ics" not in host.services:
        return {}
    path = os.pathsep.join((str(BIN), os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))
    return {"ICS_SOCKET": str(host.gateway.control_socket), "PATH": path}


def _shell(host: Host) -> str:
    """What follows the command that enters a host, so that `ics` works there as well."""
    if "ics" not in host.services:
        return ""
    path, address = shlex.quote(str(BIN)), shlex.quote(str(host.gateway.control_socket))
    return f' env ICS_SOCKET={address} PATH={path}:"$PATH" "${{SHELL:-/bin/sh}}"'


def _bring_up(lab: Lab) -> None:
    """The PCs have their addresses."""
    for name, interface in find_pcs(lab.spec):
        lease = lab[name].dhcp_client(interface=interface).lease()
        print(f"{name} has {lease.address.ip} by DHCP ({lease.client})", flush=True)


def _is_settled(gateway: Gateway) -> bool:
    """Whether one of its uplinks leads to the Internet, or none is about to by itself."""
    uplinks = gateway.status_tree()["uplinks"]
    coming = [one for one in uplinks if one["connect"] == "always" and one["state"] in ("down", "connecting")]
    return not coming or any(one["active"] for one in uplinks)


def _keep_open(spec: LabSpec) -> None:
    with Lab(spec) as lab:
        _bring_up(lab)
        print("\nThe lab is open. Enter a host with:\n")
        for host in lab.hosts:
            print(f"  {host.name:<15} {host.enter_command()}{_shell(host)}")
        print(
            f"\nConfigurations and logs: {lab.directory}/HOST. Ctrl-C ends it and takes everything away.",
            flush=True,
        )
        # `ics restart` in a gateway's host works as it does under systemd.
        with Unit([host.services["ics"] for host in lab.hosts if "ics" in host.services]):
            signal.pause()
