"""TCP of the helper shell in a namespace: what was redirected, by either family, and sources that are not ours."""

import socket
import subprocess
from ipaddress import ip_address

import pytest
import pytest_twisted
from twisted.internet import reactor

from icsframework.host.stream import original_destination, way_to
from icsframework.host.tcp import connect
from icsframework.testing.namespace import fresh_network
from icsframework.values import Endpoint

RULES = """
table inet test {
    chain output {
        type nat hook output priority -100
        tcp dport 21 redirect to :LISTENER
    }
}
"""


@pytest.fixture
def network(root):
    """Loopback, and an interface with addresses of both families."""
    with fresh_network():
        for words in (
            "link set lo up",
            "link add a0 type veth peer name a1",
            "link set a1 up",
            "address add 192.0.2.1/24 dev a0",
            "address add 2001:db8::1/64 dev a0 nodad",
            "link set a0 up",
        ):
            subprocess.run(["ip", *words.split()], check=True)
        yield


@pytest.mark.parametrize(
    ("own", "server"),
    [("192.0.2.1", "192.0.2.80"), ("2001:db8::1", "2001:db8::80"), ("127.0.0.1", "127.0.0.5")],
)
def test_where_a_redirected_connection_was_going(network, own, server):
    """Address and port of the server that the client called, of either family; none for who calls the listener."""
    family = socket.AF_INET6 if ":" in own else socket.AF_INET
    with socket.create_server(("", 0), family=family) as listener:
        port = listener.getsockname()[1]
        subprocess.run(["nft", "-f", "-"], input=RULES.replace("LISTENER", str(port)).encode(), check=True)
        with socket.create_connection((server, 21)), listener.accept()[0] as accepted:
            assert original_destination(accepted) == Endpoint(ip_address(server), 21)
        with socket.create_connection((own, port)), listener.accept()[0] as accepted:
            assert original_destination(accepted) is None


def test_the_way_is_the_address_that_a_flow_would_leave_from(network):
    """By the routing table of either family; without a route there is none."""
    assert way_to(ip_address("192.0.2.80")) == ip_address("192.0.2.1")
    assert way_to(ip_address("2001:db8::80")) == ip_address("2001:db8::1")
    assert way_to(ip_address("198.51.100.1")) is None


@pytest.mark.parametrize(
    ("client", "server"), [("203.0.113.9", "192.0.2.1"), ("2001:db8:9::9", "2001:db8::1")]
)
@pytest_twisted.ensureDeferred
async def test_a_source_that_is_not_ours(network, client, server):
    """With a route that brings the answers back, the server sees an address that this machine does not have."""
    version = "-6" if ":" in client else "-4"
    net = "::/0" if ":" in client else "0.0.0.0/0"
    subprocess.run(["ip", version, "rule", "add", "to", client, "lookup", "100"], check=True)
    subprocess.run(["ip", version, "route", "add", "local", net, "dev", "lo", "table", "100"], check=True)
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    with socket.create_server((server, 0), family=family) as listener:
        target = Endpoint(ip_address(server), listener.getsockname()[1])
        source = Endpoint(ip_address(client), 40000)
        made = await connect(reactor, target, source=source, transparent=True, any_port=True)
        accepted, seen = listener.accept()
        assert seen[:2] == (client, 40000)
        accepted.close()
        made.close()
