"""What a plugin has acquired and not given back, in words, and what it did to the machine behind the gateway's back.

with watched() as done:
    factory.prepare(config, system)
assert done == []                    # it only looked
assert held(gateway) == Counter()    # and holds nothing of the fake gateway
"""

import os
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import AF_INET, AF_INET6
from typing import Any

from icsframework.testing.gateway import FakeGateway
from icsframework.testing.store import MemoryStore

__all__ = ["JOURNAL", "held", "name_of", "watched"]

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGES = frozenset(
    f"os.{name}"
    for name in (
        "chdir", "chmod", "chown", "link", "mkdir", "putenv", "remove", "removexattr", "rename", "rmdir",
        "setxattr", "symlink", "truncate", "unsetenv", "utime",
    )
)  # fmt: skip
_NETWORK = frozenset({"socket.bind", "socket.connect", "socket.sendto", "socket.sendmsg"})

JOURNAL = "open journal"
"""How the text for one begins: a plugin may keep its journals open while other things come and go."""

_recording: list[str] | None = None
_hooked = False


def held(gateway: FakeGateway) -> Counter[str]:
    """Sockets, watches, timers, leases, names, mappings and journals, each as a short text with how often."""
    host = gateway.host
    not_its = [*host.probing, *getattr(host, "waiting", ()), *getattr(gateway.store, "waiting", ())]
    found = [f"UDP socket {o.endpoint} on {o.interface}" for o in host.udp if _is_open(o)]
    found += [f"packet socket on {o.interface}" for o in host.packet if _is_open(o)]
    found += [f"TUN device {o.interface}" for o in host.tun if _is_open(o)]
    found += ["ICMP socket" for sock in host.icmp if sock.fileno() >= 0]
    found += [f"serial line {line.path}" for line in host.serial if line.fileno() >= 0]
    found += [f"TCP socket {o.endpoint} on {o.interface}" for o in host.tcp if _is_open(o)]
    found += [f"watch of interface {name}" for name, _ in host.watchers]
    parts: dict[str, Any] = {"uplinks": gateway.uplinks, "leases": gateway.leases, "names": gateway.names}
    for name, part in {**parts, "events": gateway.events}.items():
        found += [f"watch of {name}"] * len(part.watchers)
    found += [f"lease {lease.address} on {lease.lan}" for lease in gateway.leases.all()]
    found += [f"name {host} of {owner}" for owner, host in gateway.names.records]
    found += [f"mapping of {mapping.external}" for mapping in gateway.mappings.granted]
    timers: Any = gateway.clock.clock.getDelayedCalls()
    found += [f"timer of {name_of(timer.func)}" for timer in timers if timer not in not_its]
    if isinstance(gateway.store, MemoryStore):
        found += [f"{JOURNAL} {name}" for name in gateway.store.open_journals]
    return Counter(found)


def _is_open(opening: Any) -> bool:
    return bool(opening.socket.fileno() >= 0)


def name_of(function: Any) -> str:
    """What a function is called in a sentence; its address would differ from run to run."""
    return str(getattr(function, "__qualname__", type(function).__qualname__))


@contextmanager
def watched() -> Iterator[list[str]]:
    """Note what is done in the with statement that outlasts it or that others can see.

    That is: descriptors and threads that are left; files, directories and environment that are
    changed; addresses of the Internet family that are bound or sent to.  Running a program and
    asking the kernel by netlink are ways to look, and are not noted.  Not for several threads at once.
    """
    global _recording
    _install()
    done: list[str] = []
    before, threads = _descriptors(), set(threading.enumerate())
    bytecode, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # an import may happen inside
    _recording = done
    try:
        yield done
    finally:
        _recording = None
        sys.dont_write_bytecode = bytecode
    done += [f"leaves descriptor {number} open ({what})" for number, what in _descriptors() - before]
    done += [f"leaves thread {thread.name} running" for thread in set(threading.enumerate()) - threads]


def _install() -> None:
    """An audit hook (PEP 578) can never be taken away: there is one, and it is idle unless somebody watches."""
    global _hooked
    if not _hooked:
        _hooked = True
        sys.addaudithook(_audit)


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if _recording is None:
        return
    if event == "open":
        path, _, flags = arguments
        if flags & _WRITING and path != os.devnull:
            _recording.append(f"opens {path} for writing")
    elif event in _CHANGES:
        _recording.append(f"calls {event} {arguments[0]}")
    elif event in _NETWORK and arguments[0].family in (AF_INET, AF_INET6):
        _recording.append(f"calls {event} {arguments[1]}")


def _descriptors() -> set[tuple[int, str]]:
    found = set()
    for link in Path("/proc/self/fd").iterdir():
        try:
            found.add((int(link.name), str(link.readlink())))
        except FileNotFoundError:  # that of the listing itself
            continue
    # Twisted keeps one in reserve from the first listening port on, for when descriptors run out.
    return {(number, what) for number, what in found if what != os.devnull}
