import pytest

from icsframework.lab.errors import LabError
from icsframework.lab.host import Host
from icsframework.lab.spec import HostSpec


def test_only_a_gateway_has_a_gateway(tmp_path):
    """Asking another host is a sentence with its name."""
    with pytest.raises(LabError, match="host pc1 runs no gateway"):
        Host(HostSpec("pc1"), tmp_path).gateway  # noqa: B018


def test_captures_do_not_share_a_file(tmp_path):
    """Two captures of one interface each have their own."""
    host = Host(HostSpec("pc1"), tmp_path)
    assert host.capture().file != host.capture().file
