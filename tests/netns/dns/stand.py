"""The DNS plugin alone in a lab host, with a gateway around it that obeys lines on standard input.

    python stand.py LAN-ADDRESS/LEN INTERFACE CONFIG-JSON

``up ADDRESS...``: an uplink with these DNS servers; ``down``: none; ``name HOST ADDRESS...``; ``status``
prints the details as a line of JSON.  ``ready`` is printed when the LAN is served.  Host and clock
are the daemon's own, the rest is the test kit's.
"""

import json
import socket
import sys
from ipaddress import ip_address, ip_interface

from twisted.internet import reactor, stdio
from twisted.protocols.basic import LineReceiver

from ics_plugins.lan.dns import factory
from icsframework.host.clock import Clock
from icsframework.host.host import Host
from icsframework.testing.gateway import FakeGateway
from icsframework.values import Family, Lan, Link, Up, UplinkView


class _RealClock(Clock):
    """The kernel's; ``clock`` is what the test kit's parts ask for."""

    clock = reactor


def link(addresses):
    """A link whose DNS servers are these."""
    family = Family((ip_interface("203.0.113.5/24"),), None, tuple(map(ip_address, addresses)))
    return Link("eth0", 2, None, "ethernet", "kernel", 1500, False, 0.0, family)


class Commands(LineReceiver):
    """What the test wants."""

    delimiter = b"\n"

    def __init__(self, gateway):
        self.gateway = gateway

    def lineReceived(self, line):
        word, *rest = line.decode().split()
        if word == "up":
            self.gateway.uplinks.set(UplinkView("cable", Up(link(rest)), active=True))
        elif word == "down":
            self.gateway.uplinks.set(None)
        elif word == "name":
            self.gateway.names.publish("dhcp", rest[0], tuple(map(ip_address, rest[1:])), 60)
        elif word == "status":
            say(
                json.dumps(
                    self.gateway.status.read() | {"causes": [c.name for c in self.gateway.uplinks.requested]}
                )
            )
            return
        say("done")

    def connectionLost(self, reason):
        reactor.stop()


def say(text):
    """A line for the test."""
    print(text, flush=True)


def main(address, interface, config):
    gateway = FakeGateway("dns", clock=_RealClock(reactor))
    gateway.host = Host(reactor)
    service = factory.create(gateway)
    service.startService()
    lan = Lan("home", interface, socket.if_nametoindex(interface), "02:00:5e:00:53:01", ip_interface(address))
    stdio.StandardIO(Commands(gateway))
    service.serve(lan, factory.Config.model_validate_json(config)).addCallbacks(
        lambda _: say("ready"), lambda f: say(f)
    )
    reactor.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
