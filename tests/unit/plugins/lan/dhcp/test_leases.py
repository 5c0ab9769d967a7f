"""The lease table and what stands in the journal."""

from ipaddress import IPv4Address

import pytest

from ics_plugins.lan.dhcp.leases import (
    SLACK,
    Lease,
    LeaseTable,
    Moment,
    dotted,
    record_of,
    removal_of,
    replay,
    revive,
)


def lease(address, client=b"c", expires=100.0, chaddr=b"m", duration=60):
    """A lease."""
    return Lease(address, client, chaddr, "pc", expires, duration)


def test_one_lease_a_client_and_one_client_an_address():
    """Binding ends what stood in the way; a client that moves is told its old lease."""
    table = LeaseTable()
    assert table.put(lease(1)) is None
    assert table.put(lease(1, expires=200.0)) is None
    assert table.put(lease(2)) == lease(1, expires=200.0)
    assert table.put(lease(2, b"d")) is None
    assert list(table) == [lease(2, b"d")]
    assert (table.of(b"c"), table.at(1), len(table)) == (None, None, 1)


def test_expired_leases_stay_as_the_previous_ones():
    """A lease that is over is no longer live, but its client is still known."""
    table = LeaseTable()
    table.put(lease(1, b"c", 10.0))
    table.put(lease(2, b"d", 20.0))
    assert table.deadline == 10.0
    assert table.expired(10.0) == [lease(1, b"c", 10.0)]
    assert (table.is_live(1), table.is_live(2), table.live) == (False, True, 1)
    assert table.of(b"c") == lease(1, b"c", 10.0)
    assert table.live_of(b"m") == 1


def test_a_renewed_lease_expires_at_its_new_end():
    """The queue finds it at the old time and puts it back; a shortened lease ends earlier."""
    table = LeaseTable()
    table.put(lease(1, expires=10.0))
    table.put(lease(1, expires=50.0))
    assert table.expired(10.0) == []
    assert table.deadline == 50.0
    table.put(lease(1, expires=30.0))
    assert table.deadline == 30.0
    assert table.expired(30.0) == [lease(1, expires=30.0)]
    assert table.expired(60.0) == []


def test_a_released_lease_is_over_now():
    """lapse ends a live lease at once and gives it as it stands; ending it twice does nothing."""
    table = LeaseTable()
    table.put(lease(1, expires=100.0))
    assert table.lapse(1, 40.0) == lease(1, expires=40.0)
    assert (table.lapse(1, 41.0), table.lapse(2, 41.0)) == (None, None)
    assert table.at(1) == lease(1, expires=40.0)
    table.put(lease(1, expires=200.0))
    assert table.expired(100.0) == []
    assert table.is_live(1)


def test_the_queue_stays_small():
    """A client that renews for ever, or asks for ever shorter leases, does not grow it."""
    table = LeaseTable()
    for n in range(1000):
        table.put(lease(1, expires=1000.0 + n))
    for n in range(1000):
        table.put(lease(1, expires=1000.0 - n))
    assert len(table._heap) <= SLACK + 2
    assert table.deadline == 1.0


FIRST = Moment(70.0, 1_000_000.0, True, "first")


def after_reboot(wall, trusted=True):
    """Five seconds into the next boot."""
    return Moment(5.0, wall, trusted, "second")


def test_a_record_survives_a_reboot():
    """The journal holds wall-clock time; what is left is counted from it, whatever CLOCK_BOOTTIME says now."""
    record = record_of("home", lease(0xC0A80064, b"\x01\x02", 100.0, b"\x02\0\0\0\0\1", 60), FIRST)
    assert record == {
        "lan": "home",
        "address": "192.168.0.100",
        "client": "0102",
        "mac": "02:00:00:00:00:01",
        "hostname": "pc",
        "expires": 1_000_030.0,
        "duration": 60,
        "until": 100.0,
        "boot": "first",
    }
    back = revive(record, after_reboot(1_000_010.0))
    assert back == lease(0xC0A80064, b"\x01\x02", 25.0, b"\x02\0\0\0\0\1", 60)


def test_a_wrong_wall_clock_does_not_end_leases():
    """Untrusted: the whole lease again. Set back: never more than the whole lease. Far ahead: over, but remembered."""
    record = record_of("home", lease(1, expires=100.0, duration=60), FIRST)
    assert revive(record, after_reboot(0.0, trusted=False)).expires == 65.0
    assert revive(record, after_reboot(500_000.0)).expires == 65.0
    table, _ = replay([record], "home", after_reboot(9_000_000.0))
    assert (table.live, table.of(b"c").address) == (0, 1)


def test_what_was_written_by_a_wrong_clock_does_not_end_leases():
    """A board without a battery grants in 1970, gets the time, and boots again: the lease is whole, not 50 years over."""
    in_1970 = FIRST._replace(wall=70.0, trusted=False)
    record = record_of("home", lease(1, expires=100.0, duration=60), in_1970)
    assert record["trusted"] is False
    assert revive(record, after_reboot(1_800_000_000.0)).expires == 65.0


@pytest.mark.parametrize("wall", [0.0, 900_000.0, 1_000_010.0, 9_000_000.0])
@pytest.mark.parametrize("trusted", [True, False])
def test_within_one_boot_the_wall_clock_means_nothing(wall, trusted):
    """A process that starts after a kill takes the time left from the clock that never jumps."""
    record = record_of("home", lease(1, expires=100.0, duration=60), FIRST)
    assert revive(record, Moment(80.0, wall, trusted, "first")).expires == 100.0


def test_replay_tells_what_is_true():
    """The last word on an address and a client counts; other LANs and odd records do not."""
    records = [
        record_of("home", lease(1, b"c"), FIRST),
        record_of("home", lease(2, b"d"), FIRST),
        record_of("guests", lease(3, b"e"), FIRST),
        {"lan": "home", "address": "nowhere", "expires": 1},
        {"lan": "home", "address": "192.168.0.1", "client": 5, "duration": "x"},
        record_of("home", lease(4, b"c"), FIRST),
        removal_of("home", 2),
    ]
    table, odd = replay(records, "home", FIRST)
    assert ([x.address for x in table], odd) == ([4], 2)


def test_addresses_are_written_with_dots():
    """The quick way says what ipaddress says."""
    for address in (0, 1, 0xC0A80064, 0xFFFFFFFF, 0x7F000001):
        assert dotted(address) == str(IPv4Address(address))
