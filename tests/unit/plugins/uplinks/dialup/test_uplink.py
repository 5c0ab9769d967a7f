"""The whole plugin on a line whose modem and provider are the test."""

import gc
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface

import pytest

from icsframework.errors import HostError, InterfaceMissing, UplinkFailed
from icsframework.protocols.ppp.auth.method import Method
from icsframework.values import (
    Absent,
    Applied,
    Down,
    Failed,
    Family,
    InterfaceInfo,
    RestartMe,
    Up,
    UplinkSettings,
)

PACKET = bytes.fromhex("450000180001000040110000") + bytes(12)


def test_a_call_from_beginning_to_end(bench):
    """Every stage is told, the link has the provider's address and servers, and hanging up tells both ends."""
    one = bench().start()
    assert one.seen == ["down"]
    got = one.connect()
    assert one.wait(20, lambda: bool(got))
    assert one.seen[1:] == [
        "connecting initialising",
        "connecting calling 123",
        "connecting negotiating",
        "connecting configuring",
        "up",
    ]
    (link,) = got
    assert link.v4 == Family((IPv4Interface("10.64.0.2/32"),), None, (IPv4Address("10.64.0.53"),))
    assert (link.interface, link.ifindex, link.kind, link.carrier) == ("icsu-modem", 7, "ppp", "inline")
    assert one.phone.commands == ["ATZ", "ATE0V1Q0", "AT&C1&D2", "ATDT123"]
    left = []
    one.uplink.disconnect("enough").addCallback(left.append)
    assert one.wait(10, lambda: bool(left))
    assert one.seen[-1] == "down enough"
    assert one.phone.ended.cause.value == "peer"
    assert one.tun.socket.fileno() == -1
    assert one.phone.line.fileno() >= 0


def test_packets_pass_both_ways(bench):
    """And are counted."""
    one = bench().up()
    one.tun.peer.send(PACKET)
    one.turn()
    assert one.phone.received == [PACKET]
    one.phone.send(PACKET, PACKET)
    one.turn()
    assert one.tun.frames() == [PACKET, PACKET]
    details = one.gateway.status.read()
    assert (details["number"], details["speed"], details["peer"]) == ("123", 33600, "10.64.0.1")
    assert details["line_tx_bytes"] > 100
    assert details["bad_frames"] == 0
    assert "bad_fcs" not in details


def test_what_goes_wrong_on_the_line_is_counted_by_its_kind(bench):
    """Shown where there was some: a frame whose check sum is wrong, and octets that are no frame."""
    one = bench().up()
    one.phone.line.peer.send(b"~\xff\x03\x00\x21garbage that is no packet~")
    one.turn()
    details = one.gateway.status.read()
    assert (details["bad_frames"], details["bad_fcs"]) == (1, 1)
    assert "oversize" not in details


@pytest.mark.parametrize("method", list(Method))
def test_a_password_is_asked_for(bench, asking, method):
    """In every way there is."""
    one = bench(providers={"123": asking(method)}, user="guest", password="secret").start()
    got = one.connect()
    assert one.wait(20, lambda: bool(got))
    assert one.state == "up"
    assert "connecting authenticating" in one.seen
    assert one.gateway.status.read()["authentication"] == method.title


def test_a_wrong_password_is_not_hammered(bench, asking):
    """One call, one refusal, and ten minutes of peace; no other number is called with it."""
    one = bench(providers={"123": asking()}, user="guest", password="wrong", numbers=["123", "124"]).start()
    got = one.connect()
    assert one.wait(30, lambda: bool(got))
    assert got[0].check(UplinkFailed)
    failed = one.states[-1]
    assert isinstance(failed, Failed)
    assert failed.reason.startswith("123: ")
    assert failed.reason.endswith("; the same password is not tried again for 10 min, but by ics connect")
    assert failed.retry_at == pytest.approx(one.gateway.clock.now() + 600.0, abs=1.0)
    assert [text for text in one.phone.commands if text.startswith("ATD")] == ["ATDT123"]


def test_no_secret_is_shown(bench, asking):
    """Neither in states nor in events nor in status."""
    one = bench(providers={"123": asking(Method.PAP)}, user="guest", password="hunter2")
    one.start().connect()
    one.wait(30, lambda: one.state == "failed")
    shown = repr(one.states) + repr(one.gateway.events.all) + repr(one.gateway.status.read())
    assert "hunter2" not in shown
    assert "guest" in shown


def test_numbers_are_called_in_turn(bench):
    """Until one answers; the reasons of the others are not needed then."""
    answers = {"ATDT200": b"BUSY\r\n", "ATDT203": b"NO CARRIER\r\n"}
    one = bench(answers, numbers=["200", "203", "123"]).up()
    assert [text for text in one.phone.commands if text.startswith("ATD")] == [
        "ATDT200",
        "ATDT203",
        "ATDT123",
    ]


def test_a_round_that_failed_says_all_reasons(bench):
    """And when the next is due: after redial, and twice as long the time after."""
    answers = {"ATDT200": b"BUSY\r\n", "ATDT201": b"NO ANSWER\r\n"}
    one = bench(answers, numbers=["200", "201"], redial=8).start()
    for pause in (8.0, 16.0):
        got = one.connect()
        assert one.wait(30, lambda: bool(got))  # noqa: B023 - it is waited for here
        failed = one.states[-1]
        assert failed.reason == "200: the line is busy; 201: nobody answered"
        assert failed.retry_at == pytest.approx(one.gateway.clock.now() + pause, abs=0.2)


def test_the_operator_ends_a_row_of_failures(bench):
    """After a disconnect the pauses begin anew."""
    one = bench({"ATDT123": b"BUSY\r\n"}, providers={}, redial=8).start()
    for _ in range(3):
        one.connect()
        one.wait(30, lambda: one.state == "failed")
    one.uplink.disconnect("enough")
    one.wait(5)
    assert one.states[-1] == Down("enough")
    one.connect()
    assert one.wait(30, lambda: one.state == "failed")
    assert one.states[-1].retry_at == pytest.approx(one.gateway.clock.now() + 8.0, abs=0.2)


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        (lambda phone: phone.say(b"\r\nNO CARRIER\r\n"), "the modem lost the carrier (NO CARRIER)"),
        (lambda phone: phone._do(phone.link.close("maintenance", 0.0)), "the provider ended the link"),
    ],
)
def test_a_link_that_is_lost(bench, how, reason):
    """It is told with its reason, the modem is made to listen, and the next try goes through."""
    one = bench().up()
    how(one.phone)
    assert one.wait(10, lambda: one.state == "failed")
    if "NO CARRIER" in reason:
        assert one.states[-1].reason == reason
    one.wait(5)
    assert one.tun.socket.fileno() == -1
    assert one.phone.commands[-1] == "ATH"
    got = one.connect()
    assert one.wait(20, lambda: bool(got))
    assert one.state == "up"


def test_dcd_tells_that_the_carrier_is_gone(bench):
    """On a line that has it; one that never showed a carrier (a cable without the wire) is not believed."""
    one = bench()
    one.host.carrier = True
    one.up()
    one.phone.line.dcd = False
    assert one.wait(3, lambda: one.state == "failed")
    assert one.states[-1].reason == "the modem lost the carrier (DCD)"
    other = bench()
    other.host.carrier = False
    other.up()
    assert not other.wait(5, lambda: other.state != "up")


def test_a_peer_that_falls_silent(bench):
    """Echoes find out."""
    one = bench(echo=5).up()
    one.phone.deaf = True
    assert one.wait(120, lambda: one.state == "failed")
    assert "no answer" in one.states[-1].reason or "silent" in one.states[-1].reason


def test_a_device_that_is_pulled_out_and_plugged_in(bench):
    """It is absent, with its name; when it is back it is down, and a connect works."""
    one = bench().up()
    one.phone.line.unplug()
    one.host.fail["open_serial"] = InterfaceMissing("There is no serial line.")
    one.turn()
    assert one.seen == ["absent The modem /dev/ttyS0 is gone: unplugged, or its other end was closed"]
    one.wait(10)
    assert len(one.seen) == 1
    got = one.connect()
    assert got[0].check(UplinkFailed)
    del one.host.fail["open_serial"]
    assert one.wait(3, lambda: one.state == "down")
    got = one.connect()
    assert one.wait(20, lambda: one.state == "up")


@pytest.mark.parametrize("moment", [0.0, 0.3, 1.0])
def test_a_device_that_goes_in_the_midst_of_a_call(bench, moment):
    """Who waits hears of the device, not of a call."""
    one = bench({"ATDT123": None}, providers={}).start()
    got = one.connect()
    one.wait(moment)
    one.host.fail["open_serial"] = InterfaceMissing("There is no serial line.")
    one.phone.line.unplug()
    one.turn()
    assert got[0].check(UplinkFailed)
    assert isinstance(one.states[-1], Absent)
    assert not [line for line in one.seen if line.startswith("failed")]


def test_a_device_in_use(bench):
    """Who has it is not known, but that it is; it is looked for again."""
    one = bench()
    one.host.fail["open_serial"] = HostError("Serial line /dev/ttyS0 is in use by another program.")
    one.start()
    assert one.seen == ["absent Serial line /dev/ttyS0 is in use by another program."]
    del one.host.fail["open_serial"]
    assert one.wait(3, lambda: one.state == "down")


def test_a_modem_that_is_dead_is_opened_anew(bench):
    """Silence is followed by a new open, and then by a reset; it is never given up."""
    one = bench().start()
    one.phone.deaf = True
    one.connect()
    assert one.wait(60, lambda: one.state == "failed")
    assert len(one.host.serial) == 1
    one.connect()
    one.wait(3)
    assert len(one.host.serial) == 2
    assert one.host.serial[0].fileno() == -1
    assert one.wait(20, lambda: one.state == "up")


def test_a_modem_that_fails_often_gets_its_factory_settings(bench):
    """In the fourth round."""
    one = bench({"ATDT123": b"NO CARRIER\r\n"}, providers={}).start()
    for _ in range(4):
        assert "AT&F" not in one.phone.commands
        one.connect()
        one.wait(30, lambda: one.state == "failed")
    assert one.phone.commands.count("AT&F") == 1


def test_two_ask_and_one_gives_up(bench):
    """Both wait for the same call."""
    one = bench().start()
    first, second = one.uplink.connect(None), one.uplink.connect(None)
    got = []
    first.addErrback(lambda failure: None)
    first.cancel()
    second.addBoth(got.append)
    assert one.wait(20, lambda: bool(got))
    assert one.phone.commands.count("ATDT123") == 1
    assert one.connect() == [got[0]]


@pytest.mark.parametrize("moment", [0.0, 0.2, 0.5, 1.0, 3.0])
def test_a_disconnect_at_any_moment(bench, moment):
    """Who waits is told, the modem hangs up, and the next connect works."""
    one = bench({"ATDT124": None}, numbers=["124", "123"], dial_timeout=2).start()
    got = one.connect()
    one.wait(moment)
    left = []
    one.uplink.disconnect("enough").addCallback(left.append)
    one.uplink.disconnect("twice").addCallback(left.append)
    assert one.wait(12, lambda: len(left) == 2)
    assert one.state == "down"
    assert got
    again = one.connect()
    assert one.wait(30, lambda: bool(again))
    assert one.state == "up"


def test_a_connect_while_it_is_being_disconnected(bench):
    """It is begun when the line is free, and the disconnect does not end it."""
    one = bench().up()
    left = []
    one.uplink.disconnect("enough").addCallback(left.append)
    got = one.connect()
    assert one.wait(30, lambda: bool(got))
    assert left == [None]
    assert one.seen[0] == "down enough"
    assert one.state == "up"


def test_a_second_disconnect_ends_what_was_asked_meanwhile(bench):
    """The last word counts: it stays down."""
    one = bench().up()
    one.uplink.disconnect("enough")
    got = one.connect()
    one.uplink.disconnect("really")
    assert got[0].check(UplinkFailed)
    one.wait(10)
    assert one.state == "down"


@pytest.mark.parametrize(("seconds", "pause"), [(5.0, 16.0), (70.0, 8.0)])
def test_only_a_link_that_lasts_ends_a_row_of_failures(bench, seconds, pause):
    """A provider that lets us in and throws us out is called ever more seldom."""
    one = bench(redial=8, echo=0)
    one.up()
    for up in (5.0, seconds):
        one.wait(up)
        one.phone.say(b"\r\nNO CARRIER\r\n")
        assert one.wait(5, lambda: one.state == "failed")
        failed = one.states[-1].retry_at - one.gateway.clock.now()
        one.connect()
        assert one.wait(30, lambda: one.state == "up")
    assert failed == pytest.approx(pause, abs=0.2)


def test_new_settings(bench):
    """DNS servers and the metered flag are taken in place; others take a new start."""
    one = bench().up()
    answers = []
    new = replace(one.settings, metered=True, dns=(IPv4Address("192.0.2.1"),))
    one.uplink.reconfigure(new).addCallback(answers.append)
    assert answers == [Applied()]
    link = one.states[-1].link
    assert (link.metered, link.v4.dns) == (True, (IPv4Address("192.0.2.1"),))
    one.uplink.reconfigure(replace(new, mtu=576)).addCallback(answers.append)
    assert answers[1:] == [RestartMe()]


def test_a_tunnel_that_cannot_be_opened(bench):
    """The call is ended, with the reason."""
    one = bench()
    one.host.fail["open_tun"] = HostError("this machine has no /dev/net/tun")
    one.start().connect()
    assert one.wait(30, lambda: one.state == "failed")
    assert "no /dev/net/tun" in one.states[-1].reason


def test_a_refused_pin_is_remembered_over_restarts(bench):
    """And sent again when it is changed in the file."""
    locked = {
        "AT+CPIN?": b"+CPIN: SIM PIN\r\nOK\r\n",
        'AT+CPIN="1111"': b"+CME ERROR: 16\r\n",
        "AT+CEREG?": b"+CEREG: 0,1\r\nOK\r\n",
    }
    keys = {"modem": "cellular", "providers": {}}
    one = bench(locked, pin="1111", **keys).start()
    one.connect()
    assert one.wait(30, lambda: one.state == "failed")
    assert one.states[-1].retry_at > one.gateway.clock.now() + 800
    store = one.gateway.store
    again = bench(locked, pin="1111", store=store, **keys).start()
    again.connect()
    assert again.wait(30, lambda: again.state == "failed")
    assert "refused this PIN before" in again.states[-1].reason
    assert 'AT+CPIN="1111"' not in again.phone.commands
    changed = bench(locked, pin="2222", store=store, **keys).start()
    changed.connect()
    changed.wait(5)
    assert 'AT+CPIN="2222"' in changed.phone.commands


def test_an_interface_of_an_earlier_process_goes_too(bench):
    """A stop takes it away, whether there was a call or not; one that is something else is left alone."""
    for kind, opened in (("tun", 1), ("bridge", 0)):
        one = bench()
        info = InterfaceInfo("icsu-modem", 7, "", 1500, True, True, kind=kind)
        one.host.set_interface("icsu-modem", info)
        one.start().uplink.disconnect("the gateway stops")
        one.turn()
        assert [opening.socket.fileno() for opening in one.host.tun] == [-1] * opened


def test_a_link_does_not_outlive_the_process(bench):
    """So nothing is adopted, the interface is left for the next call, and the history can say why the call ended."""
    link = bench().up().states[-1].link
    one, answers = bench().start(), []
    one.uplink.adopt(link).addCallback(answers.append)
    assert answers == [None]
    assert one.seen[-1] == "down the call ended with the daemon that carried it"


def test_a_stop_tells_nobody_and_a_new_start_works(bench):
    """The modem notices by itself that the device was closed."""
    one = bench().up()
    one.uplink.stopService()
    one.turn()
    assert one.seen == ["down the gateway stops"]
    assert not one.phone.line.dtr
    one.uplink.startService()
    one.turn()
    assert one.seen[-1] == "down"
    got = one.connect()
    assert one.wait(20, lambda: bool(got))
    assert one.state == "up"


def test_a_null_modem_cable(bench):
    """PPP at once; hanging up is dropping DTR."""
    one = bench(modem="null-modem", numbers=[]).start()
    phone = one.phone
    phone.providers = {"": one.providers["123"]}
    phone._command("ATD")
    one.connect()
    assert one.wait(20, lambda: one.state == "up")
    assert one.seen[1:] == [
        "connecting initialising",
        "connecting negotiating",
        "connecting configuring",
        "up",
    ]


def test_nothing_of_many_calls_stays(bench):
    """A hundred calls leave no timer, reader or object behind."""
    one = bench().start()
    for _ in range(3):
        one.connect()
        one.wait(20, lambda: one.state == "up")
        one.uplink.disconnect("enough")
        one.wait(5)
    gc.collect()
    before = len(gc.get_objects())
    for _ in range(10):
        one.connect()
        one.wait(20, lambda: one.state == "up")
        one.uplink.disconnect("enough")
        one.wait(5)
    gc.collect()
    assert len(gc.get_objects()) - before < 2000
    assert len(one.reactor.readers) == 1


def test_states_are_those_of_the_contract(bench):
    """Up carries the link that connect answers."""
    one = bench().up()
    assert isinstance(one.states[-1], Up)
    assert isinstance(one.settings, UplinkSettings)
