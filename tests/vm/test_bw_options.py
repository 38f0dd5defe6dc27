#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""ib_rw_bw: load options, segment layouts, several MRs, addresses and GIDs."""
import os
import re
import socket
import subprocess
import sys

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from rwcase import (DEVICE, OK, RUN, USAGE, Failed, Server, Traffic, case, client, eq,
                    good, load_json, main, one_line, refused, shared_server, true)


def command(*words):
    subprocess.run(words, check=True, timeout=30)


BOTH = "--path=direct,mr"


def measure(*options, **more):
    """On both paths unless an option says otherwise."""
    return client(shared_server(), BOTH, *options, **more)


# ---- load

@case("by default: direct, mr and auto")
def _():
    rows = good(client(shared_server(), "-n", "10", "-t", "2", "--verify"), rows=3)
    eq([row["path"] for row in rows], ["direct", "mr", "auto"], "paths")


@case("-D 1 lasts a second")
def _():
    row = good(measure("-D", "1", "-t", "8", "--verify", "--path=direct"), rows=1)[0]
    true(row["n_iterations"] > 8, "operations")
    true(1e9 <= row["elapsed_ns"] < 10e9, f"elapsed: {row['elapsed_ns']}")


for an_op in "read", "write":
    for a_path in "direct", "mr":
        def _(op=an_op, path=a_path):
            row = good(measure("-q", "4", "-l", "8", "-Q", "3", "-t", "16", "-n", "50", "--verify",
                               "--op=" + op, "--path=" + path), rows=1)[0]
            eq((row["qps"], row["n_iterations"], row["wrs"]), (4, 200, 200), "QPs, operations, WRs")
            true(row["doorbells"] <= 150, f"batches of up to 8: {row['doorbells']} doorbells")
        case(f"{an_op} {a_path}: 4 QPs, batches of 8, every 3rd operation signaled")(_)


@case("-q 4: as many QPs on each side")
def _():
    run = measure("-q", "4", "-t", "2", "-n", "10")
    good(run, verified=False, rows=2)
    true(re.search(r"QPs +: 4, 2 contexts each", run.out), "the table's head")
    true("4 QPs of 2 contexts" in shared_server().out, "what the server says")


@case("-l 1: one doorbell for each operation")
def _():
    for row in good(measure("-n", "40", "-t", "8"), verified=False, rows=2):
        eq(row["doorbells"], 40, "doorbells")


@case("-m 1024: packets of this length")
def _():
    received = {}
    for mtu in 1024, 4096:
        before = Traffic.packets("rcvd_pkts")
        run = measure("-m", str(mtu), "-n", "20", "-t", "2", "--verify", "--path=direct")
        good(run, rows=1)
        eq(run.report["test_info"]["connection"]["mtu"], mtu, "MTU in the report")
        received[mtu] = Traffic.packets("rcvd_pkts") - before
    # 20 operations and 4 of warm-up, 64 KiB each.
    eq(received, {1024: 24 * 64, 4096: 24 * 16}, "packets received")


@case("-m: the most that both ports run by default, more is refused")
def _():
    eq(measure("-n", "5").report["test_info"]["connection"]["mtu"], 4096, "default MTU")
    refused(measure("-m", "1000"), USAGE, "--mtu", "512, 1024")


@case("-o 1: one READ outstanding, at most what the devices allow")
def _():
    run = measure("-o", "1", "-n", "20", "-t", "8", "--verify")
    good(run, rows=2)
    eq(run.report["test_info"]["connection"]["outstanding_reads"], 1, "outstanding READs")
    refused(measure("-o", "200"), DEVICE, "--outs", "128")


@case("-a: all sizes from 2 bytes to 8 MiB on both paths")
def _():
    rows = good(measure("-a", "-n", "3", "-t", "2", "--verify", "--op=write"), rows=46)
    eq([row["MsgSize"] for row in rows], [2 ** (1 + i // 2) for i in range(46)], "sizes")
    for row in rows:
        sges = max(1, row["MsgSize"] // 4096)
        eq((row["sges"], row["n_iterations"]), (sges, 3), f"row of {row['MsgSize']} bytes")
        eq(row["wrs"], 3 * (-(-sges // 32) if row["path"] == "direct" else 1),
           f"WRs of {row['MsgSize']} bytes")


@case("-t and --contexts and --tx-depth are one option")
def _():
    for option in ("-t", "3"), ("--contexts=3",), ("--tx-depth", "3"):
        eq(measure(*option, "-n", "5").report["test_info"]["configuration"]["contexts"], 3, option)


# ---- segments: options, then SGEs, longest segment, WRs per operation on each path

LAYOUTS = (
    (("-s", "64K"), 16, 4096, 1, 1),
    (("-s", "1"), 1, 1, 1, 1),
    (("-s", "5000"), 2, 4096, 1, 1),
    (("-s", "65000"), 16, 4096, 1, 1),  # a short last segment
    (("-s", "100K", "--segment=16K"), 7, 16384, 1, 1),
    (("-s", "20K", "--sges=3", "--segment=8K"), 3, 8192, 1, 1),
    (("-s", "61439", "--sges=15"), 15, 4096, 1, 1),  # evenly, and so only the last is short
    (("-s", "64K", "--segment_stride=4K"), 16, 4096, 1, 1),  # contiguous
    (("-s", "64K", "--segment_stride=12K"), 16, 4096, 1, 1),
    (("-s", "1M", "--segment=8K", "--segment_stride=16K"), 128, 8192, 4, 1),
    (("-s", "64K", "--segment=1K"), 64, 1024, 2, None),
    (("-s", "30000", "--segment=1000", "--segment_stride=1000"), 30, 1000, 1, None),
    (("-s", "20001", "--segment=500", "--segment_stride=1501"), 41, 500, 2, None),
    (("-s", "100", "--segment=1"), 100, 1, 4, None),
    (("-s", "64K", "--segment_stride=5000"), 16, 4096, 1, None),
    # several MRs for one operation
    (("-s", "1M", "--mr_entries=64"), 256, 4096, 8, 4),
    (("-s", "1M", "--mr_entries=100"), 256, 4096, 8, 3),
    (("-s", "64K", "--mr_entries=1"), 16, 4096, 1, 16),
    (("-s", "65000", "--mr_entries=5"), 16, 4096, 1, 4),
)


def check_layout(op, options, sges, segment, direct_wrs, mr_wrs):
    common = (*options, "--op=" + op, "-n", "6", "-t", "3", "--verify")
    if mr_wrs:
        rows = good(measure(*common), rows=2)
        mrs = rows[1]["wrs_per_operation"]
        eq(mrs, mr_wrs, "WRs per operation on the MR path")
        eq(rows[1]["mr_pool"], 3 * mr_wrs, "pool by default: for all contexts")
        eq(rows[1]["exhaustions"], 0, "exhaustions")
    else:
        rows = good(measure(*common, "--path=direct"), rows=1)
        refused(measure(*common, "--path=mr"), DEVICE, "engine reg", "whole pages")
    for row in rows:
        eq((row["sges"], row["segment_bytes"], row["n_iterations"]), (sges, segment, 6),
           "SGEs, segment, operations")
    eq(rows[0]["wrs_per_operation"], direct_wrs, "WRs per operation on the direct path")


for an_op in "read", "write":
    for a_layout in LAYOUTS:
        def _(op=an_op, layout=a_layout):
            check_layout(op, *layout)
        case(f"{an_op} {' '.join(a_layout[0])}: {a_layout[1]} SGEs")(_)


# ---- reports

def expect_figures(row, unit):
    per_s = row["n_iterations"] * 1e9 / row["elapsed_ns"]
    for key, wanted in (("BW_average", per_s * row["MsgSize"] / unit), ("MsgRate", per_s / 1e6)):
        true(abs(row[key] - wanted) <= wanted * 1e-6, f"{key}: {row[key]} instead of {wanted}")
    true(row["BW_peak"] is None or row["BW_peak"] > 0, "BW_peak")


HEAD = r"^ #bytes     #iterations    BW peak\[UNIT\]    BW average\[UNIT\]   MsgRate\[Mpps\]"

for a_unit, a_divisor, some_options in (("MiB/sec", 2 ** 20, ()),
                                        ("Gb/sec", 1e9 / 8, ("--report_gbits",))):
    def _(unit=a_unit, divisor=a_divisor, options=some_options):
        run = measure("-n", "30", "-t", "4", *options)
        eq(run.report["test_info"]["bandwidth_unit"], unit, "unit in the report")
        true(re.search(HEAD.replace("UNIT", unit), run.out, re.M), "perftest's columns")
        for row in good(run, verified=False, rows=2):
            expect_figures(row, divisor)
            line = next(line.split() for line in run.out.splitlines()
                        if len(line.split()) == 15 and line.split()[5] == row["path"])
            digits = 6 if unit == "Gb/sec" and row["BW_average"] < 0.1 else 2
            eq(line[:4], ["65536", "30", *(f"{row[key]:.{digits}f}" for key in
                                           ("BW_peak", "BW_average"))], "the table's row")
    case(f"figures in {a_unit} fit operations and time, table and JSON agree")(_)


@case("-N: no peak")
def _():
    for row in good(measure("-n", "30", "-N"), verified=False, rows=2):
        eq(row["BW_peak"], None, "BW_peak")


@case("--json=-: the report alone on standard output")
def _():
    run = measure("-n", "5", "--json=-")
    eq((run.status, run.err), (OK, ""), "status and standard error")
    report = load_json(run.out)
    eq(report["schema_version"], 1, "schema_version")
    eq(len(report["results"]), 2, "rows")


@case("--json=FILE: facts of both hosts, the full configuration, the command line")
def _():
    info = measure("-n", "5", "-s", "8K").report["test_info"]
    true("-s 8K" in info["command_line"], "command_line")
    eq(info["configuration"]["size"], 8192, "configuration")
    eq([info["device"]["name"], info["peer"]["device"]["name"]], ["rxe1", "rxe0"], "devices")
    eq([info["device"]["class"], "Soft-RoCE" in info["caveat"]], ["rxe", True], "what it is")
    true(info["host"]["kernel"] and info["peer"]["host"]["kernel"], "kernels")


@case("--json=FILE: the file is replaced, a link to it stays one")
def _():
    directory = f"/tmp/json.{os.getpid()}"
    os.mkdir(directory)
    path, link = directory + "/report", directory + "/link"
    try:
        with open(path, "w", encoding="ascii") as old:
            old.write("old")
            old.flush()
            os.symlink(path, link)
            good_status = measure("-n", "5", "--json=" + link)
            eq((good_status.status, good_status.err), (OK, ""), "status and standard error")
            true(os.path.islink(link), "the link is still one")
            true(os.stat(path).st_ino != os.fstat(old.fileno()).st_ino, "another file")
        with open(path, encoding="utf-8") as new:
            eq(len(load_json(new.read())["results"]), 2, "rows")
        eq(sorted(os.listdir(directory)), ["link", "report"], "files there")
        eq(measure("-n", "5", "--json=/dev/null").status, OK, "status with /dev/null")
        true(not os.path.isfile("/dev/null"), "/dev/null is still a device")
    finally:
        for name in os.listdir(directory):
            os.unlink(os.path.join(directory, name))
        os.rmdir(directory)


@case("names that are no UTF-8 stand in the report, with a '?' for each strange byte")
def _():
    # Of the host, of a device, and of what the kernel says of it.
    hostname, device = socket.gethostname(), os.fsdecode(b"rxe\xe9")
    rate = f"/tmp/rate.{os.getpid()}"
    with open(rate, "wb") as file:
        file.write(b"4 Gb/s\xb2\n")
    socket.sethostname(b"caf\xe9")
    command("rdma", "dev", "set", "rxe1", "name", device)
    command("mount", "--bind", rate, "/sys/class/infiniband/rxe0/ports/1/rate")
    try:
        run = measure("-n", "5", "-t", "2", device=device)
    finally:
        command("umount", "/sys/class/infiniband/rxe0/ports/1/rate")
        command("rdma", "dev", "set", device, "name", "rxe1")
        socket.sethostname(hostname)
        os.unlink(rate)
    good(run, verified=False, rows=2)
    info = run.report["test_info"]
    eq([info["device"]["name"], info["peer"]["device"]["rate"]], ["rxe?", "4 Gb/s?"], "of devices")
    eq([facts["hostname"] for facts in (info["host"], info["peer"]["host"])], ["caf?"] * 2,
       "names of hosts")


# ---- addresses and GIDs: host, the GIDs of client and server

V4 = (1, "10.9.0.2"), (1, "10.9.0.1")
V6 = (2, "fd00:9::2"), (2, "fd00:9::1")


def check_gids(run, wanted):
    good(run, rows=2)
    info = run.report["test_info"]
    for device, (index, gid) in zip((info["device"], info["peer"]["device"]), wanted):
        eq((device["gid_index"], device["gid"], device["gid_type"]), (index, gid, "RoCE v2"), "GID")
        true(f"GID {index} {gid} (RoCE v2)" in run.out, "the client prints the choice")
    index, gid = wanted[1]
    true(f"GID {index} {gid} (RoCE v2)" in shared_server().out, "the server prints its choice")


for a_host, some_options, some_gids in (
        ("127.0.0.1", (), V4), ("10.9.0.1", (), V4), ("10.9.0.2", (), V4),
        ("::1", (), V6), ("fd00:9::1", (), V6), ("::ffff:10.9.0.1", (), V4),
        ("10.9.0.1", ("-x", "2"), V6), ("fd00:9::1", ("-x", "1"), V4)):
    def _(host=a_host, options=some_options, gids=some_gids):
        check_gids(measure("-n", "5", "-t", "2", "--verify", *options, host=host), gids)
    case(f"{' '.join((a_host, *some_options))}: GID {some_gids[0][1]}")(_)


@case("a host name")
def _():
    good(measure("-n", "5", "-t", "2", "--verify", host="localhost"), rows=2)


@case("-x on the server counts; GIDs that cannot reach each other: both sides say so")
def _():
    with Server("-x", "1") as other:
        run = client(other, BOTH, "-n", "5", "-t", "2", "--verify", "-x", "1", host="fd00:9::1")
        eq(run.report["test_info"]["peer"]["device"]["gid_index"], 1, "GID of the server")
        good(run, rows=2)
    with Server("-x", "2") as other:
        refused(client(other, BOTH, "-n", "5", "-x", "1"), RUN, "-x")
        other.wait_line("-x")
        one_line(other.err, "GID")


@case("the first active device by default")
def _():
    run = measure("-n", "5", "-t", "2", "--verify", device=None)
    good(run, rows=2)
    eq(run.report["test_info"]["device"]["name"], "rxe0", "device")


def listening(port):
    """Local addresses that are listened on."""
    found = []
    for name in "tcp", "tcp6":
        with open("/proc/net/" + name, encoding="ascii") as file:
            for line in list(file)[1:]:
                local, state = line.split()[1], line.split()[3]
                if state == "0A" and int(local.split(":")[1], 16) == port:
                    found.append(local.split(":")[0])
    return found


for a_bind, an_other in (("127.0.0.1", "10.9.0.1"), ("fd00:9::1", "::1"), ("::1", "127.0.0.1")):
    def _(bind=a_bind, other_host=an_other):
        with Server("--bind=" + bind) as other:
            eq(len(listening(other.port)), 1, "addresses listened on")
            good(client(other, BOTH, "-n", "5", "-t", "2", "--verify", host=bind), rows=2)
            refused(client(other, BOTH, "-n", "5", host=other_host), 3, "refused", str(other.port))
    case(f"--bind={a_bind}: not at {an_other}")(_)


@case("--bind: an address that is not of this host")
def _():
    try:
        Server("--bind=192.0.2.1").end()
    except Failed as failure:
        true("status of a server (ib_rw_bw: cannot listen on" in str(failure), str(failure))
        true(": 2 instead of" in str(failure), str(failure))
    else:
        raise Failed("the server listens")


@case("options of a run and of its report are ignored on the server, with a word")
def _():
    report = f"/tmp/report.{os.getpid()}"
    with Server("-s", "4K", "--verify", "-F", "--report_gbits", "--json=" + report) as other:
        eq(good(client(other, BOTH, "-n", "5"), verified=False)[0]["MsgSize"], 65536, "size")
        one_line(other.err, "ignored on the server: --size --verify --report_gbits --json\n")


main()
