"""The keys of FTP."""

import pytest

from ics_plugins.helpers.ftp.config import FtpConfig
from icsframework.fields import CheckContext


def findings(**keys):
    """What is wrong with such an entry, as (path, text, warning)."""
    return [
        (found.path, found.problem, found.warning)
        for found in FtpConfig(**keys).check(CheckContext("nat_helper", "ftp"))
    ]


def test_defaults():
    """Port 21, ten minutes, published servers too, and nothing to complain of."""
    config = FtpConfig()
    assert (config.ports, config.lifetime, config.published) == ((21,), 600.0, True)
    assert findings() == []


def test_ports():
    """One may stand alone; a number that is there twice is a slip, and encrypted FTP cannot be helped."""
    assert FtpConfig(ports=2121).ports == (2121,)
    assert findings(ports=[21, 990, 21]) == [
        (("ports", 1), "FTP on port 990 is encrypted from its first byte and passes unread", True),
        (("ports", 2), "port 21 is there twice", False),
    ]


@pytest.mark.parametrize(("lifetime", "good"), [("9s", False), ("10s", True), ("1h", True), ("61m", False)])
def test_lifetime(lifetime, good):
    """Between ten seconds and an hour."""
    assert (findings(lifetime=lifetime) == []) is good


def test_a_long_lifetime_is_shown_as_it_is():
    """In whole digits."""
    assert findings(lifetime="90d")[0][1].startswith("7776000 s is no time")


def test_no_ports():
    """An entry that watches nothing is refused."""
    with pytest.raises(ValueError, match="ports"):
        FtpConfig(ports=[])
