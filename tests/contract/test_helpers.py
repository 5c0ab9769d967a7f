"""What every NAT helper must bear, whatever its protocol: all that are installed, and those in examples/.

Each is played the conversations that it ships (icsframework.testing.sessions), as they are and changed by hypothesis,
inside the code that the gateway has around a session.
"""

import re
import sys
import tomllib
from dataclasses import dataclass, replace
from ipaddress import ip_address
from itertools import pairwise
from math import isfinite
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsframework.helpers.limits import Limits
from icsframework.registry import Registry
from icsframework.testing.contract import check_config
from icsframework.testing.contract_session import NOISE, check_conversation, check_noise, joined
from icsframework.testing.sessions import Play, conversations_of, play
from icsframework.testing.stage import Stage
from icsframework.values import (
    Endpoint,
    KernelHelper,
    Mapping,
    Open,
    PortTrigger,
    Refused,
    Send,
    Side,
    StepAside,
    StreamProxy,
)

EXAMPLES = Path(__file__).parents[2] / "examples"
KIND = "nat_helper"
C, S = Side.CLIENT, Side.SERVER
FOREIGN = ip_address("198.51.100.99")
"""A host that has nothing to do with any flow."""


@dataclass(frozen=True)
class Helper:
    """A helper under its name, with what it attaches when its entry says nothing but ``plugin``."""

    name: str
    attachments: tuple
    conversations: tuple
    ours: bool


def load(name, target, factory, ours=True):
    """Create it as the gateway does."""
    with Stage(("eth0", "eth1")) as stage:
        helper = factory.create(check_config(KIND, factory, "").own, stage.gateway)
        return Helper(name, tuple(helper.attachments()), tuple(map(tuple, conversations_of(target))), ours)


def installed():
    """Every registered helper."""
    registry = Registry.installed()
    for entry in registry.entries():
        if entry.kind == KIND:
            ours = entry.distribution == "icsframework"
            yield load(entry.name, entry.target, registry.get(KIND, entry.name), ours)


def in_examples():
    """Those of the example distributions, from their sources: they need not be installed."""
    for project in sorted(EXAMPLES.glob("*/pyproject.toml")):
        points = tomllib.loads(project.read_text())["project"]["entry-points"]["icsframework.nat_helper"]
        sys.path.insert(0, str(project.parent / "src"))
        for name, target in points.items():
            entry = Registry.installed().get(KIND, target)
            yield load(f"example-{name}", target, entry)


HELPERS = {helper.name: helper for helper in (*in_examples(), *installed())}
STREAMS = [
    pytest.param(helper, one, id=f"{helper.name}-{one.direction}")
    for helper in HELPERS.values()
    for one in helper.attachments
    if isinstance(one, StreamProxy)
]
SAID = [
    pytest.param(proxy, said, id=f"{stream.id}-{number}")
    for stream in STREAMS
    for helper, proxy in [stream.values]
    for number, said in enumerate(helper.conversations)
]
CASES = {case.id: case.values for case in SAID}
"""By name, as hypothesis shows them."""
TRIGGERS = [
    pytest.param(one, id=f"{helper.name}-{one.name}")
    for helper in HELPERS.values()
    for one in helper.attachments
    if isinstance(one, PortTrigger)
]
KERNEL = [
    pytest.param(one, id=f"{helper.name}-{one.name}")
    for helper in HELPERS.values()
    for one in helper.attachments
    if isinstance(one, KernelHelper)
]


# --- the tests test something


def test_every_helper_attaches_something():
    """And the ones of this repository are all there."""
    assert {"ftp", "pptp", "games", "example-nuttcp"} <= HELPERS.keys()
    assert [name for name, helper in HELPERS.items() if not helper.attachments] == []


@pytest.mark.parametrize(("helper", "proxy"), STREAMS)
def test_its_conversations_reach_what_it_is_for(helper, proxy):
    """A port is opened in one of them at least, or all the tests below would be about nothing."""
    if not helper.ours and not helper.conversations:
        pytest.skip(f"{helper.name} ships no CONVERSATIONS, see icsframework/testing/sessions.py")
    assert any(play(proxy, said).opened for said in helper.conversations)


# --- segments, order, noise


@pytest.mark.parametrize(("proxy", "said"), SAID)
def test_however_it_arrives(proxy, said):
    """Split, joined and pipelined segments, either side closing first or in the midst, ports or none: the same."""
    check_conversation(proxy, said)


@pytest.mark.parametrize("kind", NOISE)
@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize(("helper", "proxy"), STREAMS)
def test_noise(helper, proxy, side, kind):
    """Binary, endless lines, floods of short ones: no exception, no port, nothing gathered."""
    check_noise(proxy, side, kind)


@given(case=st.sampled_from(sorted(CASES)), data=st.data())
def test_any_cut(case, data):
    """Wherever segments begin and end, what comes of it is the same."""
    proxy, said = CASES[case]
    pieces = []
    for side, whole in joined(said):
        places = data.draw(st.lists(st.integers(1, len(whole)), max_size=4), label="cuts")
        bounds = sorted({0, *places, len(whole)})
        pieces += [(side, whole[a:b]) for a, b in pairwise(bounds)]
    assert play(proxy, pieces) == play(proxy, said)


def words(text):
    """The first word of each line."""
    return [line.split()[0] for line in text.splitlines() if line.split()]


@given(case=st.sampled_from(sorted(CASES)), data=st.data())
def test_any_interleaving_keeps_the_order_of_each_side(case, data):
    """Whoever is faster: what one side's lines say reaches the other in the order in which it was said."""
    proxy, said = CASES[case]
    queues = {side: [text for who, text in said if who is side] for side in Side}
    spoken = {side: words(b"".join(queue)) for side, queue in queues.items()}
    turns = data.draw(st.permutations([who for who, _ in said]), label="turns")
    outcome = play(proxy, [(side, queues[side].pop(0)) for side in turns])
    for side in Side:
        rest = iter(spoken[side])
        passed = [word for word in words(outcome.sent[side.other]) if word in spoken[side]]
        assert all(word in rest for word in passed), (passed, spoken[side])


# --- lies

NUMBER = re.compile(rb"\d+")
ADDRESS = re.compile(rb"\d+([.,])\d+\1\d+\1\d+")
NUMBERS = [
    b"0",
    b"1",
    b"21",
    b"22",
    b"80",
    b"255",
    b"256",
    b"1023",
    b"1024",
    b"65535",
    b"65536",
    b"9" * 30,
    b"-1",
]
ADDRESSES = [
    "192.168.0.11",
    "192.168.0.1",
    "192.0.2.81",
    "203.0.113.5",
    "127.0.0.1",
    "0.0.0.0",
    "255.255.255.255",
]


@st.composite
def lies(draw, said):
    """The conversation with other numbers, other addresses, other bytes, in another order, by the other side."""
    told = []
    for side, text in said:
        match draw(st.sampled_from(["", "", "number", "address", "byte", "twice", "left out", "other side"])):
            case "number":
                text = replaced(draw, NUMBER, text, st.sampled_from(NUMBERS))
            case "address":
                other = draw(st.sampled_from(ADDRESSES)).encode()
                text = ADDRESS.sub(lambda found, other=other: other.replace(b".", found[1]), text)
            case "byte":
                place = draw(st.integers(0, len(text)))
                text = text[:place] + draw(st.binary(max_size=3)) + text[place + 1 :]
            case "twice":
                told.append((side, text))
            case "left out":
                continue
            case "other side":
                side = side.other
        told.append((side, text))
    if draw(st.booleans()):
        told = draw(st.permutations(told))
    return told


def replaced(draw, pattern, text, by):
    """One place of the pattern in the text is something else."""
    places = list(pattern.finditer(text))
    if not places:
        return text
    found = draw(st.sampled_from(places))
    return text[: found.start()] + draw(by) + text[found.end() :]


def some_granted(draw):
    """Answers to Open: most are granted, some refused."""

    def grant(wanted, number):
        if draw(st.integers(0, 4)) == 0:
            return Refused("no port is left")
        external = Endpoint(ip_address("203.0.113.5"), 50000 + number)
        return Mapping(
            wanted.protocol, "cable", external, wanted.to, wanted.remote, "test", 2000.0, wanted.count
        )

    return grant


@given(case=st.sampled_from(sorted(CASES)), data=st.data())
def test_nobody_is_believed(case, data):
    """Changed in any way: never a port for another host or for another peer, none below 1024, no exception."""
    proxy, said = CASES[case]
    one = Play(proxy, some_granted(data.draw))
    for side, text in data.draw(lies(said), label="said"):
        one.say(side, text)
        if data.draw(st.integers(0, 9)) == 0:
            one.wait()
    for side in data.draw(st.permutations(list(Side))):
        one.close(side)
    for wanted in one.outcome.opened:
        assert (wanted.to.address, wanted.remote) == (one.flow.inside.address, one.flow.peer.address)
        assert wanted.to.port >= 1024
        assert wanted.to.port + wanted.count - 1 <= 65535
    one.finish()


@given(case=st.sampled_from(sorted(CASES)), data=st.data())
def test_the_same_twice(case, data):
    """A session decides by what it hears alone: no clock, no chance, no memory of another flow."""
    proxy, said = CASES[case]
    told = data.draw(lies(said))
    assert play(proxy, told) == play(proxy, told)


class Liar:
    """A session that asks for what it may not have, whenever the one inside asks for anything."""

    def __init__(self, session, change):
        self.session, self.change = session, change

    def __getattr__(self, name):
        method = getattr(self.session, name)
        if name == "deadline":
            return method
        return lambda *arguments: [
            replace(action, **self.change) if isinstance(action, Open) else action
            for action in method(*arguments)
        ]


@pytest.mark.parametrize(
    "change",
    [
        {"to": Endpoint(FOREIGN, 40000)},
        {"to": Endpoint(ip_address("192.168.0.10"), 1023)},
        {"remote": FOREIGN},
        {"remote": None},
        {"count": 0},
        {"count": 33},
        {"lifetime": 0.0},
    ],
    ids=str,
)
@pytest.mark.parametrize(("helper", "proxy"), STREAMS)
def test_the_gateway_grants_no_lie(helper, proxy, change):
    """Were the session taken in, nothing would be opened: the gateway refuses, and the session goes on with that."""
    lying = replace(proxy, session=lambda flow: Liar(proxy.session(flow), change))
    denied = 0
    for said in helper.conversations:
        one = Play(lying, judge=False)
        for side, text in said:
            one.say(side, text)
        assert (one.outcome.opened, one.outcome.broken) == ([], "")
        denied += len(one.outcome.denied)
    assert denied > 0 or not helper.conversations


# --- bounds


@pytest.mark.parametrize("most", [1, 2, 5])
@pytest.mark.parametrize(("proxy", "said"), SAID)
def test_ports_are_bounded_and_gone_with_their_flow(proxy, said, most):
    """The same again and again on one connection: at no time more ports than limits.expectations, none after its end."""
    held = []

    def grant(wanted, number):
        now = sum(mapping.count for mapping in one.held if mapping.expires > one.now)
        held.append(now + wanted.count)
        external = Endpoint(ip_address("203.0.113.5"), 50000 + number)
        expires = one.now + wanted.lifetime
        return Mapping(
            wanted.protocol, "cable", external, wanted.to, wanted.remote, "test", expires, wanted.count
        )

    one = Play(proxy, grant, Limits(expectations=most))
    for _ in range(20):
        for side, text in said:
            one.say(side, text)
    assert max(held, default=0) <= most
    one.finish()
    assert one.held == []


@given(case=st.sampled_from(sorted(CASES)), data=st.data())
def test_halves_may_close_at_any_time(case, data):
    """Each side at some place of its own, or never; what the other still says is heard, and all comes back."""
    proxy, said = CASES[case]
    places = {side: data.draw(st.integers(0, len(said) + 1), label=side.value) for side in Side}
    one = Play(proxy)
    for number, (side, text) in enumerate([*said, (C, b"")]):
        for who in (C, S) if data.draw(st.booleans()) else (S, C):
            if places[who] == number:
                one.close(who)
        if number < places[side]:
            one.say(side, text)
    one.wait()
    one.finish()


@given(case=st.sampled_from(sorted(CASES)), data=st.data())
def test_time_may_pass_at_any_place(case, data):
    """Past every deadline, seconds or weeks: no exception, and deadlines come to an end."""
    proxy, said = CASES[case]
    one = Play(proxy)
    for side, text in said:
        one.now += data.draw(st.sampled_from([0.0, 0.5, 30.0, 300.0, 1e6]))
        one.wait()
        one.say(side, text)
    one.wait()
    assert one.shell.deadline is None
    one.finish()


# --- a defect in a session harms its own flow only


class Failing:
    """Raises at the ``number``th call."""

    def __init__(self, session, number):
        self.session, self.left = session, number

    def __getattr__(self, name):
        method = getattr(self.session, name)
        if name == "deadline":
            return method

        def call(*arguments):
            self.left -= 1
            if self.left == 0:
                raise ZeroDivisionError("a defect")
            return method(*arguments)

        return call


@pytest.mark.parametrize("fail", ["open", "closed"])
@pytest.mark.parametrize(("proxy", "said"), SAID)
def test_a_defect_ends_its_flow_or_is_relayed(proxy, said, fail):
    """At whichever call it happens: closed, the flow ends; open, it goes on untouched; its ports come back."""
    for number in range(1, len(said) + 3):
        failing = replace(
            proxy, fail=fail, session=lambda flow, number=number: Failing(proxy.session(flow), number)
        )
        one = Play(failing, judge=False)
        for side, text in said:
            one.say(side, text)
        if not one.outcome.broken:
            break  # it was over before
        assert "a defect" in one.outcome.broken
        before = dict(one.outcome.sent)
        one.say(C, b"after it\r\n")
        went_on = one.outcome.sent[S] != before[S]
        assert went_on == (fail == "open")
        one.finish()
        assert one.held == []
    else:
        assert number > 1


class Nonsense:
    """Answers what no session may."""

    def __init__(self, answer):
        self.answer = answer

    def received(self, side, data, now):
        return self.answer

    def deadline(self):
        return None


@pytest.mark.parametrize(
    "answer", [None, 5, "text", b"bytes", [b"bytes"], [Send(C, "text")], [Send("client", b"x")], [StepAside]]
)
@pytest.mark.parametrize(("helper", "proxy"), STREAMS)
def test_nonsense_ends_its_flow_or_is_relayed(helper, proxy, answer):
    """As an exception does."""
    one = Play(replace(proxy, session=lambda flow: Nonsense(answer)), judge=False)
    one.say(C, b"hello\r\n")
    assert one.outcome.broken
    assert one.shell.relaying == (proxy.fail == "open")
    assert one.shell.over == (proxy.fail == "closed")


# --- what the kernel does alone

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,31}")
"""What may stand in a rule and in a comment of nft."""
LONGEST = 3600.0
"""Seconds that a trigger may stay without traffic."""
WIDEST = 1024
"""Ports that one trigger may open."""
SERVICES = {20, 21, 22, 23, 25, 53, 80, 88, 110, 111, 135, 139, 143, 389, 443, 445, 548, 631, 993, 995}
"""Ports below 1024 at which hosts have something to lose."""


@pytest.mark.parametrize("aid", KERNEL)
def test_kernel_helpers_are_sane(aid):
    """A name that nft can take, real ports, each once."""
    assert NAME.fullmatch(aid.name)
    assert aid.protocol in ("tcp", "udp")
    assert aid.ports
    assert len(set(aid.ports)) == len(aid.ports)
    assert all(0 < port <= 65535 for port in aid.ports)


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_triggers_are_sane(trigger):
    """Ports in range and not too many, no service of the host among them, an end in sight."""
    assert NAME.fullmatch(trigger.name)
    assert isfinite(trigger.lifetime)
    assert 1 <= trigger.lifetime <= LONGEST
    assert trigger.outbound
    assert trigger.inbound
    for span in (*trigger.outbound, *trigger.inbound):
        assert span.protocol in ("tcp", "udp")
        assert 0 < span.first <= span.last <= 65535
    opened = [port for span in trigger.inbound for port in range(span.first, span.last + 1)]
    assert len(opened) <= WIDEST
    assert SERVICES.isdisjoint(opened)
    assert sum(port < 1024 for port in opened) <= 1


def test_names_of_triggers_are_unique():
    """A helper's triggers are told apart by name, and no two of them open the same port for the same reason."""
    for helper in HELPERS.values():
        names = [one.name for one in helper.attachments if isinstance(one, PortTrigger)]
        assert len(set(names)) == len(names)
