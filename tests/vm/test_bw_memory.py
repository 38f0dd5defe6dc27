#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Memory of both sides on Soft-RoCE: what the kernel says is registered, and what stands in files."""
import json
import os
import random
import signal
import subprocess
import sys

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from rwcase import (CLIENT_DEVICE, DEVICE, PATIENCE, RUN, SERVER_DEVICE, USAGE, Client, Server, Traffic,
                    case, client, eq, good, main, refused, shared_server, true)

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


@case("--use-null-mr: Soft-RoCE has none")
def _():
    refused(client(shared_server(), "--use-null-mr"), DEVICE, "rxe1 has no null MR")


@case("--odp: this kernel's Soft-RoCE cannot")
def _():
    refused(client(shared_server(), "--odp"), DEVICE, "rxe1 has no paging on demand")


# ---- mapped files

PAGE, SEGMENT, SGES, SLOTS, OFFSET = 4096, 4096, 64, 2, 3 * 4096
SIZE = SEGMENT * SGES


class Side:
    """A file that is a side's memory from OFFSET on, with pieces of each slot at a stride."""

    def __init__(self, name, piece, stride):
        self.path = f"/dev/shm/rwperf-{name}"
        starts = range(0, (SIZE // piece) * stride, stride)
        slot = -(-(starts[-1] + piece) // PAGE) * PAGE
        self.pieces = [[slice(OFFSET + i * slot + start, OFFSET + i * slot + start + piece)
                        for start in starts] for i in range(SLOTS)]
        self.before = random.Random(name).randbytes(OFFSET + SLOTS * slot + 5 * PAGE)
        self.options = [f"--mmap={self.path}", f"--mmap-offset={OFFSET}"]

    def __enter__(self):
        with open(self.path, "wb") as file:
            file.write(self.before)
        return self

    def __exit__(self, *_):
        os.unlink(self.path)

    def now(self):
        with open(self.path, "rb") as file:
            return file.read()

    def moved(self, data):
        """What an operation moves, of each slot, in order."""
        return [b"".join(data[piece] for piece in slot) for slot in self.pieces]

    def rest(self, data):
        data = bytearray(data)
        for slot in self.pieces:
            for piece in slot:
                data[piece] = bytes(piece.stop - piece.start)
        return data


def move(op, remote, *options):
    """Run @op between two files: the bytes of one are in the other then, and nothing else is."""
    with remote, Side("client", SEGMENT, 2 * SEGMENT) as own:
        with Server(*remote.options, keep=False) as server:
            run = client(server, "-s", str(SIZE), "-t", str(SLOTS), "-n", "6", "--op=" + op,
                         *own.options, *options)
            good(run, verified=False)
            info = run.report["test_info"]
            eq([info["configuration"][key] for key in ("mmap", "mmap-offset")],
               [own.path, OFFSET], "options in the report")
            eq((info["memory"]["kind"], info["peer"]["memory"]["kind"]), ("file", "file"), "kinds")
        source, sink = (remote, own) if op == "read" else (own, remote)
        true(source.now() == source.before, "what is read from is as it was")
        true(sink.moved(sink.now()) == source.moved(source.before), "the bytes are in the file")
        true(sink.rest(sink.now()) == sink.rest(sink.before), "and nothing beside them")


for a_path in "direct", "mr":
    def _(path=a_path):
        for op in "read", "write":
            move(op, Side("server", SIZE, SIZE), "--path=" + path)
    case(f"--mmap, path {a_path}: data land in the file of the other side")(_)

    def _(path=a_path):
        for op in "read", "write":
            move(op, Side("server", 32 * SEGMENT, 40 * SEGMENT), "--path=" + path,
                 "--remote_sge_stride=160K", "--mr_entries=32")
    case(f"--remote_sge_stride, path {a_path}: pieces in the server's file, and no byte between")(_)


@case("--mmap: files that cannot be the memory are refused")
def _():
    def refuse(words, *options, status=RUN):
        refused(client(shared_server(), *options), status, *words)

    with Side("client", SEGMENT, 2 * SEGMENT) as side:
        os.truncate(side.path, 8192)
        # 16 segments at a stride of 2 pages, of 128 contexts.
        end = OFFSET + 128 * 31 * PAGE
        refuse((f"truncate -s {end} {side.path}", "has 8192 in all"), *side.options)
        refuse(("no multiple of the page size",), "--mmap=" + side.path, "--mmap-offset=100",
               status=USAGE)
        refuse(("more of --mmap; give that",), "--mmap-offset=4096", status=USAGE)
        refuse(("cannot open /dev/shm/none", "No such file"), "--mmap=/dev/shm/none")
        refuse(("Is a directory",), "--mmap=/dev/shm")
        # A server's file is too small for what a client asks of it.
        with Server("--mmap=" + side.path, keep=False) as server:
            run = client(server)
            refused(run, RUN, "truncate -s", side.path)
            eq(server.wait(), RUN, "status of the server")


if __name__ == "__main__":
    main()
