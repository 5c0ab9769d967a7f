"""The machine and its reconciler keep their promises: the same tests on the fake and on a kernel in a fresh namespace."""

import gc
import subprocess
from dataclasses import replace
from ipaddress import ip_address, ip_interface, ip_network
from pathlib import Path

import pytest
from twisted.internet.defer import maybeDeferred
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from icsframework.errors import HostError, InterfaceMissing
from icsframework.host.changes import (
    AddAddress,
    AddRoute,
    MakeDevice,
    RemoveAddress,
    RemoveDevice,
    RemoveRoute,
    RemoveRule,
    SetLink,
    SetSysctl,
)
from icsframework.host.links import Machine
from icsframework.host.machine import IMachine, Overtaken, PortRefused, SysctlMissing
from icsframework.host.owned import Owned
from icsframework.host.reconcile import Reconciler
from icsframework.host.state import (
    AddressOn,
    Device,
    LinkSettings,
    MachineState,
    Route,
    RoutingRule,
    Scope,
    Sysctl,
)
from icsframework.testing.machine import FakeMachine
from icsframework.testing.namespace import allowed, fresh_network

STATIC = 4
"""RTPROT_STATIC: routes of the administrator."""

SYSCTLS = frozenset(
    {
        "net.ipv4.ip_forward",
        "net.ipv4.ip_local_port_range",
        "net.netfilter.nf_conntrack_udp_timeout",
        *(f"net.ipv4.conf.{i}.{s}" for i in ("*", "all", "default") for s in ("forwarding", "rp_filter")),
        "net.ipv4.conf.all.accept_redirects",
        "net.ipv4.conf.*.promote_secondaries",
    }
)


class MemoryBefore:
    """Before in memory; every document that was saved is kept."""

    def __init__(self):
        self.saved = []
        self.owned = Owned()

    def load(self):
        return self.owned

    def save(self, owned):
        self.saved.append(owned)
        self.owned = owned

    def clear(self):
        self.owned = Owned()


class FakeWorld:
    """A fake machine and what an administrator does to it."""

    def __init__(self):
        self.machine = FakeMachine()

    def add_interface(self, name, up=False):
        self.machine.add_interface(name, up=up)

    def vanish(self, name):
        self.machine.vanish(name)

    def rename(self, old, new):
        self.machine.rename(old, new)

    def knows(self, kind):
        return True

    def sysctl(self, path, value):
        self.machine.apply(SetSysctl(path, value))

    def close(self):
        self.machine.close()


class RealWorld:
    """The kernel of this machine in a namespace that nobody else sees."""

    def __init__(self):
        self.machine = Machine()
        self.sysctl("net.ipv6.conf.default.accept_dad", "0")  # addresses are there at once
        ip("link", "set", "lo", "up")

    def add_interface(self, name, up=False):
        ip("link", "add", name, "type", "veth", "peer", "name", f"{name}p")
        ip("link", "set", f"{name}p", "up")
        if up:
            ip("link", "set", name, "up")

    def vanish(self, name):
        ip("link", "del", name)

    def rename(self, old, new):
        ip("link", "set", old, "name", new)

    def knows(self, kind):
        tried = ["ip", "link", "add", "link", "lo", "name", "try0", "type", kind, "id", "9"]
        known = subprocess.run(tried, check=False, capture_output=True).returncode == 0
        if known:
            ip("link", "del", "try0")
        return known

    def sysctl(self, path, value):
        self.machine.apply(SetSysctl(path, value))

    def close(self):
        self.machine.close()


def ip(*words):
    subprocess.run(["ip", *words], check=True)


@pytest.fixture(
    params=[
        "fake",
        pytest.param(
            "kernel",
            marks=[
                pytest.mark.netns,
                pytest.mark.skipif(not allowed(), reason="network namespaces need root"),
            ],
        ),
    ]
)
def world(request):
    if request.param == "fake":
        yield FakeWorld()
        return
    with fresh_network():
        world = RealWorld()
        yield world
        world.close()


@pytest.fixture
def before():
    return MemoryBefore()


@pytest.fixture
def reconciler(world, before):
    return Reconciler(world.machine, before, maybeDeferred)


def done(deferred):
    """The result of a Deferred that has fired; its error is raised."""
    found = []
    deferred.addBoth(found.append)
    assert found, "it has not fired"
    if isinstance(found[0], Failure):
        found[0].raiseException()
    return found[0]


def everything(world):
    """All that can be observed."""
    interfaces = frozenset(one.name for one in world.machine.interfaces())
    return world.machine.observe(Scope(interfaces, frozenset({254, 100, 101}), SYSCTLS))


def on(interface, address):
    return AddressOn(interface, ip_interface(address))


def route(destination, interface="", gateway=None, **more):
    gateway = None if gateway is None else ip_address(gateway)
    return Route(ip_network(destination), interface, gateway, **more)


GATEWAY = MachineState(
    links=frozenset(
        {LinkSettings("lan0", up=True), LinkSettings("wan0", up=True, mtu=1400, mac="02:00:5e:00:53:77")}
    ),
    addresses=frozenset(
        {on("lan0", "192.168.0.1/24"), on("wan0", "203.0.113.5/24"), on("wan0", "2001:db8:1::5/64")}
    ),
    routes=frozenset(
        {
            route("0.0.0.0/0", "wan0", "203.0.113.1", metric=100),
            route("0.0.0.0/0", "wan0", "203.0.113.1", table=100),
            route("0.0.0.0/0", kind="unreachable", table=100, metric=4000),
            route("198.51.100.0/24", "wan0", table=100),
            route("0.0.0.0/0", "lo", table=101, kind="local"),
            route("::/0", "wan0", "2001:db8:1::1", table=101),
        }
    ),
    rules=frozenset(
        {
            RoutingRule(1000, 254, suppress_prefixlength=0),
            RoutingRule(1001, 100, mark=0x10000, mask=0xFF0000),
            RoutingRule(1001, 101, mark=0x10000, mask=0xFF0000, family=6),
        }
    ),
    sysctls=frozenset(
        {
            Sysctl("net.ipv4.ip_forward", "1"),
            Sysctl("net.ipv4.conf.all.rp_filter", "0"),
            Sysctl("net.ipv4.conf.wan0.rp_filter", "2"),
            Sysctl("net.netfilter.nf_conntrack_udp_timeout", "120", how="at_least"),
            Sysctl("net.ipv4.ip_local_port_range", "32768 49999"),
            Sysctl("net.bridge.no-such-setting", "0", optional=True),
        }
    ),
)


def holds(state, wanted):
    """True if everything that is wanted is in the state."""
    links = {link.interface: link for link in state.links}
    values = {one.path: one.value for one in state.sysctls}
    return (
        all(link.unlike(links[link.interface]) is None for link in wanted.links)
        and wanted.addresses <= state.addresses
        and wanted.routes <= state.routes
        and wanted.rules <= state.rules
        and all(one.fulfilled_by(values[one.path]) for one in wanted.sysctls if one.path in values)
    )


@pytest.fixture
def two(world):
    """A world with a LAN and an uplink interface, both down."""
    world.add_interface("lan0")
    world.add_interface("wan0")
    return world


def test_it_provides_the_interface(world):
    """Fake and real one are what they say."""
    assert verifyObject(IMachine, world.machine)


def test_a_gateway_comes_and_goes(two, reconciler, before):
    """A whole gateway's state is applied, a second apply changes nothing, restore leaves no trace."""
    as_it_was = everything(two)
    assert done(reconciler.apply(GATEWAY)) > 10
    assert holds(everything(two), GATEWAY)
    assert done(reconciler.apply(GATEWAY)) == 0
    done(reconciler.restore())
    assert everything(two) == as_it_was
    assert before.owned == Owned()


def test_twenty_times(two, before):
    """Twenty starts and stops leave state and descriptors as they were."""
    as_it_was = everything(two)
    two.close()
    gc.collect()  # what an earlier test left to the garbage must not be missed later
    descriptors = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        reconciler = Reconciler(two.machine, before, maybeDeferred)
        done(reconciler.apply(GATEWAY))
        done(reconciler.restore())
        two.close()
    assert len(list(Path("/proc/self/fd").iterdir())) <= descriptors
    assert everything(two) == as_it_was


def test_what_was_there_stays(world, reconciler):
    """An address, a route and a link state that were right before us are not ours to remove."""
    world.add_interface("wan0", up=True)
    world.machine.apply(AddAddress(on("wan0", "203.0.113.5/24")))
    world.machine.apply(AddRoute(route("198.51.100.0/24", "wan0", protocol=STATIC)))
    as_it_was = everything(world)
    wanted = MachineState(
        links=frozenset({LinkSettings("wan0", up=True)}),
        addresses=frozenset({on("wan0", "203.0.113.5/24")}),
        routes=frozenset({route("198.51.100.0/24", "wan0")}),
    )
    assert done(reconciler.apply(wanted)) == 0
    done(reconciler.restore())
    assert everything(world) == as_it_was


def test_a_route_in_the_way_comes_back(world, reconciler):
    """Our default route takes the place of another one with the same metric, which returns at the end, even if ours is like it by then."""
    world.add_interface("wan0", up=True)
    world.machine.apply(AddAddress(on("wan0", "203.0.113.5/24")))
    world.machine.apply(AddRoute(route("0.0.0.0/0", "wan0", "203.0.113.99", protocol=STATIC)))
    as_it_was = everything(world)
    for gateway in ("203.0.113.1", "203.0.113.2", "203.0.113.99"):
        wanted = MachineState(routes=frozenset({route("0.0.0.0/0", "wan0", gateway)}))
        assert done(reconciler.apply(wanted)) == 1
        assert everything(world).routes == wanted.routes
    done(reconciler.restore())
    assert everything(world) == as_it_was


def test_renumbering_keeps_the_second_address(world, reconciler):
    """Taking the first address of a subnet away leaves the new one, and the sysctl that makes it so untouched."""
    world.add_interface("lan0", up=True)
    for address in ("192.168.0.1/24", "192.168.0.2/24", "192.168.0.2/16", "10.0.0.1/8"):
        done(reconciler.apply(MachineState(addresses=frozenset({on("lan0", address)}))))
        assert everything(world).addresses & {on("lan0", address)}
        assert len([one for one in everything(world).addresses if one.interface == "lan0"]) == 1
    done(reconciler.restore())
    assert "1" not in {one.value for one in everything(world).sysctls if "promote" in one.path}


def test_an_ipv6_prefix_length_may_change(world, reconciler):
    """The kernel takes it for the same address: the old one goes first."""
    world.add_interface("lan0", up=True)
    for address in ("2001:db8::1/64", "2001:db8::1/60"):
        wanted = frozenset({on("lan0", address)})
        done(reconciler.apply(MachineState(addresses=wanted)))
        assert {one for one in everything(world).addresses if one.interface == "lan0"} == wanted


def test_the_last_address_takes_no_foreign_route_along(world):
    """Removing the only address of an interface keeps the administrator's on-link route."""
    world.add_interface("wan0", up=True)
    world.machine.apply(AddRoute(route("198.51.100.0/24", "wan0", protocol=STATIC)))
    world.machine.apply(AddAddress(on("wan0", "203.0.113.5/24")))
    world.machine.apply(RemoveAddress(on("wan0", "203.0.113.5/24")))
    state = everything(world)
    assert on("wan0", "203.0.113.5/24") not in state.addresses
    assert route("198.51.100.0/24", "wan0", protocol=STATIC) in state.routes


def test_a_failed_apply_changes_nothing(two, reconciler, before):
    """If one interface is missing, what was applied before stays in force, whole, and the error names it."""
    done(reconciler.apply(GATEWAY))
    in_force, written = everything(two), before.owned
    wanted = MachineState(
        links=frozenset({LinkSettings("lan0", up=True, mtu=1300)}),
        addresses=frozenset({on("lan0", "192.168.7.1/24"), on("zzz9", "192.168.8.1/24")}),
        sysctls=frozenset({Sysctl("net.ipv4.conf.all.rp_filter", "2")}),
    )
    with pytest.raises(InterfaceMissing, match="zzz9"):
        done(reconciler.apply(wanted))
    assert everything(two) == in_force
    assert before.owned == written
    done(reconciler.apply(GATEWAY))


def test_forwarding_of_each_interface_comes_back(two, reconciler):
    """ip_forward overwrites every interface's own value; each gets its own back, and so does accept_redirects."""
    two.sysctl("net.ipv4.conf.lan0.forwarding", "1")
    as_it_was = everything(two)
    wanted = MachineState(
        sysctls=frozenset({Sysctl("net.ipv4.ip_forward", "1"), Sysctl("net.ipv4.conf.wan0.forwarding", "0")})
    )
    done(reconciler.apply(wanted))
    assert done(reconciler.apply(wanted)) == 0
    values = {one.path: one.value for one in everything(two).sysctls}
    assert values["net.ipv4.conf.wan0.forwarding"] == "0"
    assert values["net.ipv4.conf.lan0.forwarding"] == "1"
    assert values["net.ipv4.conf.default.forwarding"] == "1"
    done(reconciler.restore())
    assert everything(two) == as_it_was


def test_minimums_are_never_lowered(world, reconciler):
    """``at_least`` leaves a higher value alone."""
    path = "net.netfilter.nf_conntrack_udp_timeout"
    world.sysctl(path, "600")
    assert done(reconciler.apply(MachineState(sysctls=frozenset({Sysctl(path, "120", how="at_least")})))) == 0


def test_an_unwanted_sysctl_gets_its_value_back(world, reconciler):
    """What is no longer wanted is put back while the rest stays."""
    wanted = {Sysctl("net.ipv4.ip_local_port_range", "2000 3000"), Sysctl("net.ipv4.ip_forward", "1")}
    done(reconciler.apply(MachineState(sysctls=frozenset(wanted))))
    wanted = {Sysctl("net.ipv4.ip_forward", "1")}
    assert done(reconciler.apply(MachineState(sysctls=frozenset(wanted)))) == 1
    values = {one.path: one.value.split() for one in everything(world).sysctls}
    assert values["net.ipv4.ip_local_port_range"] == ["32768", "60999"]
    assert values["net.ipv4.ip_forward"] == ["1"]


def test_a_missing_sysctl_is_named(world):
    """One clear error, of a kind of its own."""
    with pytest.raises(SysctlMissing, match=r"net\.ipv4\.conf\.gone0\.rp_filter"):
        world.machine.apply(SetSysctl("net.ipv4.conf.gone0.rp_filter", "0"))


def test_restore_without_the_interface(two, reconciler, before):
    """An interface that was pulled out meanwhile hinders nothing, and the rest is as before."""
    rest = frozenset(one for one in everything(two).links if one.interface == "lan0")
    done(reconciler.apply(GATEWAY))
    two.vanish("wan0")
    done(reconciler.restore())
    state = everything(two)
    assert frozenset(one for one in state.links if one.interface == "lan0") == rest
    assert not {one for one in state.addresses if one.interface != "lo"}
    assert before.owned == Owned()


def test_the_next_start_adopts(two, reconciler, before):
    """After kill -9 a new reconciler removes what is no longer wanted, and knows how everything was."""
    as_it_was = everything(two)
    done(reconciler.apply(GATEWAY))
    less = MachineState(links=GATEWAY.links, addresses=frozenset({on("lan0", "192.168.0.1/24")}))
    successor = Reconciler(two.machine, before, maybeDeferred)
    done(successor.apply(less))
    state = everything(two)
    assert holds(state, less)
    assert not state.routes & GATEWAY.routes
    assert on("wan0", "203.0.113.5/24") not in state.addresses
    cleanup = Reconciler(two.machine, before, maybeDeferred)
    done(cleanup.restore())
    assert everything(two) == as_it_was


def test_routes_and_rules_are_known_by_their_protocol(two, reconciler):
    """Even without before.json, routes and rules of an earlier run go."""
    done(reconciler.apply(GATEWAY))
    stranger = Reconciler(two.machine, MemoryBefore(), maybeDeferred)
    done(stranger.apply(MachineState()))
    state = everything(two)
    assert not state.routes & GATEWAY.routes
    assert not state.rules & GATEWAY.rules


def test_removing_what_is_gone_is_done(world):
    """What vanished between looking and acting counts as removed; what came meanwhile is an error of its own kind."""
    world.add_interface("wan0", up=True)
    world.machine.apply(RemoveAddress(on("wan0", "203.0.113.5/24")))
    world.machine.apply(RemoveRoute(route("0.0.0.0/0", "wan0", "203.0.113.1")))
    world.machine.apply(RemoveRule(RoutingRule(1000, 100)))
    world.machine.apply(RemoveRoute(route("0.0.0.0/0", "gone0")))
    world.machine.apply(AddAddress(on("wan0", "203.0.113.5/24")))
    with pytest.raises(Overtaken, match=r"203\.0\.113\.5/24"):
        world.machine.apply(AddAddress(on("wan0", "203.0.113.5/24")))
    world.machine.apply(AddRoute(route("198.51.100.0/24", "wan0")))
    with pytest.raises(Overtaken, match=r"198\.51\.100\.0/24"):
        world.machine.apply(AddRoute(route("198.51.100.0/24", "wan0")))


@pytest.mark.parametrize(
    "change",
    [
        SetLink(LinkSettings("gone0", up=True)),
        AddAddress(on("gone0", "192.168.0.1/24")),
        AddRoute(route("0.0.0.0/0", "gone0", "192.168.0.2")),
    ],
    ids=str,
)
def test_a_missing_interface_is_named(world, change):
    """Every change says which interface is not there."""
    with pytest.raises(InterfaceMissing, match="gone0"):
        world.machine.apply(change)


def test_a_route_needs_an_interface_that_is_up(world):
    """The error says so, in words."""
    world.add_interface("wan0")
    with pytest.raises(HostError, match="down"):
        world.machine.apply(AddRoute(route("0.0.0.0/0", "wan0", "203.0.113.1")))


def test_interfaces_are_listed(two):
    """Name, state and addresses of each, as IHost shows them."""
    done(Reconciler(two.machine, MemoryBefore(), maybeDeferred).apply(GATEWAY))
    wan = next(one for one in two.machine.interfaces() if one.name == "wan0")
    assert (wan.up, wan.carrier, wan.mtu, wan.mac, wan.kind) == (
        True,
        True,
        1400,
        "02:00:5e:00:53:77",
        "veth",
    )
    assert set(wan.addresses) >= {ip_interface("203.0.113.5/24"), ip_interface("2001:db8:1::5/64")}


def test_a_name_with_a_dot(world, reconciler):
    """The settings of a VLAN interface, whose name has a dot, are found, written and put back."""
    world.add_interface("eth0.5", up=True)
    as_it_was = everything(world)
    wanted = MachineState(sysctls=frozenset({Sysctl("net.ipv4.conf.eth0/5.rp_filter", "2")}))
    done(reconciler.apply(wanted))
    assert holds(everything(world), wanted)
    assert Sysctl("net.ipv4.conf.eth0/5.rp_filter", "2") in everything(world).sysctls
    done(reconciler.restore())
    assert everything(world) == as_it_was


# --- bridges and VLANs ------------------------------------------------------------------------------


BRIDGED = MachineState(
    devices=frozenset({Device("br-home", "bridge")}),
    links=frozenset(
        {
            LinkSettings("br-home", up=True, mac="02:00:5e:00:53:99"),
            LinkSettings("lan0", up=True, master="br-home"),
            LinkSettings("wan0", up=True, master="br-home"),
        }
    ),
    addresses=frozenset({on("br-home", "192.168.0.1/24")}),
)


def bridged(world, *ports):
    """What is wanted while only these ports are there."""
    links = {one for one in BRIDGED.links if one.interface in ("br-home", *ports)}
    return replace(BRIDGED, links=frozenset(links))


def test_a_bridge_comes_and_goes(two, reconciler, before):
    """It is made with its ports, a second apply changes nothing, and in the end each port has back what it had."""
    two.machine.apply(MakeDevice(Device("br-old", "bridge")))
    two.machine.apply(SetLink(LinkSettings("wan0", up=True, master="br-old")))
    as_it_was = everything(two)
    done(reconciler.apply(BRIDGED))
    assert BRIDGED.devices <= everything(two).devices
    assert BRIDGED.links <= {link.where(one) for link in everything(two).links for one in BRIDGED.links}
    assert BRIDGED.addresses <= everything(two).addresses
    assert done(reconciler.apply(BRIDGED)) == 0
    done(reconciler.restore())
    assert everything(two) == as_it_was
    assert before.owned == Owned()


def test_a_bridge_keeps_its_mac_whatever_its_ports_do(two, reconciler):
    """Ports come and go; the clients' ARP caches stay right."""

    def mac():
        return next(link.mac for link in everything(two).links if link.interface == "br-home")

    for ports in ([], ["wan0"], ["lan0", "wan0"], ["lan0"], []):
        done(reconciler.apply(bridged(two, *ports)))
        assert mac() == "02:00:5e:00:53:99"
        masters = {link.interface for link in everything(two).links if link.master == "br-home"}
        assert masters == set(ports)


def test_a_start_that_finds_our_bridge_keeps_it(two, reconciler, before):
    """After kill -9 the successor changes nothing, and still knows what to take away."""
    as_it_was = everything(two)
    done(reconciler.apply(BRIDGED))
    successor = Reconciler(two.machine, before, maybeDeferred)
    assert done(successor.apply(BRIDGED)) == 0
    done(successor.restore())
    assert everything(two) == as_it_was


def test_a_port_that_vanishes_and_returns(two, reconciler, before):
    """It is a port again, and what the one that went had been before is forgotten."""
    done(reconciler.apply(BRIDGED))
    two.vanish("wan0")
    done(reconciler.apply(bridged(two, "lan0")))
    assert "wan0" not in {link.interface for link in before.owned.links}
    two.add_interface("wan0")
    done(reconciler.apply(BRIDGED))
    assert {link.interface for link in everything(two).links if link.master} == {"lan0", "wan0"}
    done(reconciler.restore())
    assert {(link.interface, link.up, link.master) for link in everything(two).links} >= {
        ("lan0", False, ""),
        ("wan0", False, ""),
    }


def test_what_cannot_be_a_port_is_named(two):
    """The error says which interface, so that the rest can go on without it."""
    for bridge in ("br0", "br1"):
        two.machine.apply(MakeDevice(Device(bridge, "bridge")))
    with pytest.raises(PortRefused, match="br1") as refused:
        two.machine.apply(SetLink(LinkSettings("br1", master="br0")))
    assert refused.value.interface == "br1"
    with pytest.raises(InterfaceMissing, match="nowhere0"):
        two.machine.apply(SetLink(LinkSettings("lan0", master="nowhere0")))


def test_a_name_that_is_taken_by_something_else(two, reconciler):
    """A bridge cannot be made where another interface has its name; nothing has changed then."""
    as_it_was = everything(two)
    wanted = replace(BRIDGED, devices=frozenset({Device("wan0", "bridge")}), links=frozenset())
    with pytest.raises(HostError, match=r"bridge wan0.*already"):
        done(reconciler.apply(wanted))
    assert everything(two) == as_it_was


def test_a_vlan_comes_changes_and_goes(two, reconciler):
    """Another number is another device; the interface below is as before in the end."""
    if not two.knows("vlan"):
        pytest.skip("this kernel has no VLANs")
    as_it_was = everything(two)
    for vlan in (5, 5, 7):
        wanted = MachineState(
            devices=frozenset({Device("icsu-tv", "vlan", "wan0", vlan)}),
            links=frozenset({LinkSettings("wan0", up=True), LinkSettings("icsu-tv", up=True, mtu=1400)}),
            addresses=frozenset({on("icsu-tv", "203.0.113.5/24")}),
        )
        done(reconciler.apply(wanted))
        assert wanted.devices == everything(two).devices
        assert wanted.addresses <= everything(two).addresses
    two.machine.apply(RemoveDevice(Device("icsu-tv", "vlan", "wan0", 7)))
    two.machine.apply(RemoveDevice(Device("icsu-tv", "vlan", "wan0", 7)))
    done(reconciler.apply(wanted))
    done(reconciler.restore())
    assert everything(two) == as_it_was


def test_a_failed_apply_takes_the_bridge_back(two, reconciler, before):
    """The ports are what they were."""
    as_it_was = everything(two)
    wanted = replace(BRIDGED, addresses=BRIDGED.addresses | {on("zzz9", "192.168.8.1/24")})
    with pytest.raises(InterfaceMissing, match="zzz9"):
        done(reconciler.apply(wanted))
    assert everything(two) == as_it_was
    assert before.owned == Owned()


def test_a_renamed_interface_keeps_what_is_ours(two, reconciler, before):
    """By its new name nothing is to be done, and the end finds it, even by a successor."""
    done(reconciler.apply(GATEWAY))
    two.rename("lan0", "home0")
    renamed = replace(
        GATEWAY,
        links=frozenset(
            replace(one, interface="home0" if one.interface == "lan0" else one.interface)
            for one in GATEWAY.links
        ),
        addresses=frozenset(
            replace(one, interface="home0" if one.interface == "lan0" else one.interface)
            for one in GATEWAY.addresses
        ),
    )
    assert done(reconciler.apply(renamed)) == 0
    assert {one.interface for one in before.owned.links} == {"home0", "wan0"}
    two.rename("home0", "home1")
    done(Reconciler(two.machine, before, maybeDeferred).restore())
    state = everything(two)
    assert not {one for one in state.addresses if one.interface != "lo"}
    assert next(one.up for one in state.links if one.interface == "home1") is False
    assert before.owned == Owned()
