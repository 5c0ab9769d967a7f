"""How long the packet filter takes: rendering, loading in each of the three forms, single elements, counters.

Usage: unshare --net python benchmarks/dataplane.py [--rounds N] [--elements N]

Runs in the network namespace it is started in and refuses one that has a table of ours already.
Each line: minimum, median and maximum of the rounds, in milliseconds.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Generator
from dataclasses import replace
from ipaddress import ip_address, ip_interface
from typing import Any

from twisted.internet import task
from twisted.internet.defer import Deferred, inlineCallbacks, succeed

from icsframework.dataplane import policy, render
from icsframework.dataplane.nft import Nft, open_library
from icsframework.dataplane.plane import DataPlane, LanSide, UplinkSide
from icsframework.dataplane.ruleset import Chain, Element, Map, Table

EXPECTED = Map(
    "expected",
    ("mark", "ipv4_addr", "inet_proto", "inet_service"),
    flags=frozenset({"timeout", "dynamic"}),
    dynamic=True,
    data=("ipv4_addr", "inet_service"),
)
CLIENT = ip_address("192.168.0.10")


def element(number: int) -> Element:
    """An expectation as a helper makes it."""
    key = (0x00010000, ip_address("198.51.100.0") + number % 65536, "tcp", 1024 + number % 60000)
    return Element(key, (CLIENT, 3000), 600, comment="owner=bench")


def gateway() -> Table:
    """Three LANs, two uplinks and a dynamic map."""
    lans = tuple(
        LanSide(f"lan{number}", f"eth{number}", ip_interface(f"192.168.{number}.1/24")) for number in range(3)
    )
    uplinks = (UplinkSide("cable", 1, "wan0"), UplinkSide("dsl", 2, "wan1"))
    table = policy.build(DataPlane(lans, uplinks))
    return replace(table, sets=(*table.sets, EXPECTED))


def moved(table: Table) -> Table:
    """The same with a chain at another priority, which nft cannot change in place."""
    chains: tuple[Chain, ...] = tuple(
        replace(chain, priority=-5) if chain.name == "forward" else chain  # type: ignore[call-arg]
        for chain in table.chains
    )
    return replace(table, chains=chains)


@inlineCallbacks
def measure(what: str, rounds: int, work: Callable[[int], Any]) -> Generator[Deferred[Any], Any, None]:
    """Run ``work(round)`` (its Deferred included) and print a line."""
    times = []
    for number in range(rounds):
        begin = time.perf_counter()
        yield work(number) or succeed(None)
        times.append((time.perf_counter() - begin) * 1000)
    print(f"{what:58} {min(times):8.2f} {statistics.median(times):8.2f} {max(times):8.2f}")


@inlineCallbacks
def main(reactor: Any, rounds: int, count: int) -> Generator[Deferred[Any], Any, None]:
    """All measurements, one after the other."""
    nft, child, table = Nft(reactor, library=open_library()), Nft(reactor), gateway()
    other, many = moved(table), [element(number) for number in range(count)]
    if (yield nft.inventory(table.family, table.name)) is not None:
        sys.exit("there is a table of ours here; use: unshare --net python benchmarks/dataplane.py")

    def text(_: int) -> None:
        render.render(gateway())

    print(f"{'milliseconds':58} {'min':>8} {'median':>8} {'max':>8}")
    yield measure("policy and rendering", rounds, text)
    yield measure(
        "first load and removal", rounds, lambda _: nft.apply(table).addCallback(lambda _: nft.publish(None))
    )
    yield nft.apply(table)
    yield measure("reload, kept, no elements", rounds, lambda _: nft.apply(table))
    yield measure("one element added, in process", rounds, lambda n: nft.add(table, EXPECTED, [element(n)]))
    yield measure(
        "one element deleted, in process", rounds, lambda n: nft.delete(table, EXPECTED, [element(n)])
    )
    yield measure("one element added, by a child", rounds, lambda n: child.add(table, EXPECTED, [element(n)]))
    yield measure(
        "one element deleted, by a child", rounds, lambda n: child.delete(table, EXPECTED, [element(n)])
    )
    yield measure("counters read", rounds, lambda _: nft.counters())
    yield nft.add(table, EXPECTED, many)
    yield measure(f"counters read beside {count} elements", rounds, lambda _: nft.counters())
    yield measure(
        f"one element added to {count}, in process",
        rounds,
        lambda n: nft.add(table, EXPECTED, [element(count + n)]),
    )
    yield measure(
        f"inventory with {count} elements", rounds, lambda _: nft.inventory(table.family, table.name)
    )
    yield measure(f"reload, kept, {count} elements", rounds, lambda _: nft.apply(table))
    yield measure(
        f"reload, replaced, {count} elements restored", rounds, lambda n: nft.apply(table if n % 2 else other)
    )
    yield nft.publish(None)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--elements", type=int, default=1000)
    chosen = parser.parse_args()
    task.react(main, (chosen.rounds, chosen.elements))
