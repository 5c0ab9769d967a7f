"""``ics mappings add`` and ``remove``: on all uplinks or none, on disk before it is told, and whose a port is."""

from ipaddress import ip_address

import pytest

from icsframework.errors import MappingError, NftError, UsageError
from icsframework.mappings.addition import Addition, Removal
from icsframework.values import Endpoint, Mapping

PC = ip_address("192.168.0.10")


def refused(ask, **parameters) -> str:
    """Why it was refused."""
    with pytest.raises(MappingError) as caught:
        ask(**parameters)
    return str(caught.value)


def test_a_port_that_is_added_is_open_and_kept(running) -> None:
    """For anybody, for any number of flows, for ever."""
    assert running.add() == [
        Mapping(
            "tcp", "cable", Endpoint(ip_address("203.0.113.5"), 8080), Endpoint(PC, 80), None, "added", None
        )
    ]
    assert running.elements.keys("open_any") == {(0x10000, "tcp", 8080): (PC, 80)}
    assert len(running.store.records("mappings")) == 1
    assert running.events.said("mapping.added") == [
        {"mapping": "tcp port 8080 on cable", "to": "192.168.0.10:80"}
    ]


def test_low_and_reserved_ports_can_be_named(running) -> None:
    """Who runs the gateway knows what he does."""
    assert running.add(port=80)[0].external.port == 80
    assert running.add(port=55000)[0].external.port == 55000


def test_without_a_port_one_is_chosen(running) -> None:
    """The inside one, unless it is low; then any."""
    assert running.add(port=None, to="192.168.0.10:2022")[0].external.port == 2022
    assert running.add(port=None, to="192.168.0.10:22")[0].external.port >= 1024


def test_for_one_host_and_for_a_time(running) -> None:
    """Both are the kernel's affair."""
    running.add(remote="192.0.2.80", lifetime="90s")
    key = (0x10000, ip_address("192.0.2.80"), "tcp", 8080)
    assert running.elements.left("open_from", key) == 90.0


def test_on_all_uplinks_unless_one_is_named(running) -> None:
    """Also on those that are down; a port that is chosen is the same on all, where it is free."""
    added = running.add(uplink=None, port=None, to="192.168.0.10:22")
    assert [mapping.uplink for mapping in added] == ["cable", "dsl"]
    assert len({mapping.external.port for mapping in added}) == 1
    running.open(2022)
    first, second = running.add(uplink=None, port=None, to="192.168.0.11:2022")
    assert first.external.port == second.external.port != 2022


def test_on_all_uplinks_or_on_none(running) -> None:
    """If one has the port already, the others are as before."""
    running.add(uplink="dsl", to="192.168.0.11:80")
    why = refused(running.add, uplink=None)
    assert why == (
        "tcp port 8080 on dsl was added already (it leads to 192.168.0.11:80); choose another port"
    )
    assert running.owners == ["dsl tcp 8080 added"]
    assert running.lets_in() == ["open_any 0x20000 tcp 8080"]
    assert len(running.store.records("mappings")) == 1


def test_asking_again_gives_another_time(running) -> None:
    """No second port, no error."""
    running.add(lifetime="90s")
    running.clock.clock.advance(60)
    assert running.add(lifetime="90s")[0].expires == 150.0
    assert running.add()[0].expires is None
    assert running.owners == ["cable tcp 8080 added"]
    running.clock.clock.advance(1000)
    assert running.owners == ["cable tcp 8080 added"]


def test_a_range_is_one_mapping(running) -> None:
    """Every port of it leads to the one as far inside; it is closed as a whole."""
    running.add(port="6112-6119", to="192.168.0.10", protocol="udp")
    assert len(running.elements.keys("open_any")) == 8
    assert refused(running.remove, protocol="udp", port=6115) == (
        "udp port 6112-6119 on cable: these belong together, remove them by the first one (6112)"
    )
    running.remove(protocol="udp", port="6112-6119")
    assert running.lets_in() == []


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"uplink": "modem"}, "there is no uplink modem here (cable, dsl)"),
        ({"to": "192.0.2.80:80"}, "192.0.2.80:80 is no host of a LAN (192.168.0.0/24)"),
        ({"to": "192.168.0.1:80"}, "192.168.0.1:80 is the gateway itself"),
        ({"remote": "2001:db8::1"}, "IPv6 is not translated"),
        ({"port": "1000-2000"}, "1001 ports in one piece are asked for"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused(running, asked: dict, why: str) -> None:
    """Nothing is opened, nothing is written."""
    assert why in refused(running.add, **asked)
    assert running.owners == running.store.records("mappings") == []


def test_without_any_uplink_there_is_nothing_to_open(bench) -> None:
    """In a sentence."""
    bench.run(bench.plane(uplinks=()))
    assert refused(bench.add, uplink=None) == "there is no uplink to open a port on; see ics status"


def test_bad_usage_is_told_apart(running) -> None:
    """It has another exit status."""
    with pytest.raises(UsageError):
        running.add(protocol="sctp")


def test_a_port_of_a_helper_is_refused_with_its_name(running) -> None:
    """And the other way round a helper gets another one."""
    running.open(8080)
    assert "belongs to helper.ftp" in refused(running.add)
    running.add(port=9000)
    assert running.open(9000).external.port != 9000


def test_what_is_not_on_disk_is_not_open(running) -> None:
    """The disk is full: everything is as it was, also what it would have renewed."""
    running.add(lifetime="90s")
    running.store.fail = OSError(28, "No space left on device")
    assert "the disk is full" in refused(running.add, uplink=None, port=9000)
    assert "the disk is full" in refused(running.add, lifetime="200s")
    assert running.owners == ["cable tcp 8080 added"]
    assert running.lets_in() == ["open_any 0x10000 tcp 8080"]
    assert running.elements.left("open_any", (0x10000, "tcp", 8080)) == 90.0
    assert "the disk is full" in refusal_of_removal(running)
    assert running.lets_in() == ["open_any 0x10000 tcp 8080"]
    running.store.fail = None
    running.kill()
    assert running.owners == ["cable tcp 8080 added"]


def test_what_cannot_be_undone_at_once_is_undone_later(running) -> None:
    """The disk fails, and then nft does too: the sentence tells of the disk, and a comparison puts it right."""
    running.add(lifetime="90s")
    running.store.fail = OSError(28, "No space left on device")
    change, calls = running.elements.change, []

    def twice(add, delete):
        calls.append(1)
        running.elements.fail = (
            NftError("nft did not end within 15 s and was stopped.") if calls[2:] else None
        )
        return change(add, delete)

    running.elements.change = twice
    assert "the disk is full" in refused(running.add, uplink=None, lifetime="200s")
    assert running.owners == ["cable tcp 8080 added"]
    running.elements.change, running.elements.fail = change, None
    running.clock.clock.advance(5)
    assert running.lets_in() == ["open_any 0x10000 tcp 8080"]
    assert running.elements.left("open_any", (0x10000, "tcp", 8080)) == 85.0


def test_what_was_over_is_not_put_back(running) -> None:
    """A renewal in the moment while the port is kept free fails: the port stays closed."""
    running.add(lifetime="4s")
    running.clock.clock.advance(4.5)
    running.store.fail = OSError(28, "No space left on device")
    assert "the disk is full" in refused(running.add)
    assert running.elements.keys("booked") == {}
    assert running.owners == []


def refusal_of_removal(running) -> str:
    """What keeps a port from being closed."""
    with pytest.raises(Exception) as caught:  # a StoreError tells it as well as a MappingError
        running.remove()
    return str(caught.value)


def test_what_the_kernel_refuses_is_not_written(running) -> None:
    """On all uplinks or none."""
    running.elements.fail = NftError("nft refused the rules; the old rules are still in force.")
    assert "nft refused" in refused(running.add, uplink=None)
    assert running.owners == running.store.records("mappings") == []


def test_removing_closes_and_forgets(running) -> None:
    """On every uplink where it was added, or on one; connections go on."""
    running.add(uplink=None)
    assert [mapping.uplink for mapping in running.remove(uplink="dsl")] == ["dsl"]
    assert running.lets_in() == ["open_any 0x10000 tcp 8080"]
    assert [mapping.uplink for mapping in running.remove()] == ["cable"]
    assert running.lets_in() == []
    assert running.ended == []
    assert len(running.events.said("mapping.removed")) == 2
    running.kill()
    assert running.owners == []


def test_removing_can_end_connections(running) -> None:
    """Those of each uplink."""
    running.add(uplink=None)
    running.remove(end=True)
    assert [chosen.mark for chosen, _ in running.ended] == [0x10000, 0x20000]


def test_what_was_added_on_an_uplink_that_is_gone_can_be_removed(running) -> None:
    """Nobody has to configure it again for that."""
    running.add(uplink=None)
    running.service.in_force(running.plane(uplinks=running.plane().uplinks[:1]))
    assert [mapping.uplink for mapping in running.remove()] == ["cable", "dsl"]
    assert running.owners == []


def test_only_what_was_added_can_be_removed(running) -> None:
    """The sentence says whose it is and what to do."""
    running.open(8080)
    assert refused(running.remove) == "tcp port 8080 belongs to helper.ftp, which closes it when it is done"
    running.service.in_force(running.plane(running.web(80)))
    assert refused(running.remove, port=80) == (
        "tcp port 80 belongs to publish.web; take it out of the configuration and reload"
    )
    assert refused(running.remove, port=81) == "tcp port 81 is not open; see ics mappings"
    assert (
        refused(running.remove, port=81, uplink="dsl") == "tcp port 81 is not open on dsl; see ics mappings"
    )


def test_a_port_that_the_kernel_does_not_close_is_told(running) -> None:
    """It is off the disk, and tried again."""
    running.add()
    running.elements.fail = NftError("nft refused the rules; the old rules are still in force.")
    assert "does not close the port yet; it is tried again" in refused(running.remove)
    running.elements.fail = None
    running.clock.clock.advance(5)
    assert running.lets_in() == []
    assert running.owners == []


def test_time_ends_what_was_added(running) -> None:
    """It is told, and off the disk."""
    running.add(lifetime="90s")
    running.add(port=8081)
    running.clock.clock.advance(92)
    assert running.events.said("mapping.ended") == [
        {"mapping": "tcp port 8080 on cable", "to": "192.168.0.10:80"}
    ]
    assert running.owners == ["cable tcp 8081 added"]
    assert running.store.records("mappings")[-1] == {
        "end": [{"uplink": "cable", "protocol": "tcp", "port": 8080}]
    }


def test_an_end_that_cannot_be_written_is_an_end(running) -> None:
    """The record is over by its own time, at the next start too."""
    running.add(lifetime="90s")
    running.store.fail = OSError(28, "No space left on device")
    running.clock.clock.advance(92)
    assert running.owners == []
    running.store.fail = None
    running.kill()
    assert running.owners == []


def test_after_kill_9_what_was_added_goes_on(running) -> None:
    """With the time that is left; the kernel is not touched for what it has."""
    running.add()
    running.add(port=8081, lifetime="90s")
    running.clock.clock.advance(30)
    transactions = running.elements.transactions
    running.kill()
    assert running.elements.transactions == transactions
    assert [mapping.expires for mapping in running.service.all()] == [None, 90.0]
    running.clock.clock.advance(62)
    assert running.owners == ["cable tcp 8080 added"]


def test_after_a_reboot_what_was_added_comes_back(running) -> None:
    """The kernel has nothing, the clock of the boot begins anew, the wall clock has gone on."""
    running.add(lifetime="90s")
    running.add(port=8081, lifetime="10s")
    running.elements.wipe()
    for call in running.clock.clock.getDelayedCalls():
        call.cancel()
    running.clock.boot, running.clock.wall_offset = "another boot", running.clock.wall_offset + 30
    running.begin()
    running.run()
    assert running.owners == ["cable tcp 8080 added"]
    assert running.elements.left("open_any", (0x10000, "tcp", 8080)) == pytest.approx(60.0)


def test_what_nobody_understands_in_the_journal_is_left_out(running) -> None:
    """The rest goes on."""
    running.add()
    journal = running.outcome(running.store.open("mappings", 1))
    running.outcome(journal.append({"keep": [{"uplink": "cable", "protocol": "sctp", "port": 1, "to": "x"}]}))
    running.kill()
    assert running.owners == ["cable tcp 8080 added"]


# --- a slow disk ------------------------------------------------------------------------


def asked(deferred) -> list:
    """What it will have fired with."""
    answers: list = []
    deferred.addErrback(lambda failure: failure.value).addCallback(answers.append)
    return answers


def wanted(running, **parameters) -> list:
    """``ics mappings add``, answered later."""
    told = {"protocol": "tcp", "port": 8080, "to": "192.168.0.10:80", "uplink": "cable"} | parameters
    return asked(running.service.add(Addition.read(told)))


def test_nobody_else_waits_for_the_disk(running) -> None:
    """Who adds is answered when it is written; helpers go on meanwhile, and so does time."""
    running.add(port=9000, lifetime="4s")
    running.store.held = True
    answers = wanted(running)
    assert running.open().external.port == 40000
    running.clock.clock.advance(6)
    assert "cable tcp 9000 added" not in running.owners
    assert running.open(40001).external.port == 40001
    assert answers == []
    running.store.flush()
    assert [mapping.external.port for mapping in answers[0]] == [8080]


def test_one_command_after_the_other(running) -> None:
    """Added, removed and added again before any of it is on disk: what was asked last is what there is."""
    running.store.held = True
    answers = [
        wanted(running),
        asked(running.service.remove(Removal.read({"protocol": "tcp", "port": 8080}))),
        wanted(running, lifetime="1h"),
    ]
    for number in range(3):
        assert [len(answer) for answer in answers] == [1] * number + [0] * (3 - number)
        running.store.flush()
    assert running.owners == ["cable tcp 8080 added"]
    running.store.held = False
    running.kill()
    assert running.service.all()[0].expires == 3600.0


def test_what_changes_while_the_disk_fails_slowly(running) -> None:
    """The uplink goes while something is renewed: it is as it was before, and waits for the uplink."""
    running.add(lifetime="90s")
    running.store.held = True
    answers = wanted(running)
    running.service.in_force(running.plane(uplinks=running.plane().uplinks[1:]))
    running.store.fail = OSError(28, "No space left on device")
    running.store.flush()
    assert "the disk is full" in str(answers[0])
    assert running.lets_in() == []
    (row,) = running.service.status()
    assert (row.reason, row.expires is None) == ("there is no such uplink", False)
    running.service.in_force(running.plane())
    assert running.elements.left("open_any", (0x10000, "tcp", 8080)) == 90.0


def test_what_ends_while_the_disk_fails_slowly(running) -> None:
    """Its time is over before anybody knows that it could not be written: it is gone all the same."""
    running.store.held = True
    answers = wanted(running, lifetime="1s")
    running.clock.clock.advance(3)
    running.store.fail = OSError(28, "No space left on device")
    running.store.flush()
    assert "the disk is full" in str(answers[0])
    assert running.owners == running.lets_in() == []


def test_a_stop_while_the_disk_fails_slowly(running) -> None:
    """The kernel is left alone; the next start does not know the port and closes it."""
    running.store.held = True
    answers = wanted(running)
    running.outcome(running.service.stop())
    running.store.fail = OSError(28, "No space left on device")
    running.store.flush()
    assert "the disk is full" in str(answers[0])
    assert running.lets_in() == ["open_any 0x10000 tcp 8080"]
    running.store.fail, running.store.held = None, False
    running.kill()
    assert running.lets_in() == running.owners == []
