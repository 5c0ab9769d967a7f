"""Traffic whose every loss shows, run inside lab hosts by the tests here.

    traffic.py echo PORT                  answers datagrams until told to end
    traffic.py stream ADDRESS PORT [MARK] 1000 numbered datagrams a second, on an absolute schedule
    traffic.py serve PORT                 sends numbered blocks to whoever connects, until told to end
    traffic.py download ADDRESS PORT      reads them
    traffic.py talk ADDRESS PORT [MARK]   a TCP connection with a line each way every 50 ms; ends with it
    traffic.py parrot PORT                the other end of it

Each says ``ready``, ends when its input does, and then says in one line of JSON what it saw.
"""

import hashlib
import json
import select
import socket
import sys
import threading
import time
from contextlib import suppress
from itertools import pairwise

from icsframework.lab.pattern import pattern

INTERVAL = 0.001
"""Seconds between two datagrams."""
PATIENCE = 1.0
"""Seconds to wait for answers that are still on their way."""
BLOCK = 16
"""Blocks of the pattern sent at a time: 1 MB."""
ROOM = 8 * 1024 * 1024
"""Bytes of socket buffer, so that a busy machine loses nothing in the sockets themselves."""
SO_RCVBUFFORCE = 33


def say(words):
    print(words, flush=True)


def until_told(work):
    """Run ``work(ended)`` in a thread until the input ends; say what it returns."""
    ended, result = threading.Event(), []
    thread = threading.Thread(target=lambda: result.append(work(ended)))
    thread.start()
    sys.stdin.read()
    ended.set()
    thread.join()
    say(json.dumps(result[0]))


def udp():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, ROOM)
    except PermissionError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, ROOM)
    sock.settimeout(0.05)
    return sock


def marked(sock, mark):
    """Let the socket leave by the uplink with this mark; 0: by whichever."""
    if int(mark):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, int(mark))


def echo(port):
    sock = udp()
    sock.bind(("", int(port)))
    say("ready")

    def work(ended):
        numbers, sources = set(), set()
        while not ended.is_set():
            try:
                data, source = sock.recvfrom(2048)
            except TimeoutError:
                continue
            numbers.add(int.from_bytes(data[:8]))
            sources.add(f"{source[0]}:{source[1]}")
            with suppress(OSError):  # unreachable for a moment
                sock.sendto(data, source)
        return {"distinct": len(numbers), "sources": sorted(sources)}

    until_told(work)


def stream(address, port, mark=0):
    sock = udp()
    marked(sock, mark)
    sock.connect((address, int(port)))
    say("ready")
    answered = {}

    def listen(over):
        while not over.is_set():
            try:
                data = sock.recv(2048)
            except (TimeoutError, ConnectionRefusedError):
                continue
            answered[int.from_bytes(data[:8])] = time.monotonic()

    def work(ended):
        over = threading.Event()
        listener = threading.Thread(target=listen, args=(over,))
        listener.start()
        began, number, refused = time.monotonic(), 0, 0
        while not ended.is_set():
            wait = began + number * INTERVAL - time.monotonic()
            if wait > 0:
                time.sleep(wait)
            try:
                sock.send(number.to_bytes(8) + bytes(92))
            except OSError:
                refused += 1
            number += 1
        time.sleep(PATIENCE)
        over.set()
        listener.join()
        missing = [one for one in range(number) if one not in answered]
        times = sorted(answered.values())
        gap = max((later - earlier for earlier, later in pairwise(times)), default=0.0)
        return {
            "sent": number,
            "seconds": round(time.monotonic() - began - PATIENCE, 1),
            "answered": len(answered),
            "missing": len(missing),
            "first_missing": missing[:3],
            "last_missing": missing[-3:],
            "refused": refused,
            "longest_silence": round(gap, 3),
        }

    until_told(work)


def serve(port):
    listener = socket.create_server(("", int(port)))
    say("ready")
    listener.settimeout(0.1)
    block = pattern(BLOCK * 65536)
    block = [block[place : place + 65536] for place in range(0, len(block), 65536)]

    def work(ended):
        while not ended.is_set():
            try:
                sock, _ = listener.accept()
            except TimeoutError:
                continue
            sock.settimeout(30)
            number = 0
            while not ended.is_set():
                sock.sendall(b"%015d\n" % number + block[number % BLOCK][16:])
                number += 1
                time.sleep(0.02)
            sock.close()
            return {"bytes": number * 65536}
        return {"bytes": 0}

    until_told(work)


def download(address, port):
    sock = socket.create_connection((address, int(port)), 10)
    say("ready")
    digest, size = hashlib.sha256(), 0
    sock.settimeout(30)
    error = ""
    try:
        while data := sock.recv(1 << 20):
            digest.update(data)
            size += len(data)
    except OSError as failure:
        error = str(failure)
    expected = hashlib.sha256(pattern(size)).hexdigest()
    say(json.dumps({"bytes": size, "exact": digest.hexdigest() == expected, "error": error}))


def talk(address, port, mark=0):
    """Until the connection ends; says when, and why."""
    sock = socket.socket()
    marked(sock, mark)
    sock.settimeout(10)
    sock.connect((address, int(port)))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    say("ready")
    error, rounds, last = "", 0, time.monotonic()
    try:
        while not select.select([sys.stdin], [], [], 0.05)[0]:
            sock.settimeout(0.0)
            try:
                sock.send(b"%08d\n" % rounds)
                if sock.recv(4096):
                    last = time.monotonic()
                    rounds += 1
            except BlockingIOError:
                pass
    except OSError as failure:
        error = failure.strerror or str(failure)
    say(json.dumps({"rounds": rounds, "error": error, "silent": round(time.monotonic() - last, 2)}))


def parrot(port):
    """Sends back what comes, to any number of connections; each line of output is a peer."""
    listener = socket.create_server(("", int(port)))
    say("ready")
    connections = {}
    while True:
        for ready in select.select([sys.stdin, listener, *connections], [], [])[0]:
            if ready is sys.stdin:
                say(json.dumps({"peers": sorted(set(connections.values()))}))
                return
            if ready is listener:
                sock, peer = listener.accept()
                connections[sock] = peer[0]
                continue
            try:
                ready.sendall(ready.recv(65536))
            except OSError:
                continue


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
