"""Links asked for in the name of packets: one wish at a time, and the same answer for a moment."""

from ipaddress import ip_address

import pytest
from twisted.logger import Logger, capturedLogs

from icsframework.errors import UplinkFailed, UplinkRefused
from icsframework.gateway.linkwishes import MOST_REFUSED, SAME_ANSWER, LinkWishes
from icsframework.protocols.icmp import NET_UNREACHABLE, PROHIBITED
from icsframework.testing.gateway import FakeGateway
from icsframework.testing.packets import CLIENT, tcp
from icsframework.uplinks.packets import parse
from icsframework.values import Link, Up, UplinkView

HOST, OTHER = ip_address(CLIENT), ip_address("192.168.0.8")
LINK = Link("ppp0", 9, None, "ppp", "inline", 1500, True, 0.0, None)


class Stage:
    def __init__(self):
        self.gateway = FakeGateway("hold")
        self.turned_away = []
        self.wishes = LinkWishes(
            self.gateway.uplinks,
            self.gateway.leases,
            self.gateway.clock,
            Logger(namespace="hold"),
            lambda *told: self.turned_away.append(told),
        )

    def ask(self, client=HOST):
        self.wishes.ask(parse(tcp(source=str(client))))

    def fail(self, error):
        self.gateway.uplinks.fail_requests(error)

    @property
    def asked(self):
        return [one.client for one in self.gateway.uplinks.requested]


@pytest.fixture
def stage():
    stage = Stage()
    yield stage
    stage.wishes.stop()
    stage.gateway.close()


def test_one_wish_at_a_time(stage):
    """The next one is made when the last was answered."""
    stage.ask()
    stage.ask(OTHER)
    assert stage.asked == [HOST]
    stage.gateway.uplinks.set(UplinkView("modem", Up(LINK)))
    stage.ask(OTHER)
    assert (stage.asked, stage.turned_away) == ([HOST, OTHER], [])


def test_a_refusal_is_one_clients(stage):
    """It gets the same answer for a moment; the other is asked for."""
    stage.ask()
    stage.fail(UplinkRefused("hours"))
    assert stage.turned_away == [(HOST, PROHIBITED, "hours")]
    assert (stage.wishes.recently(HOST), stage.wishes.recently(OTHER)) == (PROHIBITED, None)
    stage.gateway.advance(SAME_ANSWER)
    assert stage.wishes.recently(HOST) is None


def test_a_failure_is_everybodys(stage):
    """Dialling failed: nobody needs to be asked for in that moment, until a link is up."""
    stage.ask()
    stage.fail(UplinkFailed("busy"))
    assert stage.turned_away == [(None, NET_UNREACHABLE, "busy")]
    assert stage.wishes.recently(OTHER) == NET_UNREACHABLE
    stage.wishes.forget()
    assert stage.wishes.recently(OTHER) is None


def test_many_refusals_are_everybodys(stage):
    """As many clients in one moment are nobody's household."""
    for number in range(MOST_REFUSED + 1):
        stage.ask(ip_address(f"192.168.1.{number}"))
        stage.fail(UplinkRefused("hours"))
    assert [who for who, *_ in stage.turned_away].index(None) == MOST_REFUSED
    assert stage.wishes.recently(OTHER) == PROHIBITED
    stage.gateway.advance(SAME_ANSWER)
    stage.ask()
    stage.fail(UplinkRefused("hours"))
    assert stage.turned_away[-1][0] == HOST


def test_a_defect_is_logged(stage):
    """What is no error of ours is a failure with its traceback."""
    stage.ask()
    with capturedLogs() as logged:
        stage.fail(ZeroDivisionError("oops"))
    assert [event["log_failure"].type for event in logged] == [ZeroDivisionError]
    assert stage.turned_away == [(None, NET_UNREACHABLE, "oops")]


def test_a_stop_is_silent(stage):
    """What was asked is withdrawn, and nobody is told."""
    stage.ask()
    stage.wishes.stop()
    assert (stage.gateway.uplinks.waiting, stage.turned_away) == ([], [])
    stage.ask()
    assert stage.asked == [HOST, HOST]
