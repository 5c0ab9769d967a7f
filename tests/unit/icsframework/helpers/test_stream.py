"""The stream shell: whose connections it takes, which way they go on, and when they end."""

from dataclasses import replace
from ipaddress import ip_address, ip_interface

import pytest

from icsframework.dataplane.plane import DataPlane, UplinkSide
from icsframework.helpers.limits import Limits
from icsframework.helpers.waiting import PATIENCE
from icsframework.testing.flows import INSIDE, OUTSIDE, PEER
from icsframework.testing.stream import CABLE, CLIENT, DSL, ONE_UPLINK, SERVER, TWO_UPLINKS
from icsframework.values import Endpoint, Family, Flow, Open

OTHER = Endpoint(ip_address("192.168.0.11"), 40000)
DSL_ADDRESS = DSL.addresses[0].ip
LTE = UplinkSide(
    "lte", 3, "eth8", replace(DSL.link, interface="eth8", v4=Family((ip_interface("192.0.2.9/24"),), None))
)


def clients(count, host=INSIDE):
    return [Endpoint(host, 41000 + n) for n in range(count)]


# --- outbound


def test_a_connection_goes_on_as_its_client_would(bench):
    """From the uplink's address and the client's own port, marked before it is called; the session knows its ends."""
    one = bench()
    one.pair()
    (dial,) = one.network.dialled
    outside = Endpoint(OUTSIDE, CLIENT.port)
    assert (dial.to, dial.source, dial.mark, dial.transparent) == (SERVER, outside, 1 << 16, False)
    assert one.sessions[0].flow == Flow("tcp", CLIENT, SERVER, outside, "cable")


def test_where_the_port_was_taken_the_session_knows_the_other_one(bench):
    """``outside`` is what the server sees."""
    one = bench()
    one.call()
    one.network.dialled[0].accept(Endpoint(OUTSIDE, 50123))
    assert one.sessions[0].flow.outside == Endpoint(OUTSIDE, 50123)


@pytest.mark.parametrize(
    ("way", "active", "name", "address", "mark"),
    [
        (OUTSIDE, "cable", "cable", OUTSIDE, 1 << 16),
        (DSL_ADDRESS, "cable", "dsl", DSL_ADDRESS, 2 << 16),
    ],
)
def test_the_uplink_is_that_of_the_route(bench, way, active, name, address, mark):
    """Whatever is preferred; mark and source belong to it."""
    one = bench(plane=replace(TWO_UPLINKS, active=active))
    one.network.way = way
    one.pair()
    (dial,) = one.network.dialled
    assert (dial.source.address, dial.mark, one.sessions[0].flow.uplink) == (address, mark, name)


def test_somebody_who_calls_the_listener_itself(bench):
    """Is reset, counted, and reaches nobody."""
    one = bench()
    stranger = one.call(server=None)
    one.turn()
    assert (stranger.aborted, one.network.dialled) == (True, [])
    assert (one.details["direct"], one.shell.figures().refused, one.shell.figures().sessions) == (1, 1, 0)


def test_without_an_uplink_a_connection_is_refused(bench):
    """At once, and said once."""
    one = bench(plane=DataPlane(uplinks=(replace(CABLE, link=None),)))
    one.network.way = None
    refused = one.call()
    one.turn()
    assert refused.aborted
    (said,) = one.gateway.events.said("helper.session.refused")
    assert (said["client"], said["server"], said["reason"]) == (
        str(CLIENT),
        str(SERVER),
        "no uplink is its way",
    )


def test_a_server_that_cannot_be_reached_is_a_reset(bench):
    """The client has not been read before; nothing is left."""
    one = bench()
    ours = one.call()
    ours.says(b"USER x\r\n")
    one.turn()
    assert ours.unread == 8
    one.network.dialled[0].refuse()
    one.turn()
    assert (ours.aborted, one.details["unreachable"], one.sessions) == (True, 1, [])
    assert "refused" in one.gateway.events.said("helper.server.unreachable")[0]["reason"]
    assert one.idle


# --- inbound


def test_an_inside_server_sees_the_real_client(bench):
    """A published port leads to it; the second leg comes from the client's own address and port."""
    one = bench(direction="inbound")
    inside = Endpoint(INSIDE, 2121)
    client, wanted = Endpoint(PEER, 55555), Endpoint(OUTSIDE, 8021)
    one.published["cable", 8021] = inside
    one.pair(client, wanted)
    (dial,) = one.network.dialled
    assert (dial.to, dial.source, dial.mark, dial.transparent) == (inside, client, 0, True)
    assert one.sessions[0].flow == Flow("tcp", client, inside, wanted, "cable", "inbound")
    assert [leg.near for leg in one.network.connections] == [False, True]


@pytest.mark.parametrize(
    "wanted", [Endpoint(OUTSIDE, 8022), Endpoint(DSL_ADDRESS, 8021), Endpoint(PEER, 8021)]
)
def test_what_is_not_published_leads_nowhere(bench, wanted):
    """A port that was published a moment ago, another uplink's, somebody else's address."""
    one = bench(direction="inbound", plane=TWO_UPLINKS)
    one.published["cable", 8021] = Endpoint(INSIDE, 2121)
    stranger = one.call(Endpoint(PEER, 55555), wanted)
    one.advance(PATIENCE)
    assert (stranger.aborted, one.network.dialled, one.shell.figures().refused) == (True, [], 1)


# --- one uplink for all that two hosts do


def told(one):
    """The pairs that the packet filter knows: the mark, and the end of the inside host's address."""
    return {(mark >> 16, str(inside), str(peer)) for mark, inside, peer in one.elements.keys("pairs")}


def test_the_filter_knows_who_is_connected_by_which_uplink(bench):
    """From the arrival of the connection until nothing of it is left."""
    one = bench(plane=TWO_UPLINKS)
    one.network.way = DSL_ADDRESS
    one.call()
    assert told(one) == {(2, str(INSIDE), str(PEER))}
    one.network.dialled[0].accept()
    one.turn()
    one.advance(100)
    assert told(one) == {(2, str(INSIDE), str(PEER))}
    one.network.connections[0].resets()
    one.turn()
    one.advance(1)
    assert told(one) == set()


def test_a_published_server_and_its_client_are_a_pair(bench):
    """By the uplink whose address was called."""
    one = bench(direction="inbound", plane=TWO_UPLINKS)
    one.published["dsl", 21] = Endpoint(INSIDE, 21)
    one.pair(Endpoint(PEER, 5), Endpoint(DSL_ADDRESS, 21))
    assert told(one) == {(2, str(INSIDE), str(PEER))}
    assert one.stop()
    assert told(one) == set()


def test_more_connections_of_a_pair_go_the_same_way(bench):
    """Also when another uplink is preferred by now; those of others take that one, and so do theirs when the first is over."""
    one = bench(plane=TWO_UPLINKS)
    one.network.way = DSL_ADDRESS
    ours, _ = one.pair()
    one.network.way = OUTSIDE
    second, _ = one.pair(Endpoint(INSIDE, 40001))
    one.pair(OTHER)
    assert [session.flow.uplink for session in one.sessions] == ["dsl", "dsl", "cable"]
    assert one.network.dialled[1].source.address == DSL_ADDRESS
    for end in (ours, second):
        end.resets()
    one.turn()
    one.advance(1)
    one.pair(Endpoint(INSIDE, 40002))
    assert one.sessions[-1].flow.uplink == "cable"


def test_a_pair_does_not_lead_to_a_dead_uplink(bench):
    """A connection that is about to end with its uplink holds no new one there."""
    one = bench(plane=DataPlane(uplinks=(CABLE, DSL)))
    one.network.way = DSL_ADDRESS
    one.pair()
    one.shell.in_force(DataPlane(uplinks=(replace(CABLE, link=None), replace(DSL, link=None))))
    one.network.way = OUTSIDE
    one.shell.in_force(DataPlane(uplinks=(CABLE, replace(DSL, link=None))))
    one.pair(Endpoint(INSIDE, 40001))
    assert [session.flow.uplink for session in one.sessions] == ["dsl", "cable"]


# --- limits


def test_sessions_are_limited(bench):
    """One too many is reset; when one ends there is room again."""
    one = bench(limits=Limits(sessions=2))
    first, _ = one.pair(clients(1)[0])
    one.pair(OTHER)
    third = one.call(CLIENT)
    one.turn()
    assert third.aborted
    assert one.gateway.events.said("helper.session.refused")[0]["reason"] == "limits.sessions"
    first.resets()
    one.turn()
    one.advance(1)
    fourth, _ = one.pair()
    assert not fourth.aborted
    assert (one.shell.figures().sessions, one.details["total"]) == (2, 4)


def test_one_client_cannot_take_all(bench):
    """Its share is full, another client still gets through."""
    one = bench(limits=Limits(sessions=80))
    ours = [one.call(client) for client in clients(21)]
    one.turn()
    assert [leg.aborted for leg in ours] == [False] * 20 + [True]
    assert not one.call(OTHER).aborted
    ours[0].resets()
    one.turn()
    again, another = one.call(), one.call()
    one.turn()
    assert (again.aborted, another.aborted) == (False, True)


def test_there_are_descriptors_for_all_sessions(bench):
    """The machine is told how many connections there may be; with ``fail: open`` as many again."""
    one = bench(limits=Limits(sessions=700))
    assert one.network.room == {"test outbound": 700}
    one.shell.use(Limits(sessions=800))
    assert one.network.room == {"test outbound": 800}
    assert bench(limits=Limits(sessions=700), fail="open").network.room == {"test outbound": 1400}


def test_limits_may_change_while_it_runs(bench):
    """For the connections that come; nobody is thrown out."""
    one = bench(limits=Limits(sessions=2))
    ends = [one.pair(client)[0] for client in clients(2)]
    one.shell.use(Limits(sessions=1))
    third = one.call()
    one.turn()
    assert [end.aborted for end in (*ends, third)] == [False, False, True]
    one.shell.use(Limits(sessions=3))
    assert not one.pair()[0].aborted


def test_fail_open_relays_what_is_beyond_the_limit(bench):
    """Without a session; as many again, then it ends."""
    one = bench({b"x": []}, fail="open", limits=Limits(sessions=1))
    for client in clients(2):
        ours, theirs = one.pair(client)
        ours.says(b"x")
        one.turn()
    assert (theirs.heard, len(one.sessions), one.details["relayed"]) == (b"x", 1, 1)
    third = one.call()
    one.turn()
    assert third.aborted


def test_a_flood_of_refusals_is_a_few_lines(bench):
    """Everything is counted, and later it is said how many were not told."""
    one = bench(plane=DataPlane())
    one.network.way = None
    for client in clients(500):
        one.call(client)
        one.turn()
    said = one.gateway.events.said("helper.session.refused")
    assert (len(said), one.shell.figures().refused) == (10, 500)
    one.advance(60)
    one.call()
    assert "(490 more since)" in one.gateway.events.said("helper.session.refused")[10]["reason"]


# --- uplinks that change


def cable(link):
    return replace(CABLE, link=link)


@pytest.mark.parametrize(
    ("plane", "ends"),
    [
        (ONE_UPLINK, False),
        (replace(TWO_UPLINKS, active="dsl"), False),
        (DataPlane(uplinks=(cable(None),)), False),
        (DataPlane(uplinks=(cable(None), DSL)), True),
        (DataPlane(uplinks=(cable(DSL.link),)), True),
        (DataPlane(), True),
    ],
)
def test_flows_end_with_their_address(bench, plane, ends):
    """Both sides are reset where the flow cannot go on."""
    one = bench()
    one.pair()
    one.shell.in_force(plane)
    one.turn()
    assert [leg.aborted for leg in one.network.connections] == [ends] * 2
    assert one.shell.figures().sessions == (not ends)


@pytest.mark.parametrize(
    ("plane", "way", "uplink", "address"),
    [
        (DataPlane(uplinks=(cable(None), DSL)), DSL_ADDRESS, "dsl", DSL_ADDRESS),
        (DataPlane(uplinks=(cable(None), LTE, DSL)), DSL_ADDRESS, "dsl", DSL_ADDRESS),
        (DataPlane(uplinks=(cable(DSL.link),)), DSL_ADDRESS, "cable", DSL_ADDRESS),
        (DataPlane(uplinks=(replace(DSL, index=5),)), None, "dsl", DSL_ADDRESS),
    ],
)
def test_a_call_without_an_answer_goes_by_another_uplink(bench, plane, way, uplink, address):
    """When its own has died: the first call is given up, the client is not reset and knows nothing of it."""
    one = bench()
    ours = one.call()
    ours.says(b"x")
    one.network.way = way
    one.shell.in_force(plane)
    one.turn()
    first, second = one.network.dialled
    assert first.answer.called
    assert (second.to, second.source) == (SERVER, Endpoint(address, CLIENT.port))
    assert second.mark == plane.marks.uplink_mark(plane.uplink(uplink).index)
    theirs = second.accept()
    one.turn()
    assert (ours.aborted, theirs.heard, one.sessions[0].flow.uplink) == (False, b"x", uplink)
    assert one.details["unreachable"] == 0
    assert one.gateway.events.said("helper.server.unreachable") == []


def test_a_call_by_an_uplink_that_is_there_goes_on(bench):
    """Whatever is preferred by now, and while there is no other one."""
    one = bench()
    one.call()
    for plane in (replace(TWO_UPLINKS, active="dsl"), DataPlane(uplinks=(cable(None),))):
        one.shell.in_force(plane)
    one.turn()
    assert len(one.network.dialled) == 1
    one.shell.in_force(DataPlane())
    one.turn()
    assert [leg.aborted for leg in one.network.connections] == [True]
    assert one.idle


def test_another_way_that_does_not_work_either(bench):
    """Then the client is reset, and the pair is forgotten."""
    one = bench(plane=TWO_UPLINKS)
    ours = one.call()
    one.network.way = DSL_ADDRESS
    one.shell.in_force(replace(TWO_UPLINKS, uplinks=(cable(None), DSL)))
    assert told(one) == {(2, str(INSIDE), str(PEER))}
    one.network.dialled[1].refuse()
    one.turn()
    assert (ours.aborted, one.details["unreachable"], told(one)) == (True, 1, set())


def test_a_connection_without_a_way_waits_while_an_uplink_seems_to_be_there(bench):
    """What we are about to learn is that it is gone, or that it is back as it was."""
    one = bench()
    one.network.way = None
    ours = one.call()
    one.turn()
    assert (one.network.dialled, ours.aborted) == ([], False)
    one.shell.in_force(DataPlane(uplinks=(cable(None),)))
    one.turn()
    assert (one.network.dialled, ours.aborted) == ([], True)
    again = bench()
    again.network.way = None
    again.call()
    again.network.way = OUTSIDE
    again.shell.in_force(replace(ONE_UPLINK))
    assert [dial.source.address for dial in again.network.dialled] == [OUTSIDE]


@pytest.mark.parametrize("plane", [ONE_UPLINK, DataPlane(uplinks=(cable(None), replace(DSL, link=None)))])
def test_a_connection_that_is_ahead_of_us_waits(bench, plane):
    """Its route has an address that we are about to learn: it goes on when we do, as if nothing had been."""
    one = bench(plane=plane)
    one.network.way = DSL_ADDRESS
    ours = one.call()
    ours.says(b"x")
    one.advance(PATIENCE / 2)
    one.shell.in_force(replace(plane))  # something else has changed
    one.turn()
    assert (one.network.dialled, ours.aborted, ours.unread) == ([], False, 1)
    one.shell.in_force(TWO_UPLINKS)
    one.network.dialled[0].accept()
    one.turn()
    assert (one.sessions[0].flow.uplink, one.network.connections[1].heard) == ("dsl", b"x")
    one.advance(PATIENCE)
    assert len(one.network.dialled) == 1
    assert (one.details["total"], one.shell.figures().sessions) == (1, 1)


def test_a_published_connection_that_is_ahead_of_us_waits(bench):
    """It has called an address that we are about to learn."""
    one = bench(direction="inbound")
    one.published["dsl", 21] = Endpoint(INSIDE, 21)
    one.call(Endpoint(PEER, 5), Endpoint(DSL_ADDRESS, 21))
    assert one.network.dialled == []
    one.shell.in_force(TWO_UPLINKS)
    one.network.dialled[0].accept()
    one.turn()
    assert one.sessions[0].flow.uplink == "dsl"


def test_nobody_waits_for_long(bench):
    """A route by an address that stays unknown: the preferred uplink is tried; without one it is refused."""
    for way in (ip_address("10.64.64.1"), None):
        one = bench(plane=replace(TWO_UPLINKS, active="dsl"))
        one.network.way = way
        one.call()
        one.advance(PATIENCE)
        assert [dial.source.address for dial in one.network.dialled] == [DSL_ADDRESS]
    nowhere = bench(plane=DataPlane())
    ours = nowhere.call()
    nowhere.advance(PATIENCE)
    assert ours.aborted
    assert nowhere.shell.figures().refused == 1


def test_who_waits_is_bounded_and_ends_with_the_shell(bench):
    """Beyond the limit it is decided at once; a client that is gone is forgotten, one whom the kernel has forgotten reset.

    A stop resets the others.
    """
    one = bench(limits=Limits(sessions=2))
    one.network.way = DSL_ADDRESS
    first, second, third = (one.call(client) for client in clients(3))
    assert [dial.source.port for dial in one.network.dialled] == [third.getPeer().port]
    first.resets()
    one.turn()
    one.shell.in_force(TWO_UPLINKS)
    assert [dial.source.port for dial in one.network.dialled[1:]] == [second.getPeer().port]
    one.network.way = ip_address("10.64.64.1")
    lost, last = one.call(OTHER), one.call(OTHER)
    one.network.forget(lost)
    one.shell.in_force(DataPlane(uplinks=(CABLE, LTE)))
    one.turn()
    assert (lost.aborted, last.aborted) == (True, False)
    assert one.stop()
    assert last.aborted


@pytest.mark.parametrize("connected", [True, False])
def test_a_published_flow_ends_with_its_uplinks_address(bench, connected):
    """Its client has called that address, and no other uplink is a way to it."""
    one = bench(direction="inbound")
    one.published["cable", 21] = one.published["dsl", 21] = Endpoint(INSIDE, 21)
    ours = one.call(Endpoint(PEER, 5), Endpoint(OUTSIDE, 21))
    if connected:
        one.network.dialled[0].accept()
        one.turn()
    one.shell.in_force(DataPlane(uplinks=(cable(None), DSL)))
    one.turn()
    assert ours.aborted
    assert [leg.aborted for leg in one.network.connections] == [True] * (1 + connected)
    assert len(one.network.dialled) == 1


# --- stop


def test_stop_resets_both_sides_and_gives_ports_back(bench):
    """Running flows keep theirs; the Deferred fires when all is gone; the shell may start again."""
    one = bench({b"go": [Open(1, "tcp", Endpoint(INSIDE, 5000), PEER)]})
    ours, theirs = one.pair()
    calling = one.call(OTHER)
    ours.says(b"go")
    one.turn()
    assert one.shell.figures().expectations == 1
    stopped = []
    one.shell.stop().addCallback(stopped.append)
    assert stopped == []
    one.turn()
    assert stopped == [None]
    assert ours.aborted and theirs.aborted and calling.aborted
    assert [flows for _, flows in one.mappings.released] == ["keep"]
    assert one.network.factory is None
    assert one.idle
    one.start()
    assert one.pair()[1].heard == b""
    assert one.shell.figures().sessions == 1


def test_stop_without_a_start(bench):
    """There is nothing to end, twice."""
    one = bench()
    assert one.stop()
    assert one.stop()


def test_fail_open_is_alive_only_while_it_listens(bench):
    """The filter knows the listener from the start to the stop."""
    one = bench(fail="open")
    assert one.elements.keys("fail_open") == {(one.port,): ()}
    one.advance(60)
    assert one.elements.left("fail_open", (one.port,)) > 9
    assert one.stop()
    assert one.elements.keys("fail_open") == {}
    closed = bench()
    closed.advance(60)
    assert closed.elements.keys("fail_open") == {}


def test_figures_count_everything(bench):
    """Bytes by direction, ports and sessions."""
    one = bench(
        {b"go": [Open(1, "tcp", Endpoint(INSIDE, 5000), PEER, count=3), Open(2, "tcp", SERVER, PEER)]}
    )
    ours, theirs = one.pair()
    for end, data in ((ours, b"12345"), (theirs, b"123"), (ours, b"go")):
        end.says(data)
        one.turn()
    figures = one.shell.figures()
    assert (figures.sessions, figures.expectations, figures.refused) == (1, 3, 1)
    assert figures.details == {
        "total": 1,
        "awaited": 0,
        "direct": 0,
        "relayed": 0,
        "unreachable": 0,
        "stepped_aside": 0,
        "failed": 0,
        "opened": 1,
        "denied": 1,
        "bytes_to_client": 3,
        "bytes_to_server": 5,
    }
