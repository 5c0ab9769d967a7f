"""Reading what the kernel has from nft's JSON."""

import json
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsframework.dataplane.inventory import FoundChain, FoundCounter, FoundHelper, FoundSet, parse
from icsframework.dataplane.ruleset import Element
from icsframework.errors import NftError

LISTING = """{"nftables": [{"metainfo": {"version": "1.0.6", "release_name": "Lester Gooch #5", "json_schema_version": 1}},
{"table": {"family": "inet", "name": "ics", "handle": 1}},
{"counter": {"family": "inet", "name": "leaked", "table": "ics", "handle": 8, "comment": "x", "packets": 3, "bytes": 99}},
{"set": {"family": "inet", "name": "nets", "table": "ics", "type": "ipv4_addr", "handle": 2, "flags": ["interval"],
 "elem": [{"prefix": {"addr": "192.168.0.0", "len": 24}}, {"range": ["10.0.0.1", "10.0.0.9"]}, "192.0.2.1"]}},
{"set": {"family": "inet", "name": "seen", "table": "ics", "type": "inet_service", "handle": 2, "size": 65535, "flags": "timeout", "timeout": 300,
 "elem": [{"elem": {"val": 4000, "timeout": 60, "expires": 59}}]}},
{"map": {"family": "inet", "name": "exp", "table": "ics", "type": ["mark", "ipv4_addr", "inet_proto", "inet_service"], "handle": 1,
 "map": "ipv4_addr . inet_service", "flags": ["timeout"], "elem": [[{"elem": {"val": {"concat": [65536, "192.0.2.1", "tcp", 80]},
 "timeout": 60, "expires": 41, "comment": "owner=ftp"}}, {"concat": ["192.168.0.1", 80]}]]}},
{"map": {"family": "inet", "name": "old", "table": "ics", "type": "ifname", "handle": 1, "map": "verdict", "elem": [["eth0", {"goto": {"target": "x"}}]]}},
{"ct helper": {"family": "inet", "name": "pptp", "table": "ics", "handle": 3, "type": "pptp", "protocol": "tcp", "l3proto": "ip"}},
{"chain": {"family": "inet", "table": "ics", "name": "forward", "handle": 5, "type": "filter", "hook": "forward", "prio": 0, "policy": "accept"}},
{"chain": {"family": "inet", "table": "ics", "name": "plain", "handle": 6}},
{"rule": {"family": "inet", "table": "ics", "chain": "forward", "handle": 20, "expr": [{"drop": null}]}}]}"""


def test_a_real_listing():
    """Chains, sets, maps, counters and helpers are found, elements with time left and comment."""
    found = parse(LISTING)
    assert found.chains == {
        "forward": FoundChain("forward", "filter", "forward", 0),
        "plain": FoundChain("plain"),
    }
    assert found.counters == {"leaked": FoundCounter("leaked", 3, 99)}
    assert set(found.helpers) == {"pptp"}
    assert found.sets["nets"].elements == (
        Element((ip_network("192.168.0.0/24"),)),
        Element(("10.0.0.1-10.0.0.9",)),
        Element((ip_address("192.0.2.1"),)),
    )
    assert found.sets["seen"] == FoundSet(
        "seen", ("inet_service",), (), frozenset({"timeout"}), 65535, 300, (Element((4000,), (), 60, 59),)
    )
    assert found.sets["exp"] == FoundSet(
        "exp",
        ("mark", "ipv4_addr", "inet_proto", "inet_service"),
        ("ipv4_addr", "inet_service"),
        frozenset({"timeout"}),
        elements=(
            Element(
                (65536, ip_address("192.0.2.1"), "tcp", 80),
                (ip_address("192.168.0.1"), 80),
                60,
                41,
                "owner=ftp",
            ),
        ),
    )
    assert found.sets["old"].data == ("verdict",)


def test_helpers_are_found():
    """A conntrack helper is known by name, type and protocol, and is nothing that we would not make."""
    body = {"family": "inet", "name": "pptp", "table": "ics", "handle": 7, "type": "pptp"}
    body |= {"protocol": "tcp", "l3proto": "ip"}
    found = parse(json.dumps({"nftables": [{"ct helper": body}]}))
    assert found.helpers == {"pptp": FoundHelper("pptp", "pptp", "tcp", "ip")}
    assert found.others == frozenset()


@pytest.mark.parametrize(
    "listing",
    [
        "",
        "[]",
        "{}",
        '{"nftables": 1}',
        '{"nftables": [{"set": {}}]}',
        '{"nftables": [1]}',
        "[" * 100000,
        '{"nftables": [{"set": {"name": "a", "type": "mark", "elem": [true]}}]}',
    ],
)
def test_anything_else_is_one_clear_error(listing):
    """What is no listing of a table is an NftError, never another exception."""
    with pytest.raises(NftError, match="does not understand"):
        parse(listing)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["elem", "val", "concat", "prefix", "range", "addr", "len", "name", "type", "map"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["set", "map", "chain", "counter", "rule", "x"]), json_values, max_size=2
        ),
        max_size=4,
    )
)
def test_garbage(objects):
    """Objects of any shape are understood or refused with NftError."""
    try:
        parse(json.dumps({"nftables": objects}))
    except NftError:
        pass
