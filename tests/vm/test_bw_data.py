#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""
ib_rw_bw: the data arrive where they should, as seen from outside, and --verify
notices a single wrong byte. Both sides' memory is a memfd that others can open.
"""
import os
import random
import re
import signal
import sys

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from rwcase import (CORRUPT, Client, Failed, Traffic, case, eq, good, main, refused, shared_server,
                    true, wait_until)

PAGE = 4096
CONTEXTS = 3


class Memory:
    """The arena of a process, read and written from here."""

    def __init__(self, process):
        self.path = wait_until(lambda: self.find(process.pid), "the process has its arena")
        self.fd = os.open(self.path, os.O_RDWR)

    @staticmethod
    def find(pid):
        directory = f"/proc/{pid}/fd"
        try:
            for name in os.listdir(directory):
                if os.readlink(f"{directory}/{name}").startswith("/memfd:rwperf-arena"):
                    return f"{directory}/{name}"
        except OSError:
            pass
        return None

    def read(self, at, length):
        return os.pread(self.fd, length, at)

    def write(self, at, data):
        eq(os.pwrite(self.fd, data, at), len(data), "bytes written")

    def close(self):
        os.close(self.fd)


class Layout:
    """Where an operation's bytes lie on the client: worked out here from the manual's rules."""

    def __init__(self, lengths, stride):
        self.size = sum(lengths)
        self.places = [(i * stride, length) for i, length in enumerate(lengths)]
        last, length = self.places[-1]
        self.span = (last + length + PAGE - 1) // PAGE * PAGE

    def gather(self, memory, context):
        return b"".join(memory.read(context * self.span + at, n) for at, n in self.places)

    def scatter(self, memory, context, data):
        for at, n in self.places:
            memory.write(context * self.span + at, data[:n])
            data = data[n:]

    def between(self, memory, context):
        """The bytes that belong to no segment."""
        block = bytearray(memory.read(context * self.span, self.span))
        for at, n in reversed(self.places):
            del block[at:at + n]
        return bytes(block)

    def find(self, offset):
        """Where byte @offset of an operation lies."""
        for at, n in self.places:
            if offset < n:
                return at + offset
            offset -= n
        raise AssertionError(offset)

    def remote(self, context):
        return context * ((self.size + PAGE - 1) // PAGE * PAGE)


def spread(size, sges):
    return [size // sges + (i < size % sges) for i in range(sges)]


class Session:
    """A client that runs until told to stop, and the memory of both sides."""

    def __init__(self, *options, size=65536):
        self.size, self.traffic = size, Traffic()
        self.client = Client(shared_server(), "-t", str(CONTEXTS), "-D", "60", *options)
        self.near = self.far = None
        try:
            self.far = Memory(shared_server())
            self.near = Memory(self.client)
        except Failed:
            self.client.finish(5)
            raise

    def stop(self):
        self.traffic.wait_measuring(CONTEXTS, self.size)
        self.client.send(signal.SIGINT)
        return self.client.finish()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for memory in self.near, self.far:
            memory.close()
        self.client.end()


# ---- without --verify: nobody but the RDMA operations and we write the memory

def check_travel(op, path, layout, options):
    with Session("--op=" + op, "--path=" + path, *options, size=layout.size) as session:
        data = [random.randbytes(layout.size) for _ in range(CONTEXTS)]
        poison = b"\xee" * (layout.span * CONTEXTS)
        if op == "write":
            session.near.write(0, poison)
        for context, block in enumerate(data):
            if op == "read":
                session.far.write(layout.remote(context), block)
            else:
                layout.scatter(session.near, context, block)

        def arrived():
            if op == "read":
                found = [layout.gather(session.near, i) for i in range(CONTEXTS)]
            else:
                found = [session.far.read(layout.remote(i), layout.size) for i in range(CONTEXTS)]
            return found == data
        wait_until(arrived, "the bytes arrive at their places", 15, 0.1)
        for context in range(CONTEXTS):
            blank = b"\0" if op == "read" else b"\xee"
            true(not layout.between(session.near, context).strip(blank),
                 f"nothing was written between the segments of context {context}")
        good(session.stop(), verified=False, rows=1, interrupted=True)


LAYOUTS = (
    (("-s", "64K"), Layout([4096] * 16, 8192)),
    (("-s", "64K", "--segment_stride=4K"), Layout([4096] * 16, 4096)),
    (("-s", "64K", "--segment_stride=20K"), Layout([4096] * 16, 20480)),
    (("-s", "65000"), Layout([4096] * 15 + [3560], 8192)),
    (("-s", "100K", "--segment=16K"), Layout([16384] * 6 + [4096], 20480)),
    (("-s", "5000", "--sges=1"), Layout([5000], 12288)),
    (("-s", "512K", "--mr_entries=50"), Layout([4096] * 128, 8192)),
)
DIRECT_LAYOUTS = (
    (("-s", "64K", "--sges=30"), Layout(spread(65536, 30), 8192)),
    (("-s", "64K", "--sges=33"), Layout(spread(65536, 33), 8192)),
    (("-s", "100", "--segment=3"), Layout([3] * 33 + [1], 8192)),
    (("-s", "30100", "--segment=1000", "--segment_stride=1001"), Layout([1000] * 30 + [100], 1001)),
)

for an_op in "read", "write":
    for a_path, some in ("direct", LAYOUTS + DIRECT_LAYOUTS), ("mr", LAYOUTS):
        for a_layout in some:
            def _(op=an_op, path=a_path, layout=a_layout):
                check_travel(op, path, layout[1], layout[0])
            case(f"bytes travel: {an_op} {a_path} {' '.join(a_layout[0])}")(_)


# ---- with --verify

@case("--seed: the same data for the same seed, others for another")
def _():
    seen = []
    for seed in "1", "2", "1":
        with Session("--path=direct", "--verify", "--seed=" + seed) as session:
            wait_until(lambda s=session: any(s.far.read((CONTEXTS << 16) - 8, 8)), "data are there")
            seen.append([session.far.read(i << 16, 65536) for i in range(CONTEXTS)])
            good(session.stop(), rows=1, interrupted=True)
    true(seen[0] == seen[2] and seen[0] != seen[1], "data depend on the seed alone")
    blocks = {block[i:i + 4096] for block in seen[0] for i in range(0, 65536, 4096)}
    eq(len(blocks), 16 * CONTEXTS, "pages that differ")


def check_corrupt(op, path, context, offset):
    """One byte goes wrong at its source while the run goes on."""
    layout = Layout([4096] * 16, 8192)
    with Session("--op=" + op, "--path=" + path, "--verify") as session:
        if op == "read":
            memory, at = session.far, layout.remote(context) + offset
            end = layout.remote(CONTEXTS) - 8
        else:
            memory, at = session.near, context * layout.span + layout.find(offset)
            end = (CONTEXTS - 1) * layout.span + layout.find(layout.size - 8)
        session.traffic.wait_measuring(CONTEXTS)
        true(any(memory.read(end, 8)), "data are there")
        right = memory.read(at, 1)[0]
        wrong = right ^ 0x10
        memory.write(at, bytes([wrong]))
        Traffic().wait_measuring(CONTEXTS)
        run = session.stop()
    refused(run, CORRUPT, f"context {context}, offset {offset}:", "path " + path,
            f"expected 0x{right:02x}, found 0x{wrong:02x}")
    row = run.row(path)
    eq(row["first_corrupt_byte"], {"context": context, "offset": offset, "expected": right,
                                   "found": wrong}, "first_corrupt_byte")
    said = int(re.search(r"data corrupt: (\d+) bytes", run.err)[1])
    eq(row["corrupt_bytes"], said, "corrupt bytes")
    true(said >= 1 if op == "read" else said == 1, f"corrupt bytes: {said}")
    eq(run.report["error"]["exit_code"], CORRUPT, "error in the report")
    true("CORRUPT" in run.out, "the table says so")


for an_op in "read", "write":
    for a_path in "direct", "mr":
        for a_place in (1, 5 * 4096 + 77), (0, 0), (CONTEXTS - 1, 65535):
            def _(op=an_op, path=a_path, place=a_place):
                check_corrupt(op, path, *place)
            case(f"one wrong byte: {an_op} {a_path}, context {a_place[0]}, offset {a_place[1]}")(_)


@case("after that the server's data are right again")
def _():
    for op in "read", "write":
        with Session("--op=" + op, "--verify", "--path=direct") as session:
            good(session.stop(), rows=1, interrupted=True)


main()
