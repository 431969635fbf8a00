#!/usr/bin/env python3
"""Runs a program that must end in the way its source states, and say what its source states.

    expect_end.py PROGRAM SOURCE

The source holds, one a line:
    // ends: SIGABRT          (or an exit status)
    // says: REGULAR EXPRESSION   (to be found on standard error; may be repeated)
    // never says: REGULAR EXPRESSION   (not to be found there; may be repeated)
"""
import os
import re
import resource
import shlex
import signal
import subprocess
import sys


def stated(source, word):
    with open(source, encoding="utf-8") as text:
        return re.findall(rf"^// {word}: (.+)$", text.read(), re.MULTILINE)


def name_of(status):
    return signal.Signals(-status).name if status < 0 else str(status)


def main(program, source):
    (end,) = stated(source, "ends")
    sayings = stated(source, "says")
    wrapper = shlex.split(os.environ.get("MESON_EXE_WRAPPER", ""))
    done = subprocess.run(
        wrapper + [program], stderr=subprocess.PIPE, timeout=60, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)))
    said = done.stderr.decode(errors="replace")
    sys.stdout.write(f"ended: {name_of(done.returncode)}\n{said}")
    failures = []
    if name_of(done.returncode) != end:
        failures.append(f"ended with {name_of(done.returncode)} and not with {end}")
    failures += [f"did not say: {each}" for each in sayings if not re.search(each, said)]
    failures += [f"said: {each}" for each in stated(source, "never says") if re.search(each, said)]
    if not sayings:
        failures.append("states no message to look for")
    for failure in failures:
        print("FAILED:", failure)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
