"""before.json."""

from ipaddress import ip_interface

import pytest

from icsframework.errors import StoreError
from icsframework.host.before import BeforeFile, place
from icsframework.host.owned import Owned
from icsframework.host.state import AddressOn
from icsframework.store.snapshot import write_atomic

OWNED = Owned(addresses=frozenset({AddressOn("lan0", ip_interface("192.168.0.1/24"))}))


def test_it_is_kept(tmp_path):
    """What is saved is read by the next start."""
    path = tmp_path / "before.json"
    BeforeFile(path, "here").save(OWNED)
    assert BeforeFile(path, "here").load() == OWNED
    assert b"192.168.0.1/24" in path.read_bytes()


def test_the_directory_is_made(tmp_path):
    """A fresh machine has no /run/ics; one that cannot be made is one sentence that names it."""
    file = BeforeFile(tmp_path / "run" / "ics" / "before.json", "here")
    assert file.load() == Owned()
    file.save(OWNED)
    assert file.load() == OWNED
    assert (tmp_path / "run/ics").stat().st_mode & 0o777 == 0o755
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(StoreError, match=r"taken cannot be made: .*; see gateway\.run"):
        BeforeFile(tmp_path / "taken" / "before.json", "here").save(OWNED)


def test_no_file_means_nothing_was_done(tmp_path):
    """The first start finds nothing, and clearing twice is no error."""
    file = BeforeFile(tmp_path / "before.json", "here")
    assert file.load() == Owned()
    file.clear()
    file.save(OWNED)
    file.clear()
    file.clear()
    assert file.load() == Owned()


def test_another_boot_or_namespace_is_void(tmp_path):
    """After a reboot nothing of it is true any more; the next save replaces it."""
    path = tmp_path / "before.json"
    BeforeFile(path, "boot one").save(OWNED)
    assert BeforeFile(path, "boot two").load() == Owned()


def test_something_else_is_refused(tmp_path):
    """A foreign or damaged file stops the start instead of being overwritten."""
    path = tmp_path / "before.json"
    write_atomic(path, ["a list"], 1)
    with pytest.raises(StoreError, match=r"before\.json"):
        BeforeFile(path, "here").load()
    path.write_text("nonsense")
    with pytest.raises(StoreError, match=r"before\.json"):
        BeforeFile(path, "here").load()


def test_the_place_is_boot_and_namespace(tmp_path):
    """It names both, so that it differs when either does."""
    (tmp_path / "sys/kernel/random").mkdir(parents=True)
    (tmp_path / "sys/kernel/random/boot_id").write_text("1234\n")
    (tmp_path / "thread-self/ns").mkdir(parents=True)
    (tmp_path / "thread-self/ns/net").symlink_to("net:[77]")
    assert place(tmp_path) == "1234 net:[77]"
    assert place() == place()


def test_a_record_that_cannot_be_removed_is_told(tmp_path):
    """A directory in its place, say: the sentence has the path."""
    (tmp_path / "before.json").mkdir()
    with pytest.raises(StoreError, match=r"before\.json cannot be removed"):
        BeforeFile(tmp_path / "before.json", "here").clear()


def test_a_directory_that_everybody_may_write_into_is_refused(tmp_path):
    """Somebody could plant what we would then restore as root."""
    path = tmp_path / "before.json"
    BeforeFile(path, "here").save(OWNED)
    tmp_path.chmod(0o777)
    with pytest.raises(StoreError, match=rf"may write into {tmp_path} \(mode 0777\).*chmod o-w"):
        BeforeFile(path, "here").load()
