"""Each way in which a LAN service can break its contract is named."""

from ipaddress import ip_address

import pytest
from twisted.internet.defer import fail, succeed

from icsframework.testing.contract_lan import check_lan_service
from icsframework.testing.lan import ScriptedConfig, ScriptedLanFactory, ScriptedLanService
from icsframework.testing.stage import ContractBroken
from icsframework.values import Endpoint


def checked(service):
    """The sentence with which a factory of this service is refused, or ""."""

    class Factory(ScriptedLanFactory):
        def create(self, gateway):
            return service(gateway)

    try:
        check_lan_service(Factory(), ScriptedConfig())
    except ContractBroken as refused:
        return str(refused)
    return ""


class Good(ScriptedLanService):
    """One socket a LAN, closed in time, whatever happens; the others below get one thing wrong."""

    def __init__(self, gateway):
        super().__init__(gateway, [])
        self.sockets, self.wanted = {}, set()

    def stopService(self):
        for name in list(self.sockets):
            self.sockets.pop(name).close()
        self.wanted.clear()
        return succeed(None)

    def serve(self, lan, config):
        self.wanted.add(lan.name)
        endpoint = Endpoint(ip_address("0.0.0.0"), 5353)
        return self.gateway.host.bind_udp(endpoint, lan.interface).addCallback(self.opened, lan)

    def opened(self, sock, lan):
        if lan.name not in self.wanted:
            sock.close()
            return
        if lan.name in self.sockets:
            self.sockets.pop(lan.name).close()
        self.sockets[lan.name] = sock

    def withdraw(self, lan):
        self.wanted.discard(lan.name)
        if lan.name in self.sockets:
            self.sockets.pop(lan.name).close()
        return succeed(None)


class Clinging(Good):
    """Closes at the stop only."""

    def withdraw(self, lan):
        return succeed(None)


class Careless(Good):
    """Takes the other LAN down as well."""

    def withdraw(self, lan):
        return self.stopService()


class Doubling(Good):
    """Forgets the old socket when a LAN is served again."""

    def opened(self, sock, lan):
        if lan.name in self.wanted:
            self.sockets[lan.name] = sock
        else:
            sock.close()


class Late(Good):
    """Keeps what comes after the end."""

    def opened(self, sock, lan):
        self.wanted.add(lan.name)
        super().opened(sock, lan)


class Refusing(Good):
    def serve(self, lan, config):
        return fail(TypeError("unhashable"))


class Answerless(Good):
    def serve(self, lan, config):
        super().serve(lan, config)


class Forgetful(Good):
    """Stops with a LAN still served, and leaves it."""

    def stopService(self):
        return succeed(None)


class Leaky(Good):
    """Opens two at once and forgets the second if the first is refused."""

    def serve(self, lan, config):
        first = self.gateway.host.bind_udp(Endpoint(ip_address("0.0.0.0"), 1), lan.interface)
        second = self.gateway.host.listen(Endpoint(ip_address("0.0.0.0"), 2), lan.interface)
        return second.addCallback(
            lambda sock: first.addCallback(self.opened, lan).addCallback(lambda _: sock.close())
        )


def test_a_good_service_is_accepted():
    """Two LANs, changes, refusals and ends at any moment: nothing to say."""
    assert checked(Good) == ""


@pytest.mark.parametrize(
    ("service", "sentence"),
    [
        (Clinging, "withdraw(home) with guests still served leaves UDP socket 0.0.0.0:5353 on eth1"),
        (Careless, "withdraw(home) with guests still served lost UDP socket 0.0.0.0:5353 on eth2"),
        (Doubling, "withdraw of a LAN that has become"),
        (Late, "stopService 0.0 s after serve leaves UDP socket"),
        (Refusing, "fails with TypeError('unhashable'), which is no error of errors.py"),
        (Answerless, "serve(guests) must return a Deferred, not None"),
        (Forgetful, "stopService with two LANs served leaves"),
        (Leaky, "serve that failed because of bind_udp, and withdraw leaves TCP socket"),
    ],
)
def test_a_fault_is_named(service, sentence):
    """Each with what is left, where, and after what."""
    assert sentence in checked(service)
