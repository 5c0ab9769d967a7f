"""The part of a cellular modem that is not on a desk: SIM, registration, access point (3GPP TS 27.007).  Pure."""

from dataclasses import dataclass, field

__all__ = ["Sim"]

HOME, SEARCHING = 1, 2
"""Registration states (TS 27.007 section 7.2)."""
NOT_SUPPORTED, PIN_REQUIRED, PUK_REQUIRED, WRONG_PASSWORD = 4, 11, 12, 16
"""Of the +CME ERRORs (TS 27.007 section 9.2)."""
TEXTS = {
    NOT_SUPPORTED: "operation not supported",
    PIN_REQUIRED: "SIM PIN required",
    PUK_REQUIRED: "SIM PUK required",
    WRONG_PASSWORD: "incorrect password",
}
TRIES = 3
"""Wrong PINs until the SIM wants its PUK."""
TAKEN = (
    "+CFUN",
    "+CGATT=",
    "+CREG=",
    "+CGREG=",
    "+CEREG=",
    "+IPR",
    "+IFC",
    "+CRC",
    "+COPS=",
    "+CSCS",
    "+CNMI",
)
"""Commands that change nothing here."""


@dataclass(slots=True)
class Sim:
    """Its state, and its answers."""

    pin: str = ""
    """Empty: none is asked for."""
    operator: str = "Lab Mobile"
    signal: int = 18
    """0 to 31, as +CSQ counts."""
    model: str = "LAB-LTE"
    registered: bool = True
    """False: no network in reach."""
    locked: bool = field(init=False)
    tries: int = TRIES
    pins: list[str] = field(default_factory=list)
    """Every PIN that was sent, for tests that count them."""
    access_points: dict[str, str] = field(default_factory=dict)
    errors: int = 0
    """AT+CMEE: 0 says ERROR, 1 a number, 2 words."""

    def __post_init__(self) -> None:
        self.locked = bool(self.pin)

    @property
    def ready(self) -> bool:
        """A call can be made."""
        return self.registered and not self.locked

    def answer(self, command: str) -> tuple[list[str], str]:
        """Lines of information, and the result: "OK" or an error."""
        word = command.upper().replace(" ", "")
        if word.startswith("+CPIN="):
            return [], self._unlock(command.partition("=")[2].strip().strip('"'))
        if word.startswith("+CMEE="):
            self.errors = int(word[6:]) if word[6:] in ("0", "1", "2") else self.errors
            return [], "OK"
        if word.startswith("+CGDCONT="):
            return [], self._access_point(command.partition("=")[2])
        if word in self._told():
            return list(self._told()[word]), "OK"
        return [], "OK" if word.startswith(TAKEN) else self.error(NOT_SUPPORTED)

    def error(self, number: int) -> str:
        """How an error is said, see AT+CMEE."""
        return ("ERROR", f"+CME ERROR: {number}", f"+CME ERROR: {TEXTS[number]}")[self.errors]

    def _unlock(self, pin: str) -> str:
        self.pins.append(pin)
        if not self.tries:
            return self.error(PUK_REQUIRED)
        if self.locked and pin != self.pin:
            self.tries -= 1
            return self.error(WRONG_PASSWORD)
        self.locked, self.tries = False, TRIES
        return "OK"

    def _access_point(self, value: str) -> str:
        if self.locked:
            return self.error(PIN_REQUIRED)
        fields = [part.strip().strip('"') for part in value.split(",")]
        self.access_points[fields[0]] = fields[2] if len(fields) > 2 else ""
        return "OK"

    def _told(self) -> dict[str, tuple[str, ...]]:
        found = HOME if self.ready else SEARCHING
        lock = "READY" if not self.locked else "SIM PIN" if self.tries else "SIM PUK"
        operator = f'+COPS: 0,0,"{self.operator}",7' if self.ready else "+COPS: 0"
        contexts = tuple(f'+CGDCONT: {number},"IP","{name}"' for number, name in self.access_points.items())
        return {
            "+CPIN?": (f"+CPIN: {lock}",),
            "+CREG?": (f"+CREG: 0,{found}",),
            "+CGREG?": (f"+CGREG: 0,{found}",),
            "+CEREG?": (f"+CEREG: 0,{found}",),
            "+CSQ": (f"+CSQ: {self.signal if self.ready else 99},99",),
            "+COPS?": (operator,),
            "+CGDCONT?": contexts,
            "+CGATT?": (f"+CGATT: {int(self.ready)}",),
            "+CGMI": ("Lab",),
            "+CGMM": (self.model,),
            "+CGSN": ("490154203237518",),
        }
