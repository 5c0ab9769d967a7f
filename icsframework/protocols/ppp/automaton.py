"""The option negotiation automaton of RFC 1661 section 4, as its own table.

``TRANSITIONS`` is that of section 4.1, row by row: what happens in which state,
which actions follow and in which state it ends.  ``-`` is what cannot happen; such
an event changes nothing.  A cell of a single state does nothing else.

  Up Down Open Close   of the layer below, and of who uses this one
  TO+ TO-              the restart timer ran out, with and without tries left
  RCR+ RCR-            Configure-Request received, acceptable or not
  RCA RCN              Configure-Ack, and Configure-Nak or -Reject, received
  RTR RTA              Terminate-Request and -Ack received
  RUC                  a code we do not know
  RXJ+ RXJ-            Code-Reject or Protocol-Reject, tolerable or catastrophic
  RXR                  Echo-Request, Echo-Reply or Discard-Request received

  tlu tld tls tlf      this layer is up, down, started, finished
  irc zrc              restart counter set to its maximum, or to zero
  scr sca scn          send Configure-Request, -Ack, -Nak or -Reject
  str sta scj ser      send Terminate-Request, -Ack, Code-Reject, Echo-Reply

Section 4.1 leaves open what to do with an Open that finds the automaton busy
("r": restart) and whether a silent peer is waited for ("p": passive): we do neither.
"""

from enum import Enum, IntEnum

from icsframework.frozen import dataclass

__all__ = ["TABLE", "TRANSITIONS", "Action", "Automaton", "Event", "Limits", "State"]

TRANSITIONS = """
      Initial Starting  Closed    Stopped       Closing Stopping Req-Sent  Ack-Rcvd  Ack-Sent  Opened
Up    2       irc,scr/6 -         -             -       -        -         -         -         -
Down  -       -         0         tls/1         0       1        1         1         1         tld/1
Open  tls/1   1         irc,scr/6 3             5       5        6         7         8         9
Close 0       tlf/0     2         2             4       4        irc,str/4 irc,str/4 irc,str/4 tld,irc,str/4
TO+   -       -         -         -             str/4   str/5    scr/6     scr/6     scr/8     -
TO-   -       -         -         -             tlf/2   tlf/3    tlf/3     tlf/3     tlf/3     -
RCR+  -       -         sta/2     irc,scr,sca/8 4       5        sca/8     sca,tlu/9 sca/8     tld,scr,sca/8
RCR-  -       -         sta/2     irc,scr,scn/6 4       5        scn/6     scn/7     scn/6     tld,scr,scn/6
RCA   -       -         sta/2     sta/3         4       5        irc/7     scr/6     irc,tlu/9 tld,scr/6
RCN   -       -         sta/2     sta/3         4       5        irc,scr/6 scr/6     irc,scr/8 tld,scr/6
RTR   -       -         sta/2     sta/3         sta/4   sta/5    sta/6     sta/6     sta/6     tld,zrc,sta/5
RTA   -       -         2         3             tlf/2   tlf/3    6         6         8         tld,scr/6
RUC   -       -         scj/2     scj/3         scj/4   scj/5    scj/6     scj/7     scj/8     scj/9
RXJ+  -       -         2         3             4       5        6         6         8         9
RXJ-  -       -         tlf/2     tlf/3         tlf/2   tlf/3    tlf/3     tlf/3     tlf/3     tld,irc,str/5
RXR   -       -         2         3             4       5        6         7         8         ser/9
"""


class State(IntEnum):
    """RFC 1661 section 4.2, with its numbers."""

    INITIAL = 0
    STARTING = 1
    CLOSED = 2
    STOPPED = 3
    CLOSING = 4
    STOPPING = 5
    REQ_SENT = 6
    ACK_RCVD = 7
    ACK_SENT = 8
    OPENED = 9


class Event(Enum):
    """RFC 1661 section 4.3."""

    UP = "Up"
    DOWN = "Down"
    OPEN = "Open"
    CLOSE = "Close"
    TO_PLUS = "TO+"
    TO_MINUS = "TO-"
    RCR_PLUS = "RCR+"
    RCR_MINUS = "RCR-"
    RCA = "RCA"
    RCN = "RCN"
    RTR = "RTR"
    RTA = "RTA"
    RUC = "RUC"
    RXJ_PLUS = "RXJ+"
    RXJ_MINUS = "RXJ-"
    RXR = "RXR"


class Action(Enum):
    """RFC 1661 section 4.4."""

    TLU = "tlu"
    TLD = "tld"
    TLS = "tls"
    TLF = "tlf"
    IRC = "irc"
    ZRC = "zrc"
    SCR = "scr"
    SCA = "sca"
    SCN = "scn"
    STR = "str"
    STA = "sta"
    SCJ = "scj"
    SER = "ser"


Cell = tuple[tuple[Action, ...], State]


def _cell(text: str) -> Cell | None:
    if text == "-":
        return None
    actions, _, state = text.rpartition("/")
    return tuple(Action(name) for name in actions.split(",") if name), State(int(state))


def _table() -> dict[tuple[State, Event], Cell | None]:
    rows = [line.split() for line in TRANSITIONS.strip().splitlines()[1:]]
    return {(State(n), Event(event)): _cell(text) for event, *cells in rows for n, text in enumerate(cells)}


TABLE = _table()
"""(state, event) to (actions, next state); None for what cannot happen."""

TIMED = frozenset((State.CLOSING, State.STOPPING, State.REQ_SENT, State.ACK_RCVD, State.ACK_SENT))
"""The states in which the restart timer runs (RFC 1661 section 4.2)."""


@dataclass(frozen=True, slots=True)
class Limits:
    """RFC 1661 section 4.6.  Times in seconds."""

    restart: float = 3.0
    """Between repetitions of a request."""
    first_restart: float = 1.0
    """Until the first repetition; it doubles up to ``restart``.  Many peers lose what reaches them first."""
    max_configure: int = 10
    """Configure-Requests without an answer until the peer is given up."""
    max_terminate: int = 2
    """Terminate-Requests without an answer until the link is ended all the same."""
    max_failure: int = 5
    """Configure-Naks sent without agreement until the options are rejected instead."""


class Automaton:
    """The state, the restart timer and the restart counter of one layer."""

    __slots__ = ("_tries", "_wait", "deadline", "limits", "state")

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.state = State.INITIAL
        self.deadline: float | None = None
        """When ``timeout`` must be called."""
        self._tries = 0
        self._wait = limits.first_restart

    def handle(self, event: Event, now: float) -> tuple[Action, ...]:
        """Take one event; returns the actions that the layer must carry out, in order."""
        cell = TABLE[self.state, event]
        if cell is None:
            return ()
        actions, self.state = cell
        for action in actions:
            if action is Action.IRC:
                limits = self.limits
                self._tries = limits.max_terminate if Action.STR in actions else limits.max_configure
                self._wait = limits.first_restart
            elif action is Action.ZRC:
                self._tries = 0
                self.deadline = now + self.limits.restart
            elif action is Action.SCR or action is Action.STR:
                self._tries -= 1
                self.deadline = now + self._wait
                self._wait = min(self.limits.restart, 2 * self._wait)
        if self.state not in TIMED:
            self.deadline = None
        return tuple(action for action in actions if action is not Action.IRC and action is not Action.ZRC)

    def wait(self, now: float) -> None:
        """The peer answers, but wants to be asked again later: all tries are left, the next one comes with the timer."""
        if self.deadline is not None:
            self._tries = self.limits.max_configure
            self.deadline = now + self.limits.first_restart

    def timeout(self, now: float) -> tuple[Action, ...]:
        """The actions of a restart timer that has run out; none if it has not."""
        if self.deadline is None or now < self.deadline:
            return ()
        return self.handle(Event.TO_PLUS if self._tries > 0 else Event.TO_MINUS, now)
