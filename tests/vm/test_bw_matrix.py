#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""op x path x sges x size, every byte verified."""

from rwtest import check, client, main, server

SGES = (1, 4, 16, 30, 32, 33, 256)
SIZES = (64, 4096, 65536, 1048576)
MAX_SGE = 32  # of rxe, for READ and WRITE
PAGE = 4096


def is_whole_pages(size, sges):
    """Spread evenly, every segment but the last must be whole pages for engine reg."""
    return sges == 1 or size % (sges * PAGE) == 0


def one(op, size, sges):
    name = f"{op} {size} bytes in {sges}"
    result = client("--op", op, "-s", size, "--sges", sges, "-n", 24, "-t", 4, "--verify",
                    "--path", "direct,mr" if is_whole_pages(size, sges) else "direct")
    if sges > size:
        check(f"{name}: refused, a segment needs a byte",
              result.rc == 2 and result.one_line("--sges", str(sges)), result)
        return

    direct, mr = result.row("direct"), result.row("mr")
    wrs = -(-sges // MAX_SGE)
    check(f"{name}: direct, {wrs} WRs per operation",
          direct.get("n_iterations") == 24 and direct["sges"] == sges and
          direct["wrs"] == 24 * wrs and direct["verified"] and
          direct["corrupt_bytes"] == 0 and direct["engine"] is None, result)
    if is_whole_pages(size, sges):
        check(f"{name}: mr, one WR per operation",
              result.rc == 0 and mr.get("n_iterations") == 24 and mr["wrs"] == 24 and
              mr["mr_wanted"] == 24 and mr["exhaustions"] == 0 and
              mr["corrupt_bytes"] == 0 and mr["engine"] == "reg", result)
        ratio = result.json["ratios"]
        check(f"{name}: a ratio of the two", len(ratio) == 1 and
              ratio[0]["MsgSize"] == size and ratio[0]["mr_over_direct"] > 0, result)
    elif sges <= size:
        result = client("--op", op, "-s", size, "--sges", sges, "-n", 24, "-t", 4)
        check(f"{name}: mr refused, segments are not whole pages",
              result.rc == 4 and not result.rows and result.one_line("engine reg", "whole pages"),
              result)


def matrix():
    host = server("--keep_serving")
    for op in ("read", "write"):
        for size in SIZES:
            for sges in SGES:
                one(op, size, sges)
    result = host.stop()
    check("the server served them all", result.rc == 0, result)


main([matrix])
