#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What the memory of a side is made of, on the emulated ConnectX: what the kernel says of its pages."""
import os
import re
import signal
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# pylint: disable=wrong-import-position
from emucase import latency, main, server_of, start_latency
from rwproc import (DEVICE, PROGRAM, RUN, USAGE, Server, Skipped, client, emu_env, eq, true,
                    wait_until)
from rwtap import case, good, refused

KIB, MIB = 1 << 10, 1 << 20
HUGE = 2 * MIB
SLOT, SLOTS = 124 * KIB, 128  # of the default size


def measure(*options, **settings):
    """A client of ib_rw_bw, and its end."""
    return latency(*options, program=PROGRAM, **settings)


def arena_of(pid):
    """What smaps says of the arena's mappings: [{field: number of KiB}]."""
    with open(f"/proc/{pid}/smaps", encoding="ascii") as file:
        parts = re.split(r"^(?=[0-9a-f]+-[0-9a-f]+ )", file.read(), flags=re.M)
    return [{key: int(value) for key, value in re.findall(r"^(\w+): +(\d+) kB$", part, re.M)}
            for part in parts if "rwperf-arena" in part.split("\n", maxsplit=1)[0]]


def serve(*options, **settings):
    """A server of one client, to be used in a with statement; @settings are of its device."""
    return Server("--bind=127.0.0.1", *options, device="mlx5_0", keep=False,
                  env=dict(os.environ, **emu_env(**settings)))


def while_running(look, *options, lent=(), **settings):
    """look(PID of the client, PID of the server) while both have their memory."""
    server = serve(*lent, **settings)
    process = start_latency("-D", "60", *options, program=PROGRAM, server=server, **settings)
    try:
        # It says whom it serves when all is connected.
        wait_until(lambda: "RDMA" in server.out or process.popen.poll() is not None,
                   "the client is connected")
        return look(process.pid, server.pid)
    finally:
        process.send(signal.SIGINT)
        process.finish()
        server.end()


# ---- huge pages

def hugepages(which):
    try:
        with open(f"/sys/kernel/mm/hugepages/hugepages-2048kB/{which}_hugepages",
                  encoding="ascii") as file:
            return int(file.read())
    except FileNotFoundError:
        raise Skipped("this kernel has no huge pages of 2 MiB") from None


def free_hugepages():
    return hugepages("free") - hugepages("resv")


@case("--use_hugepages: the kernel's pages of both arenas are of 2 MiB")
def _():
    need = -(-SLOTS * SLOT // HUGE) + -(-SLOTS * 64 * KIB // HUGE)
    if free_hugepages() < need:
        raise Skipped(f"{free_hugepages()} free huge pages; run: sysctl vm.nr_hugepages={need}")
    option = "--use_hugepages"
    found = while_running(lambda *pids: [arena_of(pid) for pid in pids], option, "--path=direct",
                          lent=[option])
    for parts in found:
        eq(len(parts), 1, f"mappings of the arena: {parts}")
        eq(parts[0]["KernelPageSize"], HUGE // KIB, "page size")
        eq(parts[0]["Shared_Hugetlb"] + parts[0]["Private_Hugetlb"], parts[0]["Size"],
           "KiB of huge pages")
    for op in "read", "write":
        run = measure(option, "--verify", "--path=direct,mr", "--op=" + op, "-n", "300")
        good(run, engine="umr")
        info = run.report["test_info"]
        eq((info["memory"]["page_bytes"], info["configuration"]["use_hugepages"]), (HUGE, True),
           "what the report says")


@case("--use_hugepages: more than there are, the number needed is told")
def _():
    free, every = free_hugepages(), hugepages("nr")
    segment = 16 * MIB
    slots = max(free * HUGE // segment + 1, 2)
    # One segment of an operation: all of the slot.
    need = slots * segment // HUGE
    refused(measure("--use_hugepages", "--path=direct", "-s", segment, f"--segment={segment}",
                    "-t", slots), RUN, f"{need} huge pages", f"{free} of {every} are free",
            f"sysctl vm.nr_hugepages={every + need - free}")


@case("--use_hugepages: not with windows of small pages, nor with a file")
def _():
    refused(measure("--use_hugepages", "--engine=reg"), USAGE, "engine reg", "--path=direct")
    refused(measure("--use_hugepages", "--mmap=/dev/shm/x"), USAGE, "exclude each other")


@case("without it: small pages where windows are, and data are right")
def _():
    found = while_running(lambda own, _: arena_of(own), "--engine=reg", "--path=mr")
    eq({part["KernelPageSize"] for part in found}, {4}, "page size")


@case("--mmap: a file system without room for the file's holes")
def _():
    full = ("unshare", "-m", "sh", "-c", """mount -t tmpfs -o size=64k none /mnt &&
        truncate -s 100M /mnt/file && exec "$@" """, "sh")
    run = client(server_of(PROGRAM), "-F", "--mmap=/mnt/file", device="mlx5_1", prefix=full)
    refused(run, RUN, "--mmap", "file system of /mnt/file",
            "No space left", "elsewhere")
    with Server("--mmap=/mnt/file", device="mlx5_0", prefix=full, keep=False) as server:
        refused(client(server, "-F", "--op=write", device="mlx5_1"), RUN, "the peer reports",
                "file system of /mnt/file")
        eq(server.wait(), RUN, "exit code of the server")
        server.end()


# ---- a null MR

def with_files(op, *options):
    """Run @op between two files. Returns the run, and the bytes of server and client then."""
    paths = [f"/dev/shm/rwperf-null-{os.getpid()}-{side}" for side in ("server", "client")]
    try:
        for path, byte in zip(paths, b"sc"):
            with open(path, "wb") as file:
                file.write(bytes([byte]) * (SLOT * 4))
        with serve("--mmap=" + paths[0]) as server:
            run = latency("-t", "4", "-n", "20", "--op=" + op, "--mmap=" + paths[1], *options,
                          program=PROGRAM, server=server)
            found = []
            for path in paths:
                with open(path, "rb") as file:
                    found.append(file.read())
            return run, *found
    finally:
        for path in paths:
            os.unlink(path)


@case("--use-null-mr: a READ changes nothing at the client, a WRITE sends nothing of it")
def _():
    moved = 4 * 64 * KIB
    for option in "--use-null-mr", "--use_null_mr":
        run, _, own = with_files("read", option)
        good(run, verified=False, rows=1)
        eq(set(own), set(b"c"), "bytes of the client's file")
        run, lent, own = with_files("write", option)
        good(run, verified=False, rows=1)
        eq((set(own), set(lent[:moved]), set(lent[moved:])), (set(b"c"), {0}, set(b"s")),
           "bytes of both files")
        info = run.report["test_info"]
        true(info["memory"]["null_mr"] and info["configuration"]["use-null-mr"], "in the report")
        true("left out by --use-null-mr" in info["notes"][0], f"{info['notes']}")
    # The same without it, or the test would show nothing.
    run, lent, own = with_files("read", "--path=direct")
    eq((set(lent), set(own)), (set(b"s"), set(b"sc")), "bytes of both files without a null MR")


@case("--use-null-mr: not with MRs of the list, nor with --verify")
def _():
    refused(measure("--use-null-mr", "--path=direct,mr"), USAGE, "give --path=direct")
    refused(measure("--use-null-mr", "--verify"), USAGE, "leave --verify or --use-null-mr out")


# ---- paging on demand

@case("--odp: only pages that are used are in memory, on both sides; without it all are")
def _():
    # Two segments of a page, one at the end of 256 KiB, and as far apart at the server.
    layout = ("--path=direct", "-s", "8K", "--segment=4K", "--segment_stride=252K", "-t", "64",
              "--remote_sge_stride=252K", "--op=write")
    limit = {"max_sge": 1, "odp": 1}
    sampled = 256 * 4  # pages that are looked at for where they lie
    for kind in "", "=explicit", "=implicit":
        with_odp = while_running(lambda *pids: [arena_of(pid)[0] for pid in pids],
                                 "--odp" + kind, *layout, lent=["--odp" + kind], **limit)
        for part in with_odp:
            eq(part["Size"], 64 * 256, "KiB of the arena")
            true(part["Rss"] <= 64 * 8 + sampled, f"on demand, {part['Rss']} KiB are in memory")
    without = while_running(lambda *pids: [arena_of(pid)[0] for pid in pids], *layout, **limit)
    eq([part["Rss"] for part in without], [64 * 256] * 2, "KiB in memory without it")


@case("--odp: data are right, and the report says what it was")
def _():
    for kind, paging in ("", "explicit"), ("=explicit", "explicit"), ("=implicit", "implicit"):
        for op in "read", "write":
            with serve("--odp" + kind, odp=1) as server:
                run = latency("--odp" + kind, "-n", "20", "-t", "4", "--verify", "--op=" + op,
                              program=PROGRAM, server=server, odp=1)
            good(run, rows=1)
            info = run.report["test_info"]
            eq((info["memory"]["paging"], info["peer"]["memory"]["paging"]), (paging, paging),
               "paging in the report")
            eq(info["configuration"]["odp"], kind[1:] or True, "the option in the report")
            true("left out by --odp" in info["notes"][0], f"{info['notes']}")


@case("--odp: refusals")
def _():
    refused(measure("--odp"), DEVICE, "mlx5_1 has no paging on demand")
    refused(measure("--odp=lazy", odp=1), USAGE, "'lazy' is unknown")
    for engine in "umr", "umr_ptr":
        refused(measure("--odp", "--path=mr", "--engine=" + engine, odp=1), USAGE,
                "no device has proved", "give --path=direct")
    refused(measure("--odp=implicit", "--mr_per_qp", odp=1), USAGE, "--mr_per_qp")


# ---- how much

@case("more memory than this host has is refused, and what it has is told")
def _():
    run = measure("-s", "1G", "--segment=1G", "--path=direct", "-t", "16384")
    refused(run, RUN, "needs a buffer of 16777216 MiB", "MiB are available")
    with open("/proc/meminfo", encoding="ascii") as file:
        total = int(re.search(r"MemTotal: +(\d+)", file.read())[1]) // KIB
    available, most = map(int, re.search(r"(\d+) MiB are available, (\d+) for", run.err).groups())
    true(most < available <= total, f"{run.err!r}, {total} MiB in all")


@case("an operation of 1 GiB, in segments of 16 MiB")
def _():
    with open("/proc/meminfo", encoding="ascii") as file:
        available = int(re.search(r"MemAvailable: +(\d+)", file.read())[1]) * KIB
    if available < 5 << 30:
        raise Skipped(f"{available >> 20} MiB are available, 5 GiB are wanted")
    rows = good(measure("-s", "1G", "--segment=16M", "--path=direct", "-t", "1", "-n", "1"),
                verified=False, rows=1)
    eq((rows[0]["MsgSize"], rows[0]["sges"]), (1 << 30, 64), "bytes and segments")


if __name__ == "__main__":
    main()
