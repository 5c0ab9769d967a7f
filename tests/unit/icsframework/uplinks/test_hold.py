"""The queue of packets that wait: bounds, order, each once, and who gets the places."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsframework.testing.packets import ipv4, tcp, udp
from icsframework.uplinks.hold import (
    MOST_OCTETS,
    MOST_OF_A_CLIENT,
    MOST_PACKETS,
    Bounds,
    Dropped,
    Held,
    Hold,
)
from icsframework.uplinks.packets import Fragment, parse

SMALL = Bounds(packets=6, of_a_client=3, octets=600)


def packet(client=1, flow=1, number=1, size=10):
    """Packet ``number`` of a flow of a client, of so many octets behind its headers."""
    payload = number.to_bytes(4) + bytes(size)
    return parse(udp(payload, source=f"192.168.0.{client}", sport=flow))


def fragments(client=1, flow=1, ident=1, count=2):
    """A datagram in fragments."""
    whole = udp(bytes([ident]) * (count * 8 - 8), source=f"192.168.0.{client}", sport=flow)[20:]
    parts = [whole[i : i + 8] for i in range(0, len(whole), 8)]
    return [
        parse(
            ipv4(17, part, f"192.168.0.{client}", ident=ident, fragment=(0x2000 if i < count - 1 else 0) | i)
        )
        for i, part in enumerate(parts)
    ]


def full(*packets, bounds=SMALL):
    hold = Hold(60.0, bounds)
    for one in packets:
        assert hold.offer(one, 0.0) == Held()
    return hold


# --- one after the other ------------------------------------------------------------------------


def test_what_comes_goes_in_order_and_once():
    """A link is up: everything goes in the order it came, and nothing is left."""
    packets = [packet(2, 1), packet(1, 1), packet(2, 2), packet(1, 1, 2)]
    hold = full(*packets)
    assert (len(hold), hold.places, hold.clients) == (4, 4, 2)
    assert hold.octets == sum(len(one.data) for one in packets)
    assert hold.release() == tuple(packets)
    assert (hold.release(), len(hold), hold.places, hold.octets, hold.clients) == ((), 0, 0, 0, 0)


def test_a_retransmission_does_not_wait_beside_the_first():
    """It is dropped and counted; the time of the first one goes on."""
    hold = Hold(60.0)
    first, again = parse(tcp(ident=1)), parse(tcp(ident=2))
    assert hold.offer(first, 0.0) == Held()
    assert hold.offer(again, 3.0) == Dropped("duplicate")
    assert (hold.packets(), hold.since(), hold.dropped) == ((first,), 0.0, {"duplicate": 1})


def test_time_is_over_for_the_old_ones_only():
    """Each has its own time, from when it came."""
    hold, old, young = Hold(60.0), packet(1), packet(2)
    assert hold.deadline() is None
    hold.offer(old, 0.0)
    hold.offer(young, 10.0)
    assert hold.deadline() == 60.0
    assert hold.expired(59.9) == ()
    assert hold.expired(60.0) == (old,)
    assert (hold.deadline(), hold.packets(), hold.dropped["expired"]) == (70.0, (young,), 1)
    hold.seconds = 20.0
    assert hold.expired(30.0) == (young,)
    assert hold.deadline() is None


def test_refusing_some():
    """Only those that are meant go; the others keep their places."""
    hold = full(packet(1), packet(2), packet(1, 2))
    assert hold.refuse(lambda one: one.flow.source == packet(1).flow.source) == (packet(1), packet(1, 2))
    assert hold.packets() == (packet(2),)
    assert hold.refuse() == (packet(2),)


def test_what_went_does_not_go_again():
    """A retransmission that was on its way when the link came up is dropped; when no link is up all begins anew."""
    hold = full(packet(1), packet(2))
    hold.release()
    assert [hold.passes(packet(1)), hold.passes(packet(3)), hold.passes(packet(3))] == [False, True, False]
    assert hold.dropped["duplicate"] == 2
    hold.begin()
    assert hold.passes(packet(1))


def test_memory_of_what_went_is_bounded():
    """Only as many are remembered as can wait."""
    hold = Hold(60.0, SMALL)
    assert [hold.passes(packet(1, flow)) for flow in range(1, 8)] == [True] * 7
    assert hold.passes(packet(1, 1))  # forgotten
    assert not hold.passes(packet(1, 7))


# --- too many -----------------------------------------------------------------------------------


def test_a_client_has_its_places_and_no_more():
    """Its flood fills them and displaces nobody, not even itself."""
    hold = full(packet(1, 1), packet(1, 2), packet(1, 3), packet(2, 1))
    assert hold.offer(packet(1, 4), 0.0) == Dropped("client")
    assert hold.offer(packet(1, 1, 2), 0.0) == Dropped("client")
    assert hold.clients == 2


def test_a_new_flow_comes_before_a_further_packet():
    """Of the same client's packets the last further one gives way; the order of the others stays."""
    hold = full(packet(1, 1), packet(1, 1, 2), packet(1, 1, 3))
    assert hold.offer(packet(1, 2), 0.0) == Held(packet(1, 1, 3))
    assert hold.offer(packet(1, 3), 0.0) == Held(packet(1, 1, 2))
    assert hold.offer(packet(1, 4), 0.0) == Dropped("client")
    assert hold.packets() == (packet(1, 1), packet(1, 2), packet(1, 3))
    assert hold.dropped == {"displaced": 2, "client": 1}


def test_a_further_packet_never_displaces():
    """When it is full, what belongs to a flow that has its place already is dropped."""
    hold = full(packet(1, 1), packet(1, 2), packet(1, 2, 2))
    assert hold.offer(packet(1, 1, 2), 0.0) == Dropped("client")
    hold = full(packet(1, 1), packet(2, 1), packet(2, 1, 2), packet(2, 2), packet(3, 1), packet(4, 1))
    assert hold.offer(packet(1, 1, 2), 0.0) == Dropped("full")
    assert hold.places == 6


def test_the_richest_gives_a_newcomer_a_place():
    """First a further packet; if there is none, the last of a client that will still have as many as the newcomer."""
    hold = full(packet(1, 1), packet(1, 2), packet(1, 3), packet(2, 1), packet(2, 1, 2), packet(2, 2))
    assert hold.offer(packet(3, 1), 0.0) == Held(packet(2, 1, 2))
    assert hold.offer(packet(4, 1), 0.0) == Held(packet(1, 3))
    assert hold.offer(packet(4, 2), 0.0) == Dropped("full")  # the others have two at most, it has one
    assert hold.packets() == (
        packet(1, 1),
        packet(1, 2),
        packet(2, 1),
        packet(2, 2),
        packet(3, 1),
        packet(4, 1),
    )


def test_of_the_richer_the_richest():
    """Of two clients with further packets the one with more loses its last."""
    hold = full(packet(1, 1), packet(1, 1, 2), packet(2, 1), packet(2, 1, 2), packet(2, 1, 3), packet(3, 1))
    assert hold.offer(packet(4, 1), 0.0) == Held(packet(2, 1, 3))


def test_nobody_gives_way_to_one_who_has_as_many():
    """A further packet of a client with fewer stays, whatever a richer one begins."""
    hold = full(packet(1, 1), packet(1, 2), packet(2, 1), packet(2, 1, 2), packet(3, 1), packet(4, 1))
    assert hold.offer(packet(1, 3), 0.0) == Dropped("full")


def test_octets_are_bounded_too():
    """A long packet finds no place where a short one does, and displaces nothing if that would not be enough."""
    hold = full(packet(1, 1, size=200), packet(2, 1, size=200), packet(2, 1, 2, size=10))
    assert hold.offer(packet(3, 1, size=120), 0.0) == Dropped("full")
    assert len(hold) == 3
    assert hold.offer(packet(3, 1, size=20), 0.0) == Held()


# --- fragments ----------------------------------------------------------------------------------


def test_fragments_wait_with_their_first():
    """They go where it goes, behind it and in order, and each takes a place."""
    hold, (first, second, third) = Hold(60.0), fragments(count=3)
    assert hold.join(second) == Dropped("fragment")
    hold.offer(first, 0.0)
    assert [hold.join(one) for one in (second, third, third)] == [Held(), Held(), Dropped("duplicate")]
    hold.offer(packet(2), 0.0)
    assert (len(hold), hold.places) == (2, 4)
    found, other = hold.release()
    assert (found.data, found.rest, other) == (first.data, (second.data, third.data), packet(2))
    assert (hold.places, hold.octets) == (0, 0)
    assert hold.join(second) == Dropped("fragment")


def test_fragments_have_the_bounds_of_packets():
    """A datagram of endless fragments takes its client's places and no more; octets count as well."""
    hold, parts = Hold(60.0, SMALL), fragments(count=5)
    hold.offer(parts[0], 0.0)
    assert [hold.join(one) for one in parts[1:]] == [Held(), Held(), Dropped("client"), Dropped("client")]
    (long, rest), hold = fragments(count=2), Hold(60.0, Bounds(octets=60))
    hold.offer(long, 0.0)
    assert (hold.join(rest), hold.join(Fragment(bytes(30), rest.datagram))) == (Held(), Dropped("full"))


# --- whatever comes -----------------------------------------------------------------------------

arrivals = st.lists(
    st.one_of(
        # mostly packets, so that the queue fills
        *(
            st.builds(packet, st.integers(1, clients), st.integers(1, 4), st.integers(1, 3), sizes)
            for clients in (2, 4, 6)
            for sizes in (st.just(4), st.sampled_from([4, 90]))
        ),
        st.sampled_from([one for ident in (1, 2) for one in fragments(ident, ident, ident, 3)]),
        st.sampled_from(["release", "expire", "refuse"]),
    ),
    max_size=60,
)


@given(arrivals)
def test_whatever_comes(events):
    """Bounds hold, order is kept, each goes once, counters add up, and places are given fairly."""
    hold, now, came, gone = Hold(20.0, SMALL), 0.0, [], []
    for event in events:
        now += 1.0
        before = hold.packets()
        if isinstance(event, Fragment):
            hold.join(event)
            assert len(hold) == len(before)
        elif event == "release":
            gone += hold.release()
            assert not hold
        elif event == "refuse":
            gone += hold.refuse(lambda one: one.flow.source_port == 1)
        elif event == "expire":
            gone += hold.expired(now)
        else:
            shares = Counter(one.flow.source for one in before for _ in (one.data, *one.rest))
            outcome = hold.offer(event, now)
            if isinstance(outcome, Held):
                came.append(event)
                if outcome.displaced is not None:
                    gone.append(outcome.displaced)
                    check_displaced(outcome.displaced, event, before, shares)
            else:
                assert hold.packets() == before
        check_bounds(hold)
    gone += hold.release()
    assert Counter(one.flow for one in came) == Counter(one.flow for one in gone)
    assert len(gone) == len(came)


def check_displaced(victim, newcomer, before, shares):
    flows = [one.flow for one in before]
    assert newcomer.flow not in flows, "only the first packet of a flow displaces"
    mine, theirs = shares[newcomer.flow.source], shares[victim.flow.source]
    further = flows.index(victim.flow) != [one.fingerprint for one in before].index(victim.fingerprint)
    if victim.flow.source == newcomer.flow.source:
        assert further
    else:
        assert theirs > mine if further else theirs > mine + 1, "nobody loses a place to one who has as many"


def check_bounds(hold):
    packets = hold.packets()
    wire = [(one.flow.source, data) for one in packets for data in (one.data, *one.rest)]
    assert len(wire) == hold.places <= SMALL.packets
    assert sum(len(data) for _, data in wire) == hold.octets <= SMALL.octets
    shares = Counter(client for client, _ in wire)
    assert max(shares.values(), default=0) <= SMALL.of_a_client
    assert len(shares) == hold.clients
    assert len({one.fingerprint for one in packets}) == len(packets)


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(1, 3)), unique=True, max_size=30))
def test_order_of_arrival(keys):
    """What is there stands in the order it came, whatever had to give way."""
    hold, offered = Hold(20.0, SMALL), [packet(*key) for key in keys]
    for one in offered:
        hold.offer(one, 0.0)
    order = [offered.index(one) for one in hold.packets()]
    assert order == sorted(order)


@pytest.mark.parametrize("clients", [1, 5, 250])
def test_a_flood_is_shared(clients):
    """With the real bounds: 5000 packets of any number of hosts, and those that came late have their share."""
    hold = Hold(60.0)
    for number in range(5000):
        hold.offer(packet(1 + number % clients, 1 + number // clients, size=800), 0.0)
    late = packet(251, 1)
    hold.offer(late, 0.0)
    assert late in hold.packets()
    shares = Counter(one.flow.source for one in hold.packets())
    assert len(hold) <= MOST_PACKETS
    assert hold.octets <= MOST_OCTETS
    assert max(shares.values()) <= MOST_OF_A_CLIENT
    fair = min(MOST_OF_A_CLIENT, MOST_PACKETS // (clients + 1))
    assert min(shares.values()) >= 1 if clients == 250 else shares[packet().flow.source] >= fair - 1
