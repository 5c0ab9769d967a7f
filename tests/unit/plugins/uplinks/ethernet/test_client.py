"""Conversations of the DHCP client, section by section of RFC 2131."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface

import pytest

from ics_plugins.uplinks.ethernet.actions import State
from ics_plugins.uplinks.ethernet.lease import Lease, read_lease
from icsframework.protocols.dhcp import options

A, B, SERVER, OTHER = "203.0.113.100", "203.0.113.101", "203.0.113.1", "203.0.113.2"
DISCOVER, TAKE = "DISCOVER", f"REQUEST wants {A} of {SERVER}"
NEIGHBOUR = "02:00:5e:00:53:99"


def u32(seconds):
    """Seconds as the value of an option."""
    return seconds.to_bytes(4, "big")


@pytest.fixture
def last(replies):
    """The lease of last time."""
    return read_lease(replies("ACK", 1, address=A), 900.0)


# --- getting an address ---------------------------------------------------------------------------------


def test_an_address_is_found_checked_and_used(paper):
    """Sections 3.1 and 4.4.1: DISCOVER, OFFER, REQUEST, ACK, a look at the wire, and only then the address is used."""
    paper.start()
    paper.hears("OFFER")
    assert paper.client.state is State.REQUESTING
    paper.hears("ACK")
    assert (paper.client.state, paper.client.deadline(), paper.client.lease) == (State.CHECKING, None, None)
    paper.checked()
    assert paper.log == [f"0 {DISCOVER}", f"0 {TAKE}", f"0 check {A}", f"0 bound {A}/24"]
    assert (paper.client.state, paper.client.deadline()) == (State.BOUND, paper.now + 1800)


def test_an_address_that_is_in_use_is_declined(paper):
    """Sections 3.1 step 5 and 4.4.4: DECLINE names address and server, and ten seconds pass before another try."""
    paper.start()
    paper.hears("OFFER")
    paper.hears("ACK")
    paper.checked(NEIGHBOUR)
    assert paper.log[2:] == [
        f"0 check {A}",
        f"0 DECLINE wants {A} of {SERVER}",
        "0 forget",
        f"0 lost: {A} is used by {NEIGHBOUR}; the DHCP server was told (wait 10)",
    ]
    assert (paper.client.state, paper.client.deadline(), paper.client.lease) == (State.INIT, None, None)


def test_nobody_answers(paper):
    """Section 4.1: repetitions after 4, 8, 16 and 32 s (each less its random second), then it is given up."""
    paper.start()
    paper.wait(4)
    assert paper.log == [
        *[f"{at} {DISCOVER}" for at in (0, 3, 10, 25)],
        "56 lost: no DHCP server offers an address",
    ]
    assert {message.xid for message in paper.sent} == {1}
    assert [message.secs for message in paper.sent] == [0, 3, 10, 25]
    assert paper.client.deadline() is None


def test_a_request_has_the_secs_and_the_number_of_its_discover(paper):
    """Section 3.1 step 3: relays must send both to the same servers, so secs is that of the DISCOVER also when repeated."""
    paper.start()
    paper.wait()
    paper.sleep(2)
    paper.hears("OFFER")
    paper.wait()
    assert paper.log == [f"0 {DISCOVER}", f"3 {DISCOVER}", f"5 {TAKE}", f"8 {TAKE}"]
    assert [(message.xid, message.secs) for message in paper.sent] == [(1, 0), (1, 3), (1, 3), (1, 3)]


def test_the_first_offer_is_taken(paper):
    """Section 3.1 step 3: of two servers the first is chosen, and only its ACK or NAK counts."""
    paper.start()
    paper.hears("OFFER", server=OTHER, address=B)
    paper.hears("OFFER")
    paper.hears("ACK")
    paper.hears("NAK")
    assert paper.client.state is State.REQUESTING
    paper.hears("ACK", server=OTHER, address=B)
    paper.checked()
    assert paper.log == [
        f"0 {DISCOVER}",
        f"0 REQUEST wants {B} of {OTHER}",
        f"0 check {B}",
        f"0 bound {B}/24",
    ]


def test_a_server_that_does_not_keep_its_word_is_passed_over(paper):
    """Section 3.1 step 5: an offer is not confirmed in time; now an offer of somebody else is waited for."""
    paper.start()
    paper.hears("OFFER")
    paper.wait(4)
    paper.hears("OFFER")  # of the same server: not now
    paper.hears("OFFER", server=OTHER, address=B)
    assert paper.log == [
        f"0 {DISCOVER}",
        *[f"{at} {TAKE}" for at in (0, 3, 10, 25)],
        f"56 {DISCOVER}",
        f"56 REQUEST wants {B} of {OTHER}",
    ]
    assert [message.xid for message in paper.sent] == [1] * 5 + [2, 2]


def test_a_server_that_never_keeps_its_word_ends_the_attempt(paper):
    """Where it is the only one it is asked again after a repetition, and when it keeps silent again that is said."""
    paper.start()
    paper.hears("OFFER")
    paper.wait(5)
    paper.hears("OFFER")
    paper.wait(4)
    assert paper.log[5:8] == [f"56 {DISCOVER}", f"59 {DISCOVER}", f"59 {TAKE}"]
    assert paper.log[-1] == f"115 lost: the DHCP server {SERVER} offers an address but does not confirm it"


def test_an_offer_that_cannot_be_used_is_passed_over_and_named(paper):
    """Sections 4.3.1 and 4.4.1: without a lease time or a router it is no offer; the reason says so at the end."""
    paper.start()
    paper.hears("OFFER", changes={options.LEASE_TIME: None})
    paper.hears("OFFER", changes={options.ROUTER: None})
    assert (paper.client.state, paper.client.unusable) == (State.SELECTING, 2)
    paper.wait(4)
    assert paper.log[-1] == (
        "56 lost: no DHCP server offers an address; one was of no use: "
        "the server names no router, so there is no way to the Internet"
    )


@pytest.mark.parametrize(
    "strange",
    [
        {"xid": 77},
        {"chaddr": bytes(6)},
        {"changes": {options.CLIENT_IDENTIFIER: b"\xffsomebody else"}},
        {"changes": {options.MESSAGE_TYPE: None}},
        {"changes": {options.MESSAGE_TYPE: b"\x08"}},
    ],
)
def test_messages_for_others_have_no_effect(paper, strange):
    """Sections 4.1 and 4.4.1, RFC 6842 section 3: another number, hardware address or client, and BOOTP."""
    paper.start()
    paper.hears("OFFER", **strange)
    assert paper.log == [f"0 {DISCOVER}"]
    paper.hears("OFFER")
    paper.hears("ACK", **strange)
    paper.hears("NAK", **strange)
    assert (paper.client.state, len(paper.log)) == (State.REQUESTING, 2)


def test_a_request_of_somebody_else_is_no_answer(paper, replies):
    """A message of a client (BOOTREQUEST) has no effect."""
    paper.start()
    paper.told(paper.client.received(replies("OFFER", paper.xid)._replace(op=1), paper.now))
    assert paper.client.state is State.SELECTING


def test_a_second_ack_starts_no_second_look(paper):
    """While neighbours are asked nothing that servers say counts: a flood of ACKs cannot make us send."""
    paper.start()
    paper.hears("OFFER")
    paper.hears("ACK")
    asked = paper.checking
    for kind in ("ACK", "NAK", "OFFER"):
        paper.hears(kind)
    paper.checking = asked
    paper.checked()
    assert paper.log[2:] == [f"0 check {A}", f"0 bound {A}/24"]


def test_an_old_look_says_nothing_about_a_new_lease(paper, last):
    """The answer to a Check of an earlier attempt has no effect."""
    paper.start()
    paper.told(paper.client.checked(last, None, paper.now))
    assert paper.client.state is State.SELECTING


def test_the_ack_counts_not_the_offer(paper):
    """Section 4.3.1: what the ACK says is used, also another address, which is looked for as well."""
    paper.start()
    paper.hears("OFFER")
    paper.hears("ACK", address=B)
    paper.checked()
    assert paper.log[2:] == [f"0 check {B}", f"0 bound {B}/24"]


def test_refusals_are_not_answered_at_once(paper):
    """Section 3.1 step 5: NAK begins anew; a server that offers and refuses for ever costs less and less."""
    paper.start()
    for _ in range(9):
        paper.hears("OFFER")
        if paper.client.state is State.SELECTING:  # passed over until the repetition
            paper.wait()
            paper.hears("OFFER")
        paper.hears("NAK")
        paper.wait()
    times = [float(line.split()[0]) for line in paper.log if DISCOVER in line]
    assert times == [0, 1, 4, 6, 9, 13, 16, 24, 27, 43, 46, 78, 81, 145, 148, 212, 215, 279]


def test_the_lease_counts_from_the_first_request(paper):
    """Section 4.4.1: from when the REQUEST was sent, here the earlier one, since the ACK does not tell which it answers."""
    paper.start()
    paper.hears("OFFER")
    paper.wait(2)
    paper.hears("ACK")
    paper.checked()
    assert paper.lease.obtained == 1000
    assert paper.client.deadline() == 1000 + 1800


def test_a_lease_that_ran_out_on_its_way_is_not_used(paper):
    """An ACK of 10 s that comes after 12."""
    paper.start()
    paper.hears("OFFER")
    paper.wait(2)
    paper.sleep(2)
    paper.hears("ACK", changes={options.LEASE_TIME: u32(10)})
    assert (paper.client.state, paper.client.complaint) == (
        State.REQUESTING,
        f"the lease of {A} ran out before it came",
    )


def test_a_late_ack_is_renewed_soon_but_not_at_once(paper):
    """T1 has passed when the ACK comes: a second is left in BOUND."""
    paper.start()
    paper.hears("OFFER")
    paper.wait(2)
    paper.hears("ACK", changes={options.LEASE_TIME: u32(20), options.RENEWAL_TIME: u32(6)})
    paper.checked()
    assert paper.client.deadline() == paper.now + 1


# --- the address of last time -----------------------------------------------------------------------------


def test_the_address_of_last_time_is_asked_for(paper, last):
    """Sections 3.2 and 4.4.2, INIT-REBOOT: no server named, no ciaddr; the address is looked for before it is used."""
    paper.start(last=last)
    paper.hears("ACK", server=OTHER)
    paper.checked()
    assert paper.log == [f"0 REQUEST wants {A}", f"0 check {A}", f"0 bound {A}/24"]
    assert paper.lease.server == IPv4Address(OTHER)


def test_a_moved_machine_is_told_and_begins_anew(paper, last):
    """Section 3.2 step 3: NAK; the old address is forgotten, not even wished for, and discovery follows at once."""
    paper.start(last=last)
    paper.hears("NAK", server=OTHER)
    assert paper.log == [f"0 REQUEST wants {A}", "0 forget", f"0 {DISCOVER}"]
    assert paper.sent[0].xid != paper.sent[1].xid


def test_the_address_of_last_time_is_used_by_somebody_else(paper, last):
    """Section 3.2 step 4: DECLINE after a reboot as well."""
    paper.start(last=last)
    paper.hears("ACK")
    paper.checked(NEIGHBOUR)
    assert paper.log[2:4] == [f"0 DECLINE wants {A} of {SERVER}", "0 forget"]


def test_nobody_knows_the_address_of_last_time(paper, last):
    """Section 3.2 step 3: after two questions discovery begins, with the address as a wish (section 4.4.1)."""
    paper.start(last=last)
    paper.wait(2)
    assert paper.log == [f"0 REQUEST wants {A}", f"3 REQUEST wants {A}", f"10 DISCOVER wants {A}"]
    assert [message.secs for message in paper.sent] == [0, 3, 0]


def test_a_wish_is_only_a_wish(paper):
    """Section 4.4.1: an address in DISCOVER; what the server offers instead is taken."""
    paper.start(hint=IPv4Address(B))
    paper.hears("OFFER")
    assert paper.log == [f"0 DISCOVER wants {B}", f"0 {TAKE}"]


# --- keeping it -------------------------------------------------------------------------------------------


def test_a_lease_is_renewed_for_ever(paper):
    """Section 4.4.5: at T1 the server itself is asked, from our address; the lease counts from that question."""
    paper.bind()
    for _ in range(3):
        paper.wait()
        paper.sleep(1)
        paper.hears("ACK")
    ask = f"REQUEST has {A} to {SERVER}"
    assert paper.log == [
        f"1800 {ask}", f"1801 bound {A}/24",
        f"3600 {ask}", f"3601 bound {A}/24",
        f"5400 {ask}", f"5401 bound {A}/24",
    ]  # fmt: skip


def test_a_silent_server_is_asked_again_then_anybody_then_the_address_is_given_up(paper):
    """Section 4.4.5: half of what is left to T2, then by broadcast half of what is left of the lease, never under 60 s."""
    paper.bind()
    paper.wait(11)
    ask = f"REQUEST has {A}"
    assert paper.log == [
        f"1800 {ask} to {SERVER}",
        f"2475 {ask} to {SERVER}",
        f"2812.5 {ask} to {SERVER}",
        f"2981.25 {ask} to {SERVER}",
        f"3065.62 {ask} to {SERVER}",
        f"3125.62 {ask} to {SERVER}",
        f"3150 {ask}",
        f"3375 {ask}",
        f"3487.5 {ask}",
        f"3547.5 {ask}",
        "3600 lost: the lease ran out and no DHCP server answered",
    ]
    assert paper.client.deadline() is None


def test_another_server_takes_over(paper):
    """Section 4.4.5, REBINDING: any server's ACK extends the lease, and it is the one asked from now on."""
    paper.bind()
    while paper.client.state is not State.REBINDING:
        paper.wait()
    paper.log.clear()
    paper.hears("ACK", server=OTHER)
    paper.wait()
    assert paper.log == [f"3150 bound {A}/24", f"4950 REQUEST has {A} to {OTHER}"]


def test_the_server_takes_the_address_back(paper):
    """Section 4.4.5: NAK while renewing; the address goes, is forgotten, and the next attempt begins with nothing."""
    paper.bind()
    paper.wait()
    paper.hears("NAK", server=OTHER)
    assert paper.client.state is State.RENEWING
    paper.hears("NAK")
    assert paper.log[1:] == ["1800 forget", "1800 lost: the DHCP server took the address back"]
    assert (paper.client.state, paper.client.lease, paper.client.deadline()) == (State.INIT, None, None)


def test_anybody_may_refuse_in_rebinding(paper):
    """Section 4.4.5: the question went to all."""
    paper.bind()
    while paper.client.state is not State.REBINDING:
        paper.wait()
    paper.hears("NAK", server=OTHER)
    assert paper.log[-1].endswith("lost: the DHCP server took the address back")


def test_an_answer_to_an_earlier_question_is_too_late(paper):
    """Each renewal has a number of its own, so that a lease never counts from a question it does not answer."""
    paper.bind()
    paper.wait()
    first = paper.xid
    paper.wait()
    paper.hears("ACK", xid=first)
    assert paper.client.state is State.RENEWING
    paper.hears("ACK")
    assert paper.lease.obtained == paper.now


def test_a_renewal_with_another_address_is_looked_for_first(paper):
    """RFC 5227 section 2.1: an address that is not in use yet is checked, however it comes; the old one is left."""
    paper.bind()
    paper.wait()
    paper.hears("ACK", address=B)
    assert paper.client.state is State.CHECKING
    paper.checked()
    assert paper.log[1:] == [f"1800 check {B}", f"1800 bound {B}/24"]
    paper.wait()
    paper.hears("ACK", address=A)
    paper.checked(NEIGHBOUR)
    assert paper.log[-3:-1] == [f"3600 DECLINE wants {A} of {SERVER}", "3600 forget"]


def test_a_renewal_that_cannot_be_used_leaves_the_old_lease(paper):
    """An ACK without a lease time changes nothing; the next question follows in its time."""
    paper.bind()
    paper.wait()
    paper.hears("ACK", changes={options.LEASE_TIME: None})
    assert (paper.client.state, paper.client.unusable) == (State.RENEWING, 1)
    assert paper.client.deadline() == paper.now + 675


def test_the_servers_own_times(paper):
    """Sections 4.4.5 and RFC 2132 sections 9.11 and 9.12: T1 and T2 of the server."""
    paper.bind(changes={options.RENEWAL_TIME: u32(100), options.REBINDING_TIME: u32(130)})
    paper.wait(3)
    ask = f"REQUEST has {A}"
    assert paper.log == [f"100 {ask} to {SERVER}", f"130 {ask}", f"1865 {ask}"]


def test_a_lease_for_ever(paper):
    """Section 3.3: 0xffffffff; it is asked about once in five years."""
    paper.bind(changes={options.LEASE_TIME: b"\xff" * 4})
    assert paper.client.deadline() == 1000 + 5 * 365 * 86400


def test_a_lease_goes_on_after_a_restart(paper, last):
    """A lease whose address the machine still has is used at once and renewed at its T1, or soon if that has passed."""
    paper.told(paper.client.resume(last, paper.now))
    assert (paper.log, paper.client.deadline()) == ([f"0 bound {A}/24"], 900 + 1800)
    paper.told(paper.client.resume(replace(last, obtained=-1400.0), paper.now))
    paper.wait()
    assert paper.log[-1] == f"1 REQUEST has {A} to {SERVER}"


# --- giving it back ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("waits", [0, 1, 7])
def test_release(paper, waits):
    """Section 4.4.6: from BOUND, RENEWING and REBINDING, to the server, from our address; then silence."""
    paper.bind()
    paper.wait(waits)
    paper.told(paper.client.release())
    assert paper.log[waits:] == [f"{paper.now - 1000:g} RELEASE has {A} of {SERVER} to {SERVER}"]
    assert (paper.client.state, paper.client.deadline(), paper.client.lease) == (State.INIT, None, None)
    assert paper.client.release() == ()


def test_what_is_not_held_is_not_released(paper, last):
    """No RELEASE while looking, asking or checking, nor of the address of last time."""
    steps = [paper.start, lambda: paper.hears("OFFER"), lambda: paper.hears("ACK")]
    for count in range(len(steps) + 1):
        for step in steps[:count]:
            step()
        assert paper.client.release() == ()
    paper.start(last=last)
    assert paper.client.release() == ()


def test_an_early_timer_has_no_effect(paper):
    """A timer that fires before its time, or when there is none, changes nothing."""
    assert paper.client.timeout(paper.now) == ()
    paper.start()
    paper.sleep(2.9)
    assert paper.log == [f"0 {DISCOVER}"]
    assert paper.client.deadline() == 1003


def test_a_lease_is_a_value(last):
    """The fixture's lease is what its message says."""
    assert last == Lease(
        IPv4Interface(f"{A}/24"), IPv4Address(SERVER), IPv4Address(SERVER), (IPv4Address("192.0.2.53"),),
        None, 900.0, 3600.0, 1800.0, 3150.0,
    )  # fmt: skip
