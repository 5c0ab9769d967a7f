"""From a helper's wish for a port to the rule in place: the port book, its elements, one nft transaction in process.

Usage: unshare --net python benchmarks/helpers/open_port.py [--opens N] [--held N]

The real mapping service with the real nft in the network namespace it is started in, which it refuses if there is a
table of ours already.  Each Open is waited for and given back, so that as many are open all the time.  "Under load" is
the same while two programs keep every CPU busy.  Milliseconds; CPU is that of this process for one Open and one release.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from ipaddress import ip_address, ip_interface
from secrets import randbelow
from typing import Any

from twisted.internet import task
from twisted.internet.defer import Deferred, inlineCallbacks, succeed
from twisted.logger import Logger

from icsframework.dataplane import policy
from icsframework.dataplane.elements import TableElements
from icsframework.dataplane.nft import Nft, open_library
from icsframework.dataplane.plane import DataPlane, LanSide, UplinkSide
from icsframework.host.clock import Clock
from icsframework.mappings.service import MappingService
from icsframework.testing.gateway import FakeGateway
from icsframework.testing.store import MemoryStore
from icsframework.values import Endpoint, Family, Link, Open

SERVER = ip_address("198.51.100.80")
LAN = ip_address("192.168.0.0")
COLUMNS = f"{'milliseconds':44}{'p50':>8}{'p90':>8}{'p99':>8}{'max':>8}{'CPU':>8}"
BURN = "while True: pass"


def plane() -> DataPlane:
    """One LAN, one uplink that is up."""
    family = Family((ip_interface("203.0.113.5/24"),), ip_address("203.0.113.1"))
    link = Link("wan0", 2, None, "ethernet", "kernel", 1500, False, 0.0, family)
    lan = LanSide("home", "lan0", ip_interface("192.168.0.1/16"))
    return DataPlane((lan,), (UplinkSide("cable", 1, "wan0", link),), "cable")


def wish(number: int) -> Open:
    """As the FTP helper asks for one; the hosts of the LAN take turns, each may have a few hundred."""
    to = Endpoint(LAN + 256 + number % 251, 2000 + number % 60000)
    return Open(number, "tcp", to, SERVER, lifetime=60.0)


def quantiles(values: Sequence[float]) -> str:
    """Four columns."""
    ordered = sorted(values)
    places = (0.5, 0.9, 0.99, 1.0)
    return "".join(f"{ordered[min(len(ordered) - 1, int(len(ordered) * place))]:8.3f}" for place in places)


@inlineCallbacks
def measure(
    what: str, service: MappingService, opens: int, first: int
) -> Generator[Deferred[Any], Any, None]:
    """Open and release ``opens`` ports, one after the other; a line for each of the two."""
    opened, released = [], []
    cpu = time.process_time()
    for number in range(first, first + opens):
        begin = time.perf_counter()
        mapping = yield service.open("ftp", "cable", wish(number))
        opened.append((time.perf_counter() - begin) * 1000)
        begin = time.perf_counter()
        yield service.release(mapping)
        released.append((time.perf_counter() - begin) * 1000)
    each = (time.process_time() - cpu) * 1000 / opens
    print(f"{'Open to rule in place' + what:44}{quantiles(opened)}{each:8.3f}")
    print(f"{'  and its release':44}{quantiles(released)}")


@inlineCallbacks
def main(reactor: Any, opens: int, held: int) -> Generator[Deferred[Any], Any, None]:
    """Alone, with many open, under load."""
    nft, ours = Nft(reactor, library=open_library()), plane()
    table = policy.build(ours)
    if (yield nft.inventory(table.family, table.name)) is not None:
        sys.exit("there is a table of ours here; use: unshare --net python benchmarks/helpers/open_port.py")
    yield nft.apply(table)
    events = FakeGateway("mappings").events
    service = MappingService(
        TableElements(nft), Clock(reactor), events, Logger(), randbelow, lambda *_: succeed(None)
    )
    yield service.start(MemoryStore())
    service.in_force(ours)
    print(COLUMNS)
    yield from_cold(service)
    yield measure("", service, opens, 0)
    for number in range(held):
        yield service.open("ftp", "cable", wish(100_000 + number))
    yield measure(f", {held} open beside it", service, opens, 200_000)
    burners = [subprocess.Popen([sys.executable, "-c", BURN]) for _ in range(2)]
    try:
        yield measure(f", {held} open, CPUs busy", service, opens, 300_000)
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()
    yield service.stop()
    yield nft.publish(None)


def from_cold(service: MappingService) -> Deferred[Any]:
    """The first has imports and caches before it, and is not shown."""
    return service.open("ftp", "cable", wish(400_000)).addCallback(service.release)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--opens", type=int, default=1000)
    parser.add_argument("--held", type=int, default=1000)
    chosen = parser.parse_args()
    task.react(main, (chosen.opens, chosen.held))
