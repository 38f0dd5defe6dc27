#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""--engine=kernel: the programs on top of rw_bench.ko, as every other engine.

Paths, counts and data follow from the rules of the kernel's API, as in test_kmod_matrix.py,
for each kind of device and kernel. Nothing is asserted of a speed.
"""
import contextlib
import errno
import json
import os
import re
import signal
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from kmodcase import (ROOT, SERVER, SRCDIR, STOCK, Guest, case, create, delay, eq, load, main, report,
                      request, true, unload, wait_until, write)
from rwcase import PATIENCE, USAGE, Client, Server, client, refused, shared_server
from rwproc import CORRUPT, DEVICE, LATENCY, Process, Skipped
from rwtap import consistent

CONTEXTS, COUNT, SEGMENTS, POOL = 8, 120, 16, 4
GUESTS = [Guest("rxe", STOCK, False), Guest("rxe", "nofallback", False),
          Guest("rxe", STOCK, True), Guest("siw", STOCK, False)]
ENGINE = "--engine=kernel"
USUAL = (ENGINE, "-n", str(COUNT), "-t", str(CONTEXTS), f"--mr_pool={POOL}", "--verify")
PLAN = """
repetitions = 1
[options]
iters = 20
contexts = 2
op = "write"
path = "direct"
[[part]]
name = "p"
[part.axes]
engine = ["reg", "kernel"]
sges = [4, 6]
[[part]]
name = "paths"
options = { engine = "kernel" }
[part.axes]
op = ["read", "write"]
path = ["direct", "mr"]
"""
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all")


def runs():
    return os.listdir(os.path.join(ROOT, "runs"))


def client_run():
    """The name of the client's, as soon as the module has a run of each side."""
    wait_until(lambda: len(runs()) == 2, "the module has a run of each side")
    return [one for one in runs() if report(one)["role"] == "client"][0]


def client_measures():
    """Its name, as soon as its clock runs."""
    name = client_run()
    wait_until(lambda: report(name).get("elapsed_ns"), "it measures")
    return name


def no_runs():
    wait_until(lambda: not runs(), f"no run is left behind ({runs()})")


def pattern_word(seed, word):
    """As that of kmod/memory.c."""
    z = (seed * 0xd1342543de82ef95 + word * 0x9e3779b97f4a7c15) % 2**64
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9 % 2**64
    z = (z ^ z >> 27) * 0x94d049bb133111eb % 2**64
    return (z ^ z >> 31).to_bytes(8, "little")


def memory():
    """The guest's memory: it lies at the end of its addresses, before it is a hole."""
    with open("/proc/zoneinfo", encoding="ascii") as file:
        zone = dict(re.findall(r"(spanned|managed) +(\d+)", file.read().split("zone")[1]))
    return (int(zone["spanned"]) - int(zone["managed"])) * 4096, int(zone["spanned"]) * 4096


def damage(seed, pages):
    """Flip a bit of what begins as one of the data's @pages. Returns how many there were."""
    wanted = {pattern_word(seed, page * 512) for page in range(pages)}
    begin, end = memory()
    step, flipped = 1 << 20, 0
    file = os.open("/dev/mem", os.O_RDWR)
    try:
        for start in range(begin, end, step):
            block = os.pread(file, min(step, end - start), start)
            for at in range(0, len(block), 4096):
                if block[at:at + 8] in wanted:
                    flipped += os.pwrite(file, bytes([block[at + 9] ^ 1]), start + at + 9)
    finally:
        os.close(file)
    return flipped


class Bed:
    """The two devices of a guest."""

    def __init__(self, guest):
        self.guest = guest
        self.devices = [guest.device + "0", guest.device + "1"]

    def server(self, **options):
        return shared_server("", device=self.devices[0], **options)

    def client(self, *options, server=None, **more):
        return client(server or self.server(), *options, device=self.devices[1], **more)

    def endless(self):
        """A client that measures until it is ended."""
        return Client(self.server(), ENGINE, "-D", "60", "-t", "4", "--path=auto", device=self.devices[1])

    def wants_mr(self, row):
        guest = self.guest
        if guest.force_mr or row["op"] == "read" and guest.iwarp:
            return True
        return row["op"] == "read" and row["path"] == "mr"


def schema_keys():
    with open(os.path.join(SRCDIR, "suite", "schema", "report.json"), encoding="utf-8") as file:
        root = json.load(file)
    row = root["properties"]["results"]["items"]["properties"]["kernel"]
    return set(row["properties"]), set(root["$defs"]["kernel_path"]["properties"])


def check_row(bed, row, policy="fallback"):
    consistent(row, "kernel")
    kernel, wants = row["kernel"], bed.wants_mr(row)
    eq((set(kernel), set(kernel["paths"]["mr"])), schema_keys(), "keys of what the module said")
    eq(kernel["force_mr"], bed.guest.force_mr, "force_mr as found")
    threshold = row["op"] == "read" and row["path"] == "mr" and not bed.guest.force_mr and \
        not bed.guest.iwarp
    eq((kernel["max_sgl_rd_found"], kernel["max_sgl_rd_used"]), (0, int(threshold)), "max_sgl_rd")
    eq(row["sges"], SEGMENTS, "segments")
    paths = {name: path["operations"] for name, path in kernel["paths"].items()}
    eq(paths["mr"], row["mr_operations"], "operations by MR")
    eq(sum(paths.values()), row["n_iterations"], "operations of all paths")
    if not wants:
        eq((row["n_iterations"], row["exhaustions"], row["engine"]), (COUNT, 0, None),
           "operations, exhaustions, engine of a direct row")
        return
    true(paths["mr"] > 0 and row["exhaustions"] > 0 and row["mr_hold_mean_ns"] > 0, "MRs in use")
    eq((row["mr_pool"], row["pool_low_water"]), (POOL, 0), "MRs of the pool, fewest free")
    if bed.guest.fallback:
        eq((row["fallbacks"], row["failed"]), (row["exhaustions"], 0), "fell back, dropped")
    elif policy == "wait":
        eq((row["waits"], row["failed"], row["n_iterations"]), (row["exhaustions"], 0, COUNT),
           "waits, dropped, completed")
        true(row["wait_ns"] > 0, "a time of waits")
    else:
        eq((row["fallbacks"], row["failed"]), (0, row["exhaustions"]), "fell back, dropped")
        eq(kernel["eagain"], row["failed"], "each -EAGAIN drops an operation")


def expected_paths(bed, op):
    if bed.guest.force_mr:
        return ["mr", "auto"]
    if op == "write":
        return ["direct", "auto"]
    return ["mr", "auto"] if bed.guest.iwarp else ["direct", "mr", "auto"]


def declare_paths(bed):
    for op in ("read", "write"):
        @case(f"all paths of {op}s: each by what the kernel has for it, and what is not there")
        def _(op=op):
            run = bed.client(*USUAL, "--op=" + op)
            eq((run.status, run.err), (0, ""), "exit status, standard error")
            eq([row["path"] for row in run.rows], expected_paths(bed, op), "paths")
            for row in run.rows:
                check_row(bed, row)
            left = {"direct", "mr"} - set(expected_paths(bed, op))
            notes = " ".join(run.report["test_info"]["notes"])
            for path in left:
                true(f"path {path} is left out" in notes, f"a note of path {path}: {notes}")
            if op == "read" and not left:
                true("sets the device's max_sgl_rd" in notes, notes)
            true("rdma_rw_ctx_init" in run.out, "the head says who decides")
            table = [line.split() for line in run.out.splitlines() if line[1:2].isdigit()]
            eq([(line[2], line[5]) for line in table],
               [("-", row["path"]) for row in run.rows if row["BW_peak"] is None],
               "no peak is known, and its column is there")

    @case("a path that is not there is refused with its reason, on both sides")
    def _():
        op = "read" if bed.guest.force_mr or bed.guest.iwarp else "write"
        path = "mr" if op == "write" else "direct"
        with Server(device=bed.devices[0]) as server:
            run = bed.client(ENGINE, "--op=" + op, "--path=" + path, server=server)
            refused(run, DEVICE, "--path" if bed.guest.iwarp else f"there is no path {path}")
            if not bed.guest.iwarp:
                server.wait_line(f"there is no path {path}")
        why = run.err
        for name in "direct", "mr":
            listed = subprocess.run([LATENCY, "--list_engines", "-d", bed.devices[1], ENGINE,
                                     "--op=" + op, "--path=" + name], stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE, timeout=PATIENCE, text=True, check=False)
            line = why.replace("ib_rw_bw", "ib_rw_lat") if name == path else ""
            eq((listed.returncode, listed.stderr), (DEVICE if line else 0, line),
               f"what --list_engines says of path {name} beforehand")

    @case("segments that cannot be one MR are refused before a row is measured")
    def _():
        odd = "-s", "100000", "--segment=30000", "-n", "20"
        run = bed.client(ENGINE, *odd)
        refused(run, DEVICE, "--engine=kernel: path mr takes MRs", "30000 bytes are not whole pages")
        eq(run.rows if run.report else [], [], "rows")
        if not bed.guest.force_mr:
            op = "write" if bed.guest.iwarp else "read"
            run = bed.client(ENGINE, *odd, "--op=" + op, "--path=direct")
            eq((run.status, run.err), (0, ""), "a path without MRs")
        run = bed.client(ENGINE, "-s", "30000", "--segment=30000", "-n", "20", "--path=auto")
        eq((run.status, run.err), (0, ""), "one segment")

    @case("who waits for an MR gets one")
    def _():
        run = bed.client(*USUAL, "--path=mr", "--on_exhaustion=wait")
        check_row(bed, run.row(), "wait")
        said = "this kernel falls back by itself" in run.out
        eq(said, bed.guest.fallback, "it is told if the kernel falls back instead")

    @case("an empty pool tears connections down where there is no fallback")
    def _():
        run = bed.client(*USUAL, "--path=mr", "--on_exhaustion=fail", "--teardown")
        row = run.row()
        eq((run.status, run.err), (0, ""), "exit status, standard error")
        eq(row["teardowns"] > 0, not bed.guest.fallback, f"{row['teardowns']} teardowns")
        eq(row["teardown_ns"] > 0, not bed.guest.fallback, "the time they took")
        eq(row["operations_issued"], row["n_iterations"] + row["failed"] + row["operations_torn"],
           "each operation has one end")
        kernel = row["kernel"]
        in_use = kernel["mr_hold_ns"] / kernel["elapsed_ns"] / row["qps"]
        eq(kernel["mr_hold_ns"] > kernel["paths"]["mr"]["hold_ns"], row["operations_torn"] > 0,
           "those that were lost held MRs, too")
        true(abs(row["pool_mean_in_use"] / in_use - 1) < 1e-3 and 0 < in_use <= row["mr_pool"],
             f"MRs in use: {row['pool_mean_in_use']}, by the times {in_use}")

    @case("the pool is as large as the contexts need, also where an operation takes two MRs")
    def _():
        size, mrs = (1, 1) if bed.guest.iwarp else (2, 2)
        run = bed.client(ENGINE, "-n", "20", "-t", "4", "-s", f"{size}M", "--path=mr")
        row = run.row()
        eq((run.status, run.err), (0, ""), "exit status, standard error")
        eq((row["mr_pool"], row["failed"], row["fallbacks"]), (4 * mrs, 0, 0), "MRs, failed, fallbacks")
        kernel = row["kernel"]
        eq(kernel["mr_hold_ns"], mrs * kernel["paths"]["mr"]["hold_ns"], "what all MRs were held")

    @case("a run that somebody else stops is told to be interrupted")
    def _():
        run = bed.endless()
        write("runs/" + client_measures(), "stop")
        eq(run.finish().row()["interrupted"], True, "the row says so")

    @case("no latency is told of operations none of which completed")
    def _():
        with delay(50):  # the pool is empty before the first one completes
            run = bed.client(ENGINE, "-n", "60", "-t", "8", "--mr_pool=2", "--path=auto",
                             "--max_sgl_rd=1", "--on_exhaustion=fail", "--teardown", "--no_warm_up")
        row = run.row()
        known = row["n_iterations"] > 0
        true(known or not bed.guest.fallback, "those that fall back complete")
        eq([row[key] is not None for key in ("t_min", "t_avg", "percentile_99", "percentiles_ns",
                                             "split_mean_ns")], [known] * 5, "latencies")
        eq("# latency: " in run.out, known, "the table's latencies")

    @case("WRITEs whose verdict a teardown has lost are told")
    def _():
        client_ = Client(bed.server(), ENGINE, "-D", "2", "--rate=50", "--arrival=fixed", "-t", "8",
                         "--mr_pool=1", "--verify", "--path=auto", "--op=write", "--on_exhaustion=fail",
                         "--teardown", device=bed.devices[1])
        torn = bed.guest.force_mr
        name = client_run()
        wait_until(lambda: report(name)["issued"] > 5, "some have completed, one after the other")
        with delay(100):  # one finds another still under way
            wait_until(lambda: report(name)["failed"] or not torn, "the pool is empty")
        run = client_.finish()
        row = run.row()
        eq((run.status, run.err), (0, ""), "exit status, standard error")
        eq((row["teardowns"] > 0, row["kernel"]["unverified"] > 0, row["verified"]),
           (torn, torn, not torn), "teardowns, WRITEs not verified, verified")
        eq(row["operations_torn"] > 0, torn, "operations lost")
        true(row["wrs_per_operation"] >= 1 + torn, f"WRs of each: {row['wrs_per_operation']}")
        eq("# not verified: " in run.out, torn, "the table says so")


def declare_load(bed):
    @case("QPs, sizes, seconds, and the threshold of auto")
    def _():
        run = bed.client(ENGINE, "-n", "30", "-q", "3", "-t", "2", "--size_range=4K:16K",
                         "--path=auto", "--verify")
        rows = run.rows
        eq([(row["MsgSize"], row["qps"], row["n_iterations"]) for row in rows],
           [(4096 << i, 3, 90) for i in range(3)], "sizes, QPs, operations")
        run = bed.client(ENGINE, "-D", "1", "-t", "2", "--path=auto", "--max_sgl_rd=20")
        true(run.row()["elapsed_ns"] >= 1e9, "a second")
        eq(run.row()["kernel"]["max_sgl_rd_used"], 20, "the threshold while the row ran")

    @case("an open loop: operations come by their schedule, and latencies count from it")
    def _():
        row = bed.client(ENGINE, "-D", "2", "-t", "16", "-q", "2", "--path=auto", "--rate=100",
                         "--arrival=fixed", "--verify").row()
        loop = row["open_loop"]
        eq(row["operations_issued"] + loop["never_begun"], 200, "operations of two seconds")
        eq((loop["offered_per_s"], loop["service_ns"]["count"]), (100, row["n_iterations"]),
           "offered, those that were timed")
        true(row["t_avg"] * 1e3 > loop["queued_mean_ns"] > 0, "the queue is part of the latency")
        row = bed.client(ENGINE, "-D", "1", "-t", "1", "--path=auto", "--rate=100000").row()
        loop = row["open_loop"]
        true(loop["never_begun"] > 1000 and loop["queue_max"] >= loop["never_begun"] and
             not loop["reached"], "more than the device can do stays in the queue")
        mean = 100000
        true(abs(row["operations_issued"] + loop["never_begun"] - mean) < 6 * mean ** 0.5,
             f"Poisson arrivals of a second: {row['operations_issued'] + loop['never_begun']}")
        true(loop["queue_mean"] > loop["queue_max"] / 4, "the queue grows evenly")

    @case("latencies: the histogram and the split are the kernel's, the paths take turns")
    def _():
        server = shared_server("ib_rw_lat", device=bed.devices[0], program=LATENCY)
        run = bed.client(ENGINE, "-n", "200", "-s", "64K", "-H", server=server, program=LATENCY)
        eq((run.status, run.err), (0, ""), "exit status, standard error")
        eq([row["path"] for row in run.rows], ["direct", "mr", "auto"], "paths")
        for row in run.rows:
            eq((row["n_iterations"], sum(n for _, _, n in row["histogram_ns"])), (200, 200),
               "operations, those of the histogram")
            low, high = row["histogram_ns"][0], row["histogram_ns"][-1]
            true(low[0] <= row["t_min"] * 1e3 <= low[1] and high[0] <= row["t_max"] * 1e3 <= high[1],
                 "extremes in the outer buckets")
            true(row["t_min"] <= row["t_typical"] <= row["t_max"] and row["t_stdev"] > 0, "order")
            split = row["split_mean_ns"]
            true(split["plan"] > 0 and split["post"] > 0 and split["device"] > 0, f"split {split}")
            true(abs(split["post"] + split["device"] - row["t_avg"] * 1e3) < 1, "it sums up")
            eq(row["blocks"], 10, "blocks")
        true(isinstance(run.report["ratios"][0]["mr_over_direct"], dict), "a contrast")

    @case("rw_suite sweeps it beside another engine; what it cannot do is left out")
    def _():
        python = os.environ.get("RW_PYTHON") or "/usr/bin/python3"
        if subprocess.run([python, "-c", "import rich, tomllib"], stderr=subprocess.DEVNULL,
                          check=False).returncode:
            raise Skipped("no Python 3.11 with rich; scripts/packages --install suite")
        with tempfile.TemporaryDirectory() as top:
            with open(top + "/plan.toml", "w", encoding="utf-8") as file:
                file.write(PLAN)
            sweep = Process([python, os.path.join(SRCDIR, "suite", "rw_suite"), "sweep",
                             top + "/plan.toml", top + "/set", "--devices=" + ",".join(bed.devices)])
            try:
                eq(sweep.wait(2 * PATIENCE), 0, f"exit status ({sweep.err})")
                for why in ("--sges: with --engine=kernel all",
                            "--engine=kernel: there is no path mr: a WRITE takes"):
                    true("1 combination is left out: ib_rw_bw: " + why in sweep.out,
                         f"what is left out: {sweep.out}")
            finally:
                sweep.end()
            with open(top + "/set/runs.jsonl", encoding="utf-8") as file:
                lines = [json.loads(line) for line in file]
        points = [(line["part"], line["point"]) for line in lines]
        eq(sorted((point["engine"], point["sges"]) for part, point in points if part == "p"),
           [("kernel", 4), ("reg", 4), ("reg", 6)], "points that were run")
        eq(sorted((point["op"], point["path"]) for part, point in points if part == "paths"),
           [("read", "direct"), ("read", "mr"), ("write", "direct")], "paths that were run")
        for line in lines:
            eq((line["status"], bool(line["report"]["results"][0]["kernel"])),
               (0, line["point"].get("engine") != "reg"), "status, whether the module measured")
        no_runs()

    @case("an interrupt ends the run early and well")
    def _():
        run = bed.endless()
        client_measures()
        run.send(signal.SIGINT)
        done = run.finish()
        eq(done.status, 0, f"exit status ({done.err})")
        eq(done.row()["interrupted"], True, "the row says so")
        no_runs()


def declare_data(bed):
    for op in ("read", "write"):
        @case(f"a {op} of damaged data is found, and told on both sides")
        def _(op=op):
            seed, contexts, size = 987654321, 16, 1 << 20
            server = Server(device=bed.devices[0], keep=False)
            run = Client(server, ENGINE, "-D", "60", f"-t{contexts}", f"-s{size}", "--path=auto",
                         "--verify", f"--seed={seed}", "--op=" + op, device=bed.devices[1])
            try:
                name = client_measures()
                true(damage(seed, contexts * size // 4096) > contexts, "the data are found in memory")
                if op == "read":
                    wait_until(lambda: report(name)["corrupt_bytes"], "it is seen while the run goes on")
                run.send(signal.SIGINT)
                done = run.finish()
                refused(done, CORRUPT, "data corrupt")
                row = done.row()
                true(row["verified"] and row["kernel"]["corrupt_bytes"] > 0, "what the module found")
                true("CORRUPT" in done.out, "the table says so")
                eq(server.wait(), CORRUPT, "status of the server")
                true("data corrupt" in server.err, server.err)
                no_runs()
            finally:
                run.end()
                server.end()


def declare_ends(bed):
    for side in ("client", "server"):
        @case(f"kill -9 of the {side} leaves no run behind, and the other side says so")
        def _(side=side):
            server = Server(device=bed.devices[0], keep=False)
            run = Client(server, ENGINE, "-D", "60", "-t", "4", device=bed.devices[1])
            try:
                client_run()
                (run if side == "client" else server).send(signal.SIGKILL)
                if side == "client":
                    run.wait()
                    true(server.wait() != 0 and "closed" in server.err, server.err)
                else:
                    done = run.finish()
                    true(done.status != 0 and len(done.err.splitlines()) == 1, done.err)
                no_runs()
            finally:
                run.end()
                server.end()

    @case("the module's own reason is told on both sides")
    def _():
        with Server(device=bed.devices[0]) as server:
            refused(bed.client(ENGINE, "-s", "16M", "-t", "128", server=server), DEVICE,
                    "more than 1 GiB")
            server.wait_line("more than 1 GiB")

    @case("a device whose max_sgl_rd another run has set is not said to be missing")
    def _():
        create(role="server", name="own", addr=SERVER, port=18599)
        create(role="client", name="holder", addr=SERVER, port=18599, max_sgl_rd=5,
               duration_ms=60000, **{"from": "10.9.0.2"})
        wait_until(lambda: report("holder").get("max_sgl_rd"), "the other run has the device")
        with Server(device=bed.devices[0]) as server:
            refused(bed.client(ENGINE, "-n", "1", server=server), DEVICE, "another max_sgl_rd")
            server.wait_line("another max_sgl_rd")
        for name in ("holder", "own"):
            request("remove " + name)


def declare_sharing(bed):
    @contextlib.contextmanager
    def other(*options):
        """A client that measures on the same device; then it ends well, and the rows are there."""
        with Server(device=bed.devices[0]) as server:
            run = Client(server, ENGINE, "-t", "2", *options, device=bed.devices[1])
            try:
                client_run()
                yield run
                run.send(signal.SIGINT)
                done = run.finish()
                eq((done.status, done.err, len(done.rows)), (0, "", 1), "the one that was first")
            finally:
                run.end()

    @case("who sets max_sgl_rd has the device alone, between its rows, too")
    def _():
        with Server(device=bed.devices[0]) as server:
            # The value of its first row is that of the device: the module lets the second one in.
            first = Client(server, ENGINE, "-D", "2", "-t", "2", "--path=direct,mr",
                           device=bed.devices[1])
            try:
                client_run()
                first.send(signal.SIGSTOP)
                for options in ["--path=auto"], ["--path=mr"], ["--path=auto", "--max_sgl_rd=0"]:
                    refused(bed.client(ENGINE, "-n", "20", *options), DEVICE,
                            "another ib_rw_* with --engine=kernel measures on " + bed.devices[1])
                first.send(signal.SIGCONT)
                done = first.finish()
            finally:
                first.end()
        eq((done.status, done.err, [row["path"] for row in done.rows]), (0, "", ["direct", "mr"]),
           "the one that was first")

    @case("who does not set it shares the device with its like, and with nobody else")
    def _():
        with other("-D", "60", "--path=auto"):
            eq(bed.client(ENGINE, "-n", "20", "--path=auto").err, "", "one more of its kind")
            refused(bed.client(ENGINE, "-n", "20", "--path=mr"), DEVICE, "another ib_rw_*")

    @case("who has one device alone hinders nobody on another, and kill -9 gives it back")
    def _():
        with Server(device=bed.devices[0]) as server:
            first = Client(server, ENGINE, "-D", "60", "--path=mr", device=bed.devices[1])
            try:
                client_run()
                with Server(device=bed.devices[1]) as back:
                    done = client(back, ENGINE, "-n", "20", "--path=mr", device=bed.devices[0])
                eq((done.status, done.err), (0, ""), "the other way around")
                first.send(signal.SIGKILL)
                first.wait()
            finally:
                first.end()
        no_runs()
        done = bed.client(ENGINE, "-n", "20", "--path=mr")
        eq((done.status, done.err), (0, ""), "the next one")


def missing(bed, prefix, *words):
    """The client of a session in which that side has no use of the module; then the server."""
    with Server(device=bed.devices[0]) as server:
        refused(bed.client(ENGINE, "-n", "1", server=server, prefix=prefix), DEVICE, *words)
        server.wait_line(words[0])
    with Server(device=bed.devices[0], prefix=prefix) as server:
        refused(bed.client(ENGINE, "-n", "1", server=server), DEVICE, *words)
        server.wait_line(words[0])


def declare_missing(bed):
    @case("who is not root is told so, on both sides")
    def _():
        for name in os.listdir("/dev/infiniband"):
            os.chmod("/dev/infiniband/" + name, 0o666)
        missing(bed, NOBODY, "only root")

    @case("root without CAP_SYS_ADMIN is told that this is what is missing, on both sides")
    def _():
        missing(bed, ("setpriv", "--bounding-set=-sys_admin"), "rw_bench wants CAP_SYS_ADMIN")

    @case("a device is said to be missing only if it is")
    def _():
        # Writing to this file fails for a reason that no device has.
        full = ("unshare", "-m", "sh", "-c", f'mount --bind /dev/full {ROOT}/plan && exec "$@"', "-")
        with Server(device=bed.devices[0]) as server:
            refused(bed.client(ENGINE, "-n", "1", server=server, prefix=full), DEVICE,
                    "rw_bench does not say", os.strerror(errno.ENOSPC))
            server.wait_line("does not say")

    @case("a host without the module says how to load it, without debugfs how to mount it")
    def _():
        unload()
        try:
            missing(bed, (), "modprobe rw_bench", "insmod kmod/rw_bench.ko")
            listed = subprocess.run([LATENCY, "--list_engines", "-d", bed.devices[0]], check=True,
                                    stdout=subprocess.PIPE, timeout=PATIENCE, text=True).stdout
            row = [line for line in listed.splitlines() if line.startswith(" kernel ")][0]
            true(" no " in row and "modprobe rw_bench" in row, row)
            # The other side has it: a mount of its own hides it from one program.
            load()
            hidden = ("unshare", "-m", "sh", "-c", 'umount /sys/kernel/debug && exec "$@"', "-")
            missing(bed, hidden, "mount -t debugfs")
        finally:
            if not os.path.exists("/sys/module/rw_bench"):
                load()

    @case("options that mean nothing to it are refused in a line")
    def _():
        for option in ("--threads=2", "--mtu=1024", "--mix=read:50", "--sq=kernel",
                       "--odp", "--pool_target=0.1", "--rate_limit=1", "-b", "-s 32M", "-q 65",
                       "-t 5000", "--explain"):
            words = option.split()[0].lstrip("-").split("=")[0]
            host = () if option == "--explain" else ("127.0.0.1",)
            done = subprocess.run([LATENCY.replace("lat", "bw"), ENGINE, *option.split(), *host],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                  timeout=PATIENCE, check=False)
            eq(done.returncode, USAGE, f"exit status of {option} ({done.stderr})")
            name = {"b": "bidirectional", "s": "size", "q": "qp", "t": "contexts"}.get(words, words)
            true(f"--{name}" in done.stderr and "--engine=kernel" in done.stderr, done.stderr)
            eq(len(done.stderr.splitlines()), 1, "lines")


def declare(guest):
    bed = Bed(guest)
    declare_paths(bed)
    if guest == GUESTS[0]:
        declare_load(bed)
        declare_data(bed)
        declare_sharing(bed)
        declare_missing(bed)
    if guest in (GUESTS[0], GUESTS[-1]):
        declare_ends(bed)


main(declare, GUESTS)
