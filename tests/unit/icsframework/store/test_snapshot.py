"""Small documents replaced as a whole."""

import errno
import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsframework.errors import IcsError, JournalDamaged, StoreError, StoreVersionError
from icsframework.store.snapshot import read, write_atomic
from icsframework.testing.files import MemoryFiles, PowerLoss

PATH = Path("/run/ics/before.json")


def test_a_document_is_found_again(tmp_path):
    """On real files: written, replaced, read; nothing else stays in the directory; readable for jq."""
    path = tmp_path / "before.json"
    assert read(path) is None
    write_atomic(path, {"sysctl": {"net.ipv4.ip_forward": "0"}})
    write_atomic(path, {"sysctl": {"net.ipv4.ip_forward": "1"}, "wert": "ü"})
    assert read(path) == {"sysctl": {"net.ipv4.ip_forward": "1"}, "wert": "ü"}
    assert [entry.name for entry in tmp_path.iterdir()] == ["before.json"]
    assert path.stat().st_mode & 0o777 & ~0o640 == 0
    document = json.loads(path.read_bytes())
    assert (document["ics-snapshot"], document["format"]) == ("before", 1)


@pytest.mark.parametrize("names", [False, True])
@pytest.mark.parametrize("kept", [0.0, 0.5, 1.0])
def test_power_lost_at_any_system_call_leaves_the_old_or_the_new(kept, names):
    """And only the new one once write_atomic has returned."""
    for crash in range(6):
        files = MemoryFiles()
        write_atomic(PATH, "old", files=files)
        files.lose_power_at = len(files.calls) + crash
        with pytest.raises(PowerLoss):
            write_atomic(PATH, "new", files=files)
        files.power_loss(kept, names)
        assert read(PATH, files=files) in ("old", "new")
    files.lose_power_at = None
    write_atomic(PATH, "new", files=files)
    files.power_loss()
    assert read(PATH, files=files) == "new"


def test_a_full_disk_keeps_the_old_one():
    """The error says so, and the temporary file gives its space back."""
    files = MemoryFiles()
    write_atomic(PATH, "old", files=files)
    files.failing = {"write": OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))}
    with pytest.raises(StoreError, match=r"Cannot write /run/ics/before\.json: the disk is full"):
        write_atomic(PATH, "new", files=files)
    assert (read(PATH, files=files), files.names()) == ("old", ["before.json"])


def test_versions():
    """A newer one is refused, an older one upgraded in memory or refused."""
    files = MemoryFiles()
    write_atomic(PATH, {"n": 1}, version=2, files=files)
    with pytest.raises(StoreVersionError, match="has format version 2"):
        read(PATH, version=1, files=files)
    with pytest.raises(StoreVersionError, match="no longer read"):
        read(PATH, version=3, files=files)
    assert read(PATH, version=3, upgrade=lambda data, found: (data, found), files=files) == ({"n": 1}, 2)


def test_every_single_wrong_byte_is_noticed():
    """Either the document is the same (white space), or the damage is told; never a wrong document."""
    files = MemoryFiles()
    data = {"links": [{"name": "eth0", "mtu": 1500}], "none": None, "ratio": 0.1}
    write_atomic(PATH, data, files=files)
    good = files.read(PATH)
    noticed = 0
    for offset, byte in enumerate(good):
        for wrong in (byte ^ 1, byte ^ 0x20, 0x39, 0x0A):
            files.put(PATH, good[:offset] + bytes([wrong]) + good[offset + 1 :])
            try:
                assert read(PATH, files=files) == data
            except StoreError:
                noticed += 1
    assert noticed > 3 * len(data)


@given(
    st.binary()
    | st.sampled_from([b"[]", b"{}", b'{"ics-snapshot":"before","format":true,"data":1}', b"[" * 99999])
)
def test_any_bytes_are_a_sentence(content):
    """No traceback for rubbish."""
    files = MemoryFiles()
    files.put(PATH, content)
    with pytest.raises(IcsError, match=r"before\.json"):
        read(PATH, files=files)


def test_a_document_of_another_name_is_refused():
    """Somebody copied a file here: it is not believed."""
    files = MemoryFiles()
    write_atomic(PATH.with_name("other.json"), 1, files=files)
    files.put(PATH, files.read(PATH.with_name("other.json")))
    with pytest.raises(StoreError, match="no snapshot of ics named 'before'"):
        read(PATH, files=files)


def test_what_cannot_be_read_is_a_sentence(tmp_path):
    """A directory in its place, for instance."""
    (tmp_path / "before.json").mkdir()
    with pytest.raises(StoreError, match="Cannot read"):
        read(tmp_path / "before.json")


def test_what_is_no_json_is_refused_before_anything_is_written():
    """The old document is still there."""
    files = MemoryFiles()
    with pytest.raises(StoreError, match="cannot be written as JSON"):
        write_atomic(PATH, {1, 2}, files=files)
    assert files.calls == []
    with pytest.raises(JournalDamaged):
        files.put(PATH, b"\xff")
        read(PATH, files=files)
