"""What nft lists as values; whatever stands in it, nothing breaks."""

import json
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsframework.dataplane import filters_nft
from icsframework.dataplane.filters import ACCEPT, DROP, END, FoundRule, Match, Opaque, Span, Verdict
from icsframework.errors import NftError

TCP = Match("proto", ("tcp",))


IPV4 = Match("nfproto", ("ipv4",))


def nft_rule(*statements):
    """One rule as nft lists it."""
    chain = {"family": "inet", "table": "t", "name": "c", "type": "filter", "hook": "input", "policy": "drop"}
    rule = {"family": "inet", "table": "t", "chain": "c", "expr": list(statements)}
    filters = filters_nft.parse(
        json.dumps({"nftables": [{"metainfo": {}}, {"chain": chain}, {"rule": rule}]})
    )
    found = filters.tables["inet", "t"]["c"]
    assert (found.hook, found.policy, found.count) == ("input", "drop", 1)
    return list(found.rules)


def match(left, right, op="=="):
    """A match statement."""
    return {"match": {"op": op, "left": left, "right": right}}


PORT = {"payload": {"protocol": "tcp", "field": "dport"}}


IIF = {"meta": {"key": "iifname"}}


@pytest.mark.parametrize(
    ("statement", "tests"),
    [
        (match(IIF, "eth*"), (Match("iif", ("eth*",)),)),
        (match(IIF, {"set": ["a", "b"]}, "!="), (Match("iif", ("a", "b"), True),)),
        (match(PORT, 80), (TCP, Match("dport", (Span(80, 80),)))),
        (match(PORT, {"set": [{"range": [1, 9]}]}), (TCP, Match("dport", (Span(1, 9),)))),
        (match(PORT, 80, "<"), (Opaque("operator <"),)),
        (
            match(
                {"payload": {"protocol": "ip", "field": "saddr"}}, {"prefix": {"addr": "10.0.0.0", "len": 8}}
            ),
            (IPV4, Match("saddr", (ip_network("10.0.0.0/8"),))),
        ),
        (match({"ct": {"key": "state"}}, ["new", "related"], "in"), (Match("state", ("new", "related")),)),
        (match({"ct": {"key": "mark"}}, 7), (Opaque('{"ct": {"key": "mark"}}'),)),
        (match({"meta": {"key": "l4proto"}}, "@set"), (Opaque('{"meta": {"key": "l4proto"}}'),)),
        ({"xt": {"type": "match", "name": "conntrack"}}, (Opaque("conntrack"),)),
        ({"xt": {"type": "match", "name": "comment"}}, ()),
        ({"xt": None}, (Opaque("xt"),)),
        ({"limit": {"rate": 3}}, (Opaque("limit"),)),
        ({"counter": {"packets": 1}}, ()),
    ],
)
def test_tests_of_nft(statement, tests):
    """Fields that a rule about our traffic can depend on are read; the rest is opaque."""
    assert nft_rule(statement, {"accept": None}) == [FoundRule(tests, ACCEPT)]


@pytest.mark.parametrize(
    ("statement", "verdict"),
    [
        ({"drop": None}, DROP),
        ({"reject": {"type": "icmpx"}}, DROP),
        ({"return": None}, END),
        ({"jump": {"target": "x"}}, Verdict("jump", "x")),
        ({"queue": {"num": 0}}, Verdict("unknown")),
        ({"xt": {"type": "target", "name": "REJECT"}}, DROP),
        ({"xt": {"type": "target", "name": "LOG"}}, None),
        ({"log": {"prefix": "x"}}, None),
        ({"vmap": {"key": IIF, "data": "@map"}}, Verdict("unknown")),
    ],
)
def test_verdicts_of_nft(statement, verdict):
    """What ends a rule, and what only looks on."""
    assert nft_rule(statement) == [FoundRule((), verdict)]


def test_a_verdict_map_is_several_rules():
    """One for each key."""
    data = {"set": [["a", {"accept": None}], ["b", {"goto": {"target": "x"}}]]}
    assert nft_rule({"vmap": {"key": IIF, "data": data}}) == [
        FoundRule((Match("iif", ("a",)),), ACCEPT),
        FoundRule((Match("iif", ("b",)),), Verdict("goto", "x")),
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


WORD = st.sampled_from(["match", "vmap", "xt", "jump", "limit", "accept"])


@given(st.lists(st.dictionaries(WORD, JSON, min_size=1, max_size=2)))
def test_no_json_breaks_nft(expression):
    """What is no listing is one kind of error, whatever it is."""
    rule = {"rule": {"family": "ip", "table": "t", "chain": "c", "expr": expression}}
    for text in (json.dumps({"nftables": [rule]}), json.dumps(expression), "{"):
        try:
            filters_nft.parse(text)
        except NftError:
            pass


def test_a_statement_without_json():
    """nft writes the text of what it has no JSON for; the rule counts, and its verdict is that behind it."""
    update = "delete @expected { ct mark . ip saddr : ip daddr }"
    assert nft_rule(update, {"accept": None}) == [FoundRule((), ACCEPT)]
