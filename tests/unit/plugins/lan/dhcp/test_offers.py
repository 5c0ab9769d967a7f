"""Standing offers: one a client, a few a hardware address, a minute each."""

from ics_plugins.lan.dhcp.offers import (
    MAX_OFFERS,
    MAX_OFFERS_PER_CHADDR,
    OFFER_TIME,
    STEALABLE_AFTER,
    Offer,
    Offers,
)


def offer(n, chaddr=None, made=0.0, client=None):
    """Offer number ``n``."""
    return Offer(n, client or b"c%d" % n, chaddr or b"m%d" % n, made)


def test_one_offer_a_client():
    """A new offer takes the place of the client's former one, which is returned."""
    offers = Offers()
    first, second = offer(1, client=b"c"), offer(2, client=b"c")
    assert (offers.add(first), offers.add(second)) == ([], [first])
    assert (offers.of(b"c"), offers.at(1), offers.at(2), len(offers)) == (second, None, second, 1)


def test_a_few_offers_a_hardware_address():
    """One more than MAX_OFFERS_PER_CHADDR takes the oldest of the same hardware address away."""
    offers = Offers()
    other = offer(100)
    offers.add(other)
    made = [offer(n, b"m") for n in range(MAX_OFFERS_PER_CHADDR + 1)]
    gone = [old for new in made for old in offers.add(new)]
    assert gone == made[:1]
    assert offers.of(other.client) is other


def test_all_offers_are_bounded():
    """Beyond MAX_OFFERS the oldest of all goes."""
    offers = Offers()
    gone = [old.address for n in range(MAX_OFFERS + 2) for old in offers.add(offer(n))]
    assert (gone, len(offers)) == ([0, 1], MAX_OFFERS)


def test_offers_expire_in_order():
    """The deadline is that of the oldest; a renewed offer is young again."""
    offers = Offers()
    assert offers.deadline is None
    for n in (1, 2, 3):
        offers.add(offer(n, made=float(n)))
    offers.add(offer(1, made=4.0))
    assert offers.deadline == 2 + OFFER_TIME
    assert [old.address for old in offers.expired(3 + OFFER_TIME)] == [2, 3]
    assert offers.addresses == [1]


def test_an_old_offer_can_be_stolen():
    """Only one that has stood long enough."""
    offers = Offers()
    assert offers.steal(100.0) is None
    first = offer(1, made=5.0)
    offers.add(first)
    assert offers.steal(5.0 + STEALABLE_AFTER - 1) is None
    assert offers.steal(5.0 + STEALABLE_AFTER) is first
    assert offers.drop(first.client) is None
