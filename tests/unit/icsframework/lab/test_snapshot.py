import json
from subprocess import CompletedProcess

import pytest

from icsframework.lab.errors import LabError
from icsframework.lab.snapshot import COMMANDS, differences, take


def answer(failing=(), errors="", **parts):
    """What the shell prints for the given texts of the parts; parts in ``failing`` end with status 1."""
    defaults = dict.fromkeys(COMMANDS, "[]") | {"ruleset": "", "sockets": "", "sysctls": ""}
    texts = defaults | parts
    output = "".join(f"{text}\n\n== {name} {int(name in failing)}\n" for name, text in texts.items())
    return lambda arguments: CompletedProcess(arguments, 0, output, errors)


def test_parts_are_read_and_what_moves_is_left_out():
    """Counters, lifetimes and timers vanish; addresses, sysctls and rules stay."""
    address = {"local": "192.0.2.1", "valid_life_time": 17, "preferred_life_time": 3}
    link = {"ifname": "br0", "qdisc": "noop", "linkinfo": {"info_data": {"hello_timer": 1.5, "priority": 7}}}
    found = take(
        answer(
            links=json.dumps([link, {}]),
            addresses=json.dumps([{"addr_info": [address]}]),
            routes6=json.dumps([{"dst": "::/0", "expires": 99}]),
            ruleset="set s { elements = { 1 expires 3s590ms } }",
            sockets="tcp LISTEN 0 128 127.0.0.1:22 0.0.0.0:*\nudp UNCONN 7 0 0.0.0.0:67 0.0.0.0:*",
            sysctls="/proc/sys/net/ipv4/ip_forward:1\n/proc/sys/net/ipv4/tcp_rmem:1 2 3\n"
            "/proc/sys/net/netfilter/nf_conntrack_count:5",
        )
    )
    assert found["links"] == [
        {"ifname": "br0", "qdisc": "noqueue", "linkinfo": {"info_data": {"priority": 7}}},
    ]
    assert found["addresses"] == [{"addr_info": [{"local": "192.0.2.1"}]}]
    assert found["routes6"] == [{"dst": "::/0"}]
    assert found["sysctls"] == {"ipv4.ip_forward": "1", "ipv4.tcp_rmem": "1 2 3"}
    if found["ruleset"] is not None:
        assert found["ruleset"] == "set s { elements = { 1 } }"
    if found["sockets"] is not None:
        assert found["sockets"] == ["tcp 127.0.0.1:22", "udp 0.0.0.0:67"]


def test_a_program_that_fails_is_an_error_where_it_matters():
    """ip failing is an error with its words; sysctls that cannot be read are usual."""
    take(answer(failing={"sysctls"}))
    with pytest.raises(LabError, match="ip -json -details link show failed: no such thing"):
        take(answer(failing={"links"}, errors="no such thing\n"))


def test_differences_name_the_place():
    """Dictionaries by key, lists by member, texts of many lines by line; equal things give nothing."""
    before = {"a": {"b": 1, "c": 2}, "l": [1, 2], "t": "x\ny", "n": None}
    after = {"a": {"b": 1, "c": 3}, "l": [2, 4], "t": "x\nz", "n": "now"}
    assert differences(before, after) == [
        "a.c: 2 became 3",
        "l: gone: 1",
        "l: new: 4",
        "t: gone: y",
        "t: new: z",
        "n: None became 'now'",
    ]
    assert differences(before, before) == []
    assert differences([1, 1], [1], "l") == ["l: [1, 1] became [1]"]
