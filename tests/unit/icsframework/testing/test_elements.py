"""The fake of the dynamic elements has the habits of the kernel."""

from ipaddress import ip_address

import pytest
from zope.interface.verify import verifyObject

from icsframework.dataplane.elements import IElements
from icsframework.dataplane.named import named_element
from icsframework.dataplane.ruleset import Element
from icsframework.dataplane.wake import REFUSED_SECONDS, refused_element
from icsframework.errors import NftError
from icsframework.testing.elements import FakeElements
from icsframework.testing.gateway import FakeClock

PC = ip_address("192.168.0.10")
KEY = (0x10000, "tcp", 8080)
WEB = ("open_any", Element(KEY, (PC, 80)))
SHORT = ("booked", Element(KEY, (), 5.0, comment="owner=x"))


@pytest.fixture
def elements() -> FakeElements:
    return FakeElements(FakeClock())


def result(deferred):
    """What it fired with, or the error."""
    results: list = []
    deferred.addErrback(lambda failure: failure.value).addCallback(results.append)
    return results[0]


def test_it_is_what_the_service_expects(elements: FakeElements) -> None:
    """By the contract."""
    assert verifyObject(IElements, elements)


def test_elements_come_and_go(elements: FakeElements) -> None:
    """Deleting what is not there is no error."""
    assert result(elements.change([WEB, SHORT], [])) is None
    assert elements.keys("open_any") == {KEY: (PC, 80)}
    assert result(elements.change([], [WEB])) is None
    assert result(elements.change([], [WEB])) is None
    assert elements.keys("open_any") == {}
    assert elements.transactions == 3


def test_time_runs(elements: FakeElements) -> None:
    """It is told as what is left, and cannot be changed by adding once more."""
    result(elements.change([WEB, SHORT], []))
    elements._clock.clock.advance(2)
    result(elements.change([SHORT], []))
    assert elements.left("booked", KEY) == 3.0
    assert elements.left("open_any", KEY) is None
    sets = result(elements.read())
    assert [(e.timeout, e.expires, e.comment) for e in sets["booked"]] == [(5.0, 3.0, "owner=x")]
    assert sets["expect_any"] == ()
    result(elements.change([SHORT], [SHORT]))
    assert elements.left("booked", KEY) == 5.0
    elements._clock.clock.advance(5)
    assert elements.keys("booked") == {}


def test_other_data_refuses_the_whole_transaction(elements: FakeElements) -> None:
    """Also when it was only to be deleted: nft adds that first."""
    result(elements.change([WEB], []))
    other = ("open_any", Element(KEY, (PC, 81)))
    assert isinstance(result(elements.change([SHORT, other], [])), NftError)
    assert isinstance(result(elements.change([SHORT], [other])), NftError)
    assert elements.keys("booked") == {}
    assert result(elements.change([other], [WEB])) is None
    assert elements.keys("open_any") == {KEY: (PC, 81)}


def test_a_set_that_is_not_there(elements: FakeElements) -> None:
    """As nft says it."""
    assert isinstance(result(elements.change([("nothing", WEB[1])], [])), NftError)


def test_failures_and_pauses(elements: FakeElements) -> None:
    """As a test asks for them."""
    elements.fail = NftError("no")
    assert result(elements.change([WEB], [])) is elements.fail
    assert result(elements.read()) is elements.fail
    elements.fail, elements.held = None, True
    answers: list = []
    elements.change([WEB], []).addCallback(answers.append)
    assert (answers, elements.keys("open_any")) == ([], {})
    elements.flush()
    assert answers == [None]
    elements.use("open_any", KEY)
    assert elements.keys("open_any") == {}
    result_of_wipe = elements.change([SHORT], [])
    elements.flush()
    assert result(result_of_wipe) is None
    elements.wipe()
    assert elements.keys("booked") == {}


def test_a_set_has_a_time_of_its_own(elements: FakeElements) -> None:
    """Refused flows that say nothing else go after the set's time."""
    result(elements.change([refused_element(PC, ip_address("203.0.113.9"), "tcp", 5000, 80)], []))
    assert list(elements.keys("refused")) == [(PC, ip_address("203.0.113.9"), "tcp", 5000, 80)]
    elements._clock.clock.advance(REFUSED_SECONDS)
    assert elements.keys("refused") == {}


def test_sets_of_names_are_there(elements: FakeElements) -> None:
    """Whatever the pattern: the rules in force are not known here."""
    name, element = named_element("*.example.net", PC, ip_address("192.0.2.80"), 60.0)
    assert result(elements.change([(name, element)], [])) is None
    assert elements.left(name, element.key) == 60.0
