"""Whose chain stands in our way, and the command that lets our traffic pass.  Pure.

We change nothing of other programs': the person who runs both decides.  A command
goes through the program that the chain belongs to, so that it lasts.
"""

import shlex
from collections.abc import Callable, Iterable, Sequence

from icsframework.dataplane.passage import SERVICE_PORTS, Obstacle
from icsframework.frozen import dataclass

__all__ = ["Advice", "advise", "owner_of"]

Commands = Callable[[Obstacle], list[str]]


@dataclass(frozen=True, slots=True)
class Advice:
    """One obstacle explained: the chain it is about, a sentence, and the commands in it."""

    key: str
    sentence: str
    commands: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Owner:
    """A program, how its chains are told, and how it is asked to let us pass (None: by a rule of ours in its chain)."""

    name: str
    is_its: Callable[[Obstacle], bool]
    commands: Commands | None = None


def advise(obstacles: Iterable[Obstacle]) -> tuple[Advice, ...]:
    """One advice for each chain and LAN: forwarding and the gateway's own services are put together."""
    groups: dict[tuple[str, str, str, str, str], list[Obstacle]] = {}
    for one in obstacles:
        chain = one.chain
        kind = f"{chain.hook} legacy" if chain.legacy else chain.hook
        groups.setdefault((chain.family, chain.table, chain.name, kind, one.way.lan), []).append(one)
    return tuple(_explain(" ".join(key), group) for key, group in groups.items())


def owner_of(obstacle: Obstacle) -> str:
    """Whose chain it probably is: "Docker", "ufw", "firewalld", "libvirt", or "another program"."""
    return _owner(obstacle).name


def _explain(key: str, group: Sequence[Obstacle]) -> Advice:
    first, owner = group[0], _owner(group[0])
    chain = first.chain
    commands = list(dict.fromkeys(command for one in group for command in (owner.commands or _by_rule)(one)))
    legacy = " of iptables-legacy" if chain.legacy else ""
    why = "policy drop" if first.by_policy else "a rule drops or rejects it"
    return Advice(
        key,
        f"{_what(group)} is stopped by chain {chain.name} of table {chain.family} {chain.table}{legacy} ({why}), "
        f"which belongs to {owner.name}; to let it pass: {' && '.join(commands)}",
        tuple(commands),
    )


def _what(group: Sequence[Obstacle]) -> str:
    way = group[0].way
    if way.port:
        services = " and ".join({67: "DHCP", 53: "DNS"}.get(one.way.port, str(one.way.port)) for one in group)
        return f"what LAN {way.lan} ({way.incoming}) asks our {services}"
    targets = ", ".join(dict.fromkeys(one.way.outgoing for one in group))
    if any(one.forth for one in group):
        return f"what LAN {way.lan} sends from {way.incoming} to {targets}"
    return f"what comes back from {targets} to LAN {way.lan} ({way.incoming})"


# --- who ----------------------------------------------------------------------------------------


def _has(prefix: str) -> Callable[[Obstacle], bool]:
    return lambda one: any(name.startswith(prefix) for name in one.siblings)


def _is_docker(one: Obstacle) -> bool:
    return one.chain.hook == "forward" and "DOCKER-USER" in one.siblings


def _is_firewalld(one: Obstacle) -> bool:
    return one.chain.table.startswith("firewalld") or _has("FWDI_")(one)


def _owner(one: Obstacle) -> _Owner:
    return next((owner for owner in _OWNERS if owner.is_its(one)), _STRANGER)


# --- how ----------------------------------------------------------------------------------------

_PROTOCOLS = {SERVICE_PORTS["dhcp"]: ("udp",), SERVICE_PORTS["dns"]: ("udp", "tcp")}
_KNOWN_FLOWS = "-m conntrack --ctstate RELATED,ESTABLISHED "


def _iptables(one: Obstacle, chain: str) -> list[str]:
    program = "iptables-legacy" if one.chain.legacy else "iptables"
    way = one.way
    there, away = shlex.quote(way.incoming), shlex.quote(way.outgoing)
    if way.port:
        rule = f"{program} -I {chain} -i {there} -p"
        return [f"{rule} {protocol} --dport {way.port} -j ACCEPT" for protocol in _PROTOCOLS[way.port]]
    forth = [f"{program} -I {chain} -i {there} -o {away} -j ACCEPT"] if one.forth else []
    back = [f"{program} -I {chain} -i {away} -o {there} {_KNOWN_FLOWS}-j ACCEPT"] if one.back else []
    return forth + back


def _docker(one: Obstacle) -> list[str]:
    return _iptables(one, "DOCKER-USER")


def _ufw(one: Obstacle) -> list[str]:
    there, away = shlex.quote(one.way.incoming), shlex.quote(one.way.outgoing)
    if one.way.port:
        rule = f"ufw allow in on {there} to any port {one.way.port} proto"
        return [f"{rule} {protocol}" for protocol in _PROTOCOLS[one.way.port]]
    return [f"ufw route allow in on {there} out on {away}"]


def _firewalld(one: Obstacle) -> list[str]:
    there = shlex.quote(one.way.incoming)
    return [
        f"firewall-cmd --permanent --zone=trusted --change-interface={there}",
        "firewall-cmd --reload",
    ]


def _by_rule(one: Obstacle) -> list[str]:
    chain = one.chain
    if chain.legacy or (chain.family == "ip" and chain.table == "filter" and chain.name.isupper()):
        return _iptables(one, chain.name)
    place = f"insert rule {chain.family} {chain.table} {chain.name}"
    there, away = f'"{one.way.incoming}"', f'"{one.way.outgoing}"'
    if one.way.port:
        port = one.way.port
        return [_nft(f"{place} iifname {there} {name} dport {port} accept") for name in _PROTOCOLS[port]]
    forth = [_nft(f"{place} iifname {there} oifname {away} accept")] if one.forth else []
    known = "ct state established,related accept"
    back = [_nft(f"{place} iifname {away} oifname {there} {known}")] if one.back else []
    return forth + back


def _nft(command: str) -> str:
    return f"nft {shlex.quote(command)}"


_OWNERS = (
    _Owner("firewalld", _is_firewalld, _firewalld),
    _Owner("Docker", _is_docker, _docker),
    _Owner("ufw", _has("ufw-"), _ufw),
    _Owner("libvirt", _has("LIBVIRT_")),
    _Owner("Kubernetes", _has("KUBE-")),
)
_STRANGER = _Owner("another program", lambda one: True)
