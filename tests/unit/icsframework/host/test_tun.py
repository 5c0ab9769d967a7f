"""TUN devices that cannot be opened; those that can are in tests/netns/test_host_tun.py."""

import pytest

from icsframework.errors import HostError
from icsframework.host.tun import open_tun


def test_a_machine_without_tun(tmp_path):
    """The device file and the command that makes it are named."""
    with pytest.raises(HostError, match=r"icsh0: this machine has no .*modprobe tun"):
        open_tun("icsh0", 1400, device=tmp_path / "tun")


@pytest.mark.parametrize("name", ["", "sixteen-letters-", "ü" * 8])
def test_names_that_cannot_be(name):
    """Interface names have 1 to 15 bytes."""
    with pytest.raises(HostError, match="cannot be the name of an interface"):
        open_tun(name, 1400)


def test_something_else_is_no_tun_device(tmp_path, open_descriptors):
    """A file that takes no such request is refused in words, and closed."""
    (tmp_path / "tun").write_text("")
    before = open_descriptors()
    with pytest.raises(HostError, match="Cannot open TUN device icsh0"):
        open_tun("icsh0", 1400, device=tmp_path / "tun")
    assert open_descriptors() == before
