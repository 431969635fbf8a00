#!/usr/bin/env python3
"""Drives gdb with the project's commands on a program that stands in known functions (stand.cpp).

    drive.py live|core|stripped PROGRAM SCRIPT

Sees to it that each greenlet is shown with its frames, in order, and that the program goes on well.
"""
import re
import subprocess
import sys
import tempfile
from pathlib import Path

FRAMES = {
    "out": ["stand", "stand_out", "offshoot_enter", "offshoot_start"],
    "in place": ["stand", "stand_in_place", "offshoot_enter", "offshoot_start"],
    "dedicated": ["stand", "stand_dedicated", "offshoot_enter", "offshoot_start"],
    "below": ["stand", "stand_below", "offshoot_enter", "offshoot_start"],
    "partly": ["stand"] + 4 * ["stand_aligned"] + ["stand_partly", "offshoot_enter",
                                                     "offshoot_start"],
    "current": ["stop_here", "in_current", "offshoot_enter", "offshoot_start"],
    "elsewhere": ["stand", "stand_elsewhere", "offshoot_enter", "offshoot_start"],
}
KNOWN = {name for names in FRAMES.values() for name in names}
failures = []


def check(holds, what):
    if not holds:
        failures.append(what)


def gdb(program, script, *commands):
    arguments = ["gdb", "-nx", "-batch", "-iex", "set debuginfod enabled off"]
    for each in ("set width 0", f"source {script}", *commands):
        arguments += ["-ex", each]
    done = subprocess.run(arguments + [program], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=120, check=False)
    said = done.stdout.decode(errors="replace")
    print("$", " ".join(arguments[5:]), said, sep="\n")
    return said


def frames(said):
    """Name of greenlet -> functions of its first back trace, as far as they are known."""
    found = {}
    for heading, trace in re.findall(
            r"^(?:main )?greenlet (.*)\n((?:(?:#|\[|    ).*\n)*)", said, re.MULTILINE):
        name = re.match(r"'(.*?)'", heading)
        functions = re.findall(r"^#\d+ +(?:0x[0-9a-f]+ in )?(\w+)", trace, re.MULTILINE)
        found.setdefault(name[1] if name else "main",
                         [each for each in functions if each in KNOWN or each == "main"])
    return found


def check_all(said):
    found = frames(said)
    for name, functions in FRAMES.items():
        check(found.get(name) == functions, f"'{name}' is shown with {found.get(name)}")
    check(found.get("main", [])[-1:] == ["main"], f"main is shown with {found.get('main')}")


def check_list(said):
    for name in FRAMES:
        check(re.search(rf"^thread \d+: greenlet '{name}' #\d+ \(\w+\), spawned at \S+\.[ch]pp:\d+, ",
                        said, re.MULTILINE), f"'{name}' is not listed")
    check(re.search(r"'out' .*suspended, \d+ bytes in its slice", said), "'out' is not out")
    check(re.search(r"'partly' .*suspended, \d+ bytes in its slice", said), "'partly' is not out")
    check(re.search(r"'current' .*running", said), "'current' does not run")


def live(program, script, _):
    said = gdb(program, script, "break stop_here", "run", "info greenlets", "greenlet all bt",
               "greenlet 2 no_such_command", "python print('at', gdb.selected_frame().name())",
               "greenlet 9999", "greenlet", "continue")
    check_list(said)
    check_all(said)
    # Also after a command that failed: what gdb looks at is as it was, and so is the program.
    check("Undefined command: \"no_such_command\"" in said, "a wrong command is not told")
    check("at stop_here" in said, "another frame is selected than before")
    check("no active greenlet #9999" in said, "a wrong number is not told")
    check("usage: greenlet" in said, "how it is used is not told")
    check(re.search("(?<!not )all went on\\b", said), "the program did not go on well")


def core(program, script, work):
    path = f"{work}/core"
    gdb(program, script, "break stop_here", "run", f"greenlet-core {path}")
    before = Path(path).read_bytes()
    said = gdb(program, script, f"core-file {path}", "info greenlets", "greenlet all bt",
               "python print('at', gdb.selected_frame().name())", "info files")
    check_list(said)
    check_all(said)
    check("at stop_here" in said, "another frame is selected than before")
    check(f"`{path}'" in said, "gdb looks at another core file than before")
    check(Path(path).read_bytes() == before, "the core file was changed")


def stripped(program, script, work):
    bare = f"{work}/bare"
    subprocess.run(["objcopy", "--strip-debug", program, bare], check=True)
    said = gdb(bare, script, "break stop_here", "run", "info greenlets", "continue")
    check("no debug information of the library" in said, "it is not told what is missing")
    check(re.search("(?<!not )all went on\\b", said), "the program did not go on well")


def main(what, program, script):
    with tempfile.TemporaryDirectory() as work:
        {"live": live, "core": core, "stripped": stripped}[what](program, script, work)
    for each in failures:
        print("FAILED:", each)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
