"""The contract of a LAN service: any number of LANs, each of which can go without a trace."""

from collections import Counter
from dataclasses import replace
from ipaddress import ip_interface
from typing import Any

from icsframework.errors import IcsError, PortTaken
from icsframework.interfaces import ILanService
from icsframework.testing.contract_life import (
    attempt,
    check_life,
    check_reconfigure,
    check_status,
    created,
    whole,
)
from icsframework.testing.stage import ContractBroken, Stage
from icsframework.values import Lan

__all__ = ["check_lan_service"]

HOME = Lan("home", "eth1", 3, "02:00:5e:00:53:01", ip_interface("192.168.0.1/24"))
GUESTS = Lan("guests", "eth2", 4, "02:00:5e:00:53:02", ip_interface("192.168.1.1/24"))
CHANGES = (
    replace(HOME, mtu=1400),
    replace(HOME, mac="02:00:5e:00:53:09"),
    replace(HOME, address=ip_interface("192.168.7.1/24")),
    replace(HOME, ifindex=9),
    replace(HOME, interface="eth3", ifindex=5),
)
"""What may become of a LAN while it is served."""
OPENINGS = ("bind_udp", "listen", "open_packet", "open_tun", "connect")
DELAY = 0.5
"""Seconds that host and store take where a test stops in the midst of it."""
MOMENTS = (0.0, 0.25, 0.75, 1.25, 1.75, 2.5)
"""Seconds after ``serve`` at which it is stopped."""


def check_lan_service(factory: Any, config: Any) -> None:
    """Everything that interfaces.py says of an ILanService."""
    with whole(_stage()) as stage:
        check_life(stage, lambda stage: factory.create(stage.gateway), ILanService)
    for first, second in ((HOME, GUESTS), (GUESTS, HOME)):
        with whole(_stage()) as stage:
            _check_two(stage, _started(stage, factory), config, first, second)
    with whole(_stage()) as stage:
        _check_changes(stage, _started(stage, factory), config)
    for method in OPENINGS:
        with whole(_stage()) as stage:
            _check_refused(stage, _started(stage, factory), config, method)
    for moment in MOMENTS:
        for end in (_stop_in_the_midst, _withdraw_in_the_midst):
            with whole(_stage(DELAY)) as stage:
                end(stage, _started(stage, factory), config, moment)


def _stage(delay: float = 0.0) -> Stage:
    return Stage(("eth0", "eth1", "eth2", "eth3"), delay)


def _started(stage: Stage, factory: Any) -> Any:
    service = created(stage, lambda stage: factory.create(stage.gateway), ILanService)
    service.startService()
    return service


def _serve(stage: Stage, service: Any, lan: Lan, config: Any) -> None:
    answer = attempt(stage, service.serve(lan, config), f"serve({lan.name})")
    if isinstance(answer, IcsError):
        raise ContractBroken(f"serve({lan.name}) fails: {answer}")
    check_status(stage, "while a LAN is served")


def _withdraw(stage: Stage, service: Any, lan: Lan) -> None:
    stage.result(service.withdraw(lan), f"withdraw({lan.name})")


def _check_two(stage: Stage, service: Any, config: Any, first: Lan, second: Lan) -> None:
    """Two LANs come; the first goes, then the second: each time nothing of it is left, and all of the other."""
    idle = stage.held(journals=False)
    _serve(stage, service, second, config)
    alone = stage.held(journals=False)
    _serve(stage, service, first, config)
    check_reconfigure(stage, service, config)
    _withdraw(stage, service, first)
    stage.expect(alone, f"withdraw({first.name}) with {second.name} still served", journals=False)
    _withdraw(stage, service, second)
    stage.expect(idle, f"withdraw({second.name})", journals=False)
    _withdraw(stage, service, second)
    _serve(stage, service, first, config)
    _serve(stage, service, second, config)
    stage.stop(service)
    stage.expect(Counter(), "stopService with two LANs served")


def _check_changes(stage: Stage, service: Any, config: Any) -> None:
    """A LAN already served is taken anew, as it is and changed, and goes as a whole all the same."""
    idle = stage.held(journals=False)
    for lan in (HOME, *CHANGES):
        _serve(stage, service, HOME, config)
        _serve(stage, service, lan, config)
        _withdraw(stage, service, lan)
        stage.expect(idle, f"withdraw of a LAN that has become {lan}", journals=False)
    _serve(stage, service, HOME, config)
    for lan in CHANGES:
        _serve(stage, service, lan, config)
    stage.stop(service)
    stage.expect(Counter(), "stopService after a LAN has changed")


def _check_refused(stage: Stage, service: Any, config: Any, method: str) -> None:
    """What the host refuses is handed on as an error for people, and nothing stays open because of it."""
    idle = stage.held(journals=False)
    stage.gateway.host.fail[method] = PortTaken(f"{method} is refused by the test.")
    attempt(stage, service.serve(HOME, config), "serve")
    _withdraw(stage, service, HOME)
    stage.expect(idle, f"serve that failed because of {method}, and withdraw", journals=False)
    del stage.gateway.host.fail[method]
    _serve(stage, service, HOME, config)
    stage.stop(service)
    stage.expect(Counter(), "stopService")


def _stop_in_the_midst(stage: Stage, service: Any, config: Any, moment: float) -> None:
    serving = service.serve(HOME, config)
    stage.wait(moment)
    stage.stop(service)
    attempt(stage, serving, "serve, when the service is stopped meanwhile")
    stage.wait(10 * DELAY)
    stage.expect(Counter(), f"stopService {moment} s after serve")


def _withdraw_in_the_midst(stage: Stage, service: Any, config: Any, moment: float) -> None:
    idle = stage.held(journals=False)
    serving = service.serve(HOME, config)
    stage.wait(moment)
    _withdraw(stage, service, HOME)
    attempt(stage, serving, "serve, when the LAN is withdrawn meanwhile")
    stage.wait(10 * DELAY)
    stage.expect(idle, f"withdraw {moment} s after serve", journals=False)
    stage.stop(service)
    stage.expect(Counter(), "stopService after withdraw")
