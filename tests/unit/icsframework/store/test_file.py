"""One journal's file on a disk in memory: system calls, errors of the disk, and power lost between any two calls."""

import errno
import os
from pathlib import Path

import pytest

from icsframework.errors import JournalDamaged, StoreError, StoreVersionError
from icsframework.store.file import Append, Close, Compact, Contents, JournalFile, Open, Opened
from icsframework.store.format import Header, decode, encode, frames, header_line, scan
from icsframework.testing.files import MemoryFiles, PowerLoss

PATH = Path("/var/lib/ics/leases.journal")
OLD = header_line(Header("leases", 1, "ics 0.0.9")) + frames(1, [encode({"n": n}) for n in range(3)])


def journal_file(files, version=2):
    return JournalFile(files, PATH, "leases", version, "ics 0.1.0")


def opened(files, version=2, upgrade=None):
    """The file and what opening it gave; an error is raised."""
    file = journal_file(files, version)
    (outcome,) = file.commit([Open(upgrade)])
    if isinstance(outcome, Exception):
        raise outcome
    return file, outcome


def appends(*numbers):
    return [Append(encode({"n": n})) for n in numbers]


def numbers(outcome):
    """The n of each record."""
    contents = outcome.contents if isinstance(outcome, Opened) else outcome
    return [decode(payload)["n"] for payload in contents.payloads]


def on_disk(files):
    """The n of each record in the file, which must be without damage."""
    found = scan(files.read(PATH))
    assert found.damage == ()
    return [decode(entry.payload)["n"] for entry in found.entries]


def oserror(number):
    return OSError(number, os.strerror(number))


def renumber(record, from_version):
    """An upgrade from 1 to 2: drops record 1, moves the others by a hundred."""
    assert from_version == 1
    return None if record["n"] == 1 else {"n": record["n"] + 100}


REPLACING = ["create", "write", "fdatasync", "close", "rename", "sync_directory"]


def test_the_system_calls_of_a_journals_life():
    """New file aside and renamed; a batch is one write and one sync; compaction replaces; nothing else is called."""
    files = MemoryFiles()
    file = journal_file(files)
    outcomes = file.commit([Open()])
    outcomes += file.commit(appends(1, 2, 3))
    outcomes += file.commit(appends(4))
    outcomes += file.commit([*appends(5), Compact([{"n": 5}]), *appends(6, 7)])
    outcomes += file.commit([Close()])
    assert outcomes == [Opened(Contents(1, ())), 1, 2, 3, 4, 5, Contents(7, [encode({"n": 5})]), 8, 9, None]
    assert files.calls == [
        "make_directory", "read", *REPLACING,
        "open_append", "write", "fdatasync",
        "write", "fdatasync",
        "write", "fdatasync", *REPLACING[:5], "close", "sync_directory", "open_append", "write", "fdatasync",
        "close",
    ]  # fmt: skip
    assert on_disk(files) == [5, 6, 7]
    assert files.open_descriptors == 0


def test_the_system_calls_of_an_upgrade():
    """The copy of the old file is durable, with its name, before the new one takes its place."""
    files = MemoryFiles()
    files.put(PATH, OLD)
    opened(files, upgrade=renumber)
    assert files.calls == ["make_directory", "read", *REPLACING, *REPLACING]


@pytest.mark.parametrize("call", ["write", "fdatasync"])
def test_after_an_error_the_file_is_opened_anew(call):
    """The kernel reports a failed writeback once to each open file: the old descriptor is not asked again."""
    files = MemoryFiles()
    file, _ = opened(files)
    file.commit(appends(1))
    files.failing, files.calls = {call: oserror(errno.EIO)}, []
    file.commit(appends(2))
    files.failing = {}
    file.commit(appends(3))
    failed = ["write"] if call == "write" else ["write", "fdatasync"]
    assert files.calls == [*failed, "close", "open_append", "truncate", "write", "fdatasync"]


def test_a_good_file_is_synced_when_it_is_opened():
    """What a killed process left in the page cache is put on the disk before its owner relies on it."""
    files = MemoryFiles()
    file, _ = opened(files)
    files.failing = {"fdatasync": oserror(errno.EIO)}
    file.commit(appends(1))
    files.failing = {}
    _, outcome = opened(files)
    files.power_loss()
    assert (numbers(outcome), on_disk(files)) == ([1], [1])


def test_a_torn_end_is_cut_off_and_told():
    """An unfinished last record goes; the next one follows the last good one."""
    files = MemoryFiles()
    file, _ = opened(files)
    file.commit(appends(1, 2))
    files.put(PATH, files.read(PATH) + b"0a1b2c3d 20 3 {")
    file, outcome = opened(files)
    assert numbers(outcome) == [1, 2]
    assert [h.id for h in outcome.happenings] == ["store.torn"]
    assert file.commit(appends(3)) == [3]
    assert on_disk(files) == [1, 2, 3]


def test_damage_is_kept_aside_repaired_and_told():
    """The damaged file is kept, the rest goes on in a new one, whose numbers jump."""
    files = MemoryFiles()
    file, _ = opened(files)
    file.commit(appends(1, 2, 3))
    damaged = files.read(PATH).replace(b'{"n":2}', b'{"n":7}')
    files.put(PATH, damaged)
    file, outcome = opened(files)
    assert (numbers(outcome), outcome.contents.first) == ([1, 3], 5)
    (happening,) = outcome.happenings
    assert happening.id == "store.damaged"
    assert happening.fields == {
        "file": str(PATH),
        "offset": damaged.index(b'{"n":7}') - len("xxxxxxxx 9 2 "),
        "bytes": len('xxxxxxxx 9 2 {"n":7}\n'),
        "missing": 1,
        "records": 2,
        "copy": "/var/lib/ics/leases.damaged",
    }
    assert files.read(PATH.with_name("leases.damaged")) == damaged
    assert file.commit(appends(4)) == [7]
    assert on_disk(files) == [1, 3, 4]
    assert opened(files)[1].happenings == ()


def test_a_newer_version_is_refused_with_the_file_untouched():
    """The sentence names the file, both versions, who wrote it and what to do."""
    files = MemoryFiles()
    newer = header_line(Header("leases", 7, "ics 3.0")) + b"whatever it is\n"
    files.put(PATH, newer)
    with pytest.raises(StoreVersionError) as caught:
        opened(files)
    assert str(caught.value) == (
        "/var/lib/ics/leases.journal has format version 7, written by ics 3.0; this ics knows versions up to 2. It was "
        "left untouched: start the newer ics, or move the file away to begin with an empty one."
    )
    assert (files.names(), files.read(PATH)) == (["leases.journal"], newer)
    assert files.calls == ["make_directory", "read", "read"]


def test_a_newer_version_is_refused_even_if_its_header_was_written_by_hand():
    """A missing checksum is no reason to overwrite what says that it is newer."""
    files = MemoryFiles()
    files.put(PATH, b'{"ics-journal":"leases","format":99}\n')
    with pytest.raises(StoreVersionError, match="written by somebody"):
        opened(files)


def test_a_newer_framing_is_refused():
    """The line format has a version of its own."""
    files = MemoryFiles()
    files.put(PATH, header_line(Header("leases", 2, "ics 9", framing=2)))
    with pytest.raises(StoreVersionError):
        opened(files)


def test_an_old_version_is_upgraded_and_kept_once():
    """Each record goes through upgrade, None drops it; the old file stays as NAME.v1.bak."""
    files = MemoryFiles()
    files.put(PATH, OLD)
    file, outcome = opened(files, upgrade=renumber)
    assert numbers(outcome) == [100, 102]
    (happening,) = outcome.happenings
    copy = "/var/lib/ics/leases.v1.bak"
    assert (happening.id, happening.fields) == (
        "store.upgraded", {"file": str(PATH), "found": 1, "version": 2, "copy": copy},
    )  # fmt: skip
    assert files.names() == ["leases.journal", "leases.v1.bak"]
    assert files.read(Path(copy)) == OLD
    assert scan(files.read(PATH)).header.version == 2
    assert file.commit(appends(5)) == [outcome.contents.first + 2]
    assert opened(files)[1].happenings == ()


@pytest.mark.parametrize(
    ("upgrade", "error"),
    [(None, StoreVersionError), (lambda record, version: record["absent"], StoreError), (lambda r, v: {"n": {1}}, StoreError)],
    ids=["none", "raises", "not json"],
)  # fmt: skip
def test_an_upgrade_that_cannot_be_done_leaves_the_file_untouched(upgrade, error):
    """No upgrade function, one that raises, one whose result is no JSON: refused, and nothing was written."""
    files = MemoryFiles()
    files.put(PATH, OLD)
    with pytest.raises(error):
        opened(files, upgrade=upgrade)
    assert (files.names(), files.read(PATH)) == (["leases.journal"], OLD)


def test_a_journal_of_another_name_is_refused():
    """Somebody moved a file: it is not mixed up with this one's records."""
    files = MemoryFiles()
    files.put(PATH, header_line(Header("mappings", 2, "ics 0.1.0")))
    with pytest.raises(StoreError, match=r"is the journal 'mappings'.*move it back to mappings\.journal"):
        opened(files)


def test_a_damaged_header_with_another_version_is_not_believed():
    """A flipped bit must not send records of today through an upgrade from yesterday."""
    files = MemoryFiles()
    files.put(PATH, OLD.replace(b'"format":1', b'"format":2'))
    with pytest.raises(JournalDamaged, match="first line"):
        opened(files, version=3, upgrade=renumber)


@pytest.mark.parametrize("content", [b"", b"\n", b"not ours\n", bytes(4096), b'{"ics-journal"'])
def test_what_is_no_journal_is_kept_aside(content):
    """Rubbish under our name costs nobody a start, and is not thrown away."""
    files = MemoryFiles()
    files.put(PATH, content)
    file, outcome = opened(files)
    assert (numbers(outcome), [h.id for h in outcome.happenings]) == ([], ["store.damaged"])
    assert files.read(PATH.with_name("leases.damaged")) == content
    file.commit(appends(1))
    assert on_disk(files) == [1]


@pytest.mark.parametrize(
    "number", [errno.ENOSPC, errno.EROFS, errno.EIO, errno.EACCES, errno.EDQUOT, errno.EMFILE, errno.EBADF]
)
@pytest.mark.parametrize("call", ["write", "fdatasync", "open_append", "truncate"])
def test_an_error_of_the_disk_fails_its_batch_only(call, number):
    """Each record of the batch fails with one sentence; nothing acknowledged is lost; the next batch works."""
    files = MemoryFiles()
    file, _ = opened(files)
    file.commit(appends(1))
    file.commit([Close()])  # so that the next append opens the file
    if call == "truncate":
        files.failing = {"fdatasync": oserror(errno.EIO)}
        file.commit(appends(0))
    files.failing = {call: oserror(number)}
    failed = file.commit(appends(2, 3))
    assert [type(outcome) for outcome in failed] == [StoreError, StoreError]
    assert str(failed[0]).startswith("Cannot write /var/lib/ics/leases.journal: ")
    files.failing = {}
    assert file.commit(appends(4, 5)) == [2, 3]
    assert on_disk(files) == [1, 4, 5]


def test_a_disk_that_fills_in_the_middle_of_a_record():
    """The part that was written is cut off before the next record."""
    files = MemoryFiles()
    file, _ = opened(files)
    file.commit(appends(1))
    files.space = len(files.read(PATH)) + 30
    failed = file.commit(appends(2, 3, 4))
    assert [str(outcome) for outcome in failed] == [
        "Cannot write /var/lib/ics/leases.journal: the disk is full; free some space, ics then goes on by itself."
    ] * 3
    assert scan(files.read(PATH)).torn
    files.space = None
    assert file.commit(appends(5)) == [2]
    assert on_disk(files) == [1, 5]


@pytest.mark.parametrize("call", REPLACING)
def test_a_compaction_that_fails_leaves_a_usable_journal(call):
    """Whichever call fails: the compaction fails, no temporary file stays, appends go on and survive a power loss."""
    files = MemoryFiles()
    file, _ = opened(files)
    file.commit(appends(1, 2, 3))
    files.failing = {call: oserror(errno.EIO)}
    (failed,) = file.commit([Compact([{"n": 3}])])
    assert isinstance(failed, StoreError)
    files.failing = {}
    assert [type(outcome) for outcome in file.commit(appends(4))] == [int]
    files.power_loss()
    assert on_disk(files) == ([3, 4] if call == "sync_directory" else [1, 2, 3, 4])
    assert files.names() == ["leases.journal"]


def test_a_compaction_of_what_is_no_json_fails_alone():
    """The records around it are written."""
    files = MemoryFiles()
    file, _ = opened(files)
    first, failed, last = file.commit([*appends(1), Compact([{"n": {1}}]), *appends(2)])
    assert ((first, last), type(failed)) == ((1, 2), StoreError)
    assert on_disk(files) == [1, 2]


def test_a_disk_that_cannot_be_written_can_still_be_read():
    """A read-only disk keeps nobody from reading the journal; it is told, and appends fail."""
    files = MemoryFiles()
    opened(files)[0].commit(appends(1))
    files.fail = oserror(errno.EROFS)
    files.failing = {}
    files.make_directory = lambda path: None  # it exists: nothing is written
    file, outcome = opened(files)
    assert (numbers(outcome), [h.id for h in outcome.happenings]) == ([1], ["store.failed"])
    assert "read-only" in outcome.happenings[0].fields["reason"]
    assert "read-only" in str(file.commit(appends(2))[0])
    files.fail = None
    assert file.commit(appends(2)) == [2]


def test_a_new_file_that_cannot_be_made_is_an_error():
    """A state directory that does not work is told when the journal is opened, not with the first lease."""
    files = MemoryFiles()
    files.fail = oserror(errno.EACCES)
    with pytest.raises(StoreError, match="must belong to the user that runs ics"):
        opened(files)


# --- power lost between any two system calls


def life(files, acknowledged):
    """Batches and compactions; ``acknowledged`` holds, after each step, what must be there, and what may be."""
    file, outcome = opened(files, upgrade=renumber)
    now = numbers(outcome)
    acknowledged.append((now, now))
    for step in ([10, 11, 12], [13], "compact", [14, 15], "compact", [16]):
        if step == "compact":
            target = now[-2:]
            acknowledged.append((now, target))
            assert isinstance(file.commit([Compact([{"n": n} for n in target])])[0], Contents)
            now = target
        else:
            acknowledged.append((now, now + step))
            assert all(isinstance(seq, int) for seq in file.commit(appends(*step)))
            now = now + step
        acknowledged.append((now, now))


def allowed(before, after):
    """All states between an acknowledged one and the one that was being written."""
    if after[: len(before)] == before:
        return [after[:length] for length in range(len(before), len(after) + 1)]
    return [before, after]


STARTS = {
    "new": None,
    "good": header_line(Header("leases", 2, "ics 0.1.0")) + frames(1, [encode({"n": 1})]),
    "torn": header_line(Header("leases", 2, "ics 0.1.0")) + frames(1, [encode({"n": 1})]) + b"0123",
    "old": OLD,
    "damaged": header_line(Header("leases", 2, "ics 0.1.0")) + b"?\n" + frames(2, [encode({"n": 1})]),
}
EXPECTED_AT_START = {"new": [], "good": [1], "torn": [1], "old": [100, 102], "damaged": [1]}


@pytest.mark.parametrize("names", [False, True], ids=["names lost", "names kept"])
@pytest.mark.parametrize("kept", [0.0, 0.5, 0.93, 1.0])
@pytest.mark.parametrize("start", STARTS)
def test_power_lost_at_any_system_call_loses_nothing_acknowledged(start, kept, names):
    """Whatever the disk kept of what was not synced, the next start finds every acknowledged record, in order."""
    crashes = 0
    while True:
        files = MemoryFiles()
        if STARTS[start] is not None:
            files.put(PATH, STARTS[start])
        files.lose_power_at = crashes
        acknowledged = [(EXPECTED_AT_START[start], EXPECTED_AT_START[start])]
        try:
            life(files, acknowledged)
        except PowerLoss:
            crashes += 1
        else:
            break
        files.power_loss(kept, names)
        _, outcome = opened(files, upgrade=renumber)
        assert numbers(outcome) in allowed(*acknowledged[-1]), (crashes, acknowledged)
        assert on_disk(files) == numbers(outcome)
        if start == "old" and numbers(outcome) != EXPECTED_AT_START["old"]:
            assert files.read(PATH.with_name("leases.v1.bak")) == OLD
    assert crashes > 20
