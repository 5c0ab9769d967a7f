"""Errors by ICMP to those who wait in vain: who gets one, and how many."""

import pytest
from twisted.logger import Logger

from icsframework.errors import NoPrivilege
from icsframework.gateway.icmpanswers import (
    BURST,
    BURST_OF_A_CLIENT,
    EVERY,
    EVERY_OF_A_CLIENT,
    MOST_CLIENTS,
    Answers,
)
from icsframework.protocols.icmp import NET_UNREACHABLE, PROHIBITED, unreachable
from icsframework.testing.gateway import FakeClock
from icsframework.testing.host import FakeHost
from icsframework.testing.packets import CLIENT, echo, udp
from icsframework.uplinks.packets import parse


class Stage:
    def __init__(self):
        self.clock = FakeClock()
        self.host = FakeHost(self.clock.clock)
        self.answers = Answers(self.host, self.clock, Logger(namespace="hold"))

    def ask(self, times=1, client=CLIENT):
        for _ in range(times):
            self.answers.answer(parse(udp(source=client)), NET_UNREACHABLE)

    @property
    def sent(self):
        return self.host.icmp[0].sent


@pytest.fixture
def stage():
    stage = Stage()
    yield stage
    stage.answers.close()
    stage.host.close_all()


def test_the_sender_is_told(stage):
    """The message is about its packet, and goes to its address."""
    stage.answers.open()
    stage.answers.answer(parse(udp()), PROHIBITED)
    assert stage.sent == [(unreachable(PROHIBITED, udp()), CLIENT)]
    assert (stage.answers.sent, stage.answers.suppressed) == (1, 0)


def test_an_error_is_not_answered(stage):
    """What RFC 1812 forbids is not sent, and counts as nothing."""
    stage.answers.open()
    stage.answers.answer(parse(echo(kind=3)), NET_UNREACHABLE)
    assert (stage.sent, stage.answers.sent, stage.answers.suppressed) == ([], 0, 0)


def test_a_client_gets_so_many(stage):
    """A burst at once, then one for each tenth of a second; another client has its own."""
    stage.answers.open()
    stage.ask(BURST_OF_A_CLIENT + 10)
    assert (len(stage.sent), stage.answers.suppressed) == (BURST_OF_A_CLIENT, 10)
    stage.ask(client="192.168.0.8")
    assert stage.sent[-1][1] == "192.168.0.8"
    stage.clock.clock.advance(2.5 * EVERY_OF_A_CLIENT)
    stage.ask(10)
    assert len(stage.sent) == BURST_OF_A_CLIENT + 1 + 2


def test_all_together_get_so_many(stage):
    """A whole subnet gets no more than a bounded number at once."""
    stage.answers.open()
    for number in range(1, 251):
        stage.ask(10, f"192.168.0.{number}")
    assert len(stage.sent) == BURST
    stage.clock.clock.advance(2.5 * EVERY)
    stage.ask(10, "192.168.0.251")
    assert len(stage.sent) == BURST + 2


def test_memory_of_clients_is_bounded(stage):
    """More clients than a subnet has are not remembered; those that were heard of last are."""
    stage.answers.open()
    for number in range(MOST_CLIENTS + 50):
        stage.ask(client=f"192.168.{number // 256}.{number % 256}")
    assert len(stage.answers._clients) == MOST_CLIENTS


def test_a_network_that_takes_nothing(stage):
    """It is counted, and the next is sent."""
    stage.answers.open()
    stage.host.icmp[0].fail = OSError(105, "No buffer space available")
    stage.ask()
    stage.host.icmp[0].fail = None
    stage.ask()
    assert (stage.answers.failed, stage.answers.sent, len(stage.sent)) == (1, 1, 1)


def test_without_a_socket_nobody_is_told(stage):
    """Neither before, nor after, nor if there can be none; the error is the caller's."""
    errors = []
    stage.host.fail["open_icmp"] = NoPrivilege("no raw sockets")
    stage.answers.open().addErrback(errors.append)
    assert errors[0].check(NoPrivilege)
    stage.ask()
    del stage.host.fail["open_icmp"]
    stage.answers.open()
    stage.answers.close()
    stage.answers.close()
    stage.ask()
    assert (stage.sent, stage.host.open_sockets) == ([], [])
