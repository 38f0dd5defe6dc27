#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""A script that reads perftest's columns reads ours: bench/columns.awk, given both.

Ours are held against the JSON report of the same run, perftest's against its table as it
was saved in results/parity-rxe, and the tables there against what the script makes of them.
"""
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# pylint: disable=wrong-import-position
from emucase import latency, main, near
from rwproc import PATIENCE, SRCDIR, client, eq, shared_server, true
from rwtap import case, good

COLUMNS = os.path.join(SRCDIR, "bench", "columns.awk")
SAVED = os.path.join(SRCDIR, "results", "parity-rxe")
BW = "BW_peak", "BW_average", "MsgRate"
LAT = "t_min", "t_max", "t_typical", "t_avg", "t_stdev", "percentile_99", "percentile_99.9"


def table(text, status=0):
    """The cells of each row and of each median that the script finds in @text."""
    awk = subprocess.run(["awk", "-f", COLUMNS], input=text, text=True, timeout=PATIENCE,
                         stdout=subprocess.PIPE, check=False)
    eq(awk.returncode, status, "exit status of columns.awk")
    lines = [[cell.strip() for cell in line.strip("|\n").split("|")]
             for line in awk.stdout.splitlines()[2:]]
    return ([line for line in lines if not line[0].startswith("**")],
            [line for line in lines if line[0].startswith("**")])


def check_ours(name, run, keys):
    rows = good(run, verified=False, engine="umr")
    found, _ = table(f"$ {name}\n{run.out}")
    eq([line[:3] for line in found],
       [[name, str(row["MsgSize"]), str(row["n_iterations"])] for row in rows], "rows")
    for line, row in zip(found, rows):
        for cell, key in zip(line[3:], keys):
            near(float(cell), row[key], key, absolute=6e-7 if key == "MsgRate" else 0.0051)


@case("the table of ib_rw_bw has perftest's columns at the left")
def _():
    for options in (), ("--report_gbits",):
        # More than are in flight at once: a peak is not the average.
        check_ours("ib_rw_bw", client(shared_server(device="mlx5_0"), "-F", "-n", "400", "-t", "8",
                                      "--path=direct,mr", *options, device="mlx5_1"), BW)


@case("the table of ib_rw_lat has perftest's columns at the left")
def _():
    check_ours("ib_rw_lat", latency("-n", 200, "--path=direct,mr"), LAT)


@case("what perftest printed, and what it could not")
def _():
    for name, columns in ("read_bw", 6), ("write_bw", 6), ("read_lat", 10), ("write_lat", 10):
        with open(os.path.join(SAVED, name + ".txt"), encoding="utf-8") as file:
            text = file.read()
        found, medians = table(text)
        theirs = re.findall(r"^ [0-9].*$", re.sub(r"(?ms)^\$ ib_rw_.*?(?=^\$|\Z)", "", text), re.M)
        true(len(theirs) >= 5, f"{len(theirs)} rows of ib_{name}")
        eq([line[1:] for line in found if line[0] == "ib_" + name], [row.split() for row in theirs],
           "rows of ib_" + name)
        eq(len(found), 2 * len(theirs), "rows of both")
        eq({len(line) for line in found + medians}, {columns}, "cells")
        eq([line[0] for line in medians],
           [f"**ib_{name}, median**", f"**ib_rw_{name.split('_')[1]}, median**"], "medians")
        for median in medians:
            runs = [line for line in found if f"**{line[0]}, median**" == median[0]]
            for column in 4, columns - 1:
                values = sorted(float(line[column]) for line in runs)
                true(values[0] <= float(median[column]) <= values[-1], "a median among its runs")
    table(re.sub(r"(?m)^( 4096 +100 +)[0-9.]+", r"\g<1>inf", text), status=1)
    table("no row\n", status=1)


@case("the tables in results/parity-rxe are those of the outputs there")
def _():
    with open(os.path.join(SAVED, "README.md"), encoding="utf-8") as file:
        readme = file.read()
    for name in "read_bw", "write_bw", "read_lat", "write_lat":
        made = subprocess.run(["awk", "-f", COLUMNS, os.path.join(SAVED, name + ".txt")],
                              text=True, timeout=PATIENCE, stdout=subprocess.PIPE, check=True).stdout
        true(made in readme, f"the table of {name}.txt")


main()
