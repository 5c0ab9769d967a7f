"""``twistd ics`` refuses before it touches anything, with its exit status."""

import gc
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from twisted.python import usage

from icsframework import tap
from icsframework.errors import ConfigurationError
from icsframework.tap import DEFAULT_CONFIG, Options

pytestmark = pytest.mark.slow  # a process for each test

NOWHERE = "lans: [{interface: nolan0}]\nuplinks: [{plugin: ethernet, interface: nowan0}]\n"


def twistd(*arguments: str, prefix: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Run the daemon in the foreground."""
    program = str(Path(sys.executable).with_name("twistd"))
    command = [*prefix, program, "-n", "--pidfile=", "ics", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_the_configuration_file_is_an_option() -> None:
    """-c and --config, with the usual place as default; anything else is a usage error."""
    options = Options()
    options.parseOptions([])
    assert options["config"] == DEFAULT_CONFIG
    options.parseOptions(["-c", "/x"])
    assert options["config"] == "/x"
    with pytest.raises(usage.UsageError):
        options.parseOptions(["--confgi", "/x"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "lans: [{interface: eth1}]\nuplinks: [{plugin: ethernot, interface: eth0}]\n",
            "did you mean",
        ),
        ("", "is empty"),
        ("lans:\n\t- interface: eth1\n", ":2:1:"),
    ],
)
def test_a_bad_file_ends_with_2_and_its_lines(tmp_path: Path, text: str, words: str) -> None:
    """The same sentences as ``ics check``, no traceback, nothing started."""
    path = tmp_path / "gateway.yaml"
    path.write_text(text)
    done = twistd("-c", str(path))
    assert done.returncode == 2, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr + done.stdout


def test_a_missing_file_is_named() -> None:
    """Status 2 and the path."""
    done = twistd("-c", "/nowhere/gateway.yaml")
    assert (done.returncode, "/nowhere/gateway.yaml" in done.stderr) == (2, True)


def test_without_rights_the_status_is_77(tmp_path: Path) -> None:
    """One sentence names what is lacking."""
    if shutil.which("setpriv") is None:
        pytest.skip("setpriv (util-linux) is not installed")
    path = tmp_path / "gateway.yaml"
    path.write_text(NOWHERE)
    done = twistd("-c", str(path), prefix=("setpriv", "--bounding-set=-all", "--inh-caps=-all"))
    assert done.returncode == 77, done.stderr
    assert "CAP_NET_ADMIN" in done.stderr
    assert "Traceback" not in done.stderr


def test_garbage_is_collected_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The collector pauses while everything is imported and made, and works afterwards, also after a refusal."""
    seen: list[bool] = []

    def make(path: str) -> None:
        seen.append(gc.isenabled())
        raise ConfigurationError("refused")

    monkeypatch.setattr(tap, "_make", make)
    with pytest.raises(SystemExit):
        tap.makeService(Options())
    assert (seen, gc.isenabled()) == ([False], True)
    gc.unfreeze()
