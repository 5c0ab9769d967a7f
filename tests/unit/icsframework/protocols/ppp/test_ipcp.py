"""IPCP (RFC 1332) with name servers (RFC 1877) and VJ compression."""

from ipaddress import IPv4Address as A

import pytest

from icsframework.protocols.ppp.actions import Cause
from icsframework.protocols.ppp.automaton import Limits, State
from icsframework.protocols.ppp.ipcp import FALLBACK_PEER, Ipcp, IpcpSettings, VjOption, usable
from icsframework.protocols.ppp.packet import Option, Packet, pack_options, parse_options
from icsframework.testing.ppp import seeded

OLD, VJ, ADDRESS, DNS1, NBNS1, DNS2, NBNS2 = 1, 2, 3, 129, 130, 131, 132
NONE = bytes(4)
VJ16 = bytes.fromhex("002d0f01")
PROVIDER = IpcpSettings(
    local=A("10.0.0.1"),
    accept_local=False,
    peer=A("10.0.0.2"),
    ask_dns=False,
    give_dns=(A("9.9.9.9"), A("8.8.8.8")),
)


def address(text):
    """An IP-Address option."""
    return Option(ADDRESS, A(text).packed)


def make(settings=IpcpSettings()):  # noqa: B008 - frozen
    """An IPCP that has sent its first request at 0."""
    ipcp = Ipcp(settings, Limits(), seeded(1))
    ipcp.start(0.0)
    return ipcp


def answered(ipcp, *options):
    """(code, options) of the answer to a peer that asks for these."""
    *_, wire = ipcp.receive(Packet(1, 50, pack_options(Option(*option) for option in options)).to_wire(), 0.1)
    packet = Packet.from_wire(wire)
    return packet.code, parse_options(packet.data)


def reply(ipcp, code, *options):
    """Answer the last request of ``ipcp``; returns the options that it asks for then."""
    data = pack_options(Option(*option) for option in options) if options else pack_options(ipcp.asked)
    ipcp.receive(Packet(code, ipcp._request, data).to_wire(), 0.2)
    return dict(ipcp.asked)


def test_a_subscriber_asks_for_everything():
    """Address and servers as 0.0.0.0, VJ compression with 16 slots."""
    assert make().asked == (Option(ADDRESS, NONE), Option(VJ, VJ16), Option(DNS1, NONE), Option(DNS2, NONE))


def test_all_is_told_in_one_nak():
    """Address and both servers, as slirp does; then the request with them is acknowledged."""
    ipcp = make()
    asked = reply(ipcp, 3, address("10.0.2.15"), (DNS1, A("10.9.9.1").packed), (DNS2, A("10.9.9.2").packed))
    assert asked[ADDRESS] == A("10.0.2.15").packed
    answered(ipcp, address("10.0.2.2"), (VJ, VJ16))
    reply(ipcp, 2)
    assert ipcp.opened
    assert (ipcp.local, ipcp.peer) == (A("10.0.2.15"), A("10.0.2.2"))
    assert ipcp.dns == (A("10.9.9.1"), A("10.9.9.2"))
    assert ipcp.receive_vj == ipcp.send_vj == VjOption(16, True)


def test_a_second_nak_with_another_address_is_followed():
    """The provider changes its mind: the last word counts."""
    ipcp = make()
    reply(ipcp, 3, address("10.0.2.15"))
    assert reply(ipcp, 3, address("10.0.2.77"))[ADDRESS] == A("10.0.2.77").packed
    reply(ipcp, 2)
    assert ipcp.local == A("10.0.2.77")


@pytest.mark.parametrize("option", [VJ, DNS1, DNS2])
def test_a_rejected_option_is_missed_alone(option):
    """Reject only 131, only 129, only VJ: the others stay (RFC 1877, RFC 1332 section 4)."""
    ipcp = make()
    left = reply(ipcp, 4, (option, dict(ipcp.asked)[option]))
    assert set(left) == {ADDRESS, VJ, DNS1, DNS2} - {option}
    assert ipcp.reason == ""


def test_options_may_be_rejected_one_by_one():
    """An address is enough."""
    ipcp = make()
    for option in (DNS2, DNS1, VJ):
        reply(ipcp, 4, (option, dict(ipcp.asked)[option]))
    reply(ipcp, 3, address("10.0.2.15"))
    answered(ipcp, address("10.0.2.2"))
    reply(ipcp, 2)
    assert ipcp.opened
    assert (ipcp.dns, ipcp.receive_vj, ipcp.send_vj) == ((), None, None)


def test_a_server_that_is_no_address_is_left_out():
    """Acknowledged 0.0.0.0 (slirp with one server), refused with 0.0.0.0, the same twice, or a loopback."""
    ipcp = make()
    reply(ipcp, 3, address("10.0.2.15"), (DNS1, A("10.9.9.1").packed))
    reply(ipcp, 2)
    assert ipcp.dns == (A("10.9.9.1"),)
    assert DNS1 not in reply(make(), 3, (DNS1, NONE))
    assert DNS1 not in reply(make(), 3, (DNS1, A("127.0.0.1").packed))
    ipcp = make()
    reply(ipcp, 3, (DNS1, A("9.9.9.9").packed), (DNS2, A("9.9.9.9").packed))
    assert ipcp.dns == (A("9.9.9.9"),)


def test_servers_that_a_modem_makes_up_until_it_knows_better():
    """A cellular modem naks with placeholders until the network has answered: asked again with the timer, believed at last."""
    ipcp = make()
    made_up = ((DNS1, A("10.11.12.13").packed), (DNS2, A("10.11.12.14").packed))
    reply(ipcp, 3, *made_up)
    for second in range(1, 15):
        assert (
            ipcp.receive(
                Packet(3, ipcp._request, pack_options(Option(*each) for each in made_up)).to_wire(), second
            )
            == []
        )
        (again,) = ipcp.timeout(second + 1.0)
        assert dict(parse_options(Packet.from_wire(again).data))[DNS1] == A("10.11.12.13").packed
    assert ipcp.dns == ()
    reply(ipcp, 3, address("10.0.2.15"), (DNS1, A("9.9.9.9").packed), (DNS2, A("8.8.8.8").packed))
    reply(ipcp, 2)
    assert ipcp.dns == (A("9.9.9.9"), A("8.8.8.8"))


def test_an_acknowledged_nothing_is_a_failure():
    """A peer that is content with 0.0.0.0 has given no address."""
    ipcp = make()
    reply(ipcp, 2)
    assert (ipcp.cause, ipcp.reason) == (Cause.DISAGREED, "the peer gave us no address")
    assert ipcp.automaton.state is State.CLOSING


def test_a_peer_that_gives_no_addresses():
    """Rejecting the option is a failure, unless we have an address of our own."""
    ipcp = make()
    reply(ipcp, 4, (ADDRESS, NONE))
    assert ipcp.reason == "the peer gives no addresses"
    ipcp = make(IpcpSettings(local=A("10.0.0.9")))
    assert ADDRESS not in reply(ipcp, 4, address("10.0.0.9"))
    reply(ipcp, 2)
    assert ipcp.reason == ""
    assert ipcp.local == A("10.0.0.9")


@pytest.mark.parametrize("bad", ["0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255", "0.1.2.3"])
def test_no_address_that_nobody_can_have_is_taken(bad):
    """As our own it is not taken, the peer is told another."""
    assert reply(make(), 3, address(bad))[ADDRESS] == NONE
    assert answered(make(), address(bad)) == (3, (Option(ADDRESS, FALLBACK_PEER.packed),))
    assert not usable(A(bad))


def test_a_peer_without_an_address_gets_one():
    """0.0.0.0 is answered with 10.64.64.64, as pppd does; then the peer is called so."""
    ipcp = make()
    assert answered(ipcp, (ADDRESS, NONE)) == (3, (address("10.64.64.64"),))
    assert answered(ipcp, address("10.64.64.64"))[0] == 2
    assert ipcp.peer == FALLBACK_PEER


def test_a_peer_that_does_not_speak_of_addresses():
    """It is called by the same address."""
    ipcp = make()
    assert answered(ipcp)[0] == 2
    assert ipcp.peer == FALLBACK_PEER


def test_two_subscribers_do_not_get_the_same_address():
    """If we are called 10.64.64.64 ourselves, or the peer wants our address, it gets another."""
    ipcp = make()
    reply(ipcp, 3, address("10.64.64.64"))
    code, (option,) = answered(ipcp, address("10.64.64.64"))
    assert code == 3
    assert A(option.value) != FALLBACK_PEER
    assert option.value[:3] == FALLBACK_PEER.packed[:3]


def test_a_fixed_address_gives_way_if_it_may():
    """``accept_local``: the peer knows better; without it we insist."""
    mine = IpcpSettings(local=A("10.0.0.9"))
    assert reply(make(mine), 3, address("10.0.0.8"))[ADDRESS] == A("10.0.0.8").packed
    assert reply(make(PROVIDER), 3, address("10.0.0.8"))[ADDRESS] == A("10.0.0.1").packed


def test_a_provider_tells_everything():
    """The address of the subscriber, even if it wants another, and the servers."""
    ipcp = make(PROVIDER)
    assert ipcp.asked == (Option(ADDRESS, A("10.0.0.1").packed), Option(VJ, VJ16))
    assert answered(ipcp, (ADDRESS, NONE), (DNS1, NONE), (DNS2, NONE)) == (
        3,
        (address("10.0.0.2"), Option(DNS1, A("9.9.9.9").packed), Option(DNS2, A("8.8.8.8").packed)),
    )
    assert answered(ipcp, address("10.0.0.99")) == (3, (address("10.0.0.2"),))


def test_a_provider_with_one_server_tells_it_twice():
    """No round trip for a Reject."""
    ipcp = make(IpcpSettings(peer=A("10.0.0.2"), local=A("10.0.0.1"), give_dns=(A("9.9.9.9"),)))
    assert answered(ipcp, (DNS2, NONE), address("10.0.0.2")) == (3, (Option(DNS2, A("9.9.9.9").packed),))


def test_a_provider_tells_also_who_does_not_ask():
    """Once; a subscriber that will not have an address is let be (RFC 1661 section 5.3)."""
    ipcp = make(PROVIDER)
    assert answered(ipcp) == (3, (address("10.0.0.2"),))
    assert answered(ipcp) == (2, ())
    assert ipcp.peer == A("10.0.0.2")


@pytest.mark.parametrize(
    "option", [(OLD, bytes(8)), (NBNS1, NONE), (NBNS2, NONE), (4, NONE), (ADDRESS, b"\0"), (VJ, b"\0\x2d")]
)
def test_what_is_of_no_use_is_rejected(option):
    """The deprecated IP-Addresses, WINS, mobile IP, and options of a wrong length."""
    assert answered(make(), option, address("10.0.2.2")) == (4, (Option(*option),))


def test_who_asks_us_for_servers_without_need():
    """A subscriber has none to tell."""
    assert answered(make(), (DNS1, NONE)) == (4, (Option(DNS1, NONE),))


@pytest.mark.parametrize("value", ["002d0f02", "00610f01", "002d", "002d0f0100"])
def test_other_compressions_are_rejected(value):
    """IP header compression (RFC 2507), and a VJ option that is none."""
    assert answered(make(), (VJ, bytes.fromhex(value)))[0] == 4


def test_vj_without_numbers_and_with_fewer_slots():
    """What the peer can take is what we send; more than 16 slots are of no use."""
    ipcp = make()
    assert answered(ipcp, (VJ, bytes.fromhex("002d0300")), address("10.0.2.2"))[0] == 2
    assert ipcp.send_vj == VjOption(4, False)
    answered(ipcp, (VJ, bytes.fromhex("002dff01")), address("10.0.2.2"))
    assert ipcp.send_vj == VjOption(16, True)


def test_vj_is_negotiated_down():
    """A Nak with fewer slots is followed, one with another protocol ends it."""
    assert reply(make(), 3, (VJ, bytes.fromhex("002d0700")))[VJ] == bytes.fromhex("002d0700")
    assert reply(make(), 3, (VJ, bytes.fromhex("002dff01")))[VJ] == VJ16
    assert VJ not in reply(make(), 3, (VJ, bytes.fromhex("00610f01")))


def test_vj_can_be_switched_off():
    """Then it is neither asked for nor granted."""
    ipcp = make(IpcpSettings(vj=None))
    assert VJ not in dict(ipcp.asked)
    assert answered(ipcp, (VJ, VJ16))[0] == 4
    assert VJ not in reply(ipcp, 3, (VJ, VJ16))
    assert ipcp.receive_vj is None
