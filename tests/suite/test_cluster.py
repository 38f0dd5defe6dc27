#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""rw_cluster by a real Slurm and a real mpirun, whose hosts are all this one, on the emulated ConnectX."""
import html
import os
import re
import signal

from suitecase import DIRECTORY, PYTHON, lines_of, on_the_bed, path, processes_of, suite, write_plan
from rwproc import BUILDDIR, SRCDIR, PATIENCE, Process, eq, new_port, true, wait_until
from rwsuite import plan as plans
from rwtap import case, run_cases
from slurm import Slurm, missing, mpi

CLUSTER = [PYTHON, os.path.join(SRCDIR, "scripts", "rw_cluster")]
NODES = "n1", "n2", "n3", "n4"
DEAD = "n5"  # dies
STRANGE = "n4"  # has another limit of locked memory

PLAN = """
repetitions = 2
[options]
iters = 50
contexts = 4
no_pin = true
[server]
no_pin = true
[[part]]
name = "p"
[part.axes]
path = [["direct", "mr"]]
sges = [1, 4]
"""
RUNS = 4
REHEARSED = 2  # before them, to know how long a run takes
ENDLESS = """
repetitions = 1
[[part]]
name = "p"
options = { duration = 300, contexts = 1, path = "direct", no_pin = true }
"""
# As sshd does: the words become a line, which a shell reads. One host is there and says nothing.
SSH = """#!/bin/sh
[ "$1 $2" = "-o BatchMode=yes" ] || exit 99
case $3 in me@127.0.0.9) exec sleep 600 ;; me@127.*) ;; *) exit 99 ;; esac
RW_TEST_HOST=${3#me@}
export RW_TEST_HOST
shift 3
exec sh -c "$*"
"""
# The programs of a node: one has other limits, and each run leaves its times.
WRAPPER = """#!/bin/sh
node=${{SLURMD_NODENAME:-$RW_TEST_HOST}}
[ "$node" != {strange} ] || ulimit -S -l 7000 || exit 99
case "$*" in
*--explain*) [ ! -e "$RW_TEST_TIMES.refuse.$node" ] || exit 1 ;;
esac
case "$*" in
*--json=-*127.0.0.?) ;;
*) exec {build}/{name} "$@" ;;
esac
if [ -e "$RW_TEST_TIMES.fail.$node" ]; then
    echo "ib_rw_bw: made to fail" >&2
    exit 1
fi
begun=$(date +%s.%N)
{build}/{name} "$@"
status=$?
echo "$node $begun $(date +%s.%N)" >>"$RW_TEST_TIMES"
exit $status
"""


class Cluster(Process):
    """rw_cluster in the background, what it starts marked."""

    def __init__(self, env, plan, results, *options):
        self.results, self.times = results, results + ".times"
        super().__init__(
            [*CLUSTER, plan, results, "--devices=mlx5_0,mlx5_1", "--address=127.0.0.1",
             f"--programs={path('programs')}", f"--port={new_port()}", *options],
            env={**env, "ASAN_OPTIONS": "detect_leaks=0", "RW_TEST_MARK": results,
                 "RW_TEST_TIMES": self.times}, start_new_session=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def finish(self, status=0):
        """Wait for its end, with nothing left. Returns (stdout, stderr)."""
        eq(self.wait(3 * PATIENCE), status, f"exit code ({self.err.strip()})")
        wait_until(lambda: not processes_of(self.results), "what it started is gone")
        return self.out, self.err


def cluster(env, plan, results, *options, status=0):
    with Cluster(env, plan, results, *options) as run:
        return run.finish(status)


def each_once(results, sets):
    """Every run of the plan is in each of @sets exactly once, and good. Returns {set: its lines}."""
    plan = plans.parse(PLAN, "plan")
    wanted = sorted(run.id for run in plans.runs(plan, plan.points))
    eq(sorted(name for name in os.listdir(results) if os.path.isdir(os.path.join(results, name))),
       sorted(sets), "result sets")
    found = {}
    for name in sets:
        found[name] = lines_of(os.path.join(results, name))
        eq(sorted(line["id"] for line in found[name]), wanted, f"every run exactly once in {name}")
        eq({line["status"] for line in found[name]}, {0}, f"status of all runs of {name}")
    return found


def times_of(results):
    """[node, begun, ended] of each client's run."""
    with open(results + ".times", encoding="utf-8") as file:
        return [line.split() for line in file]


def page(results):
    """The text of the report: it is whole, and needs no network."""
    with open(os.path.join(results, "report.html"), encoding="utf-8") as file:
        text = file.read()
    true(text.startswith("<!DOCTYPE html>") and text.rstrip().endswith("</html>"), "a whole page")
    eq(re.findall(r'(?:src|href)="(?!#)[^"]*"', text), [], "what it needs from elsewhere")
    text = re.sub(r"<(style|script|svg)\b.*?</\1>", "", text, flags=re.S)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>", " ", text)))


def write_script(name, text):
    os.makedirs(os.path.dirname(path(name)), exist_ok=True)
    with open(path(name), "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path(name), 0o755)


def write_scripts():
    """All that is started by its name, before any case: slow ones run side by side."""
    write_script("bin/ssh", SSH)
    for name in "ib_rw_bw", "ib_rw_lat":
        write_script(f"programs/{name}", WRAPPER.format(strange=STRANGE, build=BUILDDIR, name=name))


def the_strange_one_is_told(out, results):
    line = next((line for line in out.splitlines() if "memlock" in line), "")
    true(f"7168000 on {STRANGE}, " in line, f"{STRANGE} is marked in {out!r}")
    true(re.search(rf"host memlock_bytes 7168000 {STRANGE} differs", page(results)),
         "and in the report")


def by_ssh():
    """The environment in which 127.0.0.N is a host of ssh, this one."""
    return {**os.environ, "PATH": path("bin") + ":" + os.environ["PATH"]}


@case("ssh, hosts of a file: one pair at once, at its server's address; what failed is retried if asked",
      slow=True)
def _():
    hosts, results = path("hosts"), path("ssh")
    plan = write_plan("cluster.toml", PLAN)
    with open(hosts, "w", encoding="utf-8") as file:
        file.write("# a rack\n" + "".join(f"me@127.0.0.{n} slots=4\n" for n in range(2, 6)))
    options = "--launch=ssh", "--hostfile=" + hosts, "--at_once=1", "--address=%h"
    with open(f"{results}.times.fail.127.0.0.3", "w", encoding="utf-8"):
        pass
    out, err = cluster(by_ssh(), plan, results, *options, status=1)
    true(f"{RUNS} good runs of 2 pairs" in out, f"the other pair is good: {out!r}")
    eq({line.split(": ")[0] for line in err.splitlines()}, {"me@127.0.0.2-me@127.0.0.3"}, "who failed")
    true("made to fail" in err, f"the program's line in {err!r}")
    true("exit code 1" in page(results), "the report says who failed")
    os.unlink(f"{results}.times.fail.127.0.0.3")
    out, _ = cluster(by_ssh(), plan, results, *options, "--retry_failed")
    true(f"{2 * RUNS} good runs of 2 pairs" in out, f"all are good: {out!r}")
    for number in 2, 4:
        lines = lines_of(os.path.join(results, f"me@127.0.0.{number}-me@127.0.0.{number + 1}"))
        eq([line["status"] for line in lines], [1] * (RUNS if number == 2 else 0) + [0] * RUNS, "runs")
        eq({line["command"][-1] for line in lines}, {f"127.0.0.{number}"}, "where the server is")
    times = [line[0] for line in sorted(times_of(results), key=lambda line: line[1])]
    eq(len([at for at, node in enumerate(times) if node != times[at - 1]]), 2,
       f"one pair after the other: {times}")


@case("an incast goes on without a client that fails; when it is there, all runs are of all clients",
      slow=True)
def _():
    plan, results = write_plan("cluster.toml", PLAN), path("fewer")
    options = "--launch=ssh", "--hosts=me@127.0.0.6,me@127.0.0.7,me@127.0.0.8", "--shape=incast"
    good, bad = (f"me@127.0.0.6-me@127.0.0.{n}" for n in (7, 8))
    refuse = f"{results}.times.refuse.127.0.0.8"
    with open(refuse, "w", encoding="utf-8"):
        pass
    _, err = cluster(by_ssh(), plan, results, *options, status=1)
    eq(err, f"{bad}: exit code 1\n", "standard error")
    before = each_once(results, (good,))
    true(" 4 1 2 " in page(results), "rows of one client in the report")
    os.unlink(refuse)
    cluster(by_ssh(), plan, results, *options)
    lines = each_once(results, (good, bad))
    true(not [line for line in lines[good] if line in before[good]], "runs without the other are dropped")
    true(" 4 2 2 " in page(results), "rows of two clients in the report")


@case("interrupted while a host says nothing: it ends at once, and leaves nothing")
def _():
    with Cluster(by_ssh(), write_plan("cluster.toml", PLAN), path("silent"), "--launch=ssh",
                 "--hosts=me@127.0.0.2,me@127.0.0.9") as run:
        wait_until(lambda: processes_of(run.results, b"sleep") or run.popen.poll() is not None,
                   "it waits")
        run.send(signal.SIGINT)
        _, err = run.finish(130)
    eq(err, "rw_cluster: interrupted: the same command goes on\n", "standard error")


@case("a host that is gone within a run: one line, and the other pair's run goes on")
def _():
    with Cluster(by_ssh(), write_plan("endless.toml", ENDLESS), path("gone"), "--launch=ssh",
                 "--hosts=me@127.0.0.2,me@127.0.0.3,me@127.0.0.4,me@127.0.0.5") as run:
        wait_until(lambda: len(client_runs(run.results)) >= 2 or run.popen.poll() is not None,
                   "both clients run")
        agents = []
        for pid in processes_of(run.results, b"Runs commands on the host"):
            with open(f"/proc/{pid}/environ", "rb") as file:
                if b"RW_TEST_HOST=127.0.0.3" in file.read().split(b"\0"):
                    agents.append(pid)
        for pid in agents:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: run.err.endswith("\n"), "it is told")
        eq(run.err, "me@127.0.0.2-me@127.0.0.3: me@127.0.0.3 does not answer by ssh: it said nothing\n",
           "standard error")
        wait_until(lambda: len(client_runs(run.results)) < 2, "its client is ended")
        eq(len(client_runs(run.results)), 1, "clients that run on")
        run.send(signal.SIGINT)
        run.finish(130)


def cases(slurm):
    env, env_of_dead = slurm.allocate(*NODES), slurm.allocate(*NODES[:3], DEAD)
    plan = write_plan("cluster.toml", PLAN)

    @case("Slurm, pairs: every run once in each set, a host that differs is marked, one report; and again")
    def _():
        results = path("pairs")
        out, err = cluster(env, plan, results)
        eq(err, "", "standard error")
        lines = each_once(results, ("n1-n2", "n3-n4"))
        for some in lines.values():
            eq({line["bed"] for line in some}, {"emulated"}, "bed")
        the_strange_one_is_told(out, results)
        text = page(results)
        for name in (*NODES, "n1-n2", "n3-n4"):
            true(f" {name} " in text, f"{name} in the report")
        suite("check", *(os.path.join(results, name) for name in lines))
        # The hosts of each run were those of its set.
        ran = [line[0] for line in times_of(results)]
        eq(sorted(ran), sorted(["n2", "n4"] * (REHEARSED + RUNS)), "clients")
        out, _ = cluster(env, plan, results)
        true(f"n1-n2: cluster: 0 runs, about 0 s; {RUNS} of {RUNS} are there already" in out,
             f"nothing is left to do in {out!r}")
        eq(each_once(results, lines), lines, "the same lines")
        eq(len(times_of(results)), len(ran), "runs after it")
        _, err = cluster(env, plan, results, "--shape=ring", status=2)
        true("another shape" in err and len(err.splitlines()) == 1, f"another shape: {err!r}")

    @case("Slurm, incast: all clients begin each run together, and the report has their sum")
    def _():
        results = path("incast")
        # A client that has a run more than the others, as after an interruption: all repeat it.
        out, _ = cluster(env, plan, results, "--shape=incast")
        sets = "n1-n2", "n1-n3", "n1-n4"
        each_once(results, sets)
        for name, keep in zip(sets, (4, 3, 2)):
            file = os.path.join(results, name, "runs.jsonl")
            with open(file, encoding="utf-8") as stream:
                kept = stream.readlines()[:keep]
            with open(file, "w", encoding="utf-8") as stream:
                stream.writelines(kept)
        out, _ = cluster(env, plan, results, "--shape=incast")
        lines = each_once(results, sets)
        true("2 of 4 are there already" in out, f"what all had is kept: {out!r}")
        times = sorted((float(begun), float(ended), node)
                       for node, begun, ended in times_of(results))
        eq(len(times), 3 * (REHEARSED + RUNS + 2), "runs of clients")
        for at in range(3 * REHEARSED, len(times), 3):
            together = times[at:at + 3]
            eq({node for _, _, node in together}, {"n2", "n3", "n4"}, "clients of a run")
            true(together[0][0] >= max(ended for _, ended, _ in times[:at]),
                 "no client begins before all have ended the run before")
        the_strange_one_is_told(out, results)
        rates = [sum(row["n_iterations"] * 1e9 / row["elapsed_ns"] for some in lines.values()
                     for line in some if line["id"] == first["id"]
                     for row in line["report"]["results"] if row["path"] == "direct")
                 for first in lines[sets[0]] if first["point"]["sges"] == 4]
        text = page(results)
        true(f"READ direct 64 KiB 4 3 2 {sum(rates) / 2:.6g} ".lower() in text.lower(),
             f"the mean of {rates} in {text}")

    @case("mpirun, a ring: each host is in two pairs; one that is not there is told in one line", slow=True)
    def _():
        results = path("ring")
        out, err = cluster(mpi(DIRECTORY.name), plan, results, "--launch=mpirun", "--shape=ring",
                           "--hosts=n3,n4,gone,n1", status=1)
        eq(err, "rw_cluster: gone does not answer by mpirun: rsh: gone: no such host\n",
           "standard error")
        each_once(results, ("n3-n4", "n1-n3"))
        the_strange_one_is_told(out, results)
        true("gone does not answer" in page(results), "the report says who is missing")

    @case("Slurm, a job: sbatch, its output as it comes; interrupted, it is cancelled", slow=True)
    def _():
        results = path("job")
        options = "--launch=sbatch", "--slurm=--nodes=2 --nodelist=n1,n2"
        out, _ = cluster(slurm.environment, plan, results, *options)
        each_once(results, ("n1-n2",))
        true(re.match(r"job \d+ is submitted\nn1-n2: cluster: 4 runs", out), f"its output: {out!r}")
        true(f"{results}: {RUNS} good runs of 1 pairs" in out, f"its output: {out!r}")
        endless = write_plan("endless.toml", ENDLESS)
        with Cluster(slurm.environment, endless, path("endless"), *options) as job:
            wait_until(lambda: client_runs(job.results) or job.popen.poll() is not None, "a client runs")
            job.send(signal.SIGINT)
            _, err = job.finish(130)
        eq(err, "rw_cluster: interrupted: the same command goes on\n", "standard error")
        eq(slurm.ask("squeue", "-h", "-n", "rw_cluster"), "", "jobs that are left")

    for a_signal in signal.SIGINT, signal.SIGKILL:
        @case(f"Slurm: {a_signal.name} within runs leaves nothing running, and half a run is none")
        def _(signum=a_signal):
            results = path("end" + signum.name)
            with Cluster(env, write_plan("endless.toml", ENDLESS), results) as run:
                wait_until(lambda: len(client_runs(results)) >= 2 or run.popen.poll() is not None,
                           "both clients run")
                run.send(signum)
                _, err = run.finish(130 if signum == signal.SIGINT else -signum)
            if signum == signal.SIGINT:
                eq(err.splitlines()[-1:], ["rw_cluster: interrupted: the same command goes on"],
                   "standard error")
            for name in "n1-n2", "n3-n4":
                eq(lines_of(os.path.join(results, name)), [], f"runs of {name}")

    @case("Slurm, a dead node: one line, the others' pairs go on, and come to a report", slow=True)
    def _():
        results = path("dead")
        slurm.kill(DEAD)
        out, err = cluster(env_of_dead, plan, results, status=1)
        eq(len(err.splitlines()), 1, f"lines of standard error ({err!r})")
        true(err.startswith(f"rw_cluster: {DEAD} does not answer by srun: srun: error: "), err)
        each_once(results, ("n1-n2",))
        text = page(results)
        true(f"{DEAD} does not answer" in text and f"n3-{DEAD}: left out" in text, "who is missing")


def client_runs(results):
    """Pids of clients that were started for @results."""
    found = []
    for pid in processes_of(results):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                words = file.read().split(b"\0")
                if os.path.basename(words[0]) == b"ib_rw_bw" and b"--json=-" in words and \
                        b"--explain" not in words:
                    found.append(pid)
        except OSError:
            pass
    return found


def main():
    if missing():
        print(f"1..0 # SKIP {missing()}")
    elif on_the_bed("rich", "jinja2", "matplotlib", "jsonschema"):
        write_scripts()
        with Slurm((*NODES, DEAD)) as slurm:
            cases(slurm)
            run_cases()
            top = slurm.top
        true(not os.path.exists(top), "Slurm leaves nothing behind")


if __name__ == "__main__":
    main()
