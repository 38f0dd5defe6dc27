#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""rw_suite tune on the emulated ConnectX, with costs set so that the crossover is known."""
import json
import os

from suitecase import lines_of, on_the_bed, path, refused, suite
from rwproc import eq, true
from rwtap import case, run_cases

# Of an SGE and of a LOCAL_INV: mr is better from the first count above 1 + INV / SGE on, 3.
SGE_NS, INV_NS = 40000, 60000
COSTS = {"RW_EMU_COST_SGE_NS": str(SGE_NS), "RW_EMU_COST_INV_NS": str(INV_NS)}
FEW = ("--op=read", "--size=16K", "--max_sges=8", "--iters=60", "--metric=latency")


def tuned_of(results):
    with open(os.path.join(results, "tune.json"), encoding="utf-8") as file:
        return json.load(file)


@case("a crossover at 3 segments is in the interval, and a second call measures nothing again")
def _():
    results = path("known")
    out, _ = suite("tune", results, *FEW, **COSTS)
    found = tuned_of(results)["crossovers"]
    eq(len(found), 1, "searches")
    found = found[0]
    eq((found["op"], found["size"], found["metric"]), ("read", 16384, "latency"), "what")
    eq(found["verdict"], "crossover", "verdict")
    true(found["low"] <= 3 <= found["high"], f"{found['low']} to {found['high']} holds 3")
    eq(found["recommended_max_sgl_rd"], [max(1, found["low"] - 1), found["high"] - 1], "advice")
    true(out.startswith("NOTE: Emulated device"), "the bed's note comes first")
    true("max_sgl_rd at present: 3 (firmware)" in out, out)
    lines = lines_of(results)
    eq(len({line["id"] for line in lines}), len(lines), "runs of an id of their own")
    counts = {line["point"]["sges"] for line in lines}
    true(found["runs"] == len(lines) and len(counts) < 8, f"counts {counts}: not all of 8")
    suite("tune", results, *FEW, **COSTS)
    eq(len(lines_of(results)), len(lines), "runs after a second call")
    eq(tuned_of(results)["crossovers"][0], found, "what it says then")


@case("no crossover is said so, and direct is recommended")
def _():
    results = path("none")
    out, _ = suite("tune", results, *FEW, RW_EMU_COST_INV_NS="200000")
    eq(tuned_of(results)["crossovers"][0]["verdict"], "none", "verdict")
    true("no crossover up to 8 segments" in out and "0 (off)" in out, out)


@case("the pool that it names keeps to the share when it is measured")
def _():
    results = path("pool")
    out, _ = suite("tune", results, *FEW[:2], *FEW[3:], "--max_sges=2", "--pool_target=0.05",
                   "--pool_contexts=32", "--pool_sges=4", "--rate=4000",
                   RW_EMU_COST_LATENCY_NS="1000000", **COSTS)
    pool = tuned_of(results)["pools"][0]
    # 4000 a second for a ms each are 4 in flight on average: Erlang B has 5 % with 8 MRs.
    true(6 <= pool["size"] <= 32, f"{pool}: Erlang B's, and no more than are in flight")
    true(pool["share"] <= 0.05, f"share {pool['share']}")
    mine = [line for line in lines_of(results) if line["point"].get("mr_pool") == pool["size"]]
    rows = [row for line in mine for row in line["report"]["results"]]
    eq(pool["share"], sum(row["exhaustions"] for row in rows) / sum(row["mr_wanted"] for row in rows),
       "its share, from the raw rows")
    true(f"a pool of {pool['size']} MRs" in out, out)


@case("what cannot be tuned is refused in one line")
def _():
    refused(2, "tune", path("no"), "--size=64Q", words=["no size"])
    refused(2, "tune", path("no"), "--metric=speed", words=["bandwidth,cpu,latency"])
    refused(2, "tune", path("no"), "--max_sges=1", words=["--max_sges"])
    refused(2, "tune", path("no"), "--pool_target=2", words=["below 1"])
    refused(2, "tune", path("no"), *FEW, "--option=sgess=3", words=["sgess"])
    for option in "sges=4", "size=4K", "op=write", "path=mr", "iters=5", "tx-depth=4", "ib-dev=x", "json=x":
        refused(2, "tune", path("no"), *FEW, "--option=" + option, words=[option, "leave it out"])


if on_the_bed():
    run_cases()
