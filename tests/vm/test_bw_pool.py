#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""ib_rw_bw: the pool of MRs, what happens when it is empty, and that each time is counted."""
import sys
import time

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from rwcase import (CLIENT_DEVICE, DEVICE, USAGE, Client, case, client, eq, good, main,
                    refused, resources, shared_server, true)

CONTEXTS, OPERATIONS = 8, 60
# 64 segments: 1 WR through an MR, 2 WRs when posted directly. So WRs tell the path taken.
SIZE, MRS_OF_16 = "256K", 4


def arguments(op, policy, pool, *options):
    return ("-s", SIZE, "-t", str(CONTEXTS), "--verify", "--op=" + op, f"--mr_pool={pool}",
            "--on_exhaustion=" + policy, *options)


def measure(op, policy, pool, *options):
    options = arguments(op, policy, pool, "--path=mr", "-n", str(OPERATIONS), *options)
    return client(shared_server(), *options)


def check_counts(row, policy, mrs=1, qps=1):
    """An empty pool was met, and each operation has found its end."""
    wanted = OPERATIONS * qps
    eq(row["operations_issued"], wanted, "operations issued")
    # At the start all contexts come at once.
    least = qps * (CONTEXTS - row["mr_pool"] // mrs)
    true(least <= row["exhaustions"] <= wanted, f"exhaustions: {row['exhaustions']}")
    for key, of_policy in (("fallbacks", "fallback"), ("failed", "fail"), ("waits", "wait")):
        eq(row[key], row["exhaustions"] if policy == of_policy else 0, key)
    eq(row["n_iterations"], wanted - row["failed"], "operations that ended")
    through_mrs = row["n_iterations"] - row["fallbacks"]
    true(through_mrs > 0, "some operations had their MRs")
    eq(row["wrs"], mrs * through_mrs + 2 * row["fallbacks"], "WRs")


for an_op in "read", "write":
    for a_policy in "fallback", "fail", "wait":
        def _(op=an_op, policy=a_policy):
            row = good(measure(op, policy, 1), rows=1)[0]
            eq(row["mr_pool"], 1, "pool")
            check_counts(row, policy)
        case(f"{an_op}, 1 MR for 8 contexts, {a_policy}")(_)

        def _(op=an_op, policy=a_policy):
            row = good(measure(op, policy, CONTEXTS), rows=1)[0]
            eq(row["exhaustions"], 0, "exhaustions")
            eq(row["wrs"], OPERATIONS, "WRs")
        case(f"{an_op}, 8 MRs for 8 contexts, {a_policy}: never empty")(_)

for a_policy in "fallback", "fail", "wait":
    def _(policy=a_policy):
        # 5 MRs: one operation has its 4, the next finds 1 and must give it back.
        check_counts(good(measure("read", policy, 5, "--mr_entries=16"), rows=1)[0], policy,
                     MRS_OF_16)
    case(f"4 MRs an operation, a pool of 5, {a_policy}")(_)

    def _(policy=a_policy):
        row = good(measure("read", policy, 1, "-q", "3"), rows=1)[0]
        check_counts(row, policy, qps=3)
    case(f"3 QPs, each with a pool of 1, {a_policy}")(_)

    def _(policy=a_policy):
        # Fewer completions than MRs must not leave everybody waiting.
        for pool in 1, 3:
            row = good(measure("write", policy, pool, "-Q", "8", "-l", "8"), rows=1)[0]
            eq(row["operations_issued"], OPERATIONS, "operations issued")
            true(row["exhaustions"] > 0, "exhaustions")
    case(f"every 8th operation signaled, batches of 8, pools of 1 and 3, {a_policy}")(_)


@case("4 MRs an operation, a pool of 32: never empty")
def _():
    row = good(measure("read", "fallback", CONTEXTS * MRS_OF_16, "--mr_entries=16"), rows=1)[0]
    eq((row["exhaustions"], row["wrs"]), (0, OPERATIONS * MRS_OF_16), "exhaustions and WRs")


@case("a pool too small for one operation: all fall back")
def _():
    row = good(measure("read", "fallback", 3, "--mr_entries=16"), rows=1)[0]
    eq((row["exhaustions"], row["fallbacks"]), (OPERATIONS, OPERATIONS), "exhaustions, fallbacks")
    eq(row["wrs"], 2 * OPERATIONS, "WRs")


for a_policy in "fail", "wait":
    def _(policy=a_policy):
        refused(measure("read", policy, 3, "--mr_entries=16"), USAGE, "needs 4 MRs",
                "the pool has 3", "--mr_pool")
    case(f"a pool too small for one operation, {a_policy}: refused")(_)


@case("-D with a pool of 2: counted, and never more MRs than that")
def _():
    one = Client(shared_server(), *arguments("read", "fallback", 2, "--path=mr", "-D", "2"))
    most = 0
    while one.popen.poll() is None:
        most = max(most, resources()[CLIENT_DEVICE]["mr"])
        time.sleep(0.02)
    row = good(one.finish(), rows=1)[0]
    true(row["exhaustions"] >= 6, "exhaustions")
    eq(row["fallbacks"], row["exhaustions"], "fallbacks")
    # The arena's own, and the pool's.
    true(1 < most <= 3, f"MRs at the same time: {most}")


# ---- path auto: the kernel's rule, with a threshold that rxe itself does not have

for some_options, an_op, wants in (((), "read", False),
                                   (("--max_sgl_rd=63",), "read", True),
                                   (("--max_sgl_rd=64",), "read", False),
                                   (("--max_sgl_rd=3",), "write", False)):
    def _(options=some_options, op=an_op, mr=wants):
        row = good(measure(op, "fallback", CONTEXTS, "--path=auto", *options), rows=1)[0]
        eq((row["path"], row["mr_wanted"]), ("auto", OPERATIONS if mr else 0), "MRs wanted")
        eq(row["wrs"], OPERATIONS * (1 if mr else 2), "WRs")
    case(f"path auto, {an_op} of 64 segments {' '.join(some_options)}: "
         f"{'MR' if wants else 'direct'}")(_)


@case("path auto, 1 MR for 8 contexts: falls back")
def _():
    row = good(measure("read", "fallback", 1, "--path=auto", "--max_sgl_rd=3"), rows=1)[0]
    check_counts(row, "fallback")


@case("engines of other devices are refused with a word on what to do")
def _():
    for engine in "umr", "umr_ptr":
        refused(measure("read", "fallback", 1, "--engine=" + engine), DEVICE,
                f"engine {engine} needs an mlx5 device", "--engine=reg")


@case("both paths: the ratio says how much of the MR row was direct")
def _():
    run = client(shared_server(), *arguments("read", "fallback", 1, "-n", str(OPERATIONS),
                                              "--path=direct,mr"))
    row = good(run, rows=2)[1]
    share = f"{100 * row['fallbacks'] / row['n_iterations']:.1f} % of the MR row fell back"
    true(share in run.out, f"{share!r} in the table")


main()
