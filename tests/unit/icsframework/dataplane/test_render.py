"""Which form a load takes, and what is in it; whole texts are in tests/golden."""

from dataclasses import replace
from ipaddress import ip_address

import pytest

from icsframework.dataplane import render
from icsframework.dataplane.inventory import FoundChain, FoundCounter, FoundHelper, FoundSet, Inventory
from icsframework.dataplane.ruleset import BaseChain, Chain, Counter, Element, Helper, Map, Rule, Set, Table

EXPECTED = Map(
    "expected",
    ("mark", "inet_service"),
    flags=frozenset({"timeout", "dynamic"}),
    dynamic=True,
    size=1000,
    timeout=60,
    data=("ipv4_addr",),
)
TABLE = Table(
    "ics",
    (BaseChain("forward", (Rule("accept", "all"),)), Chain("plain", ())),
    (Set("ours", ("ifname",), (Element(("eth0",)),)), EXPECTED),
    (Counter("hits"),),
)
ELEMENT = Element((0x10000, 80), (ip_address("192.168.0.9"),), 60, 41, "owner=x")
SAME = Inventory(
    {"forward": FoundChain("forward", "filter", "forward", 0), "plain": FoundChain("plain")},
    {
        "ours": FoundSet("ours", ("ifname",), elements=(Element(("eth9",)),)),
        "expected": FoundSet(
            "expected", ("mark", "inet_service"), ("ipv4_addr",), frozenset({"timeout"}), 1000, 60, (ELEMENT,)
        ),
    },
    {"hits": FoundCounter("hits", 7, 420)},
)


def test_first_load_is_the_definition():
    """With nothing there, the text is one table and nothing else."""
    text = render.render(TABLE)
    assert text == render.define(TABLE)
    assert text == (
        "table inet ics {\n\n    counter hits {\n    }\n\n    set ours {\n        type ifname\n"
        '        elements = { "eth0" }\n    }\n\n    map expected {\n        type mark . inet_service : ipv4_addr\n'
        "        flags dynamic, timeout\n        size 1000\n        timeout 60s\n    }\n\n    chain forward {\n"
        "        type filter hook forward priority filter; policy accept;\n"
        '        accept comment "all"\n    }\n\n    chain plain {\n    }\n}\n'
    )


def test_keep_touches_no_dynamic_element():
    """Rules are flushed and static sets refilled; neither the dynamic map nor the counter is flushed or redefined with values."""
    text = render.render(TABLE, SAME)
    assert text.splitlines()[:3] == ["add table inet ics", "flush table inet ics", "flush set inet ics ours"]
    assert text.removesuffix(render.define(TABLE)).count("\n") == 3


def test_an_empty_table_is_kept():
    """A set that is not there yet is not flushed, which would fail."""
    assert render.render(TABLE, Inventory()).splitlines()[:3] == [
        "add table inet ics",
        "flush table inet ics",
        "table inet ics {",
    ]


def test_leftovers_go_maps_before_chains():
    """What is no longer wanted is deleted, maps first because a verdict map holds on to its chains."""
    old = replace(
        SAME,
        chains={**SAME.chains, "old": FoundChain("old", "filter", "input", 5)},
        sets={**SAME.sets, "s": FoundSet("s", ("mark",)), "m": FoundSet("m", ("ifname",), ("verdict",))},
        counters={**SAME.counters, "c": FoundCounter("c", 0, 0)},
    )
    assert [line for line in render.render(TABLE, old).splitlines() if line.startswith("delete")] == [
        "delete set inet ics s",
        "delete map inet ics m",
        "delete chain inet ics old",
        "delete counter inet ics c",
    ]


def changed_chain(**fields):
    """The inventory with another forward chain."""
    return replace(SAME, chains={"forward": replace(SAME.chains["forward"], **fields)})


def changed_set(name, **fields):
    """The inventory with another set."""
    return replace(SAME, sets={**SAME.sets, name: replace(SAME.sets[name], **fields)})


@pytest.mark.parametrize(
    "present",
    [
        changed_chain(priority=5),
        changed_chain(hook="input"),
        changed_chain(type="nat"),
        changed_chain(type=None, hook=None, priority=None),
        changed_set("ours", type=("mark",)),
        changed_set("ours", flags=frozenset({"interval"})),
        changed_set("expected", data=("ipv6_addr",)),
        changed_set("expected", timeout=61),
        changed_set("expected", size=None),
        replace(SAME, others=frozenset({("flowtable", "f")})),
    ],
)
def test_what_nft_cannot_change_in_place_is_replaced(present):
    """Another hook, priority, type, flag or default makes a new table in one transaction."""
    assert render.can_keep(TABLE, SAME)
    assert not render.can_keep(TABLE, present)
    assert render.render(TABLE, present).splitlines()[:3] == [
        "add table inet ics",
        "delete table inet ics",
        "table inet ics {",
    ]


def test_replace_restores_elements_and_counters():
    """Dynamic elements come back with the time they had left, counters with their value; what ran out does not."""
    gone = replace(ELEMENT, key=(0x10000, 81), expires=0)
    text = render.render(
        TABLE, replace(changed_set("expected", timeout=9, elements=(ELEMENT, gone)), others=frozenset())
    )
    assert text.splitlines()[-1] == (
        'add element inet ics expected { 0x00010000 . 80 timeout 60s expires 41s comment "owner=x" : 192.168.0.9 }'
    )
    assert "counter hits {\n        packets 7 bytes 420\n" in text
    assert "81" not in text


def test_elements_of_another_type_are_not_restored():
    """Where the key or data type itself is new the old elements make no sense and are left out."""
    assert "add element" not in render.render(TABLE, changed_set("expected", type=("mark", "inet_proto")))


def test_many_elements_go_in_lines():
    """Elements are added and deleted in commands of bounded length."""
    elements = [replace(ELEMENT, key=(0x10000, port)) for port in range(401)]
    assert [line.count(" . ") for line in render.add_elements(TABLE, EXPECTED, elements)] == [200, 200, 1]
    assert render.delete_elements(TABLE, EXPECTED, elements[:2]) == [
        "delete element inet ics expected { 0x00010000 . 0, 0x00010000 . 1 }"
    ]
    assert render.add_elements(TABLE, EXPECTED, []) == []


def test_a_change_of_several_sets():
    """What is to go is added before it is deleted, so that nothing can be missing; then comes what is new, each key once."""
    new = replace(ELEMENT, key=(0x10000, 81), expires=None)
    commands = render.change_elements(
        TABLE, [("expected", ELEMENT), ("expected", new)], [("expected", ELEMENT), ("expected", ELEMENT)]
    )
    old = '0x00010000 . 80 timeout 60s expires 41s comment "owner=x" : 192.168.0.9'
    assert commands == [
        f"add element inet ics expected {{ {old} }}",
        "delete element inet ics expected { 0x00010000 . 80 }",
        f"add element inet ics expected {{ {old}, "
        '0x00010000 . 81 timeout 60s comment "owner=x" : 192.168.0.9 }',
    ]
    assert render.change_elements(TABLE, [], []) == []


PPTP = Helper("pptp", "pptp", "tcp", comment="calls")
AIDED = replace(TABLE, helpers=(PPTP,))


def aided(**fields):
    """The inventory with a conntrack helper."""
    return replace(SAME, helpers={"pptp": replace(FoundHelper("pptp", "pptp", "tcp", "ip"), **fields)})


def test_a_helper_is_an_object_of_the_table():
    """It stands before the rules that name it, in the first form and in the others."""
    block = (
        '    ct helper pptp {\n        type "pptp" protocol tcp\n        l3proto ip\n'
        '        comment "calls"\n    }\n'
    )
    for present in (None, SAME, aided(), aided(type="ftp")):
        text = render.render(AIDED, present)
        assert text.index(block) < text.index("chain forward")


def test_a_helper_of_another_type_needs_a_new_table():
    """nft cannot change a helper in place: type, protocol and family must be the same, or the table is replaced."""
    assert render.can_keep(AIDED, aided())
    assert not any(
        render.can_keep(AIDED, aided(**other))
        for other in ({"type": "ftp"}, {"protocol": "udp"}, {"l3proto": "ip6"})
    )


def test_a_leftover_helper_goes_after_the_rules():
    """Helpers that are no longer wanted are deleted when no rule names them any more, whatever else has that name."""
    named_alike = replace(TABLE, counters=(Counter("hits"), Counter("pptp")))
    lines = render.render(named_alike, aided()).splitlines()
    assert lines.index("flush table inet ics") < lines.index("delete ct helper inet ics pptp")
    assert "delete ct helper inet ics pptp" not in render.render(AIDED, aided())


def test_a_prolonged_element_is_restored():
    """The kernel tells the time it began with, which may be less than what is left, and takes no element like that."""
    prolonged = replace(ELEMENT, timeout=1, expires=298)
    text = render.replace(TABLE, changed_set("expected", elements=(prolonged,)))
    assert "timeout 298s expires 298s" in text
