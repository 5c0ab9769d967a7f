"""slirp's command line and files."""

import pytest

from icsframework.lab.errors import LabError
from icsframework.lab.telephone.slirp import command, write_secrets


def test_the_command():
    """-P first, words with blanks in one argument, other options last."""
    assert command("chap", ["192.0.2.1", "192.0.2.2"], ["-vj"]) == [
        *("slirp-fullbolt", "-P", "+chap", "mtu 1500", "nozeros", "ppp_exit"),
        *("dns 192.0.2.1", "dns 192.0.2.2", "-vj"),
    ]
    assert "+pap" not in command("none", [])


def test_an_unknown_authentication():
    """One sentence."""
    with pytest.raises(LabError, match="slirp knows none, pap, chap, not mschapv2"):
        command("mschapv2", [])


def test_the_secrets(tmp_path):
    """Three columns, for root only."""
    write_secrets(tmp_path / "home", {"gw": "se cret"})
    for name in (".pap-secrets", ".chap-secrets"):
        file = tmp_path / "home" / name
        assert (file.read_text(), file.stat().st_mode & 0o777) == ('"gw" * "se cret"\n', 0o600)
