"""Reloads of the rule set under traffic, by the real queue: nothing is lost, dynamic elements stay."""

import json
import subprocess
import sys
import threading
from contextlib import suppress
from ipaddress import ip_address

from icsframework.dataplane import policy
from icsframework.dataplane.nft import NothingThere
from icsframework.dataplane.ruleset import BaseChain, Element, Map, Rule
from icsframework.errors import NftError

EXPECTED = Map(
    "expected",
    ("mark", "ipv4_addr", "inet_proto", "inet_service"),
    flags=frozenset({"timeout", "dynamic"}),
    comment="ports that somebody asked for",
    dynamic=True,
    data=("ipv4_addr", "inet_service"),
)
PC = ip_address("192.168.0.10")


def element(number, timeout=None):
    """An expectation as a helper would make it."""
    key = (0x00010000, ip_address(f"198.51.100.{number}"), "tcp", 2000 + number)
    return Element(key, (PC, 3000 + number), timeout, comment="owner=test")


def with_map(net, plane, item=EXPECTED, chains=()):
    """The table of a plane with a dynamic map beside the configured sets."""
    table = policy.build(plane)
    return net.changed(table, sets=(*table.sets, item), chains=(*table.chains, *chains))


def stream(net, count, pause=0.001):
    """Numbered datagrams from the PC to the server, in a process of its own; returns it."""
    code = (
        "import socket, sys, time\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        f"for number in range({count}):\n"
        f" s.sendto(str(number).encode(), ('{net.server_address}', 9000)); time.sleep({pause})\n"
    )
    return net.lab["pc1"].popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL)


class Receiver:
    """Reads a socket all the time, because the kernel holds only a few hundred datagrams."""

    def __init__(self, server):
        self._server, self._numbers = server, []
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        self._server.settimeout(1.5)
        with suppress(TimeoutError):
            while True:
                self._numbers.append(int(self._server.recv(100)))

    def all(self):
        """Every number, once nothing has come for a while."""
        self._thread.join()
        return self._numbers


def test_fifty_reloads_under_a_stream(net):
    """Fifty loads over what is there, to and fro between two configurations, lose no packet of a numbered stream and no element."""
    one, two = with_map(net, net.one), with_map(net, net.two)
    net.load(net.one)
    assert net.queue(("apply", one), ("add", one, EXPECTED, [element(1), element(2, 600)]))[1] is None
    server = net.socket("server", port=9000)
    receiver = Receiver(server)
    sender = stream(net, 2500)
    loads = net.queue(*[("apply", table) for table in (two, one) * 25])
    running = sender.poll() is None
    sender.wait(20)
    numbers = receiver.all()
    assert running, "the stream ended before the loads; the test showed nothing"
    assert not [outcome for outcome in loads if isinstance(outcome, Exception)]
    assert numbers == list(range(2500))
    found = net.queue(("inventory", "inet", "ics"))[0].sets["expected"].elements
    assert {item.key for item in found} == {element(1).key, element(2).key}
    assert {item.comment for item in found} == {"owner=test"}


def test_a_changed_priority_replaces_and_restores(net):
    """A base chain that moves to another priority means a new table: elements come back with their time, counters with their value, no packet is lost."""
    net.load(net.one)
    table = with_map(net, net.one)
    moved = net.changed(
        table,
        chains=tuple(
            net.changed(chain, priority=-5) if chain.name == "forward" else chain for chain in table.chains
        ),
    )
    many = [element(number, 600) for number in range(1, 200)]
    assert net.queue(("apply", table), ("add", table, EXPECTED, many))[1] is None
    net.lab["isp-a"].run(["ping", "-c", "1", "-W", "1", net.cable])
    assert net.counter("closed_input") == 1
    server = net.socket("server", port=9000)
    receiver = Receiver(server)
    sender = stream(net, 1500)
    outcomes = net.queue(*[("apply", version) for version in (moved, table) * 5])
    sender.wait(20)
    assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert receiver.all() == list(range(1500))
    assert net.counter("closed_input") == 1
    (found,) = net.queue(("inventory", "inet", "ics"))
    assert found.chains["forward"].priority == 0
    assert {(item.key, item.data) for item in found.sets["expected"].elements} == {
        (item.key, item.data) for item in many
    }
    assert all(500 < item.expires <= 600 for item in found.sets["expected"].elements)


def test_an_orphaned_base_chain_is_removed(net):
    """A base chain of an earlier version, which would go on dropping everything, is deleted by the next load."""
    net.load(net.one)
    net.nft(
        "table inet ics { chain leftover { type filter hook forward priority 5; policy drop; }\n"
        'chain inner {\ndrop\n}\nmap ways { type ifname : verdict; elements = { "eth1" : goto inner }\n}\n'
        "chain leftover2 { type filter hook input priority 5; policy accept;\niifname vmap @ways\n}\n}"
    )
    server, asker = net.socket("server", port=9000), net.socket("pc1")
    assert net.ask(asker, server, (net.server_address, 9000)) is None, "the test's own premise"
    before, done = net.queue(("inventory", "inet", "ics"), ("publish", policy.build(net.one)))
    assert "leftover" in before.chains
    assert done is None
    assert net.ask(asker, server, (net.server_address, 9000)) == net.cable
    (after,) = net.queue(("inventory", "inet", "ics"))
    assert not {"leftover", "inner", "leftover2"} & set(after.chains)
    assert "ways" not in after.sets


def test_a_refused_table_changes_nothing(net):
    """A table that the kernel refuses leaves the old one in force, with a sentence that names the line."""
    net.load(net.one)
    good = policy.build(net.one)
    bad = net.changed(
        good, chains=(*good.chains, BaseChain("x", (Rule("goto nowhere", "a mistake"),), hook="input"))
    )
    before = net.gateway.run(["nft", "list", "ruleset"]).stdout
    (refused,) = net.queue(("publish", bad))
    assert isinstance(refused, NftError)
    assert "goto nowhere" in str(refused)
    assert net.gateway.run(["nft", "list", "ruleset"]).stdout == before


def test_the_queue_on_the_real_nft(net):
    """Check changes nothing, an absent table is None, elements are added and deleted, and what ran out deletes without error."""
    table = with_map(net, net.one)
    outcomes = net.queue(
        ("check", "table inet probe { }"),
        ("inventory", "inet", "probe"),
        ("publish", table),
        ("add", table, EXPECTED, [element(1, 600), element(2, 0.05), element(3)]),
        ("add", table, EXPECTED, [element(1, 600)]),
        ("delete", table, EXPECTED, [element(9), element(1)]),
        ("delete", table, EXPECTED, [element(number) for number in range(1, 100)]),
        ("inventory", "inet", "ics"),
        ("check", "table inet x { chain c { bogus"),
        ("add", table, net.changed(EXPECTED, name="absent"), [element(1)]),
        ("list", "inet", "ics"),
    )
    nothing, absent, first, added, again, deleted, many, found, refused, unknown, listing = outcomes
    assert (nothing, absent, first, added, again, deleted, many) == (None,) * 7
    assert found.sets["expected"].elements == ()
    assert "syntax error" in str(refused)
    assert isinstance(unknown, NothingThere)
    assert "the Internet gateway ics" in listing
    names = json.loads(net.gateway.run(["nft", "-j", "list", "tables"]).stdout)["nftables"]
    assert [entry["table"]["name"] for entry in names if "table" in entry] == ["ics"]


def test_a_change_of_dynamic_elements(net):
    """Deleting what is there, what ran out and what was never there is one transaction with adding; other data is refused and changes nothing."""
    net.load(net.one)
    table, mark, port = policy.build(net.one), 0x00010000, 6000

    def opened(number, inside=80, timeout=None):
        return "open_any", Element((mark, "tcp", port + number), (PC, inside), timeout, comment="owner=test")

    booked = "booked", Element((mark, "tcp", port), (), 600, comment="owner=test")
    outcomes = net.queue(
        ("change", table, [opened(1), opened(2, timeout=0.05), opened(3, timeout=60), booked], []),
        ("change", table, [opened(4), opened(3, timeout=600)], [opened(1), opened(2), opened(9), opened(3)]),
        ("change", table, [opened(5), opened(4, inside=81)], [booked]),
        ("inventory", "inet", "ics"),
    )
    assert outcomes[:2] == [None, None]
    assert isinstance(outcomes[2], NftError)
    found = outcomes[3].sets
    assert {item.key[-1]: item.timeout for item in found["open_any"].elements} == {
        port + 4: None,
        port + 3: 600,
    }
    assert {item.comment for item in found["open_any"].elements} == {"owner=test"}
    assert [item.key for item in found["booked"].elements] == [booked[1].key]
