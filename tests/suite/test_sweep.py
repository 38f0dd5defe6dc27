#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""rw_suite sweep on the emulated ConnectX: every run once, whatever happens in between."""
import os
import pty
import random
import signal
import stat
import subprocess

from suitecase import (SUITE, environment, lines_of, on_the_bed, path, processes_of,
                       refused, suite, told, write_plan)
from rwload import LONG
from rwproc import BUILDDIR, PATIENCE, SRCDIR, Failed, Process, Server, eq, true, wait_until
from rwsuite import plan as plans
from rwsuite.errors import SuiteError
from rwtap import case, run_cases

SMALL = """
repetitions = 3
seed = 7
[options]
iters = 50
contexts = 4
[[part]]
name = "bw"
[part.axes]
op = ["read", "write"]
path = [["direct", "mr"]]
[[part]]
name = "lat"
program = "ib_rw_lat"
options = { path = "direct", iters = 300 }
[part.axes]
sges = 8
"""
RUNS = 9

# A run that ends only when it is ended.
ENDLESS = """
repetitions = 1
[[part]]
name = "p"
options = { duration = 300, contexts = 1, path = "direct" }
"""


class Sweep(Process):
    """A sweep in the background, what it starts marked."""

    def __init__(self, plan, results, *options):
        super().__init__([*SUITE, "sweep", plan, results, *options],
                         env=environment(RW_TEST_MARK=results), start_new_session=True)
        self.results = results

    def has(self, lines):
        """So many runs are written, or it ended."""
        return wait_until(lambda: self.popen.poll() is not None or self.lines() >= lines,
                          f"{lines} runs are written")

    def lines(self):
        try:
            with open(os.path.join(self.results, "runs.jsonl"), "rb") as file:
                return file.read().count(b"\n")
        except OSError:
            return 0

    def nothing_left(self):
        wait_until(lambda: not processes_of(self.results), "what the sweep started is gone")


def wanted_ids(text, name="plan"):
    plan = plans.parse(text, name)
    return [run.id for run in plans.runs(plan, plan.points)]


def each_once(results, ids):
    lines = lines_of(results)
    eq(sorted(line["id"] for line in lines), sorted(ids), "every run exactly once")
    eq({line["status"] for line in lines}, {0}, "status of all runs")
    return lines


# ---- what a sweep is

@case("a plan: every run once, in blocks of random order, its options as the plan says")
def _():
    plan, results = write_plan("small.toml", SMALL), path("small")
    out, err = suite("sweep", plan, results)
    eq(err, "", "standard error")
    true(out.startswith(f"small: {RUNS} runs, about "), f"an estimate before it starts: {out}")
    lines = each_once(results, wanted_ids(SMALL))
    eq([line["id"] for line in lines], wanted_ids(SMALL), "the order of the plan's seed")
    eq([line["block"] for line in lines], [0] * 3 + [1] * 3 + [2] * 3, "blocks")
    orders = {tuple(str(line["point"]) for line in lines[at:at + 3]) for at in (0, 3, 6)}
    eq(len(orders), 3, "orders of the blocks")
    for line in lines:
        info, rows = line["report"]["test_info"], line["report"]["results"]
        eq(info["program"], line["program"], "program")
        for axis, value in line["point"].items():
            eq(info["configuration"][axis], value, f"{axis} of the run")
        eq(info["configuration"]["iters"], 300 if line["part"] == "lat" else 50, "iters of the part")
        eq([row["path"] for row in rows],
           line["point"].get("path", ["direct"]), "rows")
        eq((line["bed"], line["error"]), ("emulated", None), "bed, error")
    # Two programs, so two servers; they stay.
    eq(len({tuple(line["server_command"]) for line in lines}), 2, "servers")
    with open(os.path.join(results, "plan.toml"), encoding="utf-8") as file:
        eq(file.read(), SMALL, "the plan is kept")
    eq(suite("sweep", plan, results)[0].splitlines()[0],
       f"small: 0 runs, about 0 s; {RUNS} of {RUNS} are there already", "a sweep that is done")
    eq(len(lines_of(results)), RUNS, "runs after it")


@case("another seed is another order of the same runs")
def _():
    other = SMALL.replace("seed = 7", "seed = 8")
    true(wanted_ids(SMALL) != wanted_ids(other), "the order")
    eq(sorted(wanted_ids(SMALL)), sorted(wanted_ids(other)), "the runs")


@case("short names of axes, flags and lists become options; false leaves a flag out")
def _():
    text = """
    [[part]]
    name = "p"
    options = { iters = 50, teardown = false, use-null-mr = false, verify = true }
    [part.axes]
    pool = [3, 5]
    qps = 2
    on_exhaustion = "wait"
    path = "mr"
    contexts = 8
    """
    suite("sweep", write_plan("axes.toml", "repetitions = 1\n" + text), path("axes"))
    for line in lines_of(path("axes")):
        row, configuration = line["report"]["results"][0], \
            line["report"]["test_info"]["configuration"]
        eq((row["mr_pool"], row["qps"], row["contexts"], row["verified"]),
           (line["point"]["pool"], 2, 8, True), "pool, QPs, contexts, verified")
        eq((configuration["on_exhaustion"], configuration["teardown"]), ("wait", False), "options")
        true(row["waits"] > 0, "exhausted pools were waited for")


@case("combinations that cannot be are left out, counted, with the program's reason", slow=True)
def _():
    text = """
    repetitions = 1
    [[part]]
    name = "p"
    options = { iters = 50, contexts = 4, path = "direct" }
    [part.axes]
    size = ["1K", "64K"]
    sges = [1, 2048, 4096]
    """
    out, _ = suite("sweep", write_plan("some.toml", text), path("some"))
    eq(out.splitlines()[0][:14], "some: 4 runs, ", "runs")
    true("  2 combinations are left out: ib_rw_bw: --sges: 1024 bytes cannot fill 2048 segments"
         in out, f"the reason in {out!r}")
    eq(len(lines_of(path("some"))), 4, "runs")
    # A dry run says the same, also where there is no device.
    for more in {}, {"SYSFS_PATH": "/nonexistent"}:
        out, err = suite("sweep", path("some.toml"), path("dry"), "--dry_run", **more)
        eq({line.split()[0] for line in out.splitlines()}, {line["id"] for line in lines_of(path("some"))},
           "runs of a dry run")
        true(err.startswith("rw_suite: 2 combinations are left out: ib_rw_bw: --sges: 1024 bytes cannot"),
             f"the reason in {err!r}")
    refused(2, "sweep", write_plan("none.toml", text.replace(', "64K"', "").replace("1, ", "")),
            path("none"), words=("part p", "cannot fill"))
    refused(2, "sweep", write_plan("name.toml", text.replace("sges", "sgez")), path("name"),
            words=("part p", "sgez"))


@case("a terminal shows how far the programs have been asked; no other file does")
def _():
    plan = write_plan("asked.toml", SMALL)
    quiet, _ = suite("sweep", plan, path("asked"), "--dry_run")
    master, terminal = pty.openpty()
    try:
        with os.fdopen(terminal, "wb") as stderr:
            done = subprocess.run([*SUITE, "sweep", plan, path("asked"), "--dry_run"], stderr=stderr,
                                  stdout=subprocess.PIPE, text=True, timeout=PATIENCE, check=True,
                                  env=environment(TERM="xterm", COLUMNS="100"))
        shown = os.read(master, 1 << 16).decode()
    finally:
        os.close(master)
    true("0/3" in shown and "asking what can be run" in shown, f"what is shown: {shown!r}")
    eq(done.stdout, quiet, "standard output")


@case("engine kernel is asked in words that it takes; its runs tell what is missing", slow=True)
def _():
    text = """
    repetitions = 1
    [[part]]
    name = "p"
    options = { duration = 1, path = "mr", contexts = 2 }
    [part.axes]
    engine = ["umr", "kernel"]
    pool = [4, 70000]
    """
    plan, results = write_plan("kernel.toml", text), path("kernel")
    out, err = suite("sweep", plan, results, status=1)
    true("1 combination is left out: ib_rw_bw: --mr_pool: --engine=kernel takes 65536" in out,
         f"what is left out: {out!r}")
    lines = {(line["point"]["engine"], line["point"]["pool"]): line for line in lines_of(results)}
    eq({point: line["status"] for point, line in lines.items()},
       {("umr", 4): 0, ("umr", 70000): 0, ("kernel", 4): 4}, "status of the points")
    why = lines["kernel", 4]["error"]
    true("--engine=kernel" in why and why in err, f"the line of the run without a module: {why!r}")


@case("a run that fails is recorded with its line, the sweep goes on, and can retry it", slow=True)
def _():
    # A buffer that no host has is refused by the run itself.
    text = """
    repetitions = 1
    [options]
    iters = 50
    path = "direct"
    [[part]]
    name = "good"
    [part.axes]
    sges = [1, 4, 16]
    [[part]]
    name = "bad"
    options = { size = "1G", segment = "64M" }
    [part.axes]
    contexts = 16000
    """
    plan, results = write_plan("fail.toml", text), path("fail")
    out, err = suite("sweep", plan, results, status=1)
    bad = [line for line in lines_of(results) if line["status"]]
    eq([(line["point"], line["status"]) for line in bad],
       [({"contexts": 16000}, 1)], "what failed")
    true("needs a buffer" in bad[0]["error"] and bad[0]["error"] in err, "its line")
    true("3 runs are good, 1 failed" in out, f"the end of {out!r}")
    eq(len(lines_of(results)), 4, "runs")
    suite("sweep", plan, results)  # nothing to do
    eq(len(lines_of(results)), 4, "runs")
    suite("sweep", plan, results, "--retry_failed", status=1)
    eq(len(lines_of(results)), 5, "runs, the failed one again")
    true("4 runs" in suite("check", results)[0], "each counts once")


# ---- interruptions

@case("killed by -9 at random moments and resumed: every run once, the file valid, nothing left", slow=True)
def _():
    plan, results = write_plan("kill.toml", SMALL.replace("iters = 50", "iters = 2000")), \
        path("kill")
    ids = wanted_ids(SMALL)
    kills, rng = (20 if LONG else 4), random.Random()
    killed = 0
    while killed < kills:
        sweep = Sweep(plan, results)
        before = sweep.lines()
        try:
            # At any moment of a run: while a server starts, a client runs, a line is written.
            sweep.has(min(before + killed % 2, len(ids)))
            try:
                sweep.popen.wait(rng.uniform(0, 0.6))
            except Exception:  # pylint: disable=broad-except
                pass
            if sweep.popen.poll() is None:
                sweep.send(signal.SIGKILL)
            sweep.wait()
        finally:
            sweep.end()
        sweep.nothing_left()
        told(f"killed at {before} to {sweep.lines()} runs")
        killed += 1
        if killed == kills - 1:
            with open(os.path.join(results, "runs.jsonl"), "ab") as file:
                file.write(b'{"format":1,"id":"0123')  # ... also while a line is written
        if sweep.lines() == len(ids) and killed < kills - 1:
            each_once(results, ids)
            os.unlink(os.path.join(results, "runs.jsonl"))  # once more
    suite("sweep", plan, results)
    each_once(results, ids)
    true(": 0 faults" in suite("check", results)[0], "check finds no fault")


@case("a line without its newline counts for nothing: its run is measured again, whole")
def _():
    plan, results = write_plan("torn.toml", ONE), path("torn")
    suite("sweep", plan, results)
    file = os.path.join(results, "runs.jsonl")
    os.truncate(file, os.path.getsize(file) - 1)
    true("not complete" in suite("check", results)[0], "check tells")
    suite("sweep", plan, results)
    each_once(results, wanted_ids(ONE))


for a_signal in signal.SIGINT, signal.SIGTERM:
    @case(f"{a_signal.name} ends it in order, within a run; the same command goes on", slow=True)
    def _(signum=a_signal):
        plan, results = write_plan("end.toml", ENDLESS), path("end" + signum.name)
        sweep = Sweep(plan, results)
        try:
            # rw_suite, and a server and a client, each with its leash.
            wait_until(lambda: len(processes_of(results)) >= 6 or sweep.popen.poll() is not None,
                       "a client runs")
            sweep.send(signum)
            eq(sweep.wait(), 130, f"exit code ({sweep.err})")
            eq(sweep.err, "rw_suite: interrupted: the same command goes on\n", "standard error")
        finally:
            sweep.end()
        sweep.nothing_left()
        eq(lines_of(results), [], "the run that was cut short is no run")


@case("two sweeps on one result set: the second is refused; so is another plan", slow=True)
def _():
    plan, results = write_plan("two.toml", ENDLESS), path("two")
    sweep = Sweep(plan, results)
    try:
        wait_until(lambda: os.path.exists(os.path.join(results, "plan.toml")), "the set is begun")
        refused(2, "sweep", plan, results, words=("another sweep", "directory"))
        sweep.send(signal.SIGINT)
        sweep.wait()
    finally:
        sweep.end()
    suite("sweep", write_plan("two.toml", SMALL), results)  # it has no run yet
    refused(2, "sweep", write_plan("two.toml", ENDLESS), results, words=("another plan",))


@case("a dead server is started again", slow=True)
def _():
    plan, results = write_plan("dead.toml", SMALL.replace("repetitions = 3", "repetitions = 5")), \
        path("dead")
    sweep = Sweep(plan, results)
    try:
        sweep.has(3)
        servers = []
        for pid in processes_of(results):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    if b"--keep_serving" in file.read().split(b"\0")[1:]:
                        servers.append(pid)
            except OSError:
                pass
        true(servers, "servers run")
        for pid in servers:
            os.kill(pid, signal.SIGKILL)
        status = sweep.wait()
        lines = lines_of(results)
    finally:
        sweep.end()
    eq(len(lines), 15, "runs")
    # Whoever was served just then failed, and nobody else.
    bad = [line for line in lines if line["status"]]
    true(len(bad) <= 1 and status == bool(bad), f"{len(bad)} runs failed, exit code {status}")
    sweep.nothing_left()


# ---- the other host

def fake(name, text):
    """A directory with a program @name, to be found first."""
    directory = path("bin." + name)
    os.makedirs(directory, exist_ok=True)
    file = os.path.join(directory, name)
    with open(file, "w", encoding="utf-8") as stream:
        stream.write(text)
    os.chmod(file, stat.S_IRWXU)
    return directory + ":" + os.environ["PATH"]


ONE = """
repetitions = 2
[server]
no_pin = true
[[part]]
name = "p"
options = { iters = 50, contexts = 4, path = "direct" }
[part.axes]
sges = [1, 4]
"""

# As sshd does: the words become a line, which a shell reads.
SSH = """#!/bin/sh
[ "$1 $2 $3" = "-o BatchMode=yes me@other" ] || exit 99
shift 3
exec sh -c "$*"
"""
MPIRUN = """#!/bin/sh
[ "$1 $2 $3 $4 $5 $6" = "-n 1 -host me@other -bind-to none" ] || exit 99
shift 6
exec "$@"
"""
SRUN = """#!/bin/sh
for word; do case $word in --nodelist=me@other) seen=1; shift ;; -*) shift ;; *) break ;; esac; done
[ "$seen" ] || exit 99
exec "$@"
"""

for a_launch, a_script in ("ssh", SSH), ("srun", SRUN), ("mpirun", MPIRUN):
    @case(f"servers on the other host by {a_launch}: started there, gone in the end")
    def _(launch=a_launch, script=a_script):
        results = path("by " + launch)
        suite("sweep", write_plan("one.toml", ONE), results, "--server=me@other",
              "--address=127.0.0.1", "--launch=" + launch, "--devices=mlx5_0,mlx5_1",
              "--port=23515", PATH=fake(launch, script), RW_TEST_MARK=results)
        lines = each_once(results, wanted_ids(ONE))
        # As a person would have typed it there; its options are those of [server].
        port = lines[0]["command"][lines[0]["command"].index("-p") + 1]
        eq(lines[0]["server_command"], [os.path.join(BUILDDIR, "ib_rw_bw"), "-d", "mlx5_0", "-p",
                                        port, "--keep_serving", "--no_pin"], "server")
        eq(processes_of(results), [], "what is left")
        refused(3, "sweep", write_plan("one.toml", ONE), path("nobody"), "--server=you@other",
                "--launch=" + launch, "--devices=mlx5_0,mlx5_1", words=("does not start",),
                PATH=fake(launch, script))


@case("clients on another host: one agent there runs them all, as they would run here")
def _():
    log = path("launched")
    results, script = path("client"), SSH.replace("exec", f"echo \"$*\" >>{log}; exec")
    beds = "--server=me@other", "--client=me@other", "--address=127.0.0.1", \
        "--devices=mlx5_0,mlx5_1", "--port=23615"
    plan = write_plan("away.toml", ONE.replace("sges = [1, 4]", "sges = [1, 4, 100000]"))
    out, _ = suite("sweep", plan, results, *beds, PATH=fake("ssh", script), RW_TEST_MARK=results)
    true("1 combination is left out: ib_rw_bw: --sges" in out, f"what the device there says: {out}")
    for line in each_once(results, wanted_ids(ONE)):
        eq(line["command"][:3], [os.path.join(BUILDDIR, "ib_rw_bw"), "-d", "mlx5_1"], "client")
        eq(line["report"]["results"][0]["sges"], line["point"]["sges"], "SGEs of its report")
    with open(log, encoding="utf-8") as file:
        eq(file.read().count("python3 -c "), 1, "agents")
    eq(processes_of(results), [], "what is left")
    refused(3, "sweep", plan, path("nobody"), *beds, "--client=you@other", PATH=fake("ssh", script),
            words=("you@other", "does not answer"))
    refused(2, "sweep", plan, path("nobody"), *beds, "--programs=/nowhere",
            PATH=fake("ssh", script), words=("/nowhere/ib_rw_bw", "installed there"))
    refused(2, "sweep", plan, path("nobody"), "--client=me@other", words=("--server",))


@case("a server that was started by hand is used as it is, and stays")
def _():
    with Server(device="mlx5_0", env=environment()) as server:
        suite("sweep", write_plan("one.toml", ONE), path("hand"), "--server=127.0.0.1",
              "--launch=none", "--devices=mlx5_0,mlx5_1", f"--port={server.port}")
        eq({line["server_command"] for line in each_once(path("hand"), wanted_ids(ONE))}, {None},
           "server")
        eq(server.popen.poll(), None, "it serves on")


# ---- plans, and what is said of wrong ones

@case("the ready plans can be run: every part, on this device", slow=True)
def _():
    for name in plans.ready_plans():
        plan = plans.read(name)
        if not LONG and len(plan.points) > 100:
            continue
        true(plan.title, f"{name} says what it asks")
        out, _ = suite("sweep", name, path("ready"), "--dry_run")
        wanted = {run.id for run in plans.runs(plan, plan.points)}
        found = [line.split()[0] for line in out.splitlines()]
        true(set(found) <= wanted and len(set(found)) == len(found), f"runs of {name}")
        true(len(found) > 0.8 * len(wanted), f"{name}: {len(found)} of {len(wanted)} can be")
    true(not os.path.exists(path("ready")), "a dry run leaves nothing")
    eq(sorted(os.listdir(os.path.join(SRCDIR, "suite/plans"))),
       sorted(name + ".toml" for name in plans.ready_plans()), "files")


@case("a wrong plan or argument is told in one line")
def _():
    part = '[[part]]\nname = "p"\n'
    for text, *words in (
            ("[[part]", "no TOML"), ("title = 'x'", "part is missing"),
            ("repetitions = 'x'\n" + part, "repetitions must be a whole number"),
            (part + "repetitions = 0", "1 or more"), (part + part, "two parts"),
            (part + "program = 'ib_read_bw'", "ib_rw_bw and ib_rw_lat"),
            (part + "size = 3", "what is size?"), (part + "axes = { sges = [] }", "no value"),
            (part + "axes = { sges = [4, 4] }", "twice"),
            (part + "axes = { pool = 4 }\noptions = { mr_pool = 3 }", "given twice"),
            (part + "options = { json = 'x' }", "json", "not for a plan"),
            (part + "axes = { port = 3 }", "--port"), (part + "options = { help = true }", "not for"),
            (part + "repetitions = 1000000", "1000000 runs", "take values out"),
            (part + 'options = { size = "4\\u0000" }', "size", "no option can have"),
            (part + "options = { x = { y = 1 } }", "give a number")):
        try:
            plans.parse(text, "wrong")
        except SuiteError as error:
            true(all(word in str(error) for word in ("wrong", *words)), f"{words} in {error}")
            eq((error.code, "\n" in str(error)), (2, False), "code, lines")
        else:
            raise Failed(f"{text!r} was taken for a plan")
    refused(2, "sweep", write_plan("wrong.toml", part + part), path("wrong"), words=("wrong", "two parts"))
    refused(2, "sweep", "nothere", path("wrong"), words=("nothere", "quick"))
    refused(2, "sweep", "/dev/zero", path("wrong"), words=("no TOML",))
    many = part + "[part.axes]\n" + "\n".join(f"a{i} = {list(range(999))}" for i in range(5))
    refused(2, "sweep", write_plan("many.toml", many), path("wrong"), words=("more than", "axis"))
    refused(2, "sweep", write_plan("one.toml", ONE), path("one.toml"), words=("no directory",))
    wrong = write_plan("wrong.toml", ONE.replace("[server]\n", "[server]\nfoo = 1\n"))
    refused(3, "sweep", wrong, path("begun"), words=("--foo=1",))
    refused(2, "sweep", wrong, path("begun"), "--dry_run", words=("[server]", "--foo=1"))
    refused(4, "sweep", write_plan("one.toml", ONE), path("x"), words=("no RDMA device",),
            SYSFS_PATH="/nonexistent")
    good = write_plan("one.toml", ONE)
    refused(2, "sweep", good, words=("results",))
    refused(2, "sweep", good, path("x"), "--launch=ssh", words=("--server",))
    refused(2, "sweep", good, path("x"), "--port=70000", words=("--port=70000",))
    refused(2, "sweep", good, path("x"), "--server=-oProxyCommand=x", words=("no name of a host",))
    refused(4, "sweep", good, path("x"), "--devices=mlx5_7", words=("mlx5_7",))
    refused(2, "sweep", good, path("x"), "--programs=/nonexistent", words=("--programs",))
    refused(2, "sweep", good, "/proc/nothing", words=("/proc/nothing",))
    refused(2, "fly", words=("fly", "sweep"))


if on_the_bed("rich", "jsonschema"):
    run_cases()
