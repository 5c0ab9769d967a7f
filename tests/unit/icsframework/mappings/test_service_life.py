"""The mapping service through any sequence of wishes, planes, failures, kills and time: kernel, book and journal agree."""

from ipaddress import ip_address

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from icsframework.errors import IcsError, NftError
from icsframework.mappings.kernel import RETRY

SERVER = ip_address("192.0.2.80")
REFUSED = NftError("nft refused the rules; the old rules are still in force.")
HELPERS = st.sampled_from(["helper.ftp", "helper.sip"])
HOSTS = st.sampled_from(["192.168.0.10", "192.168.0.11"])
PORTS = st.sampled_from([80, 8080, 8081, 8082, 55000])
LETS_IN = ("expect_from", "expect_any", "open_from", "open_any")


def life(bench_class):
    """The machine for this kind of bench."""

    class Life(RuleBasedStateMachine):
        """A gateway's days."""

        def __init__(self) -> None:
            super().__init__()
            self.bench = bench_class()
            self.bench.run()
            self.opened = []
            self.added = {}
            self.trouble = False

        def try_to(self, work, *args, **more):
            """What it gave, or None if it was refused in a sentence."""
            try:
                return work(*args, **more)
            except IcsError as error:
                assert str(error)
                return None

        @rule(
            owner=HELPERS,
            host=HOSTS,
            port=PORTS,
            uplink=st.sampled_from(["cable", "dsl"]),
            remote=st.sampled_from([None, SERVER]),
            once=st.booleans(),
            count=st.integers(1, 2),
            lifetime=st.sampled_from([3.0, 60.0]),
        )
        def open(self, owner, host, port, uplink, **more) -> None:
            """A helper asks."""
            mapping = self.try_to(self.bench.open, port, owner, uplink, host=host, **more)
            if mapping is not None:
                assert mapping in self.bench.service.all()
                self.opened.append(mapping)

        @precondition(lambda self: self.opened)
        @rule(data=st.data(), flows=st.sampled_from(["keep", "end"]))
        def release(self, data, flows) -> None:
            """It gives back what it got once, there or not."""
            mapping = data.draw(st.sampled_from(self.opened))
            self.bench.outcome(self.bench.service.release(mapping, flows))
            assert mapping not in self.bench.service.all()

        @rule(owner=HELPERS)
        def stop(self, owner) -> None:
            """A helper stops."""
            self.bench.outcome(self.bench.service.release_owner(owner))
            assert not any(mapping.owner == owner for mapping in self.bench.service.all())

        @rule(
            port=st.sampled_from([None, 80, 8080, "8081-8082"]),
            to=st.sampled_from(["192.168.0.10:80", "192.168.0.11:8080"]),
            uplink=st.sampled_from([None, "cable", "dsl"]),
            lifetime=st.sampled_from([None, "4s", "1h"]),
        )
        def add(self, **wish) -> None:
            """By hand; what is granted is what the journal must know from now on."""
            for mapping in self.try_to(self.bench.add, **wish) or ():
                place = (mapping.uplink, mapping.external.port)
                self.added[place] = (mapping.to, mapping.count, mapping.expires)

        @rule(port=st.sampled_from([80, 8080, 8081, 8082]), end=st.booleans())
        def remove(self, port, end) -> None:
            """By hand; if the kernel refuses it is off the disk all the same."""
            known = {place for place in self.added if place[1] == port}
            self.try_to(self.bench.remove, port=port, end=end)
            if self.bench.store.fail is None:
                for place in known:
                    del self.added[place]

        @rule(
            up=st.sampled_from([(), ("cable",), ("dsl",), ("cable", "dsl")]),
            published=st.sampled_from([None, 80, 8081]),
            address=st.sampled_from(["203.0.113.5/24", "203.0.113.99/24"]),
        )
        def change(self, up, published, address) -> None:
            """Uplinks come and go, the configuration publishes something."""
            services = () if published is None else (self.bench.web(published),)
            self.plane = self.bench.plane(*services, up=up, address=address)
            self.bench.service.in_force(self.plane)

        @rule(seconds=st.sampled_from([0.5, 2.0, 5.0]))
        def wait(self, seconds) -> None:
            """Time goes on."""
            self.bench.clock.clock.advance(seconds)

        @rule()
        def flush(self) -> None:
            """Somebody flushes the packet filter, and it is loaded again."""
            self.bench.elements.wipe()
            self.bench.events.emit("dataplane.restored", what="was removed", by="")

        @precondition(lambda self: self.bench.elements.fail is None)
        @rule()
        def use(self) -> None:
            """A flow comes by the first expectation there is."""
            for name in ("expect_from", "expect_any"):
                for key in list(self.bench.elements.keys(name))[:1]:
                    self.bench.elements.use(name, key)

        @precondition(lambda self: self.bench.store.fail is None)
        @rule()
        def kill(self) -> None:
            """``kill -9`` and a start, with the data plane that was."""
            self.bench.kill(getattr(self, "plane", None))

        @rule(nft=st.booleans(), disk=st.booleans())
        def fail(self, nft, disk) -> None:
            """Trouble begins or ends; when it has ended everything is put right within RETRY."""
            self.bench.elements.fail = REFUSED if nft else None
            self.bench.store.fail = OSError(28, "No space left on device") if disk else None
            if nft:
                self.trouble = True
            elif self.trouble:
                self.bench.clock.clock.advance(RETRY)
                self.trouble = False

        @invariant()
        def the_journal_is_kept(self) -> None:
            """What was added and granted is there, until it is removed or its time is over."""
            now = self.bench.clock.now()
            self.added = {place: one for place, one in self.added.items() if one[2] is None or one[2] > now}
            held = {
                (m.uplink, m.external.port): (m.to, m.count)
                for m in self.bench.service.all()
                if m.owner == "added"
            }
            assert held == {place: one[:2] for place, one in self.added.items()}

        @invariant()
        def one_owner(self) -> None:
            """No two helpers or hands have one port of an uplink."""
            ports = [
                (m.uplink, m.protocol, m.external.port + n)
                for m in self.bench.service.all()
                if not m.owner.startswith("publish.")
                for n in range(m.count)
            ]
            assert len(ports) == len(set(ports))

        @invariant()
        def the_kernel_lets_in_what_the_book_says(self) -> None:
            """Nothing else, and (but for used expectations and what has an obstacle) all of it, with the same end."""
            if self.trouble:
                return
            elements, now = self.bench.elements, self.bench.clock.now()
            there = {(key[0], key[-1]): data for name in LETS_IN for key, data in elements.keys(name).items()}
            marks = {"cable": 0x10000, "dsl": 0x20000}
            may = {
                (marks[m.uplink], m.external.port + n): (m.to.address, m.to.port + n)
                for m in self.bench.service.all()
                for n in range(m.count)
                if not m.owner.startswith("publish.")
            }
            assert there.items() <= may.items()
            rows = {(r.uplink, r.external_port): r for r in self.bench.service.status() if r.owner == "added"}
            for m in self.bench.service.all():
                suspended = m.owner == "added" and "configuration" in (
                    rows[m.uplink, m.external.port].reason or ""
                )
                if m.owner.startswith("publish.") or m.once or suspended:
                    continue
                for n in range(m.count):
                    place = (marks[m.uplink], m.external.port + n)
                    assert place in there
                    left = elements.left("booked", (place[0], "tcp", place[1]))
                    assert (left is None) == (m.expires is None)
                    assert left is None or abs(left - (m.expires - now)) <= 2.0

    return Life


def test_kernel_book_and_journal_agree(bench) -> None:
    """Whatever happens, in whatever order."""
    run_state_machine_as_test(
        life(type(bench)), settings=settings(max_examples=30, stateful_step_count=30, deadline=None)
    )
