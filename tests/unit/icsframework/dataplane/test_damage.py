"""Is our table still there, whole?"""

from dataclasses import replace

from icsframework.dataplane.damage import damage
from icsframework.dataplane.filters import Filters, FoundChain
from icsframework.dataplane.ruleset import BaseChain, Chain, Rule, Set, Table

RULES = (Rule("accept", "a"), Rule("drop", "b"))
TABLE = Table("ics", (BaseChain("forward", RULES), Chain("from_lan", RULES)), (Set("lans", ("ifname",)),))
FORWARD = FoundChain("inet", "ics", "forward", (), "filter", "forward", "accept", count=2)
FROM_LAN = FoundChain("inet", "ics", "from_lan", count=2)


def found(*chains, sets=("lans",)):
    key = ("inet", "ics")
    return Filters({key: {one.name: one for one in chains}}, {key: frozenset(sets)})


def test_whole():
    """As loaded, or with rules that somebody added."""
    assert damage(TABLE, found(FORWARD, FROM_LAN)) == ""
    assert damage(TABLE, found(replace(FORWARD, count=5), FROM_LAN)) == ""


def test_what_is_lacking():
    """The table, a chain, its hook, rules, a set; a long list is cut."""
    assert damage(TABLE, Filters()) == "was gone"
    assert damage(TABLE, found(FORWARD)) == "had lost chain from_lan"
    assert damage(TABLE, found(replace(FORWARD, hook=""), FROM_LAN)) == "had lost the hook of chain forward"
    assert damage(TABLE, found(FORWARD, replace(FROM_LAN, count=0))) == "had lost 2 rules of chain from_lan"
    assert damage(TABLE, found(FORWARD, FROM_LAN, sets=())) == "had lost set lans"
    many = replace(TABLE, chains=tuple(Chain(f"c{n}", RULES) for n in range(5)))
    assert damage(many, found(sets=["lans"])) == "had lost chain c0, chain c1, chain c2 and 2 more"
