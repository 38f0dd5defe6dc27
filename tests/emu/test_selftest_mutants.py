#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""--selftest notices a broken engine: each mutation below breaks one thing in a
copy of a source, and a row that relies on it must fail, on the emulated ConnectX.

What is only a matter of luck (a missing fence) shows in adversarial mode alone.
"""

import os
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# pylint: disable=wrong-import-position
from rwproc import BUILDDIR, OK, SRCDIR, Failed, eq, true
from rwselftest import emulated
from rwtap import case, needs_mlx5, run_cases

NORMAL, LATE = "normal", "adversarial"
COUNTS = "READ through an MR, 1 segment to the limit"
BATCH = "UMR, READ, fenced LOCAL_INV, ... in a batch"

# name, file, text, its replacement, mode that must notice, row that must fail
MUTATIONS = (
    ("a raw UMR without fences", "mr/umr_ptr.c",
     "flags = MLX5_WQE_CTRL_INITIATOR_SMALL_FENCE", "flags = 0", LATE, f"umr_ptr: {COUNTS}"),
    ("a READ behind a raw UMR left to the library", "mr/umr_ptr.c",
     ".post_io = umr_ptr_post_io,", "", LATE, f"umr_ptr: {COUNTS}"),
    ("a LOCAL_INV without its fence", "verbs/post.h",
     "wr->fence ? IBV_SEND_FENCE : 0", "0", LATE, f"umr: {BATCH}"),
    ("an MR one byte short", "mr/umr_ptr.c",
     "htobe64(wr->length)", "htobe64(wr->length - 1)", NORMAL, f"umr_ptr: {COUNTS}"),
    ("the last segment a byte long", "mr/umr_ptr.c",
     "	wqe.mkey.len = htobe64(wr->length);",
     "	mr->klms[wr->nr_segs - 1].byte_count = htobe32(wr->segs[wr->nr_segs - 1].length + 1);\n"
     "	wqe.mkey.len = htobe64(wr->length + 1);",
     NORMAL, "umr_ptr: READ of one byte more than the MR has"),
    ("a key that stays free", "mr/umr_ptr.c", " | MASK_FREE)", ")", NORMAL, f"umr_ptr: {COUNTS}"),
    ("lists that share one place", "mr/umr_ptr.c",
     "pool->memory + i * list_bytes", "pool->memory", NORMAL, f"umr_ptr: {BATCH}"),
    ("a list that forgets its eighth segment", "mr/umr.c",
     "(uint16_t)wr->nr_segs", "(uint16_t)(wr->nr_segs - (wr->nr_segs == 8))", NORMAL,
     f"umr: {COUNTS}"),
    ("one entry more than was granted", "mr/umr.c",
     "INLINE_HEAD) / KLM_BYTES,", "INLINE_HEAD) / KLM_BYTES + 1,", NORMAL,
     "umr: one segment more than the QP was granted"),
    ("addresses that do not begin at 0", "mr/umr.c",
     "zero_based = true", "zero_based = false", NORMAL, f"umr: {COUNTS}"),
    ("a registration of whole pages", "mr/reg.c",
     "wr->iova, wr->length,", "wr->iova, (wr->length + 4096u) & ~4095u,", NORMAL,
     "reg: READ of one byte more than the MR has"),
    ("an MR that is never deregistered", "mr/reg.c",
     "= ibv_dereg_mr(mr->priv)", "= 0", NORMAL, "reg: READ through an invalidated key"),
    ("parts of pages taken", "mr/reg.c",
     "if (rw_layout_is_whole_pages(layout))", "if (layout->nr_segs)", NORMAL,
     "reg: parts of pages; more than 65536 segments"),
    ("one SGE more than the device has", "verbs/device.c",
     "return (uint32_t)most;", "return (uint32_t)most + 1;", NORMAL,
     "direct: READ of 1 SGE to the limit"),
    ("a remote address that does not move", "rw/chain.c",
     "		remote_addr += span->remote_stride ? span->remote_stride : length;", "", NORMAL,
     "direct: WRITE by several WRs"),
)


def variables():
    """What configure found, from the Makefile."""
    with open(os.path.join(BUILDDIR, "Makefile"), encoding="utf-8") as makefile:
        lines = (line.rstrip("\n").split(" = ", 1) for line in makefile if " = " in line)
        return {pair[0]: pair[1].split() for pair in lines if len(pair) == 2}


def build(path, text, folder):
    """A program in which the source at @path of src/ reads @text."""
    make = variables()
    copy = os.path.join(folder, path)
    os.makedirs(os.path.dirname(copy))
    with open(copy, "w", encoding="utf-8") as file:
        file.write(text)
    # A header acts where the self-test posts.
    source = copy if path.endswith(".c") else os.path.join(SRCDIR, "src/selftest/rig_op.c")
    program = os.path.join(folder, "ib_rw_bw")
    words = [*make["CC"], "-D_GNU_SOURCE", f"-I{folder}", f"-I{SRCDIR}/src", f"-I{BUILDDIR}"]
    for name in "RW", "IBVERBS", "MLX5", "HWLOC", "NUMA", "JANSSON":
        words += make.get(f"{name}_CFLAGS", [])
    words += ["-w", "-O1", "-o", program, source, f"{SRCDIR}/src/cmd/ib_rw_bw.c",
              f"{BUILDDIR}/librwperf.a", f"{BUILDDIR}/librwpure.a", *make.get("RW_LDFLAGS", [])]
    # The program's libraries come last, whatever they are by now.
    for name in "MLX5", "RDMACM", "IBVERBS", "HWLOC", "NUMA", "JANSSON":
        words += make.get(f"{name}_LIBS", [])
    done = subprocess.run(words + make.get("LIBS", []), capture_output=True, text=True, timeout=120,
                          check=False)
    if done.returncode:
        raise Failed(f"it does not compile: {done.stderr}")
    return program


def try_mutant(path, old, new, mode):
    """The table of a program in which @old, in the source at @path, is @new."""
    with open(os.path.join(SRCDIR, "src", path), encoding="utf-8") as file:
        source = file.read()
    eq(source.count(old), 1, f"places in {path} that read {old!r}")
    with tempfile.TemporaryDirectory() as folder:
        return emulated(program=build(path, source.replace(old, new), folder),
                        adversarial=int(mode == LATE))


@case("unchanged, but built in the same way: no row fails")
def _():
    table = try_mutant("mr/umr.c", ".name = \"umr\"", ".name = \"umr\"", LATE)
    table.check_failing()
    eq(table.status, OK, "exit status")


for a_name, *a_change, a_row in MUTATIONS:
    def _(change=a_change, row=a_row):
        table = try_mutant(*change)
        table.check_counts()
        true(row in table.those("NO"), f"{row} fails, not only {table.those('NO')}")
    case(f"{a_name}: {a_row} ({a_change[-1]})")(_)


def main():
    if not needs_mlx5():
        return
    if not shutil.which(variables()["CC"][0]):
        print("1..0 # SKIP no compiler")
        return
    run_cases()


main()
