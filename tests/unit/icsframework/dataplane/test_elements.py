"""The dynamic elements by name: what nft is asked for, and what of a table is handed on."""

from ipaddress import ip_address

from twisted.internet.defer import succeed
from zope.interface.verify import verifyObject

from icsframework.dataplane.dynamic import DYNAMIC, OPEN_ANY
from icsframework.dataplane.elements import IElements, TableElements
from icsframework.dataplane.inventory import FoundSet, Inventory
from icsframework.dataplane.named import make_set, name_set, named_element
from icsframework.dataplane.ruleset import Element
from icsframework.dataplane.wake import REFUSED

ELEMENT = Element((1, "tcp", 80), (ip_address("192.168.0.10"), 8080), 60, 9, "owner=web")


class FakeNft:
    """Records changes and has a table or none."""

    def __init__(self, present=None):
        self.present, self.changes = present, []

    def change(self, table, add, delete):
        """Remember what was asked for."""
        self.changes.append((table, add, delete))
        return succeed(None)

    def inventory(self, family, name):
        """What is there."""
        assert (family, name) == ("inet", "ics")
        return succeed(self.present)


def outcome(deferred):
    """What the Deferred fired with."""
    results = []
    deferred.addCallback(results.append)
    return results[0]


def test_changes_go_to_our_table():
    """A change names sets of our table, which has all the dynamic ones, and that of refused flows."""
    nft = FakeNft()
    elements = TableElements(nft)
    assert verifyObject(IElements, elements)
    outcome(elements.change([("open_any", ELEMENT)], [("booked", ELEMENT)]))
    ((table, add, delete),) = nft.changes
    assert (table.address, table.sets) == ("inet ics", (*DYNAMIC, REFUSED))
    assert (add, delete) == ([("open_any", ELEMENT)], [("booked", ELEMENT)])


def test_what_names_led_to_goes_to_its_own_sets():
    """The set of each pattern in a change is known, in what comes and in what goes."""
    nft, pair = FakeNft(), (ip_address("192.168.0.10"), ip_address("192.0.2.80"))
    add, delete = named_element("a.example", *pair, 60), named_element("*.b.example", *pair, 60)
    outcome(TableElements(nft).change([add], [delete, add]))
    ((table, *_),) = nft.changes
    assert table.sets[-2:] == (make_set(name_set("a.example")), make_set(name_set("*.b.example")))
    assert len(table.sets) == len(DYNAMIC) + 3


def test_reading_gives_every_dynamic_set():
    """Each dynamic set is there by its name, empty where nothing is in it or the table is older than it; others are not."""
    found = FoundSet("open_any", OPEN_ANY.type, OPEN_ANY.data, elements=(ELEMENT,))
    present = Inventory(sets={"open_any": found, "lans": FoundSet("lans", ("ifname",))})
    sets = outcome(TableElements(FakeNft(present)).read())
    assert sets == {item.name: () for item in DYNAMIC} | {"open_any": (ELEMENT,)}


def test_reading_without_a_table():
    """Before the first load every set is empty."""
    assert set(outcome(TableElements(FakeNft()).read()).values()) == {()}
