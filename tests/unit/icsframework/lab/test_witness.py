"""What a witness writes down, on the loopback interface of this machine."""

import socket
import time

import pytest

from icsframework.lab.waiting import wait_for
from icsframework.lab.witness import Witness


class Here:
    """A host whose network is this one."""

    name = "here"

    def inside(self, work, kinds):
        assert kinds == ("net",)
        return work()


@pytest.fixture
def port():
    """A free one."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def test_datagrams(port):
    """Each with its source and time, in order; sent back."""
    began = time.time()
    with (
        Witness(Here(), port) as witness,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own,
    ):
        own.settimeout(5)
        own.connect(("127.0.0.1", port))
        for word in (b"one", b"two"):
            own.send(word)
            assert own.recv(100) == word
        source = own.getsockname()
    heard = witness.of("udp")
    assert [(one.source, one.port, one.data) for one in heard] == [(*source, b"one"), (*source, b"two")]
    assert began <= heard[0].when <= heard[1].when <= time.time()
    assert witness.of("tcp") == []


def test_connections(port):
    """Each once, however much it says; what it says is sent back; its end is its end."""
    with Witness(Here(), port) as witness:
        for _ in range(2):
            with socket.create_connection(("127.0.0.1", port), 5) as own:
                own.sendall(b"hello")
                assert own.recv(100) == b"hello"
                source = own.getsockname()
        assert [one.protocol for one in witness.heard] == ["tcp", "tcp"]
        assert (witness.heard[1].source, witness.heard[1].port) == source
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 5)


def test_silence(port):
    """One that only writes down sends nothing back."""
    with (
        Witness(Here(), port, answer=False) as witness,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own,
    ):
        own.settimeout(0.05)
        own.connect(("127.0.0.1", port))
        own.send(b"anybody?")
        wait_for(lambda: witness.heard, 5.0, "the datagram")
        with pytest.raises(TimeoutError):
            own.recv(100)
