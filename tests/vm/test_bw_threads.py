#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""--threads on Soft-RoCE: each has its QPs, however they are connected; one end ends all."""
import os
import signal
import sys

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from rwcase import (OK, PEER, RUN, USAGE, Client, Server, Traffic, case, client, eq, good, main,
                    one_line, refused, shared_server, true)

SHORT = "-s", "64K", "-t", "4", "-n", "24", "--verify", "--no_pin"
ALL = "--path=direct,mr,auto", "--max_sgl_rd=3"

for an_op in "read", "write":
    for a_way in (), ("-R",):
        def _(op=an_op, way=a_way):
            rows = good(client(shared_server(), *SHORT, *ALL, *way, "--op=" + op, "-q", "5",
                               "--threads=3"), rows=3)
            for row in rows:
                eq([t["n_iterations"] for t in row["threads"]], [48, 48, 24], "each thread's share")
                eq(row["n_iterations"], 120, "operations of all")
                eq([t["pu"] for t in row["threads"]], [None] * 3, "nobody is pinned")
        case(f"{an_op}, 5 QPs dealt to 3 threads{', by rdma_cm' * bool(a_way)}: all paths, every byte")(_)


@case("threads that run for a time: all of them work")
def _():
    row = good(client(shared_server(), "-q", "2", "--threads=2", "--no_pin", "-s", "4K", "-D", "1",
                      "--path=direct"), rows=1, verified=False)[0]
    true(all(t["n_iterations"] for t in row["threads"]), "both worked")
    eq(sum(t["n_iterations"] for t in row["threads"]), row["n_iterations"], "operations of all")


@case("more threads than CPUs are refused, or take turns with --no_pin")
def _():
    many = str(len(os.sched_getaffinity(0)) + 1)
    refused(client(shared_server(), "-q", many, "--threads", many, "-n", "10"), USAGE,
            "measuring threads", "--no_pin")


@case("a server that is killed ends all threads")
def _():
    with Server() as own:
        traffic = Traffic()
        process = Client(own, "-q", "3", "--threads=3", "--no_pin", "-s", "64K", "-t", "4", "-D",
                         "600", "--path=direct")
        traffic.wait_measuring(3 * 4)
        own.send(signal.SIGKILL)
        done = process.finish()
        true(done.status in (PEER, RUN), f"exit status {done.status}")
        one_line(done.err)


@case("SIGINT ends all threads well")
def _():
    traffic = Traffic()
    process = Client(shared_server(), "-q", "3", "--threads=3", "--no_pin", "-s", "64K", "-t", "4",
                     "-D", "600", "--path=direct")
    traffic.wait_measuring(3 * 4)
    process.send(signal.SIGINT)
    done = process.finish()
    eq((done.status, done.rows[0]["interrupted"]), (OK, True), "status, interrupted")


main()
