#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""rw_bench.ko: what ends a run, what it refuses, and that nothing stays behind.

RW_KMOD_CYCLES: how often the module is loaded, used and removed (100).
"""
import contextlib
import os
import random
import subprocess
import sys

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from kmodcase import (DEBUG, ROOT, STOCK, Failed, Guest, case, completed, consistent, create, eq, load, main,
                      note, read, report, request, run_client, start_server, true, unload,
                      wait_end, wait_until, write)
from rwcase import resources
from rwproc import Skipped

CYCLES = int(os.environ.get("RW_KMOD_CYCLES") or 100)
LONG = 60000  # ms: a run that something else ends


def objects():
    """Live objects of each slab cache. Shrinking gives back what processors hold."""
    for cache in os.listdir("/sys/kernel/slab"):
        try:
            with open(f"/sys/kernel/slab/{cache}/shrink", "w", encoding="ascii") as file:
                file.write("1")
        except OSError:
            pass  # a cache that cannot
    with open("/proc/slabinfo", encoding="ascii") as file:
        return {line.split()[0]: int(line.split()[1]) for line in file.readlines()[2:]}


def begin_long(name="client", **keys):
    """A run that is under way."""
    create(role="client", name=name, addr="10.9.0.1",
           **{"contexts": 8, "duration_ms": LONG, "verify": 1, "max_sgl_rd": 4,
              "max_rdma_ctxs": 4, **keys})
    wait_until(lambda: report(name)["state"] != "running" or completed(report(name)) > 20,
               f"{name} has completed some operations")
    eq(report(name)["state"], "running", "state")


def cycle(number):
    load()
    start_server()
    if number % 3 == 0:
        run_client(contexts=4, max_rdma_ctxs=2, count=20, verify=1, max_sgl_rd=4)
    elif number % 3 == 1:
        begin_long()  # unloaded while it runs
    else:
        create(role="client", name="client", addr="10.9.0.1", count=20)  # while it connects
    unload()


def declare_cycles():
    @case(f"{CYCLES} times loaded, used and removed: no object stays")
    def _():
        unload()
        empty = resources()
        for number in range(3):
            cycle(number)
        before = objects()
        for number in range(CYCLES):
            cycle(number)
        eq(resources(), empty, "RDMA objects")
        grown = {cache: n - before.get(cache, 0) for cache, n in objects().items()
                 if n - before.get(cache, 0) >= CYCLES - CYCLES // 3}
        # What the network and file system keep for this process is not ours.
        note(grown)
        ours = {cache: n for cache, n in grown.items()
                if cache.startswith("kmalloc") or cache in ("names_cache", "task_struct",
                                                            "vmap_area", "net_namespace")}
        eq(ours, {}, "slab objects that each cycle has left")
        load()
        start_server()


@contextlib.contextmanager
def silence():
    """What the client sends gets lost. A link that goes down would take its routes with it."""
    subprocess.run(["tc", "qdisc", "add", "dev", "v1", "root", "netem", "loss", "100%"], check=True)
    try:
        yield
    finally:
        subprocess.run(["tc", "qdisc", "del", "dev", "v1", "root"], check=True)


def declare_ends():
    @case("a run is stopped by a word")
    def _():
        begin_long()
        write("runs/client", "stop")
        run = wait_end("client")
        eq((run["state"], run["error"], run["stopped"]), ("done", None, True), "end")
        consistent(run)
        request("remove client")

    @case("the server is asked what it found of WRITEs that were stopped")
    def _():
        served = report("server")["served"]
        begin_long(op="write")
        write("runs/client", "stop")
        run = wait_end("client")
        eq((run["state"], run["unverified"]), ("done", 0), "end, operations not verified")
        eq(report("server")["served"], served + 1, "clients served")
        request("remove client")
        begin_long(op="write", timeout=21, deadline_ms=LONG)
        with silence():
            write("runs/client", "stop")
            run = wait_end("client")
        eq((run["state"], run["unverified"]), ("done", completed(run)),
           "end, operations not verified of a silent server")
        request("remove client")

    @case("a run that is stopped in its warm-up has no figures")
    def _():
        create(role="client", name="client", addr="10.9.0.1", op="write", contexts=4, count=10,
               warm_up=1 << 20, verify=1)
        wait_until(lambda: completed(report("client")) > 20, "the warm-up is under way")
        write("runs/client", "stop")
        run = wait_end("client")
        eq((run["state"], run["elapsed_ns"]), ("done", 0), "end, time")
        eq((run["issued"], completed(run), run["unverified"]), (0, 0, 0),
           "operations, completed, not verified")
        request("remove client")

    @case("a run is removed while it goes on")
    def _():
        begin_long(qps=3)
        request("remove client")
        true(not os.path.exists(f"{ROOT}/runs/client"), "its file is gone")

    @case("a run is removed whose server is silent, without waiting for the deadline")
    def _():
        begin_long(timeout=21, deadline_ms=600000)
        with silence():
            request("remove client")

    @case("runs that go with a file end when it is closed, and no others")
    def _():
        begin_long("other")
        file = os.open(os.path.join(ROOT, "control"), os.O_WRONLY)
        try:
            for name in ("client", "second"):
                os.write(file, f"create role=client name={name} addr=10.9.0.1 contexts=8 max_sgl_rd=4"
                         f" duration_ms={LONG} while_open=1".encode())
            wait_until(lambda: completed(report("client")) > 20, "client is under way")
        finally:
            os.close(file)
        eq(sorted(os.listdir(os.path.join(ROOT, "runs"))), ["other", "server"], "runs")
        eq(report("other")["state"], "running", "the other's state")
        request("remove other")

    @case("a server on a port of the system's choice, and a client from an address of its own")
    def _():
        start_server("second", port=0)
        port = report("second")["port"]
        true(port > 1023, f"port {port}")
        run = run_client(count=20, port=port, **{"from": "10.9.0.2"})
        eq((run["device"], report("second")["served"]), ("rxe1", 1), "device, clients served")
        create(role="client", name="stray", addr="10.9.0.1", count=1, **{"from": "10.9.0.77"})
        eq(wait_end("stray")["state"], "failed", "state of a client from nowhere")
        request("remove stray")
        request("remove second")

    @case("the server goes away during a run")
    def _():
        start_server("second", port=18516)
        begin_long(port=18516)
        request("remove second")
        run = wait_end("client")
        eq((run["state"], run["errno"] > 0), ("failed", True), "end")
        request("remove client")

    @case("nobody listens")
    def _():
        run = run_client(good=False, port=9999, count=1)
        eq(run["state"], "failed", "state")
        true("no server listens there" in run["error"], run["error"])

    @case("the server falls silent with more WRs in flight than a CQ has room for")
    def _():
        # One WR for each segment; the greatest CQ of rxe has 32767 entries.
        begin_long(timeout=10, contexts=520, size=4096, segment=64, max_sge=1, max_sgl_rd=0,
                   max_rdma_ctxs=0)
        with silence():
            run = wait_end("client")
            request("remove client")
        eq(run["state"], "failed", "state")
        true(16384 < run["send_queue_wrs"] < 32767, f"{run['send_queue_wrs']} WRs")
        true(run["sq_stalls"] > 0, "operations that waited for room")

    @case("the server falls silent with contexts to spare: the deadline holds of a schedule, too")
    def _():
        # Not 256 pages in an MR: vm/README.md, Pitfalls.
        begin_long(rate=50, contexts=1024, size=20000, deadline_ms=500, timeout=21)
        with silence():
            run = wait_end("client")
            request("remove client")
        eq(run["error"], "nothing has completed for the whole deadline", "reason")

    @case("a server lets go of clients that have vanished")
    def _():
        start_server("second", port=18516, clients=4, deadline_ms=300)
        begin_long("still", port=18516, qps=2)
        begin_long(timeout=21, deadline_ms=600000, port=18516, qps=2)
        request("remove still")
        wait_until(lambda: report("second")["connections"] == 2, "who says good-bye is gone")
        with silence():
            request("remove client")
            wait_until(lambda: not report("second")["connections"], "no client is left")
        eq(run_client(port=18516, qps=4, count=20)["state"], "done", "the next client's end")
        request("remove second")

    @case("more connections than a workqueue has items by default")
    def _():
        if DEBUG:
            raise Skipped("300 QPs are too many for rxe when it is that slow")
        start_server("second", port=18516, clients=300, memory_mb=1)
        keys = {"role": "client", "addr": "10.9.0.1", "port": 18516, "qps": 60, "contexts": 1,
                "size": 4096, "duration_ms": LONG, "rate": 60}
        names = [f"client{i}" for i in range(5)]
        for name in names:
            create(name=name, **keys)
        for name in names:
            wait_until(lambda name=name: completed(report(name)) > 0 or
                       report(name)["state"] != "running", f"{name} is under way")
            eq((report(name)["state"], report(name)["error"]), ("running", None), name)
        eq(report("second")["connections"], 300, "connections")
        for name in names:
            request("remove " + name)
        request("remove second")

    @case("the cable is cut during a run, and mended")
    def _():
        begin_long(timeout=10, deadline_ms=3000)
        subprocess.run(["ip", "link", "set", "v1", "down"], check=True)
        try:
            run = wait_end("client")
            eq(run["state"], "failed", "state")
            true(run["error"], "a reason")
            eq(run["issued"], completed(run) + run["failed"] + run["lost"] + run["errors"],
               "each operation has one end")
            request("remove client")
        finally:
            subprocess.run(["ip", "link", "set", "v1", "up"], check=True)


def declare_schedules():
    @case("a schedule that nobody can keep up with: every arrival is counted, and a stop is heard")
    def _():
        rate = {"rate": 20000000, "contexts": 4}
        run = run_client(duration_ms=500, **rate)
        arrived, expected = run["issued"] + run["unserved"], rate["rate"] // 2
        true(abs(arrived - expected) < 6 * expected ** 0.5, f"{arrived} arrivals in half a second")
        true(run["queue_max"] >= run["unserved"] > expected / 2, "those that never began")
        true(0.24e9 < run["unserved_ns"] / run["unserved"] < 0.26e9, "their mean time in the queue")
        # The first operations were due at once, so that the longest latency is the run's length.
        longest = max(path["latency_ns"]["max"] for path in run["paths"].values())
        true(run["elapsed_ns"] < 1.5 * longest, "to count arrivals afterwards takes no time of the run")
        begin_long(**rate, max_rdma_ctxs=1)
        write("runs/client", "stop")
        eq(wait_end("client")["state"], "done", "end")
        request("remove client")
        begin_long(**rate, max_rdma_ctxs=1)
        request("remove client")


def declare_refusals():
    @case("runs that want another max_sgl_rd of one device take turns")
    def _():
        begin_long(max_sgl_rd=4)
        run = run_client("other", good=False, contexts=1, count=1, max_sgl_rd=5)
        eq((run["state"], run["errno"]), ("failed", 16), "the other one")
        true("max_sgl_rd" in run["error"], run["error"])
        run = run_client("same", contexts=1, count=5, max_sgl_rd=4)
        eq(run["max_sgl_rd"], {"found": 0, "used": 4}, "max_sgl_rd of the same")
        request("remove client")
        run = run_client("after", contexts=1, count=5)
        eq(run["max_sgl_rd"], {"found": 0, "used": 0}, "max_sgl_rd afterwards")

    @case("more than the server's memory")
    def _():
        run = run_client(good=False, contexts=128, size=1 << 20, count=1)
        true(run["state"] == "failed" and "memory_mb" in run["error"], run["error"])

    @case("operations that do not fit into an MR")
    def _():
        run = run_client(good=False, contexts=1, size=(2 << 20) + 1, count=1)
        true(run["state"] == "failed" and "smaller size" in run["error"] and
             "memory_mb" not in run["error"], run["error"])

    @case("a short segment takes what it needs, not what a whole one would")
    def _():
        eq(completed(run_client(size=1, segment=1 << 20, contexts=128, qps=8, count=2000)), 2000,
           "operations, with contexts whose whole segments would fill the guest's memory")

    @case("who is not root may not")
    def _():
        for name in ("control", "plan", "runs/server"):
            eq(os.stat(f"{ROOT}/{name}").st_mode & 0o777, 0o600, f"mode of {name}")

    @case("requests that are wrong are refused with a reason")
    def _():
        good = "create role=client name=x addr=10.9.0.1 count=1"
        for wrong, word in (("name=", "name"), ("name=../x", "name"), ("name=" + "x" * 32, "name"),
                            ("size=0", "size"), ("size=99999999999999999999", "size"),
                            ("size=-1", "size"),
                            ("contexts=5000", "contexts: a number from 1 to 4096"),
                            ("qps=65", "qps"), ("rate=20000001", "rate"),
                            ("op=erase", "op: one of read write"), ("port=70000", "port"),
                            ("addr=host", "addr"), ("addr=", "addr"), ("speed=1", "unknown"),
                            ("size", "key=value"), ("count=0", "count"),
                            ("size=16777216 contexts=4096", "1 GiB"),
                            ("size=1 contexts=1 qps=4 max_rdma_ctxs=65536", "1 GiB"),
                            # A segment of 9 pages takes 16.
                            ("size=36864 segment=36864 contexts=4096 qps=5", "1 GiB"),
                            ("size=65536 segment=1 contexts=128", "segments")):
            try:
                request(f"{good} {wrong}")
            except Failed as failure:
                true(word in str(failure), f"{word!r} in {failure}")
            else:
                raise Failed(f"accepted: {wrong}")
        for wrong in ("remove nobody", "stop", "create", "", "\n", "x" * 1025):
            try:
                write("control", wrong)
            except OSError:
                continue
            true(wrong == "", f"accepted: {wrong!r}")

    @case("garbage is refused")
    def _():
        chance = random.Random(8)
        seeds = [b"create role=client name=f addr=10.9.0.1 count=1 size=64 contexts=1",
                 b"remove server", b"stop",
                 b"addr=10.9.0.1 op=read max_sgl_rd=3 pool=01 offset=0 sg=0:4096,8192:4096"]
        for turn in range(1500):
            text = bytearray(chance.choice(seeds))
            for _ in range(chance.randrange(1, 6)):
                at = chance.randrange(len(text))
                what = chance.randrange(3)
                if what == 0:
                    text[at] = chance.randrange(256)
                elif what == 1:
                    del text[at]
                else:
                    text[at:at] = bytes(chance.choice(b"0123456789=:, -\0") for _ in range(8))
            name = ("control", "plan", "runs/server")[turn % 3]
            try:
                write(name, bytes(text))
            except OSError:
                pass
            for run in os.listdir(f"{ROOT}/runs"):
                if run != "server":
                    request("remove " + run)
            if "server" not in os.listdir(f"{ROOT}/runs"):
                start_server()
        read("control")


def declare(_guest):
    start_server()
    declare_ends()
    declare_schedules()
    declare_cycles()
    declare_refusals()


main(declare, [Guest("rxe", STOCK, False)], timeout=200 + 5 * CYCLES)
