"""The keys of ``plugin: pptp``."""

import pytest

from ics_plugins.helpers.pptp.config import PptpConfig
from icsframework.fields import CheckContext, Finding

CONTEXT = CheckContext("nat_helper", "pptp")


def test_defaults():
    """Nothing has to be set: the port of RFC 2637."""
    assert PptpConfig().ports == (1723,)


@pytest.mark.parametrize(
    ("written", "read"), [(1724, (1724,)), ([1723], (1723,)), ([1723, 1724], (1723, 1724))]
)
def test_ports_as_people_write_them(written, read):
    """One port may stand without brackets."""
    config = PptpConfig.model_validate({"ports": written})
    assert config.ports == read
    assert list(config.check(CONTEXT)) == []
    assert PptpConfig.model_validate(config.model_dump(mode="json")) == config


@pytest.mark.parametrize(
    "ports", [[], [0], [65536], ["pptp"], [True], list(range(1723, 1740)), {"tcp": 1723}]
)
def test_refusals(ports):
    """No port, too many, and what is no port."""
    with pytest.raises(ValueError, match="ports"):
        PptpConfig.model_validate({"ports": ports})


def test_a_port_twice():
    """A slip of the pen is named with its place."""
    assert list(PptpConfig.model_validate({"ports": [1723, 1724, 1723]}).check(CONTEXT)) == [
        Finding(("ports", 2), "port 1723 is there twice", "remove one of the two")
    ]
