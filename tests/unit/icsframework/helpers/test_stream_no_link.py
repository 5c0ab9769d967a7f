"""The stream shell while no link is up and one may be dialled: whole conversations, from a client's call to its last byte."""

from dataclasses import replace
from ipaddress import ip_address

import pytest

from icsframework.dataplane.doors import Doors, Redirect, Scope
from icsframework.dataplane.plane import DataPlane, HoldSide
from icsframework.errors import UplinkFailed, UplinkRefused
from icsframework.helpers.limits import Limits
from icsframework.helpers.unlinked import LINK_PATIENCE, LOOK, TOO_LATE
from icsframework.helpers.waiting import PATIENCE
from icsframework.testing.flows import INSIDE, OUTSIDE, PEER
from icsframework.testing.stream import CABLE, CLIENT, DSL, SERVER
from icsframework.testing.wire import LISTENER
from icsframework.values import Endpoint, Link, Open, Up, UplinkView

HELD = HoldSide().address.ip
DOWN = replace(CABLE, link=None)
NO_LINK = DataPlane(uplinks=(DOWN,), hold=HoldSide())
LINKED = DataPlane(uplinks=(CABLE,), hold=HoldSide(settled=True))
MOVED = replace(CABLE, link=replace(CABLE.link, v4=DSL.link.v4))
OTHER = Endpoint(ip_address("192.168.0.11"), 40000)


@pytest.fixture
def down(bench):
    """A shell without a link, whose routes lead into the hold device."""

    def make(*args, plane=NO_LINK, way=HELD, **keys):
        one = bench(*args, plane=plane, **keys)
        one.network.way = way
        return one

    return make


def comes_up(one, plane=LINKED, way=OUTSIDE):
    """The link is there: first in the kernel, then for the shell, then for those who have asked."""
    one.network.way = way
    one.turn()
    one.shell.in_force(plane)
    link: Link = CABLE.link
    one.gateway.uplinks.set(UplinkView("cable", Up(link), True, 1 << 16))
    one.turn()


def goes_down(one, plane=NO_LINK):
    one.gateway.uplinks.set(None)
    one.network.way = HELD
    one.shell.in_force(plane)
    one.turn()


# --- a connection that comes while no link is up


def test_one_slow_connect(down):
    """Accepted and not read; one request with its cause; when the link is there all is as ever, and what was said arrives."""
    one = down()
    ours = one.call()
    ours.says(b"USER x\r\n")
    one.turn()
    (cause,) = one.gateway.uplinks.requested
    assert (cause.client, cause.protocol, cause.destination) == (INSIDE, "tcp", str(SERVER))
    one.advance(30)
    assert (one.network.dialled, ours.aborted, ours.unread) == ([], False, 8)
    comes_up(one)
    (dial,) = one.network.dialled
    assert (dial.to, dial.source, dial.mark) == (SERVER, Endpoint(OUTSIDE, CLIENT.port), 1 << 16)
    theirs = dial.accept()
    one.turn()
    theirs.says(b"331\r\n")
    one.turn()
    assert (theirs.heard, ours.heard, ours.aborted) == (b"USER x\r\n", b"331\r\n", False)
    assert (len(one.gateway.uplinks.requested), one.details["awaited"], one.details["total"]) == (1, 1, 1)


@pytest.mark.parametrize("order", ["in force, then granted", "granted, then in force"])
def test_it_goes_on_once(down, order):
    """Whoever is told first that there is a link."""
    one = down()
    one.call()
    view = UplinkView("cable", Up(CABLE.link), True, 1 << 16)
    one.network.way = OUTSIDE
    steps = [lambda: one.shell.in_force(LINKED), lambda: one.gateway.uplinks.set(view)]
    for step in steps if order.startswith("in force") else reversed(steps):
        step()
        one.advance(PATIENCE / 2)
    assert len(one.network.dialled) == 1
    one.advance(LINK_PATIENCE)
    assert (len(one.network.dialled), len(one.gateway.uplinks.requested)) == (1, 1)


def test_any_link_will_do(down):
    """Another uplink than the one that is dialled has come up: its connection goes on by that, and its request is taken back."""
    one = down(plane=DataPlane(uplinks=(DOWN, replace(DSL, link=None)), hold=HoldSide()))
    one.call()
    one.network.way = DSL.addresses[0].ip
    one.shell.in_force(DataPlane(uplinks=(DOWN, DSL), hold=HoldSide(settled=True)))
    assert [dial.mark >> 16 for dial in one.network.dialled] == [2]
    assert one.gateway.uplinks.waiting == []


def test_a_link_that_the_helper_is_not_for(down):
    """It was accepted before that was known: it is relayed as it is."""
    doors = Doors(redirects=(Redirect("test", (21,), LISTENER, scope=Scope(uplinks=("cable",))),))
    plane = DataPlane(uplinks=(DOWN, replace(DSL, link=None)), hold=HoldSide(), doors=doors)
    one = down({b"x": []}, plane=plane)
    ours = one.call()
    ours.says(b"x")
    comes_up(one, replace(plane, uplinks=(DOWN, DSL), hold=HoldSide(settled=True)), DSL.addresses[0].ip)
    theirs = one.network.dialled[0].accept()
    one.turn()
    assert (theirs.heard, one.sessions, one.port) == (b"x", [], LISTENER)


@pytest.mark.parametrize(
    "error",
    [UplinkRefused("modem: limits.time: 2 h of today are used up"), UplinkFailed("modem: no carrier")],
)
def test_no_link_is_a_reset(down, error):
    """At once; counted, and told with the key that decided or what went wrong."""
    one = down()
    ours = one.call()
    one.advance(5)
    one.gateway.uplinks.fail_requests(error)
    one.turn()
    assert (ours.aborted, one.network.dialled, one.shell.figures().refused) == (True, [], 1)
    (said,) = one.gateway.events.said("helper.session.refused")
    assert (said["client"], said["server"], said["reason"]) == (str(CLIENT), str(SERVER), str(error))
    assert one.idle


def test_who_may_not_dial_holds_up_nobody(down):
    """Each is judged by itself."""
    one = down()
    telemetry, ours = one.call(OTHER), one.call()
    one.gateway.uplinks.fail_requests(UplinkRefused("wake[0]"), lambda cause: cause.client == OTHER.address)
    one.turn()
    assert (telemetry.aborted, ours.aborted) == (True, False)
    comes_up(one)
    assert [dial.source.port for dial in one.network.dialled] == [CLIENT.port]


def test_nobody_waits_for_ever(down):
    """A minute, as packets do; then a reset with the reason."""
    one = down()
    ours = one.call()
    one.advance(LINK_PATIENCE - 1)
    assert not ours.aborted
    one.advance(1)
    assert ours.aborted
    assert [said["reason"] for said in one.gateway.events.said("helper.session.refused")] == [TOO_LATE]
    comes_up(one)
    assert one.network.dialled == []


@pytest.mark.parametrize("how", ["closes", "resets"])
def test_a_client_that_gives_up_is_forgotten(down, how):
    """No server is called for it, and its place is free."""
    one = down(limits=Limits(sessions=1))
    ours = one.call()
    one.turn()
    getattr(ours, how)()
    one.advance(LOOK)
    assert one.gateway.uplinks.waiting == []
    again = one.call(Endpoint(INSIDE, 40001))
    one.turn()
    assert not again.aborted
    comes_up(one)
    assert [dial.source.port for dial in one.network.dialled] == [40001]


def test_a_client_that_has_said_all_it_has_to_say_is_waited_for(down):
    """It closed its side after its request: there is an answer to bring."""
    one = down({b"GET": []})
    ours = one.call()
    ours.says(b"GET")
    ours.closes()
    one.advance(10)
    comes_up(one)
    theirs = one.network.dialled[0].accept()
    one.turn()
    assert one.sessions[0].heard[0] == b"GET"
    theirs.says(b"hello")
    one.turn()
    assert ours.heard == b"hello"


def test_limits_count_those_who_wait(down):
    """One too many is reset without a request, one client has its share, and a link changes nothing of that."""
    one = down(limits=Limits(sessions=80))
    ours = [one.call(Endpoint(INSIDE, 41000 + n)) for n in range(21)]
    one.turn()
    assert [leg.aborted for leg in ours] == [False] * 20 + [True]
    assert len(one.gateway.uplinks.requested) == 20
    assert not one.call(OTHER).aborted
    comes_up(one)
    assert len(one.network.dialled) == 21
    late = one.call(Endpoint(INSIDE, 42000))
    one.turn()
    assert late.aborted
    small = down(limits=Limits(sessions=1))
    small.call()
    second = small.call(OTHER)
    small.turn()
    assert second.aborted
    assert small.gateway.events.said("helper.session.refused")[0]["reason"] == "limits.sessions"


def test_fail_open_may_wait_beyond_the_limit(down):
    """As many again, which are relayed without a session."""
    one = down(fail="open", limits=Limits(sessions=1))
    ours = [one.call(client) for client in (CLIENT, OTHER, Endpoint(INSIDE, 40001))]
    one.turn()
    assert [leg.aborted for leg in ours] == [False, False, True]
    comes_up(one)
    for dial in one.network.dialled:
        dial.accept()
    one.turn()
    assert (len(one.network.dialled), len(one.sessions), one.details["relayed"]) == (2, 1, 1)


def test_a_stop_resets_who_waits(down):
    """And takes the request back."""
    one = down()
    ours = one.call()
    assert one.stop()
    assert (ours.aborted, one.gateway.uplinks.waiting) == (True, [])
    assert one.idle


# --- what the kernel and we know at different times


def test_a_route_that_is_ahead_of_us_waits_and_asks_nobody(down):
    """The link is up in the kernel and we are about to hear of it."""
    one = down(way=OUTSIDE)
    one.call()
    one.advance(PATIENCE / 2)
    assert one.gateway.uplinks.requested == []
    one.shell.in_force(LINKED)
    assert len(one.network.dialled) == 1


def test_a_route_that_stays_ahead_of_us_asks(down):
    """What is dialled may be just that; the answer tells."""
    one = down(way=OUTSIDE)
    ours = one.call()
    one.advance(PATIENCE)
    assert (len(one.gateway.uplinks.requested), ours.aborted) == (1, False)
    comes_up(one)
    assert len(one.network.dialled) == 1


def test_a_route_into_the_hold_device_is_no_uplink(down):
    """A link has gone in the kernel, and we are about to hear of it: then it is asked for."""
    one = down(plane=LINKED)
    ours = one.call()
    one.advance(PATIENCE / 2)
    assert (one.network.dialled, one.gateway.uplinks.requested) == ([], [])
    one.shell.in_force(NO_LINK)
    assert (len(one.gateway.uplinks.requested), ours.aborted) == (1, False)


def test_a_link_that_only_we_believe_in_is_asked_for(down):
    """The kernel has none, and we do not hear of it: the supervisor knows."""
    one = down(plane=LINKED)
    ours = one.call()
    one.advance(PATIENCE)
    assert (one.network.dialled, len(one.gateway.uplinks.requested), ours.aborted) == ([], 1, False)
    one.shell.in_force(NO_LINK)
    comes_up(one)
    assert (len(one.network.dialled), len(one.gateway.uplinks.requested)) == (1, 1)


def test_a_link_that_is_granted_and_not_there(down):
    """Is not asked for again and again: the connection is reset when that is sure."""
    one = down()
    one.gateway.uplinks.set(UplinkView("cable", Up(CABLE.link), True, 1 << 16))
    ours = one.call()
    one.turn()
    assert one.details["awaited"] == 1
    one.advance(PATIENCE)
    assert (ours.aborted, len(one.gateway.uplinks.requested), one.network.dialled) == (True, 1, [])


@pytest.mark.parametrize("way", [None, HELD])
def test_without_a_hold_device_nobody_is_asked(down, way):
    """No uplink may be dialled: it is refused as ever."""
    one = down(plane=DataPlane(uplinks=(DOWN,)), way=way)
    ours = one.call()
    one.advance(PATIENCE)
    assert (ours.aborted, one.gateway.uplinks.requested) == (True, [])


def test_a_reload_that_takes_the_last_demand_away(down):
    """Who waits is refused with it."""
    one = down()
    ours = one.call()
    one.network.way = None
    one.shell.in_force(DataPlane(uplinks=(DOWN,)))
    one.turn()
    assert (ours.aborted, one.gateway.uplinks.waiting) == (True, [])


def test_a_prohibited_call_that_comes_through_is_asked_about(down):
    """The route says unreachable or prohibited: the supervisor knows why."""
    one = down(plane=replace(NO_LINK, hold=HoldSide("prohibit")), way=None)
    one.gateway.uplinks.refuse = UplinkRefused("hours")
    ours = one.call()
    one.turn()
    assert ours.aborted
    assert one.gateway.events.said("helper.session.refused")[0]["reason"] == "hours"


def test_nobody_is_dialled_for_from_outside(down):
    """A published service that was called by an address that is gone."""
    one = down(direction="inbound")
    one.published["cable", 21] = Endpoint(INSIDE, 21)
    ours = one.call(Endpoint(PEER, 5), Endpoint(OUTSIDE, 21))
    one.advance(PATIENCE)
    assert (ours.aborted, one.gateway.uplinks.requested) == (True, [])


# --- sessions whose link was hung up


@pytest.fixture
def hung_up(down):
    """A session that was begun, and whose link is down by now."""

    def make(*args, **keys):
        one = down(*args, **keys)
        ours = one.call()
        comes_up(one)
        theirs = one.network.dialled[0].accept()
        one.turn()
        goes_down(one)
        one.gateway.uplinks.requested.clear()
        return one, ours, theirs

    return make


def test_a_silent_session_wants_no_link(hung_up):
    """It stays, and goes on when the link comes back as it was."""
    one, ours, theirs = hung_up()
    one.advance(3600)
    assert (one.gateway.uplinks.requested, ours.aborted) == ([], False)
    comes_up(one)
    ours.says(b"NOOP\r\n")
    one.turn()
    assert (theirs.heard, one.gateway.uplinks.requested) == (b"NOOP\r\n", [])


def test_with_another_address_a_session_ends(hung_up):
    """Its server knows it by the old one: the client is reset and may call again at once."""
    one, ours, theirs = hung_up()
    comes_up(one, replace(LINKED, uplinks=(MOVED,)), MOVED.addresses[0].ip)
    assert (ours.aborted, theirs.aborted) == (True, True)
    assert one.gateway.events.said("helper.session.ended")[0]["reason"] == "uplink cable has another address"


def test_a_client_that_goes_on_wants_its_link_again(hung_up):
    """Once, however much it says; what it said goes out when the link is back as it was."""
    one, ours, theirs = hung_up()
    for line in (b"PASV\r\n", b"LIST\r\n"):
        ours.says(line)
        one.turn()
    (cause,) = one.gateway.uplinks.requested
    assert (cause.client, cause.destination) == (INSIDE, str(SERVER))
    comes_up(one)
    one.advance(LINK_PATIENCE)
    assert (theirs.heard, ours.aborted) == (b"PASV\r\nLIST\r\n", False)
    goes_down(one)
    ours.says(b"QUIT\r\n")
    one.turn()
    assert len(one.gateway.uplinks.requested) == 2


def test_a_link_that_comes_back_by_itself(hung_up):
    """Nothing more is asked for or waited for: the session goes on."""
    one, ours, theirs = hung_up()
    ours.says(b"LIST\r\n")
    one.turn()
    one.network.way = OUTSIDE
    one.shell.in_force(LINKED)
    assert one.gateway.uplinks.waiting == []
    one.advance(LINK_PATIENCE)
    assert (theirs.heard, ours.aborted) == (b"LIST\r\n", False)


@pytest.mark.parametrize("later", [True, False])
def test_a_session_without_a_link_is_no_session(hung_up, later):
    """Its client waits for an answer that cannot come: it is reset when the link is refused or fails."""
    one, ours, _ = hung_up()
    if not later:
        one.gateway.uplinks.refuse = UplinkRefused("limits.dials")
    ours.says(b"LIST\r\n")
    one.turn()
    one.gateway.uplinks.fail_requests(UplinkFailed("limits.dials"))
    one.turn()
    assert ours.aborted
    assert one.gateway.events.said("helper.session.ended")[0]["reason"] == "its link is down: limits.dials"
    assert one.idle


def test_what_a_server_says_late_wants_no_link(hung_up):
    """It was on its way when the link went."""
    one, ours, theirs = hung_up()
    theirs.says(b"226 done\r\n")
    one.turn()
    assert (ours.heard, one.gateway.uplinks.requested) == (b"226 done\r\n", [])


def test_a_client_that_leaves_its_session_wants_nothing_any_more(hung_up):
    """Its request is taken back with it."""
    one, ours, _ = hung_up()
    ours.says(b"LIST\r\n")
    one.turn()
    ours.resets()
    one.turn()
    one.advance(1)
    assert one.gateway.uplinks.waiting == []
    assert one.idle


def test_ports_are_not_opened_without_a_link(hung_up):
    """A session that asks for one meanwhile is told so by the port book, and goes on."""
    asked = Open(1, "tcp", Endpoint(INSIDE, 5000), PEER)
    one, ours, _ = hung_up({b"PORT": [asked]})
    ours.says(b"PORT")
    one.turn()
    assert len(one.gateway.uplinks.requested) == 1
    assert one.sessions[0].heard[0] == b"PORT"
    assert not ours.aborted
