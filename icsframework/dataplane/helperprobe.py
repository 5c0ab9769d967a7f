"""Which conntrack helpers does this kernel have?  nft is asked to check an object of each, and changes nothing."""

import re
from collections.abc import Generator, Iterable, Sequence
from typing import Any, Protocol

from twisted.internet.defer import Deferred, inlineCallbacks

from icsframework.dataplane import render
from icsframework.dataplane.nft import NothingThere
from icsframework.dataplane.ruleset import Helper, Table
from icsframework.errors import NftError

__all__ = ["ICheck", "probe_kernel_helpers"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,14}")
"""What a conntrack helper can be called; the kernel has room for 15 letters."""

_USUALLY_UDP = frozenset({"tftp", "snmp", "amanda", "netbios-ns", "RAS"})
"""Helpers of the kernel that are there for UDP only: asked for first, so that one question is enough."""


class ICheck(Protocol):
    """What of Nft is needed."""

    def check(self, text: str) -> Deferred[None]:
        """Let nft and the kernel try the text."""
        ...


@inlineCallbacks
def probe_kernel_helpers(nft: ICheck, names: Iterable[str]) -> Generator[Deferred[Any], Any, dict[str, str]]:
    """Each name with the reason why this kernel cannot carry it, "" if it can.

    A name is the kernel's own ("pptp"), of either transport protocol, or says which one ("sip/udp").
    One run of nft answers for all if all are there, else each is asked for by itself.  Fails with NoPrivilege, or with
    HostError if nft is not installed: then nothing is known of any of them.
    """
    wanted = list(dict.fromkeys(names))
    answers = {
        name: "" if _protocols(name) else f"{name!r} is not the name of a conntrack helper" for name in wanted
    }
    asked = [name for name in wanted if not answers[name]]
    if asked and (yield _refusal(nft, [(_bare(name), _protocols(name)[0]) for name in asked])) is not None:
        for name in asked:
            answers[name] = yield _reason(nft, name)
    return answers


@inlineCallbacks
def _reason(nft: ICheck, name: str) -> Generator[Deferred[Any], Any, str]:
    refusal: NftError | None = None
    for protocol in _protocols(name):
        refusal = yield _refusal(nft, [(_bare(name), protocol)])
        if refusal is None:
            return ""
    if isinstance(refusal, NothingThere):
        return (
            f"this kernel has no conntrack helper {name}: it was built without it, or its module cannot be loaded here "
            f"(modprobe nfct-helper-{_bare(name)} says why)"
        )
    return f"conntrack helper {name}: {refusal}"


@inlineCallbacks
def _refusal(
    nft: ICheck, helpers: Sequence[tuple[str, str]]
) -> Generator[Deferred[Any], Any, NftError | None]:
    objects = tuple(
        Helper(f"h{place}", name, protocol)  # type: ignore[arg-type]
        for place, (name, protocol) in enumerate(helpers)
    )
    try:
        yield nft.check(render.define(Table("ics_probe", (), helpers=objects)))
    except NftError as error:
        return error
    return None


def _bare(name: str) -> str:
    return name.partition("/")[0]


def _protocols(name: str) -> tuple[str, ...]:
    """The protocols to ask for, the likelier one first; none if this is no name."""
    bare, _, protocol = name.partition("/")
    if not _NAME.fullmatch(bare) or protocol not in ("", "tcp", "udp"):
        return ()
    if protocol:
        return (protocol,)
    return ("udp", "tcp") if bare in _USUALLY_UDP else ("tcp", "udp")
