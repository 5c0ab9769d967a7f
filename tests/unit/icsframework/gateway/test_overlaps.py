"""Helpers that get nothing."""

from ipaddress import ip_network

import pytest

from icsframework.dataplane.doors import Redirect, Scope
from icsframework.gateway.overlaps import idle_ports

HALF, QUARTER, OTHER = (ip_network(text) for text in ("192.168.0.0/25", "192.168.0.0/26", "192.168.0.128/26"))


def told(*scopes):
    """Which of some helpers for the same port get nothing; they are called 0, 1, ..."""
    redirects = [
        Redirect(str(index), (21,), 40000 + index, scope=scope) for index, scope in enumerate(scopes)
    ]
    return [sentence.split()[1] for sentence in idle_ports(redirects)]


def test_the_second_of_the_same():
    """It is told with the one that has its traffic and with what to do; other ports and directions are apart."""
    redirects = [
        Redirect("a", (21, 2121), 40000),
        Redirect("b", (2121, 2122), 40001),
        Redirect("a", (21,), 40002, "inbound"),
    ]
    assert list(idle_ports(redirects)) == [
        "helper b gets nothing of outbound TCP port 2121: helper a stands before it in the file and has all of it; "
        "give one of them other ports or another scope, and put the one with the narrower scope first"
    ]


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        (Scope(), Scope(lans=("home",))),
        (Scope(), Scope(clients=(HALF,))),
        (Scope(clients=(HALF,)), Scope(clients=(QUARTER,))),
        (Scope(servers=(HALF, OTHER)), Scope(servers=(OTHER, QUARTER))),
        (Scope(uplinks=("cable", "dsl")), Scope(uplinks=("dsl",))),
        (Scope(lans=("home",)), Scope(lans=("home",), uplinks=("dsl",))),
    ],
)
def test_the_order_decides(wide, narrow):
    """A narrow scope behind a wide one gets nothing; before it, it has its part."""
    assert told(wide, narrow) == ["1"]
    assert told(narrow, wide) == []


def test_what_is_left_is_something():
    """Scopes that only overlap leave something to the second, and addresses of two families never meet."""
    assert told(Scope(clients=(QUARTER,)), Scope(clients=(OTHER,)), Scope(clients=(HALF,))) == []
    assert told(Scope(lans=("home",)), Scope(uplinks=("dsl",))) == []
    assert told(Scope(clients=(ip_network("::/0"),)), Scope(clients=(HALF,))) == []
