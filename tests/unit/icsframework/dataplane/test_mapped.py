"""Mappings as elements and back."""

from dataclasses import replace
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsframework.dataplane.dynamic import DYNAMIC
from icsframework.dataplane.mapped import elements_of, mappings_in, owner_of
from icsframework.dataplane.ruleset import Element, Map
from icsframework.values import Endpoint, Mapping

CABLE = ip_address("203.0.113.5")
PC = Endpoint(ip_address("192.168.0.10"), 5000)
SERVER = ip_address("192.0.2.80")
EXPECTATION = Mapping(
    protocol="tcp",
    uplink="cable",
    external=Endpoint(CABLE, 6000),
    to=PC,
    remote=SERVER,
    owner="ftp",
    expires=160.0,
    once=True,
)
OPEN = Mapping("udp", "cable", Endpoint(CABLE, 7000), PC, None, "portmap", None)


def test_an_expectation():
    """It lets its host in once, gives the inside endpoint its own port, and books that port, all for the time it has left."""
    known = {"timeout": 60.0, "comment": "owner=ftp"}
    assert elements_of(EXPECTATION, 0x10000, 100.0) == (
        ("expect_from", Element((0x10000, SERVER, "tcp", 6000), (PC.address, 5000), **known)),
        ("own_port", Element((0x10000, "tcp", PC.address, 5000), (6000,), **known)),
        ("booked", Element((0x10000, "tcp", 6000), (), **known)),
    )


@pytest.mark.parametrize(
    ("once", "remote", "name"),
    [
        (True, SERVER, "expect_from"),
        (True, None, "expect_any"),
        (False, SERVER, "open_from"),
        (False, None, "open_any"),
    ],
)
def test_which_map_lets_it_in(once, remote, name):
    """An expectation and an open port, for one host and for anybody, stand in four maps."""
    made = elements_of(replace(EXPECTATION, once=once, remote=remote), 0x10000, 0.0)
    assert [where for where, _ in made] == [name, "own_port", "booked"]


def test_consecutive_ports():
    """Each port of a mapping leads to the inside port as far from the first one."""
    made = elements_of(replace(OPEN, count=3), 0x20000, 0.0)
    assert [(item.key[-1], item.data[1]) for name, item in made if name == "open_any"] == [
        (7000, 5000),
        (7001, 5001),
        (7002, 5002),
    ]
    assert {item.timeout for _, item in made} == {None}


def test_an_expired_one_gets_the_shortest_time():
    """What has run out is never made to stay for ever, which is what nft takes 0 for."""
    assert {item.timeout for _, item in elements_of(EXPECTATION, 1, 1000.0)} == {0.001}


def test_ipv6_has_none():
    """Nothing is translated in IPv6, so that a mapping of it is a mistake of the caller."""
    six = Endpoint(ip_address("2001:db8::1"), 80)
    with pytest.raises(ValueError, match="IPv6"):
        elements_of(replace(OPEN, to=six), 1, 0.0)


@given(
    st.sampled_from(["tcp", "udp"]),
    st.booleans(),
    st.sampled_from([None, SERVER]),
    st.sampled_from([None, 130.0]),
    st.integers(1, 4),
)
def test_there_and_back(protocol, once, remote, expires, count):
    """What the kernel says of the elements of a mapping is that mapping, port by port."""
    mapping = Mapping(protocol, "cable", Endpoint(CABLE, 6000), PC, remote, "x", expires, count, once)
    sets = {item.name: [] for item in DYNAMIC}
    for name, element in elements_of(mapping, 0x10000, 100.0):
        sets[name].append(replace(element, expires=element.timeout))
    found = mappings_in(sets, {0x10000: ("cable", CABLE)}, 100.0)
    assert found == tuple(
        replace(mapping, external=Endpoint(CABLE, 6000 + i), to=Endpoint(PC.address, 5000 + i), count=1)
        for i in range(count)
    )


def test_elements_of_a_forgotten_uplink():
    """An element whose mark belongs to no uplink leads nowhere and is no mapping."""
    sets = {name: [element] for name, element in elements_of(EXPECTATION, 0x30000, 100.0)}
    assert mappings_in(sets, {0x10000: ("cable", CABLE)}, 100.0) == ()


def test_time_left_counts():
    """Of an element read back, what is left counts and not what it had at first."""
    ((name, element), *_) = elements_of(EXPECTATION, 0x10000, 100.0)
    (found,) = mappings_in({name: [replace(element, expires=7)]}, {0x10000: ("cable", CABLE)}, 500.0)
    assert found.expires == 507.0


def test_owner():
    """The owner stands in the comment; an element of somebody else has none."""
    assert owner_of(Element((1,), comment="owner=ftp")) == "ftp"
    assert owner_of(Element((1,), comment="by hand")) == ""


def test_every_element_fits_its_set():
    """Keys and data have as many fields as the types of the set they go to."""
    types = {item.name: (len(item.type), len(item.data) if isinstance(item, Map) else 0) for item in DYNAMIC}
    for once in (True, False):
        for remote in (None, SERVER):
            for name, element in elements_of(replace(OPEN, once=once, remote=remote), 1, 0.0):
                assert (len(element.key), len(element.data)) == types[name]
