#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""-b on the emulated ConnectX: both sides are initiators, at the same time."""
import os
import re
import signal
import sys
from itertools import product

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# pylint: disable=wrong-import-position
from emucase import latency, main, near, start_latency
from rwproc import (CORRUPT, LATENCY, OK, PEER, PROGRAM, RUN, USAGE, Server, emu_env, eq, true,
                    wait_until)
from rwtap import case, consistent, one_line, refused

CONTEXTS, COUNT, POOL = 8, 40, 4
SUMS = "BW_peak", "BW_least", "BW_average", "MsgRate"
SHORT = "-t", CONTEXTS, "-n", COUNT, f"--mr_pool={POOL}"


def start(*options, **more):
    return start_latency("-b", *options, program=PROGRAM, **more)


def run(*options, **more):
    return start(*options, **more).finish()


def good_rows(done, count=COUNT, rows=None, interrupted=False, verified=True):
    """A run that ended well, each direction of which is a row. Returns (client's, server's)."""
    eq((done.err, done.status), ("", OK), "standard error, exit status")
    if rows is not None:
        eq(len(done.rows), rows, "rows")
    found = []
    for row in done.rows:
        client, server = row["directions"]["client"], row["directions"]["server"]
        for key in SUMS:
            near(row[key], client[key] + server[key], f"{key} of both")
        pair = {**row, **client}, server
        for one in pair:
            consistent(one, engine="umr")
            eq((one["op"], one["path"], one["MsgSize"]),
               (row["op"], row["path"], row["MsgSize"]), "operation, path, size")
            eq(one["verified"], verified, "verified")
            if count:
                eq(one["operations_issued"], count, "operations of a side")
        eq(row["interrupted"], interrupted, "interrupted")
        found.append(pair)
    return found


for an_op in "read", "write":
    @case(f"{an_op.upper()}s both ways by all paths: every byte right, the rates add up")
    def _(op=an_op):
        for more in (), ("-q", 3), ("-q", 3, "--mr_per_qp"), ("--no_warm_up",), ("-Q", 4, "-l", 2):
            qps = 3 if "-q" in more else 1
            pairs = good_rows(run("--op=" + op, "--verify", *SHORT, *more), COUNT * qps, rows=3)
            for client, server in pairs[1:2] if op == "write" else pairs[1:]:
                for one in client, server:
                    eq((one["engine"], one["mr_pool"]), ("umr", POOL), "engine, pool")
                    true(one["exhaustions"] >= (CONTEXTS - POOL) * qps,
                         f"{one['exhaustions']} exhaustions of a side")


@case("several sizes, and mixes")
def _():
    pairs = good_rows(run("--size_range=4K:64K:4", "--path=direct,mr", "--verify", *SHORT), rows=6)
    eq([pair[1]["MsgSize"] for pair in pairs[::2]], [4096, 16384, 65536], "sizes of the server's")
    for client, server in good_rows(run("--mix=read:50", "-s", "4K:50,64K:50", "--path=direct",
                                        *SHORT), verified=False):
        for one in client, server:
            eq(sum(kind["operations"] for kind in one["mix"]), COUNT, "operations of the mix")


@case("both directions run at the same time")
def _():
    done = run("-D", 2, "--path=direct", "-t", 4)
    for client, server in good_rows(done, count=None, verified=False):
        for one in client, server:
            true(one["elapsed_ns"] >= 2e9, f"{one['elapsed_ns']} ns of a side")
    # One after the other they would take as long as both; more is only what opens and closes.
    idle = run("-n", 1, "-t", 4, "--path=direct").seconds
    true(done.seconds - idle < 3.5 or done.seconds < 4,
         f"{done.seconds:.2f} s, of which {idle:.2f} s without a load")


@case("a side that is slower has its time, and the other waits for it")
def _():
    for slow in "client", "server":
        settings = emu_env(cost_latency_ns=5000000)
        with Server(device="mlx5_0", env=dict(os.environ, **(settings if slow == "server" else {})),
                    program=PROGRAM) as own:
            done = run("-n", 20, "-t", 1, "--path=direct", "--verify", server=own,
                       **({"cost_latency_ns": 5000000} if slow == "client" else {}))
            pair = good_rows(done, 20)[0]
            late, early = pair if slow == "client" else pair[::-1]
            true(late["elapsed_ns"] >= 20 * 5e6, f"{late['elapsed_ns']} ns of the slower")
            true(early["elapsed_ns"] < late["elapsed_ns"], "the other is faster")


@case("QPs have room for the READs of both directions")
def _():
    for more in ("-o", 4), ():
        done = run("--path=direct", *SHORT, *more)
        good_rows(done, verified=False)
        info = done.report["test_info"]
        wanted = info["connection"]["outstanding_reads"]
        eq(wanted, 4 if more else 16, "outstanding READs")
        for side in info["connection"]["qp"], info["peer"]["qp"]:
            eq((side["max_rd_atomic"], side["max_dest_rd_atomic"]), (wanted, wanted),
               "READs of a side as initiator and as target")


@case("the table has the sum in perftest's columns, and with --report-both each direction")
def _():
    done = run("--path=direct", "--report-both", *SHORT)
    row, pair = done.row(), good_rows(done, verified=False)[0]
    true("RDMA_Read Bidirectional BW Test" in done.out, "the title is perftest's")

    def figures(before):
        match = re.search(before + r" 65536 +(\d+) +([\d.]+) +([\d.]+)\s+([\d.]+)", done.out)
        true(match, f"a line behind {before!r} in {done.out!r}")
        eq(int(match[1]), COUNT, "operations")
        return float(match[3])

    near(figures(r"WQE B/op\n"), row["BW_average"], "sum", absolute=0.006)
    near(figures(r" Local results: \n"), pair[0]["BW_average"], "this side", absolute=0.006)
    near(figures(r" Remote results: \n"), pair[1]["BW_average"], "the peer", absolute=0.006)
    number = run("--path=direct", "--output=message_rate", *SHORT)
    near(float(number.out), number.row()["MsgRate"], "the only number", absolute=1e-6)


@case("damage is found in both directions, whoever did it")
def _():
    fault = "flip@60+"
    for op, side in product(("read", "write"), ("client", "server")):
        with Server(device="mlx5_0", program=PROGRAM, env=dict(
                os.environ, **({"RW_EMU_FAULT": fault} if side == "server" else {}))) as own:
            done = run("--op=" + op, "--path=direct", "--verify", "-n", 100, "-t", 4, server=own,
                       **({"fault": fault} if side == "client" else {}))
            eq(done.status, CORRUPT, f"exit status ({done.err})")
            one_line(done.err, "data corrupt")


def cpu_s(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measuring(process):
    wait_until(lambda: "#bytes" in process.out, "the table begins")
    # Who measures spins: by then it is past the warm-up.
    wait_until(lambda: cpu_s(process.pid) > 0.5, "it measures")


@case("an interrupt ends both sides' rows, and the server goes on serving")
def _():
    with Server(device="mlx5_0", program=PROGRAM) as own:
        for more in ("-D", 600), ("-n", 100000000):
            process = start("--path=direct", *more, server=own)
            measuring(process)
            process.send(signal.SIGINT)
            done = process.finish()
            if done.report and done.report["results"]:
                good_rows(done, count=None, interrupted=True, verified=False)
            else:
                one_line(done.err, "interrupted before anything was measured")
        good_rows(run("--verify", *SHORT, server=own))


@case("a side that is gone or fails ends the other, which says why")
def _():
    for sign in signal.SIGKILL, signal.SIGINT:
        with Server(device="mlx5_0", program=PROGRAM, keep=False) as own:
            process = start("--path=direct", "-D", 600, server=own)
            measuring(process)
            own.send(sign)
            done = process.finish()
            true(done.status in (PEER, RUN), f"exit status {done.status}")
            one_line(done.err)
    for side in "client", "server":
        fault = "remote_access@500"
        with Server(device="mlx5_0", program=PROGRAM, keep=False, env=dict(
                os.environ, **({"RW_EMU_FAULT": fault} if side == "server" else {}))) as own:
            done = run("--path=direct", "-D", 600, server=own,
                       **({"fault": fault} if side == "client" else {}))
            true(done.status in (PEER, RUN), f"exit status {done.status}")
            one_line(done.err, "RDMA READ on QP")


@case("what does not fit is refused, with what to do")
def _():
    refused(run("-q", 2, "--threads=2"), USAGE, "each side measures in one thread")
    refused(run("--on_exhaustion=fail", "--teardown"), USAGE, "leave --teardown out")
    refused(run("--mmap=/dev/null"), USAGE, "leave --mmap out")
    refused(latency("--report-both", program=PROGRAM), USAGE, "give --bidirectional")
    refused(latency("-b"), USAGE, "--bidirectional", "ib_rw_bw", name=os.path.basename(LATENCY))


main()
