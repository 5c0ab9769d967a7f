"""IP packets on an open link."""

import pytest

from icsframework.protocols.ppp.datapath import Datapath, DatapathCounters
from icsframework.protocols.ppp.hdlc import Decoder
from icsframework.protocols.ppp.ipcp import VjOption
from icsframework.protocols.ppp.lcp import LinkOptions

V4, V6 = b"\x45some packet", b"\x60some packet"


def make(mtu=1500, **options):
    """An open data path."""
    path = Datapath(LinkOptions(**options), mtu, DatapathCounters())
    path.ipv4 = path.ipv6 = True
    return path


@pytest.mark.parametrize(
    ("pfc", "acfc", "head"),
    [(False, False, "ff030021"), (True, False, "ff0321"), (False, True, "0021"), (True, True, "21")],
)
def test_headers_are_as_agreed(pfc, acfc, head):
    """Each of the two compressions alone and both; control protocols keep their two octets."""
    path = make(pfc=pfc, acfc=acfc)
    assert Decoder().feed(path.send([V4])) == [bytes.fromhex(head) + V4]
    (control,) = Decoder().feed(path.control(0x8021, b"x"))
    assert control == (b"" if acfc else b"\xff\x03") + b"\x80\x21x"


def test_the_peers_map_is_obeyed():
    """Octets that it wants escaped are."""
    assert b"\x11" not in make(accm=0x000A0000).send([b"\x45\x11\x13"])
    assert b"\x11" in make(accm=0).send([b"\x45\x11\x13"])


def test_many_packets_are_one_buffer():
    """Both families, in order."""
    path = make(accm=0, pfc=True, acfc=True)
    assert Decoder().feed(path.send([V4, V6, V4])) == [b"\x21" + V4, b"\x57" + V6, b"\x21" + V4]
    assert path.send([]) == b""


def test_what_cannot_be_sent_is_counted():
    """Too large for the peer or for us, of a family that is not up, no IP at all, empty."""
    path = make(mtu=100, mru=50)
    assert path.mtu == 50
    assert path.send([V4.ljust(51), V4.ljust(50)]) != b""
    path.ipv4 = path.ipv6 = False
    assert path.send([V4, V6, b"\x15", b""]) == b""
    assert (path.counters.oversize, path.counters.unsendable) == (1, 4)


def test_tcp_is_compressed_when_the_peer_can(tcp):
    """And what is compressed is counted."""
    path = make(accm=0, pfc=True, acfc=True)
    path.open_ipv4(VjOption(), None)
    wires = [Decoder().feed(path.send([tcp(ack=2000 + n, ident=n)]))[0] for n in range(3)]
    assert [wire[0] for wire in wires] == [0x2F, 0x2D, 0x2D]
    assert path.counters.compressed == 2
    path.close_ipv4()
    assert path.send([V4]) == b""
    path.open_ipv4(None, None)
    assert Decoder().feed(path.send([tcp()]))[0][0] == 0x21


def test_a_lost_frame_is_told_to_the_decompressor(tcp):
    """And harms nobody where there is none."""
    make().lost()
    path, peer = make(accm=0), make(accm=0)
    path.open_ipv4(VjOption(), None)
    peer.open_ipv4(None, VjOption())
    path.send([tcp()])
    peer.lost()
    assert peer.decompressor._last is None
