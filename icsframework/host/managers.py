"""Does another program manage an interface of ours?  Pure: facts in, findings with the way out.

Two programs that give one interface its addresses undo each other's work, and a
DHCP client on our LAN would ask ourselves.  What the programs leave in files is
read (managerfacts.py); nothing is asked by D-Bus, which may not answer.
"""

import itertools
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from fnmatch import fnmatchcase

from icsframework.frozen import dataclass

__all__ = ["Facts", "Managed", "Manager", "Process", "managers"]


@dataclass(frozen=True, slots=True)
class Managed:
    """An interface of ours: ``what`` is "LAN home" or "uplink cable"; ``addresses`` are those we give it, as text."""

    interface: str
    what: str
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Process:
    """A running program: its name as the kernel has it (15 characters) and its command line."""

    pid: int
    name: str
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """What was read; texts of files are empty where there is no such file.

    ``network_manager`` and ``networkd`` are the state files by interface index,
    ``ifupdown`` the files of interfaces(5) by their path, ``ifstate`` its list of what is up.
    """

    indices: Mapping[str, int] = field(default_factory=dict)
    processes: tuple[Process, ...] = ()
    network_manager: Mapping[int, str] = field(default_factory=dict)
    networkd: Mapping[int, str] = field(default_factory=dict)
    dhcpcd_config: str = ""
    ifupdown: Mapping[str, str] = field(default_factory=dict)
    ifstate: str = ""


@dataclass(frozen=True, slots=True)
class Manager:
    """A program that manages an interface of ours, and what makes it let go."""

    program: str
    interface: str
    what: str
    remedy: str

    @property
    def sentence(self) -> str:
        """For people."""
        return (
            f"{self.program} manages {self.interface} ({self.what}) as well; to make it let go: {self.remedy}"
        )


def managers(facts: Facts, ours: Sequence[Managed]) -> tuple[Manager, ...]:
    """Every other program that manages one of ``ours``, by interface."""
    return tuple(
        Manager(program, one.interface, one.what, remedy)
        for one in ours
        for look in (_network_manager, _networkd, _dhcpcd, _clients, _ifupdown)
        for program, remedy in look(facts, one)
    )


Found = Iterator[tuple[str, str]]


def _runs(facts: Facts, name: str) -> bool:
    return any(process.name == name[:15] for process in facts.processes)


def _network_manager(facts: Facts, ours: Managed) -> Found:
    """/run/NetworkManager/devices/INDEX; it stays when the program has ended."""
    state = facts.network_manager.get(facts.indices.get(ours.interface, 0), "")
    if _runs(facts, "NetworkManager") and re.search(r"^managed=true$", state, re.MULTILINE):
        name = ours.interface
        yield (
            "NetworkManager",
            (
                f"nmcli device set {shlex.quote(name)} managed no; and for good, in /etc/NetworkManager/conf.d/90-ics.conf, "
                f"the lines [keyfile] and unmanaged-devices=interface-name:{name}"
            ),
        )


def _networkd(facts: Facts, ours: Managed) -> Found:
    """/run/systemd/netif/links/INDEX: managed is what a .network file matches, unless that says Unmanaged."""
    state = dict(
        line.split("=", 1)
        for line in facts.networkd.get(facts.indices.get(ours.interface, 0), "").splitlines()
        if "=" in line
    )
    file = state.get("NETWORK_FILE", "")
    if (
        not _runs(facts, "systemd-networkd")
        or not file
        or state.get("ADMIN_STATE") in ("unmanaged", "linger")
    ):
        return
    name = ours.interface
    if "netplan" in file:
        yield (
            f"netplan (systemd-networkd, {file})",
            f"take {name} out of the files in /etc/netplan, then netplan apply",
        )
        return
    lines = rf"[Match]\nName={name}\n[Link]\nUnmanaged=yes\n"
    yield (
        f"systemd-networkd ({file})",
        (
            f"printf '{lines}' > /etc/systemd/network/05-ics-{name}.network && networkctl reload "
            f"&& networkctl reconfigure {shlex.quote(name)}"
        ),
    )


_TITLE = re.compile(r"dhcpcd: (?P<name>\S+)")
"""What dhcpcd 9 calls its processes: "dhcpcd: eth1 [ip4]", "dhcpcd: [manager] [ip4] [ip6]"."""


def _dhcpcd(facts: Facts, ours: Managed) -> Found:
    """One process for all interfaces, less those that its configuration denies, or one for each."""
    found = [process for process in facts.processes if process.name == "dhcpcd"]
    for process in found:
        title = _TITLE.match(" ".join(process.arguments))
        for_all = title is not None and title["name"] in ("[master]", "[manager]")
        named = ours.interface in process.arguments or (title is not None and title["name"] == ours.interface)
        if named or (for_all and _takes(facts.dhcpcd_config, ours.interface)):
            remedy = f"echo 'denyinterfaces {ours.interface}' >> /etc/dhcpcd.conf, and restart dhcpcd"
            if named:
                remedy = f"dhcpcd -x {shlex.quote(ours.interface)}; and for good: {remedy}"
            yield f"dhcpcd (pid {process.pid})", remedy
            return


def _takes(config: str, interface: str) -> bool:
    allowed: list[str] = []
    for line in config.splitlines():
        words = line.split()
        if words[:1] == ["denyinterfaces"] and any(fnmatchcase(interface, word) for word in words[1:]):
            return False
        if words[:1] == ["allowinterfaces"]:
            allowed += words[1:]
    return not allowed or any(fnmatchcase(interface, word) for word in allowed)


_CLIENTS = ("dhclient", "udhcpc", "pump", "dhcp6c")


def _clients(facts: Facts, ours: Managed) -> Found:
    for process in facts.processes:
        name = _client_name(process)
        if name is not None and ours.interface in process.arguments:
            yield (
                f"{name} (pid {process.pid})",
                (
                    f"kill {process.pid}; if it comes back, something starts it anew: "
                    f"look in /etc/network/interfaces and in what manages the network"
                ),
            )


def _client_name(process: Process) -> str | None:
    """busybox calls itself by its applet's name on the command line only."""
    words = [process.name, *(word.rpartition("/")[2] for word in process.arguments[:2])]
    return next((name for name in _CLIENTS if name in words), None)


def _ifupdown(facts: Facts, ours: Managed) -> Found:
    """Stanzas of interfaces(5) that are brought up by themselves or are up; "manual" leaves the interface alone."""
    raised = {line.partition("=")[0] for line in facts.ifstate.splitlines()}
    stanzas = [(path, stanza) for path, text in facts.ifupdown.items() for stanza in _stanzas(text)]
    for _, stanza in stanzas:
        if stanza[0] == "auto" or stanza[0].startswith("allow-"):
            raised.update(stanza[1:])
    for path, stanza in stanzas:
        if stanza[:2] != ["iface", ours.interface] or ours.interface not in raised:
            continue
        method = stanza[3] if len(stanza) > 3 else ""
        if method in ("manual", "loopback") or (method == "static" and _agrees(stanza, ours)):
            continue
        yield (
            f"ifupdown ({path}: {' '.join(stanza[:4])})",
            f"ifdown {shlex.quote(ours.interface)}, and take the stanza out of {path} or make its method manual",
        )


def _agrees(stanza: list[str], ours: Managed) -> bool:
    """It gives the address that we give."""
    wanted = {address.partition("/")[0] for address in ours.addresses}
    return any(
        word == "address" and following.partition("/")[0] in wanted
        for word, following in itertools.pairwise(stanza)
    )


def _stanzas(text: str) -> Iterator[list[str]]:
    """The words of each stanza, with the lines that belong to it."""
    words: list[str] = []
    for line in text.replace("\\\n", " ").splitlines():
        more = line.split()
        if not more or more[0].startswith("#"):
            continue
        if more[0] in ("iface", "auto", "mapping", "source", "source-directory") or more[0].startswith(
            "allow-"
        ):
            if words:
                yield words
            words = more
        else:
            words += more
    if words:
        yield words
