"""Packets that wait for a link, without a link: what one costs from the device to the queue, and what a flood costs.

Usage: python benchmarks/hold.py [--rounds N] [--packets N]

Each figure is CPU time of one core for a packet: median, minimum and maximum of the rounds. `flood` is the whole way of
packets of as many flows and 250 clients, with the built-in rules, into a queue that is full most of the time; `longest
turn` is how long the reactor of the daemon was busy with one batch of them.
"""

import argparse
import os
import socket
import sys
import time
from collections.abc import Callable, Iterable
from ipaddress import IPv4Interface
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, succeed

sys.path.insert(0, str(Path(__file__).parent))

from figures import spread

from icsframework.dataplane.plane import DataPlane, LanSide
from icsframework.gateway.holddevice import BATCH
from icsframework.gateway.holding import Holding
from icsframework.protocols.icmp import NET_UNREACHABLE, unreachable
from icsframework.testing.elements import FakeElements
from icsframework.testing.gateway import FakeGateway, Readers
from icsframework.testing.packets import echo, tcp, udp
from icsframework.uplinks.hold import Hold
from icsframework.uplinks.packets import Packet, parse
from icsframework.uplinks.traffic import judge, wake_rules

RULES = wake_rules(())
LAN = DataPlane((LanSide("home", "eth1", IPv4Interface("192.168.0.1/24")),))


def flood(count: int) -> list[bytes]:
    """First packets of so many flows of 250 clients: SYNs, datagrams of two lengths, pings."""
    kinds: tuple[Callable[[str, int], bytes], ...] = (
        lambda client, flow: tcp(source=client, sport=flow, port=443),
        lambda client, flow: udp(bytes(40), source=client, sport=flow),
        lambda client, flow: udp(bytes(1200), source=client, sport=flow, port=443),
        lambda client, flow: echo(source=client, ident=flow),
    )
    return [
        kinds[n % len(kinds)](f"192.168.0.{n % 250 + 2}", 1024 + n // 250 * 7 + n % 7) for n in range(count)
    ]


def cpu_us(work: Callable[[Any], object], items: Iterable[Any], count: int) -> float:
    """Microseconds of CPU time for each of ``count`` items."""
    before = time.process_time_ns()
    for item in items:
        work(item)
    return (time.process_time_ns() - before) / 1000 / count


class Device:
    """A host whose TUN device has an end here, with room for a batch of packets."""

    def __init__(self) -> None:
        self.tun, self.kernel = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for end in (self.tun, self.kernel):
            end.setblocking(False)

    def open_tun(self, name: str, mtu: int, persist: bool = False) -> Deferred[Any]:
        return succeed(self.tun)

    def watch_interface(self, name: str, observer: Any) -> Any:
        return lambda: None

    def open_icmp(self) -> Deferred[Any]:
        return succeed(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))


def whole_way(packets: list[bytes]) -> tuple[float, float]:
    """Microseconds for each packet, and milliseconds of the longest turn of the reactor."""
    gateway, reactor, device = FakeGateway("hold"), Readers(), Device()
    holding = Holding(
        host=device,
        reactor=reactor,
        clock=gateway.clock,
        uplinks=gateway.uplinks,
        names=gateway.names,
        leases=gateway.leases,
        elements=FakeElements(gateway.clock),
        events=gateway.events,
        log=gateway.log,
        judge=lambda traffic: judge(RULES, traffic),
        seconds=lambda: 60.0,
    )
    holding.start()
    holding.in_force(LAN)
    busy, longest = 0, 0
    for batch in batches(packets):
        for packet in batch:
            os.write(device.kernel.fileno(), packet)
        before = time.process_time_ns()
        reactor.readers[0].doRead()
        turn = time.process_time_ns() - before
        busy, longest = busy + turn, max(longest, turn)
    status = holding.status()
    assert status.held + status.duplicates + sum(status.dropped.values()) == len(packets), status
    holding.stop()
    device.kernel.close()
    return busy / 1000 / len(packets), longest / 1e6


def batches(packets: list[bytes]) -> Iterable[list[bytes]]:
    """As many as the device gives in one turn."""
    return (packets[i : i + BATCH] for i in range(0, len(packets), BATCH))


def one_round(packets: list[bytes]) -> dict[str, float]:
    """Every figure once."""
    read = [found for found in map(parse, packets) if isinstance(found, Packet)]
    count = len(packets)
    empty = Hold(60.0)
    cost, longest = whole_way(packets)
    return {
        "parse": cpu_us(parse, packets, count),
        "judge": cpu_us(lambda one: judge(RULES, one.traffic), read, count),
        "queue, full": cpu_us(lambda one: empty.offer(one, 0.0), read, count),
        "ICMP error": cpu_us(lambda data: unreachable(NET_UNREACHABLE, data), packets, count),
        "flood": cost,
        "longest turn, ms": longest,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--packets", type=int, default=5000)
    options = parser.parse_args()
    packets = flood(options.packets)
    rounds = [one_round(packets) for _ in range(options.rounds)]
    print(f"{options.packets} packets; us of CPU time for each     median      min      max")
    for name in rounds[0]:
        print(f"{name:36} {spread([one[name] for one in rounds], 2)}")


if __name__ == "__main__":
    main()
