"""A modem on a telephone line, spoken to with the AT commands of Hayes (ITU-T V.250)."""

from ics_plugins.uplinks.dialup.commands import call, command, prepare, wake
from ics_plugins.uplinks.dialup.plan import Order
from ics_plugins.uplinks.dialup.steps import Script


def hayes(order: Order) -> Script:
    """Initialise the modem and call one number."""
    failed = yield from wake(order.reset)
    if failed is None:
        # Carrier detect follows the carrier, and dropping DTR hangs up; a modem without them says ERROR.
        yield from command("AT&C1&D2")
        failed = yield from prepare(order.init)
    if failed is not None:
        return failed
    return (yield from call(order.dial or "ATDT", order.number, order.dial_timeout))
