"""The rules of waking as chains: read by a small interpreter, they decide about real packets as ``judge`` does."""

import re
from ipaddress import ip_address, ip_network

import dpkt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from icsframework.addresses import PortRange
from icsframework.dataplane.named import name_set
from icsframework.dataplane.plane import DataPlane, HoldSide
from icsframework.dataplane.wake import (
    REFUSED,
    forbidden,
    forbids,
    matches,
    refused_element,
    wake_chains,
    wake_jumps,
)
from icsframework.testing.packets import tcp
from icsframework.uplinks.packets import parse
from icsframework.uplinks.traffic import GROUPS, NOT_A_BEGINNING, TrafficRule, fits_name, judge, wake_rules

HOLD_ADDRESS = ip_address("192.0.0.8")

# --- a packet filter that knows what our chains say -------------------------------------------------

FLAGS = {"fin": 1, "syn": 2, "rst": 4, "ack": 16}
PROTOCOLS = {"icmp": 1, "tcp": 6, "udp": 17}


def ports_of(words):
    """The ports that a set, a range or a number means."""
    spans = [one.partition("-") for one in words.strip("{} ").split(", ")]
    return {port for low, _, high in spans for port in range(int(low), int(high or low) + 1)}


class Filter:
    """What a packet meets; ``told`` are (pattern, client, address) of the name sets."""

    def __init__(self, packet, told=()):
        self.ip = dpkt.ip.IP(packet)
        self.number, self.data = self.ip.p, packet[20:]
        self.source, self.destination = ip_address(self.ip.src), ip_address(self.ip.dst)
        self.told = {(name_set(pattern), *pair) for pattern, *pair in told}

    TESTS = (
        (r"ip saddr \. ip daddr @(\w+) ", lambda f, name: (name, f.source, f.destination) in f.told),
        (r"ip saddr (\S+) ", lambda f, net: f.source in ip_network(net)),
        (r"ip daddr (\S+) ", lambda f, net: f.destination in ip_network(net)),
        (r"meta l4proto \{ tcp, udp \} ", lambda f: f.number in (6, 17)),
        (r"meta l4proto (\w+) ", lambda f, word: f.number == PROTOCOLS[word]),
        (
            r"(tcp|udp) dport (\{[^}]*\}|\S+) ",
            lambda f, word, ports: f.number == PROTOCOLS[word] and f.port in ports_of(ports),
        ),
        (r"th dport (\{[^}]*\}|\S+) ", lambda f, ports: f.port in ports_of(ports)),
        (r"tcp flags & \(([a-z |]+)\) == (\w+) ", lambda f, bits, word: f.flags(bits) == FLAGS[word]),
        (r"tcp flags & \(([a-z |]+)\) != 0 ", lambda f, bits: bool(f.flags(bits))),
        (r"icmp type echo-request ", lambda f: f.number == 1 and f.data[0] == 8),
        (r'counter name "\w+" ', lambda f: True),
    )

    @property
    def port(self):
        """The destination port, whatever the protocol: nft's ``th`` does not ask either."""
        return int.from_bytes(self.data[2:4])

    def flags(self, bits):
        """TCP's flags among these; None if it is something else."""
        asked = sum(FLAGS[word] for word in bits.split(" | "))
        return self.data[13] & asked if self.number == 6 else None

    def passes(self, rules):
        """Does a rule accept it before one returns?"""
        for rule in rules:
            rest, holds = rule.expression, True
            while holds and rest not in ("accept", "return"):
                for pattern, test in self.TESTS:
                    if (found := re.match(pattern, rest)) is not None:
                        rest, holds = rest[found.end() :], bool(test(self, *found.groups()))
                        break
                else:
                    pytest.fail(f"the interpreter does not know: {rest}")
            if holds:
                return rest == "accept"
        return False


# --- random rules and packets -------------------------------------------------------------------------

sources = ["192.168.0.10", "192.168.0.11", "10.1.2.3"]
destinations = ["192.0.2.80", "192.168.0.10", "239.1.1.1", "169.254.1.1"]
networks = st.sampled_from(
    [
        None,
        *map(
            ip_network,
            ("0.0.0.0/0", "192.168.0.10/32", "192.168.0.0/24", "192.0.2.0/24", "::/0", "2001:db8::/32"),
        ),
    ]
)
ports = st.sampled_from([22, 53, 80, 123, 137, 138, 139, 445, 1900, 5353, 9000])
spans = st.tuples(ports, ports).map(lambda pair: PortRange(min(pair), max(pair))) | ports.map(
    lambda one: PortRange(one, one)
)
names = st.sampled_from(["www.example.net", "a.telemetry.example", "Telemetry.example"])
rules = st.builds(
    TrafficRule,
    st.sampled_from(["allow", "ignore"]),
    st.just("wake[0]"),
    networks,
    st.booleans(),
    st.sampled_from([None, "tcp", "udp", "icmp"]),
    st.lists(spans, max_size=3).map(tuple),
    networks,
    st.sampled_from(["", "", "*.telemetry.example", "www.example.net"]),
    st.sampled_from([None, None, "opening", "closing", "echo"]),
)
groups = st.lists(st.sampled_from(sorted(GROUPS)), max_size=2)
lists = st.lists(rules, max_size=4).flatmap(
    lambda own: st.just(tuple(own)) | groups.map(lambda g: wake_rules(own, g))
)


@st.composite
def packets(draw):
    """An IPv4 packet: TCP with any flags, UDP, any ICMP, or something else."""
    number = draw(st.sampled_from([1, 6, 6, 17, 17, 47]))
    if number == 6:
        data = dpkt.tcp.TCP(sport=draw(ports), dport=draw(ports), flags=draw(st.integers(0, 63)))
    elif number == 17:
        data = dpkt.udp.UDP(sport=draw(ports), dport=draw(ports), ulen=8)
    elif number == 1:
        data = dpkt.icmp.ICMP(type=draw(st.sampled_from([0, 3, 8, 13])), data=bytes(4))
    else:
        data = bytes([0, 0, 0, draw(ports) % 256, 0, 0, 0, 0])
    source, destination = draw(st.sampled_from(sources)), draw(st.sampled_from(destinations))
    ip = dpkt.ip.IP(src=ip_address(source).packed, dst=ip_address(destination).packed, p=number, data=data)
    ip.len = len(ip)
    return bytes(ip)


def chains_of(rules_of_uplink):
    """Chains by name."""
    plane = DataPlane(hold=HoldSide(wake={"modem": rules_of_uplink}))
    return {chain.name: chain.rules for chain in wake_chains(plane)}


@settings(max_examples=400)
@given(lists, packets(), names | st.just(""))
def test_the_chain_is_the_judge(rules_of_uplink, packet, name):
    """About a LAN host's packet, with the name that the client was told, both say the same."""
    known = parse(packet)
    traffic = known.traffic
    object.__setattr__(traffic, "name", name)
    verdict = judge(rules_of_uplink, traffic)
    told = [
        (rule.name, traffic.client, traffic.destination)
        for rule in rules_of_uplink
        if rule.name and fits_name(rule.name, name)
    ]
    passes = Filter(packet, told).passes(chains_of(rules_of_uplink).get("wake_modem", ()))
    assert passes is (verdict is not None and verdict.action == "allow")


@settings(max_examples=400)
@given(lists, packets(), names | st.just(""))
def test_own_packets_pass_rather_too_often(rules_of_uplink, packet, name):
    """What may wake a link is let through; the name of an own packet is nobody's to know, so that one about a name is judged later."""
    packet = packet[:12] + HOLD_ADDRESS.packed + packet[16:]
    traffic = parse(packet, frozenset({HOLD_ADDRESS})).traffic
    assert traffic.own
    passes = Filter(packet).passes(chains_of(rules_of_uplink).get("wake_own_modem", ()))
    object.__setattr__(traffic, "name", name)
    verdict = judge(rules_of_uplink, traffic)
    if verdict is not None and verdict.action == "allow":
        assert passes
    if not any(rule.name for rule in rules_of_uplink):
        assert passes is (verdict is not None and verdict.action == "allow")


def test_an_own_packet_that_a_name_may_forbid_is_let_through():
    """Nobody knows here which name the gateway asked for: the rule behind that about the name decides."""
    named = TrafficRule("ignore", "wake[0]", gateway=True, name="www.example.net")
    allowed = TrafficRule("allow", "wake[1]", gateway=True, name="a.example", protocol="udp")
    assert [rule.expression for rule in chains_of((named, allowed))["wake_own_modem"]] == [
        'meta l4proto udp counter name "woken" accept'
    ]


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        (TrafficRule("allow", "x", form="opening"), ["tcp flags & (fin | syn | rst | ack) == syn "]),
        (TrafficRule("allow", "x", form="closing", protocol="tcp"), ["tcp flags & (fin | rst) != 0 "]),
        (TrafficRule("allow", "x", form="echo", protocol="icmp"), ["icmp type echo-request "]),
        (TrafficRule("allow", "x", form="echo", protocol="tcp"), []),
        (TrafficRule("allow", "x", form="opening", protocol="udp"), []),
        (TrafficRule("allow", "x", client=ip_network("2001:db8::/32")), []),
        (TrafficRule("allow", "x", destination=ip_network("::/0")), []),
        (TrafficRule("allow", "x", client=ip_network("0.0.0.0/0"), protocol="udp"), ["meta l4proto udp "]),
        (TrafficRule("allow", "x", protocol="icmp", ports=(PortRange(1, 2),)), []),
        (TrafficRule("allow", "x"), [""]),
        (TrafficRule("allow", "x", gateway=True), []),
    ],
)
def test_matches(rule, found):
    """Parts that contradict each other or IPv4 fit nothing; what fits everything says nothing."""
    assert list(matches(rule)) == found


# --- the chains of several uplinks ----------------------------------------------------------------------


def test_each_uplink_is_asked():
    """One chain for each; for own packets only where a rule allows any."""
    own = TrafficRule("allow", "wake[0]", gateway=True, protocol="udp")
    plane = DataPlane(hold=HoldSide(wake={"modem": wake_rules(()), "lte": wake_rules((own,)), "never": ()}))
    assert [rule.expression for rule in wake_jumps(plane)] == ["jump wake_modem", "jump wake_lte"]
    assert [rule.expression for rule in wake_jumps(plane, own=True)] == ["jump wake_own_lte"]
    assert [chain.name for chain in wake_chains(plane)] == ["wake_modem", "wake_lte", "wake_own_lte"]
    assert list(wake_jumps(DataPlane())) == list(wake_chains(DataPlane())) == []


def test_rules_say_who_wants_them():
    """Each rule carries the label by which the operator finds it."""
    rules_of_uplink = wake_rules((TrafficRule("ignore", "wake[0]", protocol="udp"),), ["ntp"])
    comments = [rule.comment for rule in chains_of(rules_of_uplink)["wake_modem"]]
    assert comments[:2] == ["wake[0]", "demand.ignore: ntp"]
    assert comments[-1] == "built in"


def test_ranges_stand_alone():
    """Single ports are one set, each range is a rule of its own, and double ones are said once."""
    rule = TrafficRule(
        "allow",
        "x",
        protocol="tcp",
        ports=tuple(PortRange(*one) for one in ((80, 80), (5, 9), (22, 22), (80, 80))),
    )
    assert list(matches(rule)) == ["tcp dport { 22, 80 } ", "tcp dport 5-9 "]


# --- what the operator forbids --------------------------------------------------------------------------


def test_only_the_operator_forbids():
    """Kinds of noise, rules that allow, and those about the gateway itself forbid LAN hosts nothing."""
    own = TrafficRule("ignore", "wake[0]", gateway=True)
    part = TrafficRule("ignore", "never: not the beginning of a connection", protocol="tcp", name="a.example")
    ignore = TrafficRule("ignore", "wake[1]", protocol="udp")
    planes = [
        DataPlane(hold=HoldSide(wake={"lte": wake_rules(()), "modem": wake_rules(found, ["icmp"])}))
        for found in ([], [own, part], [ignore])
    ]
    assert [forbids(plane) for plane in (DataPlane(), *planes)] == [False, False, False, True]


@settings(max_examples=300)
@given(packets())
def test_what_is_answered_would_have_woken(packet):
    """Of all that a rule forbids, what wakes a link by itself is answered, and noise is not, nor what the operator calls so."""
    everything = TrafficRule("ignore", "wake[0]")
    plane = DataPlane(hold=HoldSide(wake={"modem": wake_rules([everything], ["dns"])}))
    verdict = judge(wake_rules((), ["dns"]), parse(packet).traffic)
    answered = Filter(packet).passes(forbidden(plane, "accept"))
    assert answered is (verdict is not None and verdict.action == "allow")


def test_what_is_left_out_beside_a_rule_that_allows_is_no_noise():
    """A host whose connections may dial is told as well where they may not; what began before is not answered."""
    plane = DataPlane(
        hold=HoldSide(
            wake={
                "modem": wake_rules(
                    (
                        TrafficRule("ignore", "wake[0]", destination=ip_network("192.0.2.0/24")),
                        TrafficRule("allow", "wake[1]", protocol="tcp", form="opening"),
                        TrafficRule("ignore", NOT_A_BEGINNING, protocol="tcp"),
                    )
                )
            }
        )
    )
    answered = [
        Filter(tcp(flags, "192.168.0.10", "192.0.2.80")).passes(forbidden(plane, "accept"))
        for flags in (FLAGS["syn"], FLAGS["ack"], FLAGS["rst"])
    ]
    assert answered == [True, False, False]


# --- refused flows -----------------------------------------------------------------------------------------


def test_refused_flows():
    """A flow is both ends, the protocol and its ports, which ICMP has not; it stays for the time of the set."""
    name, element = refused_element(ip_address("192.168.0.10"), ip_address("192.0.2.80"), "tcp", 4000, 80)
    assert (name, len(element.key), element.timeout) == (REFUSED.name, len(REFUSED.type), None)
    assert element.key[2:] == ("tcp", 4000, 80)
    assert refused_element("192.168.0.10", "192.0.2.80", "icmp", 7, 8)[1].key[2:] == ("icmp", 0, 0)


def test_chains_end_with_what_they_let_through():
    """Behind it everything ends in the same way; where nothing is let through there is no chain, and no way to it."""
    own = TrafficRule("allow", "wake[0]", gateway=True, protocol="udp")
    never = TrafficRule("ignore", "wake[1]", gateway=True)
    (chain,) = wake_chains(DataPlane(hold=HoldSide(wake={"modem": (never, own, never, never)})))
    assert [rule.comment for rule in chain.rules] == ["wake[1]", "wake[0]"]
    nothing = DataPlane(hold=HoldSide(wake={"modem": (never,)}))
    assert [*wake_chains(nothing), *wake_jumps(nothing, own=True), *wake_jumps(nothing)] == []
