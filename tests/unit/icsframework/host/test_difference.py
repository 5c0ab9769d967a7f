"""The way from one state of the machine to another."""

from dataclasses import replace
from ipaddress import ip_address, ip_interface, ip_network

from hypothesis import given
from hypothesis import strategies as st

from icsframework.host.changes import AddAddress, MakeDevice, SetLink, SetSysctl
from icsframework.host.difference import difference
from icsframework.host.owned import Owned, Previous, claim, scope_of, settle
from icsframework.host.renames import follow, numbered
from icsframework.host.state import AddressOn, Device, LinkSettings, MachineState, Route, RoutingRule, Sysctl
from icsframework.testing.machine import FakeMachine


def on(interface, address):
    return AddressOn(interface, ip_interface(address))


def route(destination, interface="", gateway=None, **more):
    return Route(ip_network(destination), interface, None if gateway is None else ip_address(gateway), **more)


def words(changes):
    return [str(change) for change in changes]


WANTED = MachineState(
    links=frozenset({LinkSettings("wan0", up=True, mtu=1400)}),
    addresses=frozenset({on("wan0", "203.0.113.5/24")}),
    routes=frozenset({route("0.0.0.0/0", "wan0", "203.0.113.1", table=100)}),
    rules=frozenset({RoutingRule(1001, 100, mark=0x10000, mask=0xFF0000)}),
    sysctls=frozenset({Sysctl("net.ipv4.ip_forward", "1"), Sysctl("net.ipv4.conf.wan0.rp_filter", "0")}),
    table="the rules",
)

EMPTY = MachineState(
    links=frozenset({LinkSettings("wan0", up=False, mtu=1500, mac="02:00:5e:00:53:01")}),
    sysctls=frozenset({Sysctl("net.ipv4.ip_forward", "0"), Sysctl("net.ipv4.conf.wan0.rp_filter", "1")}),
)


def test_everything_comes_in_order():
    """The filter is loaded first and forwarding begins last."""
    assert words(difference(EMPTY, WANTED)) == [
        "load the packet filter",
        "set net.ipv4.conf.wan0.rp_filter = 0",
        "set interface wan0 up, mtu 1400",
        "add address 203.0.113.5/24 on wan0",
        "add route default via 203.0.113.1 dev wan0 table 100",
        "add rule 1001: fwmark 0x10000/0xff0000 lookup 100",
        "set net.ipv4.ip_forward = 1",
    ]


def test_everything_goes_in_reverse():
    """Forwarding ends first, and the filter goes last."""
    owned = claim(Owned(), EMPTY, difference(EMPTY, WANTED))
    there = MachineState(
        links=frozenset({LinkSettings("wan0", up=True, mtu=1400, mac="02:00:5e:00:53:01")}),
        addresses=WANTED.addresses,
        routes=WANTED.routes,
        rules=WANTED.rules,
        sysctls=WANTED.sysctls,
        table="the rules",
    )
    assert words(difference(there, MachineState(), owned)) == [
        "set net.ipv4.ip_forward = 0",
        "set net.ipv4.conf.wan0.rp_filter = 1",
        "set interface wan0 mtu 1500",
        "remove rule 1001: fwmark 0x10000/0xff0000 lookup 100",
        "remove route default via 203.0.113.1 dev wan0 table 100",
        "remove address 203.0.113.5/24 on wan0",
        "set interface wan0 down",
        "remove the packet filter",
    ]


def test_a_new_address_comes_before_the_old_goes():
    """An interface is never without an address while it is renumbered, nor a table without its route."""
    old = {on("lan0", "192.168.0.1/24")}
    before = MachineState(
        addresses=frozenset(old), routes=frozenset({route("0.0.0.0/0", "wan0", "192.0.2.1")})
    )
    after = MachineState(
        addresses=frozenset({on("lan0", "192.168.7.1/24")}),
        routes=frozenset({route("0.0.0.0/0", "wan0", "192.0.2.9")}),
    )
    assert words(difference(before, after, Owned(addresses=frozenset(old)))) == [
        "add address 192.168.7.1/24 on lan0",
        "replace route default via 192.0.2.1 dev wan0 by default via 192.0.2.9 dev wan0",
        "remove address 192.168.0.1/24 on lan0",
    ]


def test_what_is_not_ours_stays():
    """Addresses, routes and rules of others are not removed, whatever is wanted."""
    foreign = MachineState(
        addresses=frozenset({on("wan0", "192.0.2.5/24")}),
        routes=frozenset({route("0.0.0.0/0", "wan0", "192.0.2.1", protocol=4)}),
        rules=frozenset({RoutingRule(5, 7, protocol=0)}),
    )
    assert difference(foreign, MachineState()) == ()


def test_equal_things_of_others_are_enough():
    """What is there already, whoever set it, is not set again."""
    foreign = MachineState(
        routes=frozenset({route("0.0.0.0/0", "wan0", "192.0.2.1", protocol=4)}),
        rules=frozenset({RoutingRule(5, 7, protocol=0)}),
    )
    wanted = MachineState(
        routes=frozenset({route("0.0.0.0/0", "wan0", "192.0.2.1")}), rules=frozenset({RoutingRule(5, 7)})
    )
    assert difference(foreign, wanted) == ()


def test_an_optional_sysctl_that_is_missing_is_left_out():
    """One that is needed is tried, so that the error names it."""
    wanted = {Sysctl("net.bridge.a", "0", optional=True), Sysctl("net.ipv4.b", "0")}
    assert difference(MachineState(), MachineState(sysctls=frozenset(wanted))) == (
        SetSysctl("net.ipv4.b", "0"),
    )


def test_a_broad_sysctl_is_followed_by_what_it_overwrites():
    """The interfaces' own values are written behind ip_forward, even where they look right before."""
    current = MachineState(
        sysctls=frozenset({Sysctl("net.ipv4.ip_forward", "1"), Sysctl("net.ipv4.conf.a.forwarding", "1")})
    )
    owned = Owned(
        sysctls=frozenset(
            {
                Previous("net.ipv4.ip_forward", "0", frozenset({"net.ipv4.ip_forward"})),
                Previous("net.ipv4.conf.a.forwarding", "1", frozenset({"net.ipv4.ip_forward"})),
            }
        )
    )
    assert words(difference(current, MachineState(), owned)) == [
        "set net.ipv4.ip_forward = 0",
        "set net.ipv4.conf.a.forwarding = 1",
    ]


# --- any state to any other ------------------------------------------------------------------------

NAMES = ("a", "b", "c")
BRIDGES = ("br0", "br1")
VLANS = ("v0", "v1")
ADDRESSES = [
    ip_interface(text)
    for text in ("192.168.0.1/24", "192.168.0.2/24", "10.0.0.1/8", "2001:db8::1/64", "2001:db8::1/60")
]
PATHS = (
    "net.ipv4.ip_forward",
    "net.ipv4.conf.default.forwarding",
    "net.ipv4.conf.a.forwarding",
    "net.ipv4.conf.b.rp_filter",
    "net.ipv4.conf.all.accept_redirects",
)

a_name = st.sampled_from(NAMES)


def an_address(names):
    return st.builds(AddressOn, st.sampled_from(names), st.sampled_from(ADDRESSES))


@st.composite
def made_devices(draw):
    """Bridges and VLANs that we may want."""
    bridges = draw(st.frozensets(st.builds(Device, st.sampled_from(BRIDGES), st.just("bridge"))))
    vlans = st.builds(Device, st.sampled_from(VLANS), st.just("vlan"), a_name, st.sampled_from([5, 7]))
    return bridges | one_a_key(draw(st.frozensets(vlans, max_size=2)), lambda one: one.interface)


def a_route(protocols):
    return st.builds(
        route,
        st.sampled_from(["0.0.0.0/0", "198.51.100.0/24"]),
        a_name,
        st.sampled_from([None, "192.0.2.1", "192.0.2.2"]),
        table=st.sampled_from([254, 100]),
        metric=st.sampled_from([0, 50]),
        protocol=st.sampled_from(protocols),
    )


def a_rule(protocols):
    return st.builds(
        RoutingRule,
        st.sampled_from([10, 11]),
        st.sampled_from([100, 101]),
        st.sampled_from([0x10000, 0x20000]),
        st.just(0xFF0000),
        protocol=st.sampled_from(protocols),
    )


def one_a_key(items, key):
    return frozenset({key(item): item for item in items}.values())


@st.composite
def desires(draw):
    """Any state that the composer may want of interfaces that are there."""
    devices = draw(made_devices())
    here = (*NAMES, *sorted(device.interface for device in devices))
    addresses = draw(st.frozensets(an_address(here), max_size=4))
    addresses = one_a_key(addresses, lambda one: (one.interface, one.address.ip))
    routes = one_a_key(draw(st.frozensets(a_route([0x69]), max_size=4)), lambda one: one.key)
    up = {one.interface for one in routes} | draw(st.frozensets(st.sampled_from(here)))
    bridges = [device.interface for device in devices if device.kind == "bridge"]
    masters = st.sampled_from([None, "", *bridges])
    links = {
        name: LinkSettings(
            name, True, draw(st.sampled_from([None, 1400])), None, draw(masters) if name in NAMES else None
        )
        for name in up
    }
    sysctls = draw(st.dictionaries(st.sampled_from(PATHS), st.sampled_from(["0", "1"]), max_size=4))
    return MachineState(
        devices=devices,
        links=frozenset(links.values()),
        addresses=addresses,
        routes=routes,
        rules=draw(st.frozensets(a_rule([0x69]), max_size=2)),
        sysctls=frozenset(Sysctl(path, value) for path, value in sysctls.items()),
    )


@st.composite
def machines(draw):
    """A machine as others may have left it."""
    machine = FakeMachine()
    for name in NAMES:
        machine.add_interface(name, up=draw(st.booleans()))
    if draw(st.booleans()):
        machine.apply(MakeDevice(Device("br1", "bridge")))
        machine.apply(SetLink(LinkSettings(draw(a_name), master="br1")))
    for path, value in draw(st.dictionaries(st.sampled_from(PATHS), st.sampled_from(["0", "1"]))).items():
        machine.sysctls[path] = value
    machine.addresses |= one_a_key(
        draw(st.frozensets(an_address(NAMES), max_size=3)), lambda one: (one.interface, one.address.ip)
    )
    up = {one.name for one in machine.interfaces() if one.up}
    foreign = one_a_key(draw(st.frozensets(a_route([4]), max_size=3)), lambda one: one.key)
    machine.routes |= {one for one in foreign if one.interface in up}
    machine.rules |= draw(st.frozensets(a_rule([0]), max_size=2))
    return machine


def conflicts(machine, desired):
    """True if somebody else's IPv6 address stands in the way, which nothing of ours may remove."""
    foreign = {(one.interface, one.address.ip): one for one in machine.addresses if one.address.version == 6}
    return any(foreign.get((one.interface, one.address.ip), one) != one for one in desired.addresses)


def become(machine, desired, owned):
    """What the reconciler does, without its safety nets."""
    owned = follow(owned, indices(machine))
    current = machine.observe(scope_of(desired, owned))
    changes = difference(current, desired, owned)
    claimed = numbered(claim(owned, current, changes), indices(machine))
    for change in changes:
        machine.apply(change)
    return numbered(settle(claimed, desired), indices(machine))


def indices(machine):
    return {one.name: one.ifindex for one in machine.interfaces()}


def holds(machine, desired):
    state = machine.everything()
    links = {link.interface: link for link in state.links}
    values = {one.path: one.value for one in state.sysctls}
    return (
        desired.devices <= state.devices
        and all(link.unlike(links[link.interface]) is None for link in desired.links)
        and desired.addresses <= state.addresses
        and all(any(there.leads_like(one) for there in state.routes) for one in desired.routes)
        and all(any(there.selects_like(one) for there in state.rules) for one in desired.rules)
        and all(values[one.path] == one.value for one in desired.sysctls)
    )


@given(machines(), st.lists(desires(), min_size=1, max_size=4))
def test_any_way_leads_there_and_back(machine, wishes):
    """Whatever was there and whatever is wanted in turn: each wish comes true, a second look finds nothing to do, and nothing of it remains in the end."""
    as_it_was = machine.everything()
    owned = Owned()
    for desired in wishes:
        if conflicts(machine, desired):
            continue
        owned = become(machine, desired, owned)
        assert holds(machine, desired)
        assert difference(machine.observe(scope_of(desired, owned)), desired, owned) == ()
    owned = become(machine, MachineState(), owned)
    assert owned == Owned()
    assert machine.everything() == as_it_was


def test_the_model_can_tell():
    """The property above notices an address that is left behind."""
    machine = FakeMachine()
    machine.add_interface("a")
    as_it_was = machine.everything()
    machine.apply(AddAddress(on("a", "192.168.0.1/24")))
    assert machine.everything() != as_it_was


@given(machines(), desires(), st.permutations(NAMES))
def test_renames_make_no_difference(machine, desired, names):
    """Interfaces that change their names take along what is ours, and in the end have back what was theirs."""
    if conflicts(machine, desired):
        return
    called = dict(zip(NAMES, names, strict=True))
    as_it_was = renamed(machine.everything(), called)
    owned = become(machine, desired, Owned())
    for name in NAMES:
        machine.rename(name, f"{name}-")
    for old, new in called.items():
        machine.rename(f"{old}-", new)
    desired = renamed(desired, called)
    changes = difference(machine.observe(scope_of(desired, owned)), desired, follow(owned, indices(machine)))
    assert changes == ()
    assert become(machine, MachineState(), owned) == Owned()
    assert machine.everything() == as_it_was


def renamed(state, called):
    """The same state by other names."""

    def path(text):
        parts = text.split(".")
        return ".".join(called.get(part, part) if place == 3 else part for place, part in enumerate(parts))

    return replace(
        state,
        devices=frozenset(
            replace(
                one,
                interface=called.get(one.interface, one.interface),
                below=called.get(one.below, one.below),
            )
            for one in state.devices
        ),
        links=frozenset(
            replace(one, interface=called.get(one.interface, one.interface)) for one in state.links
        ),
        addresses=frozenset(
            replace(one, interface=called.get(one.interface, one.interface)) for one in state.addresses
        ),
        routes=frozenset(
            replace(one, interface=called.get(one.interface, one.interface)) for one in state.routes
        ),
        sysctls=frozenset(replace(one, path=path(one.path)) for one in state.sysctls),
    )


def test_a_device_of_another_kind_is_made_anew_with_all_that_hangs_on_it():
    """A VLAN whose number changes is another device: the old one goes first, addresses and settings come again."""
    machine = FakeMachine()
    machine.add_interface("a", up=True)
    machine.add_interface("b", up=True)

    def wanted(below, vlan):
        return MachineState(
            devices=frozenset({Device("v0", "vlan", below, vlan)}),
            links=frozenset({LinkSettings("v0", up=True)}),
            addresses=frozenset({on("v0", "192.0.2.5/24")}),
        )

    owned = become(machine, wanted("a", 5), Owned())
    current = machine.observe(scope_of(wanted("b", 7), owned))
    assert words(difference(current, wanted("b", 7), owned)) == [
        "remove VLAN 5 of a as v0",
        "make VLAN 7 of b as v0",
        "set interface v0 up",
        "add address 192.0.2.5/24 on v0",
    ]
    owned = become(machine, wanted("b", 7), owned)
    assert holds(machine, wanted("b", 7))
    assert become(machine, MachineState(), owned) == Owned()


def test_a_bridge_comes_before_its_ports_and_goes_after_them():
    """Ports are given back as they were, then the bridge goes; somebody else's bridge stays."""
    machine = FakeMachine()
    machine.add_interface("a")
    wanted = MachineState(
        devices=frozenset({Device("br0", "bridge")}),
        links=frozenset({LinkSettings("a", up=True, master="br0"), LinkSettings("br0", up=True)}),
    )
    assert words(difference(machine.everything(), wanted)) == [
        "make bridge br0",
        "set interface a up, port of br0",
        "set interface br0 up",
    ]
    owned = become(machine, wanted, Owned())
    assert words(difference(machine.everything(), MachineState(), owned)) == [
        "set interface a port of no bridge",
        "set interface a down",
        "remove bridge br0",
    ]
    assert difference(machine.everything(), MachineState(), Owned()) == ()
