#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What a short pool and a short send queue do, on the emulated ConnectX: --sq=kernel,
--teardown, --pool_scope=thread, batches, and the figures of exhaustion."""
from itertools import product

from rwbed import main, tell
from rwjudge import judge_refusal
from rwload import LONG, Load, arguments, some

ENGINES = "umr", "umr_ptr", "reg"
POLICIES = "fallback", "wait", "fail"
BATCHES = (1, 1), (1, 3), (8, 1), (4, 8)  # -l and -Q
OPS = "read", "write"


def load_of(engine, batch, **options):
    """Whole pages take their time: fewer contexts for engine reg."""
    contexts = 4 if engine == "reg" else 8
    return Load(engine=engine, contexts=contexts, post_list=min(batch[0], contexts),
                cq_mod=min(batch[1], contexts), **options)


def rows_of(bed):
    return bed.last.rows if bed.last.report else []


def kernel_sq(bed):
    """Fallbacks of many WRs run into a send queue of 3 WRs per context, and wait there."""
    for key, (engine, op) in enumerate(product(ENGINES, OPS)):
        wrong, stalls = [], 0
        for batch, policy, sges, qps in some((BATCHES, POLICIES, (256, 100), (1, 3)), key):
            load = load_of(engine, batch, op=op, sges=sges, qps=qps, iters=30 // qps + 1,
                           on_exhaustion=policy, sq="kernel")
            load.mr_pool = load.mrs_per_op
            wrong += bed.run(load, paths="mr" if qps > 1 else "direct,mr,auto")
            stalls += sum(row["sq_stalls"] for row in rows_of(bed) if row["fallbacks"])
        if not stalls:
            wrong.append("no fallback found the send queue full")
        tell(f"{bed.mode}: --sq=kernel, {engine} {op}", wrong)
    load = Load(sges=300, contexts=3, sq="kernel")
    tell(f"{bed.mode}: --sq=kernel too short for one operation is refused",
         judge_refusal(bed.client(*arguments(load), "--path=mr"), 2, "needs 18 WRs",
                       "a send queue of 9", "--contexts"))


def teardown(bed):
    for key, (engine, op) in enumerate(product(ENGINES, OPS)):
        wrong, torn = [], 0
        for batch, pool, iters, qps in some((BATCHES, (1, 3, 2), (17, 18, 40), (1, 3)), key):
            load = load_of(engine, batch, op=op, sges=40, qps=qps, iters=iters,
                           on_exhaustion="fail", teardown=True, mr_pool=pool)
            wrong += bed.run(load, paths="mr")
            torn += sum(bool(row["teardowns"] and row["operations_torn"])
                        for row in rows_of(bed))
        if not torn:
            wrong.append("no connection was torn down with operations in flight")
        tell(f"{bed.mode}: --teardown, {engine} {op}", wrong)


def teardown_stalled(bed):
    """The QP that is torn down has operations that wait for room: whatever the last one is."""
    for engine, op in product(("umr", "umr_ptr"), OPS):
        if not LONG and (engine == "umr") == (op == "read"):
            continue
        wrong = []
        for iters, qps in product(range(5, 22), (1, 3)):
            load = Load(engine=engine, op=op, sges=30, mr_entries=10, iters=iters, qps=qps,
                        on_exhaustion="fail", teardown=True, mr_pool=15, sq="kernel")
            if LONG or qps == 1 or iters % 4 == 1:
                wrong += bed.run(load, paths="mr")
        tell(f"{bed.mode}: --teardown with --sq=kernel, {engine} {op}", wrong)


def shared_pool(bed):
    """QPs that share a pool: it is exhausted for all, and nobody starves."""
    for key, (engine, policy) in enumerate(product(ENGINES, POLICIES)):
        wrong = []
        for batch, qps, share in some((BATCHES, (3, 2), (0, 1, 2, 3)), key):
            load = load_of(engine, batch, op=OPS[key % 2], sges=60, qps=qps, iters=21,
                           on_exhaustion=policy, pool_scope="thread")
            # All that the contexts need; what one operation needs; about half; one MR too few.
            everybody = load.contexts * load.mrs_per_op * qps
            load.mr_pool = (everybody, load.mrs_per_op, everybody // 2 + 1, everybody - 1)[share]
            wrong += bed.run(load, paths="mr,auto")
        tell(f"{bed.mode}: --pool_scope=thread, {engine}, {policy}", wrong)


def threads(bed):
    """Each thread has its pools, and what it finds there is its own affair."""
    for key, (engine, policy) in enumerate(product(ENGINES, POLICIES)):
        wrong = []
        for batch, (nr_threads, qps), scope in some((BATCHES, ((2, 2), (3, 3), (2, 4), (2, 3)),
                                                     ("qp", "thread")), key):
            if nr_threads == 2 and qps == 3:
                scope = "qp"  # the threads' pools would differ
            load = load_of(engine, batch, op=OPS[key % 2], sges=60, qps=qps, threads=nr_threads,
                           iters=21, on_exhaustion=policy, pool_scope=scope)
            load.mr_pool = load.mrs_per_op * 3
            wrong += bed.run(load, paths="mr,auto")
        tell(f"{bed.mode}: --threads, {engine}, {policy}", wrong)


def many_mrs(bed):
    """--mr_entries: an operation of several MRs takes all or none."""
    for key, engine in enumerate(("umr", "umr_ptr", "reg")):
        wrong = []
        for batch, policy, entries, extra in some((BATCHES, POLICIES, (10, 16), (0, 1, 3)), key):
            load = load_of(engine, batch, sges=64, mr_entries=entries, on_exhaustion=policy)
            load.mr_pool = load.mrs_per_op + extra
            wrong += bed.run(load, paths="mr,auto")
        tell(f"{bed.mode}: --mr_entries, {engine}", wrong)


COST_NS = 50000


def times(bed):
    """On a device that needs its time for a WQE, MRs are held and waited for as long."""
    wrong = []
    for policy, options in (("fallback", {}), ("wait", {}), ("fail", {}),
                            ("fail", {"teardown": True}), ("fallback", {"sq": "kernel"})):
        load = Load(engine="umr_ptr", sges=100, mr_entries=50, iters=20, mr_pool=2,
                    on_exhaustion=policy, **options)
        wrong += bed.run(load, paths="mr", slow=True, cost_wqe_ns=COST_NS)
        if load.teardown or bed.last.status:
            continue
        row = bed.last.row("mr")
        held = row["mr_operations"] * row["mr_hold_mean_ns"]
        # One serial clock: both MRs were held for two LOCAL_INVs, UMRs and READs at least.
        chain_ns = (load.mr_wrs + load.mrs_per_op) * COST_NS
        if row["mr_hold_mean_ns"] < chain_ns or row["elapsed_ns"] < row["wrs"] * COST_NS:
            wrong.append(f"held for {row['mr_hold_mean_ns']} ns on average, {row}")
        # Who waits does so while another operation is carried out.
        if policy == "wait" and row["wait_ns"] < (row["waits"] - 1) * chain_ns:
            wrong.append(f"{row['waits']} waited for {row['wait_ns']} ns in all")
        if row["sq_stalls"] and row["sq_stall_ns"] < row["sq_stalls"] * COST_NS:
            wrong.append(f"{row['sq_stalls']} stalled for {row['sq_stall_ns']} ns in all")
        if held > row["elapsed_ns"]:
            wrong.append(f"the MRs were held for {held} of {row['elapsed_ns']} ns")
        if row["first_exhaustion_ns"] > row["elapsed_ns"] / 2:
            wrong.append(f"first exhaustion after {row['first_exhaustion_ns']} ns, {row}")
    tell(f"{bed.mode}: times of a slow device", wrong)


main([kernel_sq, teardown, teardown_stalled, shared_pool, threads, many_mrs, times])
