"""``ics render``: the packet filter as text."""

import io
from pathlib import Path

from icsframework.gateway.render import render

AUTO = "lans: [{interface: eth1}, {name: b, interface: eth2, address: auto}]\nuplinks: [{plugin: ethernet, interface: eth0}]\n"


def run(path: Path) -> tuple[int, str, str]:
    """Status, standard output and error."""
    out, err = io.StringIO(), io.StringIO()
    return render(str(path), out, err), out.getvalue(), err.getvalue()


def test_a_correct_file_gives_nft_text(tmp_path: Path) -> None:
    """One table of ours; an ``auto`` LAN gets a subnet beside the others."""
    path = tmp_path / "gateway.yaml"
    path.write_text(AUTO)
    status, out, err = run(path)
    assert (status, err) == (0, "")
    assert "table inet ics {" in out
    assert "192.168.0.0/24" in out
    assert "masquerade" in out
    assert len([line for line in out.splitlines() if "chain from_lan_" in line]) == 2


def test_a_bad_file_gives_its_errors(tmp_path: Path) -> None:
    """Status 2 and the lines of ``ics check``, no half a rule set."""
    path = tmp_path / "gateway.yaml"
    path.write_text("lans: [{interface: eth1}]\nuplinks: [{plugin: ethernet, intreface: eth0}]\n")
    status, out, err = run(path)
    assert (status, out) == (2, "")
    assert f"{path}:2:" in err
    assert "interface" in err
