"""The real daemon in a host of the lab: `twistd ics -c FILE` with its state and run directories in the lab's."""

import http.client
import json
import socket
import sys
from pathlib import Path
from typing import Any

import yaml

from icsframework.lab.daemon import Daemon
from icsframework.lab.errors import LabError, LabSpecError
from icsframework.lab.machine import Machine
from icsframework.lab.privilege import find_program
from icsframework.lab.spec import GatewayService
from icsframework.lab.waiting import wait_for

__all__ = ["Gateway", "gateway_config"]

API_TIMEOUT = 5.0
"""Seconds for one answer of the control API."""


def gateway_config(service: GatewayService, state: Path, run: Path, dhcp: bool) -> str:
    """The daemon's file: the lab's text with state and run directory, and static uplinks where ``dhcp`` is false.

    The text is changed as nodes, so that every scalar keeps the form (and the quotes) it was written with.
    """
    tree = _mapping(service.config, "gateway.config")
    section = _value(tree, "gateway")
    if not isinstance(section, yaml.MappingNode):
        section = yaml.MappingNode("tag:yaml.org,2002:map", [])
        _put(tree, "gateway", section)
    for key, directory in (("state", state), ("run", run)):
        if _value(section, key) is None:
            _put(section, key, yaml.ScalarNode("tag:yaml.org,2002:str", str(directory), style="'"))
    uplinks = _value(tree, "uplinks")
    if not dhcp and isinstance(uplinks, yaml.SequenceNode):
        for uplink in uplinks.value:
            _make_static(uplink, dict(service.static))
    return str(yaml.serialize(tree, Dumper=yaml.SafeDumper))


def _make_static(uplink: yaml.Node, static: dict[str, str]) -> None:
    """Give an uplink that would use DHCP its static address, if there is one for its name."""
    name, address = _value(uplink, "name"), _value(uplink, "address")
    if name is not None and name.value in static and (address is None or address.value == "dhcp"):
        _put(uplink, "address", _mapping(static[name.value], f"gateway.static.{name.value}"))


def _mapping(text: str, where: str) -> yaml.MappingNode:
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise LabSpecError(f"{where}: this is no YAML: {error}") from None
    if not isinstance(node, yaml.MappingNode):
        raise LabSpecError(f"{where}: a mapping (key: value) is expected")
    return node


def _value(mapping: yaml.Node, key: str) -> yaml.Node | None:
    if not isinstance(mapping, yaml.MappingNode):
        return None
    return next((value for name, value in mapping.value if name.value == key), None)


def _put(mapping: yaml.Node, key: str, value: yaml.Node) -> None:
    kept = [(name, old) for name, old in mapping.value if name.value != key]
    mapping.value = [*kept, (yaml.ScalarNode("tag:yaml.org,2002:str", key), value)]


def _twistd(environment: str) -> list[str | Path]:
    """What begins a command line of twistd, of a virtual environment or of this program's."""
    python = Path(environment, "bin/python") if environment else Path(sys.executable)
    twistd = python.with_name("twistd")
    return [twistd] if twistd.exists() else [python, "-c", "from twisted.scripts.twistd import run; run()"]


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("ics", timeout=API_TIMEOUT)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class Gateway(Daemon):
    """The daemon of one host.  Files: DIRECTORY/gateway.yaml, state/, run/control.sock, ics.log."""

    def __init__(self, host: Machine, service: GatewayService) -> None:
        self.state = host.directory / "state"
        self.run = host.directory / "run"
        self.config_file = host.directory / "gateway.yaml"
        arguments = [*_twistd(service.environment), "-n", "--pidfile=", "ics", "-c", self.config_file]
        super().__init__(host, "ics", arguments, self._answers)
        self.configure(service)

    def configure(self, service: GatewayService) -> None:
        """Write the daemon's file; a running daemon sees it at its next start or reload."""
        with_dhcp = find_program("dnsmasq") is not None
        text = gateway_config(service, self.state, self.run, with_dhcp)
        self.state.mkdir(mode=0o750, exist_ok=True)
        self.run.mkdir(exist_ok=True)
        self.config_file.touch(mode=0o640)  # there may be passwords in it
        self.config_file.write_text(text, encoding="utf-8")

    @property
    def control_socket(self) -> Path:
        """Where the control API listens."""
        return self.run / "control.sock"

    def api(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the control API and return the decoded answer.  Raises LabError when it refuses or is not there."""
        connection = _UnixConnection(self.control_socket)
        text = None if body is None else json.dumps(body)
        try:
            connection.request(method, path, text, {"content-type": "application/json"} if text else {})
            answer = connection.getresponse()
            content = answer.read().decode()
        except (OSError, http.client.HTTPException) as error:
            raise LabError(
                f"the gateway on {self.host.name} does not answer on {self.control_socket}: {error}"
            ) from None
        finally:
            connection.close()
        if answer.status >= http.HTTPStatus.BAD_REQUEST:
            raise LabError(f"{method} {path}: {answer.status} {content.strip()}")
        return json.loads(content) if content.strip() else None

    def status_tree(self) -> Any:
        """`ics status --json`."""
        return self.api("GET", "/v1/status")

    def uplink(self, name: str) -> dict[str, Any]:
        """The status of one uplink.  Raises LabError if there is none of that name."""
        for uplink in self.status_tree()["uplinks"]:
            if uplink["name"] == name:
                return dict(uplink)
        raise LabError(f"the gateway has no uplink {name}")

    def wait_uplink(self, name: str, state: str = "up", timeout: float = 15.0) -> dict[str, Any]:
        """Wait until an uplink is in ``state`` and return its status."""
        wait_for(lambda: self.uplink(name)["state"] == state, timeout, f"uplink {name} to be {state}")
        return self.uplink(name)

    def _answers(self) -> bool:
        if not self.control_socket.exists():
            return False
        try:
            self.status_tree()
        except LabError:
            return False  # not yet; wait_ready has the time limit and shows the log
        return True
