"""What is remembered, for how long, and how much of it."""

import pytest

from ics_plugins.lan.dns.cache import Answer, AnswerCache, Generations, RawCache, RawEntry, key_of
from icsframework.protocols.dns.message import parse_query, parse_response


def stored(wire, *answers, now=1000.7, epoch=0, **how):
    """An answer for www.example.net as it is remembered, and its key."""
    query = parse_query(wire.query("www.example.net"))
    data = wire.answer(wire.query("www.example.net"), *answers, **how)
    return key_of(query, ()), Answer(data, parse_response(data), b"", now, epoch)


def test_generations_are_bounded():
    """However much is put in, no more than the limit stays, and what is used stays longest."""
    cache = Generations(100)
    cache.put("used", 0)
    for number in range(1000):
        cache.put(number, number)
        assert cache.get("used") == 0
        assert len(cache) <= 100
    assert cache.get(999) == 999
    assert cache.get(0) is None


def test_a_value_is_kept_once():
    """An entry that is put again while old is not counted twice."""
    cache = Generations(4)
    for key in "abcab":
        cache.put(key, key)
    assert len(cache) == 3


def test_no_room_at_all():
    """A limit of 0 remembers nothing."""
    cache = Generations(0)
    cache.put("a", 1)
    assert (cache.get("a"), len(cache)) == (None, 0)


def test_less_room_forgets():
    """A smaller limit holds at once; a larger one keeps what is there."""
    cache = Generations(100)
    for number in range(60):
        cache.put(number, number)
    cache.resize(200)
    assert len(cache) == 60
    cache.resize(10)
    assert len(cache) == 0


def test_keys(wire):
    """Case and EDNS do not part questions; type, class, flags, DO and the servers do."""

    def key(name="www.example.net", servers=(), **how):
        return key_of(parse_query(wire.query(name, **how)), servers)

    assert key() == key("WWW.EXAMPLE.NET") == key(edns=4096)
    different = [
        key(),
        key(qtype="AAAA"),
        key(qclass=3),
        key(flags=0x0110),
        key(edns=4096, do=True),
        key(servers=("9.9.9.9:53",)),
    ]
    assert len(set(different)) == len(different)


def test_lifetime(wire):
    """An answer lives for its TTL, counted in whole seconds; then it is outdated for as long as is wanted."""
    cache = AnswerCache(10)
    key, answer = stored(wire, wire.A)
    cache.put(key, answer)
    assert cache.fresh(key, 1299.9, 0) is answer
    assert cache.fresh(key, 1300.0, 0) is None
    assert cache.outdated(key, 1300.0, 60) is answer
    assert cache.outdated(key, 1361.0, 60) is None


@pytest.mark.parametrize(
    ("how", "lifetime"),
    [
        ({"rcode": 2}, 5),
        ({"rcode": 5}, 0),
        ({"rcode": 3}, 0),
        ({"truncated": True}, 0),
    ],
)
def test_lifetime_of_failures(wire, how, lifetime):
    """SERVFAIL is repeated for five seconds (RFC 2308 section 7), other failures and cut answers never."""
    assert stored(wire, **how)[1].lifetime == lifetime


def test_lifetimes_are_bounded(wire):
    """A day for what exists, an hour for what does not, whatever the TTLs say."""
    week = wire.record("www.example.net", "A", 7 * 86400, "192.0.2.1")
    assert stored(wire, week)[1].lifetime == 86400
    assert stored(wire, rcode=3, authority=[wire.soa(ttl=86400)])[1].lifetime == 3600


def test_negative_answers_belong_to_their_servers(wire):
    """After the servers changed, what did not exist is asked again; it is no outdated answer either."""
    cache = AnswerCache(10)
    key, answer = stored(wire, rcode=3, authority=[wire.soa()], epoch=1)
    cache.put(key, answer)
    assert cache.fresh(key, 1001, 1) is answer
    assert cache.fresh(key, 1001, 2) is None
    assert cache.outdated(key, 5000, 1e9) is None


def test_raw_entries(wire):
    """The TTL of a finished datagram goes down second by second; at its end the entry is gone."""
    _, answer = stored(wire, wire.A)
    query = parse_query(wire.query("www.example.net"))
    cache = RawCache(10)
    cache.put(b"raw", RawEntry(answer.message(query), query.qname, answer, 1000.7))
    shown = {}
    for second in (1000, 1001, 1299):
        entry = cache.hit(b"raw", second)
        shown[second] = wire.shown(b"\0\1" + entry.body).rpartition("ttl=")[2]
        assert cache.hit(b"raw", second) is entry
    assert shown == {1000: "300", 1001: "299", 1299: "1"}
    assert cache.hit(b"raw", 1300) is None
    assert len(cache) == 0
    assert cache.hit(b"other", 1300) is None


def test_who_was_told_is_forgotten_in_time(wire):
    """The memory of who got a raw entry is emptied, so that it neither grows nor lasts for ever."""
    _, answer = stored(wire, wire.A)
    query = parse_query(wire.query("www.example.net"))
    entry = RawEntry(answer.message(query), query.qname, answer, 1000)
    entry.told.add("192.168.0.10")
    entry.refresh(1029)
    assert entry.told
    entry.refresh(1030)
    assert not entry.told
    assert (list(map(str, entry.addresses)), entry.ttl) == (["192.0.2.80"], 270)


def test_outdated_answers_say_so(wire):
    """RFC 8767 section 4 and RFC 8914: 30 seconds, and the reason for clients with EDNS."""
    _, answer = stored(wire, wire.A)
    message = answer.outdated(parse_query(wire.query("www.example.net", edns=1232)), udp=True)
    assert wire.shown(message).endswith("ttl=30")
    assert message.endswith(b"\0\x0f\0\2\0\3")
