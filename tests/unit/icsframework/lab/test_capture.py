import shutil
import socket
import struct
import subprocess

import pytest

from icsframework.lab.capture import (
    ADDRESS_OFFSET,
    FRAME_SIZE,
    HEADER,
    PACKET_TYPE_OFFSET,
    Capture,
    compile_filter,
    read_ring,
    write_pcap,
)
from icsframework.lab.errors import LabError

needs_tcpdump = pytest.mark.skipif(shutil.which("tcpdump") is None, reason="tcpdump is not installed")


def slot(frame, moment=(10, 500_000_000), status=1, packet_type=0):
    """One slot of a ring as the kernel fills it."""
    start = 66
    data = bytearray(FRAME_SIZE)
    HEADER.pack_into(data, 0, status, len(frame), len(frame), start, start + 14, *moment, 0, 0)
    data[PACKET_TYPE_OFFSET] = packet_type
    data[start : start + len(frame)] = frame
    return bytes(data)


def test_a_ring_is_read_up_to_the_first_free_slot():
    """Frames with their times; what the kernel has not given is not looked at."""
    ring = slot(b"one") + slot(b"two", (11, 0)) + slot(b"never", status=0) + slot(b"behind")
    assert list(read_ring(memoryview(ring), False)) == [(10.5, b"one"), (11.0, b"two")]


def test_on_lo_each_frame_counts_once():
    """The copy that goes out is passed over there, and kept elsewhere."""
    ring = slot(b"x", packet_type=4) + slot(b"x", packet_type=0)
    assert [frame for _, frame in read_ring(memoryview(ring), True)] == [b"x"]
    assert [frame for _, frame in read_ring(memoryview(ring), False)] == [b"x", b"x"]


def test_the_layout_is_the_kernels():
    """Sizes of struct tpacket2_hdr, and where sockaddr_ll (family, protocol, ifindex, hatype, pkttype) follows."""
    assert HEADER.size == 28
    assert (HEADER.size + 4 + 15) // 16 * 16 == ADDRESS_OFFSET
    assert ADDRESS_OFFSET + struct.calcsize("=HHiH") == PACKET_TYPE_OFFSET


@needs_tcpdump
def test_a_file_that_tcpdump_reads(tmp_path):
    """Link type, time to the nanosecond and content arrive."""
    frame = bytes.fromhex(
        "ffffffffffff 020000000001 0806 0001080006040001 020000000001 c0000201 000000000000 c0000202"
    )
    write_pcap(tmp_path / "x.pcap", 1, [(1000.25, frame)])
    done = subprocess.run(
        ["tcpdump", "-n", "-tt", "-r", "-"],
        stdin=(tmp_path / "x.pcap").open("rb"),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "1000.250000 ARP, Request who-has 192.0.2.2 tell 192.0.2.1, length 28\n"


@needs_tcpdump
def test_filters_are_compiled_or_refused():
    """Eight bytes an instruction; nonsense is refused in tcpdump's words."""
    program = compile_filter("arp", "EN10MB")
    assert len(program) == 8 * 4
    assert struct.unpack("=HBBI", program[:8]) == (0x28, 0, 0, 12)
    with pytest.raises(LabError, match=r"'arp arp arp' is no packet filter: .*syntax error"):
        compile_filter("arp arp arp", "EN10MB")


def test_an_interface_that_is_not_there(here, tmp_path):
    """The sentence names host and interface; without rights to capture at all the kernel's refusal comes out."""
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close()
    except PermissionError:
        pytest.skip("this user may not open packet sockets")
    with (
        pytest.raises(LabError, match="here has no interface no-such"),
        Capture(here, "no-such", "", tmp_path / "x"),
    ):
        pass
