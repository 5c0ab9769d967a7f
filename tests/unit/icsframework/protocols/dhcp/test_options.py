"""The shapes of DHCP options (RFC 2132, RFC 3397, RFC 3442)."""

from ipaddress import IPv4Address, IPv4Network

import pytest

from icsframework.protocols.dhcp import options
from icsframework.protocols.dhcp.options import MalformedOption

ONE, TWO = IPv4Address("192.0.2.1"), IPv4Address("192.0.2.2")


@pytest.mark.parametrize(
    ("code", "value", "wire"),
    [
        (options.ROUTER, (ONE, TWO), b"\xc0\0\x02\x01\xc0\0\x02\x02"),
        (options.SERVER_IDENTIFIER, ONE, b"\xc0\0\x02\x01"),
        (options.HOST_NAME, "pc", b"pc"),
        (options.LEASE_TIME, 43200, b"\0\0\xa8\xc0"),
        (options.INTERFACE_MTU, 1492, b"\x05\xd4"),
        (options.OPTION_OVERLOAD, 3, b"\x03"),
        (options.DOMAIN_SEARCH, ("home.arpa", "example"), b"\x04home\x04arpa\0\x07example\0"),
        (
            options.CLASSLESS_STATIC_ROUTE,
            ((IPv4Network("0.0.0.0/0"), ONE), (IPv4Network("10.17.0.0/20"), TWO)),
            b"\0\xc0\0\x02\x01\x14\x0a\x11\0\xc0\0\x02\x02",
        ),
        (200, b"\x01\x02", b"\x01\x02"),
    ],
)
def test_each_shape_is_read_and_written(code, value, wire):
    """The table gives every option its shape, and a code we do not know is bytes."""
    shape = options.kind_of(code).shape
    assert (shape.parse(wire), shape.pack(value)) == (value, wire)


@pytest.mark.parametrize(
    ("code", "wire"),
    [
        (options.ROUTER, b""),
        (options.ROUTER, b"\xc0\0\x02"),
        (options.SERVER_IDENTIFIER, b"\xc0\0\x02\x01\x01"),
        (options.LEASE_TIME, b"\0\0\0"),
        (options.HOST_NAME, b"\0\0"),
        (options.DOMAIN_SEARCH, b""),
        (options.DOMAIN_SEARCH, b"\x04home"),
        (options.DOMAIN_SEARCH, b"\x41" + b"a" * 65 + b"\0"),
        (options.DOMAIN_SEARCH, b"\xc0\0"),
        (options.DOMAIN_SEARCH, b"\x01a\xc0"),
        (options.DOMAIN_SEARCH, b"\x01a\xc0\x09\0"),
        (options.CLASSLESS_STATIC_ROUTE, b""),
        (options.CLASSLESS_STATIC_ROUTE, b"\x21\xc0\0\x02\x01\xc0\0\x02\x01"),
        (options.CLASSLESS_STATIC_ROUTE, b"\x08\x0a\xc0\0\x02"),
    ],
)
def test_a_wrong_length_is_refused(code, wire):
    """RFC 2132 section 2: a value that its definition does not allow is a MalformedOption."""
    with pytest.raises(MalformedOption):
        options.kind_of(code).shape.parse(wire)


def test_a_flag_is_0_or_1():
    """Other values are refused."""
    assert (options.parse_flag(b"\x01"), options.parse_flag(b"\0"), options.pack_flag(True)) == (
        True,
        False,
        b"\x01",
    )
    with pytest.raises(MalformedOption):
        options.parse_flag(b"\x02")


def test_text_loses_trailing_nuls_and_what_cannot_be_printed():
    """RFC 2132 section 2: receivers strip trailing NULs; control characters never reach a log."""
    assert options.parse_text(b"pc\0\0") == "pc"
    assert options.parse_text(b"a\x1b[2J\xff") == "a?[2J?"


def test_compressed_domains_are_read():
    """RFC 3397: a pointer leads back into the same option."""
    wire = b"\x03eng\x05apple\x03com\0\x09marketing\xc0\x04"
    assert options.parse_domains(wire) == ("eng.apple.com", "marketing.apple.com")


def test_padding_is_skipped_and_the_end_ends():
    """0 is padding wherever it stands, 255 ends the field, and the end may be missing."""
    read: dict[int, bytes] = {}
    options.parse_options(b"\0\x0c\x02pc\0\x01\x00\xff\x0c\x01x", 0, 12, read)
    assert read == {12: b"pc", 1: b""}
    read = {}
    options.parse_options(b"\x0c\x02pc", 0, 4, read)
    assert read == {12: b"pc"}


def test_the_request_list_is_honoured_once_each():
    """RFC 2131 section 4.3.1: in the order asked for, each at most once, none without a value."""
    assert options.listed(b"\x06\x03\x06\x2a\x01", {1: b"", 3: b"", 6: b""}) == [6, 3, 1]


def test_every_known_option_has_its_own_name():
    """Codes and names are unique, so that a configuration can use either."""
    assert len(options.KINDS) == len(options.BY_NAME)
    assert options.BY_NAME["ntp-server"].code == 42
    assert options.kind_of(222).name == "option-222"
