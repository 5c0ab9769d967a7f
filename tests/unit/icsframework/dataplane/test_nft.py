"""The queue that runs nft, with a reactor that starts no processes; the real nft is in tests/netns/dataplane."""

import errno
from ipaddress import ip_address

import pytest
from twisted.internet.error import ProcessDone, ProcessTerminated
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from icsframework.dataplane import render
from icsframework.dataplane.nft import (
    MAX_IN_PROCESS,
    MAX_OUTPUT,
    PATIENCE,
    Nft,
    NothingThere,
    explain,
    find_program,
)
from icsframework.dataplane.ruleset import BaseChain, Element, Map, Rule, Table
from icsframework.errors import HostError, NftError, NoPrivilege
from icsframework.host.machine import ITable

MAP = Map("exp", ("mark",), flags=frozenset({"timeout"}), dynamic=True, data=("ipv4_addr",))
TABLE = Table("ics", (BaseChain("forward", (Rule("accept", "all"),)),), (MAP,))
MISSING = b"Error: No such file or directory\nlist table inet ics\n                ^^^\n"
LISTING = (
    b'{"nftables": [{"table": {"family": "inet", "name": "ics"}},'
    b'{"chain": {"name": "forward", "type": "filter", "hook": "forward", "prio": %d}}]}'
)
MAP_LISTING = (
    b'{"map": {"name": "exp", "type": "mark", "map": "ipv4_addr", "flags": ["timeout"],'
    b' "elem": [[{"elem": {"val": 7, "timeout": 60, "expires": 9}}, "192.168.0.9"]]}}'
)


class Child:
    """One process that was asked for: what it was called with and what it was sent."""

    def __init__(self, protocol, arguments):
        self.protocol, self.arguments = protocol, arguments[1:]
        self.sent, self.closed, self.killed = b"", False, False

    def write(self, data):
        self.sent += data

    def closeStdin(self):
        self.closed = True

    def signalProcess(self, name):
        assert name == "KILL"
        self.killed = True

    def end(self, output=b"", errors=b"", status=0):
        """Say something and end."""
        if output:
            self.protocol.childDataReceived(1, output)
        if errors:
            self.protocol.childDataReceived(2, errors)
        reason = ProcessDone(0) if status == 0 else ProcessTerminated(status)
        self.protocol.processEnded(Failure(reason))


class Reactor(Clock):
    """Time by hand, and processes that do what the test says."""

    def __init__(self):
        super().__init__()
        self.children = []

    def spawnProcess(self, protocol, program, arguments, env):
        assert program == "/sbin/nft"
        assert env["LC_ALL"] == "C.UTF-8"
        child = Child(protocol, arguments)
        self.children.append(child)
        protocol.makeConnection(child)
        assert child.closed
        return child


class FakeLibrary:
    """libnftables that notes what it is told, and fails when it is told to."""

    def __init__(self):
        self.texts, self.errors = [], []

    def run(self, text):
        self.texts.append(text)
        if self.errors and (error := self.errors.pop(0)):
            raise error


@pytest.fixture
def reactor():
    """A reactor of the test's own."""
    return Reactor()


@pytest.fixture
def nft(reactor):
    """nft without the library."""
    return Nft(reactor, "/sbin/nft")


def outcome(deferred):
    """What a Deferred came to: a list with the result, or empty while it has none."""
    results = []
    deferred.addBoth(lambda result: results.append(result.value if isinstance(result, Failure) else result))
    return results


def test_it_is_the_reconcilers_table(nft):
    """The queue is what the reconciler calls to publish the packet filter."""
    assert verifyObject(ITable, nft)


def test_all_tables_are_read(nft, reactor):
    """Those of all programs, or ours alone, which may not be there; both in the queue, and without elements."""
    everything, ours, gone = (
        outcome(nft.everything()),
        outcome(nft.look("inet", "ics")),
        outcome(nft.look("ip", "x")),
    )
    reactor.children[0].end(
        LISTING.replace(b'"name": "forward"', b'"family": "ip", "table": "f", "name": "c"') % 0
    )
    assert reactor.children[0].arguments == ["-j", "-t", "list", "ruleset"]
    assert list(everything[0].tables) == [("inet", "ics"), ("ip", "f")]
    assert reactor.children[1].arguments == ["-j", "-t", "list", "table", "inet", "ics"]
    reactor.children[1].end(b'{"nftables": [{"table": {"family": "inet", "name": "ics"}}]}')
    assert ours[0].tables == {("inet", "ics"): {}}
    reactor.children[2].end(errors=MISSING, status=1)
    assert gone[0].tables == {}


def test_first_publish(nft, reactor):
    """What is there is asked first; with no table the definition is loaded, in two children one after the other."""
    done = outcome(nft.publish(TABLE))
    (asked,) = reactor.children
    assert asked.arguments == ["-j", "-t", "list", "table", "inet", "ics"]
    asked.end(errors=MISSING, status=1)
    _, load = reactor.children
    assert (load.arguments, load.sent.decode()) == (["-f", "-"], render.define(TABLE))
    assert done == []
    load.end()
    assert done == [None]
    assert reactor.getDelayedCalls() == []


def test_removal(nft, reactor):
    """Publishing nothing deletes the table, whether it is there or not."""
    done = outcome(nft.publish(None))
    reactor.children[0].end()
    assert reactor.children[0].sent == b"add table inet ics\ndelete table inet ics\n"
    assert done == [None]


def test_one_after_the_other(nft, reactor):
    """A second job starts when the first has ended, also when it failed."""
    first, second = outcome(nft.check("x")), outcome(nft.list("inet", "ics"))
    assert [child.arguments for child in reactor.children] == [["-c", "-f", "-"]]
    reactor.children[0].end(
        errors=b"/dev/stdin:1:1-1: Error: syntax error, unexpected newline\nx\n^\n", status=1
    )
    assert isinstance(first[0], NftError)
    reactor.children[1].end(b"table inet ics {\n}\n")
    assert second == ["table inet ics {\n}\n"]


def test_a_refused_keep_is_tried_as_replacement(nft, reactor):
    """If nft does not change in place what the inventory said could be, elements are read and the table is replaced; a second refusal is final."""
    done = outcome(nft.apply(TABLE))
    reactor.children[0].end(LISTING % 0)
    assert b"\nflush table inet ics\n" in reactor.children[1].sent
    reactor.children[1].end(
        errors=b"/dev/stdin:1:1-1: Error: Could not process rule: Operation not supported\n", status=1
    )
    assert reactor.children[2].arguments == ["-j", "list", "table", "inet", "ics"]
    reactor.children[2].end(LISTING % 0)
    assert b"\ndelete table inet ics\n" in reactor.children[3].sent
    reactor.children[3].end(
        errors=b"/dev/stdin:2:1-1: Error: Could not process rule: Device or resource busy\n", status=1
    )
    assert "at line 2, Device or resource busy: delete table inet ics" in str(done[0])
    assert len(reactor.children) == 4


def test_a_changed_priority_is_replaced_at_once(nft, reactor):
    """What cannot be kept is not tried; the elements are read and put back; a failure is the answer."""
    done = outcome(nft.apply(TABLE))
    reactor.children[0].end(LISTING % 5)
    assert reactor.children[1].arguments == ["-j", "list", "table", "inet", "ics"]
    listing = (LISTING % 5).replace(b"]}", b"," + MAP_LISTING + b"]}")
    reactor.children[1].end(listing)
    assert (
        b"add element inet ics exp { 0x00000007 timeout 60s expires 9s : 192.168.0.9 }"
        in reactor.children[2].sent
    )
    reactor.children[2].end(errors=b"Error: no\n", status=1)
    assert isinstance(done[0], NftError)
    assert len(reactor.children) == 3


def test_a_table_that_goes_between_two_looks(nft, reactor):
    """If somebody deletes the table before it is read in full, it is defined from nothing."""
    done = outcome(nft.apply(TABLE))
    reactor.children[0].end(LISTING % 5)
    reactor.children[1].end(errors=MISSING, status=1)
    reactor.children[2].end()
    assert done == [None]


def test_a_child_that_does_not_end(nft, reactor):
    """It is killed after the patience, and the queue goes on."""
    done, later = outcome(nft.check("x")), outcome(nft.check("y"))
    reactor.advance(PATIENCE + 1)
    assert reactor.children[0].killed
    reactor.children[0].end(status=9)
    assert "did not end" in str(done[0])
    reactor.children[1].end()
    assert later == [None]


def test_endless_output_is_bounded(nft, reactor):
    """A listing larger than anything of ours is not kept, and is an error."""
    done = outcome(nft.list("inet", "ics"))
    reactor.children[0].end(b"x" * (MAX_OUTPUT + 1))
    assert f"more than {MAX_OUTPUT} bytes" in str(done[0])


def test_warnings_beside_a_listing_do_no_harm(nft, reactor):
    """nft says on standard error that it has no JSON for some statements; the listing counts."""
    done = outcome(nft.inventory("inet", "ics"))
    reactor.children[0].end(LISTING % 0, b"warning: stmt ops map have no json callback\n")
    assert set(done[0].chains) == {"forward"}


def element(number):
    """An element of MAP."""
    return Element((number,), (ip_address("192.168.0.9"),), timeout=60)


def test_elements_go_through_the_library(reactor):
    """Few elements are added and deleted in this process at once; many by a child."""
    library = FakeLibrary()
    nft = Nft(reactor, "/sbin/nft", library)
    assert outcome(nft.add(TABLE, MAP, [element(1)])) == [None]
    assert outcome(nft.delete(TABLE, MAP, [element(1)])) == [None]
    assert outcome(nft.add(TABLE, MAP, [])) == [None]
    assert library.texts == [
        "add element inet ics exp { 0x00000001 timeout 60s : 192.168.0.9 }\n",
        "delete element inet ics exp { 0x00000001 }\n",
    ]
    many = outcome(nft.add(TABLE, MAP, [element(number) for number in range(MAX_IN_PROCESS + 1)]))
    assert reactor.children[0].arguments == ["-f", "-"]
    reactor.children[0].end()
    assert many == [None]


def test_elements_without_library(nft, reactor):
    """Where libnftables is missing the child does the same."""
    done = outcome(nft.add(TABLE, MAP, [element(1)]))
    assert reactor.children[0].sent == b"add element inet ics exp { 0x00000001 timeout 60s : 192.168.0.9 }\n"
    reactor.children[0].end()
    assert done == [None]


def test_elements_wait_in_the_same_queue(reactor):
    """An element does not overtake the load of a table."""
    library = FakeLibrary()
    nft = Nft(reactor, "/sbin/nft", library)
    nft.check("x")
    done = outcome(nft.add(TABLE, MAP, [element(1)]))
    assert (done, library.texts) == ([], [])
    reactor.children[0].end()
    assert done == [None]


def test_deleting_what_ran_out(reactor):
    """Of several elements one is gone already: the others are deleted one by one; other errors stay errors."""
    library = FakeLibrary()
    nft = Nft(reactor, "/sbin/nft", library)
    library.errors = [NothingThere("gone"), None, NothingThere("gone")]
    assert outcome(nft.delete(TABLE, MAP, [element(1), element(2)])) == [None]
    assert len(library.texts) == 3
    library.errors = [NftError("broken")]
    assert str(outcome(nft.delete(TABLE, MAP, [element(1)]))[0]) == "broken"


def test_a_change_is_one_transaction(reactor):
    """Adding and deleting in several sets is one text for the library, or for the child if it is long."""
    library = FakeLibrary()
    nft = Nft(reactor, "/sbin/nft", library)
    assert outcome(nft.change(TABLE, [("exp", element(1))], [("exp", element(2))])) == [None]
    assert outcome(nft.change(TABLE, [], [])) == [None]
    assert library.texts == [
        "\n".join([*render.change_elements(TABLE, [("exp", element(1))], [("exp", element(2))]), ""])
    ]
    many = outcome(nft.change(TABLE, [], [("exp", element(n)) for n in range(MAX_IN_PROCESS // 2 + 1)]))
    assert reactor.children[0].arguments == ["-f", "-"]
    reactor.children[0].end()
    assert many == [None]
    library.errors = [NftError("in the way")]
    assert str(outcome(nft.change(TABLE, [("exp", element(1))], []))[0]) == "in the way"


def test_nft_is_not_installed(tmp_path):
    """One sentence names the package; a program of that name is found."""
    with pytest.raises(HostError, match="install the package nftables"):
        find_program(str(tmp_path))
    program = tmp_path / "nft"
    program.touch(0o755)
    assert find_program(str(tmp_path)) == str(program)


@pytest.mark.parametrize(
    ("said", "text", "sentence"),
    [
        (
            "/dev/stdin:2:5-9: Error: syntax error, unexpected bogus\n    bogus\n    ^^^^^\n",
            "table inet ics {\n    bogus\n}\n",
            "nft refused the rules at line 2, syntax error, unexpected bogus: bogus; the old rules are still in force.",
        ),
        (
            "Error: Could not process rule: Device or resource busy\ndelete chain inet ics x\n^^^\n",
            "",
            "nft refused the rules, Device or resource busy: delete chain inet ics x; the old rules are still in force.",
        ),
        ("\n", "", "nft failed: it gave no reason; the old rules are still in force."),
        ("nft: BUG: aborted\n", "", "nft failed: nft: BUG: aborted; the old rules are still in force."),
    ],
)
def test_what_nft_says_becomes_a_sentence(said, text, sentence):
    """The first complaint, the line it is about and what is in force now."""
    assert str(explain(said, text)) == sentence


def test_kinds_of_refusal():
    """Missing rights and missing things are told from the rest."""
    assert isinstance(explain("Operation not permitted (you must be root)\n", ""), NoPrivilege)
    assert isinstance(explain(MISSING.decode(), ""), NothingThere)
    assert not isinstance(explain("Error: Could not process rule: File exists\n", ""), NothingThere)


def test_a_child_that_cannot_be_started_is_an_error_and_leaves_no_timer():
    """Out of descriptors or processes: a sentence, and the queue goes on."""

    class Exhausted(Reactor):
        def spawnProcess(self, protocol, program, arguments, env):
            raise OSError(errno.EMFILE, "Too many open files")

    reactor = Exhausted()
    nft = Nft(reactor, "/sbin/nft")
    said = []
    for _ in range(2):
        nft.check("x").addErrback(lambda failure: said.append((failure.type, failure.getErrorMessage())))
    assert (
        said
        == [(NftError, "nft cannot be started: Too many open files; the old rules are still in force.")] * 2
    )
    assert reactor.getDelayedCalls() == []


COUNTERS = (
    b'{"nftables": [{"metainfo": {"version": "1.0.6"}},'
    b' {"counter": {"family": "inet", "name": "leaked", "table": "ics", "handle": 3, "packets": 7, "bytes": 420}}]}'
)


def test_counters_are_read_from_the_kernel(reactor):
    """At once, whatever is being loaded, and by no child."""
    asked = []

    def count(table):
        asked.append(table)
        return {"leaked": 7}

    nft = Nft(reactor, "/sbin/nft", count=count)
    load, counted = outcome(nft.check("x")), outcome(nft.counters())
    assert (load, counted, asked, len(reactor.children)) == ([], [{"leaked": 7}], ["ics"], 1)


def refuses(error):
    """A way to count that fails."""

    def count(table):
        raise error

    return count


def test_counters_by_the_child(reactor):
    """Where the kernel cannot be asked nft is; a table that is not there has counted nothing, and nonsense is an error."""
    nft = Nft(reactor, "/sbin/nft", count=refuses(HostError("no netlink here")))
    counted, gone, broken = (outcome(nft.counters()) for _ in range(3))
    assert reactor.children[0].arguments == ["-j", "list", "counters", "table", "inet", "ics"]
    reactor.children[0].end(COUNTERS)
    reactor.children[1].end(errors=MISSING, status=1)
    reactor.children[2].end(b'{"nftables": [{"counter": {"name": "leaked"}}]}')
    assert (counted, gone) == ([{"leaked": 7}], [{}])
    assert isinstance(broken[0], NftError)


def test_counters_without_privilege(reactor):
    """Nobody else is asked then."""
    nft = Nft(reactor, "/sbin/nft", count=refuses(NoPrivilege()))
    assert isinstance(outcome(nft.counters())[0], NoPrivilege)
    assert reactor.children == []
