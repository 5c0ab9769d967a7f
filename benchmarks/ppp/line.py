"""Dial-up as a whole: the real daemon behind an emulated modem, in a lab of network namespaces.

Usage: python benchmarks/ppp/line.py [--rounds N] [--seconds N]

1. From CONNECT to IPCP opened, at 60 ms one way, in round trips of 120 ms; on a line without a speed limit, then at 33600
   bit/s, where the octets themselves take time. "alone" is the PPP of this project at the modem; "daemon" is the whole
   way until the uplink is active, with device, address, routes and packet filter.
2. Bulk at 33600 and 115200 bit/s, each way: octets on the line as a part of what it can carry (10 bits each), and the
   packets that arrive as a part of what framing leaves of that. Echoes of 56 octets beside it.
3. A line without a limit, see fast.py.

Needs root, or a user namespace.
"""

import argparse
import os
import re
import secrets
import select
import statistics
import sys
import time
from pathlib import Path
from subprocess import DEVNULL, PIPE
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
import fast
from figures import cpu_ms

from icsframework.lab.errors import LabError
from icsframework.lab.host import Host
from icsframework.lab.privilege import become_root, find_program
from icsframework.lab.waiting import wait_for
from icsframework.lab.world import Lab
from icsframework.protocols.ppp.actions import Down, Transmit
from icsframework.protocols.ppp.auth.method import Credentials
from icsframework.protocols.ppp.link import PppLink
from icsframework.protocols.ppp.settings import LinkSettings

LATENCY = 60
"""ms one way."""
SERVER = "192.0.2.80"
SLOW = 100_000
"""bit/s below which bulk is measured for longer, or a packet more or less would be some per cent."""
IDEAL = 1500 + 4
ETHERNET = 1514
"""Octets of the frame in which it arrives."""
"""Octets of the frame of a packet of 1500: protocol 1, FCS 2, flag 1.  TCP has timestamps, so its headers are not compressed."""

LAB = """
segments: [home, backbone]
hosts:
  pc:
    interfaces: {{eth0: {{segment: home, address: 192.168.0.50/24}}}}
    routes: [{{via: 192.168.0.1}}]
  gateway:
    interfaces: {{eth1: {{segment: home, up: false}}}}
    modems: {{modem: {{rate: {rate}, latency: {latency}}}}}
    gateway:
      config:
        lans: [{{name: home, interface: eth1, address: 192.168.0.1/24, services: []}}]
        uplinks:
          - {{name: phone, plugin: dialup, connect: manual, device: /run/modem, numbers: "123", user: gw, password: secret}}
  caller: {{modems: {{other: {{rate: {rate}, latency: {latency}}}}}}}
  isp:
    forward: true
    interfaces: {{eth0: {{segment: backbone, address: 192.0.2.1/24}}}}
    telephone: {{numbers: "123", server: {server}, auth: {auth}, users: {{gw: secret}}, address: 203.0.113.1, clients: [203.0.113.5], dns: [192.0.2.1]}}
  server:
    interfaces: {{eth0: {{segment: backbone, address: 192.0.2.80/24}}}}
    routes: [{{to: 203.0.113.0/24, via: 192.0.2.1}}]
"""

TRAFFIC = """
import os, socket, sys
kind, address = sys.argv[1], sys.argv[2]
if kind in ("source", "sink"):
    listener = socket.create_server((address, 9000))
    print("ready", flush=True)
    peer = listener.accept()[0]
else:
    peer = socket.create_connection((address, 9000))
    print("ready", flush=True)
while True:
    if kind in ("source", "push"):
        peer.send(os.urandom(16384))
    elif not peer.recv(65536):
        break
"""


def open_lab(rate: int, latency: int, server: str = "ics", auth: str = "chap") -> Lab:
    """The lab for one measurement."""
    return Lab.from_yaml(LAB.format(rate=rate, latency=latency, server=server, auth=auth))


def negotiation(lab: Lab) -> float:
    """Dial once; seconds from CONNECT until IPCP was open."""
    gateway = lab["gateway"].gateway
    gateway.api("POST", "/v1/connect", {"uplink": "phone"})
    gateway.wait_uplink("phone", "up", 30.0)
    event = gateway.api("GET", "/v1/history")[-1]
    steps = event["steps"]
    gateway.api("POST", "/v1/disconnect", {"uplink": "phone"})
    wait_for(
        lambda: gateway.uplink("phone")["state"] not in ("up", "connecting"), 15.0, "the link to be down"
    )
    names = ("negotiating", "authenticating", "configuring")
    return float(sum(step["seconds"] for step in steps if step["stage"] in names))


def negotiations(rounds: int, servers: list[str], auths: list[str]) -> None:
    """Part 1."""
    print(f"{'from CONNECT to IPCP open, ms':30}{'alone':>9}{'round trips':>13}{'beside 3':>10}{'daemon':>9}")
    trip = 2 * LATENCY / 1000
    for server in servers:
        if server == "slirp" and find_program("slirp-fullbolt") is None:
            print("slirp: skipped, slirp-fullbolt is not installed (Debian: slirp)")
            continue
        for rate, auth in [(rate, auth) for rate in (0, 33600) for auth in auths]:
            with open_lab(rate, LATENCY, server, auth) as lab:
                whole = statistics.median(negotiation(lab) for _ in range(rounds))
                alone = statistics.median(call(lab["caller"]) for _ in range(rounds))
            name = f"{server}, {auth}" + (f", {rate} bit/s" if rate else "")
            rest = (alone - 3 * trip) * 1000
            print(f"{name:30}{alone * 1000:9.0f}{alone / trip:13.1f}{rest:10.0f}{whole * 1000:9.0f}")


def call(host: Host) -> float:
    """The same with nothing but a PppLink at a modem."""
    line = host.inside(lambda: os.open("/run/other", os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK))
    link = PppLink(LinkSettings(credentials=Credentials("gw", "secret")), secrets.token_bytes)
    os.write(line, b"ATE0DT123\r")
    heard = b""
    while b"CONNECT" not in heard or not heard.endswith(b"\n"):
        if not select.select([line], [], [], 5.0)[0]:
            raise LabError(f"no CONNECT, but {heard!r}")
        heard += os.read(line, 1)
    start = time.monotonic()
    actions = link.open(start)
    while not link.ready:
        for action in actions:
            if isinstance(action, Transmit):
                os.write(line, action.data)
            elif isinstance(action, Down):
                raise LabError(action.reason)
        readable = select.select([line], [], [], 0.1)[0]
        now = time.monotonic()
        actions = link.receive(os.read(line, 4096), now) if readable else link.timeout(now)
    took = time.monotonic() - start
    os.close(line)
    time.sleep(0.3)  # the provider sees the end
    return took


class Flow:
    """Bulk from the server to the PC, or the other way."""

    def __init__(self, lab: Lab, down: bool) -> None:
        self.lab = lab
        self.counter = "received" if down else "sent"
        self.receiver = lab["pc" if down else "server"]
        kinds = ("source", "pull") if down else ("sink", "push")
        self.ends = [self._end("server", kinds[0]), self._end("pc", kinds[1])]

    def _end(self, host: str, kind: str) -> Any:
        process = self.lab[host].popen(
            [sys.executable, "-c", TRAFFIC, kind, SERVER], stdout=PIPE, stderr=DEVNULL
        )
        assert process.stdout is not None
        if process.stdout.readline() != "ready\n":
            raise LabError(f"the {kind} on {host} did not start")
        return process

    def measure(self, seconds: float) -> tuple[float, float]:
        """Octets over the line a second, and octets of frames that arrived at the other end."""
        line, packets, start = self._line(), self._packets(), time.monotonic()
        time.sleep(seconds)
        took = time.monotonic() - start
        return (self._line() - line) / took, (self._packets() - packets) / took

    def _line(self) -> int:
        return int(self.lab["gateway"].modem.look()[self.counter])

    def _packets(self) -> int:
        return int(self.receiver.inside(Path("/sys/class/net/eth0/statistics/rx_bytes").read_text))

    def end(self) -> None:
        """Stop it."""
        for process in self.ends:
            process.kill()
            process.wait()


def echoes(lab: Lab, count: int, interval: float = 0.5) -> list[float]:
    """Round trips of echoes from the PC to the server, in ms."""
    words = ["ping", "-n", "-c", str(count), "-i", str(interval), "-W", "5", SERVER]
    said = lab["pc"].run(words, timeout=count * interval + 20).stdout
    return [float(found) for found in re.findall(r"time=([\d.]+)", said)]


def bulk(rate: int, down: bool, seconds: float) -> None:
    """One line of part 2."""
    latency = 5
    with open_lab(rate, latency) as lab:
        gateway = lab["gateway"].gateway
        gateway.api("POST", "/v1/connect", {"uplink": "phone"})
        gateway.wait_uplink("phone", "up", 30.0)
        idle = echoes(lab, 3)
        flow = Flow(lab, down)
        time.sleep(min(3.0, seconds))  # TCP finds its pace
        before = cpu_ms(gateway.pid)
        line, packets = flow.measure(seconds)
        cpu = (cpu_ms(gateway.pid) - before) / seconds / 10
        beside = echoes(lab, max(4, int(seconds)))
        flow.end()
    capacity = rate / 10
    share = packets / ETHERNET / (capacity / IDEAL)
    name = f"{rate} bit/s {'down' if down else 'up'}"
    shown = f"{statistics.median(beside):10.0f}{max(beside):10.0f}" if beside else f"{'-':>10}{'-':>10}"
    print(f"{name:18}{line / capacity:9.1%}{share:10.1%}{statistics.median(idle):11.0f}{shown}{cpu:9.1f}")


def main() -> int:
    """Run everything."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="calls of part 1, each kind")
    parser.add_argument("--seconds", type=float, default=8.0, help="of bulk, each way at each speed")
    parser.add_argument("--servers", nargs="*", default=["ics", "slirp"], help="who answers in part 1")
    parser.add_argument("--auths", nargs="*", default=["none", "pap", "chap"], help="how it authenticates")
    parser.add_argument("--rates", type=int, nargs="*", default=[33600, 115200], help="bit/s of part 2")
    options = parser.parse_args()
    try:
        become_root()
        negotiations(options.rounds, options.servers, options.auths)
        print(
            f"\n{'bulk':18}{'line use':>9}{'packets':>10}{'echo idle':>11}{'beside':>10}{'worst':>10}{'CPU %':>9}"
        )
        for rate in options.rates:
            for down in (True, False):
                bulk(rate, down, options.seconds * max(1.0, SLOW / rate))
        fast.run(options.seconds / 2)
    except LabError as error:
        print(f"skipped: {error}" if error.exit_status == 77 else f"failed: {error}", file=sys.stderr)
        return error.exit_status
    return 0


if __name__ == "__main__":
    sys.exit(main())
