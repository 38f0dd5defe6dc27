#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The rules of paths, pools and send queues on Soft-RoCE, where MRs are made by engine reg.

As tests/emu does on the emulated ConnectX, without its exact counts: when an
operation completes is the kernel's affair here. What must fit each other must
fit here, too. RW_TEST_LONG=1 runs every combination.
"""
import sys
from itertools import product

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from rwcase import Failed, case, client, eq, main, shared_server, true
from rwjudge import judge_refusal, judge_row
from rwload import LONG, Load, arguments, some

POLICIES = "fallback", "wait", "fail"
BATCHES = (1, 1), (1, 3), (4, 1), (3, 2)  # -l and -Q


def run(paths, **options):
    """Run by each of @paths. Returns the rows, which are as they have to be."""
    load = Load(**{"engine": "reg", "contexts": 4, "iters": 14, "max_sge": 32, "mlx5": False,
                   **options})
    result = client(shared_server(), "-F", *arguments(load), f"--max_sgl_rd={load.max_sgl_rd}",
                    "--path=" + paths)
    refusal = load.refusal()
    if refusal:
        wrong = judge_refusal(result, refusal[0], *refusal[1])
    else:
        eq((result.status, result.err), (0, ""), "exit status, standard error")
        eq([row["path"] for row in result.rows], paths.split(","), "rows")
        wrong = [f"path {row['path']}: {text}" for row in result.rows
                 for text in judge_row(Load(**{**vars(load), "path": row["path"]}), row)]
    if wrong:
        raise Failed("\n".join(wrong))
    return [] if refusal else result.rows


for a_key, (an_op, a_sges) in enumerate(product(("read", "write"), (1, 3, 4, 32, 33) if LONG else
                                                (1, 4, 33))):
    def _(key=a_key, op=an_op, sges=a_sges):
        for policy, pool in some((POLICIES, (1, 2, 4)), key):
            run("direct,mr,auto" if pool == 1 else "mr,auto", op=op, sges=sges,
                on_exhaustion=policy, mr_pool=pool, invalidate="fenced" if key == 2 else "lazy")
    case(f"{an_op} of {a_sges} segments: pools and policies")(_)

for a_most in 0, 1, 16:
    def _(most=a_most):
        for sges in max(most, 1), most + 1:
            run("auto", sges=sges, max_sgl_rd=most)
    case(f"path auto: --max_sgl_rd={a_most} and one segment more")(_)


@case("four MRs an operation: all or none")
def _():
    for (batch, signal), policy, pool in some((BATCHES, POLICIES, (3, 4, 7, 16, 5))):
        run("mr", sges=16, mr_entries=4, on_exhaustion=policy, mr_pool=pool, post_list=batch,
            cq_mod=signal)


@case("--sq=kernel: fallbacks find the send queue full, and wait")
def _():
    stalls = 0
    for (batch, signal), policy, qps in some((BATCHES, ("fallback", "fallback", "wait", "fail"),
                                              (1, 1, 2))):
        # A fallback posts 5 WRs, and the send queue has room for 12.
        rows = run("mr", sges=160, mr_pool=1, on_exhaustion=policy, sq="kernel", post_list=batch,
                   cq_mod=signal, qps=qps, iters=10)
        stalls += sum(row["sq_stalls"] for row in rows if row["fallbacks"])
    true(stalls, "there were stalls")


@case("--sq=kernel: too short for one operation, refused")
def _():
    result = client(shared_server(), "-s", "1M", "-t", "2", "--sq=kernel", "--mr_pool=1",
                    "--path=mr")
    eq(judge_refusal(result, 2, "needs 8 WRs", "a send queue of 6", "--contexts"), [], "refusal")


@case("--teardown: connections are made anew, data right")
def _():
    teardowns = 0
    for (batch, signal), qps, op, pool in some((BATCHES, (1, 2, 3), ("read", "write"), (1, 3, 1))):
        rows = run("mr", op=op, sges=40, mr_pool=pool, on_exhaustion="fail", teardown=True,
                   post_list=batch, cq_mod=signal, qps=qps)
        # How many operations were in flight then is the kernel's affair.
        teardowns += sum(row["teardowns"] for row in rows)
    true(teardowns, "there were teardowns")


for a_key, a_policy in enumerate(POLICIES):
    def _(key=a_key, policy=a_policy):
        for (batch, signal), pool in some((BATCHES[key:], (1, 5, 0))):
            run("mr", sges=8, qps=3, pool_scope="thread", on_exhaustion=policy, mr_pool=pool,
                post_list=batch, cq_mod=signal)
    case(f"--pool_scope=thread: three QPs, {a_policy}")(_)


@case("without --max_sgl_rd: 0, and the report says why")
def _():
    result = client(shared_server(), "--path=auto", "-n", "10")
    info = result.report["test_info"]["connection"]
    eq((result.status, info["max_sgl_rd"], result.row("auto")["mr_wanted"]), (0, 0, 0),
       "exit status, max_sgl_rd, operations that wanted an MR")
    true("only mlx5 firmware" in info["max_sgl_rd_source"], info["max_sgl_rd_source"])


main(timeout=900 if LONG else 180)
