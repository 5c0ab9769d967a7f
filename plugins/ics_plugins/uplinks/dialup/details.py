"""What ``ics status`` shows of the modem and of its call.  Pure."""

from typing import Any

from ics_plugins.uplinks.dialup.call import Call
from ics_plugins.uplinks.dialup.config import DialupConfig
from ics_plugins.uplinks.dialup.dialer import Dialer
from ics_plugins.uplinks.dialup.modem import Modem


def details(own: DialupConfig, dialer: Dialer, modem: Modem | None) -> dict[str, Any]:
    """Never a secret: numbers and the user's name are shown, passwords and PINs are not."""
    found: dict[str, Any] = {"device": own.device, "modem": own.kind, **dialer.facts}
    if dialer.number:
        found["number"] = dialer.number
    if own.user:
        found["user"] = own.user
    if modem is not None and modem.heard:
        found["answer"] = modem.heard
    if dialer.call is not None and modem is not None:
        found |= _call(dialer.call, modem)
    return found


def _call(call: Call, modem: Modem) -> dict[str, Any]:
    link, port = call.link, modem.port
    found: dict[str, Any] = {
        "line_rx_bytes": port.read - call.read_before,
        "line_tx_bytes": port.written - call.written_before,
        "frames": link.counters.frames,
        "bad_frames": link.counters.bad,
        "queued_bytes": call.queue.octets,
        "dropped": call.queue.dropped,
        "vj_compressed": link.figures.compressed,
        "vj_lost": link.figures.vj_lost,
    }
    if call.speed is not None:
        found["speed"] = call.speed
    if link.rtt is not None:
        found["rtt_ms"] = round(link.rtt * 1000)
    if call.text:
        found["text"] = call.text
    result = call.result
    if result is not None:
        found |= {"peer": str(result.peer), "authentication": result.authentication or "none"}
        found["dns"] = [str(address) for address in result.dns]
        if result.message:
            found["message"] = result.message[:80]
    return found
