"""Lists of interfaces from the kernel."""

import struct
from ipaddress import ip_interface

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsframework.errors import WireError
from icsframework.protocols.netlink import (
    DumpInterrupted,
    LinkAddress,
    NetlinkError,
    dump_addresses,
    dump_links,
    interfaces,
    parse,
)
from icsframework.values import InterfaceInfo


def attribute(kind, data):
    raw = struct.pack("=HH", 4 + len(data), kind) + data
    return raw + bytes(-len(raw) % 4)


def message(kind, payload, sequence=7, flags=2):
    return struct.pack("=IHHII", 16 + len(payload), kind, flags, sequence, 99) + payload


def link(index=3, name="eth0", flags=1, mac=b"\2\0\x5e\0\x53\1", more=b""):
    body = struct.pack("=BxHiII", 0, 1, index, flags, 0)
    return (
        body
        + attribute(3, name.encode() + b"\0")
        + attribute(1, mac)
        + attribute(4, struct.pack("=I", 1400))
        + more
    )


def address(raw, prefix=24, index=3, local=None):
    family = 2 if len(raw) == 4 else 10
    body = struct.pack("=BBBBI", family, prefix, 0x80, 0, index) + attribute(1, raw)
    return body + (attribute(2, local) if local else b"")


DONE = message(3, bytes(4))
VETH = attribute(33, b"\1") + attribute(18, attribute(1, b"veth\0"))


def test_an_answer():
    """Links and addresses become interfaces, in the order of their indexes."""
    answer = message(16, link(5, "wan0", flags=0)) + message(16, link(3, more=VETH)) + DONE
    links, last = parse(answer, 7)
    assert last
    addresses, _ = parse(
        message(20, address(bytes([192, 168, 0, 1]))) + message(20, address(bytes(15) + b"\1", 128)) + DONE, 7
    )
    assert interfaces(links + addresses) == [
        InterfaceInfo(
            "eth0",
            3,
            "02:00:5e:00:53:01",
            1400,
            True,
            True,
            (ip_interface("192.168.0.1/24"), ip_interface("::1/128")),
            "veth",
        ),
        InterfaceInfo("wan0", 5, "02:00:5e:00:53:01", 1400, False, False),
    ]


def test_the_local_address_of_a_point_to_point_link():
    """IFA_LOCAL is ours, IFA_ADDRESS the peer's."""
    items, _ = parse(message(20, address(bytes([10, 0, 0, 2]), 32, local=bytes([10, 0, 0, 1]))), 7)
    assert items == [LinkAddress(3, ip_interface("10.0.0.1/32"))]


def test_answers_to_other_questions_are_ignored():
    """A late answer to an earlier request is not mixed in."""
    assert parse(message(16, link(), sequence=6), 7) == ([], False)


def test_errors():
    """The kernel's error number, and the wish to be asked again."""
    with pytest.raises(NetlinkError) as caught:
        parse(message(2, struct.pack("=i", -1) + bytes(16)), 7)
    assert caught.value.code == 1
    with pytest.raises(DumpInterrupted):
        parse(message(16, link(), flags=0x10), 7)


def test_requests():
    """Both are dumps with our sequence number."""
    for request, kind in ((dump_links(7), 18), (dump_addresses(7), 22)):
        length, found, flags, sequence, _ = struct.unpack_from("=IHHII", request)
        assert (length, found, flags, sequence) == (len(request), kind, 0x301, 7)


@given(st.binary(max_size=200))
def test_garbage(data):
    """Anything at all is read or refused with WireError."""
    try:
        parse(data, 7)
    except WireError:
        pass


@given(st.integers(0, 255), st.integers(0, 120))
def test_damaged_answers(byte, at):
    """A wrong byte anywhere is read or refused, and never loops."""
    answer = bytearray(message(16, link(more=VETH)) + message(20, address(bytes(4))) + DONE)
    answer[at % len(answer)] = byte
    try:
        items, _ = parse(bytes(answer), 7)
        interfaces(items)
    except WireError:
        pass


@pytest.mark.parametrize("cut", range(1, 60))
def test_cut_answers(cut):
    """A message that ends early is refused."""
    whole = message(16, link())
    with pytest.raises(WireError):
        parse(whole[:-cut], 7)
