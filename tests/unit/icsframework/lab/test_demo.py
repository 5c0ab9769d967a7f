from ipaddress import IPv4Address, IPv4Interface

import pytest

from icsframework.lab.clients import Fetched, Lease
from icsframework.lab.demo import (
    called,
    check_distinct,
    describe_modems,
    find_pcs,
    find_site,
    joined,
    look_up,
    visit_site,
)
from icsframework.lab.errors import LabError
from icsframework.lab.parse import default_text, parse_lab

SPEC = parse_lab(default_text())
SITE = find_site(SPEC)
LEASE = Lease(
    "udhcpc",
    IPv4Interface("192.168.0.100/24"),
    IPv4Address("192.168.0.1"),
    (IPv4Address("192.168.0.1"),),
    "home.arpa",
    600,
    IPv4Address("192.168.0.1"),
)


class Pc:
    """A PC that resolves and fetches what the test says."""

    name = "pc1"

    def __init__(self, addresses=(), pages=None):
        self.addresses = addresses
        self.pages = pages or {}

    def resolve(self, name):
        return self.addresses

    def fetch(self, url):
        return self.pages[url]


def test_who_plays_which_part():
    """PCs are what uses DHCP and is no gateway; the site is the first named web server."""
    assert find_pcs(SPEC) == [("pc1", "eth0"), ("pc2", "eth0")]
    assert (SITE.url, SITE.host.name) == ("http://www.example.net", "server")


def test_modems_are_mentioned():
    """With their speed, if their lines have one; and what they called last."""
    spec = parse_lab("hosts: {a: {modems: {m: {rate: 9600}}}, b: {modems: {n: {}}}}")
    assert describe_modems(spec) == "; a has a modem for 9600 bit/s; b has a modem"
    assert describe_modems(SPEC) == ""

    class Dialler:
        """A host whose modem has called somebody."""

        def __init__(self, name, *numbers):
            self.spec, self.modem, self.numbers = spec.hosts[name], self, list(numbers)

        def look(self):
            return {"dialled": self.numbers}

    assert [called(Dialler("a", "200", "123")), called(Dialler("a"))] == ["called 123, ", ""]


def test_another_port_is_in_the_url():
    """A site beside port 80 is asked there."""
    text = "segments: [a]\nhosts: {s: {interfaces: {e: {segment: a, address: 192.0.2.1/24}}, web: {port: 8080}, dns: {names: {w.example: 192.0.2.1}}}}"
    assert find_site(parse_lab(text)).url == "http://w.example:8080"


def test_a_lab_without_a_site_cannot_be_shown():
    """The sentence says what is missing."""
    with pytest.raises(LabError, match="needs a host with `web`"):
        find_site(parse_lab("hosts: {a: {}}"))


def test_joining_needs_router_and_dns():
    """An address alone is no success."""
    assert (
        joined("pc1", LEASE) == "pc1 got 192.168.0.100 by DHCP (udhcpc); router 192.168.0.1, DNS 192.168.0.1"
    )
    for lacking in ({"router": None}, {"dns": ()}):
        lease = Lease(**{name: getattr(LEASE, name) for name in Lease.__slots__} | lacking)
        with pytest.raises(LabError, match="no router or no DNS server"):
            joined("pc1", lease)


def test_two_pcs_with_one_address_are_a_failure():
    """Both are named."""
    check_distinct({"pc1": LEASE})
    with pytest.raises(LabError, match=r"pc1 and pc2 both got 192\.168\.0\.100"):
        check_distinct({"pc1": LEASE, "pc2": LEASE})


def test_a_wrong_address_is_a_failure():
    """The name must lead to the server."""
    assert look_up(Pc(("192.0.2.80",)), SITE) == "pc1 resolved www.example.net to 192.0.2.80"
    for addresses, text in (((), "nothing"), (("192.0.2.1",), r"192\.0\.2\.1")):
        with pytest.raises(LabError, match=f"to {text}, not 192"):
            look_up(Pc(addresses), SITE)


@pytest.mark.parametrize(
    ("page", "seen", "failure"),
    [
        (Fetched(200, b"Hello from the other side of the Internet.\n", 0.1), b"203.0.113.5 4711\n", ""),
        (
            Fetched(200, b"Hello from the other side of the Internet.\n", 0.1),
            b"192.168.0.100 4711\n",
            "nothing translated it",
        ),
        (Fetched(200, b"Hello from", 0.1), b"203.0.113.5 4711\n", "10 bytes: not the page"),
        (
            Fetched(500, b"Hello from the other side of the Internet.\n", 0.1),
            b"203.0.113.5 1\n",
            "status 500",
        ),
    ],
)
def test_the_page_must_be_the_page_and_come_through_nat(page, seen, failure):
    """Status, content and the address the server saw all count."""
    pc = Pc(pages={SITE.url + "/": page, SITE.url + "/ip": Fetched(200, seen, 0.1)})
    if not failure:
        assert visit_site(pc, SITE, LEASE).endswith("server saw it come from 203.0.113.5: NAT works")
        return
    with pytest.raises(LabError, match=failure):
        visit_site(pc, SITE, LEASE)
