"""What the documentation tells people to type, typed."""

import json
import re
import sys
from pathlib import Path

from icsframework.lab.waiting import wait_for

ROOT = Path(__file__).resolve().parents[3]
BIN = Path(sys.executable).parent


def test_the_shipped_configuration_starts_on_a_fresh_machine(lab):
    """etc/gateway.yaml, with nobody having made /run/ics: the LAN is served, a PC joins, and SIGTERM ends it with 0."""
    gateway = lab["gateway"]
    file = gateway.directory / "shipped.yaml"
    file.write_text(
        (ROOT / "etc/gateway.yaml").read_text() + f"gateway: {{state: {gateway.directory}/shipped}}\n"
    )
    assert not gateway.inside(lambda: Path("/run/ics").exists())
    daemon = gateway.spawn(
        [BIN / "twistd", "-n", "--pidfile=", "ics", "-c", file], gateway.directory / "shipped.log"
    )
    wait_for(lambda: gateway.run([BIN / "ics", "status"]).returncode == 0, 20, "the gateway to answer")
    [lan] = json.loads(gateway.run([BIN / "ics", "status", "--json"], check=True).stdout)["lans"]
    assert (lan["name"], lan["state"], lan["address"]) == ("home", "up", "192.168.0.1/24")
    assert str(lab["pc1"].dhcp().router) == "192.168.0.1"
    assert gateway.stop(daemon) == 0


def test_the_lines_of_the_api_page(gateway_lab):
    """docs/api.md: each line of its example works against the running gateway, in its order."""
    gateway = gateway_lab["gateway"]
    gateway_lab["pc1"].dhcp()
    page = (ROOT / "docs/api.md").read_text()
    block = re.search(r"^```sh\n(.*?)^```", page, re.DOTALL | re.MULTILINE)[1]
    setup, *lines = block.splitlines()
    assert len(lines) == len(re.findall(r"^\| `(?:GET|POST) /v1/", page, re.MULTILINE))
    environment = {"ICS_SOCKET": str(gateway.gateway.control_socket)}
    said = [
        gateway.run(["sh", "-c", f"{setup}\n{line}"], env=environment, timeout=20).stdout for line in lines
    ]
    version, status, leases, history, *mapped, disconnected, connected, reloaded, events, restarted = said
    assert f"/v1/{'version'}" in json.loads(version)["paths"]
    assert set(json.loads(status)) == {
        "gateway",
        "uplinks",
        "lans",
        "helpers",
        "mappings",
        "warnings",
        "hold",
    }
    assert json.loads(leases)[0]["hostname"] == "pc1"
    assert {"time", "uplink", "event", "cause", "reason"} <= set(json.loads(history)[0])
    mappings, added, removed = map(json.loads, mapped)
    assert mappings == []
    assert {row["external_port"] for row in added["added"]} == {8080}
    assert [row["uplink"] for row in added["added"]] == [row["uplink"] for row in removed["removed"]]
    down = json.loads(disconnected)
    assert (down["uplink"], down["connect"]) == ("cable", "always")
    assert down["until"] > json.loads(status)["gateway"]["since"]
    assert json.loads(connected) == {"interface": "eth0", "addresses": ["203.0.113.5/24"]}
    assert json.loads(reloaded) == {"changes": "nothing has changed"}
    stream = [json.loads(line) for line in events.splitlines()]
    assert [event["seq"] for event in stream] == list(range(1, len(stream) + 1))
    assert {"gateway.starting", "gateway.ready", "uplink.up", "dhcp.lease.granted"} <= {
        e["event"] for e in stream
    }
    assert set(stream[0]) == {"seq", "time", "event", "owner", "fields"}
    assert set(json.loads(restarted)) == {"pid"}
    assert gateway.gateway.wait_end() == 75


def test_the_plugin_of_the_page_runs(open_lab):
    """plugins/README.md: saved as daytime.py and named as module:attribute it serves a LAN of the real gateway."""
    page = (ROOT / "plugins/README.md").read_text()
    code = re.search(r"<!-- example: daytime\.py -->\n```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)[
        1
    ]
    services = re.search(r"^```yaml\n(.*?)^```", page, re.DOTALL | re.MULTILINE)[1]
    uplink = "uplinks: [{plugin: ethernet, interface: eth0, address: {address: 203.0.113.5/24, gateway: 203.0.113.1}}]\n"
    lab = open_lab(gateway_config=services + uplink, start_gateways=False)
    gateway = lab["gateway"]
    (gateway.directory / "daytime.py").write_text(code)
    ways = ":".join(path for path in (str(gateway.directory), *sys.path) if path)
    gateway.spawn(gateway.gateway.arguments, gateway.gateway.log_file, env={"PYTHONPATH": ways})
    gateway.gateway.control_socket.parent.mkdir(exist_ok=True)
    wait_for(lambda: gateway.gateway.control_socket.exists(), 20, "the gateway")
    pc = lab["pc1"]
    lease = pc.dhcp()
    ask = (
        "import socket,sys; s=socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(5); "
        "s.sendto(b'?', (sys.argv[1], 13)); print(s.recv(100).decode(), end='')"
    )
    assert re.fullmatch(r"\w+day, \w+ \d\d, \d{4} [\d:]{8}-UTC\n", pc.python(ask, str(lease.router)).stdout)
