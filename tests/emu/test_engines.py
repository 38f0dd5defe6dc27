#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""ib_rw_bw on the emulated ConnectX: engines, policies and pools, data verified.

In normal and in adversarial mode, where a READ's data land as late as the
specification allows: a key that dies too early or a missing fence shows there.
"""
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# pylint: disable=wrong-import-position
from rwproc import BUILDDIR, DEVICE, SRCDIR, USAGE, client, eq, shared_server, true
from rwtap import case, good, refused, run_cases

SGES = 1, 3, 4, 30, 31, 52, 53, 256, 300
MAX_SGE = 30
CONTEXTS = 8
COUNT = 40
MR_ENTRIES = {"umr": 52, "umr_ptr": 256}
MODES = "normal", "adversarial"


def measure(*options, mode="normal"):
    env = dict(os.environ, RW_EMU_ADVERSARIAL=str(MODES.index(mode)))
    server = shared_server(f"in {mode} mode", device="mlx5_0", env=env)
    paths = () if any(str(option).startswith("--path") for option in options) else (
        "--path=direct,mr,auto",)
    return client(server, "-F", "-s", "64K", "-t", str(CONTEXTS), "-n", str(COUNT), "--verify",
                  *paths, *map(str, options), device="mlx5_1", env=env)


def check_matrix(mode, engine, op, sges):
    """As many MRs as all contexts can hold."""
    run = measure(f"--op={op}", f"--engine={engine}", f"--sges={sges}", mode=mode)
    direct, mr, auto = good(run, rows=3, engine=engine)
    for row in direct, mr, auto:
        eq((row["n_iterations"], row["exhaustions"]), (COUNT, 0), "operations, exhaustions")
    direct_wrs = COUNT * -(-sges // MAX_SGE)
    # UMR and READ for each MR, and LOCAL_INV from an MR's second use on.
    mr_wrs = COUNT * -(-sges // MR_ENTRIES[engine]) * 3
    eq((direct["wrs"], mr["wrs"], mr["mr_wanted"]), (direct_wrs, mr_wrs, COUNT),
       "WRs of both paths, operations of the MR path that wanted an MR")
    # The kernel's rule: a READ of more entries than max_sgl_rd, which is 3.
    wants = op == "read" and sges > 3
    eq((auto["mr_wanted"], auto["wrs"]), (COUNT, mr_wrs) if wants else (0, direct_wrs),
       "operations of path auto that wanted an MR, WRs")


def check_pool(mode, engine, pool, policy, invalidate):
    run = measure(f"--engine={engine}", "--sges=32", "--path=mr,auto", f"--mr_pool={pool}",
                  f"--on_exhaustion={policy}", f"--invalidate={invalidate}", mode=mode)
    for row in good(run, rows=2, engine=engine):
        eq(row["operations_issued"], COUNT, "operations issued")
        eq(row["exhaustions"] > 0, pool < CONTEXTS, "exhaustions")
        for key, of_policy in ("fallbacks", "fallback"), ("failed", "fail"), ("waits", "wait"):
            eq(row[key], row["exhaustions"] if policy == of_policy else 0, key)


for a_mode in MODES:
    for an_engine in MR_ENTRIES:
        for an_op in "read", "write":
            for an_sges in SGES:
                def _(of=(a_mode, an_engine, an_op, an_sges)):
                    check_matrix(*of)
                case(f"{a_mode}: {an_engine} {an_op} of {an_sges} segments")(_)
        for a_pool in 1, CONTEXTS // 2, CONTEXTS:
            for a_policy in "fallback", "fail", "wait":
                for an_invalidate in "lazy", "fenced", "never":
                    def _(of=(a_mode, an_engine, a_pool, a_policy, an_invalidate)):
                        check_pool(*of)
                    case(f"{a_mode}: {an_engine}, pool {a_pool}, {a_policy}, {an_invalidate}")(_)


# ---- choices

@case("-R: rdma_cm knows no emulated device")
def _():
    refused(measure("-R"), DEVICE, "rdma_cm", "mlx5_1")


@case("no --engine, 16 segments: umr, and the threshold is the firmware's")
def _():
    run = measure("--sges=16")
    good(run, rows=3, engine="umr")
    connection = run.report["test_info"]["connection"]
    eq((connection["max_sgl_rd"], connection["max_sgl_rd_source"]), (3, "firmware"), "max_sgl_rd")


@case("no --engine, 256 segments: umr_ptr, one MR takes them")
def _():
    run = measure("--sges=256")
    good(run, rows=3, engine="umr_ptr")
    eq(run.row("mr")["wrs"], COUNT * 3, "WRs")


@case("--max_sgl_rd 16: 16 segments go direct, 17 want an MR")
def _():
    for sges, wanted in (16, 0), (17, COUNT):
        run = measure(f"--sges={sges}", "--max_sgl_rd=16", "--path=auto")
        good(run, rows=1, engine="umr")
        eq(run.row("auto")["mr_wanted"], wanted, f"MRs wanted by {sges} segments")


@case("umr takes 52 entries: 53 are refused")
def _():
    refused(measure("--engine=umr", "--mr_entries=53"), DEVICE, "--mr_entries", "52")


@case("a WRITE cannot be fenced: refused")
def _():
    refused(measure("--op=write", "--invalidate=fenced"), USAGE, "fence")


for an_engine in MR_ENTRIES:
    def _(engine=an_engine):
        for row in good(measure(f"--engine={engine}", "--sges=24", "-q", 3, "-l", 4, "-Q", 3),
                        rows=3, engine=engine):
            eq((row["n_iterations"], row["qps"]), (3 * COUNT, 3), "operations, QPs")
            true(row["doorbells"] < row["wrs"], "batches")
    case(f"{an_engine} with -q 3 -l 4 -Q 3")(_)


def main():
    with open(os.path.join(BUILDDIR, "config.h"), encoding="utf-8") as config:
        if "#define HAVE_MLX5 1" not in config.read():
            print("1..0 # SKIP built without libmlx5")
            return
    if os.environ.get("RW_IN_EMU") != "1":
        # In a sanitized build: Python leaks, the programs must not.
        os.environ.update(RW_IN_EMU="1", ASAN_OPTIONS="detect_leaks=0")
        rw_emu = os.path.join(SRCDIR, "emu", "rw_emu")
        os.execv(rw_emu, [rw_emu, sys.executable, os.path.abspath(__file__)])
    os.environ.pop("ASAN_OPTIONS", None)
    run_cases()


main()
