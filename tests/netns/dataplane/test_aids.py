"""The kernel's conntrack helpers with real flows: who gets one."""

import socket
from ipaddress import ip_address

from icsframework.dataplane import policy
from icsframework.dataplane.doors import Doors, KernelAid, Published, Scope
from icsframework.values import Endpoint

PPTP = KernelAid("pptp", "pptp", "tcp", (1723,))
CALLS = Published("calls", "tcp", 1723, 1723, Endpoint(ip_address("192.168.0.10"), 1723))


def helped(net):
    """Who opened the flows that have the pptp helper."""
    lines = net.gateway.run(["conntrack", "-L", "-o", "extended"], check=True).stdout.splitlines()
    return sorted(line.split("src=")[1].split()[0] for line in lines if "helper=pptp" in line)


def call(net, caller, answerer, address, port=1723):
    """One connection that says a line each way."""
    with net.socket(answerer, socket.SOCK_STREAM, port=port) as listener:
        return net.conversation(net.socket(caller, socket.SOCK_STREAM), (address, port), listener)


def test_flows_out_and_in_get_the_helper(net):
    """What a LAN host calls, and what calls a published server; not another port."""
    net.load(net.changed(net.one, doors=Doors(kernel=(PPTP,), published=(CALLS,))))
    assert call(net, "pc1", "server", net.server_address) == net.cable
    assert call(net, "pc1", "server", net.server_address, 1724) == net.cable
    assert call(net, "server", "pc1", net.cable) == net.server_address
    assert helped(net) == ["192.0.2.80", "192.168.0.10"]


def test_only_in_scope(net):
    """A LAN that is not in scope calls without it, and by an uplink that is not."""
    aid = net.changed(PPTP, scope=Scope(lans=("guest",), uplinks=("cable",)))
    plane = net.changed(net.two, doors=Doors(kernel=(aid,)))
    net.load(plane)
    assert call(net, "pc1", "server", net.server_address) == net.cable
    assert call(net, "pc2", "server", net.server_address) == net.cable
    net.set_up(net.changed(plane, active="dsl"))
    assert call(net, "pc2", "server", net.server_address) == net.dsl
    assert helped(net) == ["192.168.7.10"]


def test_reloads_with_helpers(net):
    """Loading with, without and with another helper works over what is there, while a flow that has one goes on."""
    aided = policy.build(net.changed(net.one, doors=Doors(kernel=(PPTP,))))
    other = policy.build(
        net.changed(net.one, doors=Doors(kernel=(net.changed(PPTP, helper="ftp", ports=(21,)),)))
    )
    plain = policy.build(net.one)
    net.load(net.one)
    assert net.queue(*[("apply", table) for table in (aided, aided)]) == [None, None]
    call(net, "pc1", "server", net.server_address)
    assert net.queue(*[("apply", table) for table in (other, plain, aided)]) == [None, None, None]
    assert helped(net) == ["192.168.0.10"]
    (found,) = net.queue(("inventory", "inet", "ics"))
    assert set(found.helpers) == {"pptp_tcp"}


def test_the_kernel_is_asked(net):
    """This kernel has pptp for TCP, and lacks what nobody ever wrote; nothing is left of the question."""
    names = ["pptp", "sip/udp", "nonsense", "pptp/udp"]
    (found,) = net.queue(("probe", names))
    assert (found["pptp"], found["sip/udp"]) == ("", "")
    assert "no conntrack helper nonsense" in found["nonsense"]
    assert found["pptp/udp"]
    assert net.queue(("probe", ["pptp"])) == [{"pptp": ""}]
    assert "ics_probe" not in net.gateway.run(["nft", "list", "tables"]).stdout
