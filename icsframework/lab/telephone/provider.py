"""Who answers the telephone: an Internet provider's PPP server as a program of its own in a host of the lab.

Run as `python -m icsframework.lab.telephone.provider FILE`; FILE is JSON: `socket`
(where modems call), `server` (`ics`, the gateway's own PPP in the role of the
provider, or `slirp`), `auth` (none, pap, chap, mschapv2), `users` (name to password),
`address` (the server's), `clients` (those it gives, one for each call), `dns`,
`home` (a directory), `delay` (seconds until it takes a call), `rechallenge`
(seconds between challenges, 0 for never) and `options` (more of slirp's).  It prints
"waiting for calls" when it does.
"""

import json
import os
import secrets
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from ipaddress import IPv4Address
from pathlib import Path
from time import monotonic
from typing import Any

from icsframework.host.tun import open_tun
from icsframework.lab.telephone import slirp
from icsframework.lab.telephone.emulator import ANSWER, say
from icsframework.lab.telephone.ppp_call import MTU, PppCall
from icsframework.protocols.ppp.auth.method import Method
from icsframework.protocols.ppp.ipcp import IpcpSettings
from icsframework.protocols.ppp.lcp import LcpSettings
from icsframework.protocols.ppp.link import PppLink
from icsframework.protocols.ppp.settings import LinkSettings

__all__ = ["main", "settings"]

METHODS = {"none": (), "pap": (Method.PAP,), "chap": (Method.CHAP_MD5,), "mschapv2": (Method.MSCHAPV2,)}

LOOK = 0.1
"""Seconds between looks whether a slirp or its caller has gone."""


def settings(config: dict[str, Any], client: str) -> LinkSettings:
    """The provider's end of a call that gets the address ``client``.

    It does not speak first: what it said before the caller has switched to PPP would be lost, and cost a second.
    """
    users: dict[str, str] = config["users"]
    return LinkSettings(
        lcp=LcpSettings(demand=METHODS[config["auth"]], silent=True),
        ipcp=IpcpSettings(
            local=IPv4Address(config["address"]),
            accept_local=False,
            peer=IPv4Address(client),
            ask_dns=False,
            give_dns=tuple(map(IPv4Address, config["dns"])),
        ),
        secret_of=users.get,
        name="provider",
        rechallenge=config.get("rechallenge", 0.0),
    )


class Desk:
    """The room with the modems of the gateway's own PPP: one device for each client address, calls on some of them."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.config = config
        self.calls: dict[int, PppCall] = {}
        self._tuns: dict[int, str] = {}
        self._devices = []
        for number, client in enumerate(config["clients"]):
            device = open_tun(f"ppp{number}", MTU)
            self._devices.append(device)
            self._tuns[device.fileno()] = client
            words = f"ip address add {config['address']} peer {client} dev ppp{number}"
            subprocess.run(words.split(), check=True)

    def register(self, poll: Any) -> None:
        """What there is to wait for."""
        for tun in self._tuns:
            poll.register(tun, select.POLLIN)
        for call in self.calls.values():
            poll.register(call.line, select.POLLIN | (select.POLLOUT if call.wants_to_write() else 0))

    def due(self) -> float | None:
        """When the first of the links wants to be called."""
        times = [call.link.deadline() for call in self.calls.values()]
        return min((time for time in times if time is not None), default=None)

    def take(self, line: socket.socket, now: float) -> bool:
        """Take a call; False if every line is in use."""
        free = next((tun for tun in self._tuns if tun not in self.calls), None)
        if free is None:
            return False
        line.send(ANSWER)
        link = PppLink(settings(self.config, self._tuns[free]), secrets.token_bytes)
        self.calls[free] = PppCall(link, line, free, partial(self._log, free))
        self.calls[free].open(now)
        return True

    def _log(self, tun: int, text: str) -> None:
        say(f"{self._tuns[tun]}: {text}")

    def work(self, events: dict[int, int], now: float) -> None:
        """Whatever can be done."""
        for tun in self._tuns:
            call = self.calls.get(tun)
            if call is None:
                if tun in events:
                    os.read(tun, MTU)  # for a caller who is not there
                continue
            event = events.get(call.line.fileno(), 0)
            if event & ~select.POLLOUT:
                call.line_readable(now)
            if tun in events:
                call.tun_readable()
            if event & select.POLLOUT:
                call.line_writable()
            call.timeout(now)
            if call.over:
                self._log(tun, call.over)
                call.line.close()
                del self.calls[tun]


class SlirpDesk:
    """The same with a slirp for each call."""

    def __init__(self, config: dict[str, Any]) -> None:
        self._command = slirp.command(config["auth"], config["dns"], config.get("options", ()))
        self._home = Path(config["home"])
        slirp.write_secrets(self._home, config["users"])
        self._calls: list[tuple[socket.socket, subprocess.Popen[bytes]]] = []

    def register(self, poll: Any) -> None:
        """Callers who hang up."""
        for line, _ in self._calls:
            poll.register(line, 0)

    def due(self) -> float | None:
        """Slirps that end by themselves are looked for."""
        return monotonic() + LOOK if self._calls else None

    def take(self, line: socket.socket, now: float) -> bool:
        """There is always a slirp more."""
        line.send(ANSWER)
        process = subprocess.Popen(
            self._command,
            stdin=line.fileno(),
            stdout=line.fileno(),
            env={**os.environ, "HOME": str(self._home)},
            start_new_session=True,
        )
        self._calls.append((line, process))
        return True

    def work(self, events: dict[int, int], now: float) -> None:
        """End what is over."""
        for call in list(self._calls):
            line, process = call
            if line.fileno() in events or process.poll() is not None:
                process.kill()
                say(f"slirp ended: {process.wait()}")
                line.close()
                self._calls.remove(call)


def main(arguments: Sequence[str]) -> None:
    """Answer calls as the file named in ``arguments`` says, until killed."""
    config = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    desk = SlirpDesk(config) if config["server"] == "slirp" else Desk(config)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    path = Path(config["socket"])
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    ringing: list[tuple[float, socket.socket]] = []
    say("waiting for calls")
    while True:
        poll = select.poll()
        poll.register(listener, select.POLLIN)
        desk.register(poll)
        times = [time for time in (desk.due(), *(when for when, _ in ringing)) if time is not None]
        wait = max(0.0, min(times) - monotonic()) * 1000 if times else None
        events = dict(poll.poll(wait))
        now = monotonic()
        if listener.fileno() in events:
            ringing.append((now + config.get("delay", 0.0), listener.accept()[0]))
        for each in [each for each in ringing if each[0] <= now]:
            ringing.remove(each)
            pick_up(desk, each[1], now)
        desk.work(events, now)


def pick_up(desk: Desk | SlirpDesk, line: socket.socket, now: float) -> None:
    """Take a call, or let it be; a caller who has gone meanwhile is no reason to fall."""
    say("a call")
    try:
        taken = desk.take(line, now)
    except OSError as error:
        say(f"the caller has gone: {error.strerror}")
        taken = False
    if not taken:
        line.close()


if __name__ == "__main__":
    main(sys.argv[1:])
