"""Capabilities."""

import pytest

from icsframework.errors import NoPrivilege
from icsframework.host.rights import effective, lacking, require


def status(tmp_path, mask):
    file = tmp_path / "status"
    file.write_text(f"Name:\tx\nCapInh:\t0000000000000000\nCapEff:\t{mask:016x}\n")
    return file


def test_all_that_is_needed(tmp_path):
    """Three bits are enough."""
    file = status(tmp_path, 1 << 10 | 1 << 12 | 1 << 13)
    assert lacking(effective(file)) == []
    require(file)


def test_what_lacks_is_named(tmp_path):
    """One sentence with the names; the exit status is 77."""
    with pytest.raises(
        NoPrivilege, match="lacks CAP_NET_BIND_SERVICE, CAP_NET_RAW; run it as root"
    ) as caught:
        require(status(tmp_path, 1 << 12))
    assert caught.value.exit_status == 77


def test_the_real_status_is_read():
    """This process has a mask, whatever it is."""
    assert effective() >= 0
