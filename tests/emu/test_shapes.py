#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The shapes of a load, on the emulated ConnectX: sizes, rates, margins, batches, events."""
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# pylint: disable=wrong-import-position
from emucase import latency, main
from rwproc import PROGRAM, USAGE, eq
from rwtap import case, good, refused

K = 1024


def bandwidth(*options, **more):
    """A client of ib_rw_bw, by path direct, and its end."""
    return latency("--path=direct", *options, program=PROGRAM, **more)


# ---- sizes

for a_range, some_sizes in (("4K:64K", [4 * K << n for n in range(5)]),
                            ("3:100:3", [3, 9, 27, 81]),
                            ("60K:61K:+500", [60 * K, 60 * K + 500, 60 * K + 1000]),
                            ("5:5", [5])):
    @case(f"--size_range={a_range}: {len(some_sizes)} sizes, each moved whole")
    def _(text=a_range, sizes=some_sizes):
        for op in "read", "write":
            rows = good(bandwidth("--size_range=" + text, "-n", 20, "-t", 4, "--op=" + op,
                                  "--verify"), rows=len(sizes))
            eq([row["MsgSize"] for row in rows], sizes, "sizes")


@case("--size_range: what is none is refused, with what to do")
def _():
    for text in "8K:4K", "4K", "4K:", "0:4K", "4K:8K:1", "4K:8K:+0", "1:2G", "4K:8K:2:2", ":":
        refused(bandwidth("--size_range=" + text), USAGE, text, "FROM:TO:+STEP")
    refused(bandwidth("--size_range=1:1K:+1"), USAGE, "more than 64 sizes")
    refused(bandwidth("--size_range=1:1K", "-a"), USAGE, "--all and --size_range exclude")
    refused(bandwidth("--size_range=1:1K", "--mix=read:50"), USAGE, "--size_range and a mix")


main()
