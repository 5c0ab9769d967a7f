"""A cellular modem with an AT port (3GPP TS 27.007): PIN, registration, access point, call.

A SIM takes three wrong PINs and then wants its PUK.  So a PIN is sent once; one
that was refused is remembered, and not sent again until it is changed in the file.
"""

from ics_plugins.uplinks.dialup.commands import (
    TRIES,
    call,
    command,
    is_ok,
    prepare,
    query,
    wake,
)
from ics_plugins.uplinks.dialup.plan import Order
from ics_plugins.uplinks.dialup.results import Kind
from ics_plugins.uplinks.dialup.steps import Chatter, Fact, Failed, Fault, Pause, PinRefused, Script, Stage

PIN_SECONDS = 20.0
"""For a SIM to judge a PIN and for the modem to read it afterwards."""
SIM_WAIT = 2.0
"""Seconds between looks at a SIM that is busy; it takes some after power-on."""
SIM_LOOKS = 10
POLL = 2.0
"""Seconds between looks for the network."""
REGISTRATIONS = ("+CEREG", "+CGREG", "+CREG")
"""LTE, packet and circuit network; a modem answers those it has."""
HOME, ROAMING, DENIED, SEARCHING = 1, 5, 3, 2
"""Registration states (TS 27.007 section 7.2)."""
UNKNOWN_SIGNAL = 99


def cellular(order: Order) -> Script:
    """Make the SIM and the network ready, then call."""
    failed = yield from wake(False)
    if failed is None and order.reset:
        failed = yield from _restart()
    if failed is None:
        yield from command("AT+CMEE=1")
        failed = yield from _unlock(order)
    if failed is None:
        failed = yield from _register(order.network_timeout)
    if failed is None:
        failed = yield from _access_point(order)
    if failed is None:
        failed = yield from prepare(order.init)
    if failed is not None:
        return failed
    return (yield from call(order.dial or "ATD", order.number, order.dial_timeout))


def _restart() -> Chatter[Failed | None]:
    """Radio off and on: what helps a modem that has lost the network.  One that cannot goes on as it is."""
    yield Stage("restarting the radio")
    if is_ok((yield from command("AT+CFUN=4", PIN_SECONDS))):
        yield Pause(SIM_WAIT)
        yield from command("AT+CFUN=1", PIN_SECONDS)
        return (yield from wake(False))
    return None


def _unlock(order: Order) -> Chatter[Failed | None]:
    """Give the PIN if the SIM wants one; None, or a Failed."""
    for _ in range(SIM_LOOKS):
        state, answer = yield from query("AT+CPIN?", "+CPIN:")
        if state == "READY":
            return None
        if state:
            return (yield from _enter_pin(order, state))
        if answer is not None and answer.text == "ERROR":
            return None  # a modem without a SIM of its own: the network will tell
        if answer is not None and answer.text.endswith(": 10"):
            return Failed("there is no SIM in the modem", Fault.SETTINGS)
        yield Pause(SIM_WAIT)
    return Failed("the SIM is not ready; is it well seated?", Fault.MODEM)


def _enter_pin(order: Order, state: str) -> Chatter[Failed | None]:
    if state != "SIM PIN":
        return Failed(
            f"the SIM asks for {state}; put it into a telephone and unlock it there", Fault.SETTINGS
        )
    if order.pin is None:
        return Failed("the SIM asks for its PIN; set pin: in the file", Fault.SETTINGS)
    if order.refused(order.pin):
        return Failed(
            "the SIM has refused this PIN before and it is not sent again, as three wrong ones lock the SIM; "
            "correct pin: in the file",
            Fault.SETTINGS,
        )
    yield Stage("unlocking the SIM")
    answer = yield from command(f'AT+CPIN="{order.pin}"', PIN_SECONDS, secret=True)
    if answer is None:
        return Failed("the modem says nothing to the PIN", Fault.MODEM)
    if not is_ok(answer):
        if answer.text.endswith((": 14", ": 13", ": 10")):  # busy, failure, no SIM: not the PIN's fault
            return Failed(f"the SIM could not be unlocked ({answer.text})", Fault.MODEM)
        yield PinRefused(order.pin)
        return Failed(
            f"the SIM refused the PIN ({answer.text}); correct pin: in the file, as three wrong ones lock the SIM",
            Fault.SETTINGS,
        )
    return None


def _register(seconds: float) -> Chatter[Failed | None]:
    """Wait for the network; None, or a Failed."""
    yield Stage("waiting for the network")
    waited, state = 0.0, None
    while True:
        yield from _signal()
        state = yield from _registration()
        if state in (HOME, ROAMING) or state is None:
            yield from _operator(roaming=state == ROAMING)
            return None
        if waited >= seconds:
            break
        yield Pause(POLL)
        waited += POLL
    why = "the network refuses this SIM" if state == DENIED else "no network was found"
    return Failed(f"{why} in {seconds:g} s (network_timeout); is the antenna connected?", Fault.CALL)


def _registration() -> Chatter[int | None]:
    """The best registration there is; None if the modem cannot tell."""
    best: int | None = None
    for which in REGISTRATIONS:
        text, answer = yield from query(f"AT{which}?", f"{which}:")
        state = registration(text)
        if state in (HOME, ROAMING):
            return state
        if is_ok(answer) and state is not None:
            best = state if best is None or state == DENIED else best
    return best


def registration(text: str) -> int | None:
    """The state in ``0,1`` or ``1``, or in a longer answer; None if there is none."""
    fields = [field.strip() for field in text.split(",")]
    chosen = fields[1] if len(fields) > 1 else fields[0]
    return int(chosen) if chosen.isdecimal() and len(chosen) <= 2 else None


def _signal() -> Chatter[None]:
    text, _ = yield from query("AT+CSQ", "+CSQ:")
    dbm = signal(text)
    if dbm is not None:
        yield Fact("signal", f"{dbm} dBm")


def signal(text: str) -> int | None:
    """The signal in dBm of a +CSQ answer (TS 27.007 section 8.5); None if it is not known."""
    first = text.split(",", maxsplit=1)[0].strip()
    if not first.isdecimal() or len(first) > 2 or int(first) == UNKNOWN_SIGNAL:
        return None
    return -113 + 2 * min(int(first), 31)


def _operator(roaming: bool) -> Chatter[None]:
    yield from command("AT+COPS=3,0")  # its name, not its number
    text, _ = yield from query("AT+COPS?", "+COPS:")
    name = operator(text)
    if name:
        yield Fact("operator", f"{name} (roaming)" if roaming else name)


def operator(text: str) -> str:
    """The name in a +COPS answer, such as ``0,0,"Lab Mobile",7``; "" if there is none."""
    parts = text.split('"')
    return parts[1][:40] if len(parts) > 2 else ""


def _access_point(order: Order) -> Chatter[Failed | None]:
    """Name the access point; None, or a Failed."""
    if order.apn is None:
        return None
    answer = None
    for _ in range(TRIES):
        answer = yield from command(f'AT+CGDCONT={order.cid},"IP","{order.apn}"')
        if is_ok(answer):
            return None
        if answer is not None and answer.kind is Kind.ERROR:
            break
    why = "says nothing" if answer is None else f"answers {answer.text}"
    return Failed(f"the modem {why} to the access point {order.apn} (apn)", Fault.MODEM)
