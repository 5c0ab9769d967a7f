"""What all layers do with Configure, Terminate and Code-Reject packets (RFC 1661 section 5)."""

import pytest

from icsframework.protocols.ppp.actions import Cause
from icsframework.protocols.ppp.automaton import Limits, State
from icsframework.protocols.ppp.negotiation import HOPELESS, REPETITIONS, STUBBORN, Layer, Outcome, Verdict
from icsframework.protocols.ppp.packet import (
    Code,
    MalformedPacket,
    Option,
    Packet,
    pack_options,
    parse_options,
)

UP, DOWN, FINISHED = Outcome.UP, Outcome.DOWN, Outcome.FINISHED


class Toy(Layer):
    """A layer with one option of ours (1) and one of the peer (2), which must be 'good'; all others are rejected."""

    name = "TOY"
    served = "the toy"

    def __init__(self):
        super().__init__(Limits())
        self.ours = {1: b"mine"}
        self.peer = None
        self.learned = []
        self.rejected_code = None

    def wanted(self):
        return tuple(Option(*item) for item in self.ours.items())

    def judge(self, options, now):
        rejects = tuple(option for option in options if option.type != 2)
        if rejects:
            return Verdict(Code.CONFIGURE_REJECT, rejects)
        naks = tuple(Option(2, b"good") for option in options if option.value != b"good")
        return Verdict(Code.CONFIGURE_NAK, naks) if naks else Verdict(Code.CONFIGURE_ACK, tuple(options))

    def granted(self, options):
        self.peer = tuple(options)

    def naked(self, option):
        self.learned.append(option)
        self.ours[option.type] = option.value

    def rejected(self, option):
        self.ours.pop(option.type, None)

    def unsupported(self, code):
        self.rejected_code = code


def read(outputs):
    """Outputs with their packets taken apart."""
    return [Packet.from_wire(output) if isinstance(output, bytes) else output for output in outputs]


def configure(code, ident, *options):
    """A Configure packet."""
    return Packet(code, ident, pack_options(Option(*option) for option in options)).to_wire()


def start():
    """A toy that has sent its first request at 0, and that request."""
    toy = Toy()
    (request,) = read(toy.start(0.0))
    return toy, request


def opened():
    """One that is open."""
    toy, request = start()
    toy.receive(configure(1, 50, (2, b"good")), 0.1)
    assert read(toy.receive(request._replace(code=2).to_wire(), 0.2)) == [UP]
    return toy


def test_the_first_request_is_sent_at_once():
    """With the options that are wanted."""
    toy, request = start()
    assert request == Packet(1, 1, pack_options([Option(1, b"mine")]))
    assert toy.deadline == 1.0


def test_an_acceptable_request_is_acknowledged_unchanged():
    """The same options in the same order, the same identifier (section 5.2)."""
    toy, _ = start()
    assert read(toy.receive(configure(1, 50, (2, b"good"), (2, b"good")), 0.1)) == [
        Packet(2, 50, pack_options([Option(2, b"good")] * 2))
    ]
    assert toy.peer == (Option(2, b"good"),) * 2


def test_only_what_is_unacceptable_is_refused():
    """A Nak holds the options whose value is wrong, a Reject those that are unknown; rejects come first (5.3, 5.4)."""
    toy, _ = start()
    request = configure(1, 50, (9, b"x"), (2, b"bad"), (8, b""))
    assert read(toy.receive(request, 0.1)) == [Packet(4, 50, pack_options([Option(9, b"x"), Option(8)]))]
    assert read(toy.receive(configure(1, 51, (2, b"bad")), 0.1)) == [
        Packet(3, 51, pack_options([Option(2, b"good")]))
    ]
    assert toy.peer is None


def test_an_acknowledgement_must_fit_the_request():
    """Another identifier, or other options than asked, is none (section 5.2)."""
    toy, request = start()
    toy.receive(configure(1, 50, (2, b"good")), 0.1)
    assert toy.receive(request._replace(code=2, ident=99).to_wire(), 0.2) == []
    assert toy.receive(request._replace(code=2, data=b"\1\2").to_wire(), 0.2) == []
    assert read(toy.receive(request._replace(code=2).to_wire(), 0.2)) == [UP]


def test_a_second_acknowledgement_changes_nothing():
    """A line that brings things twice does not close a layer."""
    toy, request = start()
    toy.receive(request._replace(code=2).to_wire(), 0.1)
    assert toy.receive(request._replace(code=2).to_wire(), 0.1) == []
    assert toy.automaton.state is State.ACK_RCVD


def test_a_nak_leads_to_another_request():
    """With the peer's value and a new identifier (section 5.3)."""
    toy, request = start()
    (again,) = read(toy.receive(configure(3, request.ident, (1, b"yours")), 0.1))
    assert again == Packet(1, 2, pack_options([Option(1, b"yours")]))
    assert toy.receive(configure(3, request.ident, (1, b"late")), 0.2) == []


def test_a_nak_without_news_is_answered_with_patience():
    """The same request would get the same answer: it is sent when the timer says so, with all tries left."""
    toy, request = start()
    for second in range(1, 15):
        assert toy.receive(configure(3, request.ident, (1, b"mine")), float(second)) == []
        assert toy.deadline == second + 1.0
        assert read(toy.timeout(second + 1.0)) == [request]
    assert [packet.code for packet in read(toy.receive(configure(3, request.ident, (1, b"new")), 16.0))] == [
        1
    ]


def test_a_peer_that_was_silent_may_come_back():
    """A layer that was given up, IPv6 for example, still answers; its old reason is forgotten."""
    toy, _ = start()
    while toy.deadline is not None:
        toy.timeout(toy.deadline)
    assert toy.reason
    request, ack = read(toy.receive(configure(1, 50, (2, b"good")), 100.0))
    assert (request.code, ack.code, toy.reason) == (1, 2, "")


def test_a_rejected_option_never_comes_back():
    """Not in the next request, not in the one after (section 5.4)."""
    toy, request = start()
    (again,) = read(toy.receive(configure(4, request.ident, (1, b"mine")), 0.1))
    assert again == Packet(1, 2)
    assert read(toy.timeout(1.1)) == [Packet(1, 2)]


def test_a_repeated_request_keeps_its_identifier():
    """So that an answer that was only slow still counts (section 5.1)."""
    toy, request = start()
    assert read(toy.timeout(1.0)) == [request]
    assert toy.receive(request._replace(code=2).to_wire(), 1.5) == []
    assert toy.automaton.state is State.ACK_RCVD


def test_too_many_naks_become_a_reject():
    """After Max-Failure the option is rejected, so that a peer that insists goes on without it (section 4.6)."""
    toy, _ = start()
    codes = [read(toy.receive(configure(1, n, (2, b"bad")), 0.1))[0].code for n in range(7)]
    assert codes == [3, 3, 3, 3, 3, 4, 4]


def test_a_peer_that_always_naks_gets_its_way_and_then_the_end():
    """After twenty Naks the option goes; if that does not help either, after forty rounds the layer."""
    toy, request = start()
    rounds, now = 0, 0.0
    while request.code == 1:
        rounds += 1
        outputs = toy.receive(configure(3, request.ident, (1, bytes((rounds,)))), now)
        if not outputs:  # nothing left to change
            now = toy.deadline
            outputs = toy.timeout(now)
        (request, *_) = read(outputs)
        assert (1 in toy.ours) == (rounds <= STUBBORN)
    assert rounds == HOPELESS + 1
    assert request.code == Code.TERMINATE_REQUEST
    assert toy.reason == "TOY: the two ends never agree on the options"
    assert toy.cause is Cause.DISAGREED


def test_a_peer_that_starts_over_takes_the_layer_down():
    """A new request on an open layer: down, our request, the answer (section 4.1)."""
    toy = opened()
    down, ours, ack = read(toy.receive(configure(1, 51, (2, b"good")), 9.0))
    assert down is DOWN
    assert (ours.code, ack.code, ack.ident) == (1, 2, 51)


def test_a_lost_acknowledgement_takes_nothing_down():
    """The request that was acknowledged last is acknowledged again, but not for ever."""
    toy = opened()
    for _ in range(REPETITIONS):
        assert [packet.code for packet in read(toy.receive(configure(1, 50, (2, b"good")), 3.0))] == [2]
        assert toy.opened
    assert read(toy.receive(configure(1, 50, (2, b"good")), 9.0))[0] is DOWN


def test_a_silent_peer_is_given_up():
    """The reason says how often it was asked."""
    toy, _ = start()
    outputs = []
    while toy.deadline is not None:
        outputs += read(toy.timeout(toy.deadline))
    assert len(outputs) == 10
    assert outputs[-1] is FINISHED
    assert (toy.cause, toy.reason) == (Cause.SILENT, "TOY: no answer to 10 requests")


def test_a_silent_layer_waits_for_the_peer():
    """It says nothing of its own accord and answers whoever begins."""
    toy = Toy()
    assert toy.start(0.0, silent=True) == []
    assert toy.deadline is None
    request, ack = read(toy.receive(configure(1, 50, (2, b"good")), 5.0))
    assert (request.code, ack.code) == (1, 2)
    assert read(toy.receive(request._replace(code=2).to_wire(), 5.1)) == [UP]


def test_a_layer_without_a_line_hears_nothing():
    """Before the layer below is up, and after it is down."""
    toy = Toy()
    assert toy.receive(configure(1, 1), 0.0) == []
    toy = opened()
    assert read(toy.stop(1.0)) == [DOWN]
    assert toy.receive(configure(1, 1), 2.0) == []


def test_the_peer_ends_an_open_layer():
    """Terminate-Ack with what was sent; the reason has the peer's words (section 5.5)."""
    toy = opened()
    outputs = read(toy.receive(Packet(5, 7, b"time is up").to_wire(), 9.0))
    assert outputs == [DOWN, Packet(6, 7, b"time is up")]
    assert (toy.cause, toy.reason) == (Cause.PEER, "the peer ended the toy: time is up")
    assert read(toy.timeout(12.0)) == [FINISHED]


def test_the_peer_ends_a_negotiation():
    """A peer that has spoken before means this one: nothing is left to wait for."""
    toy, _ = start()
    toy.hint = "it wants a pony"
    toy.receive(configure(1, 50, (9, b"pony")), 0.1)
    ack, request = read(toy.receive(Packet(5, 7).to_wire(), 0.2))
    assert (ack.code, request.code) == (6, 5)
    assert toy.reason == "the peer ended the toy (it wants a pony)"


def test_the_end_of_an_earlier_link_is_no_end():
    """A Terminate-Request before the peer has said anything else is acknowledged, and negotiation goes on."""
    toy, request = start()
    assert [packet.code for packet in read(toy.receive(Packet(5, 7).to_wire(), 0.2))] == [6]
    assert toy.reason == ""
    assert read(toy.timeout(1.0)) == [request]


def test_we_end_an_open_layer():
    """Terminate-Request with the reason, finished with the Ack."""
    toy = opened()
    down, request = read(toy.close(9.0, "disconnected"))
    assert (down, request.code, request.data) == (DOWN, 5, b"disconnected")
    assert read(toy.receive(request._replace(code=6).to_wire(), 9.1)) == [FINISHED]


def test_an_unknown_code_is_rejected():
    """With the whole packet in it, as far as there is room (section 5.6)."""
    toy = opened()
    (reject,) = read(toy.receive(Packet(99, 3, b"x" * 1450).to_wire(), 9.0))
    assert reject.code == Code.CODE_REJECT
    assert reject.data == Packet(99, 3, b"x" * 1450).to_wire()[:1400]
    assert toy.opened


def test_a_rejected_code_matters_if_it_is_one_of_the_seven():
    """Without Configure or Terminate there is no negotiation; anything else can be missed (RXJ+, RXJ-)."""
    toy = opened()
    assert toy.receive(Packet(7, 1, bytes((9, 0, 0, 4))).to_wire(), 9.0) == []
    assert toy.opened
    assert toy.rejected_code == 9
    outputs = read(toy.receive(Packet(7, 1, bytes((1, 0, 0, 4))).to_wire(), 9.0))
    assert outputs[0] is DOWN
    assert toy.reason == "TOY: the peer does not know code 1"


def test_a_protocol_that_the_peer_rejects_is_finished():
    """RXJ-."""
    toy, _ = start()
    assert toy.refused(0.5) == [FINISHED]
    assert toy.reason == "the peer does not know TOY"
    assert toy.deadline is None


def test_a_request_can_be_repeated_out_of_turn():
    """As long as it has no answer."""
    toy, request = start()
    toy.timeout(1.0)
    assert read(toy.repeat(2.5)) == [request]
    assert toy.deadline == 3.5
    toy.receive(request._replace(code=2).to_wire(), 2.6)
    assert toy.repeat(2.7) == []


@pytest.mark.parametrize("code", [1, 3, 4])
def test_malformed_options_are_an_error_and_change_nothing(code):
    """The packet as a whole is dropped."""
    toy, request = start()
    with pytest.raises(MalformedPacket):
        toy.receive(Packet(code, request.ident, b"\1\0").to_wire(), 0.1)
    assert toy.wanted() == parse_options(request.data)
    assert toy.automaton.state is State.REQ_SENT


def test_the_reason_is_the_first_one():
    """What follows from an error does not hide it."""
    toy = opened()
    toy.because(Cause.REFUSED, "first")
    toy.because(Cause.PEER, "second")
    toy.close(9.0, "third")
    assert (toy.cause, toy.reason) == (Cause.REFUSED, "first")


def test_identifiers_never_are_zero():
    """They go round from 255 to 1: some peers take 0 for none."""
    toy, request = start()
    idents = set()
    for n in range(300):
        toy._naks_heard = 0
        (request,) = read(toy.receive(configure(3, request.ident, (1, bytes((n % 7,)))), 0.1))
        idents.add(request.ident)
    assert idents == set(range(1, 256))


def test_a_silent_layer_has_all_its_tries():
    """Once the peer has spoken, our request is repeated as often as any other."""
    toy = Toy()
    toy.start(0.0, silent=True)
    toy.receive(configure(1, 50, (2, b"good")), 5.0)
    outputs = []
    while toy.deadline is not None:
        outputs += read(toy.timeout(toy.deadline))
    assert len(outputs) == 10
