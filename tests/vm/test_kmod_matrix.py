#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""rw_bench.ko: paths, WRs, exhaustions and data, with and without the fallback.

What is asserted follows from the rules of rdma_rw_ctx_init alone, for each kind of
device, kernel and setting. Nothing is asserted of a speed.
"""
import gzip
import json
import os
import sys

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from kmodcase import (DEBUG, ROOT, SERVER, SRCDIR, STOCK, Guest, case, completed, consistent, create, delay,
                      eq, main, note, report, request, run_client, start_server, true, wait_end, wait_until)

CONTEXTS, COUNT, SEGMENTS = 8, 120, 16
THRESHOLD = 4  # fewer than the segments of an operation
SIW_SEND_SGES = 6
GUESTS = [Guest(device, kernel, force_mr) for device in ("rxe", "siw")
          for kernel in (STOCK, "nofallback") for force_mr in (False, True)]


def wants_mr(guest, op, threshold):
    """Whether the API wants an MR for the operations of these tests."""
    return guest.force_mr or op == "read" and (guest.iwarp or threshold)


def direct_wrs(guest):
    return -(-SEGMENTS // SIW_SEND_SGES) if guest.iwarp else 1


def check(guest, run, op, threshold, pool, policy):
    paths = {name: path["operations"] for name, path in run["paths"].items()}
    mr, direct = paths["mr"], paths["multi"]
    eq(paths["single"], 0, "operations of a single SGE")
    eq(run["force_mr"], guest.force_mr, "force_mr as it was found")
    eq(run["max_sgl_rd"], {"found": 0, "used": THRESHOLD if threshold else 0}, "max_sgl_rd")
    eq(run["paths"]["multi"]["wrs"], direct * direct_wrs(guest), "WRs of direct operations")
    short = pool < CONTEXTS
    if not wants_mr(guest, op, threshold):
        eq((mr, direct, run["eagain"]), (0, COUNT, 0), "by MR, direct, EAGAIN")
        eq(run["pool_low_water"], None, "low water of a pool that nobody wanted")
        return
    true(mr > 0, "operations by MR")
    if op == "read" and guest.iwarp:
        wrs = 2 * mr  # REG_MR, READ_WITH_INV
    else:
        wrs = 3 * mr - pool  # [LOCAL_INV, but for a new MR,] REG_MR, READ or WRITE
    eq(run["paths"]["mr"]["wrs"], wrs, "WRs of operations by MR")
    eq(run["pool_low_water"], 0, "fewest free MRs")
    if not short or guest.fallback:
        eq((run["eagain"], run["failed"], run["waits"]), (0, 0, 0), "EAGAIN, failed, waits")
        eq(completed(run), COUNT, "operations that completed")
        eq(direct > 0, short, "some fell back")
        return
    true(run["eagain"] > 0 and run["eagain_ns"] > 0, "EAGAIN")
    eq(direct, 0, "operations that went direct")
    if policy == "drop":
        eq((run["failed"], run["waits"]), (run["eagain"], 0), "each EAGAIN drops an operation")
    else:
        eq(run["failed"], 0, "operations dropped")
        # What one that ends gives back is for who waits: the next one finds nothing.
        eq(run["waits"], COUNT - pool, "operations that waited")
        true(run["wait_ns"] > 0 and run["waits"] <= run["eagain"], "a time of waits, EAGAIN of each")
        eq(completed(run), COUNT, "operations that completed")


def declare_matrix(guest):
    for threshold in (False, True):
        for op in ("read", "write"):
            for pool in (CONTEXTS, CONTEXTS // 2, 1):
                for policy in ("drop", "wait"):
                    if policy == "wait" and (op == "write" or pool == CONTEXTS):
                        continue

                    def _(threshold=threshold, op=op, pool=pool, policy=policy):
                        setting = {"max_sgl_rd": THRESHOLD} if threshold else {}
                        run = run_client(op=op, contexts=CONTEXTS, max_rdma_ctxs=pool,
                                         count=COUNT, verify=1, on_exhaustion=policy, **setting)
                        check(guest, run, op, threshold, pool, policy)
                    case(f"{op}, {'threshold' if threshold else 'no threshold'}, "
                         f"{pool} MRs for {CONTEXTS} contexts, {policy}")(_)


def declare_others(guest):
    @case("an empty pool tears connections down without the fallback only")
    def _():
        run = run_client(contexts=CONTEXTS, max_rdma_ctxs=CONTEXTS // 2, count=60, verify=1,
                         max_sgl_rd=THRESHOLD, on_exhaustion="teardown")
        if guest.fallback:
            eq((run["reconnects"], run["lost"], completed(run)), (0, 0, 60),
               "reconnections, lost, completed")
        else:
            true(run["reconnects"] > 0 and run["reconnect_ns"] > 0, "reconnections")
            eq(run["failed"], run["eagain"], "the operation that found it empty has failed")

    @case("WRITEs before a teardown are told to be unverified, and no others")
    def _():
        create(role="client", name="client", addr=SERVER, op="write", contexts=CONTEXTS, rate=50,
               max_rdma_ctxs=1, duration_ms=2000, arrival="fixed", verify=1, on_exhaustion="teardown")
        wait_until(lambda: completed(report("client")) > 5, "some have completed, one after the other")
        with delay(100):  # one finds another still under way
            wait_until(lambda: report("client")["failed"] or not guest.force_mr, "the pool is empty")
        run = wait_end("client")
        request("remove client")
        consistent(run)
        # A WRITE takes an MR under force_mr only, which falls back to nothing.
        eq(run["reconnects"] > 0, guest.force_mr, f"{run['reconnects']} reconnections")
        eq(run["unverified"] > 0, guest.force_mr, f"{run['unverified']} operations not verified")
        true(run["unverified"] <= completed(run), "they are among those that completed")

    @case("operations that wait for an MR when the time is over are lost, and counted")
    def _():
        run = run_client(contexts=CONTEXTS, max_rdma_ctxs=1, duration_ms=200,
                         max_sgl_rd=THRESHOLD, on_exhaustion="wait")
        if guest.fallback:
            eq(run["lost"], 0, "operations lost")
            return
        # One is in flight, and one has perhaps not begun since it came back.
        true(CONTEXTS - 2 <= run["lost"] < CONTEXTS, f"{run['lost']} operations lost")
        true(run["wait_ns"] > run["elapsed_ns"], "they have waited as long as the run, together")
        eq(run["mr_hold_ns"], run["paths"]["mr"]["hold_ns"], "time for which the others held MRs")

    @case("QPs share the operations, also more than a listener's backlog is wont to be")
    def _():
        # rxe bears fewer when it is slow, and its listener has no backlog.
        for qps in (3, 40) if guest.iwarp else (3,):
            run = run_client(contexts=4, max_rdma_ctxs=4, qps=qps, count=100, verify=1)
            eq((completed(run), run["stopped"]), (100, False), f"operations of {qps} QPs, stopped")

    @case("a pool is preset to what the contexts need, also where an operation takes two MRs")
    def _():
        if guest.iwarp or DEBUG:  # MRs of 256 pages: vm/README.md, Pitfalls
            run, mrs = run_client(contexts=4, count=8, max_sgl_rd=1), 1
        else:
            run, mrs = run_client(contexts=4, count=8, size=2 << 20, max_sgl_rd=1), 2
        eq((run["max_rdma_ctxs"], run["eagain"]), (4 * mrs, 0), "MRs, EAGAIN")
        eq(run["mr_hold_ns"], mrs * run["paths"]["mr"]["hold_ns"], "what all MRs were held")
        eq(run["paths"]["mr"]["operations"] > 0, wants_mr(guest, "read", True), "by MR")

    @case("fewer operations than QPs are no more than was asked for")
    def _():
        for rate in ({}, {"rate": 1000}):
            run = run_client(contexts=4, max_rdma_ctxs=4, qps=4, count=3, verify=1, **rate)
            eq((run["issued"], completed(run)), (3, 3), f"operations {rate}")

    @case("a warm-up counts for nothing, but what it has registered")
    def _():
        run = run_client(contexts=4, qps=2, warm_up=40, count=60, verify=1)
        eq((run["issued"], completed(run)), (60, 60), "operations")
        mr = run["paths"]["mr"]
        eq(mr["wrs"], (2 if guest.iwarp else 3) * mr["operations"], "WRs: no MR is new")
        true(all(path["hold_ns"] >= path["latency_ns"]["sum"] for path in run["paths"].values()),
             "an MR is held as long as the operation takes")

    @case("a run of some time")
    def _():
        run = run_client(contexts=4, duration_ms=150)
        true(run["elapsed_ns"] >= 150e6 and completed(run) > 0, f"{run['elapsed_ns']} ns")

    @case("a run with a rate lasts as long as it was asked to, also when no operation comes any more")
    def _():
        run = run_client(contexts=4, max_rdma_ctxs=4, duration_ms=600, rate=5, arrival="fixed")
        eq((run["issued"], run["unserved"]), (3, 0), "operations, never begun")
        true(run["elapsed_ns"] >= 600e6, f"{run['elapsed_ns']} ns")

    @case("an operation that the API refuses is counted")
    def _():
        run = run_client(good=False, contexts=4, max_rdma_ctxs=4, count=20, size=1000, segment=512,
                         max_sgl_rd=1)
        if wants_mr(guest, "read", True):
            eq((run["state"], run["issued"], run["errors"]), ("failed", 1, 1), "end, issued, errors")
            true("cannot be one MR" in run["error"], run["error"])
        consistent(run)

    @case("an operation of a schedule that finds no MR is one operation")
    def _():
        run = run_client(contexts=CONTEXTS, max_rdma_ctxs=1, count=150, rate=20000, arrival="fixed",
                         max_sgl_rd=THRESHOLD, verify=1)
        eq((run["issued"], run["unserved"]), (150, 0), "operations, never begun")
        eq(run["failed"], run["eagain"], "each EAGAIN drops an operation")
        for path in run["paths"].values():
            eq(path["service_ns"]["count"], path["operations"], "service times")
            true(path["latency_ns"]["sum"] == path["service_ns"]["sum"] + path["queued_ns"],
                 "latency is queue and service")

    @case("one segment, and odd sizes")
    def _():
        for size in (1, 4096, 5000, 65535):
            run = run_client(contexts=3, count=20, size=size, verify=1)
            eq(completed(run), 20, f"operations of {size} bytes")
            if size <= 4096 and not wants_mr(guest, "read", False):
                eq(run["paths"]["single"]["operations"], 20, "operations of a single SGE")

    @case("the server has found no damage")
    def _():
        server = report("server")
        eq((server["corrupt_bytes"], server["refused"]), (0, 0), "corrupt bytes, refused")
        true(server["served"] > 0, "clients served")


def declare_teardown(guest):
    """Of READs for which there is no MR, without the fallback."""
    if guest.fallback or not wants_mr(guest, "read", True):
        return
    torn = {"contexts": CONTEXTS, "max_rdma_ctxs": CONTEXTS // 2, "max_sgl_rd": THRESHOLD,
            "on_exhaustion": "teardown"}

    @case("a teardown is at once: nothing is waited for")
    def _():
        with delay(300):
            run = run_client(count=CONTEXTS // 2 + 1, **torn)
        eq((run["failed"], run["lost"], completed(run), run["reconnects"]),
           (1, CONTEXTS // 2, 0, 1), "failed, lost, completed, reconnections")
        true(0 < run["mr_hold_ns"] < CONTEXTS // 2 * run["elapsed_ns"],
             f"those lost have held MRs for {run['mr_hold_ns']} ns")

    @case("a pool in which there is no room for one operation is an error")
    def _():
        run = run_client(good=False, count=10, **{**torn, "max_rdma_ctxs": 0})
        eq(run["state"], "failed", "state")
        true("max_rdma_ctxs (--mr_pool) is too small" in run["error"], run["error"])

    @case("the device's max_sgl_rd is the run's, also while it connects again")
    def _():
        create(role="client", name="first", addr=SERVER, duration_ms=1000, **torn)
        wait_until(lambda: report("first").get("max_sgl_rd"), "the first run has the device")
        tries = 0
        while report("first")["state"] == "running":
            create(role="client", name="second", addr=SERVER, count=1, max_sgl_rd=THRESHOLD + 1)
            second = wait_end("second")
            request("remove second")
            if report("first")["state"] == "running":
                tries += 1
                true("another max_sgl_rd" in str(second["error"]), f"try {tries}: {second['error']}")
        first = wait_end("first")
        request("remove first")
        eq((first["state"], first["error"]), ("done", None), "end of the first run")
        true(tries > 0 and first["reconnects"] > 1, f"{tries} tries, {first['reconnects']} reconnections")


# ---- the answers of the vectors

def expressible(guest, vector):
    """The device's part of a question that asks for this vector, or None."""
    if vector["kind"] != "ctx":
        return None
    dev, io = vector["dev"], vector["io"]
    if (bool(dev["iwarp"]), bool(vector["force_mr"])) != (guest.iwarp, guest.force_mr):
        return None
    most = SIW_SEND_SGES if guest.iwarp else 32
    sge = dev["max_send_sge"]
    if io["dir"] == "read":
        sge = min(sge, most) if guest.iwarp else min(sge, dev["max_sge_rd"])
    base = min(address for address, _ in io["sg"]) & ~4095
    span = max(address + length for address, length in io["sg"]) - base
    if sge > most or dev["max_fast_reg_page_list_len"] < 256 or span > 4 << 20 or \
            len(vector["pool"]) > 256:
        return None
    return sge, base


def ask(vector, sge, base):
    io = vector["io"]
    pool = "".join("01"[mr["need_inval"]] for mr in vector["pool"])
    text = (f"addr=10.9.0.1 op={io['dir']} max_sgl_rd={vector['dev']['max_sgl_rd']} max_sge={sge} "
            f"offset={io['offset']} pool={pool} sg=" +
            ",".join(f"{address - base}:{length}" for address, length in io["sg"]))
    note(text)
    file = os.open(os.path.join(ROOT, "plan"), os.O_RDWR)
    try:
        os.write(file, text.encode())
        return json.loads(os.pread(file, 4096, 0))
    finally:
        os.close(file)


ERRNOS = {"EAGAIN": -11, "EINVAL": -22}


def declare_vectors(guest):
    if guest.kernel != STOCK:
        return

    @case("the kernel plans as the vectors say, and with them the user-space planner")
    def _():
        asked = 0
        with gzip.open(os.path.join(SRCDIR, "tests", "vectors", "rw_plan.jsonl.gz"), "rt") as lines:
            for line in lines:
                vector = json.loads(line)
                device = expressible(guest, vector)
                if not device:
                    continue
                asked += 1
                expect = vector["expect"]
                answer = ask(vector, *device)
                eq(answer["ret"], ERRNOS.get(expect["ret"], expect["ret"]),
                   f"vector {vector['id']}: WRs")
                if answer["ret"] > 0:
                    eq((answer["type"], answer["nr_ops"]), (expect["type"], expect["nr_ops"]),
                       f"vector {vector['id']}: path and WRs that move data")
        print(f"# {asked} vectors asked")
        true(asked >= (3 if guest.iwarp or guest.force_mr else 100), f"{asked} vectors asked")


def declare(guest):
    start_server()
    declare_matrix(guest)
    declare_others(guest)
    declare_teardown(guest)
    declare_vectors(guest)


main(declare, GUESTS)
