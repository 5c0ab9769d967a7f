import pytest

from icsframework.lab.errors import LabSpecError
from icsframework.lab.zone import Answer, Record, Zone

ZONE = Zone(
    {
        "www.example.net": ("192.0.2.80", "2001:db8::80"),
        "Alias.example.net.": ("CNAME www.example.net",),
        "gone.example.net": ("CNAME nowhere.example.net",),
        "loop.example.net": ("CNAME loop.example.net",),
        "example.net": ("MX 10 mail.example.net", "TXT two  words", "SRV 1 2 5060 sip.example.net"),
        "*.wild.example.net": ("192.0.2.90",),
    }
)
A = Record("www.example.net", "A", ("192.0.2.80",))
ALIAS = Record("alias.example.net", "CNAME", ("www.example.net",))


@pytest.mark.parametrize(
    ("name", "type", "records", "exists"),
    [
        ("www.example.net", "A", (A,), True),
        ("WWW.Example.Net.", "A", (A,), True),
        ("www.example.net", "TXT", (), True),
        ("alias.example.net", "A", (ALIAS, A), True),
        ("alias.example.net", "CNAME", (ALIAS,), True),
        ("gone.example.net", "A", (Record("gone.example.net", "CNAME", ("nowhere.example.net",)),), False),
        ("example.net", "MX", (Record("example.net", "MX", ("10", "mail.example.net")),), True),
        ("example.net", "TXT", (Record("example.net", "TXT", ("two  words",)),), True),
        ("example.net", "SRV", (Record("example.net", "SRV", ("1", "2", "5060", "sip.example.net")),), True),
        ("x.wild.example.net", "A", (Record("x.wild.example.net", "A", ("192.0.2.90",)),), True),
        ("wild.example.net", "A", (), True),
        ("net", "A", (), True),
        ("nothing.example.net", "A", (), False),
        (
            "80.2.0.192.in-addr.arpa",
            "PTR",
            (Record("80.2.0.192.in-addr.arpa", "PTR", ("www.example.net",)),),
            True,
        ),
    ],
)
def test_lookups(name, type, records, exists):
    """Names without regard to case, aliases followed, NODATA told from NXDOMAIN, reverse names by themselves."""
    found = ZONE.lookup(name, type)
    assert (found.records, found.exists) == (records, exists)


def test_a_loop_of_aliases_ends():
    """A CNAME that leads to itself is answered with a bounded chain."""
    assert len(ZONE.lookup("loop.example.net", "A").records) == 8


def test_any_gives_all():
    """ANY is every record of the name; negative answers name the zone by its last two labels."""
    assert [record.type for record in ZONE.lookup("www.example.net", "ANY").records] == ["A", "AAAA"]
    assert ZONE.lookup("a.b.example.net", "A") == Answer((), False, "example.net")


@pytest.mark.parametrize(
    "text", ["", "AAA 1", "MX mail.example.net", "MX x mail", "A", "SRV 1 2 x y", "192.0.2"]
)
def test_records_that_cannot_be_read(text):
    """The sentence names the owner and the text."""
    with pytest.raises(LabSpecError, match=f"^x.example: '{text}'"):
        Zone({"x.example": (text,)})
