"""The DNS plugin alone, for a benchmark: serve.py INTERFACE ADDRESS/LEN UPSTREAM [CACHE-SIZE]."""

import socket
import sys
from ipaddress import ip_address, ip_interface

from twisted.internet import reactor

from ics_plugins.lan.dns import factory
from icsframework.host.clock import Clock
from icsframework.host.host import Host
from icsframework.testing.gateway import FakeGateway
from icsframework.values import Family, Lan, Link, Up, UplinkView


class RealClock(Clock):
    """The kernel's; ``clock`` is what the test kit's parts ask for."""

    clock = reactor


def main(interface: str, address: str, upstream: str, cache_size: str = "10000") -> None:
    """Serve until killed."""
    gateway = FakeGateway("dns", clock=RealClock(reactor))
    gateway.host = Host(reactor)
    service = factory.create(gateway)
    service.startService()
    family = Family((ip_interface("10.99.2.1/24"),), None, (ip_address(upstream),))
    link = Link("uplink", 2, None, "ethernet", "kernel", 1500, False, 0.0, family)
    gateway.uplinks.set(UplinkView("uplink", Up(link), active=True))
    lan = Lan("home", interface, socket.if_nametoindex(interface), "", ip_interface(address))
    # The benchmark's zone is below .test, which a gateway answers itself (RFC 6761).
    config = factory.Config(cache_size=int(cache_size), forward=("test",))
    service.serve(lan, config).addErrback(lambda failure: sys.exit(str(failure.value)))
    reactor.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
