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


def test_helpers_and_services_are_in_it(tmp_path: Path) -> None:
    """What the helpers of the file want and what it publishes, with numbers in place of the listeners' ports; none: no such rules."""
    path = tmp_path / "gateway.yaml"
    path.write_text(f'{AUTO}publish: [{{name: web, protocol: tcp, port: 80, to: "192.168.0.10:8080"}}]\n')
    status, out, err = run(path)
    assert (status, err) == (0, "")
    assert out.startswith("# The listeners of helpers get their ports when they start; here 65001")
    assert 'redirect to :65001 comment "to the helper ftp"' in out
    assert 'ct helper set "pptp_tcp"' in out
    assert "jump trigger_games_battle.net" in out
    assert "0x00010000 . tcp . 80 : 192.168.0.10 . 8080" in out
    path.write_text(f"{AUTO}helpers: []\n")
    assert not [word for word in ("redirect", "ct helper", "trigger") if word in run(path)[1]]


def test_an_uplink_on_demand_has_its_rules_of_waking(tmp_path: Path) -> None:
    """As they are while no link is up; an uplink that is always up needs none."""
    path = tmp_path / "gateway.yaml"
    path.write_text(AUTO.replace("interface: eth0", "interface: eth0, connect: demand"))
    status, out, err = run(path)
    assert (status, err) == (0, "")
    assert 'fib daddr oifname "icsh0" goto untracked' in out
    assert "jump wake_eth0" in out
    assert 'counter name "keep_eth0"' in out
    path.write_text(AUTO.replace("interface: eth0", "interface: eth0, connect: demand, demand: {hold: 0s}"))
    assert "goto untracked" in run(path)[1]
    path.write_text(AUTO)
    assert "icsh0" not in run(path)[1]


def test_a_bad_file_gives_its_errors(tmp_path: Path) -> None:
    """Status 2 and the lines of ``ics check``, no half a rule set."""
    path = tmp_path / "gateway.yaml"
    path.write_text("lans: [{interface: eth1}]\nuplinks: [{plugin: ethernet, intreface: eth0}]\n")
    status, out, err = run(path)
    assert (status, out) == (2, "")
    assert f"{path}:2:" in err
    assert "interface" in err
