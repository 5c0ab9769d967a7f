"""links.json, and what is made of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail, maybeDeferred, succeed

from icsframework.config.uplinks import UplinkSection
from icsframework.dataplane.marks import Marks
from icsframework.errors import HostError, StoreError
from icsframework.gateway.remembered import LinksFile, Remembered
from icsframework.store.snapshot import write_atomic
from icsframework.testing.gateway import FakeClock, FakeEvents
from icsframework.testing.uplink import ScriptedUplinkConfig
from icsframework.uplinks.saved import SavedUplink
from icsframework.values import Cause, InterfaceInfo, Link

LINK = Link("eth0", 2, None, "ethernet", "kernel", 1500, False, 5.0, None)
SAVED = {"cable": SavedUplink(2, LINK, Cause("always")), "dsl": SavedUplink(1, hung_up="by root")}


def info(name: str, ifindex: int) -> InterfaceInfo:
    """An interface."""
    return InterfaceInfo(name, ifindex, "02:00:00:00:00:01", 1500, True, True)


# --- the file ---------------------------------------------------------------------------------------


def test_it_is_kept_for_this_boot_and_namespace(tmp_path: Path) -> None:
    """The next process here reads it; elsewhere, after a reboot for example, it is void."""
    path = tmp_path / "links.json"
    assert LinksFile(path, "here").load() is None
    LinksFile(path, "here").save(SAVED)
    assert LinksFile(path, "here").load() == SAVED
    assert LinksFile(path, "elsewhere").load() is None


def test_it_can_be_cleared(tmp_path: Path) -> None:
    """Twice is no error; what cannot be removed is named."""
    file = LinksFile(tmp_path / "links.json", "here")
    file.save(SAVED)
    file.clear()
    file.clear()
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "links.json").mkdir()
    with pytest.raises(StoreError, match=r"links\.json cannot be removed"):
        file.clear()


@pytest.mark.parametrize("document", [[], {"place": "here"}, {"place": "here", "uplinks": {"cable": 1}}])
def test_a_document_that_makes_no_sense_is_refused(tmp_path: Path, document: Any) -> None:
    """As a StoreError."""
    path = tmp_path / "links.json"
    write_atomic(path, document)
    with pytest.raises(StoreError):
        LinksFile(path, "here").load()


# --- what is made of it --------------------------------------------------------------------------------


class Notes:
    """A file in memory that counts, and fails on request."""

    def __init__(self, saved: Mapping[str, SavedUplink] | None = None) -> None:
        self.saved = saved
        self.writes = 0
        self.error: StoreError | None = None

    def load(self) -> Mapping[str, SavedUplink] | None:
        """See SavedLinks."""
        if self.error is not None:
            raise self.error
        return self.saved

    def save(self, uplinks: Mapping[str, SavedUplink]) -> None:
        """See SavedLinks."""
        self.writes += 1
        if self.error is not None:
            raise self.error
        self.saved = uplinks

    def clear(self) -> None:
        """See SavedLinks."""
        if self.error is not None:
            raise self.error
        self.saved = None


def remembered(notes: Notes) -> tuple[Remembered, FakeEvents]:
    """With what it told."""
    events = FakeEvents("gateway", FakeClock())
    return Remembered(notes, maybeDeferred, events), events


def load(found: Remembered, *interfaces: InterfaceInfo) -> list[bool]:
    """The answer of load."""
    answers: list[bool] = []
    found.load(lambda: interfaces).addCallback(answers.append)
    return answers


def test_links_whose_interface_is_there_may_go_on() -> None:
    """By name and number; the index and the operator's word stay in any case."""
    found, _ = remembered(Notes(SAVED))
    assert load(found, info("eth0", 2)) == [True]
    assert (found.links(), found.indices()) == ({"cable": LINK}, {"cable": 2, "dsl": 1})
    for there in (info("eth0", 3), info("eth1", 2)):
        found, _ = remembered(Notes(SAVED))
        load(found, there)
        assert (found.links(), found.indices()) == ({}, {"cable": 2, "dsl": 1})
        assert found.found["dsl"].hung_up == "by root"


def test_a_first_start_finds_nothing() -> None:
    """No file: nothing to adopt, and that is no event."""
    found, events = remembered(Notes())
    assert (load(found), found.found, events.ids()) == ([False], {}, [])


def section(name: str, **keys: Any) -> UplinkSection:
    """An entry of ``uplinks:``."""
    return UplinkSection(**{"name": name, "plugin": "scripted", "own": ScriptedUplinkConfig(), **keys})


@pytest.mark.parametrize(
    ("uplinks", "names", "links"),
    [
        ([section("dsl", interface="eth2")], {"dsl"}, set()),
        ([section("cable", interface="eth0"), section("new", interface="eth2")], {"cable"}, {"cable"}),
        ([section("cable", interface="eth2")], {"cable"}, set()),
        ([section("cable")], {"cable"}, {"cable"}),
    ],
)
def test_only_what_is_configured_may_go_on(
    uplinks: list[UplinkSection], names: set[str], links: set[str]
) -> None:
    """By its name, and on its interface; one that is found in another way may be called anything."""
    found, _ = remembered(Notes(SAVED))
    load(found, info("eth0", 2))
    found.expect(uplinks)
    assert (set(found.found), set(found.links())) == (names, links)


def test_what_was_in_force_says_whose_the_running_flows_are() -> None:
    """Name, index and link of each, also of those that are not configured any more."""
    found, _ = remembered(Notes(SAVED))
    load(found, info("eth0", 2))
    assert [(one.name, one.index, one.up) for one in found.plane(Marks()).uplinks] == [
        ("cable", 2, True),
        ("dsl", 1, False),
    ]


def test_links_that_the_machine_does_not_take_back_are_given_up() -> None:
    """With the reason, and the machine is asked again; all else that is known stays."""
    found, events = remembered(Notes(SAVED))
    load(found, info("eth0", 2))
    asked: list[set[str]] = []

    def settle() -> "Deferred[int]":
        asked.append(set(found.links()))
        return fail(HostError("eth0: no permission")) if found.links() else succeed(7)

    done: list[int] = []
    found.take_up(settle).addCallback(done.append)
    assert (asked, done) == ([{"cable"}, set()], [7])
    assert (found.indices(), events.ids()) == ({"cable": 2, "dsl": 1}, ["uplink.not_adopted"])


def test_without_links_an_error_is_an_error() -> None:
    """There is nothing to give up."""
    found, _ = remembered(Notes())
    load(found)
    errors: list[str] = []
    found.take_up(lambda: fail(HostError("no"))).addErrback(lambda why: errors.append(why.getErrorMessage()))
    assert errors == ["no"]


def test_only_news_are_written() -> None:
    """A disk is not bothered by every change of something else."""
    notes = Notes()
    kept, _ = remembered(notes)
    for uplinks in (SAVED, dict(SAVED), {"cable": SAVED["cable"]}, SAVED):
        kept.keep(uplinks)
    assert (notes.writes, notes.saved) == (3, SAVED)


def test_a_disk_that_fails_is_told_and_tried_again() -> None:
    """It stops nothing; the same news is written as soon as it can be."""
    notes = Notes(SAVED)
    notes.error = StoreError("No space left")
    kept, events = remembered(notes)
    assert load(kept) == [False]
    kept.keep(SAVED)
    assert kept.clear().called
    assert events.ids() == ["store.unreadable", "store.failed", "store.failed"]
    notes.error = None
    kept.keep(SAVED)
    assert (notes.writes, notes.saved) == (2, SAVED)
