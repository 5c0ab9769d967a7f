"""Kernel settings as files."""

import pytest

from icsframework.errors import HostError
from icsframework.host.machine import SysctlMissing
from icsframework.host.sysctl import expand, file_of, read_sysctl, write_sysctl


@pytest.fixture
def root(tmp_path):
    for name in ("all", "default", "eth0", "eth0.5"):
        (tmp_path / "net/ipv4/conf" / name).mkdir(parents=True)
        (tmp_path / "net/ipv4/conf" / name / "rp_filter").write_text("1\n")
    return tmp_path


def test_names_become_files(root):
    """Dots separate; a slash is the dot of an interface's name."""
    assert file_of("net.ipv4.conf.eth0/5.rp_filter", root) == root / "net/ipv4/conf/eth0.5/rp_filter"


@pytest.mark.parametrize(
    "path",
    [
        "kernel.panic",
        "net",
        "net..x",
        "net.ipv4.//.x",
        "net.ipv4./.x",
        "",
        "net.ipv4/../kernel",
        "/net.ipv4",
    ],
)
def test_only_network_settings(root, path):
    """Nothing but a file below net can be named."""
    with pytest.raises(HostError, match="not the name of a network setting"):
        file_of(path, root)


def test_reading_and_writing(root):
    """The value without its newline; None where there is none."""
    assert read_sysctl("net.ipv4.conf.eth0/5.rp_filter", root) == "1"
    write_sysctl("net.ipv4.conf.eth0/5.rp_filter", "2", root)
    assert read_sysctl("net.ipv4.conf.eth0/5.rp_filter", root) == "2"
    assert read_sysctl("net.ipv4.conf.gone.rp_filter", root) is None


def test_a_missing_one_is_named(root):
    """Writing what is not there says so, and does not create it."""
    with pytest.raises(SysctlMissing, match=r"net\.ipv4\.conf\.gone\.rp_filter"):
        write_sysctl("net.ipv4.conf.gone.rp_filter", "1", root)
    assert not (root / "net/ipv4/conf/gone").exists()


def test_what_is_no_setting_is_told(root):
    """A directory cannot be written; the message has the name and the reason."""
    with pytest.raises(HostError, match=r"net\.ipv4\.conf.*directory"):
        write_sysctl("net.ipv4.conf", "1", root)


def test_patterns_are_interfaces(root):
    """The star stands for each of them, written as sysctl(8) does."""
    assert expand("net.ipv4.conf.*.rp_filter", root) == [
        "net.ipv4.conf.eth0.rp_filter",
        "net.ipv4.conf.eth0/5.rp_filter",
    ]
    assert expand("net.ipv4.ip_forward", root) == ["net.ipv4.ip_forward"]
    assert expand("net.ipv6.conf.*.forwarding", root) == []
