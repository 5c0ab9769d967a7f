"""What becomes of connections when a call ends and the next one gets the same address."""

import hashlib

from icsframework.lab.waiting import wait_for


def test_a_download_outlives_its_call(dialup):
    """The carrier goes in the middle of it; after the redial it goes on by itself and every byte is right."""
    lab = dialup("rate: 33600, latency: 10", "server: ics", redial="1s", redial_max="2s").join()
    lab.wait("up")
    address = lab.uplink()["addresses"]
    whole = lab.server.run(["curl", "-s", "http://192.0.2.80/big"]).stdout
    lab.pc.run(["rm", "-f", "/run/big"])
    download = lab.pc.popen(
        [
            "curl",
            "-s",
            "--max-time",
            "60",
            "-o",
            "/run/big",
            "-w",
            "%{size_download}",
            "http://192.0.2.80/big",
        ]
    )
    wait_for(
        lambda: int(lab.pc.run(["sh", "-c", "wc -c </run/big 2>/dev/null || echo 0"]).stdout) > 1000,
        20.0,
        "its beginning",
    )
    lab.modem.drop()
    lab.wait("cooling", 10.0)
    assert not download.poll()
    lab.wait("up", 30.0)
    assert lab.uplink()["addresses"] == address
    said, _ = download.communicate(timeout=60.0)
    assert (download.returncode, said) == (0, str(len(whole)))
    digest = lab.pc.run(["sha256sum", "/run/big"]).stdout.split()[0]
    assert digest == hashlib.sha256(whole.encode()).hexdigest()
