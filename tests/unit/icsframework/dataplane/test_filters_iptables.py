"""What `iptables -S` lists as values; whatever stands in it, nothing breaks."""

from ipaddress import ip_network

from hypothesis import given
from hypothesis import strategies as st

from icsframework.dataplane import filters_iptables
from icsframework.dataplane.filters import ACCEPT, DROP, FoundRule, Match, Opaque, Span, Verdict

TCP = Match("proto", ("tcp",))


def test_rules_of_iptables():
    """Options, negations, ranges, jumps and what is not known."""
    listing = """
-P FORWARD DROP
-N MINE
-A FORWARD -s 10.0.0.0/8 ! -i eth+ -o eth0 -p tcp -m multiport --dports 80,1000:2000 -j ACCEPT
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -m comment --comment "a b -j DROP" -j MINE
-A FORWARD -m mac --mac-source 02:00:00:00:00:01 -g MINE
-A MINE -m limit --limit 3/min -j LOG --log-prefix "x "
-A MINE "unfinished
-A MINE -j REJECT --reject-with icmp-port-unreachable
"""
    chains = filters_iptables.parse(listing).tables["ip", "filter"]
    assert (chains["FORWARD"].hook, chains["FORWARD"].policy, chains["MINE"].hook) == ("forward", "drop", "")
    assert chains["FORWARD"].rules == (
        FoundRule(
            (
                Match("saddr", (ip_network("10.0.0.0/8"),)),
                Match("iif", ("eth*",), True),
                Match("oif", ("eth0",)),
                TCP,
                Match("dport", (Span(80, 80), Span(1000, 2000))),
            ),
            ACCEPT,
        ),
        FoundRule((Match("state", ("related", "established")),), Verdict("jump", "MINE")),
        FoundRule((Opaque("mac-source"),), Verdict("goto", "MINE")),
    )
    assert chains["MINE"].rules == (FoundRule((Opaque("limit"),), None), FoundRule((), DROP))


@given(st.text())
def test_no_text_breaks_iptables(text):
    """Garbage is left out."""
    filters_iptables.parse(text)
    filters_iptables.parse(f"-P FORWARD DROP\n-A FORWARD {text}")
