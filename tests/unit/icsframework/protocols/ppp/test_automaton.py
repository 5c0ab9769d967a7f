"""The automaton of RFC 1661 section 4."""

import pytest

from icsframework.protocols.ppp.automaton import TABLE, TIMED, Action, Automaton, Event, Limits, State

A, E, S = Action, Event, State
LIMITS = Limits(restart=3.0, first_restart=1.0, max_configure=3, max_terminate=2)


def started(limits=LIMITS):
    """An automaton that has sent its first Configure-Request at 0."""
    automaton = Automaton(limits)
    automaton.handle(E.UP, 0.0)
    assert automaton.handle(E.OPEN, 0.0) == (A.SCR,)
    return automaton


def opened():
    """One that is open."""
    automaton = started()
    automaton.handle(E.RCR_PLUS, 0.1)
    assert automaton.handle(E.RCA, 0.2) == (A.TLU,)
    return automaton


def test_the_table_is_complete():
    """Each of the 10 states has an entry for each of the 16 events, be it that the event cannot happen there."""
    assert set(TABLE) == {(state, event) for state in State for event in Event}
    assert len(TABLE) == 160


def test_what_cannot_happen_is_what_the_rfc_says():
    """RFC 1661 section 4.1 has a dash in 40 places: lower-layer events and timers out of place, packets without a line."""
    dashes = {key for key, cell in TABLE.items() if cell is None}
    packets = set(Event) - {E.UP, E.DOWN, E.OPEN, E.CLOSE}
    expected = {(state, event) for state in (S.INITIAL, S.STARTING) for event in packets}
    expected |= {(state, E.UP) for state in State if state >= S.CLOSED}
    expected |= {(state, E.DOWN) for state in (S.INITIAL, S.STARTING)}
    expected |= {
        (state, event) for state in (S.CLOSED, S.STOPPED, S.OPENED) for event in (E.TO_PLUS, E.TO_MINUS)
    }
    assert dashes == expected
    assert len(dashes) == 40


def test_layer_up_and_down_follow_from_the_states():
    """tlu is said exactly on the way into Opened, tld exactly on the way out (RFC 1661 section 4.4)."""
    for (state, event), cell in TABLE.items():
        if cell is None:
            continue
        actions, after = cell
        assert (A.TLU in actions) == (after is S.OPENED and state is not S.OPENED), (state, event)
        assert (A.TLD in actions) == (state is S.OPENED and after is not S.OPENED), (state, event)


def test_a_request_is_answered_wherever_it_can_be():
    """Acknowledged or refused in the states that negotiate, answered with Terminate-Ack where nothing is wanted."""
    for state in (S.REQ_SENT, S.ACK_RCVD, S.ACK_SENT, S.OPENED, S.STOPPED):
        assert A.SCA in TABLE[state, E.RCR_PLUS][0]
        assert A.SCN in TABLE[state, E.RCR_MINUS][0]
    assert TABLE[S.CLOSED, E.RCR_PLUS] == ((A.STA,), S.CLOSED)


def test_a_terminate_request_is_always_acknowledged():
    """In every state that has a line (RFC 1661 section 5.5)."""
    assert all(A.STA in TABLE[state, E.RTR][0] for state in State if state >= S.CLOSED)


def test_what_cannot_happen_changes_nothing():
    """An event without an entry is ignored, whoever made it."""
    automaton = Automaton(LIMITS)
    assert automaton.handle(E.RCR_PLUS, 0.0) == ()
    assert automaton.state is S.INITIAL


@pytest.mark.parametrize("order", [(E.RCR_PLUS, E.RCA), (E.RCA, E.RCR_PLUS)])
def test_it_opens_when_both_have_agreed(order):
    """Whichever acknowledgement comes first."""
    automaton = started()
    automaton.handle(order[0], 0.1)
    assert A.TLU in automaton.handle(order[1], 0.2)
    assert automaton.state is S.OPENED
    assert automaton.deadline is None


def test_requests_are_repeated_and_then_given_up():
    """Max-Configure requests in all, after 1, 2 and 3 seconds, then this-layer-finished (RFC 1661 section 4.6)."""
    automaton = started()
    happened = []
    while automaton.deadline is not None:
        now = automaton.deadline
        happened.append((now, automaton.timeout(now)))
    assert happened == [(1.0, (A.SCR,)), (3.0, (A.SCR,)), (6.0, (A.TLF,))]
    assert automaton.state is S.STOPPED


def test_the_timer_does_nothing_before_its_time():
    """A wake-up that comes early is harmless."""
    assert started().timeout(0.99) == ()
    assert Automaton(LIMITS).timeout(1e9) == ()


def test_an_answer_gives_new_tries():
    """irc: after a Nak there are Max-Configure requests again."""
    automaton = started()
    automaton.timeout(1.0)
    automaton.timeout(3.0)
    assert automaton.handle(E.RCN, 4.0) == (A.SCR,)
    assert automaton.deadline == 5.0
    assert automaton.timeout(5.0) == (A.SCR,)


def test_closing_waits_for_the_acknowledgement_but_not_for_ever():
    """Two Terminate-Requests, then it is over all the same."""
    automaton = opened()
    assert automaton.handle(E.CLOSE, 10.0) == (A.TLD, A.STR)
    assert automaton.timeout(11.0) == (A.STR,)
    assert automaton.timeout(13.0) == (A.TLF,)
    assert automaton.state is S.CLOSED
    automaton = opened()
    automaton.handle(E.CLOSE, 10.0)
    assert automaton.handle(E.RTA, 10.1) == (A.TLF,)


def test_a_peer_that_terminates_gets_time_to_hear_it():
    """zrc: the link is finished one restart time after the Terminate-Ack, without another request."""
    automaton = opened()
    assert automaton.handle(E.RTR, 10.0) == (A.TLD, A.STA)
    assert automaton.deadline == 13.0
    assert automaton.timeout(13.0) == (A.TLF,)


def test_the_timer_runs_in_five_states_only():
    """RFC 1661 section 4.2 names them."""
    assert {state.name for state in TIMED} == {"CLOSING", "STOPPING", "REQ_SENT", "ACK_RCVD", "ACK_SENT"}
    for state in State:
        for event in Event:
            automaton = started()
            automaton.state = state
            automaton.deadline = 5.0 if state in TIMED else None
            automaton.handle(event, 1.0)
            assert (automaton.deadline is not None) == (automaton.state in TIMED), (state, event)
