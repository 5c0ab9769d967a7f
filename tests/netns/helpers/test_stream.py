"""The stream shell in the real gateway: whose address who sees, by which uplink, and what becomes of slow, rude and dead ends."""

import errno
import hashlib
import json
import os
import re
import resource
import signal
import socket
import struct
import threading
import time
from pathlib import Path

import pytest

from icsframework.lab.pattern import pattern
from icsframework.lab.privilege import find_program
from icsframework.lab.waiting import wait_for

SERVER, CABLE, DSL = "192.0.2.80", "203.0.113.5", "198.51.100.5"
PC1, PC2 = "192.168.0.11", "192.168.0.12"
PORT, OPEN, INWARD, PUBLISHED = 7007, 7008, 7009, 8009
CONFIG = f"""
lans: [{{name: home, interface: eth1, address: 192.168.0.1/24, services: []}}]
uplinks:
  - name: cable
    plugin: ethernet
    interface: eth0
    address: {{address: {CABLE}/24, gateway: 203.0.113.1, dns: [203.0.113.1]}}
  - name: dsl
    plugin: ethernet
    interface: eth2
    address: {{address: {DSL}/24, gateway: 198.51.100.1, dns: [198.51.100.1]}}
helpers:
  - {{plugin: "passing_helper:factory", name: closed, port: {PORT}}}
  - {{plugin: "passing_helper:factory", name: open, port: {OPEN}, fail: open}}
  - {{plugin: "passing_helper:factory", name: web, port: 80}}
  - {{plugin: "passing_helper:factory", name: inward, port: {INWARD}, direction: inbound}}
publish:
  - {{name: service, protocol: tcp, port: {PUBLISHED}, to: "{PC2}:{INWARD}"}}
"""
NET = ("net",)
PATIENCE = 10.0
"""Seconds for a socket of the test."""


@pytest.fixture(scope="module")
def lab(open_module_lab):
    """Both uplinks up, an address on each PC."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parent))
        lab = open_module_lab(gateway_config=CONFIG)
        for name, own in (("pc1", PC1), ("pc2", PC2)):
            command = f"ip addr add {own}/24 dev eth0; ip route add default via 192.168.0.1"
            lab[name].run(["sh", "-ec", command], check=True)
        for name in ("cable", "dsl"):
            lab["gateway"].gateway.wait_uplink(name)
        yield lab


class Ends:
    """Sockets in hosts of the lab, closed at the end of the test."""

    def __init__(self, lab):
        self._lab = lab
        self.open = []

    def keep(self, made):
        made.settimeout(PATIENCE)
        self.open.append(made)
        return made

    def listen(self, host, port):
        def make():
            made = socket.create_server(("", port), backlog=8)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            return made

        return self.keep(self._lab[host].inside(make, NET))

    def call(self, host, target, source=0, timeout=PATIENCE):
        def make():
            made = socket.socket()
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if source:
                made.bind(("", source))
            made.settimeout(timeout)
            try:
                made.connect(target)
            except OSError:
                made.close()
                raise
            return made

        return self.keep(self._lab[host].inside(make, NET))

    def accept(self, listener):
        made, peer = listener.accept()
        return self.keep(made), peer


@pytest.fixture
def ends(lab):
    made = Ends(lab)
    yield made
    for one in made.open:
        one.close()


def status(lab, name):
    """What `ics status` says of a helper."""
    return next(one for one in lab["gateway"].gateway.status_tree()["helpers"] if one["name"] == name)


def who(client):
    """What the session knows of the flow."""
    client.sendall(b"WHO\n")
    return json.loads(client.makefile().readline())


def reset(client):
    """Whether the connection is over by RST."""
    try:
        return client.recv(1) != b"" and None
    except ConnectionResetError:
        return True


# --- addresses and ways


def test_server_and_session_see_the_real_ends(lab, ends):
    """The server sees the uplink's address and the client's own port; the packets of the second leg carry the uplink's mark."""
    listener = ends.listen("server", PORT)
    client = ends.call("pc1", (SERVER, PORT), source=45001)
    server, peer = ends.accept(listener)
    assert peer == (CABLE, 45001)
    assert who(client) == {
        "client": f"{PC1}:45001",
        "server": f"{SERVER}:{PORT}",
        "outside": f"{CABLE}:45001",
        "uplink": "cable",
        "direction": "outbound",
    }
    for source, target in ((client, server), (server, client)):
        source.sendall(b"hello")
        assert target.recv(100) == b"hello"
    sockets = lab["gateway"].run(["ss", "-Hnte", "dst", f"{SERVER}:{PORT}"]).stdout
    assert "fwmark:0x10000" in sockets


def test_the_uplink_is_that_of_the_route(lab, ends):
    """What the second uplink's network is reached by, the second leg leaves by, from its address and with its mark."""
    listener = ends.listen("isp-b", PORT)
    client = ends.call("pc1", ("198.51.100.1", PORT), source=45002)
    _, peer = ends.accept(listener)
    assert peer == (DSL, 45002)
    assert who(client)["uplink"] == "dsl"
    assert "fwmark:0x20000" in lab["gateway"].run(["ss", "-Hnte", "dst", f"198.51.100.1:{PORT}"]).stdout


def test_two_clients_from_the_same_port(ends):
    """To the same server: one of them gets another port, and neither notices."""
    listener = ends.listen("server", PORT)
    first = ends.call("pc1", (SERVER, PORT), source=45003)
    one, kept = ends.accept(listener)
    second = ends.call("pc2", (SERVER, PORT), source=45003)
    other, changed = ends.accept(listener)
    assert (kept, changed[0]) == ((CABLE, 45003), CABLE)
    assert changed[1] != 45003
    assert who(second)["outside"] == f"{CABLE}:{changed[1]}"
    for client, server in ((first, one), (second, other)):
        client.sendall(b"hello")
        assert server.recv(100) == b"hello"


def test_a_published_service_sees_its_real_clients(ends):
    """By either uplink: address and port of the client in the Internet, with no other way than through the session."""
    listener = ends.listen("pc2", INWARD)
    for source, address in ((46001, CABLE), (46002, DSL)):
        client = ends.call("server", (address, PUBLISHED), source=source)
        server, peer = ends.accept(listener)
        assert peer == (SERVER, source)
        assert who(client) == {
            "client": f"{SERVER}:{source}",
            "server": f"{PC2}:{INWARD}",
            "outside": f"{address}:{PUBLISHED}",
            "uplink": "cable" if address == CABLE else "dsl",
            "direction": "inbound",
        }
        for this, that in ((client, server), (server, client)):
            this.sendall(b"x" * 100_000)
            got = b""
            while len(got) < 100_000:
                got += that.recv(200_000)
        server.shutdown(socket.SHUT_WR)
        assert client.recv(1) == b""


# --- who may not


def test_a_server_that_refuses_is_a_reset(lab, ends):
    """The client hears of it, and it is counted."""
    before = status(lab, "closed")["details"]["unreachable"]
    client = ends.call("pc1", (SERVER, PORT))
    assert reset(client)
    wait_for(lambda: status(lab, "closed")["details"]["unreachable"] == before + 1, 5, "the count")


def test_the_listener_itself_is_no_door(lab, ends):
    """Who calls it directly from a LAN is reset and counted; from the Internet nobody answers."""
    rules = lab["gateway"].run(["nft", "list", "chain", "inet", "ics", "nat_pre"]).stdout
    port = int(re.search(rf"tcp dport {PORT} .*redirect to :(\d+)", rules)[1])
    before = status(lab, "closed")["details"]["direct"]
    client = ends.call("pc1", ("192.168.0.1", port))
    client.sendall(b"USER x\r\n")
    assert reset(client)
    assert status(lab, "closed")["details"]["direct"] == before + 1
    with pytest.raises(TimeoutError):
        ends.call("server", (CABLE, port), timeout=0.5)


# --- slow and half-closed ends


def memory(lab):
    """Bytes that the daemon has in memory."""
    pages = int(Path(f"/proc/{lab['gateway'].gateway.pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def test_a_slow_reader_costs_no_memory(lab, ends):
    """The server is held up by what the kernel's buffers take; then everything arrives, byte for byte."""
    listener = ends.listen("server", PORT)
    client = ends.call("pc1", (SERVER, PORT))
    server, _ = ends.accept(listener)
    content = pattern(60_000_000)
    before = memory(lab)
    server.setblocking(False)
    sent, idle = 0, 0
    while idle < 3:
        try:
            sent += server.send(content[sent : sent + 1_000_000])
            idle = 0
        except BlockingIOError:
            idle += 1
            time.sleep(0.05)
    assert sent < len(content)
    assert memory(lab) - before < 2_000_000
    server.settimeout(PATIENCE)

    def rest():
        server.sendall(content[sent:])
        server.shutdown(socket.SHUT_WR)

    sender = threading.Thread(target=rest)
    sender.start()
    digest = hashlib.sha256()
    while data := client.recv(1 << 20):
        digest.update(data)
    sender.join()
    assert digest.digest() == hashlib.sha256(content).digest()
    assert memory(lab) - before < 4_000_000


@pytest.mark.skipif(not find_program("nc"), reason="nc (netcat-openbsd) is not installed")
def test_half_closed_by_programs_of_others(lab):
    """nc at both ends: each says everything, closes its half, and hears everything the other says."""
    server, client = lab["server"], lab["pc1"]
    for host, text in ((server, b"from the server\n" * 5000), (client, b"from the client\n" * 5000)):
        (host.directory / "said").write_bytes(text)
    script = "nc -N {} < {}/said > {}/heard"
    there = server.popen(["sh", "-c", script.format(f"-l {PORT}", server.directory, server.directory)])
    wait_for(lambda: f":{PORT} " in server.run(["ss", "-Hlnt"]).stdout, 5, "nc to listen")
    client.run(
        ["sh", "-ec", script.format(f"{SERVER} {PORT}", client.directory, client.directory)],
        timeout=20,
        check=True,
    )
    assert there.wait(10) == 0
    for one, other in ((server, client), (client, server)):
        assert (one.directory / "heard").read_bytes() == (other.directory / "said").read_bytes()


def test_curl_fetches_a_page_through_a_session(lab):
    """20 MB of HTTP, as from anywhere."""
    count = status(lab, "web")["details"]["total"]
    done = lab["pc1"].run(
        ["sh", "-c", f"curl -sS -m 30 http://{SERVER}/big | sha256sum; curl -sS -m 5 http://{SERVER}/"],
        check=True,
    )
    digest, page = done.stdout.splitlines()
    assert digest.split()[0] == hashlib.sha256(pattern(20_000_000)).hexdigest()
    assert page.startswith("Hello")
    assert status(lab, "web")["details"]["total"] == count + 2


def test_a_reset_goes_on_as_a_reset(ends):
    """In both directions, after the bytes before it."""
    listener = ends.listen("server", PORT)
    for way in (0, 1):
        client = ends.call("pc1", (SERVER, PORT))
        server, _ = ends.accept(listener)
        rude, other = (client, server) if way else (server, client)
        rude.sendall(b"half a fi")
        assert other.recv(100) == b"half a fi"
        rude.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        rude.close()
        assert reset(other)


# --- an uplink that goes, and the end of the daemon


def test_a_connection_ends_with_its_uplink(lab, ends):
    """The cable is pulled and another uplink is up: the client is told at once, and its next connection goes there."""
    listener = ends.listen("server", PORT)
    client = ends.call("pc1", (SERVER, PORT))
    ends.accept(listener)
    lab.switch.run(["ip", "link", "set", "gateway-eth0", "down"], check=True)
    try:
        assert reset(client)
        wait_for(lambda: not lab["gateway"].gateway.status_tree()["uplinks"][0]["active"], 5, "dsl")
        ends.call("pc1", (SERVER, PORT), source=45010)
        assert ends.accept(listener)[1] == (DSL, 45010)
    finally:
        lab.switch.run(["ip", "link", "set", "gateway-eth0", "up"], check=True)
        lab["gateway"].gateway.wait_uplink("cable")
    wait_for(lambda: lab["gateway"].gateway.status_tree()["uplinks"][0]["active"], 10, "cable to be active")


def alive(lab):
    """The listeners that the packet filter takes for alive."""
    return lab["gateway"].run(["nft", "list", "set", "inet", "ics", "fail_open"]).stdout


def test_a_hung_daemon_is_passed_by_where_that_is_allowed(lab, ends):
    """Stopped, then killed: after 15 s new connections of the one that fails open go on untouched; the other's are refused."""
    gateway = lab["gateway"].gateway
    # A session that is left would keep the two hosts on its uplink.
    wait_for(
        lambda: not any(one["sessions"] for one in gateway.status_tree()["helpers"]),
        5,
        "earlier sessions to end",
    )
    listener = ends.listen("server", OPEN)
    client = ends.call("pc1", (SERVER, OPEN))
    ends.accept(listener)
    assert who(client)["uplink"] == "cable"

    def reached():
        try:
            ends.call("pc1", (SERVER, OPEN), timeout=1.0)
        except OSError:
            return False
        listener.settimeout(0.5)
        try:
            ends.accept(listener)
        except TimeoutError:
            return False
        return True

    os.kill(gateway.pid, signal.SIGSTOP)
    assert not reached()
    wait_for(reached, 20, "new connections to pass by")
    gateway.kill()
    assert reached()
    with pytest.raises(ConnectionRefusedError) as refused:
        ends.call("pc1", (SERVER, PORT), timeout=2.0)
    assert refused.value.errno == errno.ECONNREFUSED
    gateway.start()
    gateway.wait_ready()
    gateway.wait_uplink("cable")
    wait_for(lambda: "elements" in alive(lab), 5, "the helper to be alive")
    client = ends.call("pc1", (SERVER, OPEN))
    ends.accept(listener)
    assert who(client)["uplink"] == "cable"
