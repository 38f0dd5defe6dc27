#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The measured phase neither allocates nor calls the kernel, with engines umr and umr_ptr.

Allocations: a preloaded library counts them, but for the emulated device's; runs of few
and of many operations must need the same number. System calls: strace lists those between
the message that prepares a row and the one that ends it. There may be those by which the
emulated device moves data, of which the programs have none, and the watch of the control
connection: in 50 ms one poll, and now and then a word to the server. The clocks of processor
time are read at the ends of a phase, not in between.
"""
import os
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# pylint: disable=wrong-import-position
from emucase import server_of
from rwbed import enter_emu
from rwproc import BUILDDIR, LATENCY, PROGRAM, client, eq, true
from rwtap import case, good, run_cases

COUNTER = os.path.join(BUILDDIR, "tests", "emu", "malloc_count.so")
FEW, MANY, TRACED = 1000, 6000, 100
CONTEXTS = 32
WATCH_S = {"poll": 0.05, "sendto": 5}
AT_THE_ENDS = {"clock_gettime"}
OF_THE_DEVICE = "process_vm_readv", "process_vm_writev", "getpid"
CONFIGURATIONS = (  # pool, exhaustion, further options
    (CONTEXTS, "fallback", ()),
    (CONTEXTS // 4, "fallback", ()),
    (CONTEXTS // 4, "fail", ()),
    (CONTEXTS // 4, "wait", ()),
    (CONTEXTS // 4, "wait", ("--sq=kernel", "-q", "2", "--pool_scope=thread")),
    (CONTEXTS // 2, "fallback", ("--op=write", "-Q", "3", "-l", "4")),
)


TIMED = (  # program, further options
    (LATENCY, ()),
    (LATENCY, ("--rate=20000",)),
    (PROGRAM, ("--rate=20000",)),
    (PROGRAM, ("--think_us=100", "-q", "2")),
)


def measure(engine, operations, configuration, program=PROGRAM, **more):
    pool, policy, options = configuration
    run = client(server_of(program), "-F", "--interval_ms=3600000", "-s", "4K",
                 "--sges=16", "--segment=256", "-t", str(CONTEXTS), "-n", str(operations),
                 "--path=direct,mr,auto", f"--engine={engine}",
                 f"--mr_pool={pool}", f"--on_exhaustion={policy}", *options, device="mlx5_1",
                 program=program, **more)
    return good(run, verified=False, rows=3, engine=engine)


def allocations(engine, operations, configuration, program=PROGRAM):
    """What a whole run asks of the allocator: allocations and frees."""
    with tempfile.NamedTemporaryFile("r") as file:
        env = dict(os.environ, RW_MALLOC_COUNT=file.name,
                   LD_PRELOAD=os.environ["LD_PRELOAD"] + ":" + COUNTER)
        rows = measure(engine, operations, configuration, program, env=env)
        if configuration in CONFIGURATIONS:
            eq(rows[1]["exhaustions"] > 0, configuration[0] < CONTEXTS, "exhaustions")
        counts = [int(word) for word in open(file.name, encoding="ascii").read().split()]
    # What a word to the server needs; there are some if the machine is busy with others.
    words = sum(int(row["elapsed_ns"] / 1e9 / WATCH_S["sendto"]) for row in rows)
    return counts, 20 * words


def check_same(many, few):
    """The counts are the same, but for words to the server."""
    for more, less in zip(many[0], few[0]):
        true(less - few[1] <= more <= less + many[1],
             f"{MANY} operations a row: {many}, {FEW}: {few} (counts, and allowed for words)")


def calls_of_rows(trace):
    """For each row the system calls of its phases, as (seconds, name)."""
    rows, row = [], None
    for line in trace:
        match = re.match(r"\d+ +(\d+\.\d+) (?:<\.\.\. )?(\w+)", line)
        if not match:
            continue
        call = float(match[1]), match[2]
        if row is None and "recv" in call[1] and '"prepared' in line.replace("\\", ""):
            row = [call]
        elif row and "send" in call[1] and '"finish"' in line.replace("\\", ""):
            rows.append(row)
            row = None
        elif row:
            row.append(call)
    return rows


def busy_stretches(calls):
    """How often the device begins to move data after calls of somebody else."""
    names = [name for _, name in calls[1:] if name not in WATCH_S and name != "getpid"]
    moves = [name.startswith("process_vm_") for name in names]
    return sum(now and not before for now, before in zip(moves, [False, *moves]))


def check_calls(calls):
    ours = [name for _, name in calls[1:] if name not in OF_THE_DEVICE]
    eq(set(ours) - set(WATCH_S) - AT_THE_ENDS, set(),
       "system calls of a measured phase, but for the device's")
    # The warm-up, and what is measured.
    eq(busy_stretches(calls), 2, "stretches in which only the device calls the kernel")
    for name, every in WATCH_S.items():
        most = (calls[-1][0] - calls[0][0]) / every + 1
        true(ours.count(name) <= most, f"{ours.count(name)} of {name}, not more than {most:.1f}")


def check_allocations(engine, configuration):
    few = allocations(engine, FEW, configuration)
    many = allocations(engine, MANY, configuration)
    true(few[0][0] > 100, f"the counter counts: {few}")
    check_same(many, few)


def check_system_calls(engine, configuration):
    with tempfile.NamedTemporaryFile("r", errors="replace") as trace:
        measure(engine, TRACED, configuration,
                prefix=("strace", "-f", "-ttt", "-s", "64", "-o", trace.name))
        rows = calls_of_rows(trace)
    eq(len(rows), 3, "rows in the trace")
    for calls in rows:
        check_calls(calls)


def find_why_no_trace():
    if os.environ.get("RW_TESTS") == "fast":
        return "RW_TESTS=fast leaves slow traces out"
    try:
        run = subprocess.run(["strace", "-f", "-o", "/dev/null", "true"],
                             capture_output=True, check=False)
    except FileNotFoundError:
        return "strace is not installed"
    return "strace may not trace here" if run.returncode else None


def declare(why_no_trace):
    for engine in "umr", "umr_ptr":
        for configuration in CONFIGURATIONS:
            pool, policy, options = configuration
            name = " ".join((f"{engine}, pool {pool}, {policy}", *options))

            def _(of=(engine, configuration)):
                check_allocations(*of)
            case(f"{name}: no allocation")(_)

            def _(of=(engine, configuration)):
                check_system_calls(*of)
            if not why_no_trace:
                case(f"{name}: no system call")(_)
            else:
                case(f"{name}: no system call # SKIP {why_no_trace}")(lambda: None)


def declare_timed():
    """Operations are timed one by one: histograms, blocks, arrivals."""
    for program, options in TIMED:
        def _(program=program, options=options):
            few, many = (allocations("umr", n, (CONTEXTS, "fallback", options), program)
                         for n in (FEW, MANY))
            # Intervals of confidence and words to the server take some, blocks of 100
            # operations would take 150, and operations 15000.
            for less, more in zip(few[0], many[0]):
                true(more - less < 300, f"{more - less} of {MANY - FEW} more operations a row")
        case(" ".join((os.path.basename(program), *options)) + ": no allocation")(_)


def main():
    if "san.so" in subprocess.run(["ldd", PROGRAM], capture_output=True, text=True,
                                  check=False).stdout:
        print("1..0 # SKIP a sanitizer allocates and calls for itself")
    elif enter_emu(tick=0):  # only polls drive the device: no thread of its own
        declare(find_why_no_trace())
        declare_timed()
        run_cases()


main()
