"""Dial on demand as a whole: the real daemon behind an emulated modem, in a lab of network namespaces.

Usage: python benchmarks/demand.py [--rounds N] [--packets N]

1. One datagram of a PC dials, and waits. "own time" is from IPCP opened at the provider to the datagram's arrival there, on
   a line without speed limit or latency: what the gateway needs for device, address, routes, packet filter and delivery.
   "answered" is from the PC's sending to the answer, the call included; "line" is the same when the line is up already.
2. So many packets, each of another flow, from 50 clients within a second, while the provider lets it ring: how many wait,
   how long `ics status` (the command, and the question to the daemon alone) takes meanwhile, and what memory grows.

Needs root, or a user namespace.
"""

import argparse
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from datetime import time as clock
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from figures import memory_mib, spread

from icsframework.lab.errors import LabError
from icsframework.lab.host import Host
from icsframework.lab.noise import udp
from icsframework.lab.privilege import become_root
from icsframework.lab.waiting import wait_for
from icsframework.lab.witness import Witness
from icsframework.lab.world import Lab

SERVER, PORT = "192.0.2.80", 9000
CLIENTS = 50
SECONDS = 1.0
"""In which the packets are sent."""
BATCH = 25
ICS = str(Path(sys.executable).with_name("ics"))

LAB = """
segments: [home, backbone]
hosts:
  pc:
    interfaces: {eth0: {segment: home, address: 192.168.0.50/24}}
    routes: [{via: 192.168.0.1}]
  gateway:
    interfaces: {eth1: {segment: home, up: false}}
    modems: {modem: {}}
    gateway:
      config:
        lans: [{name: home, interface: eth1, address: 192.168.0.1/24, services: []}]
        uplinks:
          - {name: phone, plugin: dialup, connect: demand, device: /run/modem, numbers: "123", user: gw, password: secret}
  isp:
    forward: true
    interfaces: {eth0: {segment: backbone, address: 192.0.2.1/24}}
    telephone: {numbers: "123", users: {gw: secret}, address: 203.0.113.1, clients: [203.0.113.5], dns: [192.0.2.1]}
  slow:
    forward: true
    interfaces: {eth0: {segment: backbone, address: 192.0.2.2/24}}
    telephone:
      {numbers: "124", users: {gw: secret}, address: 203.0.113.9, clients: [203.0.113.13], dns: [192.0.2.1], delay: 2000}
  server:
    interfaces: {eth0: {segment: backbone, address: 192.0.2.80/24}}
    routes: [{to: 203.0.113.0/29, via: 192.0.2.1}, {to: 203.0.113.8/29, via: 192.0.2.2}]
"""


def client(pc: Host) -> socket.socket:
    """A datagram socket of the PC."""

    def make() -> socket.socket:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.settimeout(20.0)
        made.connect((SERVER, PORT))
        return made

    return pc.inside(make, ("net",))


def asked(sock: socket.socket) -> float:
    """Seconds from a datagram to its answer."""
    began = time.monotonic()
    sock.send(b"hello")
    sock.recv(100)
    return time.monotonic() - began


def opened_at(log: str) -> float:
    """When IPCP opened for the last time, in seconds of the epoch, as the provider's log has it to the millisecond."""
    line = [line for line in log.splitlines() if ": Up(" in line][-1]
    today = datetime.now().astimezone().date()
    return datetime.combine(today, clock.fromisoformat(line.split()[0])).timestamp()


def hang_up(lab: Lab) -> None:
    """By command, until it is armed again."""
    box = lab["gateway"]
    box.run([ICS, "--socket", str(box.gateway.control_socket), "disconnect", "phone"], check=True)
    box.gateway.wait_uplink("phone", "armed")


def one_datagram(lab: Lab, rounds: int) -> None:
    """The first table."""
    own, answered, line = [], [], []
    isp = lab["isp"]
    with Witness(lab["server"], PORT), client(lab["pc"]) as sock:
        for _ in range(rounds):
            with isp.capture("ppp0", f"udp dst port {PORT}") as arriving:
                answered.append(1000 * asked(sock))
                arrived = arriving.timed_frames()[0][0]
                line.append(1000 * asked(sock))
            own.append(1000 * (arrived - opened_at(isp.services["telephone"].log())))
            hang_up(lab)
    print(f"one datagram, {rounds} calls            median      min      max")
    for name, values in (("own time", own), ("answered", answered), ("line", line)):
        print(f"  {name + ', ms':<30}{spread(values, 1)}")


class Asker(threading.Thread):
    """Does something again and again, and takes the times."""

    def __init__(self, box: Host, command: bool) -> None:
        super().__init__(daemon=True)
        self.ended = threading.Event()
        self.times: list[float] = []
        self._box = box
        self._command = command

    def run(self) -> None:
        command = [ICS, "--socket", str(self._box.gateway.control_socket), "status"]
        while not self.ended.is_set():
            began = time.monotonic()
            if self._command:
                subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
            else:
                self._box.gateway.status_tree()
            self.times.append(1000 * (time.monotonic() - began))
            self.ended.wait(0.02)


def crowd(count: int) -> Iterator[bytes]:
    """Packets of as many flows, evenly over the time."""
    began = time.monotonic()
    for number in range(count):
        source = f"192.168.0.{100 + number % CLIENTS}"
        yield udp(source, SERVER, 1024 + number // CLIENTS, PORT, b"%d" % number)
        while number % BATCH == 0 and time.monotonic() < began + SECONDS * number / count:
            time.sleep(0.001)


def many_packets(lab: Lab, count: int) -> None:
    """The second table."""
    box, modem = lab["gateway"], lab["gateway"].modem
    modem.set_number("123", "slow")
    before = memory_mib(box.gateway.pid)[0]
    raw = lab["pc"].inside(
        lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW), ("net",)
    )
    askers = [Asker(box, command) for command in (True, False)]
    with raw, Witness(lab["server"], PORT, answer=False) as witness:
        for asker in askers:
            asker.start()
        for packet in crowd(count):
            raw.sendto(packet, (SERVER, 0))
        grown = memory_mib(box.gateway.pid)[0] - before
        box.gateway.wait_uplink("phone")
        wait_for(lambda: witness.heard, 10.0, "what waited to arrive")
        for asker in askers:
            asker.ended.set()
            asker.join()
        with client(lab["pc"]) as sock:
            sock.send(b"behind them")
            wait_for(lambda: witness.heard[-1].data == b"behind them", 10.0, "the last one")
    clients = len({int(one.data) % CLIENTS for one in witness.heard[:-1]})
    print(f"{count} flows of {CLIENTS} clients in {SECONDS:g} s while it rings")
    print(f"  waited and arrived              {len(witness.heard) - 1} of {clients} clients")
    print(f"  memory, MiB                     {before:.1f}, then {grown:+.1f}")
    for name, asker in zip(("ics status, ms", "the daemon's answer, ms"), askers, strict=True):
        times = sorted(asker.times)
        late = sum(one > 100 for one in times)
        figures = f"median {statistics.median(times):.1f}, most {times[-1]:.1f}"
        print(f"  {name:<31} {figures}; {late} of {len(times)} over 100")


def main() -> int:
    """Both tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--packets", type=int, default=5000)
    options = parser.parse_args()
    try:
        become_root()
    except LabError as error:
        print(f"skipped: {error}", file=sys.stderr)
        return 77
    with Lab.from_yaml(LAB) as lab:
        lab["gateway"].gateway.wait_uplink("phone", "armed")
        one_datagram(lab, options.rounds)
        many_packets(lab, options.packets)
    return 0


if __name__ == "__main__":
    sys.exit(main())
