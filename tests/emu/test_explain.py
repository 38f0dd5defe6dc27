#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What --explain says of a device is what ib_rw_bw then posts to it."""
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# pylint: disable=wrong-import-position
from emucase import main
from rwproc import DEVICE, OK, USAGE, alone, client, eq, load_json, shared_server, true
from rwtap import case, one_line

DEVICE_NAME = "mlx5_1"
CONTEXTS = 8
COUNT = 40


def explain(*options, device=DEVICE_NAME):
    return alone("--explain", "-d", device, *options)


def told(*options):
    done = explain("--json=-", *options)
    eq((done.status, done.err), (OK, ""), "status, standard error")
    return load_json(done.out)


def measured(*options):
    return client(shared_server(device="mlx5_0"), "-F", "-n", str(COUNT), *options,
                  device=DEVICE_NAME)


def compare(row, result):
    """A row that was told, and the row that ran."""
    path = f"path {row['path']}: "
    wants = row["decision"] == "mr"
    eq((result["path"], result["engine"]), (row["path"], row["engine"]), path + "engine")
    eq(result["mr_wanted"], COUNT if wants else 0, path + "operations that wanted MRs")
    if wants:
        eq(result["mr_pool"], row["budgets"]["mr_pool"], path + "pool")
    fallbacks = result["fallbacks"]
    wrs = (COUNT - fallbacks) * row["chain"]["nr_wrs"]
    wqes = (COUNT - fallbacks) * row["chain"]["wqe_bytes"]
    if fallbacks:
        wrs += fallbacks * row["fallback"]["nr_wrs"]
        wqes += fallbacks * row["fallback"]["wqe_bytes"]
    eq((result["n_iterations"], result["wrs"]), (COUNT, wrs), path + "operations, WRs")
    eq(round(result["wqe_bytes_per_operation"] * COUNT), wqes, path + "bytes of WQEs")


def declare(*options):
    def _():
        both = ("-s", "64K", "-t", str(CONTEXTS), "--path=direct,mr,auto", *options)
        rows, run = told(*both)["rows"], measured(*both)
        eq((run.status, len(rows), len(run.rows)), (OK, 3, 3), "status, rows")
        for row, result in zip(rows, run.rows):
            compare(row, result)
        true("--mr_pool=1" not in options or run.row("mr")["fallbacks"], "fallbacks were compared")
    case("told and run: " + " ".join(options))(_)


for op in "read", "write":
    for engine in "umr", "umr_ptr":
        for sges in 1, 3, 4, 30, 31, 53, 300:
            declare(f"--op={op}", f"--engine={engine}", f"--sges={sges}")
declare("--sges=16")
declare("--sges=256")
declare("--sges=32", "--invalidate=fenced")
declare("--sges=32", "--invalidate=never")
declare("--sges=16", "--engine=reg")
declare("--sges=32", "--mr_entries=10")
declare("--sges=32", "--max_sgl_rd=32")
declare("--sges=31", "--mr_pool=1")


@case("the limits are the device's and its firmware's")
def _():
    document = told("-s", "1M", "--path=auto")
    limits = document["limits"]
    eq((limits["name"], limits["is_profile"]), (DEVICE_NAME, False), "name")
    eq(limits["max_sgl_rd"], {"value": 3, "source": "firmware"}, "max_sgl_rd")
    eq(limits["max_sge_rd"]["value"], 30, "max_sge_rd")
    eq(limits["max_fast_reg_page_list_len"]["value"], None, "what only the kernel knows")
    eq(document["iommu"]["of"], "device", "whose IOMMU group")


@case("--sq=kernel: told not to fit where the run is refused, and only there")
def _():
    for sges, fits in ("270", True), ("271", False):
        both = ("-s", "2M", f"--sges={sges}", "-t3", "--path=auto", "--sq=kernel")
        run = measured(*both)
        eq(run.status, OK if fits else USAGE, f"status of a run of {sges}")
        eq("does not fit" not in explain(*both).out, fits, f"{sges} segments fit")


@case("no such device")
def _():
    done = explain(device="none_0")
    eq((done.status, done.out), (DEVICE, ""), "status, standard output")
    one_line(done.err, "none_0", DEVICE_NAME)


main()
