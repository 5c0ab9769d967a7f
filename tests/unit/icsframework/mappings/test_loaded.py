"""What of the book is in the kernel: the sum of changes, one external port per inside endpoint, and comparing."""

from dataclasses import replace
from ipaddress import ip_address

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from icsframework.dataplane.ruleset import Element
from icsframework.mappings.held import ADDED, Held
from icsframework.mappings.loaded import SETS, Loaded
from icsframework.testing.elements import FakeElements
from icsframework.testing.gateway import FakeClock
from icsframework.values import Endpoint

PC = ip_address("192.168.0.10")
SERVER = ip_address("192.0.2.80")
MARK = 0x10000
WEB = Held("cable", "tcp", 8080, Endpoint(PC, 80), None, ADDED, None)
FTP = Held("cable", "tcp", 40000, Endpoint(PC, 40000), SERVER, "helper.ftp", 160.0, 60.0, 1, True)


def told(changes) -> tuple[list, list]:
    """Additions and deletions in short: set, key and data."""
    return tuple(sorted((name, element.key, element.data) for name, element in part) for part in changes)


def own(inside: int, port: int) -> tuple:
    """The inside port leaves by the external one."""
    return ("own_port", (MARK, "tcp", PC, inside), (port,))


def test_a_mapping_is_loaded_and_unloaded_whole() -> None:
    """Let in, own port, booked; told once."""
    loaded = Loaded()
    loaded.load(WEB, MARK, 100.0)
    every = [("booked", (MARK, "tcp", 8080), ()), ("open_any", (MARK, "tcp", 8080), (PC, 80)), own(80, 8080)]
    assert told(loaded.changes(100.0)) == (sorted(every), [])
    assert WEB in loaded
    assert loaded.changes(100.0) == ([], [])
    loaded.unload(WEB, 100.0)
    assert told(loaded.changes(100.0)) == ([], sorted(every))
    assert WEB not in loaded


def test_elements_say_whose_they_are_and_how_long() -> None:
    """So that the next process can take them up."""
    loaded = Loaded()
    loaded.load(FTP, MARK, 100.0)
    add, _ = loaded.changes(100.0)
    assert {name for name, _ in add} == {"expect_from", "own_port", "booked"}
    assert {(element.comment, element.timeout) for _, element in add} == {("owner=helper.ftp", 60.0)}


def test_one_endpoint_leaves_by_its_earliest_port() -> None:
    """The second of two external ports takes its place when the first goes."""
    loaded, second = Loaded(), replace(WEB, port=8081)
    loaded.load(WEB, MARK, 100.0)
    loaded.changes(100.0)
    loaded.load(second, MARK, 100.0)
    assert own(80, 8081) not in told(loaded.changes(100.0))[0]
    loaded.unload(WEB, 100.0)
    add, delete = told(loaded.changes(100.0))
    assert add == [own(80, 8081)]
    assert own(80, 8080) in delete
    loaded.unload(second, 100.0)
    assert own(80, 8081) in told(loaded.changes(100.0))[1]


def test_one_that_only_waits_for_its_place_leaves_quietly() -> None:
    """The first keeps the place."""
    loaded, second = Loaded(), replace(WEB, port=8081)
    loaded.load(WEB, MARK, 100.0)
    loaded.load(second, MARK, 100.0)
    loaded.changes(100.0)
    loaded.unload(second, 100.0)
    add, delete = told(loaded.changes(100.0))
    assert add == []
    assert all(name != "own_port" for name, _, _ in delete)


def test_renewing_keeps_the_place() -> None:
    """All its elements get the new time in one transaction, and nobody else moves."""
    loaded, renewed = Loaded(), replace(FTP, expires=220.0)
    rival = replace(FTP, port=40001, owner="helper.sip")
    loaded.load(FTP, MARK, 100.0)
    loaded.load(rival, MARK, 100.0)
    loaded.changes(100.0)
    loaded.renew(FTP, renewed, 130.0)
    add, delete = loaded.changes(130.0)
    assert told((add, [])) == told((delete, []))
    assert {element.timeout for _, element in add} == {90.0}
    assert own(40000, 40000) in told((add, []))[0]
    loaded.renew(rival, replace(rival, expires=230.0), 130.0)
    assert all(name != "own_port" for name, _ in loaded.changes(100.0)[0])


def test_changes_are_a_sum() -> None:
    """What comes and goes again before it is told never happened."""
    loaded = Loaded()
    loaded.load(WEB, MARK, 100.0)
    loaded.unload(WEB, 100.0)
    assert loaded.changes(100.0) == ([], [])
    loaded.load(WEB, MARK, 100.0)
    loaded.changes(100.0)
    loaded.unload(WEB, 100.0)
    loaded.load(WEB, MARK, 100.0)
    assert loaded.changes(100.0) == ([], [])


def test_agreeing_follows_the_mark() -> None:
    """An uplink that has another index now: under the old key nobody is let in any more."""
    loaded = Loaded()
    loaded.agree(WEB, MARK, 100.0)
    assert len(loaded.changes(100.0)[0]) == 3
    loaded.agree(WEB, MARK, 100.0)
    assert loaded.changes(100.0) == ([], [])
    loaded.agree(WEB, 2 * MARK, 100.0)
    add, delete = loaded.changes(100.0)
    assert {element.key[0] for _, element in add} == {2 * MARK}
    assert {element.key[0] for _, element in delete} == {MARK}
    loaded.agree(WEB, None, 100.0)
    assert WEB not in loaded


def kernel(held: Held, now: float = 100.0) -> dict[str, list[Element]]:
    """Sets that hold this mapping and nothing else."""
    loaded = Loaded()
    loaded.load(held, MARK, now)
    sets: dict[str, list[Element]] = {name: [] for name in SETS}
    for name, element in loaded.changes(100.0)[0]:
        sets[name].append(replace(element, expires=element.timeout))
    return sets


def of(*held: Held) -> Loaded:
    """These are loaded."""
    loaded = Loaded()
    for one in held:
        loaded.load(one, MARK, 100.0)
    return loaded


def test_a_kernel_that_agrees_needs_nothing() -> None:
    """Also when it counts in whole seconds."""
    sets = kernel(FTP)
    assert of(FTP).difference(sets, 100.0) == ([], [])
    assert of(FTP).difference(sets, 101.5) == ([], [])


def test_what_is_missing_is_added_with_the_time_left() -> None:
    """Somebody flushed our table."""
    add, delete = of(FTP).difference({}, 130.0)
    assert {name for name, _ in add} == {"expect_from", "own_port", "booked"}
    assert {element.timeout for _, element in add} == {30.0}
    assert delete == []


def test_what_nobody_holds_is_deleted() -> None:
    """Sets of others are left alone."""
    sets = kernel(WEB) | {"fail_open": [Element((2121,))]}
    add, delete = of().difference(sets, 100.0)
    assert add == []
    assert {name for name, _ in delete} == {"open_any", "own_port", "booked"}


def test_a_used_expectation_stays_used() -> None:
    """Its port is booked still, but nobody is let in: a comparison does not open it again."""
    sets = kernel(FTP)
    sets["expect_from"].clear()
    assert of(FTP).difference(sets, 100.0) == ([], [])
    sets["booked"].clear()
    assert {name for name, _ in of(FTP).difference(sets, 100.0)[0]} == {"expect_from", "booked"}


def test_an_open_port_is_not_used_up() -> None:
    """Only expectations are."""
    sets = kernel(WEB)
    sets["open_any"].clear()
    assert {name for name, _ in of(WEB).difference(sets, 100.0)[0]} == {"open_any"}


def test_what_is_otherwise_in_the_kernel_is_replaced() -> None:
    """Another target, another owner, another time, or none."""
    for wrong in (
        replace(WEB, to=Endpoint(PC, 81)),
        replace(WEB, owner="helper.x"),
        replace(WEB, expires=160.0),
    ):
        add, delete = of(WEB).difference(kernel(wrong), 100.0)
        assert [name for name, _ in add if name == "open_any"] == ["open_any"]
        assert [name for name, _ in delete if name == "open_any"] == ["open_any"]
    late = replace(FTP, expires=163.0)
    assert {name for name, _ in of(late).difference(kernel(FTP), 100.0)[0]} == {
        "expect_from",
        "own_port",
        "booked",
    }


class Kernel(RuleBasedStateMachine):
    """Whatever comes and goes, in transactions of any size: the kernel refuses none, and has what a fresh load gives."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.elements = FakeElements(self.clock)
        self.loaded = Loaded()
        self.here: dict[int, Held] = {}
        self.told = True

    @rule(port=st.integers(8000, 8005), inside=st.integers(80, 82), timed=st.booleans())
    def load(self, port, inside, timed) -> None:
        """A port that nobody has comes."""
        if port in self.here:
            return
        expires = self.clock.now() + 1000.0 if timed else None
        held = Held("cable", "tcp", port, Endpoint(PC, inside), None, "helper.x", expires)
        self.here[port] = held
        self.loaded.load(held, MARK, self.clock.now())
        self.told = False

    @precondition(lambda self: self.here)
    @rule(data=st.data())
    def unload(self, data) -> None:
        """One goes."""
        port = data.draw(st.sampled_from(sorted(self.here)))
        self.loaded.unload(self.here.pop(port), self.clock.now())
        self.told = False

    @precondition(lambda self: self.here)
    @rule(data=st.data(), seconds=st.integers(1, 5))
    def renew(self, data, seconds) -> None:
        """One gets another time."""
        port = data.draw(st.sampled_from(sorted(self.here)))
        self.clock.clock.advance(seconds)
        renewed = replace(self.here[port], expires=self.clock.now() + 1000.0)
        self.loaded.renew(self.here[port], renewed, self.clock.now())
        self.here[port] = renewed
        self.told = False

    @rule()
    def tell(self) -> None:
        """The kernel hears of it."""
        failures = []
        self.elements.change(*self.loaded.changes(self.clock.now())).addErrback(failures.append)
        assert failures == []
        self.told = True

    @invariant()
    def agrees(self) -> None:
        """Each inside endpoint that has a port leaves by one that is its own; nothing else is there."""
        if not self.told:
            return
        lets_in = {key[-1]: data[1] for key, data in self.elements.keys("open_any").items()}
        assert lets_in == {port: held.to.port for port, held in self.here.items()}
        own_ports = {key[-1]: data[0] for key, data in self.elements.keys("own_port").items()}
        assert set(own_ports) == {held.to.port for held in self.here.values()}
        assert all(self.here[port].to.port == inside for inside, port in own_ports.items())
        assert {key[-1] for key in self.elements.keys("booked")} == set(self.here)
        sets = []
        self.elements.read().addCallback(sets.append)
        assert self.loaded.difference(sets[0], self.clock.now()) == ([], [])


TestKernel = Kernel.TestCase
TestKernel.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)


@given(st.integers(1, 6), st.integers(0, 5))
def test_a_range_of_ports_is_as_many_elements(count: int, shift: int) -> None:
    """Each external port leads to the inside port as far from the first."""
    loaded = Loaded()
    loaded.load(replace(WEB, count=count, port=9000 + shift), MARK, 100.0)
    add, _ = loaded.changes(100.0)
    lead = {element.key[-1]: element.data[1] for name, element in add if name == "open_any"}
    assert lead == {9000 + shift + n: 80 + n for n in range(count)}
