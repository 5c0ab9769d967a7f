"""What an operator can set for a dial-up uplink, besides the keys of the core."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from ics_plugins.uplinks.dialup.chat import BadChat, parse
from icsframework.fields import (
    CheckContext,
    Duration,
    FieldError,
    Finding,
    OneOrMore,
    Secret,
    UplinkConfig,
    text_type,
)

NUMBER = re.compile(r"[0-9A-Da-d*#+,@!WwTtPp() .-]{1,64}")
"""What V.250 section 6.3.1 lets stand in a dial string; blanks, dots and brackets are for people."""
MOST_NUMBERS = 16
"""Numbers of one uplink: more is a list of customers."""
MOST_WORDS, LONGEST_WORD = 200, 500
"""Strings of a chat, and characters of one."""
SPEEDS = (300, 4_000_000)
"""bit/s of the slowest and the fastest line there is."""
CELLULAR_NUMBER = "*99#"
"""What every cellular modem calls the Internet."""
WORD = re.compile(r"[!-~]{1,100}")
PIN = re.compile(r"\d{4,8}")


def parse_number(value: Any) -> str:
    """A telephone number; raises FieldError."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise FieldError(f"the number {value} would be read as an integer", f'put it in quotes: "{value}"')
    if not isinstance(value, str) or not NUMBER.fullmatch(value) or not value.strip():
        raise FieldError(
            f"{value!r} is no telephone number",
            'write digits, *, # and +, and a comma for a pause: "0,5551234"',
        )
    return re.sub(r"[() .-]", "", value)


def _command(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[ -~]{2,200}", value) or value[:2].upper() != "AT":
        raise FieldError(f"{value!r} is no command of a modem", "write it with its AT: ATM0")
    return value


def _word(value: Any) -> str:
    if not isinstance(value, str) or not WORD.fullmatch(value) or '"' in value:
        raise FieldError(
            f"{value!r} cannot be the name of an access point", "write it as the provider does: internet"
        )
    return value


def _device(value: Any) -> str:
    if not isinstance(value, str) or not value.startswith("/") or "\0" in value or len(value) > 255:
        raise FieldError(
            f"{value!r} is no device",
            "write its whole path, best one of /dev/serial/by-id/, which stays when it is plugged elsewhere",
        )
    return value


def _integer(value: Any, least: int, most: int, what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise FieldError(f"{value!r} is no {what}", f"write a whole number from {least} to {most}")
    return value


Number = Annotated[
    str, text_type(parse_number, summary="a telephone number, in quotes", examples=("5551234", "*99#"))
]
AtCommand = Annotated[str, text_type(_command, summary="a command of the modem", examples=("ATM0",))]
AccessPoint = Annotated[str, text_type(_word, summary="the name of an access point", examples=("internet",))]
Device = Annotated[
    str,
    text_type(_device, summary="the path of a serial device", examples=("/dev/serial/by-id/usb-modem",)),
]
Speed = Annotated[
    int,
    text_type(
        lambda value: _integer(value, *SPEEDS, "speed of a serial line"),
        int,
        summary="bit/s",
        examples=(115200,),
        json_types=("integer",),
    ),
]
Mru = Annotated[
    int,
    text_type(
        lambda value: _integer(value, 128, 1500, "MRU"),
        int,
        summary="octets, 128 to 1500",
        examples=(1500, 576),
        json_types=("integer",),
    ),
]
Accm = Annotated[
    int,
    text_type(
        lambda value: _integer(value, 0, 0xFFFFFFFF, "map of characters"),
        int,
        summary="a bit for each octet below 32",
        examples=(0, 655360),
        json_types=("integer",),
    ),
]


@dataclass(frozen=True, slots=True)
class Modem:
    """What is at the other end of the cable; ``chat`` is the conversation of kind ``chat``."""

    kind: Literal["hayes", "cellular", "null-modem", "chat"]
    chat: tuple[str, ...] = ()


_MODEM = "write hayes, cellular, null-modem, or {chat: [...]} with a conversation of your own"


def parse_modem(value: Any) -> Modem:
    """A kind of modem, or the mapping of a chat; raises FieldError."""
    if isinstance(value, Modem):
        return value
    if value in ("hayes", "cellular", "null-modem"):
        return Modem(value)
    if not isinstance(value, dict) or set(value) != {"chat"}:
        raise FieldError(f"{value!r} is no kind of modem", _MODEM)
    words = value["chat"]
    if not isinstance(words, list | tuple) or not all(isinstance(word, str) for word in words):
        raise FieldError("a chat is a list of strings", 'put each in quotes: ["", "ATZ", "OK", "ATDT\\\\T"]')
    if not 2 <= len(words) <= MOST_WORDS or any(len(word) > LONGEST_WORD for word in words):
        raise FieldError(
            f"a chat has 2 to {MOST_WORDS} strings of up to {LONGEST_WORD} characters", "see chat(8)"
        )
    try:
        parse(words)
    except BadChat as problem:
        raise FieldError(f"the chat makes no sense: {problem}", "see chat(8)") from None
    return Modem("chat", tuple(words))


def _show_modem(modem: Modem) -> str | dict[str, list[str]]:
    return {"chat": list(modem.chat)} if modem.kind == "chat" else modem.kind


ModemKind = Annotated[
    Modem,
    text_type(
        parse_modem,
        _show_modem,
        summary="hayes, cellular, null-modem, or {chat: [...]}",
        examples=("hayes", {"chat": ["", "ATZ", "OK", "ATDT\\T", "CONNECT", "\\c"]}),
        json_types=("string", "object"),
    ),
]


class DialupConfig(UplinkConfig):
    """The own keys of ``plugin: dialup``."""

    device: Device
    """The serial device of the modem; a path of /dev/serial/by-id/ stays the same wherever it is plugged in."""
    speed: Speed = 115200
    """Speed between this machine and the modem, in bit/s; that of the call is another one."""
    rtscts: bool | None = None
    """Flow control by the wires RTS and CTS; left out, yes, but for a null-modem cable, which often lacks them."""
    modem: ModemKind = Modem("hayes")
    """What is at the other end of the cable: hayes, cellular, null-modem, or {chat: [...]}."""
    numbers: Annotated[tuple[Number, ...], OneOrMore()] = ()
    """Numbers to call, in turn until one answers; left out, a cellular modem calls *99#."""
    user: str = ""
    """The name that the provider knows us by."""
    password: Secret | None = None
    """The password that goes with it: a string, {file: PATH} or {env: NAME}."""
    pin: Secret | None = None
    """The PIN of the SIM (modem: cellular); one that was refused is not sent again until it is changed here."""
    apn: AccessPoint | None = None
    """The access point of the provider (modem: cellular); left out, the one that the modem has stored."""
    init: Annotated[tuple[AtCommand, ...], OneOrMore()] = ()
    """Commands for the modem before each call, such as ATM0 (no loudspeaker) or ATX3 (do not wait for a dial tone)."""
    dial: AtCommand | None = None
    """The command that dials; left out, ATDT (hayes) or ATD (cellular). ATDP is pulse dialling."""
    dial_timeout: Duration = 60.0
    """How long a call may take until somebody answers."""
    network_timeout: Duration = 60.0
    """How long a cellular modem may look for its network."""
    redial: Duration = 5.0
    """Pause after all numbers failed; it doubles with each failed round, up to redial_max."""
    redial_max: Duration = 300.0
    """Longest pause between rounds; it is tried for ever."""
    auth: Annotated[tuple[Literal["mschapv2", "chap", "pap"], ...], OneOrMore()] = (
        "mschapv2",
        "chap",
        "pap",
    )
    """How we let ourselves be authenticated, best first; without pap no password is ever sent in the clear."""
    mru: Mru = 1500
    """Octets of the largest packet that the provider should send."""
    vj: bool = True
    """Compress the headers of TCP (RFC 1144), if the provider can; it is worth much on slow lines."""
    accm: Accm = 0
    """Octets below 32 that the line cannot carry, bit n for octet n: 655360 for a line with XON/XOFF."""
    echo: Duration = 20.0
    """Silence after which the provider is asked whether it is still there; 0 for never."""
    windows: bool = False
    """The other end of the null-modem cable is a Windows machine, which wants to hear CLIENT."""

    @property
    def kind(self) -> str:
        """hayes, cellular, null-modem or chat."""
        return self.modem.kind

    @property
    def flow_control(self) -> bool:
        """Whether RTS and CTS are used: a modem that is spoken to faster than it sends would lose octets without."""
        return self.kind != "null-modem" if self.rtscts is None else self.rtscts

    @property
    def called(self) -> tuple[str, ...]:
        """The numbers to call."""
        return self.numbers or ((CELLULAR_NUMBER,) if self.kind == "cellular" else ())

    def check(self, context: CheckContext) -> Iterable[Finding]:
        """See PluginConfig."""
        if context.interface or context.mac:
            yield Finding((), "a dial-up uplink makes its interface itself", "remove interface: and match:")
        yield from self._numbers()
        yield from self._secrets()
        for name in ("pin", "apn"):
            if getattr(self, name) is not None and self.kind != "cellular":
                yield Finding(
                    (name,), f"{name} is for cellular modems", "remove it, or write modem: cellular"
                )
        if self.windows and self.kind != "null-modem":
            yield Finding(("windows",), "windows is for a null-modem cable", "write modem: null-modem")
        if self.redial_max < self.redial or self.redial < 1.0:
            yield Finding(
                ("redial",),
                "the pause before redialling is less than 1 s or more than redial_max",
                "write for example redial: 5s",
            )
        for name in ("dial_timeout", "network_timeout"):
            if not 1.0 <= getattr(self, name) <= 3600.0:
                yield Finding((name,), f"{name} is not between 1 s and 1 h", "write for example 60s")

    def _numbers(self) -> Iterable[Finding]:
        if self.kind == "hayes" and not self.numbers:
            yield Finding((), "there is no number to call", 'add for example numbers: ["5551234"]')
        elif self.kind == "null-modem" and self.numbers:
            yield Finding(("numbers",), "a null-modem cable calls no number", "remove numbers:")
        elif len(self.numbers) > MOST_NUMBERS:
            yield Finding(("numbers",), f"more than {MOST_NUMBERS} numbers", "keep the best")

    def _secrets(self) -> Iterable[Finding]:
        if bool(self.user) != (self.password is not None):
            missing = "password" if self.user else "user"
            yield Finding((), f"user: and password: go together; {missing}: is missing", f"add {missing}:")
        if len(self.user) > 255 or any(ord(letter) < 0x20 for letter in self.user):
            yield Finding(("user",), "this can be no user name", "write it as the provider does")
        if self.pin is not None and self.pin.plain is not None and not PIN.fullmatch(self.pin.plain):
            yield Finding(("pin",), "a PIN has 4 to 8 digits", 'write it in quotes: pin: "1234"')
        if not self.auth:
            yield Finding(("auth",), "no way of authentication is left", "remove auth:, or name one")
