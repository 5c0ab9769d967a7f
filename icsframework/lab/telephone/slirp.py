"""slirp as a provider: a PPP server that others wrote, with a TCP/IP of its own, so that it needs no rights.

It is Debian's package slirp, in it the program `slirp-fullbolt` (the plain one
ends at once on 64-bit machines).  The caller gets 10.0.2.15 and sees this host
at 10.0.2.2; everything else leaves through sockets of this host.
"""

from collections.abc import Sequence
from pathlib import Path

from icsframework.lab.errors import LabError

__all__ = ["PROGRAM", "command", "write_secrets"]

PROGRAM = "slirp-fullbolt"

AUTHENTICATION = {"none": (), "pap": ("+pap",), "chap": ("+chap",)}


def command(auth: str, dns: Sequence[str], options: Sequence[str] = ()) -> list[str]:
    """Its command line.  Raises LabError for an authentication that it does not know."""
    if auth not in AUTHENTICATION:
        raise LabError(f"slirp knows {', '.join(AUTHENTICATION)}, not {auth}")
    servers = [f"dns {address}" for address in dns]
    # -P comes first: it forgets every option before it.
    return [PROGRAM, "-P", *AUTHENTICATION[auth], "mtu 1500", "nozeros", "ppp_exit", *servers, *options]


def write_secrets(home: Path, users: dict[str, str]) -> None:
    """The files in its home that say who may call.  A fourth column, for addresses, would forbid them all."""
    home.mkdir(parents=True, exist_ok=True)
    lines = "".join(f'"{user}" * "{password}"\n' for user, password in users.items())
    for name in (".pap-secrets", ".chap-secrets"):
        file = home / name
        file.touch(mode=0o600)
        file.write_text(lines, encoding="utf-8")
