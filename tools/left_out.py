#!/usr/bin/env python3
"""What tests/cross.txt leaves out, and whether that is all that is missing.

    left_out.py test WHERE...                 the programs, in a line
    left_out.py case WHERE...                 doctest's cases, as OFFSHOOT_EXCLUDED_TEST_CASES wants them
    left_out.py compare NATIVE LOG WHERE...   compares the logs of two runs of meson's tests

WHERE are words of that file's first column. The comparison prints how many tests ran natively, how many of them
ran here, and how many are left out; it fails if that does not come out even.
"""

import json
import sys
from collections import Counter
from pathlib import Path

from count_tests import count

LIST = Path(__file__).resolve().parent.parent / "tests" / "cross.txt"


def listed(kind, where):
    """The names of one kind, in the file's order."""
    for line in LIST.read_text().splitlines():
        if line.startswith("#"):
            continue
        places, of_kind, names, _ = (field.strip() for field in line.split("|", 3))
        if of_kind == kind and set(places.split()) & set(where):
            yield from [names] if kind == "case" else names.split()


def counts(log):
    """Of each program, by suite and name, the numbers of cases that ran and that were left out."""
    found = {}
    for test in map(json.loads, Path(log).read_text().splitlines()):
        passed, failed, skipped = count(test)
        suite, name = test["name"].split(":")[-1].split(" / ")
        found[suite, name] = passed + failed, skipped
    return found


def compare(native, log, where):
    there, here = counts(native), counts(log)
    programs, suites = set(listed("test", where)), set(listed("suite", where))
    uncompiled = Counter(listed("uncompiled", where))
    missing = [each for each in there if each not in here]
    wrong = [f"{name}: not run, and not listed" for suite, name in missing
             if name not in programs and suite not in suites]
    for each, (ran, skipped) in here.items():
        if each in there and ran + skipped + uncompiled["/".join(each)] != sum(there[each]):
            wrong.append(f"{each[1]}: {ran} cases and {skipped} left out, natively {sum(there[each])}")
    cases = sum(skipped for _, skipped in here.values()) + sum(uncompiled["/".join(each)] for each in here)
    print(f"of {sum(map(sum, there.values()))} tests that run natively: "
          f"{sum(ran for ran, _ in here.values())} run here, {cases} cases and {len(missing)} programs with "
          f"{sum(sum(there[each]) for each in missing)} are left out")
    print(*wrong, sep="\n", end="\n" if wrong else "")
    return 1 if wrong else 0


def main(what, *words):
    if what == "compare":
        return compare(words[0], words[1], words[2:])
    print(*listed(what, words), sep=" " if what == "test" else ",")
    return 0


sys.exit(main(*sys.argv[1:]))
