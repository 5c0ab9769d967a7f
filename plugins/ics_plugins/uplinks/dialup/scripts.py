"""Which conversation goes with which kind of modem.  Pure, but for the secrets that are read here, at the last moment."""

from collections.abc import Callable

from ics_plugins.uplinks.dialup.cellular import cellular
from ics_plugins.uplinks.dialup.chat import chat
from ics_plugins.uplinks.dialup.config import PIN, DialupConfig
from ics_plugins.uplinks.dialup.hayes import hayes
from ics_plugins.uplinks.dialup.null_modem import null_modem
from ics_plugins.uplinks.dialup.plan import Order
from ics_plugins.uplinks.dialup.steps import Script
from icsframework.fields import SecretUnavailable

SCRIPTS: dict[str, Callable[[Order], Script]] = {
    "hayes": hayes,
    "cellular": cellular,
    "null-modem": null_modem,
    "chat": chat,
}


def order(own: DialupConfig, number: str, reset: bool, refused: Callable[[str], bool]) -> Order:
    """All that a script is told.  Raises SecretUnavailable."""
    pin = None if own.pin is None else own.pin.reveal()
    if pin is not None and not PIN.fullmatch(pin):
        raise SecretUnavailable("pin: is not 4 to 8 digits; nothing is sent to the SIM")
    return Order(
        number=number,
        dial=own.dial or "",
        init=own.init,
        dial_timeout=own.dial_timeout,
        reset=reset,
        apn=own.apn,
        pin=pin,
        refused=refused,
        network_timeout=own.network_timeout,
        chat=own.modem.chat,
        user=own.user,
        password="" if own.password is None else own.password.reveal(),
        windows=own.windows,
    )


def script_of(own: DialupConfig, told: Order) -> Script:
    """The conversation that brings a call about."""
    return SCRIPTS[own.kind](told)
