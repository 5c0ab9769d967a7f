"""FTP control connections as whole conversations: what a session does with every line, in order."""

import pytest

from ics_plugins.helpers.ftp.ports import LIFETIME, MAX_OPEN
from ics_plugins.helpers.ftp.protocol import MAX_HELD
from icsframework.values import Refused, Side

BOUNCE = "to client: 500 Refused by the gateway: data goes to your own address only, to a port above 1023 (RFC 2577)."


def test_an_active_download(outbound):
    """A whole session: PORT names our external port, and the port goes when its transfer is over."""
    assert outbound.talk(
        "< 220-Welcome",
        "< 220 ready",
        "> USER anonymous",
        "< 331 password?",
        "> PASS me@",
        "< 230 hello",
        "> PORT 192,168,0,10,156,64",
        "< 200 PORT ok",
        "> RETR file",
        "< 150 here it comes",
        "< 226 done",
        "> QUIT",
        "< 221 bye",
    ) == [
        "to client: 220-Welcome",
        "to client: 220 ready",
        "to server: USER anonymous",
        "to client: 331 password?",
        "to server: PASS me@",
        "to client: 230 hello",
        "open 192.168.0.10:40000",
        "to server: PORT 203,0,113,5,234,96",
        "to client: 200 PORT ok",
        "to server: RETR file",
        "to client: 150 here it comes",
        "to client: 226 done",
        "close 1",
        "to server: QUIT",
        "to client: 221 bye",
    ]
    assert outbound.session.deadline() is None


def test_the_lowest_port(outbound):
    """1024 is the first that is no service."""
    assert outbound.talk("< 220 hi", "> PORT 192,168,0,10,4,0")[1:] == [
        "open 192.168.0.10:1024",
        "to server: PORT 203,0,113,5,234,96",
    ]


def test_eprt(outbound):
    """EPRT keeps its form (RFC 2428 section 2)."""
    assert outbound.talk("< 220 hi", "> EPRT |1|192.168.0.10|40000|", "< 200 ok")[1:] == [
        "open 192.168.0.10:40000",
        "to server: EPRT |1|203.0.113.5|60000|",
        "to client: 200 ok",
    ]


def test_eprt_by_ipv6(wire, flows):
    """The same with addresses of the other family."""
    six = wire(flows["six"])
    assert six.talk("< 220 hi", "> EPRT |2|2001:db8::10|40000|", "> EPRT |1|192.168.0.10|40000|")[1:] == [
        "open [2001:db8::10]:40000",
        "to server: EPRT |2|2001:db8:f::5|60000|",
    ]
    assert six.talk("< 200 ok") == [
        "to client: 200 ok",
        "to client: 522 Network protocol not supported, use (2)",
    ]


def test_the_line_keeps_what_surrounds_the_address(outbound):
    """Case of the verb and the end of the line are the client's; the spelling of the address is ours."""
    outbound.talk("< 220 hi")
    assert outbound.raw(Side.CLIENT, b"port  192, 168, 000, 010, 156, 064 \n") == [
        "open 192.168.0.10:40000",
        "to server: port 203,0,113,5,234,96\n",
    ]


@pytest.mark.parametrize(
    "line",
    [
        "PORT 192,168,0,11,156,64",
        "PORT 198,51,100,80,156,64",
        "PORT 203,0,113,5,156,64",
        "PORT 192,168,0,10,3,255",
        "PORT 192,168,0,10,0,0",
        "eprt |1|192.168.0.11|40000|",
        "EPRT |1|192.168.0.10|25|",
        "\xff\xf1PORT 192,168,0,11,156,64",
        "PO\xff\xf1RT 192,168,0,11,156,64",
        "P\0ORT 192,168,0,11,156,64",
        " \tPORT 192,168,0,11,156,64",
        "NOOP\rPORT 192,168,0,11,156,64",
        "NOOP\rEPRT |1|192.168.0.10|25|",
    ],
)
@pytest.mark.parametrize("direction", ["outbound", "inbound"])
def test_bounce_attempts_are_refused(wire, flows, direction, line):
    """An address that is not the client's own, or a port of a service, never reaches the server (RFC 2577)."""
    where = wire(flows[direction])
    line = line if direction == "outbound" else line.replace("192,168,0,10", "198,51,100,7")
    assert where.talk("< 220 hi", f"> {line}", "> NOOP", "< 200 ok")[1:] == [
        BOUNCE,
        "to server: NOOP",
        "to client: 200 ok",
    ]
    assert where.counters.bounces == 1
    assert where.counters.last_bounce.startswith(f"{where.flow.client}: ")


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("PORT 192,168,0,10,156", "501 The gateway does not understand this address."),
        ("PORT", "501 The gateway does not understand this address."),
        ("EPRT |1|host|40000|", "501 The gateway does not understand this address."),
        ("EPRT |2|::1|40000|", "522 Network protocol not supported, use (1)"),
        ("EPRT |3|x|40000|", "522 Network protocol not supported, use (1)"),
        ("LPRT 4,4,192,168,0,10,2,156,64", "502 Not known to the gateway, use EPRT or EPSV."),
    ],
)
def test_what_cannot_be_read_goes_no_further(outbound, line, answer):
    """A server that reads more into a line than we do is not told it."""
    assert outbound.talk("< 220 hi", f"> {line}")[1:] == [f"to client: {answer}"]


def test_no_port_is_free(outbound):
    """The client hears of it at once and may try passive mode; the server knows nothing."""
    outbound.free = False
    assert outbound.talk("< 220 hi", "> PORT 192,168,0,10,156,64", "> PASV", "< 227 =1,2,3,4,5,6")[1:] == [
        "open 192.168.0.10:40000",
        "to client: 425 The gateway has no port for the data connection, try passive mode.",
        "to server: PASV",
        "to client: 227 =1,2,3,4,5,6",
    ]
    assert outbound.counters.no_port == 1


def test_the_server_refuses_the_command(outbound):
    """Then the port is of no use."""
    assert outbound.talk("< 220 hi", "> PORT 192,168,0,10,156,64", "< 530 log in first")[-2:] == [
        "to client: 530 log in first",
        "close 1",
    ]


def test_a_transfer_is_refused_before_it_began(outbound):
    """The port may serve another one: PORT holds until the next (RFC 959 section 3.2)."""
    assert outbound.talk(
        "< 220 hi",
        "> PORT 192,168,0,10,156,64",
        "< 200 ok",
        "> RETR a",
        "< 550 no such file",
        "> RETR b",
        "< 150 here",
        "< 551 the disk is broken",
    )[3:] == [
        "to client: 200 ok",
        "to server: RETR a",
        "to client: 550 no such file",
        "to server: RETR b",
        "to client: 150 here",
        "to client: 551 the disk is broken",
        "close 1",
    ]


@pytest.mark.parametrize("code", [225, 226, 250, 425, 426])
def test_a_transfer_without_a_preliminary_reply(outbound, code):
    """Some replies say that it is over, or that the port did not serve, all the same."""
    outbound.talk("< 220 hi", "> PORT 192,168,0,10,156,64", "< 200 ok", "> LIST")
    assert outbound.talk(f"< {code} so it is") == [f"to client: {code} so it is", "close 1"]


def test_a_new_port_closes_the_former(outbound):
    """One expectation at a time, as long as the client waits for answers."""
    outbound.talk("< 220 hi", "> PORT 192,168,0,10,156,64", "< 200 ok")
    assert outbound.talk("> EPRT |1|192.168.0.10|40001|", "< 200 ok") == [
        "close 1",
        "open 192.168.0.10:40001",
        "to server: EPRT |1|203.0.113.5|60001|",
        "to client: 200 ok",
    ]
    assert outbound.talk("> PASV") == ["close 2", "to server: PASV"]


def test_a_new_port_is_announced_ahead(outbound):
    """The former lives until its transfer is over."""
    outbound.talk("< 220 hi", "> PORT 192,168,0,10,156,64", "< 200 ok", "> RETR a")
    assert outbound.talk("> PORT 192,168,0,10,156,65", "< 150 a", "< 226 a", "< 200 ok") == [
        "open 192.168.0.10:40001",
        "to server: PORT 203,0,113,5,234,97",
        "to client: 150 a",
        "to client: 226 a",
        "close 1",
        "to client: 200 ok",
    ]


def test_what_gets_no_answer_is_not_waited_for(outbound):
    """An empty line is no command, and EPSV ALL is not EPSV; garbage is one."""
    lines = ("> ", "> EPSV ALL", "< 200 ok", "> 123", "> PORT 10,0,0,1,156,64", "< 500 what?")
    assert outbound.talk("< 220 hi", *lines)[1:] == [
        "to server: ",
        "to server: EPSV ALL",
        "to client: 200 ok",
        "to server: 123",
        "to client: 500 what?",
        BOUNCE,
    ]


def test_passive_mode_passes(outbound):
    """Data connections of a client need no help; EPSV ALL is the server's business."""
    lines = [
        "< 220 hi",
        "> EPSV ALL",
        "< 200 ok",
        "> EPSV",
        "< 229 Entering Extended Passive Mode (|||6446|)",
        "> LPSV",
        "< 502 what?",
        "> PASV",
        "< 227 Entering Passive Mode (198,51,100,80,7,138).",
        "> LIST",
        "< 150 here",
        "< 226 done",
    ]
    to = {"<": "to client:", ">": "to server:"}
    assert outbound.talk(*lines) == [f"{to[line[0]]} {line[2:]}" for line in lines]


def test_commands_sent_ahead(outbound):
    """Each port lives until its own transfer is over, whatever is sent meanwhile."""
    assert outbound.talk(
        "< 220 hi",
        "> PORT 192,168,0,10,156,64",
        "> RETR a",
        "> PORT 192,168,0,10,156,65",
        "> RETR b",
        "< 200 ok",
        "< 150 a",
        "< 226 a",
        "< 200 ok",
        "< 150 b",
        "< 226 b",
    )[1:] == [
        "open 192.168.0.10:40000",
        "to server: PORT 203,0,113,5,234,96",
        "to server: RETR a",
        "open 192.168.0.10:40001",
        "to server: PORT 203,0,113,5,234,97",
        "to server: RETR b",
        "to client: 200 ok",
        "to client: 150 a",
        "to client: 226 a",
        "close 1",
        "to client: 200 ok",
        "to client: 150 b",
        "to client: 226 b",
        "close 2",
    ]


def test_our_answers_wait_for_their_turn(outbound):
    """A refused command between others is answered between their answers, and not inside one of many lines."""
    assert outbound.talk(
        "> USER me",
        "> PORT 10,0,0,1,156,64",
        "> STAT",
        "> PORT 10,0,0,1,156,64",
        "< 220-hi",
        "< 220 there",
        "< 230 in",
        "< 211-status",
        "< 211 end",
    )[2:] == [
        "to client: 220-hi",
        "to client: 220 there",
        "to client: 230 in",
        BOUNCE,
        "to client: 211-status",
        "to client: 211 end",
        BOUNCE,
    ]


def test_an_answer_of_ours_does_not_break_up_a_notice(outbound):
    """A reply of many lines that nobody asked for stays whole."""
    outbound.talk("< 220 hi")
    assert outbound.talk("< 421-closing", "> PORT 10,0,0,1,156,64", "< 421 down") == [
        "to client: 421-closing",
        "to client: 421 down",
        BOUNCE,
    ]


def test_too_many_ports(outbound):
    """A client that announces on and on gets no more than a few."""
    outbound.talk("< 220 hi", *["> PORT 192,168,0,10,156,64"] * MAX_OPEN)
    assert outbound.talk("> PORT 192,168,0,10,156,64", *["< 200 ok"] * MAX_OPEN)[-3:] == [
        "to client: 200 ok",
        "to client: 425 The gateway has no port for the data connection, try passive mode.",
        "close 7",
    ]


# --- time -----------------------------------------------------------------------------------------------


def test_a_port_waits_for_its_transfer(outbound):
    """Minutes between PORT and RETR are no trouble."""
    outbound.talk("< 220 hi", "> PORT 192,168,0,10,156,64", "< 200 ok")
    assert outbound.session.deadline() == outbound.now + LIFETIME
    assert outbound.wait(LIFETIME - 1) == []
    assert outbound.talk("> RETR file", "< 150 here", "< 226 done")[-1] == "close 1"


def test_an_expired_port(outbound):
    """Too late: the client is told to announce a port again, and may."""
    outbound.talk("< 220 hi", "> PORT 192,168,0,10,156,64", "< 200 ok")
    assert outbound.wait(LIFETIME) == ["close 1"]
    assert outbound.session.deadline() is None
    assert outbound.talk(
        "> NOOP", "< 200 ok", "> RETR file", "> PORT 192,168,0,10,156,65", "< 200 ok", "> RETR file"
    ) == [
        "to server: NOOP",
        "to client: 200 ok",
        "to client: 425 The port of your last PORT command has expired, send PORT again.",
        "open 192.168.0.10:40001",
        "to server: PORT 203,0,113,5,234,97",
        "to client: 200 ok",
        "to server: RETR file",
    ]
    assert outbound.counters.expired == 1


def test_passive_mode_after_an_expired_port(outbound):
    """Whoever turns to passive mode has no expired port any more."""
    outbound.talk("< 220 hi", "> PORT 192,168,0,10,156,64", "< 200 ok")
    outbound.wait(LIFETIME)
    assert outbound.talk("> PASV", "< 227 =1,2,3,4,5,6", "> RETR file")[-1] == "to server: RETR file"


def test_a_long_transfer_outlives_its_port(outbound):
    """What runs is not our business; the next command passes."""
    outbound.talk("< 220 hi", "> PORT 192,168,0,10,156,64", "< 200 ok", "> RETR file", "< 150 here")
    assert outbound.wait(LIFETIME) == ["close 1"]
    assert outbound.talk("< 226 done", "> RETR other") == ["to client: 226 done", "to server: RETR other"]


# --- a published server ---------------------------------------------------------------------------------


def test_a_published_server_in_passive_mode(inbound):
    """227 and 229 of the server name our external address and port, for this client only."""
    assert inbound.talk(
        "< 220 hi",
        "> PASV",
        "< 227 Entering Passive Mode (192,168,0,20,195,80).",
        "> RETR file",
        "< 150 here",
        "< 226 done",
        "> EPSV",
        "< 229 Entering Extended Passive Mode (|||50001|)",
        "> LIST",
        "< 150 here",
        "< 226 done",
    ) == [
        "to client: 220 hi",
        "to server: PASV",
        "open 192.168.0.20:50000",
        "to client: 227 Entering Passive Mode (203,0,113,5,234,96).",
        "to server: RETR file",
        "to client: 150 here",
        "to client: 226 done",
        "close 1",
        "to server: EPSV",
        "open 192.168.0.20:50001",
        "to client: 229 Entering Extended Passive Mode (|||60001|)",
        "to server: LIST",
        "to client: 150 here",
        "to client: 226 done",
        "close 2",
    ]


@pytest.mark.parametrize(
    ("reply", "rewritten"),
    [
        ("227 Entering Passive Mode (10,9,8,7,195,80)", "227 Entering Passive Mode (203,0,113,5,234,96)"),
        ("227 =192,168,0,20,195,80", "227 =203,0,113,5,234,96"),
        ("227 192, 168, 0, 20, 195, 80", "227 203,0,113,5,234,96"),
        ("227 Mode 1: 192,168,0,20,195,80 ok", "227 Mode 1: 203,0,113,5,234,96 ok"),
    ],
)
def test_loose_forms_of_227(inbound, reply, rewritten):
    """Digits count, wherever they stand (RFC 1123 section 4.1.2.6); the address among them is not believed."""
    assert inbound.talk("< 220 hi", "> PASV", f"< {reply}")[2:] == [
        "open 192.168.0.20:50000",
        f"to client: {rewritten}",
    ]


def test_passive_replies_nobody_asked_for(inbound):
    """In a banner, inside a reply of many lines, or out of the blue they open nothing and pass as they are."""
    lines = [
        "< 220-PASV",
        "< 227 Entering Passive Mode (192,168,0,20,195,80).",
        "< 220 hi",
        "< 227 Entering Passive Mode (192,168,0,20,195,80).",
        "> STAT",
        "< 211-227 Entering Passive Mode (192,168,0,20,195,80).",
        "<  227 Entering Passive Mode (192,168,0,20,195,80).",
        "< 227 Entering Passive Mode (192,168,0,20,195,80).",
        "< 229 Entering Extended Passive Mode (|||50001|)",
        "< 211 end",
        "> EPSV",
        "< 227 Entering Passive Mode (192,168,0,20,195,80).",
        "< 500 no",
        "> NOOP",
        "< 227 Entering Passive Mode (192,168,0,20,195,80).",
    ]
    to = {"<": "to client:", ">": "to server:"}
    assert inbound.talk(*lines) == [f"{to[line[0]]} {line[2:]}" for line in lines]


def test_commands_sent_ahead_to_a_published_server(inbound):
    """Each passive reply is that of its own command, and each port lives until its own transfer is over."""
    assert inbound.talk(
        "< 220 hi",
        "> PASV",
        "> RETR a",
        "> EPSV",
        "> RETR b",
        "< 227 (192,168,0,20,195,80)",
        "< 150 a",
        "< 226 a",
        "< 229 (|||50001|)",
        "< 150 b",
        "< 226 b",
    )[5:] == [
        "open 192.168.0.20:50000",
        "to client: 227 (203,0,113,5,234,96)",
        "to client: 150 a",
        "to client: 226 a",
        "close 1",
        "open 192.168.0.20:50001",
        "to client: 229 (|||60001|)",
        "to client: 150 b",
        "to client: 226 b",
        "close 2",
    ]


def test_no_port_is_free_for_a_published_server(inbound):
    """The client hears so instead of a port that leads nowhere, and the session goes on."""
    inbound.free = False
    assert inbound.talk("< 220 hi", "> PASV", "< 227 (192,168,0,20,195,80)", "> NOOP", "< 200 ok")[2:] == [
        "open 192.168.0.20:50000",
        "to client: 425 The gateway has no port for the data connection.",
        "to server: NOOP",
        "to client: 200 ok",
    ]


def test_a_passive_reply_without_a_port(inbound):
    """What cannot be read is no port."""
    assert inbound.talk("< 220 hi", "> EPSV", "< 229 somewhere")[2:] == [
        "to client: 425 The gateway has no port for the data connection."
    ]
    assert inbound.counters.unreadable == 1


def test_a_passive_server_that_is_asked_twice(inbound):
    """The port of the first answer goes when there is another."""
    inbound.talk("< 220 hi", "> PASV", "< 227 (192,168,0,20,195,80)")
    assert inbound.talk("> EPSV", "< 229 (|||50001|)") == [
        "close 1",
        "to server: EPSV",
        "open 192.168.0.20:50001",
        "to client: 229 (|||60001|)",
    ]


def test_a_client_of_a_published_server_in_active_mode(inbound):
    """Its own address passes, in canonical form: the server connects to it by itself."""
    inbound.talk("< 220 hi", "> PASV", "< 227 (192,168,0,20,195,80)")
    assert inbound.talk(
        "> PORT 198,51,100,7,195,80",
        "< 200 ok",
        "> EPRT |1|198.051.100.007|50000|",
        "< 200 ok",
        "> LPSV",
    ) == [
        "close 1",
        "to server: PORT 198,51,100,7,195,80",
        "to client: 200 ok",
        "to server: EPRT |1|198.51.100.7|50000|",
        "to client: 200 ok",
        "to client: 502 Not known to the gateway, use EPRT or EPSV.",
    ]


# --- encryption, and what is no FTP ---------------------------------------------------------------------


@pytest.mark.parametrize("consent", ["234 go ahead", "334 ADAT="])
def test_authentication_steps_aside(outbound, consent):
    """After the server's consent, not before; what the client sent behind AUTH waited and goes as it is."""
    outbound.talk("< 220 hi", "> PORT 192,168,0,10,156,64", "< 200 ok")
    assert outbound.talk("> AUTH TLS", "> PORT 10,0,0,1,156,64", "> \x16\x03", f"< {consent}") == [
        "to server: AUTH TLS",
        f"to client: {consent}",
        "close 1",
        "to server: PORT 10,0,0,1,156,64",
        "to server: \x16\x03",
        "step aside",
    ]
    assert outbound.talk("> PORT 10,0,0,1,156,64", "< 227 x") == []
    assert outbound.counters.encrypted == 1


def test_authentication_refused(outbound):
    """Then all is as before, and what waited is looked at."""
    assert outbound.talk(
        "< 220 hi", "> AUTH TLS", "> AUTH SSL", "> PORT 10,0,0,1,156,64", "< 530 no", "< 504 no"
    )[1:] == [
        "to server: AUTH TLS",
        "to client: 530 no",
        "to server: AUTH SSL",
        "to client: 504 no",
        BOUNCE,
    ]


def test_a_client_that_leaves_behind_auth(outbound):
    """It cannot speak TLS any more: what it had sent is looked at and passes."""
    outbound.talk("< 220 hi", "> AUTH TLS", "> QUIT", "> PORT 10,0,0,1,156,64")
    assert outbound.close(Side.CLIENT) == ["to server: QUIT"]
    assert outbound.talk("< 500 no", "< 221 bye")[1:] == ["to client: 221 bye", BOUNCE]


def test_consent_that_nobody_asked_for(outbound):
    """A 234 out of the blue changes nothing."""
    assert outbound.talk("< 220 hi", "< 234 go ahead", "> PORT 10,0,0,1,156,64")[1:] == [
        "to client: 234 go ahead",
        BOUNCE,
    ]


def test_tls_from_the_first_byte(outbound):
    """FTPS on an FTP port is passed on unread."""
    assert outbound.raw(Side.CLIENT, b"\x16") == ["to server: \x16", "step aside"]


def test_a_browser_that_was_led_to_an_ftp_port(outbound):
    """FTP in the text of an HTTP request opens nothing."""
    assert outbound.talk("> POST / HTTP/1.1", "> PORT 192,168,0,10,156,64") == [
        "to server: POST / HTTP/1.1",
        "step aside",
    ]
    assert outbound.counters.not_ftp == 1


def test_a_file_with_the_name_of_a_protocol(outbound):
    """Only the first line tells a browser."""
    assert outbound.talk("< 220 hi", "> USER me", "> DELE notes HTTP/1.1", "> PORT 10,0,0,1,156,64")[1:] == [
        "to server: USER me",
        "to server: DELE notes HTTP/1.1",
    ]
    assert outbound.talk("< 230 in", "< 250 gone")[-1] == BOUNCE


# --- bytes ----------------------------------------------------------------------------------------------


def test_bytes_that_are_not_rewritten_are_not_touched(outbound):
    """Other charsets, bare line feeds, empty lines, signals of Telnet: all as it came."""
    for data in (
        b"RETR \xe4\xf6\xfc\0\xff\xff\n",
        b"\r\n",
        b"\n",
        b"\xff\xf4\xff\xf2ABOR\r\n",
        b"retr a\rb\r\n",
    ):
        [action] = outbound.session.received(Side.CLIENT, data, 0.0)
        assert (action.side, action.data) == (Side.SERVER, data)
    for data in (b"220-\xff\n 230 x\r\n", b"220\r\n", b"garbage\r\n", b"226\n"):
        [action] = outbound.session.received(Side.SERVER, data, 0.0)
        assert (action.side, action.data) == (Side.CLIENT, data)


def test_abor_with_its_telnet_signals(outbound):
    """IP and Synch stand before ABOR (RFC 959 section 4.1.3); 426 ends the transfer and 226 answers ABOR."""
    outbound.talk("< 220 hi", "> PORT 192,168,0,10,156,64", "< 200 ok", "> RETR file", "< 150 here")
    assert outbound.raw(Side.CLIENT, b"\xff\xf4\xff\xf2ABOR\r\n") == ["to server: \xff\xf4\xff\xf2ABOR"]
    assert outbound.talk("< 426 aborted", "< 226 closed", "> PORT 10,0,0,1,156,64") == [
        "to client: 426 aborted",
        "close 1",
        "to client: 226 closed",
        BOUNCE,
    ]


def test_signals_before_port_are_kept(outbound):
    """They reach the server in front of the rewritten line."""
    outbound.talk("< 220 hi")
    assert outbound.raw(Side.CLIENT, b"\xff\xf4\xf2PORT 192,168,0,10,156,64\r\n")[1:] == [
        "to server: \xff\xf4\xf2PORT 203,0,113,5,234,96"
    ]


@pytest.mark.parametrize("side", list(Side))
def test_a_line_without_end(outbound, side):
    """Ends the session, with whose line it was; nothing follows."""
    assert outbound.raw(side, b"x" * 4096) == [f"end: a line of the {side.value} is longer than 4096 bytes"]
    assert outbound.raw(side, b"x\r\n") == []
    assert outbound.close(side) == []
    assert outbound.counters.too_long == 1


def test_the_longest_line(outbound):
    """4096 bytes with its end is a line."""
    line = b"RETR " + b"x" * 4089 + b"\r\n"
    assert len(line) == 4096
    [action] = outbound.session.received(Side.CLIENT, line, 0.0)
    assert action.data == line


def test_a_client_that_only_sends(outbound):
    """Commands that nobody answers are bounded."""
    assert outbound.raw(Side.CLIENT, b"PASV\r\n" * 300)[-1] == (
        "end: 256 commands of the client are unanswered"
    )
    assert outbound.counters.too_many == 1


@pytest.mark.parametrize(
    ("line", "end"),
    [
        (b"NOOP\r\n", "4096 commands of the client are unanswered"),
        (b"x\n", "4096 commands of the client are unanswered"),
        (b"\n", "the client sent 4096 empty lines"),
    ],
)
def test_a_flood_of_short_lines(outbound, line, end):
    """It ends, before it keeps us busy for long."""
    outbound.talk("< 220 hi")
    assert outbound.raw(Side.CLIENT, line * 5000)[-1] == f"end: {end}"
    assert len(outbound.said) <= 4099


def test_a_client_that_sends_on_behind_auth(outbound):
    """What waits is bounded."""
    outbound.talk("< 220 hi", "> AUTH TLS")
    assert outbound.raw(Side.CLIENT, b"x" * (MAX_HELD + 1)) == [
        f"end: the client sent more than {MAX_HELD} bytes while it had to wait"
    ]


def test_what_waits_behind_an_open(outbound):
    """The lines behind PORT keep their order, and come when the answer is there."""
    outbound.answering = False
    outbound.talk("< 220 hi")
    assert outbound.talk("> PORT 192,168,0,10,156,64", "> RETR file", "< 220 more") == [
        "open 192.168.0.10:40000",
        "to client: 220 more",
    ]
    outbound.session.opened("another", Refused("x"), outbound.now)
    outbound.answer()
    assert outbound.said[-2:] == ["to server: PORT 203,0,113,5,234,96", "to server: RETR file"]


def test_an_answer_after_the_end(outbound):
    """Says nothing any more."""
    outbound.answering = False
    outbound.talk("< 220 hi", "> PORT 192,168,0,10,156,64")
    outbound.raw(Side.SERVER, b"x" * 5000)
    before = len(outbound.said)
    outbound.answer()
    assert outbound.said[before:] == []
    assert outbound.session.deadline() is None


def test_half_a_line_at_the_end(outbound):
    """Passes when its side has closed; half an announcement does not."""
    assert outbound.raw(Side.SERVER, b"220 hi\r\n421 tim")[1:] == []
    assert outbound.close(Side.SERVER) == ["to client: 421 tim"]
    assert outbound.raw(Side.CLIENT, b"PORT 10,0,0,1,156,64") == []
    assert outbound.close(Side.CLIENT) == []
