"""The two ends of control connections for benchmarks/helpers/run.py: programs of their own, standard library only.

    ends.py serve ADDRESS PORT...              answers like an FTP server; says "serving"
    ends.py many ADDRESS PORT N COMMANDS       N connections from the addresses in its standard input's first line
    ends.py port ADDRESS PORT N CLIENT         N times NOOP and PORT by turns, on one connection
    ends.py pull ADDRESS PORT BYTES            AUTH TLS, and then so many bytes

What is measured is printed as lines of JSON.  ``many`` waits for a line of its standard input before each phase.
"""

import asyncio
import json
import os
import socket
import sys
import time

LINE = 512
"""Bytes read at a time; nobody here says more at once."""
BLOCK = 1 << 20


def show(**figures):
    """One line."""
    print(json.dumps(figures), flush=True)


# --- the server


async def serve(address, *ports):
    """Listen on all ports until killed."""
    listeners = []
    for port in ports:
        listener = socket.create_server((address, int(port)), backlog=1024)
        listener.setblocking(False)
        listeners.append(asyncio.create_task(accept(listener)))
    print("serving", flush=True)
    await asyncio.gather(*listeners)


async def accept(listener):
    """Each connection its own task."""
    loop, tasks = asyncio.get_running_loop(), set()
    while True:
        connection, _ = await loop.sock_accept(listener)
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        task = asyncio.create_task(answer(connection))
        tasks.add(task)
        task.add_done_callback(tasks.discard)


async def answer(connection):
    """200 to all, 234 to AUTH; after that a number is answered with so many bytes."""
    loop = asyncio.get_running_loop()
    with connection:
        await loop.sock_sendall(connection, b"220 ready\r\n")
        while data := await loop.sock_recv(connection, LINE):
            if data.startswith(b"AUTH"):
                await loop.sock_sendall(connection, b"234 go on\r\n")
            elif data[:1].isdigit():
                await send_bytes(connection, int(data))
            else:
                await loop.sock_sendall(connection, b"200 so be it\r\n" * data.count(b"\n"))


async def send_bytes(connection, amount):
    """From a file in memory, as a server of files would."""
    loop = asyncio.get_running_loop()
    with open(os.memfd_create("zeros"), "w+b") as file:
        file.truncate(min(BLOCK * 64, amount))
        while amount > 0:
            amount -= await loop.sock_sendfile(connection, file, 0, min(BLOCK * 64, amount))


# --- the clients


def connect(address, port, source=""):
    """A connection that has been greeted."""
    connection = socket.create_connection((address, int(port)), 10, (source, 0) if source else None)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def ask(connection, words):
    """Seconds from a command to its answer."""
    begin = time.perf_counter()
    connection.sendall(words + b"\r\n")
    if not connection.recv(LINE).startswith(b"2"):
        raise SystemExit(f"{words!r} was refused")
    return time.perf_counter() - begin


async def many(address, port, count, commands):
    """Open them all; then so many commands on each; each phase's seconds."""
    sources = sys.stdin.readline().split()
    loop, count, commands = asyncio.get_running_loop(), int(count), int(commands)
    for number in range(
        count
    ):  # a port is bound before it is connected: some time of the client's, not of the gateway's
        sources.append(sources[number])
    begin = time.perf_counter()
    gate = asyncio.Semaphore(50)

    async def one(source):
        async with gate:
            connection = socket.socket()
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.bind((source, 0))
            await loop.sock_connect(connection, (address, int(port)))
            if not (await loop.sock_recv(connection, LINE)).startswith(b"220"):
                raise SystemExit(f"connection from {source} was not greeted")
            return connection

    connections = await asyncio.gather(*(one(source) for source in sources[:count]))
    show(connected=time.perf_counter() - begin)
    sys.stdin.readline()

    async def talk(connection):
        for _ in range(commands):
            await loop.sock_sendall(connection, b"NOOP\r\n")
            if not await loop.sock_recv(connection, LINE):
                raise SystemExit("a connection was closed")

    begin = time.perf_counter()
    await asyncio.gather(*map(talk, connections))
    show(talked=time.perf_counter() - begin)
    sys.stdin.readline()


def port(address, number, count, client):
    """NOOP and PORT by turns."""
    connection = connect(address, number)
    connection.recv(LINE)
    plain, opened = [], []
    for turn in range(int(count)):
        plain.append(ask(connection, b"NOOP"))
        high, low = divmod(40000 + turn % 20000, 256)
        opened.append(ask(connection, f"PORT {client.replace('.', ',')},{high},{low}".encode()))
    show(noop=plain, port=opened)


def pull(address, number, amount):
    """Bytes on a connection that is none of the helper's business any more."""
    connection = connect(address, number)
    connection.recv(LINE)
    ask(connection, b"AUTH TLS")
    left, buffer = int(amount), bytearray(BLOCK)
    begin = time.perf_counter()
    connection.sendall(amount.encode() + b"\r\n")
    while left > 0:
        got = connection.recv_into(buffer)
        if not got:
            raise SystemExit(f"{left} bytes are missing")
        left -= got
    show(seconds=time.perf_counter() - begin)


if __name__ == "__main__":
    chosen, *arguments = sys.argv[1:]
    done = {"serve": serve, "many": many, "port": port, "pull": pull}[chosen](*arguments)
    if done is not None:
        asyncio.run(done)
