"""The DNS plugin alone in a lab host, with a gateway around it that obeys lines on standard input.

    python stand.py LAN-ADDRESS/LEN INTERFACE CONFIG-JSON

``up ADDRESS...``: an uplink with these DNS servers; ``down``: none; ``name HOST ADDRESS...``; ``status``
prints the details as a line of JSON.  ``ready`` is printed when the LAN is served.  Everything but
the sockets and the clock is the test kit's.
"""

import json
import socket
import sys
import time
from ipaddress import ip_address, ip_interface

from twisted.internet import reactor, stdio
from twisted.internet.defer import succeed
from twisted.internet.threads import deferToThread
from twisted.protocols.basic import LineReceiver
from zope.interface import implementer

from ics_plugins.lan.dns import factory
from icsframework.interfaces import IClock
from icsframework.testing.gateway import FakeGateway
from icsframework.testing.host import FakeHost
from icsframework.values import Family, Lan, Link, Up, UplinkView


@implementer(IClock)
class RealClock:
    """The kernel's."""

    wall_trusted = True
    clock = reactor

    def now(self):
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def wall(self):
        return time.time()

    def call_later(self, delay, function, *args):
        return reactor.callLater(delay, function, *args)


class RealHost(FakeHost):
    """Sockets of this namespace."""

    def bind_udp(self, endpoint, interface=None, mark=0, broadcast=False, receive_buffer=0):
        return succeed(self._bound(socket.SOCK_DGRAM, endpoint, interface))

    def listen(self, endpoint, interface=None, backlog=64):
        sock = self._bound(socket.SOCK_STREAM, endpoint, interface)
        sock.listen(backlog)
        return succeed(sock)

    def connect(self, endpoint, mark=0, source=None, timeout=10.0):
        def connected(sock):
            sock.setblocking(False)
            return sock

        target = (str(endpoint.address), endpoint.port)
        return deferToThread(socket.create_connection, target, timeout).addCallback(connected)

    @staticmethod
    def _bound(kind, endpoint, interface):
        family = socket.AF_INET if endpoint.address.version == 4 else socket.AF_INET6
        sock = socket.socket(family, kind)
        sock.setblocking(False)
        if kind == socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if interface:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
        sock.bind((str(endpoint.address), endpoint.port))
        return sock


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
    gateway = FakeGateway("dns", clock=RealClock())
    gateway.host = RealHost(reactor)
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
