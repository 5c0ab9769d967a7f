"""The cause of a request for a link."""

from ipaddress import ip_address

from icsframework.errors import UplinkRefused
from icsframework.helpers.wanted import ask_nobody, asker
from icsframework.testing.gateway import FakeGateway
from icsframework.values import Cause, Endpoint, LeaseView

PC, SERVER = Endpoint(ip_address("192.168.0.10"), 40000), Endpoint(ip_address("192.0.2.80"), 21)


def test_everything_that_is_known_is_in_the_cause():
    """Who by lease, where to by address, port and the name looked up before; the rule is for the supervisor to find."""
    gateway = FakeGateway("helper.ftp")
    gateway.leases.publish(LeaseView(PC.address, "02:00:5e:00:53:02", "", "pc1", None, "home"))
    gateway.names.resolved(PC.address, "ftp.example.net", [SERVER.address], 60)
    assert not asker(gateway)(PC, SERVER).called
    assert gateway.uplinks.requested == [
        Cause("helper.ftp", PC.address, "02:00:5e:00:53:02", "pc1", "tcp", "192.0.2.80:21", "ftp.example.net")
    ]


def test_a_stranger():
    """Has an address and nothing else."""
    gateway = FakeGateway("helper.ftp")
    asker(gateway)(PC, Endpoint(ip_address("2001:db8::1"), 21))
    assert gateway.uplinks.requested == [
        Cause("helper.ftp", PC.address, protocol="tcp", destination="[2001:db8::1]:21")
    ]


def test_where_nobody_can_be_asked():
    """The refusal says so."""
    errors = []
    ask_nobody(PC, SERVER).addErrback(lambda failure: errors.append(failure.value))
    (error,) = errors
    assert isinstance(error, UplinkRefused)
    assert "nobody" in str(error)
