#!/usr/bin/env python3
"""echo_rate.py BUILD_DIRECTORY [--runs N] [--seconds S]: the echo server against one written by hand.

Server on one core, the same load on another; runs of the two in turn, so that what else the machine
does meets both. Prints the medians, and their ratio. Exits with 1 if a ratio is below the bar."""
import argparse
import os
import re
import statistics
import subprocess

BAR = 0.97
BYTES = 512


def start(command, core):
    """The running server and its port."""
    process = subprocess.Popen(["taskset", "-c", str(core), *command], stdout=subprocess.PIPE,
                               text=True)
    return process, int(re.fullmatch(r"listening on port (\d+)\n", process.stdout.readline())[1])


def rate(server, load, connections, seconds, cores):
    """Echoes a second; the load compares every byte, and fails if one is wrong."""
    process, port = start(server, cores[0])
    try:
        output = subprocess.run(
            ["taskset", "-c", str(cores[1]), load, "--port", str(port), "--connections",
             str(connections), "--bytes", str(BYTES), "--seconds", str(seconds)],
            check=True, capture_output=True, text=True).stdout
    finally:
        process.terminate()
        process.wait()
    return int(re.search(r"\((\d+)/s\)", output)[1])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=1)
    chosen = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))[:2]
    servers = {"offshoot": [f"{chosen.build}/examples/echo_server", "--port", "0"],
               "by hand": [f"{chosen.build}/bench/epoll_echo"]}
    load = f"{chosen.build}/examples/echo_load"
    missed = False
    for connections in (50, 1000):
        rates = {name: [] for name in servers}
        for _ in range(chosen.runs):
            for name, command in servers.items():
                rates[name].append(rate(command, load, connections, chosen.seconds, cores))
        medians = {name: statistics.median(each) for name, each in rates.items()}
        ratio = medians["offshoot"] / medians["by hand"]
        missed = missed or ratio < BAR
        print(f"{connections} connections, {BYTES} bytes: " +
              ", ".join(f"{name} {medians[name]:.0f}/s" for name in servers) +
              f", ratio {ratio:.3f} (bar {BAR})", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
