"""PPP without a line: framing, header compression, whole links, and a storm of mutated frames.

Usage: python benchmarks/ppp/codec.py [--rounds N] [--packets N] [--frames N]

Packets of 1500 octets, random ones (what is encrypted or compressed) and a stream of TCP. Each figure is CPU time of one
core: median, minimum and maximum of the rounds. `--frames` mutated frames (0 for none) go through links in all
their states; whatever leaves the parsers as an exception ends the benchmark with status 1.
"""

import argparse
import random
import statistics
import struct
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from figures import spread

from icsframework.protocols.ppp.hdlc import ALL_CONTROLS, Decoder, Encoder
from icsframework.protocols.ppp.settings import LinkSettings
from icsframework.protocols.ppp.vj import Compressor, Decompressor
from icsframework.testing.ppp import PppPair, provider
from icsframework.testing.ppp_storm import storm

SIZE = 1500
"""Octets of a packet."""
READ = 16384
"""Octets of one read from a busy line."""
MAPS = (("no escapes", 0), ("XON/XOFF", 0x000A0000), ("all controls", ALL_CONTROLS))


def random_packets(count: int) -> list[bytes]:
    """IPv4 as far as a link looks at it, with random contents."""
    chance = random.Random(1)
    return [b"\x45" + chance.randbytes(SIZE - 1) for _ in range(count)]


def tcp_packets(count: int, size: int) -> list[bytes]:
    """A stream of one TCP connection: bulk data, or acknowledgements if there is none."""
    data = random.Random(2).randbytes(size)
    packets = []
    for n in range(count):
        seq, ack = (n * size, 0) if size else (0, n * 1448)
        tcp = struct.pack(">HHIIBBHHH", 1025, 80, seq, ack, 0x50, 0x10, 8192, n & 0xFFFF, 0)
        ip = struct.pack(
            ">BBHHHBBH4s4s", 0x45, 0, 40 + size, n & 0xFFFF, 0, 64, 6, 0, b"\x0a\0\0\1", b"\x0a\0\0\2"
        )
        packets.append(ip + tcp + data)
    return packets


def cpu_us(work: Callable[[], object], count: int) -> float:
    """Microseconds of CPU time for each of ``count`` packets."""
    before = time.process_time_ns()
    work()
    return (time.process_time_ns() - before) / 1000 / count


def show(name: str, times: Sequence[float], octets: int = 0) -> None:
    """One line: microseconds for a packet, and what that makes in MB/s."""
    speed = f"{octets / statistics.median(times):9.0f}" if octets else ""
    print(f"{name:34}{spread(times, 1)}{speed}")


def reads(wire: bytes) -> list[bytes]:
    """The wire as a busy line delivers it."""
    return [wire[at : at + READ] for at in range(0, len(wire), READ)]


def framing(rounds: int, packets: list[bytes]) -> None:
    """Encode and decode with each map."""
    frames = [b"\x21" + packet for packet in packets]
    for name, accm in MAPS:
        encoder = Encoder(accm)
        wire = encoder.encode(frames)
        pieces = reads(wire)

        def decode(pieces: list[bytes] = pieces, accm: int = accm) -> None:
            decoder = Decoder(accm=accm)
            assert sum(len(decoder.feed(piece)) for piece in pieces) == len(frames)

        times = [cpu_us(lambda encoder=encoder: encoder.encode(frames), len(frames)) for _ in range(rounds)]
        show(f"encode, {name}", times, SIZE)
        show(f"decode, {name}", [cpu_us(decode, len(frames)) for _ in range(rounds)], SIZE)


def compression(rounds: int, count: int) -> None:
    """VJ alone, for packets with data and without."""
    for name, size in (("1460 octets of data", 1460), ("acknowledgements", 0)):
        packets = tcp_packets(count, size)
        compressor = Compressor(16)
        sent = [compressor.compress(packet) for packet in packets]
        assert sum(protocol == 0x2D for protocol, _ in sent) >= count - 2

        def compress(packets: list[bytes] = packets) -> None:
            compressor = Compressor(16)
            for packet in packets:
                compressor.compress(packet)

        def decompress(sent: list[tuple[int, bytes]] = sent) -> None:  # type: ignore[assignment]
            decompressor = Decompressor(16)
            for protocol, wire in sent:
                (decompressor.compressed if protocol == 0x2D else decompressor.uncompressed)(wire)

        show(f"VJ compress, {name}", [cpu_us(compress, count) for _ in range(rounds)])
        show(f"VJ decompress, {name}", [cpu_us(decompress, count) for _ in range(rounds)])


def links(rounds: int, packets: list[bytes], stream: list[bytes]) -> None:
    """Two whole links: what `send` and `receive` cost, framing and compression included."""
    for name, burst in (("random", packets), ("TCP with VJ", stream)):
        times = [through_links(burst) for _ in range(rounds)]
        show(f"link sends, {name}", [sending for sending, _ in times], SIZE)
        show(f"link receives, {name}", [receiving for _, receiving in times], SIZE)


def through_links(packets: list[bytes]) -> tuple[float, float]:
    """Microseconds for each packet to be sent, in bursts of eight, and to be received."""
    pair = PppPair(LinkSettings(), provider())
    pair.connect()
    bursts = [packets[at : at + 8] for at in range(0, len(packets), 8)]
    wires: list[bytes] = []
    sending = cpu_us(lambda: wires.extend(pair.left.link.send(burst) for burst in bursts), len(packets))
    pieces = reads(b"".join(wires))
    received: list[object] = []
    receiving = cpu_us(
        lambda: received.extend(pair.right.link.receive(piece, 1.0) for piece in pieces), len(packets)
    )
    assert pair.right.link.counters.bad == 0
    return sending, receiving


def main() -> int:
    """Run everything."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--packets", type=int, default=2000)
    parser.add_argument("--frames", type=int, default=1_000_000)
    options = parser.parse_args()
    packets = random_packets(options.packets)
    print(f"{'us of CPU time for a packet':34}{'median':>9}{'min':>9}{'max':>9}{'MB/s':>9}")
    framing(options.rounds, packets)
    compression(options.rounds, options.packets)
    links(options.rounds, packets, tcp_packets(options.packets, 1460))
    if options.frames:
        before = time.process_time()
        good = storm(options.frames, seed=1)
        seconds = time.process_time() - before
        print(
            f"{options.frames} mutated frames in {seconds:.1f} s, {good} of them with a good FCS: no exception"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
