import signal

import pytest

from icsframework.lab.command import main


def test_a_file_that_is_not_there(capsys):
    """Status 2 and one sentence; the signals are the caller's again."""
    before = signal.getsignal(signal.SIGTERM)
    assert main(["/no/such/lab.yaml"]) == 2
    assert capsys.readouterr().err == (
        "ics lab: /no/such/lab.yaml cannot be read: [Errno 2] No such file or directory: '/no/such/lab.yaml'\n"
    )
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_file_with_a_mistake(tmp_path, capsys):
    """Status 2 with the place, before any right is needed."""
    file = tmp_path / "lab.yaml"
    file.write_bytes(b"hosts: {a: {colour: red}}")
    assert main([str(file)]) == 2
    assert capsys.readouterr().err.startswith(f"ics lab: {file}:1: hosts.a.colour: unknown key 'colour'")
    file.write_bytes(b"\xff\xfe\x00")
    assert main(["--demo", str(file)]) == 2


def test_a_command_without_a_host(capsys):
    """Status 2 with the hosts that there are, before any right is needed."""
    assert main(["--run", "pc9: true"]) == 2
    assert capsys.readouterr().err == (
        "ics lab: --run 'pc9: true' names no host; write 'HOST: COMMAND', HOST being one of "
        "pc1, pc2, gateway, isp-a, isp-b, server\n"
    )


def test_a_configuration_that_nobody_has(tmp_path, capsys):
    """One that cannot be read, and a lab without a gateway that would read it."""
    assert main(["--config", "/no/such/gateway.yaml"]) == 2
    assert "/no/such/gateway.yaml cannot be read" in capsys.readouterr().err
    file = tmp_path / "lab.yaml"
    file.write_text("hosts: {a: {}}")
    assert main([str(file), "--config", str(file)]) == 2
    assert "--config needs a lab with one gateway; this one has 0" in capsys.readouterr().err


def test_wrong_usage(capsys):
    """An unknown option is status 2, as everywhere."""
    with pytest.raises(SystemExit) as caught:
        main(["--colour"])
    assert caught.value.code == 2


def test_the_demo_or_commands(capsys):
    """One of the two: neither is left out in silence."""
    with pytest.raises(SystemExit, match="2"):
        main(["--demo", "--run", "pc1: true"])
    assert "not allowed with argument --demo" in capsys.readouterr().err
