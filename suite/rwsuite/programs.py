# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Where ib_rw_bw and ib_rw_lat are, and what they say of a combination of options."""
import json
import os
import re
import shutil
import sys
from typing import NamedTuple

from . import agent
from .errors import DEVICE, RUN, USAGE, SuiteError

PATIENCE = 60  # seconds; --explain takes some ms


def find(program, directory=None):
    """The path of @program: in @directory, the build directory, or on the PATH."""
    source = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    places = [directory] if directory else [os.environ.get("RW_BUILDDIR"),
                                            os.path.join(source, "build"),
                                            os.path.dirname(os.path.realpath(sys.argv[0]))]
    for place in places:
        path = os.path.join(place or "/nonexistent", program)
        if os.access(path, os.X_OK):
            return os.path.abspath(path)
    path = None if directory else shutil.which(program)
    if not path:
        where = directory or "build, beside rw_suite, nor on the PATH"
        raise SuiteError(f"{program} is not in {where}: build it, or say where it is by --programs", USAGE)
    return path


def devices():
    """(server's, client's): the first two RDMA devices of this host, or its only one twice."""
    sysfs = os.path.join(os.environ.get("SYSFS_PATH", "/sys"), "class/infiniband")
    try:
        names = sorted(os.listdir(sysfs))
    except OSError:
        names = []
    if not names:
        raise SuiteError("no RDMA device here: try emu/rw_emu rw_suite sweep ..., or name the "
                         "client's and the other host's by --devices and --server", DEVICE)
    return names[0], names[min(1, len(names) - 1)]


class Answer(NamedTuple):
    """What a program said: an exit code, its line, and how many rows there will be, if it knows."""

    status: int
    error: str
    rows: int
    configuration: dict


def _ask(program, question, argv, execute):
    """What @program answers to the options @question and @argv: exit code, line of error, output."""
    try:
        done = execute([program, *question, *argv], PATIENCE)
    except OSError as error:
        raise SuiteError(f"{program} {question[0]}: {error}: does the program run?", RUN) from None
    if done["timeout"]:
        raise SuiteError(f"{program} {question[0]}: no answer in {PATIENCE} s: does it run?", RUN)
    lines = done["err"].strip().splitlines() or [f"exit code {done['status']}"]
    return done["status"], lines[-1], done["out"]


def explain(program, argv, execute=agent.execute):
    """Ask @program, by --explain, what @argv would come to. No peer is needed, and without -d no device.

    What --engine=kernel does the kernel plans, so that --explain refuses it. --list_engines checks
    all options as a run does, too, then the device, and the paths that the kernel has there if its
    module is loaded; it knows no rows.
    """
    if "--engine=kernel" in argv:
        status, error, _ = _ask(program, ["--list_engines"], argv, execute)
        good = not status or status == DEVICE and "-d" not in argv
        return Answer(0, "", 0, {}) if good else Answer(status, error, 0, {})
    status, error, out = _ask(program, ["--explain", "--json=-"], argv, execute)
    if status:
        return Answer(status, error, 0, {})
    try:
        answer = json.loads(out)
        return Answer(0, "", len(answer["rows"]), answer["options"])
    except (ValueError, KeyError, TypeError):
        raise SuiteError(f"{program} --explain: no JSON: is it of this version?", RUN) from None


def wrong_option(program, argv, execute=agent.execute):
    """The line about the option of @argv that @program does not have, or not with that value, or None."""
    status, error, _ = _ask(program, ["--version"], argv, execute)
    return error if status else None


def alike(line):
    """Lines that differ in their numbers only are for one reason."""
    return re.sub(r"[0-9]+(\.[0-9]+)?", "N", line)
