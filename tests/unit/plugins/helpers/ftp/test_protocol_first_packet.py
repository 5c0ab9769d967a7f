"""FTP is what a link is dialled for: a whole session of active mode, from the client's call on, without a packet sent twice."""

from dataclasses import replace
from functools import partial

import pytest

from ics_plugins.helpers.ftp.answers import Counters
from ics_plugins.helpers.ftp.protocol import FtpSession
from icsframework.dataplane.plane import DataPlane, HoldSide
from icsframework.errors import MappingError, UplinkRefused
from icsframework.testing.flows import INSIDE, OUTSIDE
from icsframework.testing.stream import CABLE, CLIENT, SERVER, StreamBench
from icsframework.values import LeaseView, Up, UplinkView

HOLD = HoldSide()
NO_LINK = DataPlane(uplinks=(replace(CABLE, link=None),), hold=HOLD)
LINKED = DataPlane(uplinks=(CABLE,), hold=replace(HOLD, settled=True))


class Gateway:
    """A gateway whose modem is on the hook, and a PC that has just looked up the server's name."""

    def __init__(self):
        self.bench = StreamBench(session=partial(FtpSession, counters=Counters()), plane=NO_LINK)
        self.bench.network.way = HOLD.address.ip
        gateway = self.bench.gateway
        gateway.leases.publish(LeaseView(INSIDE, "02:00:5e:00:53:02", "", "pc1", None, "home"))
        gateway.names.resolved(INSIDE, "ftp.example.net", [SERVER.address], 300)
        self.pc = self.bench.call()
        self.bench.turn()

    def connects(self):
        """The modem has got through."""
        self.bench.network.way = OUTSIDE
        self.bench.shell.in_force(LINKED)
        self.bench.gateway.uplinks.set(UplinkView("cable", Up(CABLE.link), True, 1 << 16))
        return self.bench.network.dialled[-1].accept()

    def talk(self, end, other, said):
        """One end says a line; what the other has heard since."""
        before = len(other.heard)
        end.says(said)
        self.bench.turn()
        return other.heard[before:]


@pytest.fixture
def gateway():
    made = Gateway()
    yield made
    assert made.bench.stop()
    assert made.bench.idle


def test_active_ftp_as_the_first_packet(gateway):
    """The call is accepted at once and made half a minute later; then PORT names an outside port, as ever."""
    bench, pc = gateway.bench, gateway.pc
    (cause,) = bench.gateway.uplinks.requested
    assert (cause.hostname, cause.mac, cause.protocol) == ("pc1", "02:00:5e:00:53:02", "tcp")
    assert (cause.destination, cause.name) == (str(SERVER), "ftp.example.net")
    bench.advance(30)
    assert (bench.network.dialled, pc.aborted) == ([], False)
    server = gateway.connects()
    bench.turn()
    assert (bench.network.dialled[0].source.port, len(bench.network.dialled)) == (CLIENT.port, 1)
    assert gateway.talk(server, pc, b"220 hello\r\n") == b"220 hello\r\n"
    assert gateway.talk(pc, server, b"USER guest\r\n") == b"USER guest\r\n"
    assert gateway.talk(server, pc, b"230 in\r\n") == b"230 in\r\n"
    inside = str(INSIDE).replace(".", ",")
    external = bench.mappings.external
    announced = f"{external.address},{external.port >> 8},{external.port & 255}".replace(".", ",")
    told = gateway.talk(pc, server, f"PORT {inside},195,80\r\n".encode())
    assert told == f"PORT {announced}\r\n".encode()
    assert [mapping.to.address for mapping in bench.mappings.granted] == [INSIDE]
    assert len(bench.gateway.uplinks.requested) == 1


def test_after_an_idle_hang_up_a_command_dials(gateway):
    """The control connection is silent and holds no line; its next command wants one, and goes out by the same address."""
    bench, pc = gateway.bench, gateway.pc
    server = gateway.connects()
    bench.turn()
    gateway.talk(server, pc, b"220 hello\r\n")
    bench.gateway.uplinks.set(None)
    bench.network.way = HOLD.address.ip
    bench.shell.in_force(NO_LINK)
    bench.advance(3600)
    assert (len(bench.gateway.uplinks.requested), pc.aborted) == (1, False)
    gateway.talk(pc, server, b"NOOP\r\n")
    assert len(bench.gateway.uplinks.requested) == 2
    bench.shell.in_force(LINKED)
    bench.turn()
    assert (server.heard, pc.aborted) == (b"NOOP\r\n", False)


def test_a_port_without_a_link(gateway):
    """Nothing can be opened while the line is down: the client hears so, and may try again."""
    bench, pc = gateway.bench, gateway.pc
    server = gateway.connects()
    bench.turn()
    gateway.talk(server, pc, b"220 hello\r\n")
    bench.gateway.uplinks.set(None)
    bench.shell.in_force(NO_LINK)
    bench.mappings.refuse = MappingError("uplink cable has no address now")
    port = f"PORT {str(INSIDE).replace('.', ',')},195,80\r\n".encode()
    assert gateway.talk(pc, pc, port).startswith(b"425 ")
    assert (len(bench.gateway.uplinks.waiting), pc.aborted) == (1, False)
    bench.shell.in_force(LINKED)
    bench.mappings.refuse = None
    assert gateway.talk(pc, server, port).startswith(b"PORT 203,0,113,")


def test_a_refused_dial_is_a_reset(gateway):
    """The client hears at once that there is no connection, and ``ics history`` why."""
    bench = gateway.bench
    bench.gateway.uplinks.fail_requests(UplinkRefused("modem: hours: not before 18:00"))
    bench.turn()
    assert (gateway.pc.aborted, bench.network.dialled) == (True, [])
    assert (
        bench.gateway.events.said("helper.session.refused")[0]["reason"] == "modem: hours: not before 18:00"
    )
