import http.server
import json
import socketserver
import sys
import threading
from pathlib import Path

import pytest
import yaml

from icsframework.lab.errors import LabError, LabSpecError
from icsframework.lab.gateway import Gateway, gateway_config
from icsframework.lab.spec import GatewayService

CONFIG = """\
lans: [{interface: eth1, mac: 02:00:5e:00:53:01, password: "007"}]
uplinks:
- {name: a, interface: eth0, address: dhcp}
- {name: b, interface: eth2}
- {name: c, address: {address: 192.0.2.5/24}}
"""
STATIC = (
    ("a", "address: 192.0.2.9/24\n"),
    ("b", "address: 192.0.2.8/24\n"),
    ("c", "address: 192.0.2.7/24\n"),
)


def read(text):
    return yaml.load(text, Loader=yaml.BaseLoader)


def test_directories_are_added_and_everything_else_stays():
    """State and run become the lab's; no scalar changes what it is, text in quotes stays in quotes."""
    text = gateway_config(GatewayService(CONFIG, STATIC), Path("/x/state"), Path("/x/run"), dhcp=True)
    assert read(text) == read(CONFIG) | {"gateway": {"state": "/x/state", "run": "/x/run"}}
    assert 'password: "007"' in text


def test_directories_of_the_file_have_priority():
    """A configuration that names its own directories keeps them."""
    text = gateway_config(
        GatewayService("gateway: {state: /mine, mark: 0x00ff0000}"), Path("/s"), Path("/r"), True
    )
    assert read(text) == {"gateway": {"state": "/mine", "mark": "0x00ff0000", "run": "/r"}}


def test_without_dnsmasq_uplinks_are_static():
    """Only those that would use DHCP and have a static address for their name."""
    text = gateway_config(GatewayService(CONFIG, STATIC), Path("/s"), Path("/r"), dhcp=False)
    assert [uplink["address"] for uplink in read(text)["uplinks"]] == [
        {"address": "192.0.2.9/24"},
        {"address": "192.0.2.8/24"},
        {"address": "192.0.2.5/24"},
    ]


@pytest.mark.parametrize("text", ["", "[1]", "a: [", "text"])
def test_what_is_no_configuration_is_refused(text):
    """One sentence that says which part of the lab file it was."""
    with pytest.raises(LabSpecError, match=r"^gateway\.config: "):
        gateway_config(GatewayService(text), Path("/s"), Path("/r"), True)


class Api(http.server.BaseHTTPRequestHandler):
    """A stand-in for the control API."""

    def do_GET(self):
        tree = {"uplinks": [{"name": "cable", "state": "up"}]}
        self.answer(*((200, tree) if self.path == "/v1/status" else (404, {"error": "no such thing"})))

    def do_POST(self):
        length = int(self.headers["content-length"])
        self.answer(200, {"got": json.loads(self.rfile.read(length))})

    def answer(self, status, value):
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(value).encode())

    def address_string(self):
        return "unix"

    def log_message(self, *arguments):
        """Keep quiet."""


@pytest.fixture
def gateway(here):
    """The daemon's handle, not started."""
    return Gateway(here, GatewayService("lans: []"))


def test_the_api_is_asked_over_the_socket(gateway):
    """GET and POST, a refusal and an absent uplink as sentences."""
    with socketserver.UnixStreamServer(str(gateway.control_socket), Api) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            assert gateway.wait_uplink("cable") == {"name": "cable", "state": "up"}
            assert gateway.api("POST", "/v1/connect", {"uplink": "cable"}) == {"got": {"uplink": "cable"}}
            with pytest.raises(LabError, match=r"GET /v1/nothing: 404 .*no such thing"):
                gateway.api("GET", "/v1/nothing")
            with pytest.raises(LabError, match="the gateway has no uplink dsl"):
                gateway.uplink("dsl")
        finally:
            server.shutdown()
            thread.join()


def test_a_gateway_that_does_not_run_says_so(gateway):
    """The sentence names host and socket."""
    with pytest.raises(LabError, match=r"the gateway on here does not answer on .*control\.sock"):
        gateway.status_tree()


def test_the_daemon_of_another_environment_is_run(here, tmp_path):
    """That of its twistd, or of its Python where it has none; else that of this program."""
    place = tmp_path / "venv/bin"
    place.mkdir(parents=True)
    service = GatewayService("lans: []", environment=str(place.parent))
    assert Gateway(here, service).arguments[:2] == [
        place / "python",
        "-c",
    ]
    (place / "twistd").touch()
    assert Gateway(here, service).arguments[:2] == [place / "twistd", "-n"]
    assert Gateway(here, GatewayService("lans: []")).arguments[0] == Path(sys.executable).with_name("twistd")


def test_files_are_written_before_the_start(gateway):
    """Configuration, state and run directory are there, in the host's own directory."""
    assert gateway.arguments[-2:] == ["-c", gateway.config_file]
    assert read(gateway.config_file.read_text())["gateway"]["state"] == str(gateway.state)
    assert gateway.state.is_dir()
