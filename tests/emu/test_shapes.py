#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The shapes of a load, on the emulated ConnectX: sizes, rates, margins, batches, events."""
import os
import signal
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# pylint: disable=wrong-import-position
from emucase import in_tries, latency, main, near, start_latency
from rwproc import (DEVICE, LATENCY, OK, PEER, PROGRAM, RUN, USAGE, Client, Server, eq,
                    note, true, wait_until)
from rwtap import case, good, refused

K = 1024
STALL_MS = 100


def bandwidth(*options, **more):
    """A client of ib_rw_bw, by path direct, and its end."""
    return latency("--path=direct", *options, program=PROGRAM, **more)


# ---- sizes

for a_range, some_sizes in (("4K:64K", [4 * K << n for n in range(5)]),
                            ("3:100:3", [3, 9, 27, 81]),
                            ("60K:61K:+500", [60 * K, 60 * K + 500, 60 * K + 1000]),
                            ("5:5", [5])):
    @case(f"--size_range={a_range}: {len(some_sizes)} sizes, each moved whole")
    def _(text=a_range, sizes=some_sizes):
        for op in "read", "write":
            rows = good(bandwidth("--size_range=" + text, "-n", 20, "-t", 4, "--op=" + op,
                                  "--verify"), rows=len(sizes))
            eq([row["MsgSize"] for row in rows], sizes, "sizes")


@case("--size_range: what is none is refused, with what to do")
def _():
    for text in "8K:4K", "4K", "4K:", "0:4K", "4K:8K:1", "4K:8K:+0", "1:2G", "4K:8K:2:2", ":":
        refused(bandwidth("--size_range=" + text), USAGE, text, "FROM:TO:+STEP")
    refused(bandwidth("--size_range=1:1K:+1"), USAGE, "more than 64 sizes")
    refused(bandwidth("--size_range=1:1K", "-a"), USAGE, "--all and --size_range exclude")
    refused(bandwidth("--size_range=1:1K", "--mix=read:50"), USAGE, "--size_range and a mix")


# ---- rates of addresses

@case("--rate_limit_type=HW: QPs of both sides have the next static rate below, or it is refused")
def _():
    for limit, qps, rate in (21, 1, 20000), (20, 1, 20000), (19.9, 1, 14062), (21, 2, 10000), (2.5, 1, 2500):
        done = bandwidth(f"--rate_limit={limit}", "--rate_limit_type=HW", "-q", qps, "-n", 20)
        good(done, verified=False, rows=1)
        info = done.report["test_info"]
        for side in info["connection"]["qp"], info["peer"]["qp"]:
            eq(side["static_rate_mbps"], rate, f"static rate of {limit} Gb/s on {qps} QPs")
    refused(bandwidth("--rate_limit=4", "--rate_limit_type=HW", "-q", 2), USAGE,
            "2000 Mb/s for each QP", "give --rate_limit_type=SW")
    plain = bandwidth("-n", 20)
    eq(plain.report["test_info"]["connection"]["qp"]["static_rate_mbps"], 0, "else none")


@case("--rate_limit_type=HW: that a device does not keep to it is told")
def _():
    done = bandwidth("--rate_limit=2.5", "--rate_limit_type=HW", "-n", 2000)
    row, = good(done, verified=False, rows=1)
    true(row["BW_average"] * 8 * 2**20 > 2.6e9, "this one does not")
    eq((row["rate_limit"]["reached"], row["rate_limit"]["exceeded"]), (True, True), "the limit")
    true("static rate 2500 Mb/s" in done.out and "EXCEEDED" in done.out, done.out)


# ---- rate limits

def check_limit(options, per_s, least=0.98):
    run = bandwidth(*options)
    row, = good(run, verified=False, rows=1)
    near(row["rate_limit"]["operations_per_s"], per_s, "operations allowed", relative=1e-6)
    found = row["MsgRate"] * 1e6 / per_s
    true(least <= found <= 1.02, f"{found} of what is allowed")
    eq(row["rate_limit"]["reached"], True, "reached")
    true("operations/s allowed" in run.out, "it is told")
    return row


MIB = K * K
for some_options, some_per_s in (
        (("--rate_limit=0.2",), 0.2e9 / 8 / 65536),
        (("--rate_limit=30", "--rate_units=M", "-s", "16K", "-n", 1500), 30 * MIB / 16 / K),
        (("--rate_limit=1500", "--rate_units=p", "-q", 3, "-n", 300), 1500),
        (("--rate_limit=1500", "--rate_units=p", "-n", 1000, "--burst_size=64"), 1500),
        (("--rate_limit=0.1", "--mix=read:50", "-s", "4K:1,12K:1"), 0.1e9 / 8 / 8 / K)):
    @case(" ".join(map(str, some_options)) + f": {some_per_s:.0f} operations/s, within 2 %")
    def _(options=some_options, per_s=some_per_s):
        in_tries(lambda: check_limit(options, per_s))


@case("--rate_limit: a rate in each size of a run, and with -D")
def _():
    def check():
        rows = good(bandwidth("--size_range=16K:64K:4", "--rate_limit=20", "--rate_units=M", "-D", 1),
                    verified=False, rows=2)
        for row in rows:
            true(0.98 <= row["BW_average"] / 20 <= 1.02, f"{row['BW_average']} MiB/s instead of 20")
    in_tries(check)


@case("--burst_size: so many begin together, which fills the pool")
def _():
    def check():
        for burst, fallbacks in (1, False), (32, True):
            row, = good(latency("--path=mr", "--rate_limit=1000", "--rate_units=p", "--mr_pool=8",
                                "-t", 32, "-n", 320, f"--burst_size={burst}", "--engine=umr",
                                program=PROGRAM), engine="umr", verified=False, rows=1)
            eq(row["fallbacks"] >= 200, fallbacks, f"{row['fallbacks']} fallbacks, bursts of {burst}")
    in_tries(check)


@case("a limit that is not reached is told")
def _():
    run = bandwidth("--rate_limit=100000", "--rate_units=p", "-t", 1, "-n", 100,
                    cost_latency_ns=1000000)
    row, = good(run, verified=False, rows=1)
    eq(row["rate_limit"]["reached"], False, "reached")
    true("the device or this host is slower" in run.out, "it is told")


@case("rate limits that cannot be are refused")
def _():
    for text in "0", "-1", "x", "1x", "nan", "inf":
        refused(bandwidth("--rate_limit=" + text), USAGE, text, "above 0")
    refused(bandwidth("--rate_limit=1e-9"), USAGE, "less than an operation in 10 s")
    refused(bandwidth("--burst_size=4"), USAGE, "--rate_limit")
    refused(bandwidth("--rate_limit=1", "--rate=5"), USAGE, "--rate and --rate_limit exclude")
    refused(bandwidth("--rate_limit=1", "--rate_limit_type=PP"), DEVICE, "mlx5_1 cannot pace RC QPs")
    refused(latency("--rate_limit=1"), USAGE, "an option of ib_rw_bw", name="ib_rw_lat")


# ---- what is printed

@case("--output: this number alone, a line for each row, that of the report")
def _():
    for output, program, key in (("bandwidth", PROGRAM, "BW_average"),
                                 ("message_rate", PROGRAM, "MsgRate"), ("latency", LATENCY, "t_avg")):
        for more in (), ("--report_gbits",) if program == PROGRAM else ("-C",):
            run = latency("--output=" + output, "--size_range=4K:8K", "-n", 100, *more,
                          program=program)
            rows = good(run, engine="umr", verified=False, rows=6)
            lines = run.out.splitlines()
            eq([len(line.partition(".")[2]) for line in lines], [6] * len(rows), "decimals of each")
            # The report's number is rounded to 12 digits first: their last may differ.
            for line, row in zip(lines, rows):
                near(float(line), row[key], output, absolute=6e-7)


@case("--output: a number of the other program, or two reports on one stream, are refused")
def _():
    refused(bandwidth("--output=latency"), USAGE, "bandwidth or message_rate")
    refused(latency("--output=bandwidth"), USAGE, "give latency", name="ib_rw_lat")
    refused(bandwidth("--output=bandwidth", "--json=-"), USAGE, "--json=FILE")


@case("--cpu_util: a column behind perftest's, and in the report without asking")
def _():
    for program, columns in (PROGRAM, 5), (LATENCY, 9):
        run = latency("--cpu_util", "--path=direct", "-s", "64K", "-n", 2000, program=program)
        row, = good(run, verified=False, rows=1)
        head, line = [line for line in run.out.splitlines()
                      if "CPU_Util[%]" in line or line.startswith(" 65536 ")]
        true("percentile[usec]     CPU_Util[%]" in head or "MsgRate[Mpps]    CPU_Util[%]" in head, head)
        near(float(line.split()[columns]), row["CPU_util"], "column", absolute=0.006)
        near(row["CPU_util"], row["cpu_process_ns_per_operation"] * row["n_iterations"] * 100 /
             row["elapsed_ns"], "CPU time of the time that was measured", relative=1e-6)
        plain = latency("--path=direct", "-n", 10, program=program)
        true("CPU_Util" not in plain.out and plain.row()["CPU_util"] > 0, "only when asked")


@case("operations and seconds stand below the row, and the windows; one that stalls is the lowest")
def _():
    run = bandwidth("-n", 4000, "-t", 16, "--report_gbits", fault="stall@2000", stall_ms=STALL_MS)
    row, = good(run, verified=False, rows=1)
    true(f" # measured: 4000 operations in {row['elapsed_ns'] / 1e9:.6f} s; windows of 16: "
         f"{row['BW_least']:.2f} to {row['BW_peak']:.2f} Gb/sec" in run.out, "it is told")
    # A window of 16 operations, and of what one poll more brought, took the stall at the least.
    stalled = (16 + 32) * 65536 * 8 / STALL_MS / 1e6
    true(row["BW_least"] <= stalled, f"{row['BW_least']} Gb/s in the window that stalled")
    true(row["BW_average"] > 2 * row["BW_least"], "the others did not")
    none, = good(bandwidth("-n", 100, "-N"), verified=False, rows=1)
    eq((none["BW_least"], none["BW_peak"]), (None, None), "windows with -N")


# ---- how long

@case("-D without and with --margin: what is counted, and what is stated", slow=True)
def _():
    def check():
        options = "--rate_limit=200", "--rate_units=p", "-t", 4
        run = bandwidth("-D", 1, *options)
        row, = good(run, verified=False, rows=1)
        true("1 s a row, margin 0: measured from the first post" in run.out, "it is stated")
        run = bandwidth("-D", 3, "-f", 1, "--verify", *options)
        row, = good(run, rows=1)
        true("3 s a row, 1 s of it at either end not measured" in run.out, "it is stated")
        eq(run.report["test_info"]["configuration"]["margin"], 1, "margin in the report")
        true(195 <= row["n_iterations"] <= 206, f"{row['n_iterations']} operations of a second")
        true(1e9 <= row["elapsed_ns"] < 1.2e9, f"{row['elapsed_ns']} ns")
        true(run.seconds >= 3, f"{run.seconds} s in all")
    in_tries(check)


@case("--margin in ib_rw_lat: paths that take turns are measured for the rest", slow=True)
def _():
    def check():
        run = latency("-D", 3, "--margin=1", "--path=direct,auto")
        for row in good(run, verified=False, rows=2, engine="umr"):
            true(0.5e9 <= row["elapsed_ns"] < 1.5e9, f"{row['path']}: {row['elapsed_ns']} ns")
        true(run.seconds >= 6, f"{run.seconds} s in all")
    in_tries(check)


@case("margins that leave nothing, or are of no time, are refused")
def _():
    refused(bandwidth("-D", 2, "-f", 1), USAGE, "--margin", "leave nothing of -D 2 s")
    refused(bandwidth("-f", 1), USAGE, "--margin says more of --duration")


@case("--no_warm_up: the first operations count; else two of a context come before")
def _():
    common = "--path=mr", "--engine=umr", "-t", 8, "-n", 100
    for option, invalidated in ("--no_warm_up", 92), ("--perform_warm_up", 100):
        row, = good(latency(*common, option, program=PROGRAM), engine="umr", verified=False, rows=1)
        # MRs that were never used are not invalidated before they are registered.
        eq(row["wrs"], 200 + invalidated, f"{option}: WRs")
    refused(bandwidth("--no_warm_up", "--perform_warm_up"), USAGE, "exclude each other")


@case("--run_infinitely: row after row until interrupted; the report has the last of each", slow=True)
def _():
    process = start_latency("--run_infinitely", "-D", 1, "--path=direct,auto", program=PROGRAM)

    def rows():
        return [line.split()[5] for line in process.out.splitlines() if line.startswith(" 65536 ")]
    wait_until(lambda: len(rows()) >= 5, "five rows")
    process.send(signal.SIGINT)
    printed = rows()
    run = process.finish()
    eq((run.status, run.err), (OK, ""), "exit status, standard error")
    eq(printed[:5], ["direct", "auto", "direct", "auto", "direct"], "rows")
    eq([row["path"] for row in run.rows], ["direct", "auto"], "rows of the report")
    eq(len(run.report["ratios"]), 1, "ratios")
    refused(bandwidth("--run_infinitely", "-n", 5), USAGE, "--iters and --run_infinitely exclude")


# ---- events

def check_sleep(program, *options, **more):
    """CPU time of the measuring thread with and without -e where each operation takes 2 ms."""
    shares = []
    for events in (), ("-e",):
        run = latency(*events, "--path=direct,mr", "-n", 300, *options, program=program,
                      cost_latency_ns=2000000, **more)
        rows = good(run, engine="umr", verified=False, rows=2)
        eq([row["n_iterations"] for row in rows], [300 * row["qps"] for row in rows], "operations")
        eq("waited for asleep, by events of vector 0" in run.out, bool(events), "it is told")
        shares.append([row["cpu_thread_ns_per_operation"] * row["n_iterations"] /
                       row["elapsed_ns"] for row in rows])
    note(f"CPU of the thread: {shares}")
    true(max(shares[1]) < 0.25 * min(shares[0]), f"{shares[1]} of a CPU asleep, {shares[0]} polling")


for a_program, some_options in ((LATENCY, ()), (PROGRAM, ("-t", 2)),
                                (PROGRAM, ("-t", 4, "-q", 2, "-Q", 3)),
                                (PROGRAM, ("-t", 4, "--rate=400", "--arrival=fixed")),
                                (PROGRAM, ("-t", 4, "--rate_limit=400", "--rate_units=p"))):
    @case(f"{os.path.basename(a_program)} -e {' '.join(map(str, some_options))}: "
          "it sleeps while the device works")
    def _(program=a_program, options=some_options):
        in_tries(lambda: check_sleep(program, *options))


@case("-e: all comes back, whatever the row does with it")
def _():
    for options in (("--op=write", "--on_exhaustion=wait", "--mr_pool=3", "-Q", 2),
                    ("--on_exhaustion=fail", "--teardown", "--mr_pool=4"), ("-l", 4, "-q", 3),
                    ("--think_us=300",)):
        run = latency("-e", "--path=mr", "-t", 8, "-n", 200, "-s", "64K", "--engine=umr", *options,
                      program=PROGRAM)
        eq((run.status, run.err), (OK, ""), f"{options}: exit status, standard error")
        row = run.row()
        eq(row["n_iterations"] + row["failed"] + row["operations_torn"], 200 * row["qps"],
           f"{options}: operations")


@case("-e: asleep it hears of an interrupt, and of a peer that is gone")
def _():
    process = start_latency("-e", "-n", 1000000, "--path=direct", program=PROGRAM,
                            cost_latency_ns=20000000)
    wait_until(lambda: "MsgRate" in process.out, "the row begins")
    process.send(signal.SIGINT)
    run = process.finish(20)
    if run.status:
        refused(run, RUN, "interrupted")
    with Server(device="mlx5_0", keep=False) as server:
        process = Client(server, "-F", "-e", "-n", "1000000", "--path=direct", device="mlx5_1",
                         env=dict(os.environ, RW_EMU_COST_LATENCY_NS="20000000"))
        wait_until(lambda: "MsgRate" in process.out, "the row begins")
        server.send(signal.SIGKILL)
        run = process.finish(30)
        eq((run.status, len(run.err.splitlines())), (PEER, 1), "exit status, lines of error")
        server.popen.wait()
        server.end()


@case("-X: a vector that the device has, and only for events")
def _():
    refused(bandwidth("-e", "-X", 60000), DEVICE, "--vector", "completion vectors, from 0 on")
    refused(bandwidth("-X", 0), USAGE, "--vector says more of --events")


# ---- batches

for a_list in 1, 2, 8, 32:
    @case(f"-l {a_list}: so many operations with one doorbell, on each path")
    def _(post_list=a_list):
        for options in (), ("-Q", 8), ("--op=write", "--mix_sizes=4K:1,64K:1"):
            rows = good(latency("-l", post_list, "-t", 64, "-q", 2, "-n", 320, "--path=direct,mr",
                                "--engine=umr", *options, program=PROGRAM), engine="umr",
                        verified=False, rows=2)
            eq([row["doorbells"] for row in rows], [640 // post_list] * 2, f"doorbells, {options}")


@case("-l: a rest, few contexts, and an open loop")
def _():
    row, = good(bandwidth("-l", 8, "-t", 16, "-n", 100, "--verify"), rows=1)
    eq((row["n_iterations"], row["doorbells"]), (100, 13), "operations, doorbells")
    # Where contexts are fewer than a list, and completions, too, are rare, they are all there is.
    for options in ("-l", 64), ("-l", 8, "-Q", 8), ("-l", 8, "-Q", 3):
        row, = good(bandwidth(*options, "-t", 8, "-n", 80, "--verify"), rows=1)
        eq(row["n_iterations"], 80, f"operations of {options}")
    row, = good(bandwidth("-l", 8, "-t", 8, "-n", 80, "--rate=2000", "--arrival=burst:8"),
                verified=False, rows=1)
    eq(row["n_iterations"], 80, "operations of an open loop")
    true(row["doorbells"] >= 10, f"{row['doorbells']} doorbells of 10 bursts")


@case("-l with a pool that is too small: nobody waits for ever")
def _():
    for policy in "wait", "fail", "fallback":
        for options in ("-l", 8, "-t", 8), ("-l", 7, "-t", 10, "-Q", 2), ("-l", 5, "-t", 8, "-q", 3,
                                                                    "--pool_scope=thread"):
            row, = good(latency("--path=mr", "--engine=umr", "--mr_pool=6", "-n", 300, *options,
                                f"--on_exhaustion={policy}", program=PROGRAM), engine="umr",
                        verified=False, rows=1)
            eq(row["operations_issued"], 300 * row["qps"], f"{policy} {options}")


# ---- gaps

@case("--latency_gap: each context pauses between two operations, and no latency counts it")
def _():
    for contexts, gaps in (1, 99), (4, 24):
        for more in (), ("-e",):
            rows = good(latency("--latency_gap=3000", "-n", 100, "-t", contexts,
                                "--path=auto", "--engine=umr", *more), engine="umr",
                        verified=False, rows=1)
            for row in rows:
                # Blocks of operations take turns; what passes between two is not measured.
                true(row["elapsed_ns"] >= gaps * 2e6, f"{row['elapsed_ns']} ns of {gaps} gaps")
                true(row["t_typical"] < 3000, f"{row['t_typical']} usec")
    refused(latency("--latency_gap=5", "--think_us=5"), USAGE, "exclude each other", name="ib_rw_lat")
    refused(bandwidth("--latency_gap=5"), USAGE, "an option of ib_rw_lat")


# ---- inline

def fastest(*options):
    """The shortest latency in us of a WRITE, where the device takes 3 ms for each SGE."""
    rows = good(latency("--op=write", "-n", 20, "--verify", "--engine=umr", *options,
                        cost_sge_ns=3000000), engine="umr")
    return [row["t_min"] for row in rows]


@case("-I: a WRITE's data are in its WQE, up to the size given, and on path direct only")
def _():
    for options in (), ("--sges=4",), ("-l", 4, "-t", 8, "-Q", 2):
        small, = fastest("-I", 64, "-s", 64, "--path=direct", *options)
        large, = fastest("-I", 64, "-s", 65, "--sges=1", "--path=direct")
        without, by_mr = fastest("-s", 64, "--path=direct,mr", "-I", 0)
        true(large >= 3000 and without >= 3000 and by_mr >= 3000, "these have SGEs")
        true(small < 3000, f"{small} us, {options}: this has none")
    direct, by_mr = fastest("-I", 64, "-s", 64, "--path=direct,mr")
    true(direct < 3000 <= by_mr, f"{direct} us by path direct, {by_mr} by an MR")


@case("-I: of a mix the small WRITEs only; a READ has none")
def _():
    row, = good(bandwidth("--mix=read:50", "-s", "32:1,4K:1", "-I", 64, "-n", 200), verified=False,
                rows=1)
    eq((row["n_iterations"], row["wqe_bytes_per_operation"]), (200, None), "operations, WQEs")
    refused(bandwidth("-I", 64), USAGE, "--inline_size", "a READ brings data")
    refused(bandwidth("-I", 2000, "--op=write"), USAGE, "--inline_size", "0 to 1024")


main()
