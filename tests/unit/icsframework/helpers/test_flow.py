"""One connection through a helper: what the session's answers come to on two legs."""

import pytest
from twisted.internet.defer import Deferred

from icsframework.errors import HostError, MappingError
from icsframework.helpers.flow import (
    FLUSH_PATIENCE,
    HALF_CLOSED_IDLE,
    OPEN_PATIENCE,
    OPENS_AT_ONCE,
    RESET_GRACE,
    SHORTEST_TIMER,
)
from icsframework.helpers.leg import MOST_UNREAD
from icsframework.helpers.limits import MOST_BYTES, Limits
from icsframework.helpers.turns import SLICE
from icsframework.testing.flows import INSIDE, PEER
from icsframework.testing.stream import CLIENT, SERVER
from icsframework.testing.wire import BUFFER
from icsframework.values import Close, End, Endpoint, Open, Refused, Send, Side, StepAside

TO = Endpoint(INSIDE, 5000)


def ask(token, port=5000, **more):
    return Open(token, "tcp", Endpoint(INSIDE, port), PEER, **more)


def failures(one):
    return [(level, failure.type) for level, _, failure in one.log.lines if failure is not None]


# --- bytes


def test_nobody_is_heard_before_both_are_there(bench):
    """Then the server's greeting and what the client said early go through the session."""
    one = bench()
    ours = one.call()
    ours.says(b"early")
    one.turn()
    assert (ours.unread, one.sessions) == (5, [])
    theirs = one.network.dialled[0].accept()
    theirs.says(b"220 hello\r\n")
    one.turn()
    assert (ours.heard, theirs.heard) == (b"220 hello\r\n", b"early")
    assert sorted(one.sessions[0].heard) == [b"220 hello\r\n", b"early"]


@pytest.mark.parametrize("first", [0, 1])
def test_each_half_closes_for_itself(bench, first):
    """A FIN goes on after the data, the other direction goes on, and with the second all is over, without a reset."""
    one = bench(
        {
            ("closed", Side.CLIENT): [Send(Side.SERVER, b"+")],
            ("closed", Side.SERVER): [Send(Side.CLIENT, b"+")],
        }
    )
    ends = one.pair()
    this, that = ends[first], ends[1 - first]
    this.says(b"last words")
    this.closes()
    one.turn()
    assert (that.heard, that.closed, this.closed) == (b"last words+", True, False)
    that.says(b"answer")
    one.turn()
    assert this.heard == b"answer"
    that.closes()
    one.turn()
    assert (this.heard, this.closed) == (b"answer+", True)
    assert [end.aborted for end in ends] == [False, False]
    assert one.idle


def test_a_reset_goes_on_as_a_reset(bench):
    """After what was said before it; a FIN would look like a proper end."""
    one = bench({("closed", Side.SERVER): [Send(Side.CLIENT, b"gone")]})
    ours, theirs = one.pair()
    theirs.says(b"half a fi")
    one.turn()
    theirs.resets()
    one.turn()
    assert (ours.heard, ours.aborted, ours.closed) == (b"half a figone", False, False)
    one.advance(RESET_GRACE)
    assert ours.aborted
    assert one.idle


@pytest.mark.parametrize("first", [0, 1])
def test_a_reset_after_the_others_fin(bench, first):
    """Who has said everything and still listens hears of the reset as soon."""
    one = bench()
    ends = one.pair()
    patient, rude = ends[first], ends[1 - first]
    patient.says(b"all")
    patient.closes()
    one.turn()
    rude.resets()
    one.turn()
    one.advance(RESET_GRACE)
    assert (patient.aborted, patient.closed, one.idle) == (True, False, True)


def test_a_reset_after_a_fin_costs_nobody_its_data(bench):
    """Who had said everything before may be gone: a slow reader still gets all of it, and a FIN."""
    one = bench()
    ours, theirs = one.pair()
    ours.reads = False
    theirs.says(b"a whole file")
    theirs.closes()
    one.turn()
    theirs.resets()
    one.turn()
    one.advance(FLUSH_PATIENCE / 2)
    ours.reads = True
    one.turn()
    assert (ours.heard, ours.closed, ours.aborted) == (b"a whole file", True, False)


def test_a_client_that_goes_while_we_call(bench):
    """The call is given up and the session never made."""
    one = bench()
    ours = one.call()
    ours.resets()
    one.turn()
    assert one.network.dialled[0].answer.called
    assert (one.sessions, one.idle) == ([], True)


def test_end_says_the_last_word_and_closes(bench):
    """What the peers still say is read and forgotten, so that no reset overtakes our last words."""
    one = bench({b"bad": [Send(Side.CLIENT, b"421 bye\r\n"), End("too bad")]})
    ours, theirs = one.pair()
    ours.says(b"bad")
    ours.says(b"more")
    theirs.says(b"more")
    one.turn()
    assert (ours.heard, ours.closed, theirs.closed, theirs.heard) == (b"421 bye\r\n", True, True, b"")
    assert (ours.unread, theirs.unread, ours.lost, theirs.lost) == (0, 0, False, False)
    ours.closes()
    theirs.closes()
    one.turn()
    assert (ours.lost, theirs.lost, ours.aborted, theirs.aborted) == (True, True, False, False)
    assert one.idle
    assert [said["reason"] for said in one.gateway.events.said("helper.session.ended")] == ["too bad"]


def test_who_does_not_close_after_the_end_is_reset(bench):
    """Nobody can hold a flow that has ended."""
    one = bench({b"bad": [Send(Side.CLIENT, b"421 bye\r\n"), End("too bad")]})
    ours, theirs = one.pair()
    ours.reads = False
    ours.says(b"bad")
    one.turn()
    one.advance(FLUSH_PATIENCE - 1)
    assert not ours.aborted
    one.advance(1)
    assert ours.aborted and theirs.aborted
    assert one.idle


def test_stepping_aside_is_a_relay(bench):
    """With the same halves and buffers; counted."""
    one = bench({b"tls": [Send(Side.SERVER, b"tls"), StepAside()], b"x": ZeroDivisionError()})
    ours, theirs = one.pair()
    for data in (b"tls", b"x"):
        ours.says(data)
        one.turn()
    theirs.says(b"y")
    ours.closes()
    one.turn()
    assert (theirs.heard, ours.heard, theirs.closed) == (b"tlsx", b"y", True)
    assert (one.details["stepped_aside"], one.details["failed"]) == (1, 0)


# --- back-pressure


@pytest.mark.parametrize("way", [0, 1])
@pytest.mark.parametrize("script", [{}, {b"aside": [StepAside()]}])
def test_who_does_not_read_stops_the_other(bench, way, script):
    """What we hold stays within a buffer and a read; when it reads again everything arrives."""
    one = bench(script)
    ends = one.pair()
    ends[0].says(b"aside")
    one.turn()
    slow, fast = ends[way], ends[1 - way]
    before = slow.heard
    slow.reads = False
    chunks = [bytes([n]) * 65_536 for n in range(50)]
    for chunk in chunks:
        fast.says(chunk)
    fast.closes()
    one.turn()
    assert len(slow.waiting) <= 2 * BUFFER
    assert fast.unread >= 48 * 65_536
    slow.reads = True
    one.turn()
    assert (slow.heard, slow.closed) == (before + b"".join(chunks), True)


def test_the_other_direction_goes_on(bench):
    """A client that uploads and does not read is still heard."""
    one = bench()
    ours, theirs = one.pair()
    ours.reads = False
    for _ in range(10):
        theirs.says(b"x" * BUFFER)
    ours.says(b"upload")
    one.turn()
    assert theirs.heard == b"upload"


def test_a_client_that_asks_and_never_reads(bench):
    """The answers of a session itself are bounded as well: the client is not heard until it has read some."""
    one = bench({b"HELP": [Send(Side.CLIENT, b"h" * 1000)]})
    ours, _ = one.pair()
    ours.reads = False
    for _ in range(2000):
        ours.says(b"HELP")
    one.turn()
    assert 2 * BUFFER < len(ours.waiting) < 8 * BUFFER
    assert ours.unread > 4 * 1000
    ours.reads = True
    one.turn()
    assert len(ours.heard) == 2_000_000


def test_a_session_that_talks_by_itself_to_somebody_who_does_not_read(bench):
    """The flow is reset before it fills the memory."""
    one = bench({("timeout", float(n)): [Send(Side.CLIENT, b"x" * MOST_BYTES)] for n in range(1, 20)})
    ours, theirs = one.pair()
    session = one.sessions[0]
    ours.reads = False
    session.due = 1.0
    theirs.says(b"go")
    one.turn()
    most = 0
    for n in range(2, 20):
        session.due = float(n)
        one.advance(1)
        most = max(most, len(ours.waiting))
        if ours.aborted:
            break
    assert ours.aborted and theirs.aborted
    assert most <= MOST_UNREAD + BUFFER + 2 * MOST_BYTES
    assert one.idle


# --- external ports


def test_an_open_is_answered_with_the_port_of_the_flows_uplink(bench):
    """And given back when the flow ends; flows that run through it go on."""
    one = bench({b"go": [ask(1)], ("opened", 1): [Send(Side.SERVER, b"rewritten")]})
    ours, theirs = one.pair()
    ours.says(b"go")
    one.turn()
    (mapping,) = one.mappings.granted
    assert (mapping.uplink, mapping.to, mapping.remote) == ("cable", TO, PEER)
    assert (one.sessions[0].heard, theirs.heard) == ([b"go", mapping, ("opened", 1)], b"rewritten")
    ours.closes()
    theirs.closes()
    one.turn()
    assert one.mappings.released == [(mapping, "keep")]


def test_nobody_is_read_while_an_open_is_unanswered(bench):
    """Then everything comes in order."""
    one = bench({b"go": [ask(1), Send(Side.SERVER, b"2")], ("opened", 1): [Send(Side.SERVER, b"1")]})
    answer = Deferred()
    one.mappings.open = lambda uplink, request: answer
    ours, theirs = one.pair()
    ours.says(b"go")
    one.turn()
    ours.says(b"3")
    theirs.says(b"x")
    one.turn()
    assert (ours.unread, theirs.unread) == (1, 1)
    answer.errback(MappingError("no port is free"))
    one.turn()
    assert (theirs.heard, ours.heard) == (b"123", b"x")
    assert one.sessions[0].heard[1] == Refused("no port is free")
    assert one.details["denied"] == 1


def test_a_port_that_comes_when_its_flow_has_ended(bench):
    """Is given back."""
    one = bench({b"go": [ask(1)]})
    grant = one.mappings.open
    answer = Deferred()
    one.mappings.open = lambda uplink, request: answer
    ours, _ = one.pair()
    ours.says(b"go")
    one.turn()
    assert one.stop()
    grant("cable", ask(1)).addCallback(answer.callback)
    assert len(one.mappings.released) == 1
    assert one.mappings.granted == []


def test_a_port_book_that_does_not_answer(bench):
    """After a while the session is told, and what comes later is given back."""
    one = bench({b"go": [ask(1)], ("opened", 1): [Send(Side.SERVER, b"without")]})
    grant = one.mappings.open
    answer = Deferred()
    one.mappings.open = lambda uplink, request: answer
    ours, theirs = one.pair()
    ours.says(b"go")
    one.turn()
    one.advance(OPEN_PATIENCE)
    assert theirs.heard == b"without"
    grant("cable", ask(1)).addCallback(answer.callback)
    one.turn()
    assert (len(one.mappings.released), one.mappings.granted) == (1, [])


@pytest.mark.parametrize("error", [ZeroDivisionError("oops"), RuntimeError()])
def test_a_port_book_that_fails(bench, error):
    """The session is told like of any other refusal; the log has the traceback."""
    one = bench({b"go": [ask(1)], ("opened", 1): [Send(Side.SERVER, b"without")]})

    def broken(uplink, request):
        raise error

    one.mappings.open = broken
    ours, theirs = one.pair()
    ours.says(b"go")
    one.turn()
    assert theirs.heard == b"without"
    assert failures(one) == [("failure", type(error))]


@pytest.mark.parametrize("error", [MappingError("it has expired"), ZeroDivisionError("oops")])
def test_a_port_that_cannot_be_given_back(bench, error):
    """One that is gone already is what was wanted; a defect is logged."""
    one = bench({b"go": [ask(1)], b"stop": [Close(1), Send(Side.SERVER, b"done")]})
    ours, theirs = one.pair()
    release = one.mappings.release

    def broken(mapping, flows):
        release(mapping, flows)
        raise error

    one.mappings.release = broken
    for data in (b"go", b"stop"):
        ours.says(data)
        one.turn()
    assert theirs.heard == b"done"
    assert len(failures(one)) == isinstance(error, ZeroDivisionError)


def test_a_thousand_opens_take_turns(bench):
    """A client that pipelines them gets no deep recursion, and between them others are served."""
    one = bench(
        {b"go": [action for n in range(1000) for action in (ask(n), Close(n))] + [Send(Side.SERVER, b"end")]}
    )
    ours, theirs = one.pair()
    later, turns = one.clock.call_later, []

    def noted(delay, function, *args):
        turns.append(delay)
        return later(delay, function, *args)

    one.clock.call_later = noted
    ours.says(b"go")
    one.turn()
    assert theirs.heard == b"end"
    assert len(one.mappings.released) == 1000
    assert turns.count(0) == 1000 // (OPENS_AT_ONCE + 1)


# --- time


def test_the_session_is_called_at_its_deadline(bench):
    """When it is due, not before; and a flow at rest has one timer."""
    one = bench({("timeout", 30.0): [Send(Side.CLIENT, b"tick")], b"x": []})
    ours, _ = one.pair()
    one.sessions[0].due = 30.0
    ours.says(b"x")
    one.turn()
    one.advance(29.5)
    assert ours.heard == b""
    one.sessions[0].due = None
    one.advance(0.5)
    assert ours.heard == b"tick"
    assert len(one.clock.clock.getDelayedCalls()) == 1


def test_a_deadline_that_has_passed_does_not_spin(bench):
    """A session that never moves it is called a few times a second."""
    one = bench()
    ours, _ = one.pair()
    session = one.sessions[0]
    session.due = 0.0
    ours.says(b"x")
    one.turn()
    for _ in range(100):
        one.advance(0.01)
    called = [key for key in session.heard if isinstance(key, tuple)]
    assert 1 <= len(called) <= 1 + 1.01 / SHORTEST_TIMER


def test_an_idle_session_ends(bench):
    """After ``limits.idle`` without a byte, counted from the last."""
    one = bench(limits=Limits(idle=100.0))
    ours, theirs = one.pair()
    one.advance(60)
    theirs.says(b"x")
    one.turn()
    one.advance(60)
    assert not ours.closed
    one.advance(40)
    assert ours.closed and theirs.closed
    assert one.gateway.events.said("helper.session.ended")[0]["reason"] == "limits.idle"
    one.advance(FLUSH_PATIENCE)
    assert one.idle


def test_a_half_closed_session_is_not_waited_for_as_long(bench):
    """Nobody is there to hear much more."""
    one = bench()
    ours, theirs = one.pair()
    ours.closes()
    one.turn()
    one.advance(HALF_CLOSED_IDLE)
    assert theirs.closed and ours.closed


# --- sessions that fail


def test_a_failing_session_ends_its_flow_only(bench):
    """One line with traceback that names helper and peer; an event; the others go on."""
    one = bench({b"boom": ZeroDivisionError("oops")})
    ours, theirs = one.pair()
    other, others = one.pair(Endpoint(INSIDE, 40001))
    ours.says(b"boom")
    other.says(b"fine")
    one.turn()
    assert (ours.closed, theirs.closed, theirs.heard, others.heard) == (True, True, b"", b"fine")
    ((level, text, failure),) = one.log.lines
    assert (level, failure.type) == ("failure", ZeroDivisionError)
    assert "oops" in failure.getTraceback()
    for word in ("test", str(CLIENT), str(SERVER), "its connection is ended"):
        assert word in text
    (said,) = one.gateway.events.said("helper.session.failed")
    assert (said["client"], said["server"]) == (str(CLIENT), str(SERVER))
    assert one.details["failed"] == 1


def test_fail_open_relays_from_there_on(bench):
    """The piece that raised goes through untouched, and everything after it."""
    one = bench({b"boom": ZeroDivisionError("oops")}, fail="open")
    ours, theirs = one.pair()
    for data in (b"hello ", b"boom", b" world"):
        ours.says(data)
        one.turn()
    theirs.says(b"answer")
    one.turn()
    assert (theirs.heard, ours.heard) == (b"hello boom world", b"answer")
    assert (one.details["failed"], one.details["stepped_aside"]) == (1, 0)
    assert "it is relayed untouched" in one.log.lines[0][1]


def test_nonsense_is_an_error_without_traceback(bench):
    """The sentence says what was answered."""
    one = bench({b"x": [Send(Side.SERVER, "text")]})
    ours, _ = one.pair()
    ours.says(b"x")
    one.turn()
    ((level, text, failure),) = one.log.lines
    assert (level, failure) == ("error", None)
    assert "received() answered a Send of 'text'" in text


@pytest.mark.parametrize("fail", ["open", "closed"])
def test_a_session_that_cannot_be_made(bench, fail):
    """Closed: both sides are reset; open: the flow is relayed."""

    def broken(flow):
        raise ZeroDivisionError("oops")

    one = bench(session=broken, fail=fail)
    ours, theirs = one.pair()
    theirs.says(b"220\r\n")
    one.turn()
    assert ours.heard == (b"220\r\n" if fail == "open" else b"")
    assert (ours.aborted, theirs.aborted) == ((fail == "closed"),) * 2
    assert failures(one) == [("failure", ZeroDivisionError)]


def test_a_flood_of_failures_is_a_few_lines(bench):
    """All are counted."""
    one = bench({b"boom": ZeroDivisionError("oops")})
    for n in range(100):
        ours, _ = one.pair(Endpoint(INSIDE, 41000 + n))
        ours.says(b"boom")
        one.turn()
    assert (len(one.log.lines), one.details["failed"]) == (10, 100)


def test_a_defect_of_the_machine_is_logged(bench):
    """An error that is none of ours ends the flow and shows its traceback; one of ours does not."""
    one = bench()
    for error in (ZeroDivisionError("oops"), HostError("no descriptors are left")):
        ours = one.call()
        one.network.dialled[-1].refuse(error)
        one.turn()
        assert ours.aborted
    assert failures(one) == [("failure", ZeroDivisionError)]
    assert one.idle


# --- turns


def test_all_connections_share_the_time(bench):
    """However many have something to work on at once, each turn of the reactor is for one slice of it; all come in order."""
    worked, seen = [], []

    def work(session):
        one.clock.clock.rightNow += SLICE
        worked.append(session.flow.client.port)
        return []

    one = bench({b"work": work})
    ports = [40001, 40002, 40003]
    for client in [one.pair(Endpoint(INSIDE, port))[0] for port in ports]:
        client.says(b"work")

    def rest():
        seen.append(len(worked))
        one.clock.clock.advance(0)

    one.network.turn(rest)
    assert seen[0] == 1
    assert worked == ports
