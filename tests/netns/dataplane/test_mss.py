"""TCP segments fit the uplink: the size in SYN and SYN-ACK is lowered to it, in both directions, and never raised."""

import socket

import dpkt

SMALL = 1400


def sizes(frames):
    """The MSS options of the TCP segments with SYN among captured frames: (ACK?, size)."""
    found = []
    for frame in frames:
        segment = dpkt.ethernet.Ethernet(frame).data.data
        if isinstance(segment, dpkt.tcp.TCP) and segment.flags & dpkt.tcp.TH_SYN:
            options = dict(dpkt.tcp.parse_opts(segment.opts))
            size = int.from_bytes(options[dpkt.tcp.TCP_OPT_MSS], "big")
            found.append((bool(segment.flags & dpkt.tcp.TH_ACK), size))
    return found


def seen(net, port=9000):
    """The sizes that server and PC see when the PC connects."""
    listener = net.socket("server", socket.SOCK_STREAM, port=port)
    client = net.socket("pc1", socket.SOCK_STREAM)
    with net.lab["server"].capture("eth0", "tcp") as out, net.lab["pc1"].capture("eth0", "tcp") as back:
        assert net.conversation(client, (net.server_address, port), listener) in (net.cable, net.dsl)
    outward = [size for ack, size in sizes(out.frames()) if not ack]
    inward = [size for ack, size in sizes(back.frames()) if ack]
    assert outward
    assert inward
    return set(outward), set(inward)


def test_a_small_uplink(net):
    """With an MTU of 1400 on the uplink both ends are told 1360."""
    net.load(net.one)
    net.ip("link", "set", "eth0", "mtu", str(SMALL))
    net.set_up(net.one)
    assert seen(net) == ({SMALL - 40}, {SMALL - 40})


def test_an_ordinary_uplink(net):
    """With the same MTU everywhere the sizes stay as the ends chose them."""
    net.load(net.one)
    assert seen(net) == ({1460}, {1460})


def test_the_second_of_two_uplinks_is_small(net):
    """A flow by the small uplink that is not the active one any more is told its size: what comes back by it is lowered as well."""
    cable, dsl = net.two.uplinks
    small = net.changed(cable, link=net.changed(cable.link, mtu=SMALL))
    plane = net.changed(net.two, uplinks=(small, dsl))
    net.ip("link", "set", "eth0", "mtu", str(SMALL))
    net.load(plane)
    assert seen(net) == ({SMALL - 40}, {SMALL - 40})
    net.set_up(net.changed(plane, active="dsl"))
    net.nft('insert rule inet ics prerouting iifname "eth1" tcp flags syn meta mark set 0x00010000')
    assert seen(net, 9001) == ({SMALL - 40}, {SMALL - 40})
