#!/usr/bin/env python3
"""How good the choice of lanes is: a simulation beside the best assignment that hindsight can find.

A greenlet stays on the lane that it was given when it started, since its frames have addresses. A
visit to one whose lane is occupied by another is an eviction. Each order of visits below is run with
several rules for that choice, and then with an assignment made by hindsight: exact where all can be
tried, else the best of many local searches, which is a bound from above of what is possible.

usage: tools/lanes.py [--lanes N] [--greenlets N] [--visits N] [--seed N]
Prints a table of evictions per visit.
"""

import argparse
import itertools
import random
from collections import Counter


def evictions(lane_of, visits):
    """How many visits find another on their lane."""
    there, count = {}, 0
    for one in visits:
        lane = lane_of[one]
        count += there.get(lane, one) != one
        there[lane] = one
    return count


# --- rules: each sees what a thread knows when a greenlet starts, at its first visit ---

def assign(visits, lanes, choose):
    """The assignment that `choose(users, evicted, lanes)` makes, online, one start at a time."""
    lane_of, there = {}, {}
    users, evicted = Counter(), Counter()
    for one in visits:
        if one not in lane_of:
            lane_of[one] = choose(users, evicted, lanes)
            users[lane_of[one]] += 1
        lane = lane_of[one]
        evicted[lane] += there.get(lane, one) != one
        there[lane] = one
    return lane_of


RULES = {
    "fewest users": lambda users, evicted, lanes: min(range(lanes), key=lambda i: users[i]),
    "fewest evictions": lambda users, evicted, lanes: min(
        range(lanes), key=lambda i: (evicted[i], users[i])),
    "at random": lambda users, evicted, lanes: random.randrange(lanes),
}


# --- hindsight ---

def best_of_all(visits, lanes):
    """Tries every assignment, up to the names of the lanes."""
    everyone = sorted(set(visits))
    best = None
    for choice in itertools.product(range(lanes), repeat=len(everyone)):
        used = -1
        for lane in choice:  # a lane is first used in the order of its number
            if lane > used + 1:
                break
            used = max(used, lane)
        else:
            count = evictions(dict(zip(everyone, choice)), visits)
            best = count if best is None else min(best, count)
    return best


def best_found(visits, lanes, starts):
    """Moves one greenlet at a time as long as that helps, from each of the given assignments."""
    everyone = sorted(set(visits))
    best = None
    for lane_of in starts:
        lane_of = dict(lane_of)
        now = evictions(lane_of, visits)
        helped = True
        while helped:
            helped = False
            for one in random.sample(everyone, len(everyone)):
                for lane in range(lanes):
                    before, lane_of[one] = lane_of[one], lane
                    count = evictions(lane_of, visits)
                    if count < now:
                        now, helped = count, True
                    else:
                        lane_of[one] = before
        best = now if best is None else min(best, now)
    return best


# --- orders of visits ---

def arriving(count, visits):
    """The same order if they start one by one during its first half, each with a first visit; a visit
    to one that is yet to come goes to another."""
    made, started = [], 0
    for position, one in enumerate(visits):
        while started < count and started <= position * 2 * count // len(visits):
            made.append(started)
            started += 1
        made.append(one % started)
    return made

def uniform(count, visits):
    return [random.randrange(count) for _ in range(visits)]


def in_turn(count, visits):
    return [i % count for i in range(visits)]


def skewed(count, visits):
    """Few are hot, and anybody may be: the n-th most popular is visited 1/n as often as the first."""
    popular = random.sample(range(count), count)
    return random.choices(popular, [1 / (n + 1) for n in range(count)], k=visits)


def hot_first(count, visits):
    """As many as eight started first and are visited nine times in ten."""
    return [random.randrange(8) if random.random() < 0.9 else random.randrange(count)
            for _ in range(visits)]


def phases(count, visits):
    """For some time eight of them work together, then eight others."""
    made = []
    while len(made) < visits:
        group = random.sample(range(count), min(8, count))
        made += [random.choice(group) for _ in range(visits // 10)]
    return made[:visits]


def adverse(count, visits, lanes):
    """Those that the fewest users put on one lane, by turns: as bad as it can be for that rule."""
    group = list(range(0, count, lanes))
    return [group[i % len(group)] for i in range(visits)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lanes", type=int, default=8)
    parser.add_argument("--greenlets", type=int, default=48)
    parser.add_argument("--visits", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    lanes, count, length = chosen.lanes, chosen.greenlets, chosen.visits
    orders = {
        "uniform": uniform, "in turn": in_turn, "skewed": skewed, "hot ones first": hot_first,
        "phases": phases, "adverse": lambda n, m: adverse(n, m, lanes),
    }
    print(f"{lanes} lanes, {count} greenlets, {length} visits, seed {chosen.seed}: evictions per visit")
    print("| order | " + " | ".join(RULES) + " | best found by hindsight |")
    print("|---|" + "---|" * (len(RULES) + 1))
    for name, order in orders.items():
        random.seed(chosen.seed)
        visits = arriving(count, order(count, length))
        made = {rule: assign(visits, lanes, choose) for rule, choose in RULES.items()}
        counts = [evictions(lane_of, visits) for lane_of in made.values()]
        if lanes ** count <= 70_000:
            best = best_of_all(visits, lanes)
        else:
            starts = list(made.values())
            starts += [{one: random.randrange(lanes) for one in range(count)} for _ in range(3)]
            best = best_found(visits, lanes, starts)
        print(f"| {name} | " + " | ".join(f"{each / len(visits):.2f}" for each in [*counts, best]) + " |")


if __name__ == "__main__":
    main()
