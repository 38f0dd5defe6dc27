#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""--threads on the emulated ConnectX: all work, where the report says, and one end ends all.

What threads find in their pools is held against a model in test_pool.py.
"""
import math
import os
import re
import signal
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# pylint: disable=wrong-import-position
from emucase import check_order, good_latencies, latency, main, near
from rwproc import (CORRUPT, DEVICE, LATENCY, OK, PEER, PROGRAM, RUN, USAGE, Client, Server, client, eq,
                    shared_server, true, wait_until)
from rwtap import case, good, one_line, refused

CPUS = sorted(os.sched_getaffinity(0))
SUMS = "operations_issued", "n_iterations", "mr_wanted", "exhaustions", "fallbacks", "failed"


def run(*options, **more):
    return client(shared_server(device="mlx5_0"), "-F", *map(str, options), device="mlx5_1", **more)


def check_threads(row, qps, iters=None):
    """The threads are the row; each has the QPs that it should have, and did its work."""
    threads = row["threads"]
    eq([t["qps"] for t in threads], qps, "QPs of each thread")
    if iters:
        eq([t["operations_issued"] for t in threads], [n * iters for n in qps],
           "operations of each thread")
    for key in SUMS:
        eq(sum(t[key] for t in threads), row[key], f"{key} of all threads")
    for thread in threads:
        true(0 < thread["elapsed_ns"] <= row["elapsed_ns"], "a thread's time is within the row's")
        true(thread["n_iterations"] and thread["cpu_ns_per_operation"] > 0, "a thread that worked")


# ---- the work is shared

@case("each thread does its share, all data are right")
def _():
    for op in "read", "write":
        for threads, qps, more in ((2, [3, 2], []), (3, [2, 2, 1], ["--mr_per_qp"]), (5, [1] * 5, [])):
            done = run("-q", 5, "--threads", threads, "--no_pin", "-n", 60, "-t", 8, "--verify",
                       "--mr_pool=5", f"--op={op}", "--path=direct,mr,auto", *more)
            for row in good(done, rows=3, engine="umr"):
                check_threads(row, qps, 60)
                eq(row["qps"], 5, "QPs of the row")
            eq(done.rows[1]["pools"], 5, "pools")


@case("damage of any thread's data is found, and told of the right path")
def _():
    for op in "read", "write":
        # 2 operations of each of 4 contexts to warm up, 10 that count: 48 in each row.
        env = dict(os.environ, RW_EMU_FAULT="flip@60+")
        done = run("-q", 4, "--threads=4", "--no_pin", "-n", 10, "-t", 1, "--verify",
                   f"--op={op}", "--path=direct,mr", env=env)
        eq((done.status, done.rows[0]["corrupt_bytes"]), (CORRUPT, 0), f"{op}: status, direct")
        # READs are checked one by one, of WRITEs what is there in the end.
        found = done.rows[1]["corrupt_bytes"]
        eq(found, 37 if op == "read" else 4, f"{op}: bytes that are wrong")
    # 100 operations of each thread and path to warm up. By path mr each context is used again.
    for seed in range(1, 5):
        done = latency("-q", 2, "--threads=2", "--no_pin", "-n", 1, "--verify", "--op=write",
                       "--path=direct,mr", f"--seed={seed}", fault="flip@401")
        eq(done.rows[1]["corrupt_bytes"], 0, "path mr")
        true(done.rows[0]["corrupt_bytes"] in (0, 1), "path direct")
        eq(done.status, CORRUPT if done.rows[0]["corrupt_bytes"] else OK, "status")


@case("one thread is the run as it always was, and is told as one")
def _():
    row = good(run("-q", 2, "-n", 100, "--path=mr"), verified=False, engine="umr")[0]
    check_threads(row, [2], 100)
    eq(row["threads"][0]["elapsed_ns"], row["elapsed_ns"], "elapsed_ns of the only thread")


@case("--pool_scope=thread: as many pools as threads, each as large as its contexts need")
def _():
    row = good(run("-q", 5, "--threads=2", "--no_pin", "-n", 60, "-t", 8, "--path=mr",
                   "--pool_scope=thread"), verified=False, engine="umr")[0]
    eq((row["pools"], row["mr_pool"], row["exhaustions"]), (2, 24, 0), "pools, their MRs, exhaustions")
    eq([t["pool_low_water"] for t in row["threads"]], [0, 0], "low water of 24 and 16 MRs")


@case("a mix, contexts that think, a series: of all threads together")
def _():
    done = run("-q", 4, "--threads=2", "--no_pin", "--mix=read:50", "-s", "4K:50,64K:50", "-D", 1,
               "--interval_ms=100", "--think_us=200", "--path=direct")
    eq((done.status, done.err), (OK, ""), "status, standard error")
    row = done.rows[0]
    check_threads(row, [2, 2])
    eq(sum(kind["operations"] for kind in row["mix"]), row["n_iterations"], "operations of the mix")
    eq(sum(row["intervals"]["operations"]), row["n_iterations"], "operations of all intervals")
    # The threads draw numbers of their own: the same ones would give the same kinds.
    for kind in row["mix"]:
        n = row["n_iterations"]
        true(abs(kind["operations"] - n / 4) < 6 * math.sqrt(n * 3 / 16) + 1, f"a quarter: {kind}")


# ---- latency

@case("latencies: of all threads together, and of each")
def _():
    done = latency("-q", 3, "--threads=2", "--no_pin", "-n", 300, "--path=direct,mr", "-U")
    for row in good_latencies(done, engine="umr", verified=False, rows=2):
        threads = row["threads"]
        check_threads(row, [2, 1], 300)
        n = [t["n_iterations"] for t in threads]
        near(row["t_avg"] * 1e3, sum(t["mean_ns"] * k for t, k in zip(threads, n)) / sum(n),
             "the mean of all", relative=1e-6)
        for key, name in ("p50_ns", "t_typical"), ("p99_ns", "percentile_99"):
            each = [t[key] for t in threads]
            true(min(each) * (1 - 1e-9) <= row[name] * 1e3 <= max(each) * (1 + 1e-9),
                 f"{name} of all within {each}")
        samples = row["samples_ns"]
        eq(len(samples), 900, "samples")
        # One thread's behind the other's: each part has its thread's mean.
        for part, thread in (samples[:600], threads[0]), (samples[600:], threads[1]):
            near(sum(part) / len(part), thread["mean_ns"], "the mean of a thread's samples",
                 relative=1e-3, absolute=1)


@case("open loop: threads share the rate as their QPs, and lose no arrival")
def _():
    for arrival in "fixed", "poisson", "burst:4":
        done = latency("-q", 3, "--threads=2", "--no_pin", "--rate=1500", f"--arrival={arrival}",
                       "-D", 1, "-t", 4, "--path=mr")
        eq((done.status, done.err), (OK, ""), "status, standard error")
        row = done.rows[0]
        check_order(row, 1e3, "open loop: ")
        check_threads(row, [2, 1])
        loop = row["open_loop"]
        eq(loop["offered_per_s"], 1500, "the rate of all")
        # Begun or not, all arrivals are there: as many as were due in the time.
        due = 1500
        found = row["operations_issued"] + loop["never_begun"]
        spare = {"fixed": 4, "poisson": 6 * math.sqrt(due), "burst:4": 16}[arrival]
        late = 1500 * (row["elapsed_ns"] * 1e-9 - 1)
        true(due - spare <= found <= due + late + spare, f"{arrival}: {found} arrivals, {due} due")


# ---- where they are

def cpus_of(pid):
    """{CPUs that a thread may use: how many threads there are}"""
    found = {}
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status", encoding="ascii") as file:
            allowed = re.search(r"Cpus_allowed_list:\s*(\S+)", file.read())[1]
        found[allowed] = found.get(allowed, 0) + 1
    return found


def watch(*options):
    process = Client(shared_server(device="mlx5_0"), "-F", "-D", "1", "--path=mr", *options,
                     device="mlx5_1")
    try:
        wait_until(lambda: "#bytes" in process.out, "the table begins")
        found = cpus_of(process.pid)
        return found, process.finish()
    finally:
        process.end()


@case("each thread is pinned to the core that the report names for it, or to none")
def _():
    everywhere = next(iter(cpus_of(os.getpid())))
    found, done = watch("-q", "3", "--threads=3", "--no_pin")
    eq(set(found), {everywhere}, "CPUs of threads that are not pinned")
    true(found[everywhere] >= 4, "three threads, and the device's")
    eq([t["pu"] for t in done.rows[0]["threads"]], [None] * 3, "no core is told")
    if len(CPUS) < 2:
        return
    for options, wanted in (([], None), ([f"--cores={CPUS[1]},{CPUS[0]}"], [CPUS[1], CPUS[0]])):
        found, done = watch("-q", "2", "--threads=2", *options)
        told = [t["pu"] for t in done.rows[0]["threads"]]
        eq([found.get(str(pu)) for pu in told], [1, 1], f"a thread on each of {told}: {found}")
        eq(len(set(told)), 2, "no core has two threads")
        if wanted:
            eq(told, wanted, "in the order of --cores")
        placed = done.report["test_info"]["host"]["placement"]["threads"]
        eq([t["pu"] for t in placed], told, "the placement's cores")
        sampled = done.report["test_info"]["host"]["placement"]["memory_pages_sampled"]
        true(sampled in (0, 512), f"{sampled} pages: of both threads' memory, or no NUMA here")
        true(f"PUs {told[0]},{told[1]}" in done.out, "the table's head names them")


@case("what threads cannot have is refused in one line")
def _():
    many = len(CPUS) + 1
    for options, words in (
            (["-q", 2, "--threads=3"], ("3 threads for 2 QPs", "--qp")),
            (["--threads=0"], ("--threads", "1 to 256")),
            (["-q", many, f"--threads={many}"], (f"{many} measuring threads", "--no_pin")),
            (["-q", 4, "--threads=2", "--rate=1"], ("--rate", "--threads")),
            (["-q", 2, "--threads=2", "--teardown", "--on_exhaustion=fail"],
             ("--teardown", "--threads")),
            # found when the loads are opened, in each thread
            (["--engine=reg", "--path=mr", "--segment=100"], ("engine reg",)),
            (["-q", 2, "--threads=2", "--no_pin", "--engine=reg", "--path=mr", "--segment=100"],
             ("engine reg",))):
        done = run("-n", 10, *options)
        refused(done, DEVICE if "--engine=reg" in options else USAGE, *words)


# ---- many

@case("64 threads on a few CPUs, with 1,024 QPs, come to their end and say that they were crowded")
def _():
    done = run("-q", 1024, "--threads=64", "--no_pin", "-t", 2, "-n", 10, "--path=direct,mr",
               "-s", "4K", timeout=120)
    for row in good(done, verified=False, rows=2, engine="umr"):
        check_threads(row, [16] * 64, 10)
    if len(CPUS) < 64:
        true("take turns" in " ".join(done.report["test_info"]["notes"]), "a note")


# ---- one pool of all threads

def pool_of_all(policy, pool, *more, threads=3, qps=3, contexts=4, count=200, sges=16):
    """Rows of --pool_scope=process whose counts fit each other, and no MR of which is lost."""
    done = run("-q", qps, f"--threads={threads}", "--no_pin", "-t", contexts, "-n", count,
               "--pool_scope=process", f"--mr_pool={pool}", f"--on_exhaustion={policy}",
               f"--sges={sges}", "-s", sges * 4096, "--mr_entries=40", "--path=mr", "--verify", *more)
    eq((done.err, done.status), ("", OK), "standard error, exit status")
    row, per_op = done.row("mr"), -(-sges // 40)
    eq((row["pools"], row["mr_pool"], row["corrupt_bytes"]), (1, pool, 0), "pools, MRs, damage")
    eq(row["operations_issued"], qps * count, "operations issued")
    eq(row["n_iterations"] + row["failed"], qps * count, "operations that ended")
    eq(row["mr_operations"] + row["fallbacks"] + row["failed"], qps * count, "each went one way")
    eq(row["exhaustions"], row["fallbacks"] + row["failed"] + row["waits"], "exhaustions")
    for key in "n_iterations", "exhaustions", "fallbacks", "failed":
        eq(sum(t[key] for t in row["threads"]), row[key], f"{key} of all threads")
    # Little's law: no more MRs are held than there are.
    held = row["mr_operations"] * per_op * row["mr_hold_mean_ns"] / row["elapsed_ns"]
    true(held <= pool * (1 + 1e-6), f"{held} MRs held of {pool}")
    true(row["pool_low_water"] < per_op or not row["exhaustions"], "an empty pool when it was")
    return row


@case("--pool_scope=process: a pool for all contexts of all threads never runs dry")
def _():
    row = pool_of_all("fallback", 12)
    eq((row["exhaustions"], row["mr_operations"]), (0, 600), "exhaustions, MR operations")
    # Without --mr_pool it is as large as all threads need.
    eq(run("-q", 3, "--threads=3", "--no_pin", "-t", 4, "-n", 10, "--path=mr",
           "--pool_scope=process").row("mr")["mr_pool"], 12, "the pool by default")


@case("... and a smaller one does, whatever follows from it")
def _():
    for policy in "fallback", "fail", "wait":
        for pool, sges in (2, 16), (5, 120):
            row = pool_of_all(policy, pool, sges=sges)
            true(row["exhaustions"] > 0, f"{policy}: exhaustions")


@case("... an operation that waits is served when another thread gives its MR back")
def _():
    for more in (), ("-e",), ("-Q", 2), ("--engine=reg",):
        # One MR, and a context a thread: who waits has no completion of its own to come.
        row = pool_of_all("wait", 1, *more, contexts=2 if "-Q" in more else 1)
        eq(row["n_iterations"], 600, "operations")
    row = pool_of_all("wait", 1, threads=2, qps=5, contexts=1, count=100)
    eq(row["mr_operations"], 500, "operations")


@case("... in latency rows, too, where the paths take turns")
def _():
    done = latency("-q", 2, "--threads=2", "--no_pin", "-n", 300, "--pool_scope=process",
                   "--mr_pool=1", "--on_exhaustion=wait")
    eq((done.err, done.status), ("", OK), "standard error, exit status")
    for row in done.rows:
        eq(row["n_iterations"], 600, "operations")


# ---- one end ends all

def cpu_s(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@case("SIGINT ends all threads well")
def _():
    process = Client(shared_server(device="mlx5_0"), "-F", "-D", "600", "--path=mr", "-q", "3",
                     "--threads=3", "--no_pin", device="mlx5_1")
    wait_until(lambda: "#bytes" in process.out, "the table begins")
    # Those that measure spin: by then they are past the warm-up.
    wait_until(lambda: cpu_s(process.pid) > 0.5, "it measures")
    process.send(signal.SIGINT)
    done = process.finish()
    row = good(done, verified=False, rows=1, interrupted=True, engine="umr")[0]
    eq(sum(t["n_iterations"] for t in row["threads"]), row["n_iterations"], "operations of all")


@case("a thread that fails ends the others, and its reason is told")
def _():
    for nth in 2000, 2001, 2002, 2003:
        env = dict(os.environ, RW_EMU_FAULT=f"remote_access@{nth}")
        done = run("-D", 600, "-q", 4, "--threads=4", "--no_pin", "-t", 4, "--path=mr", env=env)
        eq(done.status, RUN, f"exit status ({done.err})")
        one_line(done.err, "RDMA READ on QP", "failed")


@case("a server that is killed ends all threads, of either program")
def _():
    for program in PROGRAM, LATENCY:
        with Server(device="mlx5_0", program=program) as own:
            process = Client(own, "-F", "-D", "600", "--path=mr", "-q", "3", "--threads=3",
                             "--no_pin", device="mlx5_1", program=program)
            wait_until(lambda: "#bytes" in process.out, "the table begins")
            own.send(signal.SIGKILL)
            done = process.finish()
            true(done.status in (PEER, RUN), f"exit status {done.status}")
            one_line(done.err, name=os.path.basename(program))


@case("... also when the thread that talks to it has ended, and another waits for its QP")
def _():
    # 4 operations to warm up; whose QP stands still is left to chance.
    for nth in range(20, 26):
        env = dict(os.environ, RW_EMU_FAULT=f"stall@{nth}", RW_EMU_STALL_MS="60000")
        with Server(device="mlx5_0") as own:
            process = Client(own, "-F", "-n", "50", "-t", "1", "--path=direct", "-q", "2",
                             "--threads=2", "--no_pin", device="mlx5_1", env=env)
            wait_until(lambda: cpu_s(process.pid) > 0.3, "it measures")
            own.send(signal.SIGKILL)
            # A QP that is silent for 30 s ends a run as well: that is not it.
            done = process.finish(25)
            eq(done.status, PEER, "exit status")
            one_line(done.err, "closed the connection")


main()
