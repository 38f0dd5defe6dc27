# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""How something is started on another host, and commands that are run there.

Each way passes standard input on, whose end ends what was started.
"""
import collections
import concurrent.futures
import inspect
import itertools
import json
import os
import shlex
import subprocess
import threading

from . import agent
from .errors import PEER, USAGE, SuiteError

LAUNCHES = "local", "ssh", "srun", "mpirun", "none"
REMOTE = "ssh", "srun", "mpirun"
START_PATIENCE = 60  # seconds, of a busy host by a slow network


def command(launch, host, inner):
    """What starts @inner, a list of words, on @host."""
    if launch == "ssh":
        return ["ssh", "-o", "BatchMode=yes", host, shlex.join(inner)]
    if launch == "srun":
        # Cores are the programs' own choice, not that of a step of one task.
        return ["srun", "--nodes=1", "--ntasks=1", "--overlap", "--cpu-bind=none",
                "--nodelist=" + host, *inner]
    if launch == "mpirun":  # in words that Open MPI's and MPICH's have in common
        return ["mpirun", "-n", "1", "-host", host, "-bind-to", "none", *inner]
    return inner


def last_words(lines):
    """What a launcher or a program said last, before a banner that mpirun puts below it."""
    said = [line.strip() for line in lines]
    banner = next((at for at, line in enumerate(said) if line.startswith("----------")), len(said))
    before = [line for line in said[:banner] if line]
    after = [line for line in said[banner:] if line.strip("- ")]
    errors = [line for line in before if "error" in line]  # srun says more below them
    return (errors or before)[-1] if before else after[0] if after else "it said nothing"


class Host:
    """Runs commands on @name, by an agent that is started with the first one. close() it."""

    def __init__(self, launch, name):
        self.launch, self.name = launch, name
        self._agent = None
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._waiting = {}  # id: Future; None when nobody answers any more
        self._ready = threading.Event()
        self._err = collections.deque(maxlen=50)

    def execute(self, argv, patience):
        """As agent.execute(). PEER: the host does not answer."""
        self.start()
        future = concurrent.futures.Future()
        number = next(self._numbers)
        words = {"id": number, "argv": argv, "patience": patience}
        try:
            with self._lock:
                if self._waiting is None:
                    raise self._silence()
                self._waiting[number] = future
                self._agent.stdin.write(json.dumps(words) + "\n")
                self._agent.stdin.flush()
            done = future.result(patience + START_PATIENCE)
        except (OSError, concurrent.futures.TimeoutError):
            raise self._silence() from None
        if done is None:
            raise self._silence()
        if "error" in done:
            raise SuiteError(f"{self.name}: {done['error']}: is it installed there?", USAGE)
        return done

    def start(self):
        """Make sure that the agent is there."""
        if self._agent:
            return
        inner = ["python3", "-c", inspect.getsource(agent)]
        try:
            self._agent = subprocess.Popen(  # pylint: disable=consider-using-with
                command(self.launch, self.name, inner), stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace",
                start_new_session=True)
        except OSError as error:
            raise SuiteError(f"{self.launch}: {error.strerror}: install it", USAGE) from None
        for read in self._read_answers, self._read_errors:
            threading.Thread(target=read, daemon=True).start()
        self._ready.wait(START_PATIENCE)
        if not self._ready.is_set() or self._waiting is None:
            raise self._silence()

    def _silence(self):
        try:
            self._agent.wait(0.5)  # its last words are on their way
        except subprocess.TimeoutExpired:
            pass
        return SuiteError(f"{self.name} does not answer by {self.launch}: "
                          f"{last_words(list(self._err))}", PEER)

    def _read_answers(self):
        with self._agent.stdout as stream:
            for line in stream:
                try:
                    words = json.loads(line)
                    if words.get("ready"):
                        self._ready.set()
                    else:
                        with self._lock:
                            future = self._waiting.pop(words["id"])
                        future.set_result(words)
                except (ValueError, AttributeError, KeyError):
                    self._err.append(line)  # of the launcher, not the agent
        with self._lock:
            waiting, self._waiting = self._waiting, None
        for future in waiting.values():
            future.set_result(None)
        self._ready.set()

    def _read_errors(self):
        with self._agent.stderr as stream:
            for line in stream:
                self._err.append(line)

    def give_up(self):
        """Have who waits for an answer wait no more."""
        process = self._agent
        if process:
            process.terminate()

    def close(self):
        if self._agent:
            agent.end(self._agent)
            self._agent = None


def hosts_of_allocation():
    """Those that Slurm has given to this job; none outside of one."""
    nodes = os.environ.get("SLURM_JOB_NODELIST")
    if not nodes:
        return []
    try:
        return subprocess.run(["scontrol", "show", "hostnames", nodes], capture_output=True,
                              text=True, check=True, timeout=START_PATIENCE).stdout.split()
    except (OSError, subprocess.SubprocessError) as error:
        raise SuiteError(f"scontrol show hostnames {nodes}: {error}: name the hosts by --hosts",
                         USAGE) from None
