"""``twistd ics``: the options, and the service maker that checks everything before anything is touched."""

import gc
import sys
from typing import Any, ClassVar

from twisted.application.service import IService
from twisted.python import usage

from icsframework.errors import IcsError

DEFAULT_CONFIG = "/etc/ics/gateway.yaml"


class Options(usage.Options):
    """Options of ``twistd ics``."""

    synopsis = "[-c FILE]"
    longdesc = (
        "Share an Internet connection as the configuration file says. "
        "Errors of the file, missing rights and busy resources are told before anything is changed."
    )
    optParameters: ClassVar = [["config", "c", DEFAULT_CONFIG, "the configuration file"]]


def makeService(options: Options) -> IService:
    """The gateway as a service.  Leaves by SystemExit with our exit statuses if it cannot be started."""
    # Nearly all that is made until the gateway answers lives as long as the process: to search it for garbage again
    # and again would take a tenth of the start.  The gateway says when that is over (assemble.py).
    gc.disable()
    try:
        return _make(str(options["config"]))
    except IcsError as error:
        sys.stderr.write(f"{error}\n")
        gc.enable()
        raise SystemExit(error.exit_status) from None


def _make(path: str) -> IService:
    from twisted.internet import reactor

    from icsframework.gateway import preflight, unconfirmed
    from icsframework.gateway.assemble import make_gateway
    from icsframework.gateway.process import Process
    from icsframework.host import rights
    from icsframework.host.clock import steady
    from icsframework.host.lock import NamespaceLock
    from icsframework.registry import Registry

    steady(reactor)
    registry = Registry.installed()
    config = preflight.check(path, registry, not rights.lacking(rights.effective()))
    rights.require()
    config = unconfirmed.instead(config, path, registry)
    preflight.require_interfaces(config, preflight.interfaces_here())
    lock = NamespaceLock()
    lock.acquire()
    process = Process(reactor)
    load = preflight.reloader(path, registry, privileged=True)
    gateway: Any = make_gateway(reactor, config, path, registry, load, process.fatal, lock.release)
    process.handle_signals(
        lambda: gateway.reload().addErrback(lambda _: None),  # the reload has logged its error
        lambda: gateway.running and gateway.restart(),
    )
    return gateway  # type: ignore[no-any-return]
