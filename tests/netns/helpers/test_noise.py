"""Noise through the real daemon: whatever both ends say on helped connections, memory stays, and nothing is left open."""

import random
import socket
import threading
from pathlib import Path

import pytest

from icsframework.lab.waiting import wait_for

SERVER, PORT = "192.0.2.80", 2121
CONFIG = f"""
lans: [{{name: home, interface: eth1, address: 192.168.0.1/24}}]
uplinks:
  - name: cable
    plugin: ethernet
    interface: eth0
    address: {{address: 203.0.113.5/24, gateway: 203.0.113.1, dns: [203.0.113.1]}}
helpers: [{{plugin: ftp, ports: [{PORT}]}}]
"""
CONNECTIONS = 24
AMOUNT = 300_000
"""Bytes that each end says."""
GROWTH = 16 * 1024
"""KiB: what the buffers of so many connections at once may leave with the allocator; the noise is as much again."""
PIECES = [
    b"\0" * 5000,
    b"A" * 5000,
    b"\r\n" * 500,
    b"220 hello\r\n",
    b"227 Entering Passive Mode (192,168,0,1,0,22)\r\n",
    b"229 Entering Extended Passive Mode (|||22|)\r\n",
    b"PORT 192,168,0,1,4,1\r\n",
    b"PORT 203,0,113,1,4,1\r\n",
    b"EPRT |1|127.0.0.1|1025|\r\n",
    b"EPRT |2|::1|1025|\r\n",
    b"AUTH TLS\r\n",
    b"\xff\xf4\xff\xf2ABOR\r\n",
]


def encrypt(client, server):
    """From here on the session has nothing to do with what is said, and must not keep it either."""
    for one, other, words in (
        (server, client, b"220 hello\r\n"),
        (client, server, b"AUTH TLS\r\n"),
        (server, client, b"234 go on\r\n"),
    ):
        one.sendall(words)
        assert other.recv(100) == words


def say(connection, chosen, got):
    """Noise until it is all said or the other end is gone; what comes meanwhile is read, or it would all stand still."""
    reader = threading.Thread(target=read, args=(connection, got), daemon=True)
    reader.start()
    said = 0
    try:
        while said < AMOUNT:
            piece = chosen.choice(PIECES) if chosen.random() < 0.9 else chosen.randbytes(2000)
            connection.sendall(piece)
            said += len(piece)
        connection.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # the session has ended it: that is allowed
    reader.join(20)
    connection.close()


def read(connection, got):
    """To the end."""
    try:
        while data := connection.recv(65536):
            got.append(len(data))
    except OSError:
        pass  # a reset is an end


def resident(pid):
    """KiB of memory."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


@pytest.fixture
def lab(open_lab):
    """The default lab with one helper at a port of its own, pc1 with an address."""
    lab = open_lab(gateway_config=CONFIG)
    lab["gateway"].gateway.wait_uplink("cable")
    lab["pc1"].dhcp()
    return lab


def helper(gateway):
    """Its line in the status."""
    return next(one for one in gateway.status_tree()["helpers"] if one["name"] == "ftp")


def test_noise_from_both_ends(lab, request):
    """Sessions end or pass it on; afterwards there is no session, no port, hardly more memory, and the next one is served."""
    gateway = lab["gateway"].gateway
    listener = lab["server"].inside(lambda: socket.create_server((SERVER, PORT), backlog=CONNECTIONS))
    request.addfinalizer(listener.close)
    threads, got = [], []

    def connect():
        connection = socket.socket()
        connection.settimeout(10)
        connection.connect((SERVER, PORT))
        return connection

    for number in range(CONNECTIONS):
        if number == 1:
            before = resident(gateway.pid)
        client = lab["pc1"].inside(connect, ("net",))
        server, _ = listener.accept()
        server.settimeout(10)
        if number % 3 == 0:
            encrypt(client, server)
        for end, connection in enumerate((client, server)):
            chosen = random.Random(2 * number + end)
            threads.append(threading.Thread(target=say, args=(connection, chosen, got)))
            threads[-1].start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)
    wait_for(lambda: helper(gateway)["sessions"] == 0, 10, "every session to end")
    shown = helper(gateway)
    assert (shown["expectations"], shown["details"]["stepped_aside"]) == (0, CONNECTIONS / 3)
    assert shown["details"]["too_long"] > 0
    assert sum(got) > AMOUNT * CONNECTIONS / 3
    assert gateway.api("GET", "/v1/mappings") == []
    assert resident(gateway.pid) - before < GROWTH
    assert "Traceback" not in gateway.log()
    client = lab["pc1"].inside(connect, ("net",))
    server, _ = listener.accept()
    server.sendall(b"220 hello\r\n")
    assert client.recv(100) == b"220 hello\r\n"
    client.close()
    server.close()
