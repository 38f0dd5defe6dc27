#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Open loop, think times and what is foretold of the pool, on the emulated ConnectX."""
import os
import signal
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# pylint: disable=wrong-import-position
from emucase import check_order, in_tries, latency, main, near, start_latency
from rwproc import LATENCY, OK, PROGRAM, RUN, eq, note, true, wait_until
from rwtap import case, good, refused

STALL_MS = 100
SEGMENTS = "-s", "64K", "--sges=16", "--engine=umr"


# ---- coordinated omission

def stalled(*options):
    """A row of 4000 operations; one after the warm-up takes STALL_MS."""
    run = latency("--path=direct", "-n", 4000, *options, fault="stall@1000", stall_ms=STALL_MS)
    row, = good(run, verified=False, rows=1)
    times = {key: row[key] / 1e3 / STALL_MS for key in ("t_max", "percentile_99.9", "t_typical")}
    note(f"{options}, in stalls: {times}")
    true(times["t_max"] >= 0.9, "the stall is in the row")
    return row, times


def check_omission():
    open_row, opened = stalled("--rate=2000", "--arrival=fixed")
    _, closed = stalled()
    # 200 of 4000 were due while nothing went on, and waited for half a stall on average.
    true(0.9 <= opened["percentile_99.9"] <= 2, "p99.9 of the open loop is about the stall")
    true(opened["percentile_99.9"] > 2 * closed["percentile_99.9"],
         "p99.9 of the closed loop hides the stall")
    # The same run says so: its service times are what a closed loop would have seen.
    service = open_row["open_loop"]["service_ns"]
    true(service["max"] >= 0.9 * STALL_MS * 1e6, "one operation took the stall")
    true(open_row["percentiles_ns"]["99"] > 2 * service["p99"], "p99 beside that of service times")
    true(open_row["open_loop"]["queue_max"] >= 0.9 * 2 * STALL_MS, "arrivals queued")


@case("a stall of the device: the open loop shows it, the closed loop hides it")
def _():
    in_tries(check_omission)


# ---- open loop

def check_open(row, rate):
    what = f"{row['op']} {row['path']}: "
    loop = row["open_loop"]
    split = row["split_mean_ns"]
    check_order(row, 1e3, what)
    eq(loop["offered_per_s"], rate, what + "rate")
    near(sum(split.values()) + loop["queued_mean_ns"], row["t_avg"] * 1e3,
         what + "waiting and the parts are the latency", relative=1e-6)
    if not loop["never_begun"]:  # else what these waited counts, too
        near(loop["queue_mean"], loop["queued_mean_ns"] * row["n_iterations"] / row["elapsed_ns"],
             what + "Little's law", relative=1e-6)
    near(loop["begun_per_s"], row["operations_issued"] * 1e9 / row["elapsed_ns"], what + "begun")
    eq(loop["service_ns"]["count"], row["n_iterations"], what + "service times")
    return loop


for an_arrival in "poisson", "fixed", "burst:50":
    for a_program in LATENCY, PROGRAM:
        @case(f"{os.path.basename(a_program)} --arrival={an_arrival}: every arrival is served")
        def _(arrival=an_arrival, program=a_program):
            run = latency("--rate=4000", f"--arrival={arrival}", "-n", 1000, "-t", 4,
                          "--path=direct,mr,auto", "--verify", *SEGMENTS, program=program)
            for row in good(run, engine="umr", rows=3):
                loop = check_open(row, 4000)
                eq((row["n_iterations"], loop["never_begun"]), (1000, 0), "served")
                # A burst finds four contexts, the others queue.
                true(arrival != "burst:50" or loop["queue_max"] >= 46, "queue of a burst")
                true(row["elapsed_ns"] >= 0.2e9, "1000 arrivals take their time")
            true(" # open loop: 4000 operations/s were to begin" in run.out, "it is told")


@case("a rate that cannot be reached is told, and nothing is dropped in silence")
def _():
    run = latency("--rate=5000", "--arrival=fixed", "-D", 1, "--path=direct",
                  cost_latency_ns=1000000)
    row, = good(run, verified=False, rows=1)
    loop = check_open(row, 5000)
    eq(loop["reached"], False, "reached")
    # One after the other, of a millisecond each.
    true(0 < row["n_iterations"] <= row["elapsed_ns"] / 1e6, "operations begun")
    due = row["n_iterations"] + loop["never_begun"]
    true(4999 <= due <= 5000 * row["elapsed_ns"] / 1e9 + 1, f"{due} were due")
    true(loop["queue_max"] >= loop["never_begun"], "queue")
    true(f"{loop['never_begun']} operations were due and never begun" in run.out, "it is told")


@case("-n ends when the last arrival was served, however late")
def _():
    run = latency("--rate=100000", "-n", 300, "--path=direct", cost_latency_ns=1000000)
    row, = good(run, verified=False, rows=1)
    loop = check_open(row, 100000)
    eq((row["n_iterations"], loop["never_begun"], loop["reached"]), (300, 0, False), "served")


@case("contexts that think: a closed loop with pauses")
def _():
    run = latency("--think_us=2000", "-n", 400, "-t", 4, "--path=direct,auto", *SEGMENTS)
    for row in good(run, engine="umr", verified=False, rows=2):
        check_order(row, 1e3, row["path"])
        eq((row["n_iterations"], row["open_loop"]), (400, None), "operations, open loop")
        near(sum(row["split_mean_ns"].values()) - row["split_mean_ns"]["plan"],
             row["t_avg"] * 1e3, "the parts", relative=1e-6)
        # 100 pauses of each context: never in a fraction of their mean's time.
        true(row["elapsed_ns"] >= 0.1e9, "they take their time")


# ---- what is foretold

def erlang_b(load, servers):
    share = 1.0
    for n in range(1, servers + 1):
        share = load * share / (n + load * share)
    return share


def engset(sources, load, servers):
    """Share of arrivals of @sources, each of @load while it is idle, that find all taken."""
    share = 1.0
    for n in range(1, servers + 1):
        share = (sources - n) * load * share / (n + (sources - n) * load * share)
    return share


def pooled(*options):
    """A run whose load is what the model takes it for: one that a busy host froze is not."""
    return in_tries(lambda: pooled_once(*options))


def pooled_once(*options):
    run = latency("--path=auto", "-t", 40, "--pool_target=1e-3", *SEGMENTS, *options,
                  cost_latency_ns=5000000)
    row, = good(run, engine="umr", verified=False, rows=1)
    low, high = row["exhaustion_share_low"], row["exhaustion_share_high"]
    true(0 <= low <= row["exhaustion_share"] <= high <= 1, f"interval {low} to {high}")
    surprised = "not what the model takes it for" in run.out
    eq(row["pool_for_target"] is None, surprised, "a pool is named only where the model holds")
    eq(surprised, False, "the load was not what the model takes it for")
    return run, row


def smallest(share_of, target=1e-3):
    return next(n for n in range(1, 1000) if share_of(n) <= target)


@case("Erlang B of the measured hold time is foretold, and the pool for a target")
def _():
    run, row = pooled("--rate=1000", "--mr_pool=6", "-n", 1000)
    load = 1000 * row["mr_hold_mean_ns"] / 1e9
    eq(row["exhaustion_model"], "Erlang B", "model")
    near(row["exhaustion_share_predicted"], erlang_b(load, 6), "share foretold", relative=1e-6)
    wanted = smallest(lambda n: erlang_b(load, n))
    eq(row["pool_for_target"], wanted, "pool for a target")
    true(f"{wanted} MRs" in run.out or str(wanted) in run.out, "it is told")


@case("the arrivals of an open loop reach each QP's pool as Poisson arrivals")
def _():
    def check():
        _, row = pooled("-q", 4, "--rate=1600", "--mr_pool=3", "-n", 500)
        load = 400 * row["mr_hold_mean_ns"] / 1e9
        near(row["exhaustion_share_predicted"], erlang_b(load, 3), "share foretold",
             relative=1e-6)
        # One QP after the other in long runs: more than a half. In turn: hardly any.
        near(row["exhaustion_share"], erlang_b(load, 3), "share", relative=0.35)
    in_tries(check)


@case("Engset's formula for contexts that think and drop what finds no MR")
def _():
    _, row = pooled("--think_us=20000", "--mr_pool=6", "-n", 1000, "--on_exhaustion=fail")
    load = row["mr_hold_mean_ns"] / 20e6
    eq(row["exhaustion_model"], "Engset", "model")
    near(row["exhaustion_share_predicted"], engset(40, load, 6), "share foretold", relative=1e-6)
    eq(row["pool_for_target"], smallest(lambda n: engset(40, load, n)), "pool for a target")


# ---- interrupted

@case("interrupted: what was done so far, and no figure that is none")
def _():
    for rate in 1000, 1:  # of 1 a second hardly any was begun
        for seconds in 0.2, 0.5, 2, 5, 20:  # the host says how long until something was measured
            process = start_latency(f"--rate={rate}", "-n", 1000000, "-t", 4, "-U", "-H",
                                    "--path=direct,mr,auto", *SEGMENTS)
            try:
                wait_until(lambda: "#bytes" in process.out, "the table begins")
                time.sleep(seconds)
                process.send(signal.SIGINT)
            finally:
                run = process.finish()
            for word in "nan", "inf ":
                true(word not in run.out, f"no {word} in the table")
            if not run.status:
                break
            refused(run, RUN, "interrupted before anything was measured", name="ib_rw_lat")
        eq((run.status, run.err), (OK, ""), "exit status, standard error")
        eq([row["interrupted"] for row in run.rows], [True], "rows")


main()
