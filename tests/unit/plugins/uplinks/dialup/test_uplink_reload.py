"""New settings of a dial-up uplink: what a link that is up does without, and what it does not."""

from dataclasses import replace

import pytest

from ics_plugins.uplinks.dialup.config import Modem
from icsframework.testing.ppp import provider
from icsframework.values import Applied, RestartMe


def test_new_settings_of_the_next_call(bench):
    """Numbers, names and pauses of a link that is up hold from the next call: a reload cuts nobody off."""
    one = bench(providers={"123": provider(), "456": provider()}).up()
    answers = []
    own = one.settings.own.model_copy(update={"numbers": ("456",), "redial": 7.0})
    one.uplink.reconfigure(replace(one.settings, own=own)).addCallback(answers.append)
    assert answers == [Applied()]
    assert one.seen == []
    one.phone.say(b"\r\nNO CARRIER\r\n")
    assert one.wait(5, lambda: one.state == "failed")
    assert one.states[-1].retry_at > one.gateway.clock.now() + 5.0
    one.connect()
    assert one.wait(30, lambda: one.state == "up")
    assert [text for text in one.phone.commands if text.startswith("ATD")] == ["ATDT123", "ATDT456"]


@pytest.mark.parametrize("change", [{"device": "/dev/ttyS1"}, {"speed": 9600}, {"modem": Modem("cellular")}])
def test_new_settings_of_the_line(bench, change):
    """Another line is another modem: it is started anew."""
    one = bench().up()
    answers = []
    own = one.settings.own.model_copy(update=change)
    one.uplink.reconfigure(replace(one.settings, own=own)).addCallback(answers.append)
    assert answers == [RestartMe()]


def test_new_settings_while_it_is_not_up(bench):
    """A corrected number or password is tried at once."""
    one = bench(providers={}, answers={"ATDT123": b"BUSY\r\n"}).start()
    one.connect()
    assert one.wait(30, lambda: one.state == "failed")
    answers = []
    own = one.settings.own.model_copy(update={"numbers": ("456",)})
    one.uplink.reconfigure(replace(one.settings, own=own)).addCallback(answers.append)
    assert answers == [RestartMe()]
