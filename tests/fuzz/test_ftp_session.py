"""Hostile FTP peers: any bytes, cut anyhow, in any order; nobody else's address passes, and nothing grows."""

import re
from ipaddress import ip_address
from itertools import groupby

from hypothesis import given, settings
from hypothesis import strategies as st

from ics_plugins.helpers.ftp.answers import Counters
from ics_plugins.helpers.ftp.dialogue import MAX_PENDING
from ics_plugins.helpers.ftp.lines import MAX_LINE
from ics_plugins.helpers.ftp.ports import MAX_OPEN
from ics_plugins.helpers.ftp.protocol import MAX_HELD, FtpSession
from icsframework.values import Close, End, Endpoint, Flow, Mapping, Open, Refused, Send, Side, StepAside

PC = Endpoint(ip_address("192.168.0.10"), 40000)
FAR = Endpoint(ip_address("198.51.100.80"), 21)
SERVER = Endpoint(ip_address("192.168.0.20"), 21)
OUTSIDE = ip_address("203.0.113.5")
FLOWS = (
    Flow("tcp", PC, FAR, Endpoint(OUTSIDE, 40000), "cable"),
    Flow("tcp", FAR, SERVER, Endpoint(OUTSIDE, 21), "cable", "inbound"),
)
CLIENT, SERVERS = Side.CLIENT, Side.SERVER

numbers = st.one_of(st.sampled_from([0, 3, 10, 156, 192, 255, 256]), st.integers(0, 300))
announcements = st.one_of(
    st.sampled_from(
        [
            b"PORT 192,168,0,10,156,64",
            b"port 192, 168,000,010,156,64",
            b"PORT 198,51,100,80,156,64",
            b"PORT 192,168,0,10,0,25",
            b"EPRT |1|192.168.0.10|40000|",
            b"EPRT |1|198.51.100.80|40000|",
            b"EPRT |1|10.0.0.1|25|",
            b"EPRT |2|::1|40000|",
            b"LPRT 4,4,10,0,0,1,2,0,25",
            b"\xff\xf1PORT 10,0,0,1,156,64",
            b"NOOP\rPORT 10,0,0,1,156,64",
        ]
    ),
    st.lists(numbers, min_size=4, max_size=7).map(lambda n: b"PORT " + b",".join(b"%d" % one for one in n)),
)
harmless = st.one_of(
    st.sampled_from(
        [
            b"\x16\x03\x01",
            b"GET / HTTP/1.1",
            b"USER me",
            b"NOOP",
            b"PASV",
            b"EPSV",
            b"EPSV ALL",
            b"RETR a",
            b"LIST",
            b"QUIT",
            b"AUTH TLS",
            b"",
            b"LPSV",
        ]
    ),
    st.binary(max_size=40).filter(lambda data: not set(b"Pp") & set(data)),  # no PORT, EPRT, LPRT
)
replies = st.one_of(
    st.sampled_from(
        [
            b"220 hi",
            b"220-hi",
            b"200 ok",
            b"150 here",
            b"226 done",
            b"227 Entering Passive Mode (192,168,0,20,195,80).",
            b"227 =10,0,0,1,0,25",
            b"227-",
            b"229 Entering Extended Passive Mode (|||50001|)",
            b"229 (|||25|)",
            b"234 go ahead",
            b"334 go ahead",
            b"500 no",
            b"550 no",
            b"426 aborted",
            b"421 bye",
        ]
    ),
    st.binary(max_size=40),
)
endings = st.sampled_from([b"\r\n", b"\r\n", b"\n", b"\r\r\n", b""])


def line(side, text):
    return st.tuples(st.just(side), st.builds(bytes.__add__, text, endings))


clients = line(CLIENT, st.one_of(announcements, harmless))
servers = line(SERVERS, replies)
conversations = st.lists(st.one_of(clients, servers), max_size=25)


class Shell:
    """Carries out what a session wants, and checks that it may; ``done`` is everything in order."""

    def __init__(self, flow, grants=True):
        self.flow, self.now, self.grants = flow, 0.0, grants
        self.session = FtpSession(flow, Counters())
        self.done, self.held, self.externals = [], {}, set()
        self.over = self.aside = False
        self.streams = {CLIENT: b"", SERVERS: b""}
        self._port = 60000

    def say(self, side, data):
        """Bytes of one side, to the session or past it."""
        if self.aside and data:
            self.pass_on(Send(side.other, data))
        elif not self.over and data:
            self.perform(self.session.received(side, data, self.now))

    def pass_on(self, action):
        """Something goes out."""
        self.done.append(action)
        self.streams[action.side] += action.data

    def close(self):
        """Both ends go."""
        for side in Side:
            if not self.over:
                self.perform(self.session.closed(side, self.now))

    def perform(self, actions):
        """Whatever it wants must be ours to give."""
        for action in actions:
            assert not self.over, "nothing follows the end"
            if not isinstance(action, Send | StepAside):
                self.done.append(action)
            match action:
                case Send(_, data):
                    assert data
                    self.pass_on(action)
                case Open():
                    self.open(action)
                case Close(token):
                    self.held.pop(token)
                case StepAside():
                    self.over = self.aside = True
                case End():
                    self.over = True
        assert len(self.held) <= MAX_OPEN

    def open(self, request):
        """Granted, if it is for the inside host and its peer, or refused."""
        assert request.to.address == self.flow.inside.address
        assert request.remote == self.flow.peer.address
        assert request.token not in self.held
        assert request.once
        if self.grants:
            external = Endpoint(OUTSIDE, self._port)
            self._port += 1
            self.externals.add(external)
            result = Mapping(
                "tcp", "cable", external, request.to, request.remote, "ftp", self.now + 600, 1, True
            )
            self.held[request.token] = result
        else:
            result = Refused("limits.expectations")
        self.perform(self.session.opened(request.token, result, self.now))

    @property
    def others(self):
        """All actions that send nothing."""
        return [action for action in self.done if not isinstance(action, Send)]

    @property
    def merged(self):
        """All actions, with what goes to one side in a row as one."""
        return [
            (side, b"".join(action.data for action in group)) if side else list(group)
            for side, group in groupby(
                self.done, lambda action: action.side if isinstance(action, Send) else None
            )
        ]


def cut(data, pieces):
    """The bytes in pieces of these lengths, again and again."""
    while data and pieces:
        for length in pieces:
            yield data[:length]
            data = data[length:]
    yield data


@given(
    st.sampled_from(FLOWS),
    conversations,
    st.lists(st.integers(1, 30), max_size=6),
    st.booleans(),
    st.booleans(),
)
@settings(max_examples=200, deadline=None)
def test_any_split_means_the_same(flow, conversation, pieces, coalesced, grants):
    """Bytes one by one, in pieces, or all that one side says at once: the same actions in the same order."""
    whole, other = Shell(flow, grants), Shell(flow, grants)
    for side, data in conversation:
        whole.say(side, data)
    if coalesced:
        groups = [
            (side, b"".join(data for _, data in group))
            for side, group in groupby(conversation, lambda step: step[0])
        ]
    else:
        groups = conversation
    for side, data in groups:
        for piece in cut(data, pieces):
            other.say(side, piece)
    assert other.aside == whole.aside
    if not whole.aside:
        assert other.merged == whole.merged
    # Half a line that a side had said when the other made us step aside goes out at that moment, whole or in part.
    assert other.streams == whole.streams
    assert other.others == whole.others


@given(st.lists(st.one_of(line(CLIENT, harmless), servers), max_size=25))
@settings(max_examples=150, deadline=None)
def test_what_is_not_rewritten_is_not_touched(conversation):
    """Without an announcement both streams come out as they went in, to the last byte."""
    shell = Shell(FLOWS[0])
    said = {CLIENT: b"", SERVERS: b""}
    for side, data in conversation:
        shell.say(side, data)
        said[side] += data
    shell.close()
    assert shell.streams == {side: said[side.other] for side in Side}
    assert all(isinstance(action, Send) for action in shell.done)


def announced(stream):
    """Each announcement in what a server gets, as a careless server might read it: (verb, the rest)."""
    text = re.sub(rb"\xff[\xfb-\xfe].|\xff[\xf0-\xfa]", b"", stream, flags=re.DOTALL).replace(b"\0", b"")
    return re.findall(rb"(?im)(?:^|[\r\n])[^a-z\n]*(PORT|EPRT|LPRT)\s+([^\r\n]*)", text)


@given(st.sampled_from(FLOWS), conversations, st.booleans())
@settings(max_examples=200, deadline=None)
def test_nobody_elses_address_passes(flow, conversation, grants):
    """Whatever a client says, a server is told ports of ours that lead to it, or (published) the client's own address."""
    shell = Shell(flow, grants)
    for side, data in conversation:
        shell.say(side, data)
    if shell.aside:
        return  # what follows the server's consent to AUTH is ciphertext
    for verb, argument in announced(shell.streams[SERVERS]):
        addresses = re.findall(rb"\d+", argument)
        if verb.upper() == b"EPRT":
            told = Endpoint(ip_address(argument.split(b"|")[2].decode()), int(argument.split(b"|")[3]))
        else:
            told = Endpoint(
                ip_address(b".".join(addresses[:4]).decode()), int(addresses[4]) * 256 + int(addresses[5])
            )
        if flow.direction == "outbound":
            assert told in shell.externals
        else:
            assert told.address == flow.client.address
            assert told.port >= 1024


@given(
    st.sampled_from(FLOWS),
    st.lists(st.one_of(clients, servers, st.just(None)), max_size=30),
    st.integers(1, 300),
)
@settings(max_examples=50, deadline=None)
def test_nothing_grows(flow, conversation, times):
    """Said again and again, with timers in between, a conversation leaves a bounded session or ends it."""
    shell = Shell(flow)
    session = shell.session
    for step in conversation * min(times, 1 + 600 // (len(conversation) or 1)):
        if step is not None:
            shell.say(*step)
        elif not shell.over and (deadline := session.deadline()) is not None:
            shell.now = max(shell.now, deadline)
            shell.perform(session.timeout(shell.now))
            assert session.deadline() is None or session.deadline() > shell.now
        assert len(session._dialogue) <= MAX_PENDING
        assert len(session._lines[SERVERS]) < MAX_LINE
        assert len(session._lines[CLIENT]) <= MAX_HELD
        assert len(session._ports) <= MAX_OPEN
    if shell.over:
        assert session.received(CLIENT, b"PORT 192,168,0,10,156,64\r\n", shell.now) == []
        assert session.deadline() is None
