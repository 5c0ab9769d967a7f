"""The plugin of plugins/README.md is a real one."""

import ast
import re
import sys
from importlib import import_module
from ipaddress import IPv4Interface
from pathlib import Path
from socket import AF_INET, SOCK_DGRAM, socket

import pytest
from twisted.internet.defer import Deferred
from zope.interface.verify import verifyObject

from icsframework.config.loader import load
from icsframework.errors import PortTaken
from icsframework.interfaces import ILanService, ILanServiceFactory
from icsframework.registry import verify_product
from icsframework.testing.contract import check_plugin
from icsframework.testing.gateway import FakeGateway, Readers
from icsframework.testing.registry import FixedRegistry
from icsframework.values import Endpoint, Lan

ROOT = Path(__file__).resolve().parents[2]
CODE = re.search(
    r"<!-- example: daytime\.py -->\n```python\n(.*?)^```",
    (ROOT / "plugins/README.md").read_text(),
    re.DOTALL | re.MULTILINE,
)[1]
ALLOWED = {"interfaces", "values", "fields", "errors", "events", "protocols"}
HOME = Lan("home", "eth1", 3, "02:00:00:00:00:01", IPv4Interface("192.168.0.1/24"))


@pytest.fixture(scope="module")
def daytime(tmp_path_factory):
    """The code block as a module, imported from a file as the reader would have it."""
    directory = tmp_path_factory.mktemp("plugin")
    (directory / "daytime.py").write_text(CODE)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(directory)
        yield import_module("daytime")
        sys.modules.pop("daytime")


@pytest.fixture
def gateway():
    """The gateway it gets."""
    made = FakeGateway("daytime")
    yield made
    made.close()


def done(deferred: Deferred):
    """What a Deferred that has fired brought."""
    found = []
    deferred.addBoth(found.append)
    return found[0]


def test_it_imports_what_a_plugin_may():
    """Of ics the example uses only the contracts."""
    names = [node.module for node in ast.walk(ast.parse(CODE)) if isinstance(node, ast.ImportFrom)]
    ours = {name.split(".")[1] for name in names if name.startswith("icsframework.")}
    assert ours
    assert ours <= ALLOWED


def test_the_factory_keeps_its_contract(daytime, gateway):
    """verifyObject finds nothing to object to in the factory and in what it creates."""
    registry = FixedRegistry({("lan_service", "daytime"): daytime.factory})
    factory = registry.get("lan_service", "daytime")
    assert verifyObject(ILanServiceFactory, factory)
    product = factory.create(gateway)
    assert verifyObject(ILanService, product)
    verify_product("lan_service", "daytime", product)
    assert factory.prepare(daytime.DaytimeConfig(), None).is_ready


def test_it_keeps_the_whole_contract(daytime):
    """What the page says to call finds nothing either: nothing is left, however it ends."""
    check_plugin("lan_service", daytime.factory, "port: 13")


def test_the_configuration_of_the_page_is_read(daytime, tmp_path):
    """The page's YAML is accepted with the plugin beside dhcp and dns, and a wrong key of its own is named."""
    page = re.search(
        r"```yaml\n(.*?)^```", (ROOT / "plugins/README.md").read_text(), re.DOTALL | re.MULTILINE
    )[1]
    text = page.replace("daytime:factory", "daytime").replace(
        "      - plugin: dhcp\n      - plugin: dns\n", ""
    )
    text += "uplinks: []\n"
    registry = FixedRegistry({("lan_service", "daytime"): daytime.factory})
    file = tmp_path / "gateway.yaml"
    file.write_text(text)
    result = load(file, registry)
    assert [
        str(error) for error in result.errors if "daytime" in str(error) or "services" in str(error)
    ] == []
    file.write_text(text.replace("port: 13", "port: 99999"))
    assert any("services[0].port" in str(error) for error in load(file, registry).errors)


def test_it_tells_a_lan_the_time(daytime, gateway):
    """A question is answered from the LAN's address, counted in the status, and nothing is left after withdraw."""
    reactor = Readers()
    service = daytime.DaytimeService(gateway, reactor)
    service.startService()
    assert done(service.serve(HOME, daytime.DaytimeConfig())) is None
    [opened] = gateway.host.udp
    assert (opened.endpoint, opened.interface) == (Endpoint(HOME.address.ip, 13), "eth1")
    pc = socket(AF_INET, SOCK_DGRAM)
    pc.settimeout(5)
    pc.sendto(b"?", opened.real)
    reactor.turn()
    assert pc.recv(100) == b"Friday, January 15, 2027 08:00:00-UTC\r\n"
    assert gateway.status.read() == {"home": 1}
    done(service.serve(HOME, daytime.DaytimeConfig(port=1300)))
    assert opened.socket.fileno() == -1
    assert gateway.host.udp[-1].endpoint.port == 1300
    done(service.withdraw(HOME))
    assert reactor.getReaders() == []
    pc.close()
    assert gateway.host.open_sockets == []


def test_a_taken_port_is_the_cores_to_tell(daytime, gateway):
    """`serve` fails with what the host said, and keeps nothing."""
    service = daytime.DaytimeService(gateway, Readers())
    gateway.host.fail["bind_udp"] = PortTaken("udp port 13 on 192.168.0.1 is taken by inetd (pid 7)")
    assert done(service.serve(HOME, daytime.DaytimeConfig())).check(PortTaken)
    assert gateway.status.read() == {}
