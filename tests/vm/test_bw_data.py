#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""--verify really looks: a second process damages the data while they travel."""

import os
import time

from rwtest import check, client, client_program, main, server


def arena(pid):
    """The descriptor of the memory that @pid lends: a memfd with a name."""
    for fd in os.listdir(f"/proc/{pid}/fd"):
        path = f"/proc/{pid}/fd/{fd}"
        if "rwperf-arena" in os.readlink(path):
            return path
    return None


def damage(pid, offset):
    """Flip a bit of the arena of @pid again and again for a while."""
    deadline = time.monotonic() + 1.0
    with open(arena(pid), "r+b", buffering=0) as memory:
        while time.monotonic() < deadline:
            memory.seek(offset)
            byte = memory.read(1)
            memory.seek(offset)
            memory.write(bytes([byte[0] ^ 1]))
            time.sleep(0.03)


def spoiled(op, path, victim):
    name = f"{op}, path {path}, {victim}'s memory damaged"
    host = server()
    one = client_program("--op", op, "--path", path, "-s", "16K", "-t", "2", "-D", "4", "--verify",
                         "--json", "-")
    time.sleep(1.5)
    # Offset 5 of segment 1: 4096 + 5 in the server's memory, 8192 + 5 at the client's stride.
    damage(*((host.pid, 4096 + 5) if victim == "server" else (one.pid, 8192 + 5)))
    result = one.wait(30)
    host.wait(10)
    row = result.row(path)
    first = row.get("first_corrupt_byte") or {}
    check(f"{name}: exit 5", result.rc == 5 and row.get("corrupt_bytes", 0) > 0, result)
    check(f"{name}: one line with offset, expected and found",
          result.one_line("offset 4101", f"0x{first.get('expected', 0):02x}",
                          f"0x{first.get('found', 0):02x}") and
          first.get("context") == 0 and first.get("offset") == 4101 and
          first.get("expected") != first.get("found"), result)


def spoiled_reads():
    for path in ("direct", "mr"):
        spoiled("read", path, "server")


def spoiled_writes():
    # The right bytes lie at the client until it has written them for the last time.
    host = server()
    one = client_program("--op", "write", "--path", "direct", "-s", "16K", "-t", "2", "-D", "3",
                         "--verify", "--json", "-")
    time.sleep(1.5)
    with open(arena(one.pid), "r+b", buffering=0) as memory:
        memory.seek(8192 + 5)
        byte = memory.read(1)
        memory.seek(8192 + 5)
        memory.write(bytes([byte[0] ^ 1]))
    result = one.wait(30)
    host.wait(10)
    first = result.row("direct").get("first_corrupt_byte") or {}
    check("write, the client's memory damaged: the server finds the one byte",
          result.rc == 5 and result.row("direct").get("corrupt_bytes") == 1 and
          first.get("offset") == 4101 and result.one_line("offset 4101"), result)


def unharmed():
    for op in ("read", "write"):
        host = server()
        result = client("--op", op, "-s", "16K", "-t", 2, "-D", 1, "--verify")
        host.wait(10)
        check(f"{op}, nobody damages anything: exit 0", result.rc == 0 and
              all(r["corrupt_bytes"] == 0 and r["first_corrupt_byte"] is None
                  for r in result.rows), result)


main([spoiled_reads, spoiled_writes, unharmed])
