#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""ib_rw_lat on the emulated ConnectX: what it counts, and that its figures fit each other."""
import os
import statistics
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# pylint: disable=wrong-import-position
from emucase import PERFTEST_KEYS, good_latencies, latency, main, near, server_of
from rwproc import CORRUPT, LATENCY, PEER, client, eq, true
from rwtap import case, consistent, refused

COUNT = 230  # no multiple of a block
ENGINES = "umr", "umr_ptr", "reg"
PATHS = "--path=direct,mr,auto"
SEGMENTS = "-s", "64K", "--sges=16"  # more than max_sgl_rd


def check_matrix(op, engine, *limit):
    run = latency(f"--op={op}", f"--engine={engine}", PATHS, *SEGMENTS, "--verify", *limit)
    rows = good_latencies(run, engine=engine, rows=3)
    eq([row["path"] for row in rows], ["direct", "mr", "auto"], "paths")
    counts = [row["n_iterations"] for row in rows]
    # Round after round: each row has had as many blocks, of as many operations.
    eq(len(set(counts)), 1, f"counts {counts}")
    eq([row["mr_operations"] for row in rows], [0, counts[1], counts[2] * (op == "read")],
       "operations that took MRs")
    for path in ("MR", "auto"):
        true(f" # {path} - direct at 65536 bytes in 16 segments: " in run.out,
             f"the contrast of {path} is printed")
    return rows


for an_op in "read", "write":
    for an_engine in ENGINES:
        @case(f"{an_op} with {an_engine}, -n {COUNT}")
        def _(op=an_op, engine=an_engine):
            rows = check_matrix(op, engine, "-n", COUNT)
            eq(rows[0]["n_iterations"], COUNT, "operations")
            true(rows[0]["blocks"] >= 50, f"{rows[0]['blocks']} blocks")

        @case(f"{an_op} with {an_engine}, -D 1")
        def _(op=an_op, engine=an_engine):
            rows = check_matrix(op, engine, "-D", 1)
            true(sum(row["elapsed_ns"] for row in rows) >= 3e9, "a second for each row")
            true(rows[0]["n_iterations"] > 100, "some operations")


@case("MRs that are never invalidated have no time for it")
def _():
    run = latency(PATHS, *SEGMENTS, "-n", 100, "--invalidate=never")
    rows = good_latencies(run, engine="umr", verified=False, rows=3, alone=False)
    eq([bool(row["registration_alone_ns"]) for row in rows], [False, True, True], "registration")
    eq([row["invalidation_alone_ns"] for row in rows], [None] * 3, "invalidation")


@case("percentiles as they were asked for, in their own words")
def _():
    run = latency(PATHS, *SEGMENTS, "-D", 1, "--percentiles=0,25.50,99.999,100,50")
    for row in good_latencies(run, engine="umr", verified=False, rows=3):
        listed = row["percentiles_ns"]
        eq(set(listed), {"0", "25.50", "99.999", "100", "50"}, "percentiles")
        near(listed["100"], row["t_max"] * 1e3, "the 100th percentile", absolute=0.51)
        near(listed["0"], row["t_min"] * 1e3, "percentile 0", relative=1 / 1024, absolute=1)
    true("  p25.50 " in run.out and "  p99.999 " in run.out, "columns of the table")


# ---- each sample

def rank(samples, percent):
    """The one at ceil(percent / 100 * n), in order; n is an integer and so is 10 percent."""
    parts = round(percent * 1000)
    return sorted(samples)[max(-(-parts * len(samples) // 100000), 1) - 1]


@case("-U: the figures are those of the samples")
def _():
    run = latency(PATHS, *SEGMENTS, "-n", COUNT, "-q", 2, "-t", 3, "-U", "-H")
    for row in good_latencies(run, engine="umr", verified=False, rows=3):
        samples = row["samples_ns"]
        eq((len(samples), row["n_iterations"]), (2 * COUNT, 2 * COUNT), "samples, operations")
        # They are whole nanoseconds.
        near(row["t_min"] * 1e3, min(samples), "t_min", absolute=0.51)
        near(row["t_max"] * 1e3, max(samples), "t_max", absolute=0.51)
        near(row["t_avg"] * 1e3, statistics.mean(samples), "t_avg", absolute=0.51)
        near(row["t_stdev"] * 1e3, statistics.stdev(samples), "t_stdev", absolute=0.51)
        for percent, value in row["percentiles_ns"].items():
            exact = rank(samples, float(percent))
            true(exact - 0.51 <= value <= exact * (1 + 1 / 1024) + 0.51,
                 f"p{percent}: {value} for {exact}")
        check_histogram(row["histogram_ns"], samples)
    lines = [line for line in run.out.splitlines() if line.startswith(" 460, ")]
    eq(len(lines), 3, "lines of the last sample")


def check_histogram(buckets, samples):
    """-H: bounds in order, none empty, and in each as many samples as it says."""
    below = -1
    for low, high, count in buckets:
        true(below < low <= high, f"bounds {low} to {high} behind {below}")
        true(high - low <= low / 1024, f"a bucket from {low} to {high} is narrow")
        below = high
        eq(sum(low <= sample <= high for sample in samples), count, f"samples {low} to {high}")
        true(count > 0, "no empty bucket")
    eq(sum(count for _, _, count in buckets), len(samples), "counted")


@case("-H without -U: as many as there were operations")
def _():
    run = latency(*SEGMENTS, "--path=direct,mr", "-n", COUNT, "-H")
    for row in good_latencies(run, engine="umr", verified=False, rows=2):
        eq(sum(count for _, _, count in row["histogram_ns"]), COUNT, "counted")
        true("samples_ns" not in row, "no samples")
    eq(run.out.count(" # histogram: "), 2, "histograms printed")


@case("-C: the same times, in ticks of the clock that took them")
def _():
    run = latency(*SEGMENTS, "--path=direct,mr", "-n", COUNT, "-C", "-U", "-H")
    info = run.report["test_info"]
    eq(info["latency_unit"], "cycles", "unit")
    ns = {row["percentiles_ns"]["50"] / row["t_typical"] for row in run.rows}
    tick = ns.pop()
    for other in ns:
        near(other, tick, "ns of a tick")
    true(info["connection"]["tsc"] and 0.1 <= tick <= 100 or tick == 1, f"ns of a tick: {tick}")
    for row in good_latencies(run, unit_ns=tick, engine="umr", verified=False, rows=2):
        near(row["t_avg"] * tick, statistics.mean(row["samples_ns"]), "t_avg", absolute=0.51)
        for low, high, count in row["histogram_ns"]:
            line = f" #   {low / tick:<12.0f} {high / tick:<12.0f} {count}\n"
            true(line in run.out, f"histogram in cycles: {line}")
    true("t_avg[cycles]" in run.out and "[usec]" not in run.out, "the table's unit")


@case("one operation: no spread, no contrast, and no figure that is none")
def _():
    run = latency(*SEGMENTS, PATHS, "-n", 1, "-U", "-H")
    eq((run.status, run.err), (0, ""), "status, standard error")
    for row in run.rows:
        consistent(row, "umr")
        eq((row["n_iterations"], row["t_stdev"], row["blocks"]), (1, 0, 1), "a row of one")
        eq({row[key] for key in PERFTEST_KEYS}, {row["t_avg"]}, "one time")
        eq(len(row["samples_ns"]), 1, "samples")
    eq([list(one.values())[-1] for one in run.report["ratios"]], [None, None], "contrasts")
    eq(run.out.count("not decided, too few operations"), 2, "contrasts in the table")
    for word in "nan", "inf":
        true(word not in run.out.replace("infiniband", ""), f"no {word} in the table")


@case("-a: every size has its group, in turns")
def _():
    run = latency("-a", "--path=direct,mr", "-n", 20, "--engine=umr_ptr")
    eq((run.status, run.err), (0, ""), "status, standard error")
    eq(len(run.rows), 2 * 23, "rows")
    for row in run.rows:
        consistent(row, "umr_ptr")
        eq(row["n_iterations"], 20, "operations")


@case("the other program's server: refused, with what to do")
def _():
    refused(client(server_of(LATENCY), "-F", device="mlx5_1"), PEER, "this server is ib_rw_lat",
            "the same program")


# ---- data

def flip(op, number):
    """Which rows have a wrong byte when the @number-th READ or WRITE of the client gets one."""
    run = latency(f"--op={op}", "--path=direct,mr", "-n", 500, "--verify", fault=f"flip@{number}")
    wrong = [row["path"] for row in run.rows if row["corrupt_bytes"]]
    eq(run.status, CORRUPT if wrong else 0, "exit status")
    for path in wrong:
        true(f"path {path}," in run.err, f"the row in {run.err!r}")
    return wrong


@case("READ: a wrong byte is found, in the row that brought it")
def _():
    # 200 are for the warm-up, and 20 of the next two blocks, one of each row.
    wrong = [flip("read", number) for number in (205, 215)]
    eq(sorted(wrong), [["direct"], ["mr"]], "rows with a wrong byte")


@case("WRITE: a wrong byte is found, in the row that brought it")
def _():
    # The last of either row. What the MR path does alone writes over its last one.
    wrong = [flip("write", number) for number in (1190, 1200)]
    eq(sorted(wrong), [[], ["direct"]], "rows with a wrong byte")


main()
