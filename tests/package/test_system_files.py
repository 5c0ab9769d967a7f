"""The files for the system (unit, user, directories) are accepted by the system's own checkers and agree."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from icsframework.host.rights import NEEDED

ETC = Path(__file__).resolve().parents[2] / "etc"
UNIT = ETC / "systemd/ics.service"
MOST_EXPOSED = 3.5
"""The exposure that `systemd-analyze security` may find (0 is closed, 10 is open); it calls less than 4 good."""


class Unit(dict):
    """The settings of a unit file: section.key to its values in order; a key may appear many times."""

    def __init__(self, text):
        super().__init__()
        section = ""
        for line in text.splitlines():
            if line.startswith("["):
                section = line.strip("[]")
            elif "=" in line and not line.startswith("#"):
                key, _, value = line.partition("=")
                self.setdefault(f"{section}.{key}", []).append(value)

    def words(self, key):
        """All the words of a setting."""
        return {word for value in self[key] for word in value.split()}


@pytest.fixture
def unit():
    """The shipped unit."""
    return Unit(UNIT.read_text())


def checked(*command):
    """Run a checker; its findings are its output."""
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, done.stdout + done.stderr


needs_systemd = pytest.mark.skipif(
    not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed"
)


@pytest.fixture
def local_unit(tmp_path):
    """The unit with the paths of the environment that runs the tests, because systemd looks whether they exist."""
    copy = tmp_path / "ics.service"
    text = UNIT.read_text().replace("/opt/ics/bin/", f"{Path(sys.executable).parent}/")
    copy.write_text(text.replace("Documentation=", "#Documentation="))
    return copy


@needs_systemd
def test_systemd_accepts_the_unit(local_unit):
    """`systemd-analyze verify` has nothing to say."""
    status, said = checked("systemd-analyze", "verify", "--man=no", local_unit)
    ours = [line for line in said.splitlines() if "ics.service" in line]
    assert (status, ours) == (0, [])


@needs_systemd
def test_systemd_would_say_so(local_unit):
    """The check sees an unknown setting, so that silence means something."""
    local_unit.write_text(local_unit.read_text().replace("RestartSec=", "RestartSeconds="))
    _, said = checked("systemd-analyze", "verify", "--man=no", local_unit)
    assert "RestartSeconds" in said


@needs_systemd
def test_the_unit_is_closed(local_unit):
    """The exposure that systemd finds stays low."""
    status, said = checked(
        "systemd-analyze", "security", "--offline=true", f"--threshold={int(MOST_EXPOSED * 10)}", local_unit
    )
    assert status == 0, said


def test_the_capabilities_are_the_three(unit):
    """The gateway gets what it asks for at its start and can never get more; tests/netns shows what they are good for."""
    assert unit.words("Service.AmbientCapabilities") == set(NEEDED)
    assert unit.words("Service.CapabilityBoundingSet") == set(NEEDED)
    assert unit["Service.User"] == ["ics"]


def test_the_hardening_leaves_what_is_needed(unit):
    """Nothing hides the sysctls that we set, the sockets of others that we name, TUN, modems or our socket families."""
    harmful = {
        "ProtectKernelTunables",
        "ProtectProc",
        "ProcSubset",
        "PrivateDevices",
        "PrivateNetwork",
        "MemoryDenyWriteExecute",
        "PrivateUsers",
        "DynamicUser",
    }
    assert {key.partition(".")[2] for key in unit} & harmful == set()
    assert {"AF_NETLINK", "AF_PACKET", "AF_UNIX", "AF_INET"} <= unit.words("Service.RestrictAddressFamilies")
    assert "/dev/net/tun" in unit.words("Service.DeviceAllow")


def test_handover_restarts_and_errors_do_not(unit):
    """Exit status 75 starts the next process at once; a wrong configuration or missing rights stop the unit."""
    assert unit["Service.RestartForceExitStatus"] == ["75"]
    assert unit.words("Service.RestartPreventExitStatus") == {"2", "77"}


def test_state_and_run_directories_agree(unit):
    """The unit, tmpfiles and the defaults of the configuration name the same directories with the same modes."""
    lines = [
        line.split() for line in (ETC / "tmpfiles.d/ics.conf").read_text().splitlines() if line[:1] == "d"
    ]
    modes = {path: (mode, user, group) for _, path, mode, user, group, _ in lines}
    assert modes["/var/lib/ics"] == (unit["Service.StateDirectoryMode"][0], "ics", "ics")
    assert modes["/run/ics"] == (unit["Service.RuntimeDirectoryMode"][0], "ics", "ics")
    assert modes["/etc/ics"] == ("0750", "root", "ics")
    assert unit["Service.StateDirectory"] == unit["Service.RuntimeDirectory"] == ["ics"]
    assert unit["Service.RuntimeDirectoryPreserve"] == ["yes"]


@pytest.mark.skipif(not shutil.which("systemd-sysusers"), reason="systemd-sysusers is not installed")
def test_sysusers_makes_the_user(tmp_path):
    """systemd-sysusers makes user and group `ics` in an empty root."""
    (tmp_path / "etc").mkdir()
    status, said = checked("systemd-sysusers", f"--root={tmp_path}", ETC / "sysusers.d/ics.conf")
    assert status == 0, said
    assert [line.split(":")[0] for line in (tmp_path / "etc/passwd").read_text().splitlines()] == ["ics"]
    assert "ics" in [line.split(":")[0] for line in (tmp_path / "etc/group").read_text().splitlines()]


@pytest.mark.skipif(not shutil.which("systemd-tmpfiles"), reason="systemd-tmpfiles is not installed")
def test_tmpfiles_accepts_the_directories(tmp_path):
    """systemd-tmpfiles understands every line; the user is not there in an empty root, root stands for it."""
    text = (ETC / "tmpfiles.d/ics.conf").read_text().replace(" ics ", " root ").replace("ics -", "root -")
    copy = tmp_path / "ics.conf"
    copy.write_text(text)
    (tmp_path / "root/etc").mkdir(parents=True)
    status, said = checked("systemd-tmpfiles", "--create", f"--root={tmp_path / 'root'}", copy)
    assert status == 0, said
    assert (tmp_path / "root/var/lib/ics").stat().st_mode & 0o777 == 0o750
