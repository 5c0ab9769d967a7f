"""Interleaved dnsperf runs (A B A B ...) against DNS servers that are already up.

    dnsbench.py --netns CLIENT-NAMESPACE --mode cached|uncached|latency NAME=ADDRESS/PID ...

cached    the same names over and over after one warming pass
uncached  every question is a new name
latency   --qps questions a second, percentiles of the time to each answer

Prints a line of JSON for each run, then medians.  ``ratio`` is the median of the rounds' ratios to the first server;
``cpu_us`` the CPU time of the server per answer, from /proc/PID/task/*/schedstat, which stays meaningful when other
work shares the core.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Server:
    """One server and its results."""

    name: str
    address: str
    pid: int
    runs: list[dict] = field(default_factory=list)

    @classmethod
    def parse(cls, text):
        """From NAME=ADDRESS/PID."""
        name, _, rest = text.partition("=")
        address, _, pid = rest.partition("/")
        return cls(name, address, int(pid))

    def cpu_ns(self):
        """CPU time of all its threads so far."""
        stats = Path(f"/proc/{self.pid}/task").glob("*/schedstat")
        return sum(int(path.read_text().split()[0]) for path in stats)

    def median(self, key):
        """Over all rounds."""
        return statistics.median(run[key] for run in self.runs)


def write_names(path, count, tag):
    """A file of questions for dnsperf."""
    path.write_text("".join(f"{tag}{number}.bench.test A\n" for number in range(count)))


def dnsperf(options, server, questions, *more):
    """What dnsperf prints."""
    command = [
        "ip",
        "netns",
        "exec",
        options.netns,
        "taskset",
        "-c",
        options.cpu,
        "dnsperf",
        "-s",
        server.address,
    ]
    command += ["-d", str(questions), "-c", "16", "-q", "100", "-t", "2", *more]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def wait_for(options, server, path):
    """Until the server answers; twenty seconds are enough on any machine."""
    write_names(path, 1, "up")
    deadline = time.monotonic() + 20
    while "NOERROR" not in dnsperf(options, server, path, "-n", "1"):
        if time.monotonic() > deadline:
            raise SystemExit(f"{server.name} does not answer on {server.address}")


def measure(options, server, questions):
    """One run as a dictionary."""
    more = ["-l", str(options.seconds)]
    if options.mode == "latency":
        more += ["-Q", str(options.qps), "-v"]
    cpu, start = server.cpu_ns(), time.monotonic()
    output = dnsperf(options, server, questions, *more)
    cpu, wall = server.cpu_ns() - cpu, time.monotonic() - start

    def number(label):
        found = re.search(label + r":\s+([\d.]+)", output)
        return float(found[1]) if found else float("nan")

    done = number("Queries completed")
    codes = {code: int(count) for code, count in re.findall(r"([A-Z]+) (\d+) \([\d.]+%\)", output)}
    result = {
        "qps": round(number("Queries per second")),
        "lost": number("Queries lost"),
        "cpu_us": round(cpu / 1000 / max(done, 1), 2),
        "cpu_share": round(cpu / 1e9 / wall, 2),
        "seconds": number(r"Run time \(s\)"),
        "sent": number("Queries sent"),
        "codes": codes,
    }
    answered = sum(codes.values())
    # An error is cheaper to send than an answer: a run with errors measures something else.
    result["valid"] = answered > 0 and codes.get("NOERROR", 0) == answered
    latencies = sorted(
        float(line.split()[-1]) * 1e6 for line in output.splitlines() if line.startswith("> NOERROR")
    )
    for percent in (50, 90, 99) if latencies else ():
        result[f"p{percent}_us"] = round(latencies[len(latencies) * percent // 100])
    return result


def main():
    """All rounds, then the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("servers", nargs="+", type=Server.parse, metavar="NAME=ADDRESS/PID")
    parser.add_argument("--netns", required=True)
    parser.add_argument("--mode", choices=["cached", "uncached", "latency"], default="cached")
    parser.add_argument("--cpu", default="0")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--names", type=int, default=1000)
    parser.add_argument("--qps", type=int, default=2000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        hot, cold = Path(directory, "hot"), Path(directory, "cold")
        for server in options.servers:
            wait_for(options, server, cold)
        write_names(hot, options.names, "hot")
        for turn in range(options.rounds):
            for server in options.servers:
                if options.mode == "uncached":
                    write_names(cold, 60000 * options.seconds, f"p{os.getpid():x}r{turn}{server.name}-")
                else:
                    dnsperf(options, server, hot, "-n", "1", "-Q", "3000")
                server.runs.append(measure(options, server, cold if options.mode == "uncached" else hot))
                print(json.dumps({"server": server.name, "round": turn} | server.runs[-1]), flush=True)
    reference = options.servers[0]
    print(f"\n{options.mode:10} {'qps':>8} {'ratio':>6} {'cpu_us':>7} {'lost':>6}  p50 p90 p99 (us)")
    for server in options.servers:
        pairs = zip(server.runs, reference.runs, strict=True)
        ratio = statistics.median(ours["qps"] / max(theirs["qps"], 1) for ours, theirs in pairs)
        shown = [
            f"{server.median(key):.0f}" for key in ("p50_us", "p90_us", "p99_us") if key in server.runs[0]
        ]
        columns = f"{server.median('qps'):8.0f} {ratio:6.2f} {server.median('cpu_us'):7.2f} {server.median('lost'):6.0f}"
        print(f"{server.name:10} {columns}  {' '.join(shown)}")
    invalid = sorted({s.name for s in options.servers for run in s.runs if not run["valid"]})
    if invalid:
        raise SystemExit(f"not a measurement: {', '.join(invalid)} answered with errors, see the codes above")


if __name__ == "__main__":
    main()
