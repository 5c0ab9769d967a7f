"""Small parts of rules."""

from icsframework.dataplane.plane import UplinkSide
from icsframework.dataplane.rulewords import dispatch, drop, one_of, refuse, verdicts


def test_each_uplink_has_its_chain():
    """An interface leads to the chain that carries the uplink's name; odd names of interfaces are quoted."""
    uplinks = (UplinkSide("cable", 1, "eth0"), UplinkSide("dsl", 2, "w*"))
    rule = dispatch("iifname", uplinks, "enter", "why")
    assert rule.expression == 'iifname vmap { "eth0" : goto enter_cable, "w\\*" : goto enter_dsl }'
    assert rule.comment == "why"
    assert verdicts([("eth0", "accept")]) == '"eth0" : accept'


def test_what_ends_a_packet_is_counted():
    """Dropping and refusing name a counter."""
    assert drop("leaked") == 'counter name "leaked" drop'
    assert refuse().startswith('counter name "refused_lan" reject')


def test_one_or_several():
    """A set of one is no set."""
    assert (one_of([21]), one_of([21, 22])) == ("21", "{ 21, 22 }")
