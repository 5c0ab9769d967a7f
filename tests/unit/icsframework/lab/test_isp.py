import json
import socket
import sys

from icsframework.lab.clients import fetch
from icsframework.lab.daemon import Daemon


def test_the_program_serves_what_its_file_says(here):
    """It opens its ports, then says so."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    file = here.directory / "isp.json"
    file.write_text(
        json.dumps(
            {"listen": ["127.0.0.1"], "dns": None, "web": {"page": "hi", "big": 9, "port": port}, "ftp": None}
        )
    )
    program = [sys.executable, "-m", "icsframework.lab.isp", file]
    daemon = Daemon(here, "isp", program, lambda: "serving" in daemon.log())
    daemon.start()
    daemon.wait_ready()
    assert fetch(here, f"http://127.0.0.1:{port}/").body == b"hi"
    assert fetch(here, f"http://127.0.0.1:{port}/ip").body.startswith(b"127.0.0.1 ")
