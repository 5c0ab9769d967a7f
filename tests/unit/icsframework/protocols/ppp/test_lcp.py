"""LCP (RFC 1661 sections 5.6-6.6, RFC 1662 section 7, RFC 1570)."""

import pytest

from icsframework.protocols.ppp.actions import Cause
from icsframework.protocols.ppp.auth.method import Method
from icsframework.protocols.ppp.automaton import Limits, State
from icsframework.protocols.ppp.lcp import LOOPS, Lcp, LcpSettings, LinkOptions
from icsframework.protocols.ppp.liveness import Echo
from icsframework.protocols.ppp.negotiation import Outcome
from icsframework.protocols.ppp.packet import (
    MalformedPacket,
    Option,
    Packet,
    Protocol,
    pack_options,
    parse_options,
)
from icsframework.testing.ppp import seeded

MRU, ACCM, AUTH, MAGIC, PFC, ACFC = 1, 2, 3, 5, 7, 8
PAP, CHAP, EAP = b"\xc0\x23", b"\xc2\x23\x05", b"\xc2\x27"
PEER_MAGIC = Option(MAGIC, b"peer")


def make(settings=LcpSettings()):  # noqa: B008 - frozen
    """An LCP that has sent its first request at 0."""
    lcp = Lcp(settings, Limits(), seeded(1))
    lcp.start(0.0)
    return lcp


def request(*options, ident=50):
    """A peer's Configure-Request."""
    return Packet(1, ident, pack_options(Option(*option) for option in options)).to_wire()


def answered(lcp, *options):
    """(code, options) of the answer to a peer that asks for these."""
    *_, wire = (output for output in lcp.receive(request(*options), 0.1) if isinstance(output, bytes))
    packet = Packet.from_wire(wire)
    return packet.code, parse_options(packet.data)


def reply(lcp, code, *options):
    """Answer the last request of ``lcp``; returns the options that it asks for then."""
    data = pack_options(Option(*option) for option in options) if options else pack_options(lcp.asked)
    lcp.receive(Packet(code, lcp._request, data).to_wire(), 0.2)
    return dict(lcp.asked)


def opened(settings=LcpSettings(), *options):  # noqa: B008
    """An open one whose peer has asked for these options."""
    lcp = make(settings)
    answered(lcp, *options)
    reply(lcp, 2)
    assert lcp.opened
    lcp.liveness.start(0.2)
    return lcp


def packets(outputs):
    """The packets among outputs."""
    return [Packet.from_wire(output) for output in outputs if isinstance(output, bytes)]


def test_what_is_asked_for_on_a_serial_line():
    """No escapes, a magic number, compressed headers; MRU only if it is not the default."""
    asked = dict(make().asked)
    assert list(asked) == [ACCM, MAGIC, PFC, ACFC]
    assert asked[ACCM] == bytes(4)
    assert asked[MAGIC] != bytes(4)
    assert dict(make(LcpSettings(mru=576)).asked)[MRU] == b"\x02\x40"


def test_what_is_asked_for_on_pppoe():
    """Neither a map nor compression (RFC 2516 section 7), and a peer that asks for them is told no."""
    lcp = make(LcpSettings(asynchronous=False, mru=1492))
    assert list(dict(lcp.asked)) == [MRU, MAGIC]
    assert answered(lcp, (ACCM, bytes(4)), (PFC, b""), (ACFC, b""), PEER_MAGIC) == (
        4,
        (Option(ACCM, bytes(4)), Option(PFC), Option(ACFC)),
    )


def test_the_peers_usual_options_are_taken():
    """And are what holds for sending."""
    lcp = opened(
        LcpSettings(), (MRU, b"\x02\x40"), (ACCM, b"\0\x0a\0\0"), (AUTH, CHAP), PEER_MAGIC, (PFC,), (ACFC,)
    )
    magic = int.from_bytes(b"peer", "big")
    assert lcp.peer == LinkOptions(576, 0x000A0000, Method.CHAP_MD5, magic, True, True)


def test_what_is_not_asked_for_has_its_default():
    """A peer without options takes 1500 octets, all escapes, and full headers."""
    assert opened().peer == LinkOptions(1500, 0xFFFFFFFF, None, 0, False, False)


@pytest.mark.parametrize(
    "option",
    [
        (4, b"\xc0\x25\0\0\0\0"),
        (13, b"\x06"),
        (17, b"\x05\xdc"),
        (19, b"\x01ab"),
        (99, b""),
        (ACCM, b"\0"),
        (MRU, b""),
    ],
)
def test_unknown_and_misshapen_options_are_rejected(option):
    """Quality reports, callback, multilink; and those whose length is wrong (section 5.4)."""
    assert answered(make(), option, PEER_MAGIC) == (4, (Option(*option),))


@pytest.mark.parametrize(("mru", "wanted"), [(1, 128), (127, 128)])
def test_an_mru_that_carries_nothing_is_refused(mru, wanted):
    """The peer is asked to take at least 128."""
    assert answered(make(), (MRU, mru.to_bytes(2, "big"))) == (3, (Option(MRU, wanted.to_bytes(2, "big")),))
    assert answered(make(), (MRU, b"\xff\xff"))[0] == 2


@pytest.mark.parametrize("value", [PAP, CHAP, b"\xc2\x23\x81"])
def test_any_method_that_we_may_use_is_accepted(value):
    """The peer chooses."""
    assert opened(LcpSettings(), (AUTH, value)).peer.authentication is Method(value)


def test_a_method_that_we_may_not_use_is_answered_with_the_best():
    """A Nak with the first of ours; the hint names what was wanted."""
    lcp = make(LcpSettings(accept=(Method.CHAP_MD5,)))
    assert answered(lcp, (AUTH, EAP)) == (3, (Option(AUTH, CHAP),))
    assert answered(lcp, (AUTH, PAP)) == (3, (Option(AUTH, CHAP),))
    assert "0xc023" in lcp.hint
    assert answered(lcp, (AUTH, CHAP))[0] == 2
    assert lcp.hint == ""


def test_without_a_password_authentication_is_rejected():
    """The hint explains why the peer will leave."""
    lcp = make(LcpSettings(accept=()))
    assert answered(lcp, (AUTH, PAP)) == (4, (Option(AUTH, PAP),))
    lcp.receive(Packet(5, 1).to_wire(), 0.2)
    assert (
        lcp.reason == "the peer ended the link (it wants a user name and a password, and we have none for it)"
    )


def test_a_peer_must_authenticate_itself():
    """It may choose another method of the list, by Nak, or refuse, and then there is no link."""
    settings = LcpSettings(demand=(Method.MSCHAPV2, Method.CHAP_MD5, Method.PAP))
    lcp = make(settings)
    assert dict(lcp.asked)[AUTH] == b"\xc2\x23\x81"
    assert reply(lcp, 3, (AUTH, PAP))[AUTH] == PAP
    assert reply(lcp, 3, (AUTH, EAP))[AUTH] == CHAP
    reply(lcp, 3, (AUTH, EAP))
    assert lcp.reason == "the peer does not authenticate itself with MS-CHAPv2 or CHAP or PAP"
    assert lcp.cause is Cause.DISAGREED
    lcp = make(settings)
    reply(lcp, 4, (AUTH, b"\xc2\x23\x81"))
    assert lcp.automaton.state is State.CLOSING


def test_the_demand_cannot_be_dropped_silently():
    """Ten Naks drop an option of ours, but not this one: the link ends instead."""
    lcp = make(LcpSettings(demand=(Method.PAP,)))
    while lcp.automaton.state is not State.CLOSING:
        assert AUTH in reply(lcp, 3, (ACCM, b"\0\0\0\1"), (MAGIC, b"1234"))
    assert "never agree" in lcp.reason or "authenticate" in lcp.reason


@pytest.mark.parametrize(
    ("nak", "then"),
    [
        ((ACCM, b"\0\x0a\0\0"), b"\0\x0a\0\0"),
        ((MRU, b"\x02\0"), b"\x02\0"),
        ((MRU, b"\x05\xdc"), b"\x02\x40"),
        ((MRU, b"\1"), b"\x02\x40"),
    ],
)
def test_a_nak_moves_our_options_within_reason(nak, then):
    """More escapes are added, a smaller MRU taken, a larger one not."""
    assert reply(make(LcpSettings(mru=576)), 3, nak)[nak[0]] == then


def test_escapes_add_up():
    """What we want escaped stays so."""
    assert reply(make(LcpSettings(accm=0x000A0000)), 3, (ACCM, b"\0\0\0\1"))[ACCM] == b"\0\x0a\0\1"


def test_a_nak_adds_nothing():
    """An option that we did not ask for stays away: nobody makes us demand authentication."""
    lcp = make()
    assert list(reply(lcp, 3, (AUTH, PAP), (MRU, b"\x02\x40"))) == [ACCM, MAGIC, PFC, ACFC]
    assert lcp.reason == ""


def test_a_rejected_option_is_dropped():
    """All four, one by one; an LCP without options still opens."""
    lcp = make()
    for option in (ACCM, MAGIC, PFC, ACFC):
        assert option not in reply(lcp, 4, (option, dict(lcp.asked)[option]))
    answered(lcp)
    reply(lcp, 2)
    assert lcp.opened
    assert lcp.agreed == LinkOptions()


def test_equal_magic_numbers_are_refused_with_another():
    """The peer that chose the same by chance chooses again (section 6.4)."""
    lcp = make()
    mine = dict(lcp.asked)[MAGIC]
    code, (option,) = answered(lcp, (MAGIC, mine))
    assert code == 3
    assert option.value not in (mine, bytes(4))
    assert answered(lcp, (MAGIC, bytes(4)))[0] == 3
    assert not lcp.looped


def test_a_loop_is_found_after_some_rounds():
    """Everything that is sent comes back: new numbers do not help, and no flood arises (section 6.4)."""
    lcp = Lcp(LcpSettings(), Limits(), seeded(1))
    line = [output for output in lcp.start(0.0) if isinstance(output, bytes)]
    for wire in line:  # grows while it is read
        line += [output for output in lcp.receive(wire, 0.1) if isinstance(output, bytes)]
        if lcp.looped:
            break
    assert lcp.looped
    assert len(line) <= 2 * LOOPS + 2


def test_an_echo_is_answered_on_an_open_link_only():
    """With our magic number and the peer's data (section 5.8)."""
    lcp = make()
    assert packets(lcp.receive(Packet(9, 1, b"peerdata").to_wire(), 0.1)) == []
    lcp = opened()
    magic = dict(lcp.asked)[MAGIC]
    assert packets(lcp.receive(Packet(9, 7, b"peerdata").to_wire(), 1.0)) == [Packet(10, 7, magic + b"data")]
    assert packets(lcp.receive(Packet(9, 8).to_wire(), 1.0)) == [Packet(10, 8, magic)]


def test_our_own_echo_means_a_loop():
    """A modem that has hung up and echoes: found by the second question."""
    lcp = opened()
    own = Packet(9, 7, dict(lcp.asked)[MAGIC]).to_wire()
    assert lcp.receive(own, 1.0) == []
    assert not lcp.looped
    assert lcp.receive(own, 2.0) == []
    assert lcp.looped


def test_silence_is_questioned_and_ends_the_link():
    """Echo-Requests, then the end with the reason."""
    lcp = opened(LcpSettings(echo=Echo(20.0, 5.0, 2)))
    sent = []
    while not lcp.lost:
        sent += packets(lcp.timeout(lcp.deadline))
    assert [packet.code for packet in sent] == [9, 9, 5]
    assert (lcp.cause, lcp.reason) == (Cause.SILENT, "the peer has been silent for 30 s and answers no echo")


def test_the_answer_to_an_echo_tells_the_round_trip():
    """One with our own magic number is no answer."""
    lcp = opened(LcpSettings(echo=Echo(20.0, 5.0, 2)))
    (question,) = packets(lcp.timeout(lcp.deadline))
    lcp.receive(question._replace(code=10).to_wire(), 20.3)
    assert lcp.liveness.rtt is None
    lcp.receive(Packet(10, question.ident, b"peer").to_wire(), 20.5)
    assert lcp.liveness.rtt == pytest.approx(0.3)


@pytest.mark.parametrize("code", [11, 12, 13])
def test_what_needs_no_answer_gets_none(code):
    """Discard-Request, Identification and Time-Remaining (section 5.9, RFC 1570)."""
    assert opened().receive(Packet(code, 1, b"peertext").to_wire(), 1.0) == []
    assert make().receive(Packet(code, 1, b"peertext").to_wire(), 1.0) == []


def test_a_protocol_reject_is_passed_on():
    """The protocol is named for whoever uses it; if it is LCP itself, that is the end (section 5.7)."""
    lcp = opened()
    assert lcp.receive(Packet(8, 1, b"\x80\xfd\x01").to_wire(), 1.0) == []
    assert lcp.rejected_protocol == 0x80FD
    with pytest.raises(MalformedPacket):
        lcp.receive(Packet(8, 1, b"\x80").to_wire(), 1.0)
    assert Outcome.DOWN in lcp.receive(Packet(8, 1, b"\xc0\x21").to_wire(), 1.0)
    assert lcp.reason == "the peer does not know LCP"


def test_a_protocol_reject_before_the_link_is_open_is_dropped():
    """Section 5.7."""
    lcp = make()
    assert lcp.receive(Packet(8, 1, b"\x80\xfd\x01").to_wire(), 0.1) == []
    assert lcp.rejected_protocol is None


def test_we_reject_protocols_on_an_open_link():
    """With as much of the frame as the peer's MRU allows."""
    assert make().reject_protocol(Protocol.CCP, b"x") == b""
    lcp = opened(LcpSettings(), (MRU, b"\x01\x00"))
    packet = Packet.from_wire(lcp.reject_protocol(Protocol.CCP, b"x" * 1000))
    assert packet.code == 8
    assert packet.data == b"\x80\xfd" + b"x" * 250
