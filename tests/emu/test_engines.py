#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Which engine and which path are chosen on the emulated ConnectX, and what is refused."""
from rwbed import main, tell
from rwjudge import Expect, judge_refusal
from rwload import ENGINE_ENTRIES, Load
from rwproc import alone


def best_engine(bed):
    """Without --engine: the first whose MR takes all segments, 4 KiB each."""
    for sges, engine in (16, "umr"), (52, "umr"), (53, "umr_ptr"), (256, "umr_ptr"):
        load = Load(engine=engine, sges=sges, iters=20)
        result = bed.client("-s", str(4096 * sges), "-t", "8", "-n", "20", "--verify",
                            "--path=direct,mr,auto")
        wrong = bed.judge(load, "direct,mr,auto", result, bed.mode == "normal")
        tell(f"{bed.mode}: no --engine, {sges} segments: {engine}", wrong and [*wrong, result.err])


def threshold(bed):
    """Path auto: segments of a READ up to max_sgl_rd go direct, more want MRs, 0 means never."""
    for most in 0, 1, 3, 16, 255:
        for source in "--max_sgl_rd", "firmware":
            wrong = []
            for sges in sorted({1, 2, max(most, 1), most + 1}):
                for op in ("read", "write") if sges == most + 1 else ("read",):
                    load = Load(engine="umr_ptr", op=op, sges=sges, iters=20, max_sgl_rd=most)
                    by_option = source == "--max_sgl_rd"
                    wrong += bed.run(load, *[f"--max_sgl_rd={most}"] * by_option, paths="auto",
                                     **{} if by_option else {"max_sgl_rd": most})
                    if bed.last.status:
                        continue
                    connection = bed.last.report["test_info"]["connection"]
                    said = Expect()
                    said.equal("max_sgl_rd and its source", (connection["max_sgl_rd"],
                               connection["max_sgl_rd_source"]), (most, source))
                    wrong += said
            tell(f"{bed.mode}: path auto, max_sgl_rd {most} of {source}", wrong)


def batches(bed):
    for engine in ENGINE_ENTRIES:
        load = Load(engine=engine, sges=24, contexts=6, iters=30, qps=3, post_list=4, cq_mod=3)
        tell(f"{bed.mode}: {engine} with -q 3 -l 4 -Q 3", bed.run(load))


def refusals(bed):
    for options, code, words in (
            (("--engine=umr", "--mr_entries=53"), 4, ("--mr_entries", "umr takes 52", "lower it")),
            (("--engine=umr_ptr", "--mr_entries=65533"), 4, ("umr_ptr takes 65532", "lower it")),
            (("--engine=fmr",), 2, ("'fmr' is unknown", "umr, umr_ptr, reg")),
            (("--engine=reg", "--segment=512"), 4, ("engine reg", "not whole pages")),
            (("--op=write", "--invalidate=fenced"), 2, ("fence", "give lazy or never")),
            (("--teardown",), 2, ("--teardown", "--on_exhaustion=fail")),
            (("--teardown", "--on_exhaustion=fail", "--pool_scope=thread"), 2,
             ("--teardown", "--pool_scope")),
            (("-R",), 4, ("rdma_cm", "mlx5_1")),
            (("--mr_pool=0",), 2, ("--mr_pool", "out of range")),
            (("--mr_entries=5", "--mr_pool=3", "--on_exhaustion=wait"), 2,
             ("needs 4 MRs", "pool has 3", "--mr_entries"))):
        tell(f"{bed.mode}: {' '.join(options)} is refused",
             judge_refusal(bed.client("--path=direct,mr,auto", *options), code, *words))


def list_engines(bed):
    """The table agrees with what the model reckons with."""
    result = alone("-d", "mlx5_1", "--list_engines")
    lines = [line.split() for line in result.out.splitlines()]
    wrong = Expect()
    wrong.equal("exit code, stderr, lines", (result.status, result.err, len(lines)), (0, "", 5))
    for line, engine in zip(lines[1:], ENGINE_ENTRIES):
        load = Load(engine=engine)
        most = {"umr_ptr": "65532"}.get(engine, str(ENGINE_ENTRIES[engine]))
        wqe = (["0", "-", "whole", "pages", "VA"] if engine == "reg" else
               ["1", str(load.reg_bytes(1)), "to", str(load.reg_bytes(ENGINE_ENTRIES[engine])),
                "any", "zero"])
        wrong.equal(engine, line[:len(wqe) + 3], [engine, most, *wqe, "yes"])
    wrong.equal("the last one", lines[-1][:1], ["kernel"])
    why = "--engine=kernel" in result.out.splitlines()[-1]
    wrong.equal("it is there, or it is said why not", "no" in lines[-1], why)
    tell(f"{bed.mode}: --list_engines", wrong and [*wrong, result.out])


main([best_engine, threshold, batches, refusals, list_engines])
