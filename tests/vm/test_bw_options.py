#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Options: each has the effect it promises, data verified."""

import json
import os

from rwtest import check, client, main, pair, server

SMALL = ("-s", "16K", "-t", 4, "-n", 40, "--verify")


def load_options():
    result, _ = pair("-D", 1, "-s", "16K", "-t", 4, "--verify")
    check("-D 1: both rows ran for a second, with a peak",
          result.rc == 0 and len(result.rows) == 2 and
          all(0.95e9 < r["elapsed_ns"] < 10e9 and r["BW_peak"] >= r["BW_average"] * 0.99 > 0
              for r in result.rows), result)

    result, _ = pair(*SMALL, "-q", 4)
    check("-q 4: -n counts for each QP",
          result.rc == 0 and all(r["n_iterations"] == 160 and r["qps"] == 4
                                 for r in result.rows), result)

    result, _ = pair(*SMALL, "-t", 8, "-l", 8, "--path", "direct")
    row = result.row("direct")
    check("-l 8: fewer doorbells than operations",
          result.rc == 0 and 0 < row["doorbells"] < row["n_iterations"], result)
    result, _ = pair(*SMALL, "--path", "direct")
    row = result.row("direct")
    check("-l 1: a doorbell for each operation",
          result.rc == 0 and row["doorbells"] == row["n_iterations"], result)

    for options in (("-Q", 4), ("-Q", 4, "-n", 41), ("-Q", 3, "-q", 2), ("-o", 1), ("-m", 1024),
                    ("-u", 18), ("-l", 4, "-Q", 2, "-q", 3)):
        result, _ = pair(*SMALL, *options)
        check(f"{' '.join(map(str, options))}: runs, data right",
              result.rc == 0 and len(result.rows) == 2 and
              all(r["corrupt_bytes"] == 0 for r in result.rows), result)
    result, _ = pair(*SMALL, "-m", 1024, "-o", 1)
    check("-m and -o: used, and told in the report",
          result.json["test_info"]["connection"]["mtu"] == 1024 and
          result.json["test_info"]["connection"]["outstanding_reads"] == 1, result)

    result, _ = pair("-a", "-t", 2, "-n", 4, "--verify")
    sizes = [r["MsgSize"] for r in result.rows if r["path"] == "mr"]
    check("-a: all sizes from 2 to 8 MiB, both paths",
          result.rc == 0 and sizes == [2 << i for i in range(23)] and len(result.rows) == 46,
          result)


def segments():
    result, _ = pair("-s", 10000, "-t", 4, "-n", 40, "--verify")
    check("a last segment may be shorter", result.rc == 0 and
          all(r["sges"] == 3 and r["corrupt_bytes"] == 0 for r in result.rows), result)
    result, _ = pair("-s", "64K", "--segment", "8K", "--segment_stride", "32K", "-t", 4, "-n", 40,
                     "--verify")
    check("--segment and --segment_stride", result.rc == 0 and
          all(r["sges"] == 8 and r["segment_bytes"] == 8192 for r in result.rows), result)
    result, _ = pair("-s", 1000, "--segment", 10, "--segment_stride", 11, "-t", 4, "-n", 40,
                     "--verify", "--path", "direct")
    check("odd segments at an odd stride", result.rc == 0 and
          result.row("direct")["sges"] == 100 and result.row("direct")["wrs"] == 160, result)
    result, _ = pair("-s", "64K", "--mr_entries", 4, "-t", 4, "-n", 40, "--verify")
    row = result.row("mr")
    check("--mr_entries 4: four MRs and four READs for 16 segments",
          result.rc == 0 and row["wrs"] == 160 and row["mr_pool"] == 16 and
          row["exhaustions"] == 0, result)


def exhaustion():
    base = ("-s", "64K", "-t", 8, "-n", 200, "--path", "mr", "--verify", "--mr_pool")
    result, _ = pair(*base, 1, "--on_exhaustion", "fallback")
    row = result.row("mr")
    check("pool 1, contexts 8, fallback: counted, and every exhaustion falls back",
          result.rc == 0 and 0 < row["exhaustions"] == row["fallbacks"] < 200 and
          row["n_iterations"] == 200 and row["failed"] == 0, result)
    result, _ = pair(*base, 1, "--on_exhaustion", "fail")
    row = result.row("mr")
    check("pool 1, contexts 8, fail: dropped operations are counted, none is lost",
          result.rc == 0 and 0 < row["exhaustions"] == row["failed"] and
          row["n_iterations"] + row["failed"] == row["operations_issued"] == 200 and
          row["fallbacks"] == 0, result)
    result, _ = pair(*base, 1, "--on_exhaustion", "wait")
    row = result.row("mr")
    check("pool 1, contexts 8, wait: every operation runs in the end",
          result.rc == 0 and 0 < row["exhaustions"] == row["waits"] and
          row["n_iterations"] == 200 and row["fallbacks"] == row["failed"] == 0, result)
    for policy in ("fallback", "fail", "wait"):
        result, _ = pair(*base, 8, "--on_exhaustion", policy)
        row = result.row("mr")
        check(f"pool 8, contexts 8, {policy}: never empty",
              result.rc == 0 and row["exhaustions"] == 0 and row["n_iterations"] == 200, result)
        result, _ = pair(*base, 2, "--mr_entries", 4, "--on_exhaustion", policy)
        if policy == "fallback":
            check("a pool too small for one operation, fallback: all go direct",
                  result.rc == 0 and result.row("mr")["fallbacks"] == 200, result)
        else:
            check(f"a pool too small for one operation, {policy}: refused",
                  result.rc == 2 and result.one_line("needs 4 MRs", "pool has 2"), result)


def output():
    result, _ = pair(*SMALL, "--report_gbits", "-N")
    check("-N and --report_gbits: told in the report",
          result.rc == 0 and result.json["test_info"]["bandwidth_unit"] == "Gb/sec" and
          all(r["BW_peak"] is None for r in result.rows), result)
    path = "/tmp/report.json"
    result, _ = pair(*SMALL, report=path)
    with open(path) as file:
        report = json.load(file)
    check("--json FILE: the table and the file",
          result.rc == 0 and "#bytes" in result.out and report["schema_version"] == 1 and
          [r["path"] for r in report["results"]] == ["direct", "mr"] and
          "# MR / direct" in result.out and os.listdir("/tmp").count("report.json") == 1 and
          not [f for f in os.listdir("/tmp") if f.endswith(".tmp")], result)
    check("the report names host, device, peer and what they cannot show",
          report["test_info"]["device"]["class"] == "rxe" and
          report["test_info"]["host"]["kernel"] == os.uname().release and
          report["test_info"]["peer"]["device"]["name"] == "rxe0" and
          "hardware" in report["test_info"]["caveat"] and
          report["test_info"]["configuration"]["seed"] == 1, report["test_info"])
    result, other = pair(*SMALL, server_options=("-s", "1K"))
    check("run options on the server are ignored, and that is said",
          result.rc == 0 and "ignored" in other.err and
          result.rows[0]["MsgSize"] == 16384, other)


def addresses():
    for control, gid in (("127.0.0.1", "10.9.0.2"), ("localhost", None), ("::1", "fd00:9::2"),
                         ("10.9.0.1", "10.9.0.2"), ("fd00:9::1", "fd00:9::2")):
        result, _ = pair(*SMALL, host=control)
        device = result.json["test_info"]["device"] if result.json else {}
        check(f"control over {control}: GID {gid}", result.rc == 0 and
              device["gid_type"] == "RoCE v2" and gid in (None, device["gid"]), result)
    result, _ = pair(*SMALL, server_options=("--bind", "::1"), host="::1")
    check("--bind ::1", result.rc == 0, result)
    result, _ = pair(*SMALL, server_options=("--bind", "10.9.0.1"), host="127.0.0.1")
    check("--bind 10.9.0.1 refuses 127.0.0.1", result.rc == 3 and
          result.one_line("127.0.0.1"), result)
    result, _ = pair(*SMALL, "-x", 1, server_options=("-x", "1"))
    check("-x 1 on both sides", result.rc == 0 and
          result.json["test_info"]["device"]["gid_index"] == 1, result)


def sessions():
    host = server("--keep_serving")
    for number in (1, 2, 3):
        result = client(*SMALL)
        check(f"client {number} of one server", result.rc == 0 and len(result.rows) == 2, result)
    check("the server is still there", host.alive())
    result = host.stop()
    check("SIGINT ends it with 0", result.rc == 0 and not result.err, result)


main([load_options, segments, exhaustion, output, addresses, sessions])
