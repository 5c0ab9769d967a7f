"""nuttcp's helper, by nothing but what ics offers the authors of plugins."""

import pytest

from ics_helper_nuttcp import factory
from ics_helper_nuttcp.protocol import MAX_LINE, Call, read_call, with_port
from ics_helper_nuttcp.session import TRIES, NuttcpSession
from icsframework.testing.contract import PluginContract
from icsframework.testing.flows import outbound
from icsframework.testing.transcript import check_transcript

PARAMETERS = (
    "buflen = 65536, nbuf = 2147483647, win = 0, nstream = {streams}, rate = 4294967295, port = {port}, "
    "trans = {trans}, braindead = 0, timeout = 10.000000, udp = {udp}, vers = 6.1.2, interval = 0.000000, "
    "reverse = {reverse}, format = 2048, traceroute = 0, irate = 0, thirdparty = {third} , multicast = 0 , "
    "datamss = 0 , tos = 0 , nbuf_bytes = 0 , rate_pps = 0 , nodelay = 0"
)
"""What nuttcp 6.1.2 writes."""


def parameters(streams=1, port=5001, trans=0, udp=0, reverse=0, third="_NULL_"):
    """A client's second line."""
    return PARAMETERS.format(streams=streams, port=port, trans=trans, udp=udp, reverse=reverse, third=third)


def check(text):
    """Play a transcript."""
    check_transcript(NuttcpSession, text, flow=outbound(5000), line_end=b"\n")


class TestContract(PluginContract):
    """It keeps the contract of a NAT helper."""

    kind = "nat_helper"
    factory = factory
    text = "ports: [5000, 5010]"


def test_the_server_calls_back():
    """`nuttcp -r`: the port that the gateway opened takes the place of the client's own."""
    check(f"""
        C: HELO nuttcp v6.1.2
        -> S: HELO nuttcp v6.1.2
        S: HELO nuttcp v6.1.2
        -> C: HELO nuttcp v6.1.2
        C: {parameters()}
        -> open tcp 5001
        granted 42001
        -> S: {parameters(port=42001)}
        -> aside
        C: {parameters(port=5005)}
        -> S: {parameters(port=5005)}
        S: OK v6.1.2
        -> C: OK v6.1.2
        C closes
        S: nuttcp-t: 1338.5000 MB in 1.00 real seconds = 1370471.88 KB/sec = 11226.9056 Mbps
        -> C: nuttcp-t: 1338.5000 MB in 1.00 real seconds = 1370471.88 KB/sec = 11226.9056 Mbps
    """)


def test_a_port_that_the_server_would_not_call():
    """Below 5000 nuttcp refuses to call: another one is asked for, a few times."""
    low = """
        -> close tcp 5001
        -> open tcp 5001
        granted 3242"""
    check(f"""
        C: {parameters()}
        -> open tcp 5001
        granted 4999
        -> close tcp 5001
        -> open tcp 5001
        granted 5000
        -> S: {parameters(port=5000)}
        -> aside
    """)
    check(f"""
        C: {parameters()}
        -> open tcp 5001
        granted 4999{low * (TRIES - 1)}
        -> S: {parameters(port=3242)}
        -> aside
    """)


def test_several_streams_by_udp():
    """`nuttcp -r -u -N3`: as many ports in a row as there are streams."""
    check(f"""
        C: {parameters(streams=3, udp=1, port=5201)}
        -> open udp 5201 count 3
        granted 5201
        -> S: {parameters(streams=3, udp=1, port=5201)}
        -> aside
    """)


def test_a_flipped_transmitter_is_called_too():
    """`nuttcp -t -F`: the client transmits, and it is the server who connects."""
    check(f"""
        C: {parameters(trans=1, reverse=1)}
        -> open tcp 5001
        granted 5001
        -> S: {parameters(trans=1, reverse=1)}
        -> aside
    """)


@pytest.mark.parametrize("line", [parameters(trans=1), parameters(reverse=1), parameters(third="192.0.2.99")])
def test_who_connects_out_needs_no_help(line):
    """Where the client connects, or two other hosts do, nothing is opened and nothing changed."""
    check(f"""
        C: {line}
        -> S: {line}
        -> aside
    """)


def test_a_refused_port_changes_nothing():
    """The server's call will fail, and nuttcp says so; a port that no peer may reach is refused by the gateway."""
    check(f"""
        C: {parameters()}
        -> open tcp 5001
        refused limits.expectations
        -> S: {parameters()}
        -> aside
    """)
    check(f"""
        C: {parameters(port=22)}
        -> denied open tcp 22
        -> S: {parameters(port=22)}
        -> aside
    """)


@pytest.mark.parametrize("line", ["GET / HTTP/1.1", "", "port = 5001", "\\xff\\0 = 7", "HELO"])
def test_another_protocol_is_left_alone(line):
    """Whatever else speaks on this port is relayed."""
    check(f"""
        C: {line}
        -> S: {line}
        -> aside
        C: more
        -> S: more
    """)


def test_a_second_greeting_is_none():
    """A client that says hello without end is relayed, not read."""
    check("""
        C: HELO a
        -> S: HELO a
        C: HELO b
        -> S: HELO b
        -> aside
    """)


def test_a_line_without_end_is_left_alone():
    """What is longer than any line of nuttcp is passed on, and nothing of it is kept."""
    endless = "x" * (MAX_LINE + 1)
    check_transcript(
        NuttcpSession,
        f"C: {endless}\\\n-> S: {endless}\\\n-> aside\nC: y\n-> S: y",
        flow=outbound(5000),
        line_end=b"\n",
    )


def test_an_unfinished_line_is_passed_on_when_the_client_leaves():
    """Nothing that a client said is lost."""
    check("""
        C: HELO\\
        C closes
        -> S: HELO\\
    """)


@pytest.mark.parametrize(
    "changes",
    [
        {"port": 0},
        {"port": 65536},
        {"port": 65535, "streams": 2},
        {"streams": 0},
        {"streams": -1},
        {"port": "5001, port = 22"},
        {"port": "x"},
    ],
)
def test_a_nonsensical_line_is_no_call(changes):
    """Values out of range and keys said twice are for the server to judge."""
    assert read_call(parameters(**changes).encode()) is None


def test_a_call_is_read():
    """Protocol, first port, number of ports."""
    assert read_call(parameters(streams=128, port=5101, udp=1).encode()) == Call("udp", 5101, 128)


def test_only_the_port_is_replaced():
    """Every other byte of the line stays."""
    assert with_port(parameters().encode(), 61234) == parameters(port=61234).encode()
