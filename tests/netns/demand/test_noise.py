"""What nobody wants the Internet for: it neither dials nor keeps the line."""

import threading
import time

import dpkt
import pytest

from icsframework.lab.noise import flood, home_noise, udp
from icsframework.lab.waiting import wait_for
from icsframework.lab.witness import Witness

SERVER, PUBLIC, PORT = "192.0.2.80", "203.0.113.5", 9000
ROUNDS = 20
"""Of every kind of noise: what a home says in some minutes, at once."""
IDLE = 2.0
PAUSE = 0.02
"""Seconds between two packets of scanners: fifty a second, more than any public address gets."""


def sent(sock, packet):
    """Send it to where it says."""
    destination = dpkt.ip.IP(packet).dst
    sock.sendto(packet, (".".join(map(str, destination)), 0))


def test_the_noise_of_a_home(stand):
    """Nothing dials, nothing is in the history, Python gets no packet of it; the next packet that counts dials."""
    kinds = home_noise(stand.lease["pc1"].address, SERVER)
    before = stand.dialled(), stand.history(), stand.held(), stand.hold()
    with (
        stand.raw(stand.pc1) as own,
        stand.box.capture("eth1", "host 192.0.2.80 or net 224.0.0.0/3") as at_box,
    ):
        for _ in range(ROUNDS):
            for packet in kinds.values():
                sent(own, packet)
        assert "192.168.0.100" in stand.dig("pc1.home.arpa") + stand.dig("pc2.home.arpa")  # it has read on
        assert len(at_box.frames()) >= ROUNDS * (
            len(kinds) - 5
        )  # all but the four broadcasts of the subnet, and link-local
    assert stand.uplink()["state"] == "armed"
    assert (stand.dialled(), stand.history(), stand.held(), stand.hold()) == before
    with stand.witness(PORT) as witness, stand.udp(stand.pc1, (SERVER, PORT)) as own:
        own.send(b"the first that counts")
        assert own.recv(100) == b"the first that counts"
    assert len(witness.heard) == 1
    assert stand.dialled() == before[0] + 1


def ping(stand):
    """An echo request that is not answered."""
    assert stand.pc1.run(["ping", "-c", "1", "-W", "0.2", SERVER]).returncode


def lookup(stand):
    """Of a name that is not known."""
    assert "SERVFAIL" in stand.dig(stand.new_name())


def datagram(port):
    """To a port."""

    def send(stand):
        with stand.udp(stand.pc1) as own:
            own.sendto(b"noise", (SERVER, port))

    return send


@pytest.mark.parametrize(
    ("group", "sends"), [("ntp", [datagram(123)]), ("icmp", [ping]), ("dns", [lookup, datagram(53)])]
)
def test_groups(module_stand, group, sends):
    """What is ignored by its group does not dial: `icmp` and `dns` count unless the operator says so; the rest still does."""
    stand = module_stand.begin(demand=f"{{idle: 30s, hold: 20s, ignore: [{group}]}}")
    before = stand.dialled()
    for send in sends:
        send(stand)
    assert "192.168.0.100" in stand.dig("pc1.home.arpa") + stand.dig("pc2.home.arpa")  # it has read on
    assert (stand.uplink()["state"], stand.dialled()) == ("armed", before)
    datagram(PORT)(stand)
    stand.wait("up")


SERVICE = 8081
PUBLISH = f'[{{name: game, protocol: udp, port: {SERVICE}, to: "192.168.0.100"}}]'


class Scanners(threading.Thread):
    """They go on until they are told to end; every other packet is for the port that is open."""

    def __init__(self, sock):
        super().__init__(daemon=True)
        self._sock = sock
        self.ended = threading.Event()

    def run(self):
        known = udp(SERVER, PUBLIC, 7000, SERVICE, b"anybody?")
        for packet in flood(SERVER, PUBLIC):
            sent(self._sock, packet)
            sent(self._sock, known)
            if self.ended.wait(PAUSE):
                return


def test_noise_from_the_internet_holds_no_line(module_stand):
    """Scans of the public address go on, a published service answers some, and the home has noise of its own; the line is
    hung up when `idle` is over.
    """
    stand = module_stand.begin(demand=f"{{idle: {IDLE:g}s, hold: 20s}}", publish=PUBLISH)
    home = home_noise(stand.lease["pc2"].address, SERVER)
    quiet = [packet for name, packet in home.items() if "over" in name or "cast" in name or name == "rst"]
    with (
        stand.raw(stand.server) as outside,
        stand.raw(stand.pc2) as inside,
        Witness(stand.pc1, SERVICE) as service,
        stand.lab["isp"].capture("ppp0", f"dst {PUBLIC}") as arriving,
    ):
        with stand.witness(PORT), stand.udp(stand.pc1, (SERVER, PORT)) as own:
            own.send(b"the first")
            own.recv(100)
            last = time.monotonic()
            stand.wait("up")  # which is said a moment after the first packet has gone
        scanners = Scanners(outside)
        scanners.start()
        while stand.uplink()["state"] == "up":
            for packet in quiet:
                sent(inside, packet)
            assert time.monotonic() - last < 4 * IDLE, "it is never hung up"
        took = time.monotonic() - last
        scanners.ended.set()
        scanners.join()
        stand.wait("armed")
        assert len(arriving.frames()) > 10
        assert len(service.heard) > 10
    assert took > IDLE * 0.9
    stand.wait_event("down", "demand.idle")
    assert stand.uplink()["state"] == "armed"


def test_traffic_of_the_home_keeps_it(module_stand):
    """A datagram now and then from a PC, although nobody answers it: the line stays, and goes when that ends."""
    stand = module_stand.begin(demand="{idle: 1s, hold: 20s}")
    dialled = stand.dialled()
    with stand.witness(PORT, answer=False) as witness, stand.udp(stand.pc1, (SERVER, PORT)) as own:
        began = time.monotonic()
        for number in range(6):
            own.send(b"%d" % number)
            wait_for(lambda count=number: len(witness.heard) > count, 10.0, "a datagram")
            next_at = began + 0.3 * (number + 1)
            wait_for(lambda moment=next_at: time.monotonic() > moment)
        assert stand.uplink()["state"] == "up"
        assert stand.dialled() == dialled + 1
        ended = time.monotonic()
        stand.wait("armed", timeout=6.0)
    assert time.monotonic() - ended > 0.3
