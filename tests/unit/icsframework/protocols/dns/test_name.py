"""Names on the wire and as text."""

from ipaddress import ip_address

import pytest

from icsframework.errors import WireError
from icsframework.protocols.dns import name

WWW = b"\3www\7example\3net\0"


@pytest.mark.parametrize(
    ("text", "wire"),
    [
        ("www.example.net", WWW),
        ("www.example.net.", WWW),
        (".", b"\0"),
        (r"a\.b.c", b"\3a.b\1c\0"),
        (r"a\032b", b"\3a b\0"),
        (r"back\\slash", b"\x0aback\\slash\0"),
    ],
)
def test_text_to_wire(text, wire):
    """A name as people write it becomes its wire form, escapes and a last dot included (RFC 1035 section 5.1)."""
    assert name.name_from_text(text) == wire


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a..b", "1 to 63"),
        (".a", "1 to 63"),
        ("a" * 64, "1 to 63"),
        (".".join(["a" * 60] * 5), "longer than 255"),
        ("bücher.example", "xn--"),
        (r"a\999b", "no octet"),
    ],
)
def test_text_that_is_no_name(text, reason):
    """What is no name is refused with the reason."""
    with pytest.raises(ValueError, match=reason):
        name.name_from_text(text)


def test_wire_to_text():
    """What could be mistaken is escaped, so that a name in a log is the name that was asked."""
    assert name.name_to_text(b"\x05a.b c\3net\0") == r"a\046b\032c.net"
    assert name.name_to_text(b"\0") == "."


def test_reading_follows_pointers():
    """RFC 1035 section 4.1.4: the rest of a name may stand earlier in the message."""
    data = b"\0" * 12 + WWW + b"\4mail\xc0\x10" + b"\xc0\x1d"
    assert name.read_name(data, 12) == (WWW, 29)
    assert name.read_name(data, 29) == (b"\4mail\7example\3net\0", 36)
    assert name.read_name(data, 36) == (b"\4mail\7example\3net\0", 38)
    assert name.skip_name(data, 29) == 36


@pytest.mark.parametrize(
    "data",
    [
        b"\xc0\x00",  # points to itself
        b"\1a\xc0\x00",  # back to its own start
        b"\xc0\x04\0\0\1b\0",  # forwards
        b"\3ab",  # cut in a label
        b"\1a",  # no end
        b"\xc0",  # half a pointer
        b"",
        b"\x41a",  # a reserved label type
        (b"\x3f" + b"a" * 63) * 4 + b"\0",  # 257 octets
    ],
)
def test_names_that_go_wrong(data):
    """A name that loops, leaves the message or is too long is an error, never a hang."""
    with pytest.raises(WireError):
        name.read_name(data, 0)


def test_pointers_are_bounded():
    """A ladder of pointers ends after as many as a name could need."""
    ladder = b"\0\0" + b"".join((0xC000 | 2 * n).to_bytes(2) for n in range(200))
    assert name.read_name(ladder, 2 * 100)[0] == b"\0"
    with pytest.raises(WireError, match="pointer"):
        name.read_name(ladder, 2 * 150)


def test_below():
    """A name lies in a zone by whole labels."""
    zone = name.name_from_text("example.net")
    assert name.is_below(WWW, zone)
    assert name.is_below(zone, zone)
    assert not name.is_below(name.name_from_text("badexample.net"), zone)
    assert not name.is_below(name.name_from_text("net"), zone)
    # the octets of the zone inside another label
    assert not name.is_below(b"\x0cx" + zone[:-1][:11] + b"\0", zone)


@pytest.mark.parametrize("text", ["192.0.2.1", "0.0.0.0", "2001:db8::1"])
def test_reverse_names(text):
    """The reverse name of an address leads back to it."""
    address = ip_address(text)
    assert name.address_of(name.reverse_name(address)) == address


@pytest.mark.parametrize(
    "text",
    [
        "2.0.192.in-addr.arpa",
        "256.2.0.192.in-addr.arpa",
        "01.2.0.192.in-addr.arpa",
        "x.2.0.192.in-addr.arpa",
        "1.2.3.4.5.in-addr.arpa",
        "1.ip6.arpa",
        ".".join(["g"] * 32) + ".ip6.arpa",
        ".".join(["10"] * 32) + ".ip6.arpa",
        "example.net",
    ],
)
def test_names_that_are_no_address(text):
    """Part of an address, or something that only looks like one, is none."""
    assert name.address_of(name.name_from_text(text)) is None
