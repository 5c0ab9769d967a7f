import pytest

from icsframework.lab.daemon import Daemon
from icsframework.lab.errors import LabError
from icsframework.lab.host import Host
from icsframework.lab.spec import HostSpec
from icsframework.lab.telephone.remote import ModemDaemon


def test_only_a_gateway_has_a_gateway(tmp_path):
    """Asking another host is a sentence with its name."""
    with pytest.raises(LabError, match="host pc1 runs no gateway"):
        Host(HostSpec("pc1"), tmp_path).gateway  # noqa: B018


def test_only_some_hosts_have_a_modem(tmp_path):
    """The first is meant; asking a host without one is a sentence."""
    host = Host(HostSpec("pc1"), tmp_path)
    with pytest.raises(LabError, match="host pc1 has no modem"):
        host.modem  # noqa: B018
    first, second = (ModemDaemon(host, name, [], tmp_path / name) for name in ("b", "a"))
    host.services |= {"isp": Daemon(host, "isp", []), "b": first, "a": second}
    assert host.modem is first


def test_captures_do_not_share_a_file(tmp_path):
    """Two captures of one interface each have their own."""
    host = Host(HostSpec("pc1"), tmp_path)
    assert host.capture().file != host.capture().file
