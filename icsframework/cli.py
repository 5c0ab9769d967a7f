"""The ``ics`` command.  It starts fast: what a command needs beyond the standard library is imported by that command.

Exit status: 0 done, 1 failed, 2 bad usage or configuration, 69 no gateway
running, 75 handover, 77 no permission.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from icsframework import __version__
from icsframework.control import show
from icsframework.control.client import ApiError, Client
from icsframework.control.connect import Terminal, connect
from icsframework.control.restart import restart
from icsframework.control.show_uplinks import history
from icsframework.control.words import LOCAL

DEFAULT_CONFIG = "/etc/ics/gateway.yaml"
NOTHING = "nothing has changed"
"""What the gateway says of a reload without a difference."""
WATCH_INTERVAL = 1.0
"""Seconds between two looks of ``status --watch``."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    words = sys.argv[1:] if argv is None else list(argv)
    if words[:1] == ["lab"]:
        return _lab(words[1:])  # argparse would take the lab's own options for ours
    arguments = _parser().parse_args(words)
    try:
        status = int(arguments.run(arguments))
        sys.stdout.flush()  # while a reader that has gone is still told from a failure
        return status
    except ApiError as error:
        print(f"ics: {error}", file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader has seen enough.  What is still buffered goes nowhere, so that exiting does not fail over it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ics",
        description="Share an Internet connection: ask and steer the gateway that runs here, or check a configuration.",
        epilog="Exit status: 0 done, 1 failed, 2 bad usage or configuration, 69 no gateway running, 77 no permission.",
    )
    parser.add_argument("--version", action="version", version=f"ics {__version__}")
    parser.add_argument(
        "--socket", metavar="PATH", help="control socket (else $ICS_SOCKET, else /run/ics/control.sock)"
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_running(commands)
    _add_local(commands)
    return parser


def _add_running(commands: Any) -> None:
    status = _command(commands, "status", "what the gateway does now", _status)
    status.add_argument("--json", action="store_true", help="the same as JSON")
    status.add_argument("--watch", action="store_true", help="look again every second until interrupted")
    for name, text, run in (
        ("leases", "who has which address", _leases),
        ("history", "what happened to the uplinks, and why", _history),
    ):
        _command(commands, name, text, run).add_argument(
            "--json", action="store_true", help="the same as JSON"
        )
    text = "connect an uplink; returns when it is up or has failed"
    connecting = _command(commands, "connect", text, _connect)
    connecting.add_argument("--override", action="store_true", help="whatever its limits and hours say")
    text = "hang up an uplink until it is wanted again"
    hanging_up = _command(commands, "disconnect", text, _disconnect)
    text = "keep it down for so long, such as 90s or 2h, whatever wants it"
    hanging_up.add_argument("--for", dest="length", metavar="TIME", help=text)
    for one in (connecting, hanging_up):
        one.add_argument("uplink", nargs="?", help="its name (default: the preferred one)")
    _add_mappings(commands)
    _add_reload(commands)
    text = "start the daemon anew while traffic goes on; returns when the next one is ready"
    _command(commands, "restart", text, _restart)


def _add_mappings(commands: Any) -> None:
    mappings = _command(commands, "mappings", "external ports: who has which, open and close some", _mappings)
    mappings.add_argument("--json", action="store_true", help="the same as JSON")
    actions = mappings.add_subparsers(metavar="ACTION")
    add = _command(actions, "add", "open a port until it is removed, over restarts too", _add_mapping)
    remove = _command(actions, "remove", "close what was added", _remove_mapping)
    for action, ports, text in (
        (add, "?", "external port or range, such as 6112-6119 (default: one that is free)"),
        (remove, None, "external port"),
    ):
        action.add_argument("protocol", choices=("tcp", "udp"))
        action.add_argument("port", nargs=ports, help=text)
        action.add_argument("--uplink", metavar="NAME", help="only on this one (default: on all)")
    add.add_argument("to", help="where it leads: an address in a LAN, with a port if that is another")
    add.add_argument("--for", dest="remote", metavar="ADDRESS", help="only for this host of the Internet")
    add.add_argument("--lifetime", metavar="TIME", help="close it after so long, such as 90s or 2h")
    remove.add_argument("--end", action="store_true", help="end the connections that run through it")


def _add_reload(commands: Any) -> None:
    reload = _command(commands, "reload", "take the configuration file anew, by difference", _reload)
    how = reload.add_mutually_exclusive_group()
    how.add_argument("--dry-run", action="store_true", help="only say what would change, in words and as nft")
    how.add_argument(
        "--confirm", metavar="SECONDS", type=int, help="go back after so many seconds, unless it is kept"
    )
    how.add_argument("--keep", action="store_true", help="keep what was reloaded with --confirm")


def _add_local(commands: Any) -> None:
    check = _command(commands, "check", "find all errors of a configuration file", _check)
    check.add_argument("file", nargs="?", default=DEFAULT_CONFIG)
    render = _command(commands, "render", "print the packet filter that a configuration makes", _render)
    render.add_argument("file", nargs="?", default=DEFAULT_CONFIG)
    _command(commands, "schema", "print the JSON schema of the configuration file", _schema)
    plugins = _command(commands, "plugins", "list the installed plugins", _plugins)
    plugins.add_argument("--check", action="store_true", help="import each and say what is wrong with it")
    plugins.add_argument("--json", action="store_true", help="the same as JSON")
    lab = "build a small Internet in network namespaces and keep it open"
    _command(commands, "lab", lab, lambda _: _lab([]))
    cleanup = _command(commands, "cleanup", "put back what a killed gateway left behind", _cleanup)
    cleanup.add_argument(
        "--run", dest="run_directory", default="/run/ics", help="gateway.run of the configuration"
    )


def _command(
    commands: Any, name: str, text: str, run: Callable[[argparse.Namespace], int]
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=text, description=text[0].upper() + text[1:] + "."
    )
    parser.set_defaults(run=run)
    return parser


# --- commands that ask the running gateway ------------------------------------


def _status(arguments: argparse.Namespace) -> int:
    client = Client(arguments.socket)
    if not arguments.watch:
        _print_status(client.get("/v1/status"), arguments.json)
        return 0
    while True:
        data = client.get("/v1/status")
        if sys.stdout.isatty() and not arguments.json:
            sys.stdout.write("\x1b[H\x1b[J")
        _print_status(data, arguments.json)
        sys.stdout.flush()
        time.sleep(WATCH_INTERVAL)


def _print_status(data: Any, as_json: bool) -> None:
    print(json.dumps(data) if as_json else show.status(data, datetime.now(LOCAL), sys.stdout.isatty()))


def _leases(arguments: argparse.Namespace) -> int:
    data = Client(arguments.socket).get("/v1/leases")
    print(json.dumps(data) if arguments.json else show.leases(data, datetime.now(LOCAL)))
    return 0


def _history(arguments: argparse.Namespace) -> int:
    data = Client(arguments.socket).get("/v1/history")
    print(json.dumps(data) if arguments.json else history(data, datetime.now(LOCAL)))
    return 0


def _mappings(arguments: argparse.Namespace) -> int:
    data = Client(arguments.socket).get("/v1/mappings")
    print(json.dumps(data) if arguments.json else show.mappings(data, datetime.now(LOCAL)))
    return 0


def _add_mapping(arguments: argparse.Namespace) -> int:
    names = ("protocol", "port", "to", "uplink", "remote", "lifetime")
    wish = {name: getattr(arguments, name) for name in names if getattr(arguments, name) is not None}
    answer = Client(arguments.socket).post("/v1/mappings/add", wish)
    print(json.dumps(answer["added"]) if arguments.json else show.added(answer))
    return 0


def _remove_mapping(arguments: argparse.Namespace) -> int:
    wish = {name: getattr(arguments, name) for name in ("protocol", "port", "uplink", "end")}
    answer = Client(arguments.socket).post("/v1/mappings/remove", wish)
    print(json.dumps(answer["removed"]) if arguments.json else show.removed(answer))
    return 0


def _connect(arguments: argparse.Namespace) -> int:
    terminal = Terminal(sys.stdout)
    connect(Client(arguments.socket), arguments.uplink, terminal, time.monotonic, arguments.override)
    return 0


def _disconnect(arguments: argparse.Namespace) -> int:
    wish: dict[str, Any] = {"uplink": arguments.uplink}
    if arguments.length is not None:
        wish["for"] = _length(arguments.length)
    client = Client(arguments.socket)
    if "for" in wish:
        client.require("/v1/disconnect", "for", "--for")
    answer = client.post("/v1/disconnect", wish, timeout=None)
    print(show.hung_up(answer, datetime.now(LOCAL)))
    return 0


def _length(text: str) -> float:
    """The argument of --for in seconds."""
    from icsframework.quantities import FieldError, parse_duration

    try:
        seconds = parse_duration(text)
    except FieldError as error:
        raise ApiError(f"--for: {error}", 2) from None
    if not seconds:
        raise ApiError(f"--for: {text} is no time at all; leave it out", 2)
    return seconds


def _reload(arguments: argparse.Namespace) -> int:
    asked = {"dry_run": arguments.dry_run, "confirm": arguments.confirm, "keep": arguments.keep}
    wish = {name: value for name, value in asked.items() if value not in (None, False)}
    answer = Client(arguments.socket).post("/v1/reload", wish, timeout=None)
    if arguments.dry_run:
        print(show.preview(answer))
        return 0
    print(f"kept: {answer['changes']}" if arguments.keep else answer["changes"])
    if arguments.confirm is not None and answer["changes"] != NOTHING:
        print(f"what was before comes back in {arguments.confirm} s, unless you say: ics reload --keep")
    return 0


def _restart(arguments: argparse.Namespace) -> int:
    print(restart(Client(arguments.socket), time.monotonic, time.sleep))
    return 0


# --- commands that need no gateway ---------------------------------------------


def _check(arguments: argparse.Namespace) -> int:
    from icsframework.config.commands import check
    from icsframework.gateway.preflight import interfaces_here, look
    from icsframework.registry import Registry

    registry, here = Registry.installed(), interfaces_here()
    return check(
        arguments.file, registry, sys.stdout, sys.stderr, lambda config: look(config, registry, here)
    )


def _render(arguments: argparse.Namespace) -> int:
    from icsframework.gateway.render import render

    return render(arguments.file, sys.stdout, sys.stderr)


def _schema(arguments: argparse.Namespace) -> int:
    from icsframework.config.commands import schema
    from icsframework.registry import Registry

    return schema(Registry.installed(), sys.stdout)


def _plugins(arguments: argparse.Namespace) -> int:
    from icsframework.registry import Registry

    registry = Registry.installed()
    reports = {report.entry: report for report in registry.check()} if arguments.check else {}
    rows = []
    for entry in registry.entries():
        row = {
            "name": entry.name,
            "kind": entry.kind,
            "distribution": entry.distribution,
            "version": entry.version,
        }
        if entry in reports:
            row |= {"state": reports[entry].state, "reason": reports[entry].reason}
        rows.append(row)
    print(json.dumps(rows) if arguments.json else show.plugins(rows))
    return 1 if any(report.state == "broken" for report in reports.values()) else 0


def _lab(arguments: Sequence[str]) -> int:
    from icsframework.lab.command import main as lab

    return lab(arguments)


def _cleanup(arguments: argparse.Namespace) -> int:
    from icsframework.gateway.cleanup import cleanup

    return cleanup(arguments.run_directory, sys.stdout, sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
