#!/usr/bin/env python3
"""How many instructions an iteration takes, exactly: the difference between a few and many.

    tools/count_instructions.py PROGRAM PATH...
    tools/count_instructions.py --check FILE COMPILER PROGRAM PATH
    tools/count_instructions.py --record FILE COMPILER PROGRAM

The program is called as PROGRAM PATH N and does N iterations; build-bench-g++/bench/offshoot-bench
and build-test/tests/speed/speed-paths are such. --check fails if there are more than the file says, by
more than what another version of the C library may do to them; --record writes into the file, for
every path that it has, how many there are.
"""

import os
import re
import subprocess
import sys

FEW, MANY = 1280, 12800
TOLERATED = 1.03
# What makes a program do more than it needs: meson sets the one, testers the other.
NOT_FOR_IT = ("MALLOC_PERTURB_", "OFFSHOOT_GUARD")


def instructions(program, path, times):
    environment = {name: set_to for name, set_to in os.environ.items() if name not in NOT_FOR_IT}
    run = subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", program, path, str(times)],
        env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    collected = re.search(r"Collected : (\d+)", run.stderr)
    if run.returncode != 0 or not collected:
        sys.exit(f"{program} {path} {times} failed:\n{run.stderr}")
    return int(collected.group(1))


def per_iteration(program, path):
    few, many = (instructions(program, path, times) for times in (FEW, MANY))
    return (many - few) / (MANY - FEW)


def table_in(file):
    """The lines of the table in `file`, each as its words: path and what each compiler takes."""
    with open(file, encoding="utf-8") as text:
        return [line.split() for line in text if not line.startswith("#")]


def recorded(file, compiler, path):
    header, *rows = table_in(file)
    for row in rows:
        if row[0] == path:
            return float(row[header.index(compiler)])
    sys.exit(f"{file} has no {path}")


def record(file, compiler, program):
    header, *rows = table_in(file)
    for row in rows:
        row[header.index(compiler)] = f"{per_iteration(program, row[0]):.1f}"
    with open(file, encoding="utf-8") as text:
        comments = [line for line in text if line.startswith("#")]
    with open(file, "w", encoding="utf-8") as text:
        text.writelines(comments)
        for row in [header, *rows]:
            text.write("  ".join(f"{word:<10}" for word in row).rstrip() + "\n")


def check(file, compiler, program, path):
    was, now = recorded(file, compiler, path), per_iteration(program, path)
    print(f"{path}, {compiler}: {now:.1f} instructions, recorded {was:.1f}")
    if now > was * TOLERATED:
        sys.exit(f"{path} grew from {was:.1f} to {now:.1f} instructions (at most "
                 f"{was * TOLERATED:.1f}): make it as short as it was or, if that is the price of "
                 f"something that is worth it, record it in {file} and say so in docs/performance.md")
    if now * TOLERATED < was:
        print(f"it is shorter now: record it in {file}, so that it stays so")


if len(sys.argv) == 6 and sys.argv[1] == "--check":
    check(*sys.argv[2:])
elif len(sys.argv) == 5 and sys.argv[1] == "--record":
    record(*sys.argv[2:])
elif len(sys.argv) > 2 and not sys.argv[1].startswith("-"):
    for name in sys.argv[2:]:
        print(f"{name:40} {per_iteration(sys.argv[1], name):8.1f}")
else:
    sys.exit(__doc__)
