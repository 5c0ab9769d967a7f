import http.server
import threading
from ipaddress import IPv4Address, IPv4Interface

import pytest

from icsframework.lab.clients import CLIENTS, SCRIPT, DhcpClient, Lease, fetch, resolve
from icsframework.lab.errors import LabError

EVENT = """\
event=bound
address=192.168.0.100
mask={mask}
routers=192.168.0.1 192.168.0.2
servers=192.168.0.1 192.168.0.3
suffix=home.arpa
lease=600
server=192.168.0.1
"""


@pytest.fixture
def client(here):
    """A client that was never started, whose script writes its events by our hand."""
    found = DhcpClient(here, "udhcpc")
    (here.directory / "udhcpc-eth0/events").mkdir(parents=True)
    (here.directory / "udhcpc-eth0/log").write_text("what udhcpc said\n")
    return found


def report(client, number, text):
    (client.host.directory / f"udhcpc-eth0/events/{number}.event").write_text(text)


@pytest.mark.parametrize("mask", ["24", "255.255.255.0"])
def test_a_lease_is_what_the_script_was_told(client, mask):
    """udhcpc gives a prefix length, dhclient a mask; the first router counts, all DNS servers do."""
    report(client, 0, "event=deconfig\naddress=\nmask=\nrouters=\nservers=\nsuffix=\nlease=\nserver=\n")
    report(client, 1, EVENT.format(mask=mask))
    assert client.lease() == Lease(
        "udhcpc",
        IPv4Interface("192.168.0.100/24"),
        IPv4Address("192.168.0.1"),
        (IPv4Address("192.168.0.1"), IPv4Address("192.168.0.3")),
        "home.arpa",
        600,
        IPv4Address("192.168.0.1"),
    )


def test_events_are_in_order_also_beyond_nine(client):
    """The tenth event comes after the ninth."""
    for number in range(12):
        report(client, number, f"event={number}\n")
    assert [event["event"] for event in client.events()] == [str(number) for number in range(12)]


def test_a_wait_without_end_shows_the_log(client):
    """The error names program, host, events and the client's own words."""
    with pytest.raises(LabError, match=r"udhcpc on here to report bound\nwhat udhcpc said"):
        client.wait({"bound"}, timeout=0.02)


def test_unknown_clients_are_refused(here):
    """The sentence names the ones the lab knows."""
    with pytest.raises(
        LabError, match="pump is no DHCP client the lab knows; it knows udhcpc, dhclient, dhcpcd"
    ):
        DhcpClient(here, "pump")


def test_the_script_knows_the_events_of_every_client():
    """Names by which the three clients call for a new, a kept and a lost address."""
    for event in (
        "BOUND",
        "REBOOT",
        "RENEW",
        "REBIND",
        "bound",
        "renew",
        "PREINIT",
        "deconfig",
        "EXPIRE",
        "RELEASE",
    ):
        assert event in SCRIPT
    assert CLIENTS == ("udhcpc", "dhclient", "dhcpcd")


class Page(http.server.BaseHTTPRequestHandler):
    """Answers with bytes of every value, or with 404."""

    def do_GET(self):
        self.send_response(200 if self.path == "/" else 404)
        self.end_headers()
        self.wfile.write(bytes(range(256)))

    def log_message(self, *arguments):
        """Keep quiet."""


def test_fetch_gets_every_byte_and_every_status(here):
    """The body is exact, an HTTP error is an answer, no connection is an error."""
    with http.server.HTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        base = f"http://127.0.0.1:{server.server_port}"
        try:
            found, missing = fetch(here, base + "/"), fetch(here, base + "/x")
        finally:
            server.shutdown()
            thread.join()
    assert (found.status, found.body) == (200, bytes(range(256)))
    assert missing.status == 404
    with pytest.raises(LabError, match=f"^here: {base}/: .*refused"):
        fetch(here, base + "/")


def test_resolve_asks_the_host(here):
    """Addresses once each, in the asked version; nothing for a name that is none."""
    assert resolve(here, "127.0.0.1") == ("127.0.0.1",)
    assert resolve(here, "::1", 6) == ("::1",)
    assert resolve(here, "") == ()
