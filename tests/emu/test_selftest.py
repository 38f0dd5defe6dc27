#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""--selftest on the emulated ConnectX: all holds there, and what is broken is found.

On both link layers, in normal and in adversarial mode; then with faults and with
devices that cannot do what they claim: the rows that rely on it fail, no other.
"""
import os
import signal
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# pylint: disable=wrong-import-position
from rwproc import DEVICE, RUN, eq, true, wait_until
from rwselftest import emulated, finish, start_emulated
from rwtap import case, needs_mlx5, one_line, run_cases

DIRECT, KEYS, REG = 9, 16, 12  # rows of the direct path, of an engine with mkeys, of reg
READ, WRITE = "direct: READ of 1 SGE to the limit", "direct: WRITE of 1 SGE to the limit"
COUNTS = "READ through an MR, 1 segment to the limit"
LIST_LIMIT = "umr_ptr: a longer list than the mkey was made for"
PAGE_LIMIT = "reg: parts of pages; more than 65536 segments"

for a_link, an_index in ("eth", None), ("eth", "2"), ("ib", None), ("ib", "0"):
    for a_mode in 0, 1:
        def _(link=a_link, index=an_index, mode=a_mode):
            table = emulated(*(("-x", index) if index else ()), link=link, adversarial=mode)
            table.check_failing()
            eq(len(table.those("yes")), DIRECT + 2 * KEYS + REG, "rows that hold")
        case(f"link {a_link}, GID {an_index or 'not given'}, adversarial {a_mode}: all holds")(_)


@case("counts reach the limits, and the head names what a bug report needs")
def _():
    table = emulated()
    for row, end in ((READ, "from 1 to 30"), (WRITE, "from 1 to 30"),
                     (f"umr: {COUNTS}", "from 1 to 52"), (f"umr_ptr: {COUNTS}", "from 1 to 1024"),
                     (f"reg: {COUNTS}", "from 1 to 256"),
                     ("umr: one segment more than the QP was granted", " 4 8 20 52")):
        true(table.rows[row][0].endswith(end), f"{row}: {end}, not {table.rows[row][0]}")
    for word in (" mlx5_0 (emulated) ", "firmware 20.35.1012", ": mlx5_core", os.uname().release,
                 ": libibverbs.so."):
        true(word in table.out, word)


@case("max_sge_rd 16: READs stop there, WRITEs do not")
def _():
    table = emulated(max_sge_rd=16)
    table.check_failing()
    eq(table.rows[READ][0].split()[-1], "16", "SGEs of a READ")
    eq(table.rows[WRITE][0].split()[-1], "30", "SGEs of a WRITE")


for a_fault, a_row, some_words in (
        ("flip@7", READ, "segments 7: local memory: wrong bytes 1,"),
        ("flip@37", WRITE, "segments 7: remote memory: wrong bytes 1,"),
        ("local_prot@7", READ, "segments 7: local protection error"),
        ("remote_access@7", READ, "segments 7: remote access error"),
        ("retry@7", READ, "segments 7: transport retry counter exceeded")):
    def _(fault=a_fault, row=a_row, words=some_words):
        table = emulated(fault=fault)
        table.check_failing(row)
        true(words in table.rows[row][0], f"{words}, not {table.rows[row][0]}")
    case(f"{a_fault}: {a_row} fails, the others hold")(_)


@case("mkey_fail@40: one row cannot get its memory")
def _():
    table = emulated(fault="mkey_fail@40")
    table.check_counts()
    eq([table.rows[row][0].split()[0] for row in table.those("NO")], ["cannot"], "what was found")


@case("freeze@60: all that moves data fails, and it ends")
def _():
    # 4.096 us * 2^8 and 7 retries: silence is noticed soon.
    table = emulated("-u", "8", fault="freeze@60")
    table.check_counts()
    eq(table.those("yes"), {READ, LIST_LIMIT, PAGE_LIMIT}, "rows that hold")


@case("READ WQEs of 256 bytes, not 512: the direct READs fail at 15 SGEs")
def _():
    table = emulated(max_read_wqe=256)
    table.check_failing(READ, "direct: READ by several WRs",
                        "direct: READ, unaligned SGEs of odd lengths")
    true(table.rows[READ][0].startswith("segments 15: "), table.rows[READ][0])


@case("mkeys of 100 entries: what needs more fails")
def _():
    table = emulated(max_klms=100)
    table.check_counts()
    eq((table.rows[f"umr: {COUNTS}"][1], table.rows[f"umr_ptr: {COUNTS}"][1]), ("yes", "NO"),
       "umr, umr_ptr")


@case("a completion that does not come fails the row after 5 s; SIGINT ends the whole")
def _():
    process = start_emulated("-u", "31", fault="freeze@3")
    try:
        wait_until(lambda: "| NO  |" in process.out, "a row fails")
        process.send(signal.SIGINT)
    finally:
        table = finish(process)
    eq(table.rows, {READ: ("segments 3: no completion for 5 s", "NO")}, "rows")
    eq(table.status, RUN, "exit status")
    one_line(table.err, "interrupted")


for some_options, a_text in ((("-x", "99"), "no GID with index 99"), (("-i", "2"), "no port 2"),
                             (("-d", "mlx5_7"), "mlx5_7")):
    def _(options=some_options, text=a_text):
        table = emulated(*options)
        eq((table.status, table.out), (DEVICE, ""), "exit status, standard output")
        one_line(table.err, text)
    case(f"{' '.join(some_options)}: exit 4, one line")(_)


if needs_mlx5():
    run_cases()
