"""What all kinds have in common: each fault in a plugin's life is named."""

import socket
from ipaddress import ip_address

import pytest
from twisted.internet import reactor
from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from icsframework.errors import UplinkFailed
from icsframework.interfaces import ILanService
from icsframework.testing.contract_life import attempt, check_life, check_reconfigure, created, whole
from icsframework.testing.lan import ScriptedLanService
from icsframework.testing.stage import ContractBroken, Stage
from icsframework.values import Applied, Endpoint, LeaseView, RestartMe

ANY = Endpoint(ip_address("0.0.0.0"), 67)
LEASE = LeaseView(ip_address("192.168.0.9"), "02:00:00:00:00:01", "", "pc", None, "home")


def nothing(gateway):
    """A plugin without a fault."""


def fails(check, *arguments):
    """The sentence with which a check refuses."""
    with pytest.raises(ContractBroken) as refused:
        check(*arguments)
    return str(refused.value)


def maker(in_create=nothing, in_start=nothing, in_stop=nothing, kind=ScriptedLanService):
    """Makes plugins that do something they should not at one point of their life."""

    class Faulty(kind):
        def __init__(self, gateway):
            super().__init__(gateway, [])
            in_create(gateway)

        def startService(self):
            in_start(self.gateway)

        def stopService(self):
            in_stop(self.gateway)
            return succeed(None)

    return lambda stage: Faulty(stage.gateway)


FAULTS = {
    "UDP socket": lambda gateway: gateway.host.bind_udp(ANY, "eth1"),
    "TCP socket": lambda gateway: gateway.host.listen(ANY, "eth1"),
    "packet socket on eth1": lambda gateway: gateway.host.open_packet("eth1", None),
    "TUN device icsu": lambda gateway: gateway.host.open_tun("icsu", 1400),
    "serial line /dev/ttyS0": lambda gateway: gateway.host.open_serial("/dev/ttyS0", 9600),
    "timer of nothing": lambda gateway: gateway.clock.call_later(500, nothing, None),
    "watch of interface eth1": lambda gateway: gateway.host.watch_interface("eth1", nothing),
    "watch of names": lambda gateway: gateway.names.watch(nothing),
    "watch of leases": lambda gateway: gateway.leases.watch(lambda lease, granted: None),
    "watch of uplinks": lambda gateway: gateway.uplinks.watch(nothing),
    "watch of events": lambda gateway: gateway.events.watch(nothing),
    "lease 192.168.0.9 on home": lambda gateway: gateway.leases.publish(LEASE),
    "name pc of me": lambda gateway: gateway.names.publish("me", "pc", [LEASE.address], 60),
    "open journal j": lambda gateway: gateway.store.open("j", 1),
    "timer of nothing in the reactor": lambda gateway: reactor.callLater(500, nothing, None),
}


@pytest.mark.parametrize("what", FAULTS)
def test_what_is_acquired_by_create_is_named(what):
    """create starts nothing, of whatever sort."""
    with Stage(("eth1",)) as stage:
        said = fails(created, stage, maker(in_create=FAULTS[what]), ILanService)
    assert "create" in said
    assert what in said or "create must start nothing" in said


@pytest.mark.parametrize("what", FAULTS)
def test_what_is_left_by_stop_is_named(what):
    """What was acquired at the start and not given back."""
    with Stage(("eth1",)) as stage:
        said = fails(check_life, stage, maker(in_start=FAULTS[what]), ILanService)
    assert said.startswith("stopService leaves ")
    assert what in said
    assert not reactor.getDelayedCalls()  # the stage leaves nothing either


def test_a_faultless_life():
    """Nothing is said of a plugin that gives back what it took."""
    taken = []
    take = maker(
        in_start=lambda gateway: taken.append(gateway.names.watch(nothing)),
        in_stop=lambda gateway: taken.pop()(),
    )
    with whole(Stage()) as stage:
        check_life(stage, take, ILanService)
    assert taken == []


def test_a_socket_of_its_own_is_found():
    """One that was opened behind the host's back."""
    kept = []

    def run():
        with whole(Stage()) as stage:
            check_life(stage, maker(in_start=lambda _: kept.append(socket.socket())), ILanService)

    assert "leaves descriptor" in fails(run)
    for sock in kept:
        sock.close()


def test_status_must_be_json():
    """A value that no JSON can hold shows before, while and after."""
    for details in ({"seen": {1}}, {"rate": float("nan")}):
        make = maker(in_create=lambda gateway, d=details: gateway.status.details(lambda: d))
        with Stage() as stage:
            assert "the status details before the start are not JSON" in fails(
                created, stage, make, ILanService
            )


def test_a_product_that_does_not_provide_its_kind_is_named():
    """An object of another kind."""
    with Stage() as stage:
        assert "implement" in fails(created, stage, lambda stage: object(), ILanService)


@implementer(ILanService)
class Half:
    """Says that it is an ILanService."""


def test_a_missing_method_is_named():
    """What is promised but not there."""
    with Stage() as stage:
        assert "serve" in fails(created, stage, lambda stage: Half(), ILanService)


@pytest.mark.parametrize("answer", [Applied(), RestartMe(), None, "yes"])
def test_reconfigure_answers_one_of_two(answer):
    """Anything else is named."""

    class Changing:
        def reconfigure(self, new):
            return succeed(answer)

    with Stage() as stage:
        if isinstance(answer, Applied | RestartMe):
            check_reconfigure(stage, Changing(), None)
        else:
            assert "must answer Applied() or RestartMe()" in fails(check_reconfigure, stage, Changing(), None)


def test_an_attempt_may_fail_with_an_error_for_people_only():
    """An IcsError is an answer, a TypeError a defect, and a Deferred that never fires another."""
    refused = UplinkFailed("no carrier")
    with Stage() as stage:
        assert attempt(stage, fail(refused), "connect") is refused
        assert "is no error of errors.py" in fails(attempt, stage, fail(TypeError("x")), "connect")
        assert "never fires" in fails(attempt, stage, Deferred(), "connect")
