"""A PppLink against slirp, a PPP end that descends from pppd 2.3: Debian's slirp-fullbolt, on a socket pair."""

import contextlib
import socket
import threading
import time
from ipaddress import IPv4Address as A

import pytest

from icsframework.protocols.ppp.actions import Cause, Stage, Up
from icsframework.protocols.ppp.auth.method import Credentials
from icsframework.protocols.ppp.ipcp import IpcpSettings
from icsframework.protocols.ppp.lcp import LcpSettings
from icsframework.protocols.ppp.liveness import Echo
from icsframework.protocols.ppp.settings import LinkSettings

GOOD, BAD = Credentials("gw", "secret"), Credentials("gw", "wr0ng")
SERVERS = (A("10.9.9.1"), A("10.9.9.2"))


@pytest.fixture
def echo_port():
    """The port of a server on loopback that sends back what it gets from one client."""
    open_now = []

    def serve():
        with contextlib.suppress(OSError):
            client, _ = listener.accept()
            open_now.append(client)
            while data := client.recv(4096):
                client.sendall(data)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        open_now.append(listener)
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        for each in open_now:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        thread.join(5)
        for each in open_now:
            each.close()


@pytest.mark.parametrize(
    ("words", "title", "message"),
    [((), "", ""), (("+pap",), "PAP", "Login ok"), (("+chap",), "CHAP", "Welcome to ")],
)
def test_connecting(dial, words, title, message):
    """Without a password, with PAP and with CHAP-MD5: address and servers are learned, a ping is answered."""
    call = dial(*words)
    result = call.up()
    assert (result.local, result.peer, result.dns) == (A("10.0.2.15"), A("10.64.64.64"), SERVERS)
    assert (result.authentication, result.mtu, result.vj_send, result.vj_receive) == (title, 1500, 16, 16)
    assert result.message.startswith(message)
    assert len(call.ping()) == 56
    assert len(call.ping(1472)) == 1472


@pytest.mark.parametrize(
    ("words", "reason"), [("+pap", "Login incorrect"), ("+chap", "I don't like you. Go 'way.")]
)
def test_a_wrong_password(dial, words, reason):
    """The peer's own words are the reason."""
    down = dial(words, settings=LinkSettings(credentials=BAD)).down()
    title = words[1:].upper()
    assert (down.cause, down.reason) == (Cause.REFUSED, f"the peer refused user gw ({title}): {reason}")


@pytest.mark.parametrize("words", ["+pap", "+chap"])
def test_no_password(dial, words):
    """slirp leaves when we will not authenticate ourselves; the reason says what is missing."""
    down = dial(words, settings=LinkSettings()).down(15)
    assert "it wants a user name and a password" in down.reason


def test_a_peer_that_leaves_right_after_lcp(dial):
    """slirp's option ``auth`` asks for nothing and then ends the link because we have not authenticated ourselves."""
    down = dial("auth").down()
    assert (down.cause, down.reason) == (Cause.PEER, "the peer ended the link (before IP was up)")


def test_headers_are_compressed_both_ways(dial, connect, echo_port):
    """A TCP conversation to loopback: each side sends 2f and 2d frames, every byte and every checksum is right."""
    call = dial("+pap")
    call.up()
    data = bytes(range(256)) * 40
    assert connect(call, echo_port).exchange(data) == data
    figures = call.link.figures
    assert figures.compressed > 20
    assert figures.restored > 20
    assert figures.vj_lost == call.link.counters.bad == 0


@pytest.mark.parametrize("ours", [True, False])
def test_without_compression(dial, connect, echo_port, ours):
    """Switched off here or there, TCP passes all the same."""
    settings = (
        LinkSettings(credentials=GOOD, ipcp=IpcpSettings(vj=None)) if ours else LinkSettings(credentials=GOOD)
    )
    call = dial("+pap", *([] if ours else ["-vj"]), settings=settings)
    result = call.up()
    assert (result.vj_send, result.vj_receive) == (0, 0)
    assert connect(call, echo_port).exchange(b"x" * 1000) == b"x" * 1000
    assert call.link.figures.compressed == call.link.figures.restored == 0


def test_a_line_that_wants_escapes_and_full_headers(dial):
    """slirp with a character map, without address and protocol compression: what it asked for is obeyed."""
    call = dial("+pap", "-ac", "-pc", "asyncmap a0000")
    call.up()
    assert len(call.ping(500)) == 500
    sent = [bytes.fromhex(line[2:]) for line in call.transcript if line[0] == ">"]
    assert not any(octet in data for data in sent for octet in (0x11, 0x13))
    assert sent[-1][1:3] == b"\xff\x03" or sent[-1][1] == 0xFF


def test_a_small_mru_is_the_mtu(dial):
    """slirp drops larger packets without a word, so none is sent."""
    call = dial("+pap", "mru 576")
    assert call.up().mtu == 576
    assert call.link.send([b"\x45" + bytes(576)]) == b""
    assert len(call.ping(500)) == 500


def test_challenges_while_the_link_is_up(dial):
    """slirp asks again every second; pings go on."""
    call = dial("+chap", "chap-interval 1")
    call.up()
    challenges = sum(line.startswith(">") for line in call.transcript)
    call.wait_for(lambda: sum(line.startswith(">") for line in call.transcript) >= challenges + 2)
    assert len(call.ping()) == 56
    assert len(call.all(Up)) == 1


def test_a_peer_that_speaks_first(dial):
    """``initiate-options``: its request is there before ours."""
    call = dial("+chap", "initiate-options")
    call.up()
    assert len(call.ping()) == 56


def test_echoes_both_ways(dial):
    """slirp's are answered, so that it does not hang up; ours tell the round trip."""
    settings = LinkSettings(credentials=GOOD, lcp=LcpSettings(echo=Echo(0.3, 0.3, 5)))
    call = dial("lcp-echo-interval 1", "lcp-echo-failure 2", settings=settings)
    call.up()
    call.wait_for(lambda: call.link.rtt is not None)
    assert call.link.rtt < 1
    assert call.link.ready


def test_ipv6_that_the_peer_ignores(dial):
    """slirp neither answers nor rejects IPV6CP: IPv4 is up at once all the same."""
    call = dial("+pap", settings=LinkSettings(credentials=GOOD, ipv6=True))
    call.up()
    assert len(call.ping()) == 56


def test_hanging_up(dial):
    """Terminate-Request, Terminate-Ack, down within a moment."""
    call = dial("+pap")
    call.up()
    call.do(call.link.close("disconnected", time.monotonic()))
    down = call.down(0.9)
    assert (down.cause, down.reason) == (Cause.ASKED, "disconnected")


def test_the_other_end_dies(dial):
    """The line ends: down at once."""
    call = dial("+pap")
    call.up()
    call.slirp.kill()
    assert call.down().cause is Cause.LINE


def test_stages(dial):
    """What people see while it connects."""
    call = dial("+chap")
    call.up()
    assert [stage.name for stage in call.all(Stage)] == ["negotiating", "authenticating", "configuring"]
