"""Conversations with the allocator (RFC 2131), each as the list of what it wants done."""

from ipaddress import IPv4Address

import dpkt
import pytest

from ics_plugins.lan.dhcp.bindings import MAX_LEASES_PER_CHADDR, QUARANTINE
from ics_plugins.lan.dhcp.offers import OFFER_TIME
from ics_plugins.lan.dhcp.replies import wire_of
from ics_plugins.lan.dhcp.server import MAX_PROBES, MAX_TRIES, client_key
from icsframework.protocols.dhcp.message import BOOTREPLY, BROADCAST_FLAG, Message

US = "192.168.0.1"
A0, A1, A2, A3 = (f"192.168.0.{n}" for n in range(100, 104))


def test_discover_offer_request_ack(paper):
    """RFC 2131 section 3.1: an address is offered, and bound before it is acknowledged."""
    lan = paper()
    assert lan.send("DISCOVER") == [f"OFFER {A0} to {A0}"]
    assert lan.send("REQUEST", requested=A0, server=US) == [f"{A0} granted", f"ACK {A0} to {A0}"]
    assert lan.live == {A0: 1}


def test_a_second_client_gets_another_address(paper):
    """No address is offered to two clients while the first offer stands."""
    lan = paper()
    assert lan.send("DISCOVER", 1) == [f"OFFER {A0} to {A0}"]
    assert lan.send("DISCOVER", 2) == [f"OFFER {A1} to {A1}"]
    assert lan.send("DISCOVER", 1) == [f"OFFER {A0} to {A0}"]


def test_a_client_keeps_its_address(paper):
    """Section 4.3.1: the current, then the previous address, also after release and expiry and a restart of the client."""
    lan = paper(lease="1h")
    assert (lan.join(1), lan.join(2), lan.join(1)) == (A0, A1, A0)
    assert lan.send("RELEASE", 1, ciaddr=A0) == [f"{A0} released"]
    assert lan.join(3) == A2
    assert lan.send("DISCOVER", 1) == [f"OFFER {A0} to {A0}"]
    assert lan.wait(3600) == [f"{A1} expired", f"{A2} expired", "look for others"]
    assert lan.send("DISCOVER", 2) == [f"OFFER {A1} to {A1}"]


def test_the_address_asked_for_is_given_if_it_is_free(paper):
    """Section 4.3.1: option 50 of a DISCOVER is honoured within the pool, never outside, never another's."""
    lan = paper()
    assert lan.send("DISCOVER", 1, requested=A2) == [f"OFFER {A2} to {A2}"]
    assert lan.send("DISCOVER", 2, requested=A2) == [f"OFFER {A0} to {A0}"]
    assert lan.send("DISCOVER", 3, requested="192.168.0.7") == [f"OFFER {A1} to {A1}"]
    assert lan.send("DISCOVER", 4, requested="10.0.0.7") == [f"OFFER {A3} to {A3}"]


def test_the_oldest_expired_address_is_reused_last(paper):
    """Fresh addresses go first; then those that nobody remembers; then that whose lease is over longest."""
    lan = paper(lease="1h")
    for host in (1, 2):
        lan.join(host)
        lan.wait(10)
    lan.wait(3600)
    assert [lan.join(host) for host in (3, 4, 5, 6)] == [A2, A3, A0, A1]
    assert lan.send("DISCOVER", 7) == ["dhcp.exhausted"]
    assert lan.server.counters["exhausted"] == 1


def test_a_lease_is_keyed_by_client_identifier(paper):
    """Section 4.2, RFC 4361 section 6.3: one MAC with two identifiers has two leases; without one the MAC decides."""
    lan = paper()
    assert [lan.join(1, client_id=b"\xff" + iaid + b"duid") for iaid in (b"one!", b"two!", b"one!")] == [
        A0,
        A1,
        A0,
    ]
    assert [lan.join(1), lan.join(1)] == [A2, A2]
    assert client_key(Message(1, 1, b"\x02" * 6)) == b"\x01" + b"\x02" * 6
    assert client_key(Message(1, 1, b"\x02" * 6, {61: b"x" * 256})) is None


def test_clients_without_hardware_address_are_told_apart(paper):
    """RFC 6842: two clients with chaddr 0 are kept apart by identifier, answered by broadcast; without one they are nobody."""
    lan = paper()
    assert lan.send("DISCOVER", chaddr=bytes(6), client_id=b"\x00one") == [f"OFFER {A0} by broadcast"]
    assert lan.send("DISCOVER", chaddr=bytes(6), client_id=b"\x00two") == [f"OFFER {A1} by broadcast"]
    assert lan.replies[0].options[61] == b"\x00two"
    assert lan.send("DISCOVER", chaddr=bytes(6)) == []
    assert lan.server.counters["anonymous"] == 1


def test_where_replies_go(paper):
    """Section 4.1: to yiaddr at the client's MAC, by broadcast if it says so, to ciaddr when it has an address."""
    lan = paper()
    assert lan.send("DISCOVER", flags=BROADCAST_FLAG) == [f"OFFER {A0} by broadcast"]
    assert lan.send("DISCOVER") == [f"OFFER {A0} to {A0}"]
    lan.join()
    assert lan.send("REQUEST", ciaddr=A0, flags=BROADCAST_FLAG) == [f"{A0} renewed", f"ACK {A0} to {A0}"]
    assert lan.send("DISCOVER", 2, htype=6) == [f"OFFER {A1} by broadcast"]


def test_renewing_and_rebinding(paper):
    """Section 4.3.2: a REQUEST with ciaddr extends the lease, even one just expired."""
    lan = paper(lease="1h")
    lan.join()
    lan.wait(1800)
    assert lan.send("REQUEST", ciaddr=A0) == [f"{A0} renewed", f"ACK {A0} to {A0}"]
    assert lan.server.table.at(lan.replies[0].yiaddr).expires == lan.now + 3600
    assert lan.wait(3599) == ["look for others"]
    assert lan.wait(1) == [f"{A0} expired"]
    assert lan.send("REQUEST", ciaddr=A0) == [f"{A0} granted", f"ACK {A0} to {A0}"]


def test_a_renewal_that_cannot_be(paper):
    """Section 4.3.2: NAK for another's address, for another network, for an address that is not the client's own."""
    lan = paper()
    lan.join(1)
    lan.join(2)
    assert lan.send("REQUEST", 3, ciaddr=A0) == ["dhcp.refused", "NAK by broadcast"]
    lan.now += 60
    assert lan.send("REQUEST", 1, ciaddr="10.0.0.7") == ["dhcp.refused", "NAK by broadcast"]
    assert lan.replies[0].options[56] == b"wrong network"
    assert lan.send("REQUEST", 1, ciaddr=A3) == ["NAK by broadcast"]
    assert lan.live == {A0: 1, A1: 2}


def test_a_renewal_that_we_have_forgotten(paper):
    """A client that renews a free address of the pool is adopted; one that was never ours is left to its server."""
    lan = paper()
    assert lan.send("REQUEST", 1, ciaddr=A2) == [f"{A2} granted", f"ACK {A2} to {A2}"]
    assert lan.send("REQUEST", 2, ciaddr="192.168.0.7") == []
    assert lan.server.counters["unknown_client"] == 1


def test_init_reboot(paper):
    """Section 4.3.2: known and right is acknowledged, known and wrong or a wrong network is refused, unknown is met with silence."""
    lan = paper()
    lan.join(1)
    assert lan.send("REQUEST", 1, requested=A0) == [f"{A0} renewed", f"ACK {A0} to {A0}"]
    assert lan.send("REQUEST", 1, requested=A1) == ["dhcp.refused", "NAK by broadcast"]
    lan.now += 60
    assert lan.send("REQUEST", 2, requested="10.0.0.7") == ["dhcp.refused", "NAK by broadcast"]
    assert lan.send("REQUEST", 2, requested=A1) == []
    assert lan.server.counters["unknown_client"] == 1
    assert lan.send("REQUEST", 2) == []


def test_init_reboot_where_we_are_authoritative(paper):
    """The authority answers unknown clients too: yes for a free address, no for another's."""
    lan = paper(authoritative=True)
    lan.join(1)
    assert lan.send("REQUEST", 2, requested=A1) == [f"{A1} granted", f"ACK {A1} to {A1}"]
    assert lan.send("REQUEST", 3, requested=A0) == ["dhcp.refused", "NAK by broadcast"]


def test_a_request_after_a_restart(paper):
    """Offers are not persisted: a REQUEST for one we do not remember is granted if the address is free, else refused."""
    lan = paper()
    assert lan.send("REQUEST", 1, requested=A1, server=US) == [f"{A1} granted", f"ACK {A1} to {A1}"]
    assert lan.send("REQUEST", 2, requested=A1, server=US) == ["dhcp.refused", "NAK by broadcast"]
    assert lan.send("REQUEST", 2, requested="192.168.0.7", server=US) == ["NAK by broadcast"]


def test_an_offer_not_taken_is_free_again(paper):
    """Section 3.1: a REQUEST for another server frees our offer at once, time frees it in the end."""
    lan = paper()
    lan.send("DISCOVER", 1)
    assert lan.send("REQUEST", 1, requested="192.168.0.9", server="192.168.0.9") == []
    assert lan.send("DISCOVER", 2) == [f"OFFER {A1} to {A1}"]
    assert lan.send("DISCOVER", 3, requested=A0) == [f"OFFER {A0} to {A0}"]
    lan.wait(OFFER_TIME)
    assert len(lan.server._bindings.offers) == 0
    assert lan.send("DISCOVER", 4, requested=A0) == [f"OFFER {A0} to {A0}"]


def test_decline(paper):
    """Section 4.3.3: a declined address is left alone for a while; only its own client can decline it."""
    lan = paper()
    lan.join(1)
    assert lan.send("DECLINE", 2, requested=A0, server=US) == []
    assert lan.send("DECLINE", 1, requested=A0, server="192.168.0.9") == []
    assert lan.send("DECLINE", 1, requested=A0, server=US) == [f"{A0} declined", "dhcp.lease.declined"]
    assert lan.send("DISCOVER", 1) == [f"OFFER {A1} to {A1}"]
    assert lan.send("DISCOVER", 2, requested=A0) == [f"OFFER {A2} to {A2}"]
    lan.wait(QUARANTINE)
    assert lan.send("DISCOVER", 3, requested=A0) == [f"OFFER {A0} to {A0}"]


def test_whoever_declines_everything_does_not_empty_the_pool(paper):
    """Never more than half of the pool is in quarantine; the oldest comes back."""
    lan = paper()
    declined = []
    for host in range(1, 8):
        address = lan.join(host)
        declined.append(address)
        lan.send("DECLINE", host, requested=address, server=US)
    assert declined == [A0, A1, A2, A3, A0, A1, A2]
    assert lan.server.details(lan.now)["quarantined"] == [A1, A2]


def test_release(paper):
    """Section 4.3.4: only the holder's own release counts."""
    lan = paper()
    lan.join(1)
    assert lan.send("RELEASE", 2, ciaddr=A0) == []
    assert lan.send("RELEASE", 1, ciaddr=A1) == []
    assert lan.send("RELEASE", 1, ciaddr=A0, server=US) == [f"{A0} released"]
    assert lan.send("RELEASE", 1, ciaddr=A0) == []
    assert lan.server.counters["baseless_release"] == 3
    assert lan.live == {}


def test_inform(paper):
    """Section 4.3.5: parameters to ciaddr, no lease time, no yiaddr, no lease looked up."""
    lan = paper()
    assert lan.send("INFORM", ciaddr="192.168.0.7") == ["ACK to 192.168.0.7"]
    reply = lan.replies[0]
    assert reply.yiaddr == 0
    assert list(reply.options) == [53, 54, 1, 3, 6, 15, 28]
    assert lan.send("INFORM", ciaddr="10.0.0.7") == []
    assert lan.send("INFORM") == []
    assert lan.live == {}


def test_never_seen_addresses_are_probed_before_the_offer(paper):
    """Section 2.2: the offer waits for the probe and answers the newest DISCOVER; renewals and known addresses never wait."""
    lan = paper(probe="400ms")
    assert lan.send("DISCOVER") == [f"probe {A0}"]
    assert lan.send("DISCOVER", secs=4) == []
    assert lan.probed(A0) == [f"OFFER {A0} to {A0}"]
    assert lan.send("REQUEST", requested=A0, server=US) == [f"{A0} granted", f"ACK {A0} to {A0}"]
    assert lan.send("REQUEST", ciaddr=A0) == [f"{A0} renewed", f"ACK {A0} to {A0}"]
    assert lan.send("RELEASE", ciaddr=A0) == [f"{A0} released"]
    assert lan.send("DISCOVER") == [f"OFFER {A0} to {A0}"]
    lan.send("DISCOVER", 2)
    lan.probed(A1)
    lan.wait(OFFER_TIME)
    assert lan.send("DISCOVER", 3, requested=A1) == [f"OFFER {A1} to {A1}"]


def test_an_address_in_use_is_passed_over(paper):
    """Section 2.2: whoever answers keeps it; the next address is tried for the same DISCOVER, up to a limit."""
    lan = paper(probe="400ms")
    assert lan.send("DISCOVER") == [f"probe {A0}"]
    assert lan.probed(A0, host=9) == ["dhcp.conflict", f"probe {A1}"]
    assert lan.probed(A1) == [f"OFFER {A1} to {A1}"]
    assert lan.server.details(lan.now)["quarantined"] == [A0]
    assert lan.probed(A1) == []


def test_tries_are_limited(paper):
    """After MAX_TRIES addresses in use the client has to ask again."""
    lan = paper(probe="400ms", range=["192.168.0.100", "192.168.0.200"])
    told = lan.send("DISCOVER")
    probes = 0
    while told and told[-1].startswith("probe"):
        probes += 1
        told = lan.probed(told[-1].split()[1], host=9)
    assert probes == MAX_TRIES


def test_the_client_itself_may_answer_the_probe(paper):
    """A client that still uses the address we are about to offer is no conflict."""
    lan = paper(probe="400ms")
    lan.send("DISCOVER")
    assert lan.probed(A0, host=1) == [f"OFFER {A0} to {A0}"]


def test_many_at_once_are_not_all_probed(paper):
    """Beyond MAX_PROBES under way offers go out at once: the client's own probe has to do (section 4.4.1)."""
    lan = paper(probe="400ms", range=["192.168.0.100", "192.168.0.200"])
    told = [line for host in range(1, MAX_PROBES + 3) for line in lan.send("DISCOVER", host)]
    assert [line.split()[0] for line in told] == ["probe"] * MAX_PROBES + ["OFFER"] * 2
    assert lan.server.counters["unprobed"] == 2


def test_reserved_addresses(paper):
    """A reserved address goes to its client, in or outside the range, with its name, and to nobody else."""
    entries = [
        {"mac": "02:00:5e:00:53:01", "address": "192.168.0.10", "hostname": "printer"},
        {"client_id": "ff:01:02", "address": A0},
    ]
    lan = paper(reservations=entries)
    assert lan.join(1, options={55: b"\x0c"}) == "192.168.0.10"
    assert lan.replies[0].options[12] == b"printer"
    assert lan.send("DISCOVER", 2, requested=A0) == [f"OFFER {A1} to {A1}"]
    assert lan.join(3, client_id=b"\xff\x01\x02") == A0
    assert lan.send("REQUEST", 4, requested="192.168.0.10", server=US) == ["dhcp.refused", "NAK by broadcast"]


def test_one_machine_under_two_identifiers_keeps_its_reserved_address(paper):
    """Boot loader and system identify themselves differently: what is reserved for the MAC is for both."""
    lan = paper(reservations=[{"mac": "02:00:5e:00:53:01", "address": "192.168.0.10"}])
    assert lan.send("DISCOVER", 1, client_id=b"\x00loader") == ["OFFER 192.168.0.10 to 192.168.0.10"]
    assert lan.join(1, client_id=b"\xffsystem") == "192.168.0.10"
    assert lan.join(1, client_id=b"\x00loader") == "192.168.0.10"
    assert lan.live == {"192.168.0.10": 1}


def test_a_reservation_for_an_address_that_another_has(paper):
    """Its client gets another for now; the holder is refused at its renewal, and then the client moves."""
    lan = paper()
    lan.join(2)
    assert lan.reload(reservations=[{"mac": "02:00:5e:00:53:01", "address": A0}]) == []
    assert lan.join(1) == A1
    assert lan.send("REQUEST", 1, ciaddr=A1) == [f"{A1} renewed", f"ACK {A1} to {A1}"]
    assert lan.send("REQUEST", 2, ciaddr=A0) == ["dhcp.refused", "NAK by broadcast"]
    assert lan.send("RELEASE", 2, ciaddr=A0) == [f"{A0} released"]
    assert lan.send("REQUEST", 1, ciaddr=A1) == ["NAK by broadcast"]
    assert lan.send("DISCOVER", 1) == [f"OFFER {A0} to {A0}"]
    assert lan.send("REQUEST", 1, requested=A0, server=US) == [
        f"{A1} moved",
        f"{A0} granted",
        f"ACK {A0} to {A0}",
    ]
    assert lan.live == {A0: 1}


def test_other_settings_without_a_gap(paper):
    """A smaller range moves clients at their renewal; another network ends their leases at once."""
    lan = paper()
    lan.join(1)
    lan.join(2)
    assert lan.reload(range=[A1, A3]) == []
    assert lan.send("REQUEST", 1, ciaddr=A0) == ["dhcp.refused", "NAK by broadcast"]
    assert lan.send("REQUEST", 2, ciaddr=A1) == [f"{A1} renewed", f"ACK {A1} to {A1}"]
    assert lan.join(1) == A2
    ended = lan.reload("10.1.0.1/24", range=["10.1.0.5", "10.1.0.9"])
    assert ended == [f"{A1} withdrawn", f"{A2} withdrawn"]
    lan.now += 60
    assert lan.send("REQUEST", 1, ciaddr=A2) == ["dhcp.refused", "NAK by broadcast"]
    assert lan.send("DISCOVER", 1) == ["OFFER 10.1.0.5 to 10.1.0.5"]


def test_a_foreign_server_makes_us_stand_aside(paper):
    """While another server answers nothing new is handed out; our own clients renew; when it is gone we go on."""
    lan = paper(lease="12h")
    lan.join(1)
    other = Message(BOOTREPLY, 1, b"\x02" * 6, {53: b"\x02", 54: IPv4Address("192.168.0.9").packed})
    assert lan._told(lan.server.receive(other, lan.now)) == ["dhcp.foreign_server"]
    assert lan._told(lan.server.overheard(other, lan.now)) == []
    assert [lan.send("DISCOVER", 2), lan.send("INFORM", 2, ciaddr=A3)] == [[], []]
    assert lan.send("REQUEST", 2, requested=A1, server=US) == []
    assert lan.send("REQUEST", 2, ciaddr=A1) == []
    assert lan.send("REQUEST", 2, requested=A1) == []
    assert lan.send("REQUEST", 1, ciaddr=A0) == [f"{A0} renewed", f"ACK {A0} to {A0}"]
    assert lan.server.details(lan.now)["foreign_servers"] == ["192.168.0.9"]
    (warning,) = lan.server.details(lan.now)["warnings"]
    assert warning.startswith(
        "another DHCP server (192.168.0.9) answers on LAN home: clients without an address"
    )
    assert lan.wait(2) == ["look for others"]
    lan.wait(95)
    assert lan.server.details(lan.now)["warnings"] == []
    assert lan.send("DISCOVER", 2) == [f"OFFER {A1} to {A1}"]


def test_the_authority_serves_all_the_same(paper):
    """With ``authoritative`` a foreign server is said and ignored."""
    lan = paper(authoritative=True)
    other = Message(BOOTREPLY, 1, b"\x02" * 6, {53: b"\x05", 54: IPv4Address("192.168.0.9").packed})
    assert lan._told(lan.server.overheard(other, lan.now)) == ["dhcp.foreign_server"]
    assert lan.send("DISCOVER") == [f"OFFER {A0} to {A0}"]


def test_a_foreign_server_seen_while_probing(paper):
    """The offer that was waiting for its probe is not made."""
    lan = paper(probe="400ms")
    lan.send("DISCOVER")
    other = Message(BOOTREPLY, 1, b"\x02" * 6, {53: b"\x02", 54: IPv4Address("192.168.0.9").packed})
    lan.server.overheard(other, lan.now)
    assert lan.probed(A0) == []
    assert lan.server.counters["stood_aside"] == 1


def test_our_own_replies_and_odd_ones_are_no_foreign_server(paper):
    """Only an OFFER or ACK with another server's identifier counts."""
    lan = paper()
    for options in (
        {53: b"\x02", 54: IPv4Address(US).packed},
        {53: b"\x02"},
        {53: b"\x06", 54: b"\1\2\3\4"},
        {},
    ):
        assert lan.server.overheard(Message(BOOTREPLY, 1, b"\x02" * 6, options), lan.now) == []
    assert lan.send("DISCOVER") == [f"OFFER {A0} to {A0}"]


def test_relayed_requests(paper):
    """A relay on this LAN is answered at giaddr port 67, NAKs too, with option 82 back; other relays are not ours."""
    lan = paper()
    assert lan.send("DISCOVER", giaddr="192.168.0.8", options={82: b"\1\2ab"}) == [
        f"OFFER {A0} by relay 192.168.0.8"
    ]
    assert list(lan.replies[0].options)[-1] == 82
    assert (lan.actions[0].port, lan.replies[0].options[82]) == (67, b"\1\2ab")
    assert lan.send("REQUEST", giaddr="192.168.0.8", ciaddr="10.0.0.7") == [
        "dhcp.refused",
        "NAK by relay 192.168.0.8",
    ]
    assert lan.replies[0].flags & BROADCAST_FLAG
    assert lan.send("DISCOVER", giaddr="10.0.0.1") == []
    assert lan.send("DISCOVER", giaddr=US) == []
    assert lan.server.counters["relayed_dropped"] == 2


def test_one_machine_cannot_empty_the_pool_with_offers(paper):
    """A flood of DISCOVERs with random identifiers takes the flooder's own offers away, and others are served."""
    lan = paper(range=["192.168.0.100", "192.168.0.109"])
    for n in range(500):
        lan.send("DISCOVER", 1, client_id=b"\xff%d" % n)
    assert len(lan.server._bindings.offers) == 4
    assert lan.join(2) is not None


def test_one_machine_cannot_empty_the_pool_with_leases(paper):
    """Live leases under one MAC are limited; the limit frees itself as they end."""
    lan = paper(range=["192.168.0.100", "192.168.0.199"], lease="1h")
    got = [lan.join(1, client_id=b"\xff%d" % n) for n in range(MAX_LEASES_PER_CHADDR + 5)]
    assert [address is not None for address in got] == [True] * MAX_LEASES_PER_CHADDR + [False] * 5
    assert lan.send("REQUEST", 1, client_id=b"\xffnew", requested="192.168.0.150", server=US) == []
    assert lan.server.counters["refused"] == 6
    assert lan.join(2) is not None
    lan.wait(3600)
    assert lan.join(1, client_id=b"\xffnew") is not None


def test_an_old_offer_goes_to_a_client_in_need(paper):
    """With nothing else left, an offer that stood ten seconds is given to another client; a young one is not."""
    lan = paper()
    for host in range(1, 5):
        lan.send("DISCOVER", host)
    assert lan.send("DISCOVER", 5) == ["dhcp.exhausted"]
    lan.now += 10
    assert lan.send("DISCOVER", 5) == [f"OFFER {A0} to {A0}"]
    assert lan.send("REQUEST", 1, requested=A0, server=US) == ["dhcp.refused", "NAK by broadcast"]


def test_a_shorter_lease_may_be_asked_for(paper):
    """Section 4.3.1: option 51 of the client shortens the lease, not below two minutes, and never lengthens it."""
    lan = paper(lease="1h")
    times = []
    for asked in (600, 10, 86400):
        lan.send("DISCOVER", options={51: asked.to_bytes(4, "big")})
        times.append(int.from_bytes(lan.replies[0].options[51], "big"))
    assert times == [600, 120, 3600]


def test_what_is_not_for_a_server_is_counted(paper):
    """BOOTP without a message type, a server's messages sent as requests: nothing happens."""
    lan = paper()
    assert lan.server.receive(Message(1, 1, b"\x02" * 6), lan.now) == []
    assert lan.send("OFFER") == []
    assert lan.server.counters["not_for_a_server"] == 2


def test_events_of_refusals_are_not_a_flood(paper):
    """A client that is refused a thousand times is one line in ten seconds."""
    lan = paper()
    told = [line for _ in range(1000) for line in lan.send("REQUEST", ciaddr="10.0.0.7")]
    assert told.count("dhcp.refused") == 1
    assert lan.server.counters["naks"] == 1000


def test_the_deadline_is_the_next_thing_to_come(paper):
    """Offers, leases and looks for other servers each set it."""
    lan = paper(lease="2m")
    assert lan.server.deadline == lan.now + 2
    lan.wait(2)
    lan.send("DISCOVER")
    assert lan.server.deadline == lan.now + OFFER_TIME
    lan.send("REQUEST", requested=A0, server=US)
    assert lan.server.deadline == lan.now + 120


@pytest.mark.parametrize("kind", ["DISCOVER", "REQUEST"])
def test_dpkt_reads_the_replies(paper, kind):
    """An independent decoder finds table 3 of RFC 2131 fulfilled: address, server, lease time, T1, T2, mask before router."""
    lan = paper(lease="1h")
    lan.send(kind, requested=A0, options={55: bytes((3, 1, 6, 28, 15, 42, 3)), 61: b"\x01" + b"\x02" * 6})
    if kind == "REQUEST":
        lan.join(options={55: bytes((3, 1, 6, 28, 15, 42, 3)), 61: b"\x01" + b"\x02" * 6})
    reply = next(action for action in lan.actions if hasattr(action, "message"))
    seen = dpkt.dhcp.DHCP(wire_of(reply))
    us = IPv4Address(US).packed
    assert (seen.op, seen.xid, seen.yiaddr, seen.siaddr, seen.giaddr) == (2, 7, int(IPv4Address(A0)), 0, 0)
    assert list(seen.opts) == [
        (53, b"\x02" if kind == "DISCOVER" else b"\x05"), (54, us), (51, b"\0\0\x0e\x10"), (58, b"\0\0\x07\x08"),
        (59, b"\0\0\x0c\x4e"), (1, b"\xff\xff\xff\0"), (3, us), (6, us), (28, b"\xc0\xa8\0\xff"), (15, b"home.arpa"),
        (61, b"\x01" + b"\x02" * 6),
    ]  # fmt: skip


def test_dpkt_reads_a_nak(paper):
    """Section 4.3.2 and table 3: a NAK has no address and no lease time, and goes out by broadcast."""
    lan = paper()
    lan.send("REQUEST", ciaddr="10.0.0.7", client_id=b"\x01abc")
    seen = dpkt.dhcp.DHCP(wire_of(lan.actions[-1]))
    assert (seen.yiaddr, seen.ciaddr) == (0, 0)
    assert list(seen.opts) == [
        (53, b"\x06"), (54, IPv4Address(US).packed), (56, b"wrong network"), (61, b"\x01abc")
    ]  # fmt: skip
