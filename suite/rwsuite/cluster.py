# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""rw_cluster: a plan over many pairs of hosts, or an incast, and one report of all.

Each pair is a "rw_suite sweep" of its own, with servers and clients on its two hosts and the result
set here: what holds of a sweep (resumed, each run once, ended in order) holds of all.
"""
import fcntl
import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

from . import VERSION, differ, launch, pairs, programs, runner, store, submit
from . import plan as plans
from .agent import END_PATIENCE
from .bed import FIRST_PORT
from .cli import Parser, module_of
from .errors import INTERRUPTED, OK, RUN, USAGE, SuiteError
from .gate import Keeper

LAUNCHES = "srun", "mpirun", "ssh", "sbatch"
FORMAT = 1
FILE = "cluster.json"
# "python3 -c" this, where the package is, and what rw_suite is told.
SUITE = ("import sys; sys.dont_write_bytecode = True; sys.path[0] = sys.argv.pop(1); "
         "from rwsuite.cli import main; sys.exit(main())")
HOME = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def arguments(parser):
    parser.add_argument("plan", help="a plan, or the name of a ready one: "
                        + ", ".join(plans.ready_plans()))
    parser.add_argument("results", help="directory of the result sets, one a pair, and report.html; "
                        "what was begun is gone on with")
    parser.add_argument("--hosts", metavar="HOST,...", help="who measures (default: all of the "
                        "allocation of Slurm)")
    parser.add_argument("--hostfile", metavar="FILE", help="the same in a file, one a line, as MPI "
                        "has it")
    parser.add_argument("--shape", choices=pairs.SHAPES, default="pairs", help="; ".join(
        f"{name}: {text}" for name, text in pairs.SHAPES.items()))
    parser.add_argument("--launch", choices=LAUNCHES, help="how programs are started on the hosts; "
                        "sbatch: submit a job that does all of it by srun (default: srun in an "
                        "allocation)")
    parser.add_argument("--slurm", metavar="OPTIONS", default="", help="of sbatch, as in "
                        "--slurm='--nodes=4 --exclusive'")
    parser.add_argument("--at_once", type=int, metavar="N", help="pairs that measure at once; no host "
                        "is in two of them (default: as many as there are)")
    parser.add_argument("--address", metavar="TEXT", default="%h", help="where a server is reached, "
                        "%%h being its host (default: %%h)")
    parser.add_argument("--port", type=int, default=FIRST_PORT, help="of the first pair's servers, "
                        f"the next pair's are above (default: {FIRST_PORT})")
    parser.add_argument("--devices", metavar="SERVER,CLIENT", help="RDMA devices (default: each "
                        "program's choice)")
    parser.add_argument("--programs", metavar="DIR", help="where ib_rw_bw and ib_rw_lat are on the "
                        "hosts (default: where they are here)")
    parser.add_argument("--retry_failed", action="store_true",
                        help="measure again what failed before")


# ---- what is to be measured

def _named_hosts(args):
    """Those that the options name, or None."""
    if args.hosts and args.hostfile:
        raise SuiteError("--hosts and --hostfile say the same: give one of them", USAGE)
    if args.hostfile:
        try:
            with open(args.hostfile, encoding="utf-8") as file:
                return pairs.parse_hosts(file.read())
        except (OSError, UnicodeDecodeError) as error:
            raise SuiteError(f"{args.hostfile}: {getattr(error, 'strerror', 'no text')}: give a file "
                             "with a host in each line", USAGE) from None
    if re.search(r"[\s#]", args.hosts or ""):
        raise SuiteError(f"--hosts={args.hosts!r}: put commas between names of hosts, nothing else", USAGE)
    return pairs.parse_hosts(args.hosts) if args.hosts else None


def _choose_launch(args):
    if not args.launch:
        if not os.environ.get("SLURM_JOB_ID"):
            raise SuiteError("not in an allocation of Slurm: say --launch=mpirun, ssh or sbatch, or take "
                             "one: salloc --nodes=N rw_cluster ...", USAGE)
        args.launch = "srun"
    if args.launch == "srun" and not os.environ.get("SLURM_JOB_ID"):
        raise SuiteError("--launch=srun needs an allocation: salloc --nodes=N rw_cluster ..., or say "
                         "--launch=sbatch", USAGE)


def _check(args, every):
    if args.at_once is not None and args.at_once < 1:
        raise SuiteError(f"--at_once={args.at_once}: give 1 or more", USAGE)
    if args.at_once and args.shape == "incast":
        raise SuiteError("--at_once: an incast is of all clients at once: leave it out", USAGE)
    if args.port < 1 or args.port + 2 * len(every) > 65000:
        raise SuiteError(f"--port={args.port} is out of range for {len(every)} pairs; give 1 to "
                         f"{65000 - 2 * len(every)}", USAGE)


def _begin(args, every):
    """Open the directory of results, alone, for these pairs. Returns the file that is locked."""
    path = os.path.join(args.results, FILE)
    wanted = {"format": FORMAT, "shape": args.shape, "pairs": [list(pair) for pair in every]}
    try:
        os.makedirs(args.results, exist_ok=True)
        file = open(path, "a+", encoding="utf-8")  # pylint: disable=consider-using-with
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        file.seek(0)
        text = file.read()
        if text and json.loads(text) != wanted:
            raise SuiteError(f"{path}: begun with other hosts or another shape: go on with those, or name "
                             "another directory", USAGE)
        if not text:
            file.write(json.dumps(wanted) + "\n")
            file.flush()
    except BlockingIOError:
        raise SuiteError(f"{args.results}: another rw_cluster is at work there: wait for it, or name "
                         "another directory", USAGE) from None
    except ValueError:
        raise SuiteError(f"{path}: damaged: remove it, and say the same hosts and shape", USAGE) from None
    except OSError as error:
        raise SuiteError(f"{path}: {error.strerror}: name a directory that can be written",
                         USAGE) from None
    return file


def _silent_hosts(args, plan, hosts):
    """{host: why it cannot measure}, asked all at once."""
    name = plan.points[0].program
    program = f"{args.programs}/{name}" if args.programs else programs.find(name)

    agents = [launch.Host(args.launch, host) for host in hosts]

    def ask(host):
        try:
            done = host.execute(runner.leashed([program, "--version"]), launch.START_PATIENCE)
            said = launch.last_words(done["err"].splitlines())
            return f"{host.name}: {program} does not run there: {said}" if done["status"] else None
        except SuiteError as error:
            return str(error)
        finally:
            host.close()
    with ThreadPoolExecutor(32) as pool:
        try:
            return {host: why for host, why in zip(hosts, pool.map(ask, agents)) if why}
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            for host in agents:
                host.give_up()
            raise


# ---- sweeps

class Sweep:
    """The sweep of a pair. What it says is told with the pair's name before it."""

    def __init__(self, args, pair, number, gate, ended):
        self.pair, self.status = pair, None
        options = [f"--server={pair.server}", f"--client={pair.client}", f"--launch={args.launch}",
                   f"--address={args.address.replace('%h', pair.server.rsplit('@', 1)[-1])}",
                   f"--port={args.port + 2 * number}"]
        options += [f"--{name}={value}" for name in ("devices", "programs")
                    if (value := getattr(args, name))]
        options += ["--retry_failed"] * args.retry_failed
        if gate:
            options.append(f"--gate={gate.fileno()}")
        command = [sys.executable, "-c", SUITE, HOME, "sweep", args.plan,
                   os.path.join(args.results, pair.name), *options]
        self._process = subprocess.Popen(  # pylint: disable=consider-using-with
            runner.leashed(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, errors="replace", start_new_session=True,
            pass_fds=[gate.fileno()] if gate else [])
        self._readers = [threading.Thread(target=self._read, args=both, daemon=True)
                         for both in ((self._process.stdout, sys.stdout),
                                      (self._process.stderr, sys.stderr))]
        for reader in self._readers:
            reader.start()
        threading.Thread(target=self._wait, args=(ended,), daemon=True).start()

    def _read(self, stream, to):
        with stream:
            for line in stream:
                print(f"{self.pair.name}: {line.removeprefix('rw_suite: ').rstrip()}", file=to, flush=True)

    def _wait(self, ended):
        for reader in self._readers:
            reader.join()
        self.status = self._process.wait()
        self._process.stdin.close()  # what waits for it has the gate, too
        ended.put(self)

    def let_go(self):
        """Ask it to end, as an interrupt does."""
        self._process.stdin.close()

    def kill(self):
        os.killpg(self._process.pid, signal.SIGKILL)


def _end_all(running, ended):
    for sweep in running:
        sweep.let_go()
    left = set(running)
    try:
        while left:  # each ends a client and two servers, in order
            left.discard(ended.get(timeout=4 * END_PATIENCE))
    except queue.Empty:
        for sweep in left:
            sweep.kill()


def _run_sweeps(args, numbered, keeper):
    """Run the sweep of each (number, Pair), of pairs with a host in common one after the other, unless a
    @keeper lets all run at once. Returns {Pair: exit code}."""
    waiting, running, ended, codes = list(numbered), [], queue.SimpleQueue(), {}
    try:
        if keeper:
            gates = [keeper.open() for _ in waiting]
            for (number, pair), gate in zip(waiting, gates):
                running.append(Sweep(args, pair, number, gate, ended))
            for gate in gates:
                gate.close()
            waiting = []
            threading.Thread(target=keeper.run, daemon=True).start()
        while waiting or running:
            busy = set().union(*(sweep.pair.hosts for sweep in running))
            for number, pair in list(waiting):
                if not pair.hosts & busy and len(running) < (args.at_once or len(numbered)):
                    running.append(Sweep(args, pair, number, None, ended))
                    waiting.remove((number, pair))
                    busy |= pair.hosts
            sweep = ended.get()
            running.remove(sweep)
            codes[sweep.pair] = sweep.status
    except KeyboardInterrupt:
        _end_all(running, ended)
        raise
    return codes


def _same_runs(args, some):
    """Of an incast a run counts that all clients have: others are measured again, by all of them."""
    paths = [os.path.join(args.results, pair.name) for pair in some]
    kept = [{run["id"] for run in store.open_set(path) if not (args.retry_failed and run["status"])}
            if os.path.exists(os.path.join(path, store.RUNS)) else set() for path in paths]
    for path, ids in zip(paths, kept):
        if ids:
            store.keep_only(path, set.intersection(*kept))


# ---- what came of it

def _sets(args, every):
    """{Pair: ResultSet} of those that have a run."""
    found = {}
    for pair in every:
        path = os.path.join(args.results, pair.name)
        if os.path.exists(os.path.join(path, store.RUNS)):
            runs = store.open_set(path)
            if len(runs):
                found[pair] = runs
    return found


def _report(args, sets, found, problems):
    """Write report.html."""
    report, merged = module_of("report"), module_of("merged")
    chapter = merged, "hosts", merged.exhibits(sets, found, args.shape == "incast", problems)
    page = report.render(list(sets.values()), f"{len(sets)} pairs of hosts", [chapter],
                         [sets[pair] for pair in merged.drawn(found)])
    path = os.path.join(args.results, "report.html")
    report.write(path, page.encode())
    return path


def _tell(args, sets, problems):
    found = differ.find(sets)
    for text in [one.text for one in found.set_ups] + [text for _, text in found.strange]:
        print(f"differs: {text}")
    good = sum(not run["status"] for runs in sets.values() for run in runs)
    print(f"{args.results}: {good} good runs of {len(sets)} pairs")
    if good:
        print(f"report: {_report(args, sets, found, problems)}")


def run(args):
    plan = plans.read(args.plan)
    runner.leave_terminal_signals()
    hosts = _named_hosts(args)
    if args.launch == "sbatch":
        return submit.submit(args, [*sys.argv[1:], "--launch=srun"])
    _choose_launch(args)
    if hosts is None:
        hosts = pairs.checked(launch.hosts_of_allocation())
    every = pairs.of_shape(args.shape, hosts)
    _check(args, every)
    try:
        with _begin(args, every):
            return _measure(args, plan, hosts, every)
    except KeyboardInterrupt:
        raise SuiteError("interrupted: the same command goes on", INTERRUPTED) from None


def _measure(args, plan, hosts, every):
    silent = _silent_hosts(args, plan, hosts)
    for why in silent.values():
        print("rw_cluster:", why, file=sys.stderr, flush=True)
    numbered = [(number, pair) for number, pair in enumerate(every)
                if not pair.hosts & set(silent)]
    problems = [*silent.values(), *(f"{pair.name}: left out" for pair in every
                                    if pair.hosts & set(silent))]
    keeper = Keeper() if args.shape == "incast" else None
    if keeper:
        _same_runs(args, [pair for _, pair in numbered])
    codes = _run_sweeps(args, numbered, keeper)
    problems += [f"{pair.name}: the sweep ended with exit code {code}"
                 for pair, code in codes.items() if code]
    _tell(args, _sets(args, every), problems)
    return RUN if problems else OK


def main():
    parser = Parser(prog="rw_cluster", description="run a plan over many pairs of hosts, or an incast",
                    allow_abbrev=False)
    parser.add_argument("-V", "--version", action="version", version=f"rw_cluster {VERSION}")
    arguments(parser)
    return run(parser.parse_args())
