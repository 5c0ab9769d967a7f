"""The benchmarks still work; what they measure decides nothing here."""

import subprocess
from pathlib import Path

import pytest

from icsframework.lab.privilege import is_machine_root

BENCH = Path(__file__).parents[2] / "benchmarks/bench.sh"

RUNS = {
    "start": (["--rounds", "1"], ["ics: first DNS answer", "CPU until then", "RSS when ready", "ics status"]),
    "dns": (["--rounds", "1", "--seconds", "1", "--names", "10"], ["cached", "uncached", "cpu_us"]),
    "dhcp": (
        ["--rounds", "1", "--clients", "10", "--renew-seconds", "0.2", "ics"],
        ["round 1: ics", "ratio"],
    ),
    "store": (["--rounds", "1", "--records", "100"], ["grouped", "x each"]),
    "dataplane": (
        ["--rounds", "1", "--elements", "5"],
        ["first load and removal", "5 elements restored", "packet of a known flow", "all, 5 open"],
    ),
    "ppp codec": (
        ["--rounds", "1", "--packets", "20", "--frames", "300"],
        ["encode, no escapes", "VJ compress", "link receives", "300 mutated frames"],
    ),
    "ppp talk": (["--lines", "2000"], ["hayes", "cellular", "chat", "no exception"]),
    "ppp line": (
        ["--rounds", "1", "--seconds", "1", "--servers", "ics", "--auths", "pap", "--rates"],
        ["CONNECT to IPCP", "ics, pap", "bulk", "from the line", "to the line"],
    ),
    "hold": (["--rounds", "1", "--packets", "500"], ["parse", "queue, full", "flood", "longest turn"]),
    "demand": (
        ["--rounds", "2", "--packets", "500"],
        ["own time", "answered", "500 flows of 50 clients", "ics status", "the daemon's answer"],
    ),
    "helpers": (
        ["--opens", "20", "--rounds", "1", "--size", "5", "--connections", "20", "--commands", "2"],
        ["Open to rule in place", "FTP data, 5 MB", "PORT", "20 control connections", "relayed : plain"],
    ),
}


@pytest.mark.parametrize("name", RUNS)
def test_it_runs(root, name, tmp_path):
    """Each prints its table; one that lacks a program is skipped with what it says."""
    if name in ("dns", "dhcp") and not is_machine_root():
        pytest.skip("needs root of the machine: it names its network namespaces")
    options, words = RUNS[name]
    options = options + (["--directory", str(tmp_path)] if name == "store" else [])
    done = subprocess.run(
        [BENCH, *name.split(), *options], capture_output=True, text=True, check=False, timeout=100
    )
    if done.returncode == 77:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stdout + done.stderr
    assert [word for word in words if word not in done.stdout] == []


def test_an_unknown_one_is_refused():
    """With the usage, status 2."""
    done = subprocess.run([BENCH, "speed"], capture_output=True, text=True, check=False, timeout=10)
    assert (done.returncode, "bench.sh NAME" in done.stderr) == (2, True)
