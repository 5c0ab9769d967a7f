"""A control connection of FTP and a line that comes and goes: what becomes of it, on both sides."""

import time

import pytest

from icsframework.lab.waiting import wait_for

SERVER, FTP = "192.0.2.80", 21
AT_ONCE = 1.0
"""Seconds."""
RATE = 38400
"""Bit/s: the server's file of 20 kB takes four seconds."""


def helper(stand):
    """What the status says of the helper: details of its connections."""
    return next(one for one in stand.gateway.status_tree()["helpers"] if one["name"] == "ftp")


def log(stand):
    """What the FTP server has written."""
    return stand.server.services["vsftpd"].log()


def test_a_command_after_a_hang_up(stand):
    """A silent session holds no line and outlives it; its next command dials, and is answered by the same server process."""
    with stand.tcp(stand.pc1) as own:
        own.connect((SERVER, FTP))
        assert own.recv(1000).startswith(b"220 ")
        stand.hang_up()
        dialled = stand.dialled()
        own.sendall(b"SYST\r\n")
        assert own.recv(1000).startswith(b"530 ")
        assert stand.dialled() == dialled + 1
        cause = stand.uplink()["cause"]
        assert (cause["hostname"], cause["protocol"], cause["destination"]) == (
            "pc1",
            "tcp",
            f"{SERVER}:{FTP}",
        )
        assert helper(stand)["sessions"] == 1


def test_a_client_that_gives_up(module_stand):
    """Its call is accepted while it rings; it hangs up again, and its server is never called."""
    stand = module_stand.begin()
    stand.modem.set_number("123", "slow")
    before, awaited = log(stand).count("CONNECT"), helper(stand)["details"]["awaited"]
    began = time.monotonic()
    with stand.tcp(stand.pc1) as own:
        own.connect((SERVER, FTP))
        assert time.monotonic() - began < AT_ONCE
        wait_for(lambda: helper(stand)["details"]["awaited"] == awaited + 1, 5.0, "the helper to wait")
    stand.wait("up")
    with stand.tcp(stand.pc2) as other:
        other.connect((SERVER, FTP))
        assert other.recv(1000).startswith(b"220 ")
    assert log(stand).count("CONNECT") == before + 1


def test_a_client_that_may_not_dial(module_stand):
    """Is reset at once, with the rule in the history; another one gets through, and then it does too."""
    stand = module_stand.begin(wake="[{action: ignore, client: 192.168.0.100}]")
    before, began = stand.dialled(), time.monotonic()
    with stand.tcp(stand.pc1) as own, pytest.raises(ConnectionResetError):
        own.connect((SERVER, FTP))
        own.recv(1000)
    assert time.monotonic() - began < AT_ONCE
    assert stand.dialled() == before
    refused = stand.history()[-1]
    assert (refused["event"], refused["cause"]["destination"]) == ("refused", f"{SERVER}:{FTP}")
    assert "wake[0]" in refused["reason"]
    for host in (stand.pc2, stand.pc1):
        with stand.tcp(host) as own:
            own.connect((SERVER, FTP))
            assert own.recv(1000).startswith(b"220 ")
    assert stand.dialled() == before + 1


def test_a_file_that_the_server_sends_by_a_connection_of_its_own(module_stand):
    """Keeps the line for as long as that takes, although nothing else is said: active mode, and much longer than `idle`."""
    stand = module_stand.begin(demand="{idle: 1s, hold: 20s}")
    stand.modem.set_rate(RATE)
    try:
        began, dialled = time.monotonic(), stand.dialled()
        words = ["curl", "-sS", "--max-time", "15", "--ftp-port", "-", "-o", "-", f"ftp://{SERVER}/big"]
        done = stand.pc1.run(words, timeout=20.0)
    finally:
        stand.modem.set_rate(0)
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - began > 3.0
    assert stand.dialled() == dialled + 1
    stand.wait("armed", timeout=6.0)
