"""Each door lets in exactly what it says: the rules of nat_pre are followed as the kernel would, and compared with the doors."""

import re
from ipaddress import ip_address, ip_interface, ip_network

from hypothesis import given
from hypothesis import strategies as st

from icsframework.dataplane import policy
from icsframework.dataplane.doors import Doors, Published, Redirect, Scope, Trigger
from icsframework.dataplane.plane import DataPlane, LanSide, UplinkSide
from icsframework.values import Endpoint, Family, Link, PortSpan

# --- a packet on its way ------------------------------------------------------------------------


class Walk:
    """Follows first packets through the chains of a table; ``state`` has the elements of dynamic sets."""

    def __init__(self, table, state=None, route="wan0"):
        self.table, self.state, self.route = table, state or {}, route
        self.chains = {chain.name: chain for chain in table.chains}

    def elements(self, name):
        """A set's elements: the configured ones, or those of ``state``."""
        if name in self.state:
            return self.state[name]
        return {element.key: element.data for element in self.table.set(name).elements}

    def follow(self, name, packet):
        """("dnat", address, port), ("redirect", port), "end" after a goto, or None if the chain is left at its end."""
        for rule in self.chains[name].rules:
            outcome = self.rule(rule.expression + " ", packet)
            if outcome is not None:
                return outcome
        return None

    def rule(self, text, packet):
        """One rule, word by word; a word that this test does not know is an error."""
        while text:
            for pattern, act in WORDS:
                if found := re.match(pattern, text):
                    text = text[found.end() :]
                    outcome = act(self, packet, *found.groups())
                    if outcome is False:
                        return None
                    if outcome is not True:
                        return outcome
                    break
            else:
                raise AssertionError(f"unknown words: {text}")
        return None

    def goto(self, packet, target):
        """What is behind a goto never comes back."""
        return self.follow(target, packet) or "end"

    def jump(self, packet, target):
        """What is behind a jump may."""
        return self.follow(target, packet) or True

    def vmap(self, packet, ways):
        """Where the destination address leads."""
        chosen = dict(way.split(" : goto ") for way in ways.split(", ")).get(str(packet["daddr"]))
        return True if chosen is None else self.goto(packet, chosen)

    def dnat(self, packet, key, name):
        """The endpoint, or only the host, that a map leads to."""
        parts = tuple(KEYS[part](packet) for part in key.split(" . "))
        found = self.elements(name).get(parts)
        return False if found is None else ("dnat", found[0], found[1] if len(found) > 1 else packet["dport"])

    def mark(self, packet, mask, value):
        """Set the connection mark."""
        packet["mark"] = packet["mark"] & int(mask, 16) | int(value or "0", 16)
        return True


def numbers(text):
    """The numbers of one value, a range or a set."""
    for part in text.strip("{ }").split(", "):
        first, _, last = part.partition("-")
        yield from range(int(first, 0), int(last or first, 0) + 1)


KEYS = {
    "ct mark & 0x001f0000": lambda p: p["mark"] & 0x1F0000,
    "ip saddr": lambda p: p["saddr"],
    "meta l4proto": lambda p: p["proto"],
    "th dport": lambda p: p["dport"],
}
WORDS = [
    (r"iifname @(\w+) ", lambda w, p, name: (p["iif"],) in w.elements(name)),
    (r'iifname (\{[^}]*\}|"\w+") ', lambda w, p, names: f'"{p["iif"]}"' in names),
    (r"meta nfproto ipv4 |meta l4proto \{ tcp, udp \} ", lambda w, p: True),
    (r"ip daddr vmap \{ ([^}]*) \} ", Walk.vmap),
    (r"ip (saddr|daddr) (\S+) ", lambda w, p, key, network: p[key] in ip_network(network)),
    (r"ct mark & (0x\w+) (\{[^}]*\}|0x\w+) ", lambda w, p, m, v: p["mark"] & int(m, 16) in numbers(v)),
    (r"ct mark set ct mark & (0x\w+)(?: \| (0x\w+))? ", Walk.mark),
    (r"tcp dport & 0 \| (\d+) @(\w+) ", lambda w, p, port, name: (int(port),) in w.elements(name)),
    (r"(tcp|udp) dport (\{[^}]*\}|[\d-]+) ", lambda w, p, k, v: p["proto"] == k and p["dport"] in numbers(v)),
    (r"fib daddr (?:\. mark )?oifname \{ ([^}]*) \} ", lambda w, p, names: f'"{w.route}"' in names),
    (r"goto (\S+) ", Walk.goto),
    (r"jump (\S+) ", Walk.jump),
    (r"dnat ip to (\S.*) map @(\S+) ", Walk.dnat),
    (r"dnat ip to (\S+) ", lambda w, p, address: ("dnat", ip_address(address), p["dport"])),
    (r"redirect to :(\d+) ", lambda w, p, port: ("redirect", int(port))),
]

# --- what there may be ---------------------------------------------------------------------------

PORTS = range(20, 60)
"""Few enough that packets hit doors often; each published service has ten of its own."""
LANS = (
    LanSide("home", "eth1", ip_interface("192.168.0.1/24")),
    LanSide("guest", "eth2", ip_interface("192.168.7.1/24")),
)
INSIDE = [ip_address(text) for text in ("192.168.0.10", "192.168.0.200", "192.168.7.10")]
OUTSIDE = [ip_address(text) for text in ("192.0.2.80", "198.51.100.7", "203.0.113.1")]


def uplink(index):
    """An uplink that is up."""
    address = ip_interface(f"203.0.113.{100 + index}/24")
    family = Family((address,), ip_address("203.0.113.1"))
    link = Link(f"wan{index}", 2, None, "ethernet", "kernel", 1500, False, 0.0, family)
    return UplinkSide(f"up{index}", index + 1, f"wan{index}", link)


protocols = st.sampled_from(["tcp", "tcp", "tcp", "udp"])
names = st.lists(st.sampled_from(["up0", "up1"]), max_size=2, unique=True).map(tuple)
outer = st.lists(
    st.sampled_from([ip_network(text) for text in ("192.0.2.0/24", "192.0.2.80/32", "198.51.100.0/24")]),
    max_size=2,
    unique=True,
).map(tuple)
inner = st.lists(
    st.sampled_from([ip_network(text) for text in ("192.168.0.0/25", "192.168.7.10/32")]),
    max_size=2,
    unique=True,
).map(tuple)
lan_names = st.lists(st.sampled_from(["home", "guest"]), max_size=2, unique=True).map(tuple)
scopes = st.builds(Scope, lan_names, inner, outer, names)


@st.composite
def services(draw, number):
    """A published service whose ports are its own."""
    first = PORTS[10 * number] + draw(st.integers(0, 4))
    last = first + draw(st.integers(0, 4))
    to = Endpoint(draw(st.sampled_from(INSIDE)), draw(st.sampled_from([first, 21, 22])))
    return Published(f"s{number}", draw(protocols), first, last, to, draw(names), draw(outer))


published = st.tuples(*(services(number) for number in range(3)))
ports = st.lists(st.sampled_from([21, 22, 23, 30]), min_size=1, max_size=3, unique=True).map(tuple)
redirects = st.lists(
    st.builds(
        Redirect,
        st.just("ftp"),
        ports,
        st.sampled_from([4001, 4002]),
        st.sampled_from(["inbound", "outbound"]),
        st.sampled_from(["open", "closed"]),
        scopes,
    ),
    max_size=2,
).map(tuple)
spans = st.builds(PortSpan, protocols, st.sampled_from([50, 52]), st.sampled_from([53, 55]))
triggers = st.lists(spans, max_size=2).flatmap(
    lambda inbound: st.builds(
        Trigger,
        st.just("games"),
        st.just("x"),
        st.just((PortSpan("tcp", 1, 1),)),
        st.just(tuple(inbound)),
        st.just(9.0),
        scopes,
    )
)
doors = st.builds(Doors, redirects, st.just(()), triggers.map(lambda one: (one,)), published)
planes = st.builds(
    lambda count, doors: DataPlane(LANS, tuple(uplink(index) for index in range(count)), doors=doors),
    st.integers(1, 2),
    doors,
)
states = st.fixed_dictionaries(
    {
        "fail_open": st.sampled_from([{}, {(4001,): ()}]),
        "trigger_games_x": st.sampled_from([{(0x10000,): (INSIDE[0],)}, {(0x20000,): (INSIDE[0],)}]),
    }
)

picks = st.integers(0, 999)


def choose(plane, pick):
    """A protocol and port that mostly have to do with a door of the plane."""
    found = [(s.protocol, port) for s in plane.doors.published for port in range(s.first, s.last + 1)]
    found += [(span.protocol, span.first) for one in plane.doors.triggers for span in one.inbound]
    found += [("tcp", port) for one in plane.doors.redirects for port in one.ports]
    found += [("tcp", PORTS[0]), ("udp", PORTS[-1])]
    return found[pick % len(found)]


# --- what the doors say -----------------------------------------------------------------------------


def among(address, networks):
    """True if the address is in one of the networks, or there are none."""
    return not networks or any(address in network for network in networks)


def open_way(plane, state, name, packet, helpers=True):
    """Where a first packet for the address of uplink ``name`` goes, by the words of doors.py alone."""
    alive = state["fail_open"]
    for service in plane.doors.published:
        fits = service.protocol == packet["proto"] and service.first <= packet["dport"] <= service.last
        if (
            not fits
            or (service.uplinks and name not in service.uplinks)
            or not among(packet["saddr"], service.clients)
        ):
            continue
        inside = service.to.port + packet["dport"] - service.first
        for one in plane.doors.redirects if helpers and service.protocol == "tcp" else ():
            lans = [lan for lan in plane.lans if not one.scope.lans or lan.name in one.scope.lans]
            if (
                one.direction == "inbound"
                and inside in one.ports
                and (not one.scope.uplinks or name in one.scope.uplinks)
                and among(packet["saddr"], one.scope.servers)
                and among(service.to.address, one.scope.clients)
                and any(service.to.address in lan.network for lan in lans)
                and (one.fail == "closed" or (one.listener,) in alive)
            ):
                return ("redirect", one.listener)
        return ("dnat", service.to.address, inside)
    for trigger in plane.doors.triggers:
        spans = [
            s
            for s in trigger.inbound
            if s.protocol == packet["proto"] and s.first <= packet["dport"] <= s.last
        ]
        holder = state["trigger_games_x"].get((plane.uplink(name).index << 16,))
        in_scope = (not trigger.scope.uplinks or name in trigger.scope.uplinks) and among(
            packet["saddr"], trigger.scope.servers
        )
        if spans and holder and in_scope:
            return ("dnat", holder[0], packet["dport"])
    return None


@given(planes, states, st.sampled_from([0, 1]), st.sampled_from(OUTSIDE), picks)
def test_from_the_internet(plane, state, number, saddr, pick):
    """A first packet from the Internet is led where a door says, and nowhere if none does."""
    side, (protocol, port) = plane.uplinks[number % len(plane.uplinks)], choose(plane, pick)
    packet = {
        "iif": side.interface,
        "mark": side.index << 16,
        "saddr": saddr,
        "proto": protocol,
        "dport": port,
    }
    packet["daddr"] = side.addresses[0].ip
    outcome = Walk(policy.build(plane), state).follow("nat_pre", packet)
    assert (None if outcome == "end" else outcome) == open_way(plane, state, side.name, packet)


@given(planes, states, st.sampled_from([0, 1]), st.sampled_from(INSIDE), picks)
def test_from_inside_to_an_uplinks_address(plane, state, number, saddr, pick):
    """A LAN host finds at an uplink's address what the Internet finds there, without helpers; else its flow is marked as no uplink's."""
    side, (protocol, port) = plane.uplinks[number % len(plane.uplinks)], choose(plane, pick)
    iif = next(lan.interface for lan in plane.lans if saddr in lan.network)
    packet = {"iif": iif, "mark": 0x40000001, "saddr": saddr, "proto": protocol, "dport": port}
    packet["daddr"] = side.addresses[0].ip
    outcome = Walk(policy.build(plane), state).follow("nat_pre", packet)
    expected = open_way(plane, state, side.name, packet, helpers=False)
    assert (None if outcome == "end" else outcome) == expected
    assert packet["mark"] == (0x40000001 | (0x800000 | side.index << 16 if expected else 0))


@given(
    planes,
    states,
    st.sampled_from(["wan0", "wan1", "eth1", "eth2"]),
    st.sampled_from(INSIDE),
    st.sampled_from(OUTSIDE),
    picks,
)
def test_from_inside_to_the_internet(plane, state, route, saddr, daddr, pick):
    """What goes out is redirected to a helper that has its LAN, client, server, port and uplink in scope, and to no other."""
    protocol, port = choose(plane, pick)
    iif = next(lan.interface for lan in plane.lans if saddr in lan.network)
    packet = {"iif": iif, "mark": 0, "saddr": saddr, "daddr": daddr, "proto": protocol, "dport": port}
    expected = None
    for one in plane.doors.redirects:
        lans = {lan.interface for lan in plane.lans if not one.scope.lans or lan.name in one.scope.lans}
        uplinks = {
            side.interface
            for side in plane.uplinks
            if not one.scope.uplinks or side.name in one.scope.uplinks
        }
        if (
            expected is None
            and (one.direction, protocol) == ("outbound", "tcp")
            and port in one.ports
            and iif in lans
            and route in uplinks
            and among(saddr, one.scope.clients)
            and among(daddr, one.scope.servers)
            and (one.fail == "closed" or (one.listener,) in state["fail_open"])
        ):
            expected = ("redirect", one.listener)
    assert Walk(policy.build(plane), state, route).follow("nat_pre", packet) == expected


@given(planes)
def test_only_doors_lead_somewhere(plane):
    """Destinations are changed in nat_pre and the chains behind it alone, and nobody else goes to those."""
    table = policy.build(plane)
    translating = {
        c.name for c in table.chains for r in c.rules if re.search(r"\b(dnat ip|redirect) to\b", r.expression)
    }
    assert translating <= {"nat_pre", "doors", "opened", "offered"}
    leading = {
        chain.name
        for chain in table.chains
        for rule in chain.rules
        if re.search(r"\b(goto|jump) (doors|opened|offered|hairpin_up\d)\b", rule.expression)
    }
    assert leading <= {"nat_pre", "doors"} | {f"hairpin_{side.name}" for side in plane.uplinks}


@given(planes)
def test_the_gateway_itself_lets_in_only_what_was_redirected(plane):
    """Towards the Internet the input rules accept new flows of TCP only to listeners of inbound helpers, and only if translated."""
    table = policy.build(plane)
    rules = next(chain.rules for chain in table.chains if chain.name == "input_from_uplinks")
    accepted = [r.expression for r in rules if r.expression.endswith("accept") and "ip6" not in r.expression]
    listeners = {one.listener for one in plane.doors.redirects if one.direction == "inbound"}
    for expression in accepted:
        found = re.fullmatch(r"tcp dport (\{[^}]*\}|\d+) ct status dnat accept", expression)
        assert found, expression
        assert set(numbers(found[1])) <= listeners
