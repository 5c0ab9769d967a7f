"""A far end of the line, and a modem with it, in this process: no rights are needed."""

import os
import select
import socket
import time

import pytest

from icsframework.lab.telephone.emulator import Emulator


class Bench:
    """An emulator, the computer at its device, and whoever answers."""

    def __init__(self, directory, **config):
        self.device = directory / "modem"
        self.answering = socket.socket(socket.AF_UNIX)
        self.answering.bind(str(directory / "isp.sock"))
        self.answering.listen()
        book = {"123": "isp", "124": "nobody", "205": "lost:0.05", "200": "busy"}
        whole = {
            "device": str(self.device),
            "control": str(directory / "control.sock"),
            "kind": "hayes",
            "rate": 0,
            "latency": 0.0,
            "book": book,
            "providers": {"isp": str(directory / "isp.sock"), "nobody": str(directory / "nobody.sock")},
        }
        self.emulator = Emulator(whole | config)
        self.computer = self.far = None
        self.open()

    def open(self):
        """A program opens the device."""
        self.computer = os.open(self.device, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)

    def close(self):
        """And closes it."""
        if self.computer is not None:
            os.close(self.computer)
        self.computer = None

    def until(self, what, seconds=5.0):
        """Let the emulator work until something is true, and return that."""
        end = time.monotonic() + seconds
        while not (found := what()):
            assert time.monotonic() < end, "nothing happened"
            self.emulator.step(0.01)
        return found

    def read(self, words, seconds=5.0):
        """What the computer reads, up to these words."""
        data = b""

        def look():
            nonlocal data
            if select.select([self.computer], [], [], 0)[0]:
                data += os.read(self.computer, 65536)
            return words in data

        self.until(look, seconds)
        return data

    def say(self, words):
        """What the computer writes."""
        os.write(self.computer, words)

    def call(self, number=b"123"):
        """Have a call; returns the far end's socket, which does not block."""
        self.say(b"ATE0DT%s\r" % number)
        self.until(lambda: select.select([self.answering], [], [], 0)[0])
        self.far = self.answering.accept()[0]
        self.far.send(b"A")
        self.read(b"CONNECT 57600\r\n")
        self.far.setblocking(False)
        return self.far

    def far_read(self, length):
        """What the far end reads, so many octets."""
        data = b""

        def look():
            nonlocal data
            if select.select([self.far], [], [], 0)[0]:
                data += self.far.recv(65536)
            return len(data) >= length

        self.until(look)
        return data

    def end(self):
        """Take it away."""
        self.close()
        self.answering.close()
        if self.far is not None:
            self.far.close()
        self.emulator.end()


@pytest.fixture
def bench(tmp_path):
    """A function that sets up a Bench with more of the emulator's configuration."""
    benches = []

    def build(**config):
        benches.append(Bench(tmp_path, **config))
        return benches[-1]

    yield build
    for each in benches:
        each.end()
