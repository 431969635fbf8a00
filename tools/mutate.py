#!/usr/bin/env python3
"""Mutation check of the switch: whether the tests notice if any one line of it is broken.

Each rule below names lines by what they look like, so that it does not rot; one that finds none is
an error. Every such line is broken by itself in a copy of the sources, the tests are built and run
until one fails, and what no test notices is printed. That in two ways, one after the other: as users
have the library, and as one that measures stacks, which for that goes the longer ways. Closes with
`N killed, N survived`.

usage: tools/mutate.py [--list] [WORD...]
WORD: only mutants whose description (rule, file, line) contains one of these.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "build-mutate"
SOURCES = WORK / "source"
BUILDS = {WORK / "build": [], WORK / "build-measuring": ["-Dhigh_water=enabled"]}

# What a fast run of the model test is: enough to notice, at some seconds for all suites together.
ENVIRONMENT = {"OFFSHOOT_SEEDS": "8", "OFFSHOOT_STEPS": "6000", "OFFSHOOT_SHRINK": "0",
               "OFFSHOOT_PATIENCE": "10", "OFFSHOOT_SIGNALS": "400"}
# Most likely to notice, and quick; then all others.
FIRST = ["unit-slices", "model-forest", "abi-registers", "unit-exceptions",
         "model-allocation_failure"]
SUITES = ("unit", "abi", "model", "fail")
LEAVE_OUT = "model-minimiser|runner_notices"  # their subjects are tests
SECONDS = 120  # for one test program; more is a hang, and a hang is noticed

ASM = "arch/x86_64-*.S"
INLINE = "include/offshoot/detail/switch*.hpp"
HEADS = "include/offshoot/detail/heads.hpp"
CORE = "src/core/*.[ch]pp"
NOTHING = ";"  # in place of a C++ statement
BUILD_FAILS = "the build"  # which says nothing about the tests: the rule is a bad one
NEVER = "never"  # in place of the condition that begins where the match ends


@dataclass
class Rule:
    what: str
    files: str
    pattern: str  # of a line, or of the part of it that is replaced
    replacements: list  # as of re.sub, of the match; None: the line goes
    within: str = ""  # only in functions whose first line matches this
    alternative: bool = False  # need not match if another rule for the same does
    first: tuple = ()  # the tests that this one's loss concerns most
    # What changes nothing that can be seen: a part of the line, before or after, and why.
    equivalent: dict = field(default_factory=dict)


# A whole statement on a line of its own that declares nothing and leaves nothing.
STATEMENT = (r"^(?!\s*(return|const|auto|using|static|break|else|case|default)\b)"
             r"(?!\s*[\w:]+[&*]* (const )?\w+(;| = |\())(?!.*\b(return|throw)\b)(?!\s*(//|};))\s+\S.*;\s*(//.*)?$")

RULES = [
    # Pushed and popped by instructions, or by macros that bring the unwind information with them.
    Rule("register not saved", ASM, r"^\tpush\t%\w+", ["\tlea\t-8(%rsp), %rsp"], alternative=True,
         first=("abi-registers",)),
    Rule("register not saved", ASM, r"^\tpush_callee_saved +%\w+", alternative=True,
         replacements=["\tlea\t-8(%rsp), %rsp\n\t.cfi_adjust_cfa_offset 8"],
         first=("abi-registers",)),
    Rule("register not restored", ASM, r"^\tpop\t%\w+", ["\tlea\t8(%rsp), %rsp"], alternative=True,
         first=("abi-registers",)),
    Rule("register not restored", ASM, r"^\tpop_callee_saved +%\w+", alternative=True,
         replacements=["\tlea\t8(%rsp), %rsp\n\t.cfi_adjust_cfa_offset -8"],
         first=("abi-registers",)),
    Rule("context not written or read", ASM, r"^\tmov\t.*\b(SP|IP|KEPT|SLOT)\b.*", [None]),
    Rule("bounds not asked", ASM, r"^\t(lea\t-PUSHED|sub\tFLOOR|cmp\tEXTENT|jae\t).*", [None]),
    Rule("inline switch", INLINE, r'^\s*"(mov|lea|sub|cmp|jae) .*\\n\\t".*', [None],
         first=("abi-registers",)),
    Rule("inline switch unwound wrongly", INLINE, r'^\s*"\.cfi_escape .*', [None],
         first=("abi-stepping", "abi-unwinding")),
    Rule("unwound wrongly", ASM,
         r"^\t\.cfi_(adjust_cfa_offset|rel_offset|restore|undefined|def_cfa_offset|escape)\b.*",
         [None], first=("abi-stepping", "abi-unwinding"),
         equivalent={"cfi_def_cfa_offset \\offset": "is for LLVM's assembler",
                     "cfi_restore \\register": "the slot in the red zone holds the same",
                     "cfi_undefined %r1": "whoever waits has saved what it needs"}),
    Rule("not displaced, or not settled", "src/core/stack.hpp",
         r"^\s+(home|registers\.(sp|ip)) = .*;", [NOTHING]),
    Rule("bounds not set", "src/core/stack.hpp", r"^\s+registers\.(floor|extent) = .*;", [NOTHING]),
    Rule("exceptions not kept apart", "src/core/*.cpp", r"^\s.*\bexceptions = .*;.*", [None]),
    Rule("exceptions not kept apart", CORE, r"std::exchange\(\*here\.exceptions, \{\}\)",
         ["*here.exceptions"]),
    Rule("exceptions not looked at", HEADS, r" && exceptions->idle\(\)", [""]),
    Rule("exceptions not looked at", HEADS, r" \| uncaught\b", [""]),
    Rule("exceptions not looked at", HEADS, r"reinterpret_cast<std::uintptr_t>\(caught\) \| ", [""]),
    Rule("environment not kept apart", CORE, r"^\s*(if \(.*\) )?(store|load)\(.*\);", [NOTHING]),
    Rule("nothing reserved", CORE, r"^\s*(\w+(\.|->))?(un)?bound\(\);", [NOTHING]),
    Rule("nothing reserved", CORE, r"^\s*reserve_room\(.*\);", [NOTHING]),
    Rule("nothing reserved", CORE, r"!?[\w.>-]+\bgrow\(\w+\)", ["false"]),
    Rule("block not copied", "src/core/copy.hpp", r"^\s+at\(.*\) = .*;", [NOTHING]),
    Rule("bytes not copied", "src/core/[cs]*.[ch]pp",
         r"^\s+(if \(.*\) |else )?(std::)?(mem(cpy|move)|copy\w*)\((?!\))",
         ["static_cast<void>("]),
    Rule("no guard page", CORE, r"^\s*install_guard\(.*\);", [NOTHING]),
    Rule("bounds decision gone", CORE,
         r"\bif \((?=.*(\b(sp|low|stop|high|limit|lowest|needed|bytes|wanted)\b|lowest_in_place|"
         r"capacity_?\b))(?=.*[<>])",
         [NEVER],
         equivalent={"owner.saved.capacity()) [[unlikely]]": "looks for what cannot happen"}),
    Rule("bounds decision gone", CORE,
         r" && [\w.>()*-]+ [<>]=? [\w.>()-]+(?=\)(;| \{)| &&)", [""]),
    Rule("bounds chosen wrongly", CORE,
         r"(?:[\w.>-]|\(\))+ [<>]=? [\w./>() -]+? \? (?=.* : )", ["true ? ", "false ? "],
         equivalent={"&& true ? run->alignment": "then there is less padding, and memory as aligned",
                     "&& true ? lowest": "no stack lies so near to address 0",
                     "return true ? owner.stop": "whoever has run has left something below its stop"}),
] + [
    Rule("step left out of " + name, CORE, STATEMENT, [NOTHING],
         within=rf"^[^ ].*\b{name}\b.*[{{,]$",
         equivalent={"here.arrivals = delivered;": "then what has come is found by a longer way",
                     "    here.arrivals = 0;": "the longer way, which is next, sets it",
                     "where.plain = !": "then the longer way is gone, to the same end",
                     "note_vacated(": "then another vacant lane is next",
                     "std::fputs(": "says what cannot happen", "std::abort()": "ends what cannot go on",
                     "  fatal(": "says what cannot happen",
                     "valgrind": "is for Valgrind only",
                     "sanitizers::moved(": "is for LeakSanitizer only",
                     "sanitizers::forget(": "is for sanitizers only",
                     "_sanitizer::": "is for sanitizers only"})
    for name in ("make_current", "make_room", "undo", "pass", "do_chores", "begin",
                 "undo_begin", "begin_quietly", "make_active", "bury", "vacate", "become_corpse", "leave", "receive_arguments", "forget_region",
                 "enter_region", "lay_frame", "make_ready", "leave_region", "bring_in", "save",
                 "bring_in_fresh")
]


@dataclass(frozen=True)
class Mutant:
    what: str
    first: tuple
    file: str
    number: int  # of the line, from 1
    line: str
    becomes: str

    def __str__(self):
        shown = self.becomes.strip()
        shown = "" if shown in ("", ";") else f"  ->  {shown}"
        return f"{self.file}:{self.number}: {self.what}: {self.line.strip()}{shown}"


def lines_within(lines, start):
    """The indices of the lines in functions whose first line matches: to the next `}` in column 1."""
    inside = False
    for index, line in enumerate(lines):
        if inside and line.startswith("}"):
            inside = False
        if inside:
            yield index
        if re.search(start, line):
            inside = True


def broken(line, match, replacement):
    """The line as it becomes; None if its condition goes on in the next."""
    if replacement is None:
        return ""
    end = match.end()
    if replacement == NEVER:
        open_ones = 1
        while end < len(line) and open_ones:
            open_ones += {"(": 1, ")": -1}.get(line[end], 0)
            end += 1
        if open_ones:
            return None
        replacement = match.group() + "false && (" + line[match.end():end] + ")"
    return line[:match.start()] + replacement + line[end:]


def starts_here(lines, index):
    """Whether what stands on a line begins there, and not on the one before."""
    before = re.sub(r"\s*//.*", "", lines[index - 1]).rstrip()
    return before == "" or before[-1] in ";{}:"


def find_mutants():
    found, skipped, idle, met = {}, [], [], set()
    for rule in RULES:
        for path in sorted(ROOT.glob(rule.files)):
            lines = path.read_text().splitlines()
            where = lines_within(lines, rule.within) if rule.within else range(len(lines))
            for index in where:
                line = lines[index]
                match = re.search(rule.pattern, line)
                if not match or line.lstrip().startswith("//"):
                    continue
                if rule.pattern == STATEMENT and not starts_here(lines, index):
                    continue
                met.add(rule.what if rule.alternative else id(rule))
                for replacement in rule.replacements:
                    becomes = broken(line, match, replacement)
                    if becomes is None:
                        continue
                    mutant = Mutant(rule.what, rule.first, str(path.relative_to(ROOT)), index + 1, line, becomes)
                    reason = next((why for part, why in rule.equivalent.items()
                                   if part in line or part in becomes), None)
                    if reason:
                        skipped.append((mutant, reason))
                    else:
                        found.setdefault((mutant.file, mutant.number, becomes.strip(" ;")), mutant)
    for rule in RULES:
        if (rule.what if rule.alternative else id(rule)) not in met:
            idle.append(f"{rule.what}: {rule.within or rule.pattern}")
    return list(found.values()), skipped, idle


def copy_sources():
    """Copies what has changed, so that the next run builds only that."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                            cwd=ROOT, check=True, capture_output=True, text=True).stdout
    wanted = {name for name in listed.split("\0") if name and (ROOT / name).is_file()}
    for name in wanted:
        source, target = ROOT / name, SOURCES / name
        if not target.exists() or target.read_bytes() != source.read_bytes():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
            target.touch()
    for path in SOURCES.rglob("*"):
        if path.is_file() and str(path.relative_to(SOURCES)) not in wanted:
            path.unlink()


def configure(where, options):
    if not (where / "build.ninja").exists():
        subprocess.run(["meson", "setup", where, SOURCES, "-Doptimization=1", "-Ddebug=false",
                        "-Ddefault_library=static", "-Dhub=disabled", "-Dtests=enabled",
                        "-Dexamples=disabled", "-Dbench=disabled", *options], check=True)


def build(where, targets):
    return subprocess.run(["ninja", "-C", where, *targets], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)


def tests(where):
    """The programs of the suites, as (name, target, command, environment)."""
    told = json.loads(subprocess.run(["meson", "introspect", "--tests", where], check=True,
                                     capture_output=True, text=True).stdout)
    listed = []
    for test in told:
        if test["suite"][0].split(":")[-1] not in SUITES:
            continue
        words = [os.path.relpath(where / word, where) for word in test["cmd"]]
        target = next((word for word in words if word.startswith("tests/")), None)
        if target and not re.search(LEAVE_OUT, target):
            listed.append((Path(target).name, target, test["cmd"], test["env"]))
    return listed


def fails(where, test):
    """Why the test fails, or nothing."""
    _, _, command, environment = test
    with subprocess.Popen(command, env=os.environ | ENVIRONMENT | environment, cwd=where,
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, start_new_session=True) as running:
        try:
            status = running.wait(SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(running.pid, 9)
            return "hangs"
    return "fails" if status > 0 else f"signal {-status}" if status < 0 else ""


def who_notices(where, stages):
    for stage in stages:
        built = build(where, [target for _, target, _, _ in stage])
        if built.returncode != 0:
            return BUILD_FAILS
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for (name, *_), how in zip(stage, pool.map(partial(fails, where), stage)):
                if how:
                    pool.shutdown(cancel_futures=True)
                    return f"{name} ({how})"
    return ""


def try_mutant(mutant, listed):
    """Who notices it: `listed` are the tests of each build."""
    order = [*mutant.first, *(name for name in FIRST if name not in mutant.first)]
    path = SOURCES / mutant.file
    original = path.read_text()
    lines = original.splitlines()
    lines[mutant.number - 1] = mutant.becomes
    path.write_text("\n".join(lines) + "\n")
    try:
        for where, its_tests in listed.items():
            ahead = [each for name in order for each in its_tests if each[0] == name]
            rest = [each for each in its_tests if each not in ahead]
            by = who_notices(where, [*([each] for each in ahead), rest])
            if by:
                return by
        return ""
    finally:
        path.write_text(original)


def main(arguments):
    words = [each for each in arguments if not each.startswith("--")]
    mutants, skipped, idle = find_mutants()
    for each in idle:
        print(f"no line matches any more: {each}")
    mutants = [each for each in mutants if not words or any(word in str(each) for word in words)]
    if "--list" in arguments or idle or not mutants:
        print(*mutants, sep="\n")
        return 1 if idle or not mutants else 0
    copy_sources()
    listed = {}
    started = time.monotonic()
    for where, options in BUILDS.items():
        configure(where, options)
        listed[where] = tests(where)
        noticed = who_notices(where, [listed[where]])
        if noticed:
            print(f"with nothing broken there fails {noticed}")
            return 1
    print(f"{len(mutants)} mutants; the unbroken builds took {time.monotonic() - started:.0f} s")

    survivors = []
    for count, mutant in enumerate(mutants, 1):
        by = try_mutant(mutant, listed)
        how = "DOES NOT BUILD" if by == BUILD_FAILS else f"killed by {by}" if by else "SURVIVED"
        print(f"[{count}/{len(mutants)}] {how}: {mutant}", flush=True)
        if by in ("", BUILD_FAILS):
            survivors.append(mutant)
    for mutant, reason in skipped:
        print(f"not tried, {reason}: {mutant}")
    for mutant in survivors:
        print(f"survivor: {mutant}")
    print(f"{len(mutants) - len(survivors)} killed, {len(survivors)} survived")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
