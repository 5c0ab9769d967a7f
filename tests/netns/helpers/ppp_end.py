"""The two ends of a PPTP tunnel as far as its tests need them: PPP frames with words in them, no kernel PPP.

    ppp_end.py client NAME COMMAND...   runs pptp(8) and talks through it: NAME with a number, every 50 ms
    ppp_end.py server [...]             what pptpd runs for each call: sends everything back with its own stamp

The frames are those of RFC 1662 with a correct check sequence, because both programs look at it.  The client
says ``talking`` after some answers of its own call, ends when its input or the tunnel does, and then says in one line of
JSON what it saw.
"""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
import tty

FLAG, ESCAPE = 0x7E, 0x7D
GOOD_FCS = 0xF0B8
HEAD = b"\xff\x03\xc0\x57"
"""Address, control, and a protocol number that nobody uses."""
INTERVAL = 0.05
GOODBYE = 0.5
"""Seconds to say goodbye to the server."""
TALKING = 10
"""Answers to one's own words that make a conversation."""


def fcs(data):
    """RFC 1662 appendix C.2."""
    value = 0xFFFF
    for octet in data:
        value ^= octet
        for _ in range(8):
            value = (value >> 1) ^ 0x8408 if value & 1 else value >> 1
    return value


def frame(words):
    """One frame on an asynchronous line."""
    data = HEAD + words
    data += (fcs(data) ^ 0xFFFF).to_bytes(2, "little")
    out = bytearray([FLAG])
    for octet in data:
        out += bytes([ESCAPE, octet ^ 0x20]) if octet < 0x20 or octet in (FLAG, ESCAPE) else bytes([octet])
    return bytes([*out, FLAG])


class Frames:
    """What arrives, as words; anything broken is the word b"broken"."""

    def __init__(self):
        self._kept = bytearray()

    def fed(self, data):
        """The words that ``data`` completes."""
        self._kept += data
        *whole, self._kept = self._kept.split(bytes([FLAG]))
        return [self._words(one) for one in whole if one]

    def _words(self, escaped):
        out, octets = bytearray(), iter(escaped)
        for octet in octets:
            out.append(next(octets, 0) ^ 0x20 if octet == ESCAPE else octet)
        good = fcs(out) == GOOD_FCS and out.startswith(HEAD)
        return bytes(out[len(HEAD) : -2]) if good else b"broken"


def read(descriptor):
    """What is there, or nothing at the end; a terminal whose other side is gone is at its end."""
    try:
        return os.read(descriptor, 4096)
    except OSError:
        return b""


def server():
    """Everything comes back with this process's number."""
    tty.setraw(0)
    frames = Frames()
    os.write(1, frame(b"%d hello 0" % os.getpid()))  # pptpd waits for the first frame, as of pppd's LCP
    while data := read(0):
        for words in frames.fed(data):
            os.write(1, frame(b"%d %s" % (os.getpid(), words)))


def client(name, command):
    """Talk until the input ends."""
    ours, theirs = socket.socketpair()
    process = subprocess.Popen(command, stdin=theirs, stdout=sys.stderr, start_new_session=True)
    theirs.close()
    heard, sent = talk(name, ours, process)
    alive = process.poll() is None
    hang_up(process)
    answers = [words.decode(errors="replace").split() for words in heard]
    seen = {
        "sent": sent,
        "stamps": sorted({words[0] for words in answers}),
        "names": sorted({words[1] for words in answers if len(words) == 3}),
        "numbers": [int(words[2]) for words in answers if words[1:2] == [name]],
        "broken": sum(len(words) != 3 for words in answers),
        "alive": alive,
    }
    print(json.dumps(seen), flush=True)


def hang_up(process):
    """End pptp and its call manager, which would linger and take on the next call to the same server."""
    process.terminate()
    process.wait()
    end = time.monotonic() + GOODBYE
    try:
        while time.monotonic() < end:
            os.killpg(process.pid, 0)
            time.sleep(INTERVAL)
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return  # it has ended by itself


def talk(name, line, process):
    """What was heard, and how much was said, until the input ends or the tunnel does."""
    frames, heard, sent, after = Frames(), [], 0, time.monotonic()
    while process.poll() is None:
        readable, _, _ = select.select([line, sys.stdin], [], [], INTERVAL)
        if sys.stdin in readable:
            break
        if line in readable:
            data = line.recv(65536)
            if not data:
                break
            before = own(heard, name)
            heard += frames.fed(data)
            if before < TALKING <= own(heard, name):
                print("talking", flush=True)
        if time.monotonic() >= after:
            sent, after = sent + 1, time.monotonic() + INTERVAL
            line.send(frame(b"%s %d" % (name.encode(), sent)))
    return heard, sent


def own(heard, name):
    """How many answers are for this client."""
    return sum(words.split()[1:2] == [name.encode()] for words in heard)


if __name__ == "__main__":
    if sys.argv[1] == "client":
        client(sys.argv[2], sys.argv[3:])
    else:
        server()
