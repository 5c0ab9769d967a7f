"""Names that are answered here and never leave."""

from ipaddress import ip_address

import pytest

from ics_plugins.lan.dns.local import MAX_PUBLISHED, LocalNames
from icsframework.values import NameRecord

ME = "192.168.0.10:5000 <"
NEGATIVE = " | home.arpa SOA home.arpa ttl=10"


@pytest.fixture
def local(talk):
    """A question's answer as a line, on a LAN with a few names and no uplink; a dial means that it would leave."""
    talk = talk(
        {"hosts": {"nas": ["192.168.0.20", "fd00::20"], "www.example.org": "192.168.0.21"}}, servers=None
    )
    talk.name("printer", "192.168.0.30")

    def ask(name, qtype="A", **how):
        lines = talk.ask(name, qtype, **how)
        return "leaves" if not lines or lines[0].startswith("dial") else lines[0].removeprefix(f"{ME} #1 ")

    ask.talk = talk
    return ask


@pytest.mark.parametrize(
    ("name", "qtype", "answer"),
    [
        # hosts
        ("printer.home.arpa", "A", "printer.home.arpa A NOERROR aa | printer.home.arpa A 192.168.0.30 ttl=60"),
        ("printer", "A", "printer A NOERROR aa | printer A 192.168.0.30 ttl=60"),
        ("PRINTER.Home.Arpa", "A", "PRINTER.Home.Arpa A NOERROR aa | PRINTER.Home.Arpa A 192.168.0.30 ttl=60"),
        ("printer.home.arpa", "AAAA", "printer.home.arpa AAAA NOERROR aa" + NEGATIVE),
        ("printer.home.arpa", "TXT", "printer.home.arpa TXT NOERROR aa" + NEGATIVE),
        ("nas.home.arpa", "AAAA", "nas.home.arpa AAAA NOERROR aa | nas.home.arpa AAAA fd00::20 ttl=60"),
        ("gateway.home.arpa", "A", "gateway.home.arpa A NOERROR aa | gateway.home.arpa A 192.168.0.1 ttl=60"),
        ("www.example.org", "A", "www.example.org A NOERROR aa | www.example.org A 192.168.0.21 ttl=60"),
        ("nobody.home.arpa", "A", "nobody.home.arpa A NXDOMAIN aa" + NEGATIVE),
        ("home.arpa", "A", "home.arpa A NOERROR aa" + NEGATIVE),
        ("home.arpa", "SOA", "home.arpa SOA NOERROR aa" + NEGATIVE),
        ("home.arpa", "NS", "home.arpa NS NOERROR aa | home.arpa NS home.arpa ttl=10"),
        # their addresses
        ("30.0.168.192.in-addr.arpa", "PTR", "30.0.168.192.in-addr.arpa PTR NOERROR aa | 30.0.168.192.in-addr.arpa PTR printer.home.arpa ttl=60"),
        ("1.0.168.192.in-addr.arpa", "PTR", "1.0.168.192.in-addr.arpa PTR NOERROR aa | 1.0.168.192.in-addr.arpa PTR gateway.home.arpa ttl=60"),
        ("1.0.168.192.in-addr.arpa", "A", "1.0.168.192.in-addr.arpa A NOERROR aa | 1.0.168.192.in-addr.arpa SOA 1.0.168.192.in-addr.arpa ttl=10"),
        ("99.0.168.192.in-addr.arpa", "PTR", "99.0.168.192.in-addr.arpa PTR NXDOMAIN aa | 99.0.168.192.in-addr.arpa SOA 99.0.168.192.in-addr.arpa ttl=10"),
        ("0.168.192.in-addr.arpa", "PTR", "0.168.192.in-addr.arpa PTR NOERROR aa | 168.192.in-addr.arpa SOA 168.192.in-addr.arpa ttl=10800"),
        # RFC 6761, 6762, 7686, 9476
        ("localhost", "A", "localhost A NOERROR aa | localhost A 127.0.0.1 ttl=10800"),
        ("any.localhost", "AAAA", "any.localhost AAAA NOERROR aa | any.localhost AAAA ::1 ttl=10800"),
        ("localhost", "MX", "localhost MX NOERROR aa | localhost SOA localhost ttl=10"),
        ("1.0.0.127.in-addr.arpa", "PTR", "1.0.0.127.in-addr.arpa PTR NOERROR aa | 1.0.0.127.in-addr.arpa PTR localhost ttl=10800"),
        ("x.invalid", "A", "x.invalid A NXDOMAIN aa | invalid SOA invalid ttl=10800"),
        ("a.b.test", "A", "a.b.test A NXDOMAIN aa | test SOA test ttl=10800"),
        ("test", "A", "test A NXDOMAIN aa | test SOA test ttl=10800"),
        ("hidden.onion", "A", "hidden.onion A NXDOMAIN aa | onion SOA onion ttl=10800"),
        ("pc.local", "A", "pc.local A NXDOMAIN aa | local SOA local ttl=10800"),
        ("x.alt", "A", "x.alt A NXDOMAIN aa | alt SOA alt ttl=10800"),
        ("_dns.resolver.arpa", 64, "_dns.resolver.arpa 64 NOERROR aa | resolver.arpa SOA resolver.arpa ttl=10800"),
        ("www.example.com", "A", "leaves"),
        # RFC 6303
        ("5.4.3.10.in-addr.arpa", "PTR", "5.4.3.10.in-addr.arpa PTR NXDOMAIN aa | 10.in-addr.arpa SOA 10.in-addr.arpa ttl=10800"),
        ("10.in-addr.arpa", "SOA", "10.in-addr.arpa SOA NOERROR aa | 10.in-addr.arpa SOA 10.in-addr.arpa ttl=10800"),
        ("10.in-addr.arpa", "NS", "10.in-addr.arpa NS NOERROR aa | 10.in-addr.arpa NS 10.in-addr.arpa ttl=10800"),
        ("8.8.8.8.in-addr.arpa", "PTR", "leaves"),
        # one label
        ("printer", 65, "printer 65 NOERROR aa | printer SOA printer ttl=10"),
        ("unknown", 65, "unknown 65 NXDOMAIN aa | unknown SOA unknown ttl=10"),
        ("unknown", "A", "unknown A NXDOMAIN aa | unknown SOA unknown ttl=10"),
        ("com", "NS", "leaves"),
        ("com", "DS", "leaves"),
        (".", "NS", "leaves"),
        (".", "A", "leaves"),
    ],
)  # fmt: skip
def test_answers(local, name, qtype, answer):
    """One question, one answer; what is not ours leaves."""
    assert local(name, qtype) == answer


def test_a_label_that_holds_the_domain_is_not_in_it(local):
    """Octets within a label that look like the domain do not make the name one of ours, and break nothing."""
    assert local(r"a.x\004home\004arpa") == "leaves"
    assert local(r"printer.x\004home\004arpa", "TXT") == "leaves"


def test_the_proof_that_home_arpa_is_not_signed(local):
    """RFC 8375 section 4: DS of home.arpa with DO is the one question that goes to the Internet."""
    assert local("home.arpa", "DS") != "leaves"
    assert local("home.arpa", "DS", edns=1232) != "leaves"
    assert local("x.home.arpa", "DS", edns=1232, do=True) != "leaves"
    assert local("home.arpa", "DS", edns=1232, do=True) == "leaves"


def test_names_come_and_go(local):
    """A lease gives its host the name at once; several owners' addresses add up; a withdrawal takes it away."""
    local.talk.name("tv", "192.168.0.40")
    local.talk.name("tv", "192.168.0.41", "192.168.0.40", owner="other", ttl=30)
    assert local("tv") == "tv A NOERROR aa | tv A 192.168.0.40 ttl=30 | tv A 192.168.0.41 ttl=30"
    local.talk.name("tv", owner="dhcp")
    local.talk.name("tv", "192.168.0.42", owner="other")
    assert local("tv.home.arpa") == "tv.home.arpa A NOERROR aa | tv.home.arpa A 192.168.0.42 ttl=60"
    assert "NXDOMAIN" in local("40.0.168.192.in-addr.arpa", "PTR")
    local.talk.name("tv", owner="other")
    assert "NXDOMAIN" in local("tv.home.arpa")
    assert len(local.talk.proxy.names) == 1


@pytest.mark.parametrize(
    "host",
    ["wpad", "isatap", "localhost", "www.example.com", "a..b", "", ".", "x" * 64, "ü", "gateway", "nas"],
)
def test_what_a_host_may_not_call_itself(local, host):
    """A host cannot take a trusted name, one outside the domain, the gateway's or one the operator has given."""
    before = local("www.example.com"), local("gateway"), local("nas"), local("localhost")
    local.talk.name(host, "192.168.0.66")
    assert (local("www.example.com"), local("gateway"), local("nas"), local("localhost")) == before
    assert "NXDOMAIN" in local("66.0.168.192.in-addr.arpa", "PTR")


def test_full_names_within_the_domain(local):
    """A plugin may publish a full name; inside the domain it counts."""
    local.talk.name("deep.down.home.arpa.", "192.168.0.50")
    assert "192.168.0.50" in local("deep.down.home.arpa")
    assert local("50.0.168.192.in-addr.arpa", "PTR").endswith("PTR deep.down.home.arpa ttl=60")


def test_an_operators_deep_name_makes_its_parents_exist(talk):
    """RFC 8020: above a name that exists there is no NXDOMAIN."""
    t = talk({"hosts": {"a.b.home.arpa": "192.168.0.7"}}, servers=None)
    assert " NOERROR " in t.ask("b.home.arpa")[0]
    assert " NXDOMAIN " in t.ask("c.home.arpa")[0]


def test_another_domain(talk):
    """The operator's domain is local, home.arpa stays so too (RFC 8375 section 4)."""
    t = talk({"domain": "office.example.com", "gateway_name": "router"}, servers=None)
    assert "192.168.0.1" in t.ask("router.office.example.com")[0]
    assert " NXDOMAIN " in t.ask("x.office.example.com")[0]
    assert " NXDOMAIN " in t.ask("x.home.arpa")[0]
    assert t.ask("www.example.com") == ["dial for 192.168.0.10 www.example.com"]


def test_domains_to_forward_all_the_same(talk):
    """``forward`` opens special and private zones for a network further up."""
    t = talk({"forward": ["local", "10.in-addr.arpa", "lab.test"]})
    for name, qtype in (("dc.local", "A"), ("1.0.0.10.in-addr.arpa", "PTR"), ("x.lab.test", "A")):
        assert "<-" in t.ask(name, qtype)[0]
    assert " NXDOMAIN " in t.ask("x.test")[0]


def test_strange_questions_about_local_names(local):
    """An update of a private zone is refused here and does not leave (RFC 6303 section 7); unknown EDNS is BADVERS."""
    assert local("10.in-addr.arpa", "SOA", flags=0x2800).startswith("10.in-addr.arpa SOA NOTIMP")
    version_1 = b"\0\0\x29\4\xd0\0\1\0\0\0\0"
    (answer,) = local.talk.raw(b"\0\1\1\0\0\1\0\0\0\0\0\1\7printer\0\0\1\0\1" + version_1)
    assert answer.message[-6:-4] == b"\1\0"  # extended rcode 1, version 0: BADVERS


def test_many_addresses_by_udp(talk):
    """A local answer that does not fit is cut with TC; by TCP it is whole."""
    name = ".".join(["x" * 60] * 3) + ".home.arpa"
    t = talk({"hosts": {name: [f"fd00::{n}" for n in range(1, 17)]}}, servers=None)
    assert t.ask(name, "AAAA")[0].endswith("NOERROR aa tc")
    assert t.ask(name, "AAAA", tcp=1)[0].count("AAAA fd00::") == 16


def test_published_names_are_bounded():
    """More names than the bound are refused and counted; withdrawn ones make room."""
    names = LocalNames()
    address = (ip_address("192.168.0.9"),)
    for number in range(MAX_PUBLISHED + 5):
        names.update(NameRecord("dhcp", f"h{number}", address, 60))
    assert (len(names), names.refused) == (MAX_PUBLISHED, 5)
    names.update(NameRecord("dhcp", "h0", (), 60))
    names.update(NameRecord("dhcp", "late", address, 60))
    assert names.host(b"\4late\0") is not None
