"""The store on real files with its real thread: the directory, its files, its end, and a kill in the middle."""

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from icsframework.errors import StoreError
from icsframework.store.files import RealFiles
from icsframework.store.format import decode, scan
from icsframework.store.store import Store, file_stem


class CountingFiles(RealFiles):
    """The kernel, counting what costs; while ``gate`` is closed the disk is busy."""

    def __init__(self):
        self.syncs = 0
        self.gate = threading.Event()
        self.gate.set()

    def fdatasync(self, descriptor):
        assert self.gate.wait(30.0)
        self.syncs += 1
        super().fdatasync(descriptor)


def open_descriptors():
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "lib" / "ics"


def test_the_directory_and_its_files_are_not_for_everybody(directory, reactor):
    """0750 and 0640 whatever the umask, and only when a journal is opened."""
    old = os.umask(0o000)
    try:
        store = Store(directory, reactor)
        assert not directory.exists()
        reactor.wait(store.open("leases", 1))
        assert directory.stat().st_mode & 0o777 == 0o750
        assert (directory / "leases.journal").stat().st_mode & 0o777 == 0o640
        os.umask(0o077)
        reactor.wait(Store(directory / "other", reactor).open("leases", 1))
        assert (directory / "other").stat().st_mode & 0o777 == 0o750
    finally:
        os.umask(old)
    reactor.wait(store.close())


def test_an_existing_directory_keeps_its_mode(directory, reactor):
    """systemd or the operator made it: it is theirs."""
    directory.mkdir(parents=True)
    directory.chmod(0o700)
    store = Store(directory, reactor)
    reactor.wait(store.open("leases", 1))
    assert directory.stat().st_mode & 0o777 == 0o700
    reactor.wait(store.close())


def test_a_state_directory_that_is_a_file_is_a_sentence(directory, reactor):
    """The error names what could not be done and where."""
    directory.parent.mkdir()
    directory.write_text("")
    store = Store(directory, reactor)
    with pytest.raises(StoreError, match=re.escape(f"Cannot open {directory}/leases.journal: ")):
        reactor.wait(store.open("leases", 1))
    reactor.wait(store.close())


def test_a_journal_is_open_once(directory, reactor):
    """Two writers of one file would overwrite each other; after close it may be opened again, even at once."""
    store = Store(directory, reactor)
    opening = store.open("leases", 1)
    with pytest.raises(StoreError, match="open already"):
        reactor.wait(store.open("leases", 1))
    journal = reactor.wait(opening)
    with pytest.raises(StoreError, match="open already"):
        reactor.wait(store.open("leases", 1))
    written = journal.append({"n": 1})
    journal.close()
    again = reactor.wait(store.open("leases", 1))
    assert (reactor.wait(written), again.load()) == (1, [{"n": 1}])
    reactor.wait(store.close())


def test_a_failed_open_does_not_block_the_name(directory, reactor):
    """After the trouble is gone the journal can be opened."""
    directory.parent.mkdir()
    directory.write_text("")
    store = Store(directory, reactor)
    with pytest.raises(StoreError):
        reactor.wait(store.open("leases", 1))
    directory.unlink()
    assert reactor.wait(store.open("leases", 1)).load() == []
    reactor.wait(store.close())


def test_close_writes_everything_and_leaves_no_thread_and_no_descriptor(directory, reactor):
    """What was appended is on disk when close fires; nothing can be opened or written any more."""
    threads, descriptors = threading.active_count(), open_descriptors()
    store = Store(directory, reactor)
    journal = reactor.wait(store.open("leases", 1))
    reactor.wait(reactor.wait(store.open("mappings", 1)).close())
    journal.append({"n": 1})
    opening = store.open("mappings", 1)
    opening.addErrback(lambda failure: failure.trap(StoreError))
    assert store.close() is store.close()
    reactor.wait(store.close())
    found = scan((directory / "leases.journal").read_bytes())
    assert [decode(entry.payload) for entry in found.entries] == [{"n": 1}]
    assert (threading.active_count(), open_descriptors()) == (threads, descriptors)
    assert reactor.wait(opening) is StoreError
    for late in (store.open("leases", 1), journal.append({"n": 2})):
        with pytest.raises(StoreError, match="closed"):
            reactor.wait(late)


def test_appends_of_one_turn_share_a_sync(directory, reactor):
    """A thousand records that gather while the disk is busy cost two syncs, and come back in order."""
    files, order = CountingFiles(), []
    store = Store(directory, reactor, files=files)
    journal = reactor.wait(store.open("leases", 1))
    files.syncs = 0
    files.gate.clear()
    pending = [journal.append({"n": n}).addCallback(order.append) for n in range(1000)]
    files.gate.set()
    reactor.wait(pending[-1])
    assert order == list(range(1, 1001))
    assert 1 <= files.syncs <= 3
    reactor.wait(store.close())


def test_damage_becomes_an_event(directory, reactor):
    """The store tells in the reactor what opening found."""
    events = []
    directory.mkdir(parents=True)
    (directory / "leases.journal").write_text("rubbish\n")
    store = Store(directory, reactor, lambda event, /, **fields: events.append((event, fields["file"])))
    reactor.wait(store.open("leases", 1))
    assert events == [("store.damaged", str(directory / "leases.journal"))]
    assert (directory / "leases.damaged").read_text() == "rubbish\n"
    reactor.wait(store.close())


@pytest.mark.parametrize(
    ("owner", "name", "stem"),
    [(None, "leases", "leases"), ("dhcp", "leases", "dhcp.leases"), ("uplink.cable", "duid", "uplink%2Ecable.duid"),
     ("acme_chess:factory", "x-1", "acme_chess%3Afactory.x-1"), ("../é", "a", "%2E%2E%2F%C3%A9.a")],
)  # fmt: skip
def test_file_names(owner, name, stem):
    """Readable, in one directory, and different for different owners."""
    assert file_stem(owner, name) == stem


WRITER = """
import sys
from pathlib import Path
from twisted.internet import reactor
from icsframework.store.store import Store

def acknowledged(seq):
    sys.stdout.write(f"{seq}\\n")
    sys.stdout.flush()

def write(journal, n=0):
    for _ in range(7):
        n += 1
        done = journal.append({"n": n, "text": "x" * (n % 300)}).addCallback(acknowledged)
    done.addCallback(lambda _: write(journal, n))
    if n % 70 == 0:
        journal.compact([{"n": m, "text": ""} for m in range(1, n + 1)])

Store(Path(sys.argv[1]), reactor).open("leases", 1).addCallback(write)
reactor.run()
"""


@pytest.mark.parametrize("after", [1, 50, 400])
def test_kill_9_loses_no_acknowledged_record(tmp_path, reactor, after):
    """A child writes and compacts until it is killed; every record it saw acknowledged is there, in order, none twice."""
    child = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    )  # fmt: skip
    acknowledged = 0
    for _ in range(after):
        assert child.stdout.readline()
        acknowledged += 1
    child.send_signal(signal.SIGKILL)
    acknowledged += len(child.stdout.read().split())
    child.wait()
    store = Store(Path(tmp_path), reactor)
    found = [record["n"] for record in reactor.wait(store.open("leases", 1)).load()]
    assert found == list(range(1, len(found) + 1))
    assert len(found) >= acknowledged
    reactor.wait(store.close())
