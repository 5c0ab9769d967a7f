"""IHost keeps its promises: the same tests on the fake that plugin authors get and on this machine in a fresh namespace."""

import os
import subprocess
from ipaddress import ip_address

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock, deferLater
from zope.interface.verify import verifyObject

from icsframework.errors import ConnectFailed, HostError, InterfaceMissing
from icsframework.host.host import Host
from icsframework.host.scoped import ScopedHost
from icsframework.interfaces import IHost
from icsframework.testing.host import FakeHost
from icsframework.testing.namespace import allowed, fresh_network
from icsframework.values import Endpoint, InterfaceInfo, PacketFilter

HERE = ip_address("127.0.0.1")
TAKEN = ip_address("192.168.0.1")
FREE = ip_address("192.168.0.99")
ARP = PacketFilter(0x0806)


class FakeWorld:
    """The fake host, its clock moved whenever somebody waits."""

    def __init__(self):
        self.clock = Clock()
        self.host = FakeHost(self.clock)
        self.appear("lan0")
        self.host.neighbours[TAKEN] = "02:00:5e:00:53:07"

    def appear(self, name):
        self.host.set_interface(name, InterfaceInfo(name, 7, "02:00:5e:00:53:01", 1500, True, True))

    def vanish(self, name):
        self.host.set_interface(name, None)

    async def until(self, condition):
        assert condition()

    async def result(self, deferred):
        self.clock.advance(60)
        return await deferred

    def close(self):
        self.host.close_all()


class RealWorld:
    """This machine, in a namespace with one interface whose neighbour is the kernel itself."""

    def __init__(self):
        self.host = Host(reactor)
        ip("link", "set", "lo", "up")
        self.appear("lan0")
        ip("address", "add", f"{TAKEN}/24", "dev", "lan0")

    def appear(self, name):
        ip("link", "add", name, "type", "veth", "peer", "name", f"{name}p")
        ip("link", "set", f"{name}p", "up")
        ip("link", "set", name, "up")

    def vanish(self, name):
        ip("link", "delete", name)

    async def until(self, condition):
        for _ in range(500):
            if condition():
                return
            await deferLater(reactor, 0.01)
        raise AssertionError("it did not happen within five seconds")

    async def result(self, deferred):
        return await deferred

    def close(self):
        pass


def ip(*words):
    subprocess.run(["ip", *words], check=True)


@pytest.fixture(
    params=[
        "fake",
        pytest.param(
            "kernel",
            marks=[
                pytest.mark.netns,
                pytest.mark.skipif(not allowed(), reason="network namespaces need root"),
            ],
        ),
    ]
)
def world(request):
    if request.param == "fake":
        world = FakeWorld()
        yield world
        world.close()
        return
    with fresh_network():
        yield RealWorld()


@pytest.fixture
def host(world):
    """A view for one owner, so that whatever a test leaves open is closed behind it."""
    host = ScopedHost(world.host, "tester")
    yield host
    host.release_all()


def test_they_are_hosts(world, host):
    """The machine and the view of it provide the interface."""
    assert verifyObject(IHost, world.host)
    assert verifyObject(IHost, host)


@pytest_twisted.ensureDeferred
async def test_an_interface_is_found(world, host):
    """By its name, with what matters of it."""
    info = await world.result(host.interface("lan0"))
    assert (info.name, info.up, info.carrier, info.mtu) == ("lan0", True, True, 1500)
    assert len(info.mac) == 17


@pytest_twisted.ensureDeferred
async def test_a_missing_interface_is_named(world, host):
    """InterfaceMissing says which, and how to see those that are there."""
    with pytest.raises(InterfaceMissing, match=r"gone0.*ip link"):
        await world.result(host.interface("gone0"))


@pytest_twisted.ensureDeferred
async def test_a_watch_tells_everything_once(world, host):
    """Now, when it appears, when it goes; nothing after the watch has ended."""
    seen = []
    unwatch = host.watch_interface("lan1", lambda info: seen.append(info and info.name))
    assert seen == [None]
    world.appear("lan1")
    await world.until(lambda: seen[-1] == "lan1")
    world.vanish("lan1")
    await world.until(lambda: seen[-1] is None)
    unwatch()
    unwatch()
    count = len(seen)
    other = []
    host.watch_interface("lan1", other.append)
    world.appear("lan1")
    await world.until(lambda: other[-1] is not None)
    assert len(seen) == count


@pytest_twisted.ensureDeferred
async def test_udp(world, host):
    """The socket does not block, and gets what is sent to it."""
    receiver = await world.result(host.bind_udp(Endpoint(HERE, 0), receive_buffer=1 << 20))
    sender = await world.result(host.bind_udp(Endpoint(HERE, 0), broadcast=True))
    with pytest.raises(BlockingIOError):
        receiver.recv(100)
    sender.sendto(b"hello", receiver.getsockname())
    assert receiver.recv(100) == b"hello"


@pytest_twisted.ensureDeferred
async def test_tcp(world, host):
    """A connection reaches the listener; both ends do not block."""
    where = Endpoint(HERE, 8123)
    listener = await world.result(host.listen(where))
    client = await world.result(host.connect(where))
    server, _ = listener.accept()
    with pytest.raises(BlockingIOError):
        client.recv(100)
    client.send(b"hello")
    assert server.recv(100) == b"hello"
    server.close()


@pytest_twisted.ensureDeferred
async def test_nobody_listens(world, host):
    """A refused connection is a HostError that names the endpoint and carries the number."""
    with pytest.raises(ConnectFailed, match=r"127\.0\.0\.1:8124.*refused") as caught:
        await world.result(host.connect(Endpoint(HERE, 8124)))
    assert isinstance(caught.value, HostError)
    assert caught.value.code == 111


@pytest_twisted.ensureDeferred
async def test_packets(world, host):
    """A packet socket does not block, and sends a frame as a whole."""
    opened = await world.result(host.open_packet("lan0", ARP))
    with pytest.raises(BlockingIOError):
        opened.recv(2000)
    assert opened.send(bytes(60)) == 60


@pytest_twisted.ensureDeferred
async def test_a_tun_device(world, host):
    """It has a descriptor until it is closed."""
    device = await world.result(host.open_tun("icsh0", 1400))
    assert device.fileno() >= 0
    os.fstat(device.fileno())
    device.close()


@pytest_twisted.ensureDeferred
async def test_icmp(world, host):
    """A message goes out as a whole; nothing ever comes in, not even the answer."""
    opened = await world.result(host.open_icmp())
    ping = bytes.fromhex("0800f7ff00000000")
    assert opened.sendto(ping, (str(TAKEN), 0)) == len(ping)
    with pytest.raises(BlockingIOError):
        opened.recv(2000)
    opened.close()


@pytest_twisted.ensureDeferred
async def test_neighbours(world, host):
    """An address that is answered for has a MAC address; one that is not is free when the time is over."""
    assert len(await world.result(host.neighbour_in_use("lan0", TAKEN, 5.0))) == 17
    assert await world.result(host.neighbour_in_use("lan0", FREE, 0.1)) is None


@pytest_twisted.ensureDeferred
async def test_what_an_owner_leaves_is_closed(world, host):
    """Descriptors, watches and what is under way end with release_all, and the owner may begin again."""
    sockets = [
        await world.result(host.bind_udp(Endpoint(HERE, 0))),
        await world.result(host.open_packet("lan0", ARP)),
        await world.result(host.open_tun("icsh0", 1400)),
        await world.result(host.open_icmp()),
    ]
    closed = [
        await world.result(host.bind_udp(Endpoint(HERE, 0))),
        await world.result(host.open_tun("icsh1", 1400)),
    ]
    for one in closed:
        one.close()
    seen = []
    host.watch_interface("lan0", seen.append)
    waiting: Deferred[str | None] = host.neighbour_in_use("lan0", FREE, 30.0)
    failed = []
    waiting.addErrback(failed.append)
    assert host.release_all() == 4
    assert [one.fileno() if not getattr(one, "closed", False) else -1 for one in sockets] == [-1] * 4
    assert failed[0].check(HostError)
    world.vanish("lan0")
    assert len(seen) == 1
    world.appear("lan0")
    assert (await world.result(host.bind_udp(Endpoint(HERE, 0)))).fileno() >= 0
