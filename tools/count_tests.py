#!/usr/bin/env python3
"""Counts the tests in meson's logs and closes with the line `N passed, N failed`.

A doctest program counts as its test cases, any other test as one. A test that did not end well
although none of its cases failed (it crashed, or ran out of time) is one more failure; so is a
program that ran no case, and a log that is not there or is empty. Each is named, with the end of what it said, in
lines that begin with `failed: `.
"""

import json
import re
import sys
from pathlib import Path

CASES = re.compile(r"test cases: *(\d+) *\| *(\d+) passed *\| *(\d+) failed *\| *(\d+) skipped")

LINES_OF_A_FAILURE = 30


def count(test):
    """The passed, failed and skipped of one line of a log."""
    if test["result"] == "SKIP":
        return 0, 0, 1
    well = test["result"] in ("OK", "EXPECTEDFAIL")
    cases = CASES.search(test.get("stdout", ""))
    if not cases:
        return (1, 0, 0) if well else (0, 1, 0)
    total, passed, failed, skipped = map(int, cases.groups())
    if failed == 0 and (total + skipped == 0 or not well):
        failed = 1
    return passed, failed, skipped


def main(logs):
    totals = [0, 0, 0]
    for log in logs:
        lines = Path(log).read_text().splitlines() if Path(log).exists() else []
        if not lines:
            print(f"no test ran: {log}")
            totals[1] += 1
        for test in map(json.loads, lines):
            counted = count(test)
            if counted[1]:
                print(f"failed: {test['name']} ({test['result']}) in {Path(log).parts[0]}")
                said = (test.get("stdout", "") + test.get("stderr", "")).splitlines()
                print(*(f"failed: | {line}" for line in said[-LINES_OF_A_FAILURE:]), sep="\n")
            totals = [a + b for a, b in zip(totals, counted)]
    passed, failed, skipped = totals
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
