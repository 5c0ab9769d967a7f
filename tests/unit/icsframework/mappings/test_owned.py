"""External ports as one plugin sees them."""

import pytest
from zope.interface.verify import verifyObject

from icsframework.errors import MappingError
from icsframework.interfaces import IMappings
from icsframework.mappings.owned import OwnedMappings
from icsframework.values import Endpoint, Open


@pytest.fixture
def owned(running) -> OwnedMappings:
    """What helper ftp has."""
    return OwnedMappings(running.service, "helper.ftp")


def test_it_is_what_a_plugin_may_expect(owned) -> None:
    """By the contract."""
    assert verifyObject(IMappings, owned)


def test_the_owner_is_known(running, owned) -> None:
    """The plugin does not say it."""
    theirs = running.open(40001, owner="helper.sip")
    request = Open("token", "tcp", Endpoint(theirs.to.address, 40000), None)
    mapping = running.outcome(owned.open("cable", request))
    assert running.owners == ["cable tcp 40000 helper.ftp", "cable tcp 40001 helper.sip"]
    running.outcome(owned.release(mapping))
    assert running.owners == ["cable tcp 40001 helper.sip"]


def test_nobody_releases_what_is_anothers(running, owned) -> None:
    """It is refused with the owner's name."""
    theirs = running.open(40001, owner="helper.sip")
    with pytest.raises(MappingError, match=r"203\.0\.113\.5:40001 belongs to helper\.sip"):
        running.outcome(owned.release(theirs))
    assert running.owners == ["cable tcp 40001 helper.sip"]


def test_everything_goes_with_the_view(running, owned) -> None:
    """Flows go on."""
    running.open()
    running.open(40001, owner="helper.sip")
    assert running.outcome(owned.release_all()) is None
    assert running.owners == ["cable tcp 40001 helper.sip"]
    assert running.ended == []
