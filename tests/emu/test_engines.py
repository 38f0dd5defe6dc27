#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""ib_rw_bw on the emulated ConnectX: engines, policies and pools, data verified.

In normal and in adversarial mode, where a READ's data land as late as the
specification allows: a key that dies too early or a missing fence shows there.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "vm"))

from rwtest import BUILD, SRC, check, client, finish, server  # noqa: E402

SGES = (1, 3, 4, 30, 31, 52, 53, 256, 300)
MAX_SGE = 30
CONTEXTS = 8
COUNT = 40
MR_ENTRIES = {"umr": 52, "umr_ptr": 256}


def ceil(n, d):
    return -(-n // d)


def run(*options):
    paths = () if "--path" in options else ("--path", "direct,mr,auto")
    return client("-s", "64K", "-t", CONTEXTS, "-n", COUNT, "--verify", *paths, *options,
                  device="mlx5_1")


def is_sound(result, row):
    """Data right, every operation accounted for."""
    return (result.rc == 0 and row.get("corrupt_bytes") == 0 and
            row["n_iterations"] + row["failed"] == row["operations_issued"] == COUNT)


def matrix(mode):
    """op x policy x engine x sges, with as many MRs as all contexts can hold."""
    for engine in MR_ENTRIES:
        for op in ("read", "write"):
            for sges in SGES:
                result = run("--op", op, "--engine", engine, "--sges", sges)
                direct, mr, auto = (result.row(p) for p in ("direct", "mr", "auto"))
                mrs = ceil(sges, MR_ENTRIES[engine])
                name = f"{mode}: {engine} {op} of {sges} segments"
                check(f"{name}: direct", is_sound(result, direct) and
                      direct["wrs"] == COUNT * ceil(sges, MAX_SGE), result)
                # UMR and READ for each MR, and LOCAL_INV from an MR's second use on.
                check(f"{name}: mr", is_sound(result, mr) and mr["engine"] == engine and
                      mr["exhaustions"] == 0 and mr["mr_wanted"] == COUNT and
                      mr["wrs"] == COUNT * mrs * 3, result)
                # The kernel's rule: a READ of more entries than max_sgl_rd, which is 3.
                wants = op == "read" and sges > 3
                check(f"{name}: auto takes the {'MR' if wants else 'direct'} path",
                      is_sound(result, auto) and auto["exhaustions"] == 0 and
                      auto["mr_wanted"] == (COUNT if wants else 0) and
                      auto["wrs"] == (mr if wants else direct)["wrs"], result)


def is_told(policy, row, pool):
    """The exhaustions of @row went where @policy sends them."""
    counts = [row["fallbacks"], row["failed"], row["waits"]]
    expected = [0, 0, 0]
    expected[("fallback", "fail", "wait").index(policy)] = row["exhaustions"]
    return counts == expected and (row["exhaustions"] > 0) == (pool < CONTEXTS)


def pools(mode):
    """pool x on_exhaustion x invalidate."""
    for engine in MR_ENTRIES:
        for pool in (1, CONTEXTS // 2, CONTEXTS):
            for policy in ("fallback", "fail", "wait"):
                for invalidate in ("lazy", "fenced", "never"):
                    result = run("--engine", engine, "--sges", 32, "--path", "mr,auto",
                                 "--mr_pool", pool, "--on_exhaustion", policy,
                                 "--invalidate", invalidate)
                    check(f"{mode}: {engine}, pool {pool}, {policy}, {invalidate}",
                          all(is_sound(result, row) and is_told(policy, row, pool)
                              for row in (result.row("mr"), result.row("auto"))), result)


def choices():
    result = run("--sges", 16)
    check("no --engine, 16 segments: umr, and the threshold is the firmware's",
          result.row("mr").get("engine") == "umr" and
          result.json["test_info"]["connection"]["max_sgl_rd"] == 3 and
          result.json["test_info"]["connection"]["max_sgl_rd_source"] == "firmware", result)
    result = run("--sges", 256)
    check("no --engine, 256 segments: umr_ptr, one MR takes them",
          result.row("mr").get("engine") == "umr_ptr" and
          result.row("mr")["wrs"] == COUNT * 3, result)
    result = run("--sges", 16, "--max_sgl_rd", 16)
    check("--max_sgl_rd 16: 16 segments go direct", result.row("auto").get("mr_wanted") == 0,
          result)
    result = run("--sges", 17, "--max_sgl_rd", 16, "--path", "auto")
    check("--max_sgl_rd 16: 17 segments want an MR",
          result.row("auto").get("mr_wanted") == COUNT, result)
    result = run("--engine", "umr", "--mr_entries", 53)
    check("umr takes 52 entries: 53 are refused",
          result.rc == 4 and result.one_line("--mr_entries", "52"), result)
    result = run("--op", "write", "--invalidate", "fenced")
    check("a WRITE cannot be fenced: refused", result.rc == 2 and result.one_line("fence"),
          result)
    for engine in MR_ENTRIES:
        result = run("--engine", engine, "--sges", 24, "-q", 3, "-l", 4, "-Q", 3, "--path",
                     "direct,mr,auto")
        check(f"{engine} with -q 3 -l 4 -Q 3", result.rc == 0 and
              all(r["n_iterations"] == 3 * COUNT and r["corrupt_bytes"] == 0
                  for r in result.rows) and len(result.rows) == 3, result)


def main():
    with open(os.path.join(BUILD, "config.h")) as config:
        if "#define HAVE_MLX5 1" not in config.read():
            print("1..0 # SKIP built without libmlx5")
            return
    if os.environ.get("RW_IN_GUEST") != "1":
        os.environ["RW_IN_GUEST"] = "1"
        # In a sanitized build: Python leaks, the programs must not.
        os.environ["ASAN_OPTIONS"] = "detect_leaks=0"
        rw_emu = os.path.join(SRC, "emu", "rw_emu")
        os.execv(rw_emu, [rw_emu, sys.executable, os.path.abspath(__file__)])
    os.environ.pop("ASAN_OPTIONS", None)
    for mode in ("normal", "adversarial"):
        os.environ["RW_EMU_ADVERSARIAL"] = "1" if mode == "adversarial" else "0"
        host = server("--keep_serving", device="mlx5_0")
        matrix(mode)
        pools(mode)
        if mode == "normal":
            choices()
        result = host.stop()
        check(f"{mode}: the server served them all", result.rc == 0, result)
    finish()


main()
