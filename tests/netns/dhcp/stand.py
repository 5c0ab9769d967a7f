"""The DHCP allocator alone on a real interface, run inside a lab host by test_dhcp_service.py.

Usage: stand.py STATE-DIRECTORY ADDRESS INTERFACE CONFIG-AS-JSON

Host, clock and store are the real ones; leases, names and events are recorded.
Says ``ready``, then obeys a line at a time on its input and answers in one line:
``status``, ``leases``, ``names``, ``events``, ``serve CONFIG-AS-JSON``, ``withdraw``.
"""

import json
import sys
from ipaddress import ip_interface
from pathlib import Path

from twisted.internet import reactor, stdio
from twisted.internet.defer import inlineCallbacks
from twisted.protocols.basic import LineReceiver

from ics_plugins.lan.dhcp import factory
from icsframework.host.clock import Clock
from icsframework.host.host import Host
from icsframework.store.store import Store
from icsframework.testing.gateway import FakeGateway
from icsframework.values import Lan


class Commands(LineReceiver):
    """The tester's lines."""

    delimiter = b"\n"

    def __init__(self, directory, address, interface):
        self._directory, self._address, self._interface = directory, address, interface

    @inlineCallbacks
    def begin(self, config):
        self._gateway = FakeGateway("dhcp", Store(Path(self._directory), reactor))
        self._gateway.clock = Clock(reactor)
        self._gateway.host = Host(reactor)
        info = yield self._gateway.host.interface(self._interface)
        address = ip_interface(self._address)
        self._lan = Lan("home", info.name, info.ifindex, info.mac, address, info.mtu)
        self._service = factory.create(self._gateway)
        self._service.startService()
        yield self._service.serve(self._lan, factory.Config.model_validate(json.loads(config)))
        self._say("ready")

    def _say(self, what):
        self.sendLine(what.encode())

    def lineReceived(self, line):
        word, _, rest = line.decode().partition(" ")
        getattr(self, f"do_{word}")(rest)

    def do_status(self, rest):
        self._say(json.dumps(self._gateway.status.read()["home"]))

    def do_leases(self, rest):
        shown = [[str(v.address), v.mac, v.client_id, v.hostname] for v in self._gateway.leases.all()]
        self._say(json.dumps(shown))

    def do_names(self, rest):
        names = {host: [str(a) for a in r.addresses] for (_, host), r in self._gateway.names.records.items()}
        self._say(json.dumps(names))

    def do_events(self, rest):
        self._say(json.dumps(self._gateway.events.ids()))

    @inlineCallbacks
    def do_serve(self, rest):
        yield self._service.serve(self._lan, factory.Config.model_validate(json.loads(rest)))
        self._say("ready")

    @inlineCallbacks
    def do_withdraw(self, rest):
        yield self._service.withdraw(self._lan)
        self._say("ready")

    def connectionLost(self, reason):
        self._service.stopService().addBoth(lambda _: reactor.stop())


def main():
    commands = Commands(*sys.argv[1:4])
    stdio.StandardIO(commands)
    reactor.callWhenRunning(
        lambda: commands.begin(sys.argv[4]).addErrback(lambda f: (f.printTraceback(), reactor.stop()))
    )
    reactor.run()


if __name__ == "__main__":
    main()
