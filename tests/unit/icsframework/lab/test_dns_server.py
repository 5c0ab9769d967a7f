import pytest
from twisted.names import dns

from icsframework.lab.dns_server import ZoneFactory
from icsframework.lab.zone import Zone

ZONE = Zone(
    {
        "www.example.net": ("192.0.2.80", "2001:db8::80"),
        "alias.example.net": ("CNAME www.example.net",),
        "example.net": ("MX 10 mail.example.net", "SRV 1 2 3 sip.example.net", "NS ns.example.net"),
        "big.example.net": ("TXT " + "x" * 600,),
    }
)


class Recorder:
    """A protocol that keeps what is written."""

    def __init__(self):
        self.written = []

    def writeMessage(self, message, address=None):
        self.written.append(message)


def ask(name, type, size=None, tcp=False):
    """The answer to one question, decoded from its bytes; ``size``: what the client offers by EDNS."""
    message = dns.Message(id=7, recDes=1)
    message.timeReceived = 0
    message.maxSize = 0
    message.addQuery(name.encode(), type)
    if size:
        message.additional = [dns.RRHeader(b"", dns.OPT, size, 0, payload=dns.UnknownRecord(b""))]
    recorder = Recorder()
    ZoneFactory(ZONE, 60).messageReceived(message, recorder, None if tcp else ("192.0.2.1", 5353))
    answer = dns.Message()
    (written,) = recorder.written
    answer.fromStr(written.toStr())
    return answer


def test_an_answer():
    """Records with their ttl; recursion asked for and offered, as by a provider's resolver."""
    answer = ask("alias.example.net", dns.A)
    assert [(record.name.name, record.type, record.ttl) for record in answer.answers] == [
        (b"alias.example.net", dns.CNAME, 60),
        (b"www.example.net", dns.A, 60),
    ]
    assert answer.answers[1].payload.dottedQuad() == "192.0.2.80"
    assert (answer.id, answer.answer, answer.recDes, answer.recAv, answer.rCode) == (7, 1, 1, 1, dns.OK)


@pytest.mark.parametrize(("type", "count"), [(dns.MX, 1), (dns.SRV, 1), (dns.NS, 1), (dns.ALL_RECORDS, 3)])
def test_record_types(type, count):
    """Every type of the table survives encoding and decoding."""
    assert len(ask("example.net", type).answers) == count


@pytest.mark.parametrize(
    ("name", "rcode"),
    [("nothing.example.net", dns.ENAME), ("www.example.net", dns.OK), ("example.net", dns.OK)],
)
def test_negative_answers_carry_the_soa(name, rcode):
    """NXDOMAIN and NODATA both, so that they can be kept (RFC 2308)."""
    answer = ask(name, dns.TXT)
    assert (answer.rCode, answer.answers) == (rcode, [])
    assert [record.type for record in answer.authority] == [dns.SOA]
    assert answer.authority[0].payload.minimum == 60


@pytest.mark.parametrize(
    ("offer", "whole"),
    [({}, False), ({"size": 100}, False), ({"size": 1232}, True), ({"tcp": True}, True)],
)
def test_long_answers_are_cut_for_udp_only(offer, whole):
    """512 bytes without EDNS, what the client offers with it, everything by TCP."""
    answer = ask("big.example.net", dns.TXT, **offer)
    assert (answer.trunc, len(answer.answers)) == ((0, 1) if whole else (1, 0))
    if whole:
        assert b"".join(answer.answers[0].payload.data) == b"x" * 600
