"""The few values that compute something."""

from ipaddress import IPv4Address, IPv4Interface, IPv6Address

from icsframework.values import Cause, Endpoint, Family, Lan, Link, Readiness, Side, Up, UplinkView

V4 = Family((IPv4Interface("203.0.113.5/24"),), IPv4Address("203.0.113.1"))
LINK = Link("eth0", 2, None, "ethernet", "kernel", 1500, False, 0.0, V4)


def test_endpoints_read_as_people_write_them() -> None:
    """An IPv6 address is in brackets."""
    assert str(Endpoint(IPv4Address("192.0.2.1"), 80)) == "192.0.2.1:80"
    assert str(Endpoint(IPv6Address("fd00::1"), 80)) == "[fd00::1]:80"


def test_only_ready_is_ready() -> None:
    """Every other kind keeps the plugin from being created."""
    others = (Readiness.misconfigured("x"), Readiness.missing("x", "y"), Readiness.unsupported("x"))
    assert [r.is_ready for r in (Readiness.ready(), *others)] == [True, False, False, False]


def test_small_computations() -> None:
    """A LAN's subnet, a link's families, a view's link, the other side."""
    assert str(Lan("home", "eth1", 3, "02::1", IPv4Interface("192.168.0.1/24")).network) == "192.168.0.0/24"
    assert LINK.families == (V4,)
    assert UplinkView("cable", Up(LINK)).link == LINK
    assert (Side.CLIENT.other, Side.SERVER.other) == (Side.SERVER, Side.CLIENT)


def test_a_cause_in_words() -> None:
    """The rule, who, and what for."""
    assert str(Cause("always")) == "always"
    assert (
        str(Cause("dns", IPv4Address("192.168.0.9"), protocol="udp", name="a.example"))
        == "dns, 192.168.0.9, udp a.example"
    )
    assert str(
        Cause("wake", IPv4Address("192.168.0.9"), hostname="pc", protocol="tcp", destination="192.0.2.1:80")
    ) == ("wake, pc, tcp 192.0.2.1:80")
