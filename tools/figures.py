#!/usr/bin/env python3
"""What a run of the benchmarks came to, from the file that it leaves.

    tools/figures.py table FILE          the ratios that the library is built for
    tools/figures.py plots FILE FOLDER   the same run as pictures

Ratios are of medians, since neighbours on the machine only ever make things slower, now and then;
those of the minima stand beside them. docs/performance.md says what is measured.
"""

import json
import re
import statistics
import sys
from pathlib import Path

from chart import chart

# work, against (all added up; none: the figure stands for itself), what it may be at most
BARS = [
    ("diff/switch_to", ["diff/boost_jump"], 0.60),
    ("diff/coroutine", ["diff/boost_jump"], 0.32),
    ("deep/coroutine", ["deep/boost_jump"], 0.30),
    ("deep/switch_to", ["deep/boost_jump"], 0.40),
    ("copy/lane/256", ["copy/two_memcpys/256", "same/six_registers"], 1.25),
    ("copy/lane/4096", ["copy/two_memcpys/4096"], 1.10),
    ("copy/lane/65536", ["copy/two_memcpys/65536"], 1.10),
    ("create/lane", ["create/boost_fiber_pooled"], 0.50),
    ("random_ahead/lane/100000", ["random/boost_jump/100000"], 0.30),
    ("random_ahead/lane/1000000", ["random/boost_jump/1000000"], 0.30),
    ("rr/lane/1000000", ["rr/boost_jump/1000000"], 0.30),
    ("random/dedicated/100000", ["random/boost_jump/100000"], 0.30),
    ("random/dedicated/1000000", ["random/boost_jump/1000000"], 0.30),
    ("rr/dedicated/1000000", ["rr/boost_jump/1000000"], 0.30),
    ("bytes/lane/1000000", [], 420),
    ("timers/time_outs/hub/100000", ["timers/time_outs/priority_queue/100000"], 1),
    ("timers/sleeps/hub/100000", ["timers/sleeps/priority_queue/100000"], 1),
    ("timers/sleeps/hub/1000000", ["timers/sleeps/priority_queue/1000000"], 1),
]


class Figures:
    """The repetitions of each benchmark: nanoseconds, or bytes."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        if not text:
            sys.exit("no benchmark has run: the filter matches none")
        run = json.loads(text)
        self.context = run["context"]
        self.samples = {}
        for each in run["benchmarks"]:
            if each["run_type"] == "iteration" and not each.get("error_occurred"):
                name = re.sub("/(iterations|repeats):.*", "", each["name"])
                figure = each.get("bytes", each["cpu_time"])
                self.samples.setdefault(name, []).append(figure)

    def has(self, *names):
        return all(name in self.samples for name in names)

    def median(self, *names):
        """The sum of their medians."""
        return sum(statistics.median(self.samples[name]) for name in names)

    def minimum(self, *names):
        return sum(min(self.samples[name]) for name in names)


def print_table(figures):
    print("| work | against | ratio | of minima | at most | |")
    print("|---|---|---|---|---|---|")
    for work, against, bar in BARS:
        beside = " + ".join(against) or "bytes each"
        if not figures.has(work, *against):
            print(f"| {work} | {beside} | | | {bar:g} | not measured |")
            continue
        ratio, minima = figures.median(work), figures.minimum(work)
        if against:
            ratio, minima = ratio / figures.median(*against), minima / figures.minimum(*against)
        verdict = "met" if ratio <= bar else "**not met**"
        digits = 2 if against else 0
        print(f"| {work} | {beside} | {ratio:.{digits}f} | {minima:.{digits}f} | {bar:g} | {verdict} |")
    few = min(len(each) for name, each in figures.samples.items() if not name.startswith("bytes"))
    context = figures.context
    print(f"\n{context['cpu']}; {context['compiler']}; {context['build']}; "
          f"at least {few} repetitions of each")


SIZES = {"0": 0, "64": 64, "256": 256, "1 Ki": 1024, "4 Ki": 4096, "16 Ki": 16384, "64 Ki": 65536}
NUMBERS = {"1 000": 1_000, "10 000": 10_000, "100 000": 100_000, "1 000 000": 1_000_000,
           "10 000 000": 10_000_000}
# file, title, below the x axis, beside the y axis, columns, what each line is of
PICTURES = [
    ("cost-by-size", "A switch that copies", "live bytes of each", "ns a switch", SIZES,
     {"on one lane": "copy/lane", "nested": "copy/nested", "two memcpys": "copy/two_memcpys"}),
    ("cost-by-number", "A visit to one of many, 128 live bytes each", "greenlets", "ns a visit",
     NUMBERS,
     {"lane, in order": "rr/lane", "lane, random": "random/lane",
      "lane, random, prefetched": "random_ahead/lane", "dedicated, in order": "rr/dedicated",
      "dedicated, random": "random/dedicated", "Boost jump, in order": "rr/boost_jump",
      "Boost jump, random": "random/boost_jump",
      "six registers, random, prefetched": "random_ahead/six_registers"}),
    ("bytes-by-number", "Memory of one that waits, 128 live bytes", "greenlets", "resident bytes",
     NUMBERS,
     {"lane": "bytes/lane", "coroutine": "bytes/coroutine", "nested": "bytes/nested",
      "dedicated": "bytes/dedicated", "Boost fiber": "bytes/boost_fiber"}),
]


def write_plots(figures, folder):
    for file, title, x_name, y_name, columns, lines in PICTURES:
        series = {}
        for name, of in lines.items():
            found = {column: figures.median(f"{of}/{size}") for column, size in columns.items()
                     if figures.has(f"{of}/{size}")}
            if found:
                series[name] = found
        used = [column for column in columns if any(column in line for line in series.values())]
        if used:
            picture = chart(title, x_name, y_name, used, series)
            Path(folder, file + ".svg").write_text(picture, encoding="utf-8")


def main(verb, path, *rest):
    figures = Figures(path)
    if verb == "table" and not rest:
        print_table(figures)
    elif verb == "plots" and len(rest) == 1:
        write_plots(figures, rest[0])
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
