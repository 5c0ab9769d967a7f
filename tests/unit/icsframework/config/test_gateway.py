"""The sections gateway: and control:."""

from pathlib import Path

import pytest

from icsframework.config.gateway import ControlSection, GatewaySection, parse_directory
from icsframework.fields import FieldError


def test_defaults():
    """Those that the documentation shows."""
    assert dict(GatewaySection()) == {
        "state": Path("/var/lib/ics"),
        "run": Path("/run/ics"),
        "timezone": "system",
        "resolver": "leave",
        "mark": 0x00FF0000,
    }
    assert ControlSection().web is True


@pytest.mark.parametrize("value", [None, 5, "", "relative/path", "/a\0b", "/" + "x" * 1000])
def test_directories_are_absolute(value):
    """A relative one would depend on where twistd was started."""
    with pytest.raises(FieldError, match="is not an absolute path; write for example /var/lib/ics"):
        parse_directory(value)
