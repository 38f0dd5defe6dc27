#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""ib_rw_bw: operation x path x SGEs x size, all data verified, one server for all."""
import sys

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from rwcase import (DEVICE, USAGE, case, client, eq, good, main, refused, shared_server,
                    true)

PAGE = 4096
MAX_SGE = 32  # of rxe, for READ, too

OPS = "read", "write"
SGES = 1, 4, 16, 30, 32, 33, 256
SIZES = 64, 4096, 65536, 1 << 20


def measure(op, path, size, sges, *options):
    return client(shared_server(), "--op=" + op, "--path=" + path, f"--size={size}", f"--sges={sges}",
                  "-n", "12", "-t", "4", "--verify", *options)


def check_row(row, op, path, size, sges):
    eq((row["op"], row["path"], row["MsgSize"], row["sges"]), (op, path, size, sges), "the row")
    eq(row["n_iterations"], 12, "operations")
    # The longest segment: spread evenly, lengths differ by one byte at most.
    eq(row["segment_bytes"], -(-size // sges), "segment_bytes")
    wrs = 1 if path == "mr" else -(-sges // MAX_SGE)
    eq(row["wrs_per_operation"], wrs, "WRs per operation")
    eq(row["wrs"], 12 * wrs, "WRs")
    eq(row["mr_pool"], 4 if path == "mr" else None, "pool")
    eq(row["contexts"], 4, "contexts")


def whole_pages(size, sges):
    """May engine reg have it? Segments lie side by side page by page."""
    return sges == 1 or size % (sges * PAGE) == 0


def check_cell(op, size, sges):
    if sges > size:
        run = measure(op, "direct,mr", size, sges)
        refused(run, USAGE, "--sges", "lower --sges or raise --size")
        eq(run.report, None, "a report")
    elif whole_pages(size, sges):
        run = measure(op, "direct,mr", size, sges)
        rows = good(run, rows=2)
        for row, path in zip(rows, ("direct", "mr")):
            check_row(row, op, path, size, sges)
        eq(len(run.report["ratios"]), 1, "ratios")
        true("MR / direct" in run.out, "the ratio is printed")
    else:
        check_row(good(measure(op, "direct", size, sges), rows=1)[0], op, "direct", size, sges)
        run = measure(op, "mr", size, sges)
        refused(run, DEVICE, "engine reg", "whole pages", "--path=direct")
        eq(run.report, None, "a report of a run that did not begin")


def add(op, size, sges):
    @case(f"{op}, {size} bytes in {sges} SGEs, direct and mr")
    def _():
        check_cell(op, size, sges)


for an_op in OPS:
    for a_size in SIZES:
        for an_sges in SGES:
            add(an_op, a_size, an_sges)


main()
