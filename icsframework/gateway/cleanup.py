"""``ics cleanup``: puts back what a killed gateway left behind, from before.json alone.

The record of its links goes first: there is nothing to adopt any more.
"""

from pathlib import Path
from typing import Any, TextIO

from icsframework.errors import IcsError


def cleanup(run_directory: str, out: TextIO, err: TextIO) -> int:
    """Restore links, addresses, routes, rules and sysctls, and remove our table.  Returns the exit status."""
    from icsframework.host import rights
    from icsframework.host.lock import NamespaceLock

    lock = NamespaceLock()
    try:
        rights.require()
        lock.acquire()
        count = _restore(Path(run_directory))
    except IcsError as error:
        err.write(f"ics: {error}\n")
        return error.exit_status
    finally:
        lock.release()
    out.write(f"{count} changes taken back\n" if count else "there was nothing to clean up\n")
    return 0


def _restore(run: Path) -> int:
    """Run the reconciler once in a reactor of its own; returns how many changes it took back."""
    from twisted.internet import reactor
    from twisted.internet.defer import Deferred

    from icsframework.dataplane.nft import Nft
    from icsframework.gateway.remembered import LinksFile
    from icsframework.gateway.worker import Worker
    from icsframework.host.before import BeforeFile, place
    from icsframework.host.links import Machine
    from icsframework.host.reconcile import Reconciler

    worker, machine, here = Worker(reactor), Machine(), place()
    LinksFile(run / "links.json", here).clear()
    reconciler = Reconciler(machine, BeforeFile(run / "before.json", here), worker.run, Nft(reactor))
    outcome: list[Any] = []

    def begin() -> Deferred[Any]:
        restoring: Deferred[Any] = reconciler.restore()
        restoring.addCallback(
            lambda count: worker.run(_remove_tunnels, machine).addCallback(lambda more: count + more)
        ).addBoth(outcome.append)
        restoring.addCallback(lambda _: worker.run(machine.close)).addBoth(end)
        return restoring

    def end(_: object) -> None:
        worker.stop()
        reactor.stop()

    reactor.callWhenRunning(begin)
    reactor.run()
    [result] = outcome
    if hasattr(result, "raiseException"):
        result.raiseException()
    return int(result)


def _remove_tunnels(machine: Any) -> int:
    """Remove the devices of links that ended with the daemon that carried them; returns how many there were."""
    from icsframework.gateway.roles import DEVICE_PREFIX
    from icsframework.host.tun import remove_tun

    names = [
        info.name
        for info in machine.interfaces()
        if info.kind == "tun" and info.name.startswith(DEVICE_PREFIX)
    ]
    for name in names:
        remove_tun(name)
    return len(names)
