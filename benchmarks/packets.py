"""What the packet filter costs each packet: of a flow that is there, and the first one of a flow.

Usage: python benchmarks/packets.py [--rounds N] [--elements N]          needs root, or a user namespace

A PC, a gateway and a server in a lab; the gateway's rules are loaded in turns before each burst: three lines that
masquerade, ours without doors, ours of an uplink that is dialled on demand and watched for its quiet, the same with the
raw hooks that are there while no link is up, ours with the helpers that come by default, and the same with published
services, an inbound helper and ``--elements`` open ports.  Counted is the CPU time of the sender, in whose time a packet is
forwarded all the way to the server; it includes the sending itself, which is the same for all.
"""

import argparse
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_address, ip_interface
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from figures import ratio, spread

from icsframework.dataplane import policy, render
from icsframework.dataplane.doors import Doors, KernelAid, Published, Redirect, Trigger
from icsframework.dataplane.mapped import elements_of
from icsframework.dataplane.plane import DataPlane, HoldSide, LanSide, UplinkSide
from icsframework.lab.errors import LabError
from icsframework.lab.host import Host
from icsframework.lab.parse import parse_lab
from icsframework.lab.privilege import become_root
from icsframework.lab.world import Lab
from icsframework.uplinks.traffic import keep_rules, wake_rules
from icsframework.values import Endpoint, Family, Link, Mapping, PortSpan

PACKETS = 20000
"""Packets of a burst, and flows of one of new flows."""

LAB = """
version: 1
segments: [home, wan]
hosts:
  pc:
    interfaces: {eth0: {segment: home, address: [192.168.0.10/24]}}
    routes: [{to: default, via: 192.168.0.1}]
  gateway:
    forward: true
    interfaces:
      eth0: {segment: wan, address: [203.0.113.5/24]}
      eth1: {segment: home, address: [192.168.0.1/24]}
  server:
    interfaces: {eth0: {segment: wan, address: [203.0.113.80/24]}}
"""
SERVER = "203.0.113.80"
PC = ip_address("192.168.0.10")

MASQUERADE = """table inet ics {
    chain nat_post { type nat hook postrouting priority srcnat; policy accept;
        oifname "eth0" masquerade
    }
}
"""
DROP = """table inet sink { chain sink { type filter hook prerouting priority raw; policy accept;
    udp dport 1024-65535 drop
}
}
"""
"""The server takes no notice: what it did would be counted as well."""

GAMES = {"battle.net": (6112, 6112, 6119), "directplay": (47624, 2300, 2400), "ident": (6667, 113, 113)}
DEFAULT = Doors(
    redirects=(Redirect("ftp", (21,), 40021),),
    kernel=(KernelAid("pptp", "pptp", "tcp", (1723,)),),
    triggers=tuple(
        Trigger("games", name, (PortSpan("tcp", out, out),), (PortSpan("tcp", first, last),), 300.0)
        for name, (out, first, last) in GAMES.items()
    ),
)
MANY = Doors(
    (*DEFAULT.redirects, Redirect("ftp", (21,), 40121, "inbound")),
    DEFAULT.kernel,
    DEFAULT.triggers,
    (
        Published("ftp", "tcp", 21, 21, Endpoint(PC, 21)),
        *(Published(f"s{port}", "tcp", port, port, Endpoint(PC, port + 1)) for port in range(8000, 8100)),
    ),
)


def plane(doors: Doors) -> DataPlane:
    """One LAN and one uplink with these doors."""
    address = ip_interface("203.0.113.5/24")
    link = Link("eth0", 2, None, "ethernet", "kernel", 1500, False, 0.0, Family((address,), None))
    home = LanSide("home", "eth1", ip_interface("192.168.0.1/24"))
    return DataPlane((home,), (UplinkSide("cable", 1, "eth0", link),), doors=doors)


def on_demand(settled: bool) -> DataPlane:
    """The uplink is dialled on demand; ``settled`` as it is while it is up."""
    hold = HoldSide(settled=settled, wake={"cable": wake_rules(())})
    return replace(plane(Doors()), hold=hold, keep={"cable": keep_rules(())})


def texts(count: int) -> dict[str, str]:
    """The rules of each mode; the last one has ``count`` open ports."""
    full = policy.build(plane(MANY))
    ports = [
        Mapping(
            "tcp", "cable", Endpoint(ip_address("203.0.113.5"), port), Endpoint(PC, port), None, "x", None
        )
        for port in range(10000, 10000 + count)
    ]
    opened = [element for one in ports for element in elements_of(one, 0x10000, 0.0)]
    return {
        "three lines": MASQUERADE,
        "no doors": render.define(policy.build(plane(Doors()))),
        "on demand": render.define(policy.build(on_demand(settled=True))),
        "on demand, raw hooks": render.define(policy.build(on_demand(settled=False))),
        "default helpers": render.define(policy.build(plane(DEFAULT))),
        f"all, {count} open": "\n".join([render.define(full), *render.change_elements(full, opened, []), ""]),
    }


def burst(send: Callable[[int], object]) -> float:
    """Microseconds of this thread's CPU time for each packet that ``send`` sends."""
    begin = time.thread_time_ns()
    for number in range(PACKETS):
        send(number)
    return (time.thread_time_ns() - begin) / 1000 / PACKETS


class Bench:
    """The lab, and one established flow through it."""

    def __init__(self, lab: Lab) -> None:
        self._gateway: Host = lab["gateway"]
        self._load(MASQUERADE)
        answerer = self._socket(lab["server"])
        answerer.bind((SERVER, 9000))
        self._known = self._socket(lab["pc"])
        self._known.connect((SERVER, 9000))
        self._known.send(b"question")
        answerer.sendto(b"answer", answerer.recvfrom(100)[1])
        self._known.recv(100)
        self._new = self._socket(lab["pc"])
        lab["server"].run(["nft", "-f", "-"], input=DROP, check=True)

    def _socket(self, host: Host) -> socket.socket:
        made: socket.socket = host.inside(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM), ("net",))
        made.settimeout(2)
        return made

    def _load(self, rules: str) -> None:
        text = f"add table inet ics\ndelete table inet ics\n{rules}"
        self._gateway.run(["nft", "-f", "-"], input=text, check=True)

    def established(self, rules: str) -> float:
        """Cost of a packet of the flow that is there."""
        self._load(rules)
        return burst(lambda _: self._known.send(b"x" * 18))

    def new(self, rules: str) -> float:
        """Cost of a packet that opens a flow."""
        self._load(rules)
        cost = burst(lambda number: self._new.sendto(b"x" * 18, (SERVER, 20000 + number)))
        self._gateway.run(["conntrack", "-F"], check=True)
        return cost


def main(rounds: int, count: int) -> None:
    """Both measurements, in turns, and their tables."""
    with Lab(parse_lab(LAB)) as lab:
        bench, modes = Bench(lab), texts(count)
        for what, measure in (
            ("packet of a known flow", bench.established),
            ("first packet of a flow", bench.new),
        ):
            found: dict[str, list[float]] = {name: [] for name in modes}
            for _ in range(rounds):
                for name, rules in modes.items():
                    found[name].append(measure(rules))
            print(f"{what + ', us CPU':40} {'median':>8} {'min':>8} {'max':>8} {'ratio':>8}")
            for name, costs in found.items():
                print(f"  {name:36} {spread(costs, 2)} {ratio(costs, found['no doors']):8.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--elements", type=int, default=1000)
    chosen = parser.parse_args()
    try:
        become_root()
        main(chosen.rounds, chosen.elements)
    except LabError as error:
        print(f"skipped: {error}", file=sys.stderr)
        sys.exit(77)
