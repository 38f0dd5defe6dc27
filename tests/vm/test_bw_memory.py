#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Memory of both sides on Soft-RoCE: what the kernel says is registered, and what stands in files."""
import json
import signal
import subprocess
import sys

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from rwcase import (CLIENT_DEVICE, PATIENCE, SERVER_DEVICE, USAGE, Client, Traffic, case, client, eq,
                    good, main, refused, shared_server, true)

BOTH = "--path=direct,mr"


def mrs_of(device):
    """(MR number, lkey, rkey, bytes) of each MR on @device, as the kernel knows it."""
    text = subprocess.run(["rdma", "-j", "-dd", "resource", "show", "mr"], check=True,
                          timeout=PATIENCE, stdout=subprocess.PIPE).stdout
    return [(mr["mrn"], mr["lkey"], mr["rkey"], mr["mrlen"]) for mr in json.loads(text)
            if mr["ifname"] == device]


# ---- an MR for each QP

def mrs_while(*options, qps=5, contexts=3):
    """The MRs of server and client in the middle of a run of both."""
    server, traffic = shared_server(), Traffic()
    process = Client(server, "-q", str(qps), "-t", str(contexts), "-D", "60", "--path=direct",
                     "--verify", *options)
    try:
        traffic.wait_measuring(qps * contexts)
        found = mrs_of(SERVER_DEVICE), mrs_of(CLIENT_DEVICE)
    finally:
        process.send(signal.SIGINT)
        run = process.finish()
    rows = good(run, interrupted=True)
    true(rows[0]["n_iterations"] > 0, "operations")
    return run, *found


@case("--mr_per_qp: as many MRs on each side, side by side, of different keys")
def _():
    for op in "read", "write":
        run, lent, own = mrs_while("--mr_per_qp", "--op=" + op)
        eq((len(lent), len(own)), (5, 5), "MRs of server and client")
        eq(len({mr[2] for mr in lent}), 5, f"different rkeys of the server: {lent}")
        eq(len({mr[1] for mr in own}), 5, f"different lkeys of the client: {own}")
        eq({mr[3] for mr in lent}, {3 * 65536}, "bytes of each MR of the server")
        info = run.report["test_info"]
        eq((info["memory"]["mrs"], info["peer"]["memory"]["mrs"]), (5, 5), "MRs in the report")


@case("without it: one MR for all QPs")
def _():
    _, lent, own = mrs_while()
    eq((len(lent), len(own)), (1, 1), "MRs of server and client")
    eq(lent[0][3], 15 * 65536, "bytes of the server's")


@case("--mr_per_qp: rows that take turns, several paths, a mix")
def _():
    for options in (BOTH, "--verify"), (BOTH, "--verify", "--op=write", "-a"), \
                   (BOTH, "--mix=read:50", "-s", "4K:1,64K:1"):
        good(client(shared_server(), "--mr_per_qp", "-q", "3", "-t", "2", "-n", "8", *options),
             verified="--verify" in options)


# ---- the peer's memory at a stride

def strided(*options, **more):
    run = client(shared_server(), "--verify", "-s", "256K", "-t", "3", "-n", "12",
                 "--remote_sge_stride=160K", *options)
    return good(run, **more)


@case("--remote_sge_stride: a WR for each piece, on all paths, and the data are right")
def _():
    for op in "read", "write":
        # 64 segments, 32 SGEs: two pieces, whichever way they are posted.
        for row in strided("--path=direct,mr,auto", "--op=" + op):
            eq(row["wrs_per_operation"], 2, f"{op} {row['path']}: WRs")
    # Where the pool is empty an operation goes the other way, to the same pieces.
    row = strided("--path=mr", "--mr_pool=2", "--op=write", rows=1)[0]
    true(row["fallbacks"] > 0 and row["mr_operations"] > 0, "both ways in one row")
    strided("--path=direct,mr", "--mr_entries=5", "--op=write", "--mr_per_qp", "-q", "2")


@case("--remote_sge_stride: pieces that would overlap are refused")
def _():
    refused(client(shared_server(), "-s", "256K", "--remote_sge_stride=100K"), USAGE,
            "one WR moves 131072 bytes (32 segments)", "give at least 131072")


if __name__ == "__main__":
    main()
