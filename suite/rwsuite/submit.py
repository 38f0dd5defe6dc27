# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""rw_cluster as a job of Slurm: submits itself by sbatch, shows what the job says, and ends it when
it is interrupted."""
import os
import re
import shlex
import subprocess
import sys
import time

from .errors import INTERRUPTED, RUN, USAGE, SuiteError

PATIENCE = 60  # seconds, for an answer of Slurm
LOOK_S, ASK_S = 0.3, 10  # between looks into the job's output, and questions about the job
END = "rw_cluster ended with "


def _slurm(*command, text=None):
    """The output of @command."""
    try:
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False,
                              timeout=PATIENCE)
    except FileNotFoundError:
        raise SuiteError(f"{command[0]} is not here: install Slurm's commands, or say --launch=mpirun or "
                         "ssh", USAGE) from None
    except subprocess.TimeoutExpired:
        raise SuiteError(f"{command[0]}: no answer in {PATIENCE} s: is slurmctld alive?") from None
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["it said nothing"]
        raise SuiteError(f"{command[0]}: {lines[-1]}", USAGE)
    return done.stdout.strip()


def _script(argv):
    """A job that is this very command by srun."""
    command = [sys.executable, os.path.abspath(sys.argv[0]), *argv]
    return f"#!/bin/sh\n{shlex.join(command)}\necho '{END}'$?\n"


class _Log:
    """The job's output, followed."""

    def __init__(self, path):
        self._path, self._read, self.code = path, 0, None

    def show(self):
        """Print the lines that are new."""
        try:
            with open(self._path, "rb") as file:
                file.seek(self._read)
                data = file.read()
        except OSError:
            return
        whole = data[:data.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.decode(errors="replace").splitlines():
            ended = re.fullmatch(re.escape(END) + r"(\d+)", line)
            if ended:
                self.code = int(ended[1])
            else:
                print(line, flush=True)


def _is_there(job):
    try:
        return bool(_slurm("squeue", "-h", "-j", job, "-o", "%T"))
    except SuiteError as error:
        return "nvalid job id" not in str(error)  # of one that is gone; others are of the moment


def _cancel(job):
    _slurm("scancel", job)
    end = time.monotonic() + PATIENCE
    while _is_there(job) and time.monotonic() < end:
        time.sleep(LOOK_S)


def submit(args, argv):
    """Submit rw_cluster with @argv as a job of args.slurm, wait for it, and return its exit code."""
    try:
        os.makedirs(args.results, exist_ok=True)
    except OSError as error:
        raise SuiteError(f"{args.results}: {error.strerror}: name a directory that can be written",
                         USAGE) from None
    nodes = [f"--nodelist={args.hosts}", f"--nodes={len(args.hosts.split(','))}"] if args.hosts else []
    log = os.path.join(os.path.abspath(args.results), "slurm-%j.out")
    # A node that dies takes its pairs with it, not the job.
    job = _slurm("sbatch", "--parsable", "--job-name=rw_cluster", "--no-kill", "--output=" + log,
                 *nodes, *shlex.split(args.slurm), text=_script(argv)).split(";")[0]
    output = _Log(log.replace("%j", job))
    print(f"job {job} is submitted", flush=True)
    try:
        asked = time.monotonic()
        while output.code is None:
            time.sleep(LOOK_S)
            output.show()
            if time.monotonic() - asked > ASK_S:
                asked = time.monotonic()
                if not _is_there(job):
                    output.show()
                    break
    except KeyboardInterrupt:
        _cancel(job)
        raise SuiteError("interrupted: the same command goes on", INTERRUPTED) from None
    if output.code is None:
        raise SuiteError(f"job {job} ended before rw_cluster did: see its output in {args.results}",
                         RUN)
    return output.code
