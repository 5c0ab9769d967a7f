"""What makes a lease of a server's message, and what makes it unusable."""

from ipaddress import IPv4Address, IPv4Interface

import pytest

from ics_plugins.uplinks.ethernet.lease import NEVER, Lease, UnusableOffer, from_record, read_lease, to_record
from icsframework.errors import WireError
from icsframework.protocols.dhcp import options

ROUTER = IPv4Address("203.0.113.1")


def addresses(*texts):
    """Addresses as the value of an option."""
    return b"".join(IPv4Address(text).packed for text in texts)


def u32(number):
    """A number as the value of an option."""
    return number.to_bytes(4, "big")


@pytest.fixture
def read(replies):
    """Read an ACK with other options than usual."""
    return lambda address="203.0.113.100", server="203.0.113.1", **changes: read_lease(
        replies(
            "ACK",
            1,
            address,
            server,
            changes={getattr(options, name): value for name, value in changes.items()},
        ),
        50.0,
    )


def test_a_whole_lease(read):
    """Every part is where it belongs, and times count from when it was asked for."""
    lease = read(INTERFACE_MTU=b"\x05\x78", DNS_SERVER=addresses("192.0.2.53", "192.0.2.54"))
    assert lease == Lease(
        IPv4Interface("203.0.113.100/24"), ROUTER, ROUTER,
        (IPv4Address("192.0.2.53"), IPv4Address("192.0.2.54")), 1400, 50.0, 3600.0, 1800.0, 3150.0,
    )  # fmt: skip
    assert (lease.T1, lease.T2, lease.expires) == (1850, 3200, 3650)


@pytest.mark.parametrize(
    ("address", "mask", "length"),
    [
        ("203.0.113.100", "255.255.255.0", 24),
        ("203.0.113.100", "255.255.255.255", 32),
        ("203.0.113.100", "255.255.255.254", 31),
        ("10.1.2.3", "255.0.0.0", 8),
        ("203.0.113.100", None, 24),
        ("172.16.1.1", None, 16),
        ("10.1.2.3", None, 8),
    ],
)
def test_the_mask_or_the_class(read, address, mask, length):
    """RFC 2132 section 3.3; without option 1 the class of the address (RFC 950)."""
    assert read(address, SUBNET_MASK=mask and addresses(mask)).address == IPv4Interface(f"{address}/{length}")


@pytest.mark.parametrize("mask", ["0.0.0.0", "0.0.0.255", "255.0.255.0"])
def test_a_mask_with_holes_is_none(read, mask):
    """A mask is ones and then zeros, and not only zeros: all of the Internet is no subnet."""
    with pytest.raises(UnusableOffer, match=f"{mask} is no subnet mask"):
        read(SUBNET_MASK=addresses(mask))


@pytest.mark.parametrize(
    "address",
    ["0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "203.0.113.0", "203.0.113.255"],
)  # fmt: skip
def test_an_address_no_host_can_have(read, address):
    """Groups, loopback, this network, reserved ones, and the two ends of the subnet."""
    with pytest.raises(UnusableOffer, match="is no address for a host"):
        read(address)


@pytest.mark.parametrize("server", [None, "0.0.0.0", "224.0.0.1"])
def test_a_server_says_who_it_is(read, server):
    """Section 4.3.1 table 3: the server identifier is a must, and renewals go to it."""
    with pytest.raises(UnusableOffer, match="does not say who it is"):
        read(server=server)


@pytest.mark.parametrize(
    ("given", "times"),
    [
        ((3600, None, None), (3600, 1800, 3150)),
        ((3600, 100, 200), (3600, 100, 200)),
        ((3600, None, 200), (3600, 200, 200)),
        ((3600, 3000, None), (3600, 3000, 3150)),
        ((3600, 3400, None), (3600, 1800, 3150)),  # T1 behind T2
        ((3600, 200, 100), (3600, 1800, 3150)),
        ((3600, 1800, 3600), (3600, 1800, 3150)),  # T2 at the end
        ((3600, 0, 1000), (3600, 5, 1000)),
        ((3600, 1, 1), (3600, 1800, 3150)),
        ((10, None, None), (10, 5, 8.75)),
        ((0xFFFFFFFF, None, None), (NEVER, NEVER / 2, NEVER * 0.875)),
    ],
)
def test_times(read, given, times):
    """Section 4.4.5 and RFC 2132 sections 9.2, 9.11, 9.12: the server's times if they are in order, else the defaults."""
    values = [None if one is None else u32(one) for one in given]
    lease = read(LEASE_TIME=values[0], RENEWAL_TIME=values[1], REBINDING_TIME=values[2])
    assert (lease.duration, lease.renewal, lease.rebinding) == times


@pytest.mark.parametrize(
    ("seconds", "why"), [(None, "does not say for how long"), (0, "too short"), (9, "too short")]
)
def test_no_lease_without_its_time(read, seconds, why):
    """Option 51 is a must; what is over before it is used is of no use."""
    with pytest.raises(UnusableOffer, match=why):
        read(LEASE_TIME=seconds if seconds is None else u32(seconds))


@pytest.mark.parametrize(
    ("router", "routes", "result"),
    [
        ("203.0.113.1", None, "203.0.113.1"),
        ("203.0.113.7", "00 cb007109", "203.0.113.9"),  # both: option 3 is ignored
        (None, "08 0a cb007108 00 cb007109", "203.0.113.9"),  # the default is the second
        (None, "00 00000000", None),  # everything is on the link
        (None, "00 cb007109 00 00000000", "203.0.113.9"),  # the first default counts
    ],
)
def test_the_router(read, router, routes, result):
    """RFC 2132 section 3.5, RFC 3442: the default route of option 121 where there is one, else option 3."""
    lease = read(ROUTER=router and addresses(router), CLASSLESS_STATIC_ROUTE=routes and bytes.fromhex(routes))
    assert lease.router == (result and IPv4Address(result))


@pytest.mark.parametrize(
    ("router", "routes"),
    [
        (None, None),
        ("203.0.113.100", None),  # ourselves
        ("0.0.0.0", None),
        ("203.0.113.1", "08 0a cb007108"),  # RFC 3442: option 3 MUST be ignored, and here is no default
    ],
)
def test_no_way_to_the_internet(read, router, routes):
    """An uplink without a router is none."""
    with pytest.raises(UnusableOffer, match="names no router"):
        read(ROUTER=router and addresses(router), CLASSLESS_STATIC_ROUTE=routes and bytes.fromhex(routes))


def test_routers_that_cannot_be_are_passed_over(read):
    """The first that can be a router is taken."""
    lease = read(ROUTER=addresses("0.0.0.0", "203.0.113.100", "224.0.0.1", "203.0.113.9", "203.0.113.8"))
    assert lease.router == IPv4Address("203.0.113.9")


def test_dns_servers_that_cannot_be_are_left_out(read):
    """Each once, in order, without what is no host."""
    given = addresses("0.0.0.0", "192.0.2.9", "255.255.255.255", "192.0.2.8", "192.0.2.9", "127.0.0.1")
    assert [str(one) for one in read(DNS_SERVER=given).dns] == ["192.0.2.9", "192.0.2.8"]
    assert read(DNS_SERVER=None).dns == ()


@pytest.mark.parametrize(("given", "mtu"), [(575, None), (68, None), (576, 576), (9000, 9000), (None, None)])
def test_mtu(read, given, mtu):
    """RFC 2132 section 5.1; less than 576 would cut off what every host must be able to receive."""
    assert read(INTERFACE_MTU=given and given.to_bytes(2, "big")).mtu == mtu


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SUBNET_MASK", b"\xff\xff\xff"),
        ("ROUTER", b"\x01\x02\x03"),
        ("DNS_SERVER", b"\x01\x02\x03\x04\x05"),
        ("LEASE_TIME", b"\x01"),
        ("INTERFACE_MTU", b"\x05"),
        ("CLASSLESS_STATIC_ROUTE", b"\x21" + bytes(9)),
        ("RENEWAL_TIME", b""),
        ("REBINDING_TIME", b"12345"),
    ],
)
def test_an_option_of_a_wrong_length_makes_the_message_unusable(read, name, value):
    """RFC 2132: lengths are fixed, or multiples of 4."""
    with pytest.raises(WireError):
        read(**{name: value})


@pytest.mark.parametrize(
    "changes", [{}, {"CLASSLESS_STATIC_ROUTE": bytes(5)}, {"INTERFACE_MTU": b"\x05\x78"}]
)
def test_a_lease_survives_the_journal(read, changes):
    """What is read back is equal."""
    assert from_record(to_record(read(**changes))) == read(**changes)
