#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Statistics of rw_suite: against published tables, and how often compare is wrong or blind.

rates.json: operations per second of eight rows in 40 repetitions, which rw_suite sweep
measured on the emulated device (-n 1500 -t 16, op read and write, 1 and 16 segments of 64K).
"""
import json
import math
import os
import random
import re
import subprocess

from suitecase import SUITE, TESTS, has_modules, path, refused, suite, write_lines
from rwproc import eq, true
from rwsuite import compare, stats
from rwsuite.store import open_set, rows
from rwtap import case, run_cases

with open(os.path.join(TESTS, "suite", "rates.json"), encoding="utf-8") as _file:
    RATES = json.load(_file)
SPLITS = 200
LEVEL = 0.05


def near(found, wanted, what, relative):
    true(abs(found - wanted) <= relative * abs(wanted), f"{what}: {found} instead of {wanted}")


@case("Student's t is that of the tables")
def _():
    for confidence, df, wanted in ((0.95, 1, 12.706205), (0.95, 2, 4.302653), (0.95, 4, 2.776445),
                                   (0.99, 10, 3.169273), (0.9, 30, 1.697261), (0.999, 5, 6.868827),
                                   (0.95, 1e6, 1.959966), (0.5, 3, 0.764892)):
        near(stats.t_quantile(confidence, df), wanted, f"t({confidence}, {df})", 1e-6)
        near(stats.t_two_sided(wanted, df), 1 - confidence, f"p({wanted}, {df})", 1e-5)
    eq(stats.t_two_sided(0, 5), 1.0, "p of 0")


@case("ratios by Welch's t, and intervals that hold the truth as often as they say")
def _():
    found = stats.contrast([10, 11, 9.5, 10.5], [12, 15, 11, 14, 13.5])
    near(found.ratio, math.exp(sum(map(math.log, (12, 15, 11, 14, 13.5))) / 5
                               - sum(map(math.log, (10, 11, 9.5, 10.5))) / 4), "ratio", 1e-12)
    true(found.low < found.ratio < found.high and found.low > 1 and found.p < 0.05, f"{found}")
    rng, hits, tries = random.Random(1), 0, 1000
    for _ in range(tries):
        first = [rng.lognormvariate(5, 0.1) for _ in range(5)]
        second = [rng.lognormvariate(5 + math.log(1.3), 0.3) for _ in range(4)]
        found = stats.contrast(first, second)
        hits += found.low <= 1.3 <= found.high
    true(930 <= hits <= 980, f"{hits} of {tries} intervals of 95 % hold the truth")
    eq(stats.contrast([3, 3], [3, 3]), (1, 1, 1, 1), "counts that repeat")
    eq(stats.contrast([3, 3], [6, 6])[3], 0, "p of counts that differ")
    eq(stats.contrast([3], [6, 6]), None, "too few")
    eq(stats.mean_interval([7]).high, math.inf, "the interval of one value")


@case("Holm's correction, by his rule")
def _():
    eq([round(p, 9) for p in stats.holm([0.01, 0.04, 0.03, 0.005])], [0.03, 0.06, 0.06, 0.02],
       "adjusted p")
    eq(stats.holm([0.9, 0.8]), [1.0, 1.0], "never above 1")
    eq(stats.holm([]), [], "of none")


@case("outliers: the far one, and none among alike or few")
def _():
    eq(stats.outliers([100, 101, 99, 100.5, 130, 99.5]), [4], "outliers")
    eq(stats.outliers([100, 100, 100, 100, 100.5]), [], "practically the same")
    eq(stats.outliers([1, 1, 1, 50]), [], "too few to tell")


# ---- result sets of figures that are known

def line(row, repetition, rate, kind="ib_rw_bw"):
    op, way, sges = row.split()
    elapsed = 10 ** 9
    report = {"test_info": {"program": kind, "version": "0"},
              "results": [{"op": op, "path": way, "sges": int(sges), "MsgSize": 65536,
                           "n_iterations": rate, "elapsed_ns": elapsed, "t_typical": 1e6 / rate,
                           "cpu_thread_ns_per_operation": 1e9 / rate}]}
    return {"format": 1, "id": f"{row} {repetition}", "part": "p", "program": kind,
            "point": {"sges": int(sges)}, "repetition": repetition, "block": repetition,
            "bed": "emulated", "status": 0, "error": None, "report": report}


def runs_of(columns, slower=None, **more):
    """Runs of the repetitions @columns of RATES; rows of @slower: {row: share} are so much slower."""
    return [line(row, number, round(rates[at] * (1 - (slower or {}).get(row, 0))), **more)
            for row, rates in RATES.items() for number, at in enumerate(columns)]


def different(before, after):
    found, _ = compare.compare(compare.samples(before), compare.samples(after), 1 - LEVEL)
    eq(len(found), len(RATES), "rows")
    return [one for one in found if one.different]


def halves(rng, size=20):
    columns = list(range(40))
    rng.shuffle(columns)
    return columns[:size], columns[size:2 * size]


def binomial_limit(n, share):
    """So many of @n are exceeded once in 1000 tests."""
    chance, k = 0.0, -1
    while chance < 0.999:
        k += 1
        chance += math.comb(n, k) * share ** k * (1 - share) ** (n - k)
    return k


@case("200 splits of one measured set: no more false alarms than the level allows")
def _():
    rng = random.Random(2)
    alarms = sum(bool(different(*map(runs_of, halves(rng)))) for _ in range(SPLITS))
    true(alarms <= binomial_limit(SPLITS, LEVEL), f"{alarms} of {SPLITS} splits")
    print(f"# {alarms} of {SPLITS} measured splits had a false alarm; {LEVEL:.0%} are allowed")


def noisy(rng, repetitions=6, slower=0.0):
    """Runs of normal noise of 2 %, half of which is of the block: rows depend on each other."""
    blocks = [rng.gauss(0, 0.014) for _ in range(repetitions)]
    return [line(row, number, round(1e6 * math.exp(block + rng.gauss(0, 0.014)) * (1 - slower)))
            for row in RATES for number, block in enumerate(blocks)]


@case("200 synthetic pairs whose rows share their blocks' noise: the same")
def _():
    rng = random.Random(3)
    alarms = sum(bool(different(noisy(rng), noisy(rng))) for _ in range(SPLITS))
    true(alarms <= binomial_limit(SPLITS, LEVEL), f"{alarms} of {SPLITS} pairs")
    print(f"# {alarms} of {SPLITS} synthetic pairs had a false alarm; {LEVEL:.0%} are allowed")


@case("a row made 5 % slower is found, and no other, where repetitions suffice")
def _():
    rng = random.Random(4)
    found = others = 0
    for _ in range(SPLITS):
        before, after = noisy(rng), noisy(rng)
        for one in after:
            if one["id"].startswith("read mr 16"):
                row = one["report"]["results"][0]
                row["n_iterations"] = round(row["n_iterations"] * 0.95)
        labels = {one.label for one in different(before, after)}
        mine = {label for label in labels if label.startswith("p read mr 65536B 16sg")}
        found += bool(mine)
        others += bool(labels - mine)
    # Of 5 % with noise of 2 % in 6 + 6 repetitions Holm's correction of 8 rows lets most through.
    true(found >= 0.6 * SPLITS, f"found in {found} of {SPLITS}")
    true(others <= binomial_limit(SPLITS, LEVEL), f"others in {others} of {SPLITS}")
    print(f"# a 5 % slower row: found in {found} of {SPLITS}, another blamed in {others}")
    found = sum(len(different(noisy(rng, 12), noisy(rng, 12, slower=0.05))) == len(RATES)
                for _ in range(50))
    true(found >= 45, f"a whole set 5 % slower in 12 repetitions: all rows found in {found} of 50")


# ---- the command

@case("compare tells figures, and --fail-if-slower fails where it must")
def _():
    columns = halves(random.Random(5))
    same = [write_lines(path(name), runs_of(one)) for name, one in zip("ab", columns)]
    out, _ = suite("compare", *same, "--fail-if-slower=5%")
    true("8 rows, 0 significantly different" in out, out)
    row = min(RATES, key=lambda row: stats.stdev(RATES[row]) / stats.fmean(RATES[row]))
    slow = write_lines(path("slow"), runs_of(columns[0], {row: 0.30}))
    out, _ = suite("compare", same[0], slow)  # no limit, no failure
    op, way, sges = row.split()
    told = [one for one in out.splitlines() if one.endswith("slower")]
    eq(len(told), 1, "rows that are slower")
    true(told[0].startswith(f"p {op} {way} 65536B {sges}sg") and " -30.0% " in told[0], told[0])
    suite("compare", same[0], slow, "--fail-if-slower=25%", status=1)
    suite("compare", same[0], slow, "--fail-if-slower=35%")
    suite("compare", slow, same[0], "--fail-if-slower=1%")  # faster is no failure
    # Of times more is worse.
    suite("compare", same[0], slow, "--figure=cpu_thread_ns_per_operation",
          "--fail-if-slower=40%", status=1)
    times = [write_lines(path("lat" + name), runs_of(columns[0], slower, kind="ib_rw_lat"))
             for name, slower in (("a", {}), ("b", {row: 0.30}))]
    out, _ = suite("compare", *times, "--fail-if-slower=40%", status=1)
    true("median latency" in out and "+42.9%" in out, out)


@case("only what both sets measured twice is compared, and it is said")
def _():
    columns = halves(random.Random(6), 3)
    few = runs_of(columns[0])
    first = write_lines(path("few"), few)
    without = [one for one in runs_of(columns[1]) if not one["id"].startswith("read direct 1 ")]
    without = [one for one in without if not one["id"].startswith("read mr 1 ")
               or one["repetition"] == 0]
    second = write_lines(path("without"), without)
    out, _ = suite("compare", first, second)
    true("6 rows, " in out and "2 rows were not compared" in out, out)
    once = write_lines(path("once"), runs_of(columns[0][:1]))
    refused(2, "compare", first, once, words=("measured twice",))
    refused(2, "compare", first, path("nothing"), words=("nothing", "result set"))
    refused(2, "compare", first, second, "--fail-if-slower=x", words=("5%",))
    refused(2, "compare", first, second, "--confidence=95", words=("0.95",))


@case("a failed run counts for nothing, and a repeated one by its last line")
def _():
    bad = {**line("read mr 1", 0, 1), "status": 1, "error": "x", "report": None}
    again = [bad, line("read mr 1", 0, 500), line("read mr 1", 1, 700), {**bad, "id": "other"}]
    flat = list(rows(open_set(write_lines(path("again"), again))))
    eq([row["operations_per_s"] for row in flat], [500, 700], "rates")
    eq([row["bytes_per_s"] for row in flat], [500 * 65536, 700 * 65536], "bytes")
    with open(os.path.join(path("again"), "runs.jsonl"), "a", encoding="utf-8") as file:
        file.write("{}\n")
    refused(1, "compare", path("again"), path("again"), words=("line 5", "damaged"))
    good = line("read mr 1", 0, 500)
    for wrong in ({**good, "point": "x"}, {**good, "status": None}, {**good, "report": []}, [],
                  {key: good[key] for key in good if key != "report"}):
        refused(1, "compare", write_lines(path("wrong"), [wrong]), path("again"), words=("line 1",))
    for text in "[" * 100000, '{"format": NaN}':
        with open(os.path.join(path("wrong"), "runs.jsonl"), "w", encoding="utf-8") as file:
            file.write(text + "\n")
        refused(1, "compare", path("wrong"), path("again"), words=("line 1", "damaged"))


@case("columns A and B differ by B - A")
def _():
    sets = [write_lines(path(f"means{number}"),
                        [line("read mr 1", at, rate) for at, rate in enumerate(rates)])
            for number, rates in enumerate(((100, 400), (400, 402)))]
    out, _ = suite("compare", *sets)
    before, after, change = re.search(r"([\d.e+-]+) +([\d.e+-]+) +2/2 +([+-][\d.]+)%", out).groups()
    near(float(after) / float(before), 1 + float(change) / 100, "B / A", 1e-3)


@case("a full standard output is told in one line")
def _():
    sets = write_lines(path("full"), [line("read mr 1", at, 100 + at) for at in range(3)])
    for verb in ("compare", sets, sets), ("--help",):
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run([*SUITE, *verb], stdout=full, stderr=subprocess.PIPE, text=True,
                                  check=False)
        eq((done.returncode, len(done.stderr.splitlines())), (1, 1), done.stderr)
        true("No space left" in done.stderr, done.stderr)


if has_modules("json"):
    run_cases()
