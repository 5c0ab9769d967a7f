"""Thousands of packets while the modem dials: bounded memory, and the gateway goes on answering."""

import json
import statistics
import threading
import time
from pathlib import Path

from icsframework.lab.noise import udp

SERVER, PORT = "192.0.2.80", 9000
PACKETS, CLIENTS = 5000, 50
BATCH = 25
SECONDS = 1.0
"""In which they are sent: less than the slow provider lets it ring."""
MOST_HELD = 256
"""Packets."""
GROWTH = 12 * 1024
"""KiB of the daemon's memory: those packets take less than one thousand."""


def resident(pid):
    """KiB of memory."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


class Asker(threading.Thread):
    """Asks the control API again and again, and takes the times."""

    def __init__(self, gateway):
        super().__init__(daemon=True)
        self._gateway = gateway
        self.ended, self.times = threading.Event(), []

    def run(self):
        while not self.ended.is_set():
            began = time.monotonic()
            self._gateway.status_tree()
            self.times.append(time.monotonic() - began)
            self.ended.wait(0.01)


def crowd(sock):
    """5000 flows of 50 PCs, evenly over the time."""
    began = time.monotonic()
    for number in range(PACKETS):
        client = f"192.168.0.{120 + number % CLIENTS}"
        sock.sendto(udp(client, SERVER, 1024 + number // CLIENTS, PORT, b"%d" % number), (SERVER, 0))
        if number % BATCH == BATCH - 1:
            while time.monotonic() < began + SECONDS * number / PACKETS:
                time.sleep(0.001)


def test_a_crowd(stand, record_property):
    """Held are so many and no more, of every PC some, each delivered once; `ics status` answers throughout."""
    works(stand)  # what is loaded with the first call is no growth
    stand.hang_up()
    stand.modem.set_number("123", "slow")
    before, dialled = resident(stand.gateway.pid), stand.dialled()
    asker = Asker(stand.gateway)
    with stand.witness(PORT, answer=False) as witness, stand.raw(stand.pc1) as own:
        asker.start()
        crowd(own)
        assert stand.uplink()["state"] == "connecting"
        waiting = stand.hold()
        peak = resident(stand.gateway.pid)
        status, _ = stand.ics("status")
        stand.wait("up")
        asker.ended.set()
        asker.join()
        works(stand, 9001)  # behind those that were held
    assert status == 0
    heard = [(one.port, one.data) for one in witness.heard]
    assert len(heard) == len(set(heard))
    assert len(heard) == waiting["held"] == MOST_HELD
    assert len({int(data) % CLIENTS for _, data in heard}) == waiting["clients"] == CLIENTS
    assert stand.dialled() == dialled + 1
    figures = {
        "held": len(heard),
        "status_ms_median": round(1000 * statistics.median(asker.times), 1),
        "status_ms_max": round(1000 * max(asker.times), 1),
        "growth_kib": peak - before,
    }
    record_property("crowd", json.dumps(figures))
    print(figures)
    assert max(asker.times) < 1.0
    assert peak - before < GROWTH


def works(stand, port=PORT):
    """A datagram is answered."""
    with stand.witness(port), stand.udp(stand.pc2, (SERVER, port)) as own:
        own.send(b"hello?")
        assert own.recv(100) == b"hello?"
