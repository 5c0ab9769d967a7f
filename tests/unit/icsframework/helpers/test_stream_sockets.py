"""The stream shell on real sockets: many clients and servers that do as they like, and nothing is left of any."""

import socket
import struct
import threading
from ipaddress import ip_address
from pathlib import Path
from random import Random

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import succeed
from twisted.internet.threads import deferToThread
from twisted.logger import Logger

from icsframework.helpers.limits import Limits
from icsframework.helpers.pairs import Pairs
from icsframework.helpers.stream import StreamParts, StreamShell
from icsframework.helpers.wanted import asker
from icsframework.host.clock import Clock
from icsframework.host.stream import StreamNetwork
from icsframework.testing.gateway import FakeGateway
from icsframework.testing.stream import ONE_UPLINK, Passing
from icsframework.values import Endpoint, StreamProxy

HERE = ip_address("127.0.0.1")
CLIENTS = 60
LONG = bytes(range(256)) * 2000
"""Half a megabyte: more than the shell's own buffers."""


class Redirected(StreamNetwork):
    """As if every connection to the listener had been going to ``server``; second legs leave from loopback."""

    def __init__(self, server):
        super().__init__(reactor)
        self.server = server

    def destination(self, transport):
        return self.server

    def connect(self, leg, to, source, mark=0, transparent=False, timeout=30.0):
        return super().connect(leg, to, Endpoint(HERE, 0), timeout=timeout)


def rude(sock):
    """Close with RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def read_all(sock):
    """To the end."""
    got = b""
    while data := sock.recv(65536):
        got += data
    return got


def behave(sock, random):
    """One end of a connection: whole, half-closed, hasty or rude; what it heard, None if it did not wait for it."""
    sock.settimeout(20)
    way = random.choice(["whole", "whole", "hasty", "rude", "silent"])
    try:
        if way != "silent":
            sock.sendall(LONG[: random.randrange(1, len(LONG))])
        if way == "whole":
            sock.shutdown(socket.SHUT_WR)
            read_all(sock)
        elif way == "rude":
            rude(sock)
    except OSError:  # the other end was rude
        pass
    finally:
        sock.close()


class Crowd:
    """Clients and servers, in threads."""

    def __init__(self, listener):
        self.listener = listener
        self.threads = []

    def serve(self):
        for number in range(CLIENTS):
            sock, _ = self.listener.accept()
            self._go(sock, number)

    def _go(self, sock, number):
        thread = threading.Thread(target=behave, args=(sock, Random(number)), daemon=True)
        thread.start()
        self.threads.append(thread)

    def call(self, port):
        """All of them, to their end."""
        server = threading.Thread(target=self.serve, daemon=True)
        server.start()
        for number in range(CLIENTS):
            self._go(socket.create_connection(("127.0.0.1", port)), 1000 + number)
        server.join(30)
        for thread in self.threads:
            thread.join(30)
        return not any(thread.is_alive() for thread in (server, *self.threads))


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0), backlog=CLIENTS) as listener:
        yield listener


def open_sockets():
    """How many this process has."""
    links = list(Path("/proc/self/fd").iterdir())
    return sum(link.readlink().name.startswith("socket:") for link in links if link.is_symlink())


def tell_nobody(add, delete):
    return succeed(None)


def shell_to(server):
    gateway = FakeGateway("helper.test")
    parts = StreamParts(
        Clock(reactor),
        gateway.events,
        Logger(),
        Redirected(Endpoint(HERE, server.getsockname()[1])),
        gateway.mappings,
        lambda uplink, port: None,
        tell_nobody,
        Pairs(Clock(reactor), tell_nobody, Logger()),
        asker(gateway),
    )
    shell = StreamShell("test", StreamProxy((21,), lambda flow: Passing(flow, {})), Limits(), parts)
    shell.in_force(ONE_UPLINK)
    return shell


@pytest_twisted.ensureDeferred
async def test_whatever_peers_do_all_ends(listener):
    """Each connection comes to its end by itself or by the stop, and no socket is left."""
    before = open_sockets()
    shell = shell_to(listener)
    port = await shell.start()
    assert await deferToThread(Crowd(listener).call, port)
    figures = shell.figures()
    assert (figures.details["total"], figures.details["failed"]) == (CLIENTS, 0)
    await shell.stop()
    assert shell.figures().sessions == 0
    assert open_sockets() == before


@pytest_twisted.ensureDeferred
async def test_every_byte_of_both_arrives(listener):
    """A slow reader on either side, in small and large pieces, with half-closes."""
    shell = shell_to(listener)
    port = await shell.start()

    def talk():
        client = socket.create_connection(("127.0.0.1", port), timeout=20)
        server, _ = listener.accept()
        server.settimeout(20)
        content = LONG * 8
        threads = [
            threading.Thread(target=lambda end=end: (end.sendall(content), end.shutdown(socket.SHUT_WR)))
            for end in (client, server)
        ]
        for thread in threads:
            thread.start()
        heard = [read_all(end) == content for end in (client, server)]
        for thread in threads:
            thread.join()
        client.close()
        server.close()
        return heard

    assert await deferToThread(talk) == [True, True]
    await shell.stop()
