"""``ics restart``: asks the gateway to hand over and waits for the next one.  Standard library only.

What starts the next one is the service manager, because of exit status 75.  Where
there is none the machine goes on forwarding by what is in the kernel, and the
command says so.
"""

from collections.abc import Callable
from typing import Protocol

from icsframework.control.client import ApiError

__all__ = ["PATIENCE", "restart"]

PATIENCE = 20.0
"""Seconds until the next gateway must answer: systemd waits 0.5 s and a start takes about one, ten times that when busy."""
POLL = 0.05
"""Seconds between two looks."""


class Asked(Protocol):
    """What is needed of control.client.Client."""

    def get(self, path: str) -> dict[str, dict[str, object]]:
        """The JSON at ``path``."""

    def post(self, path: str, parameters: dict[str, object]) -> dict[str, object]:
        """What the command at ``path`` returned."""


def restart(client: Asked, now: Callable[[], float], sleep: Callable[[float], None]) -> str:
    """Hand over; returns the sentence for the operator when the next gateway is ready.  Raises ApiError."""
    old = client.post("/v1/restart", {})["pid"]
    began = now()
    gone = False
    while now() < began + PATIENCE:
        sleep(POLL)
        try:
            gateway = client.get("/v1/status")["gateway"]
        except ApiError as error:
            if error.exit_status != NOT_RUNNING:
                raise
            gone = True
            continue
        # In a container every gateway is process 1, but between two of them there was none.
        if gateway["state"] == "ready" and (gone or gateway["pid"] != old):
            return f"handed over in {now() - began:.1f} s; the gateway is now process {gateway['pid']}"
    if not gone:
        raise ApiError(f"the gateway (process {old}) does not end; its log says why", 1)
    raise ApiError(
        f"the gateway has handed over, but within {PATIENCE:g} s nothing has started it again. Traffic goes on; "
        "start it again as it was started before (systemctl start ics, or: twistd -n --pidfile= ics -c FILE)",
        1,
    )


NOT_RUNNING = 69
"""The exit status of ApiError when nobody answers."""
