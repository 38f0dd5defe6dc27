#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Memory of both sides on Soft-RoCE: what the kernel says is registered, and what stands in files."""
import json
import signal
import subprocess
import sys

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from rwcase import (CLIENT_DEVICE, PATIENCE, SERVER_DEVICE, Client, Traffic, case, client, eq,
                    good, main, shared_server, true)

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


if __name__ == "__main__":
    main()
