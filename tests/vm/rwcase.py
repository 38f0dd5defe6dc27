# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What the end-to-end tests of ib_rw_bw share.

A test file declares cases and ends with main(). Started on the host it boots
the guest (vm/rw_vm) and runs itself in there; in the guest it runs its cases
and speaks TAP. A case is a function that raises, best by way of the checks
below, when something is not as it should be.

    @case("a READ of the default size")
    def _():
        run = client(SERVER, "-n", "10", "--verify")
        good(run)

Every wait here is bounded. Nothing is ever asserted of a speed.
"""
import json
import os
import subprocess
import sys
import threading
import time
import traceback

# pylint: disable=unused-import
from rwproc import (BUILDDIR, CORRUPT, DEVICE, LOG, NAME, OK, PATIENCE, PEER, PROGRAM, RUN, SHARED,
                    SRCDIR, USAGE, CLIENT_DEVICE, SERVER_DEVICE, Client, Failed, Process, Run,
                    Server, Traffic, client, drain, end_shared_server, eq, knock, load_json, new_port,
                    note, shared_server, true, wait_until)

_cases = []


def case(name, slow=False):
    """Declare a case. Slow ones mostly sleep: they run beside the others."""
    def declare(function):
        _cases.append((name, function, slow))
        return function
    return declare


# ---- what holds of all runs

def consistent(row):
    """The numbers of a row must fit each other."""
    what = f"{row['op']} {row['path']} {row['MsgSize']} B {row['sges']} SGEs: "
    eq(row["operations_issued"], row["n_iterations"] + row["failed"], what + "operations issued")
    true(abs(row["wrs_per_operation"] * row["n_iterations"] - row["wrs"]) < 1e-6 * row["wrs"] + 1e-6,
         what + "wrs_per_operation * n_iterations is wrs")
    true(0 < row["doorbells"] <= row["wrs"], what + "doorbells")
    wants_mr = row["path"] == "mr" or row["path"] == "auto" and row["mr_wanted"] > 0
    eq(row["engine"], "reg" if wants_mr else None, what + "engine")
    if not wants_mr:
        eq([row[key] for key in ("mr_wanted", "exhaustions", "fallbacks", "failed", "waits")],
           [0] * 5, what + "counts that only MRs have")
    else:
        eq(row["mr_wanted"], row["operations_issued"], what + "operations that wanted an MR")
        eq(row["fallbacks"] + row["failed"] + row["waits"], row["exhaustions"],
           what + "each exhaustion has one consequence")
    true(row["elapsed_ns"] > 0 and row["BW_average"] > 0 and row["MsgRate"] > 0, what + "a speed")
    eq(row["corrupt_bytes"], 0, what + "corrupt bytes")
    eq(row["first_corrupt_byte"], None, what + "first corrupt byte")


def good(run, verified=True, rows=None, interrupted=False):
    """A run that ended well. Returns its rows."""
    eq(run.err, "", "standard error")
    eq(run.status, OK, "exit status")
    eq(run.report["error"], None, "error in the report")
    if rows is not None:
        eq(len(run.rows), rows, "rows")
    for row in run.rows:
        consistent(row)
        eq(row["verified"], verified, "verified")
        eq(row["interrupted"], interrupted, "interrupted")
    return run.rows


def refused(run, status, *words):
    """A run that ended with @status and one line of error that holds @words."""
    eq(run.status, status, f"exit status ({run.err.strip()})")
    one_line(run.err, *words)


def one_line(err, *words):
    eq(len(err.splitlines()), 1, f"lines of standard error ({err!r})")
    true(err.startswith(NAME + ": ") and err.endswith("\n"), f"the form of {err!r}")
    for word in words:
        true(word in err, f"{word!r} in {err!r}")


# ---- what is left behind

def resources():
    """RDMA objects of the guest by device, without opened contexts (idle servers have those)."""
    text = subprocess.run(["rdma", "-j", "resource", "show"], check=True, timeout=PATIENCE,
                          stdout=subprocess.PIPE).stdout
    return {device["ifname"]: {kind: n for kind, n in device.items() if kind in
                               ("pd", "cq", "qp", "mr")} for device in json.loads(text)}


def programs():
    """PIDs of all ib_rw_bw in the guest."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
                if file.read().strip() == NAME:
                    found.append(int(pid))
        except OSError:
            pass
    return found


def files():
    return sorted(os.path.join(place, name) for place in ("/tmp", "/dev/shm")
                  for name in os.listdir(place))


def check_leftovers(before):
    """@before: what resources() and files() said at the start."""
    wait_until(lambda: resources() == before[0], f"QPs, CQs, MRs and PDs are gone: "
               f"{resources()} instead of {before[0]}", timeout=10)
    eq(files(), before[1], "files")


# ---- running

def _run_case(name, function, before):
    """Returns (name, None or the report of a failure)."""
    LOG.lines = []
    try:
        function()
        if before:
            check_leftovers(before)
    except Failed as failure:
        return name, f"failed: {failure}"
    except Exception:  # pylint: disable=broad-except
        return name, traceback.format_exc()
    return name, None


def _tell(number, outcome, seconds, lines):
    name, failure = outcome
    print(f"{'not ok' if failure else 'ok'} {number} - {name}")
    if failure:
        for line in failure.splitlines() + lines[-60:]:
            print(f"# {line}")
    if os.environ.get("RW_TIMES"):
        print(f"# {seconds:.1f} s")
    sys.stdout.flush()


def _run_slow(todo, told):
    def run(name, function):
        began = time.monotonic()
        outcome = _run_case(name, function, None)
        told.append((outcome, time.monotonic() - began, LOG.lines))
    threads = [threading.Thread(target=run, args=one, daemon=True) for one in todo]
    for thread in threads:
        thread.start()
    return threads


def _run_guest():
    only = os.environ.get("RW_ONLY", "")
    cases = [one for one in _cases if only in one[0]]
    before = resources(), files()
    told, number = [], 0
    threads = _run_slow([one[:2] for one in cases if one[2]], told)
    for name, function, slow in cases:
        if slow:
            continue
        began = time.monotonic()
        # Beside slow cases there is no telling whose the objects are.
        outcome = _run_case(name, function, None if threads else before)
        number += 1
        _tell(number, outcome, time.monotonic() - began, LOG.lines)
    for thread in threads:
        thread.join(4 * PATIENCE)
    for one in told:
        number += 1
        _tell(number, *one)
    if SHARED:
        number += 1
        _tell(number, _run_case("one server served many clients and ends well",
                                end_shared_server, None), 0, LOG.lines)
    outcome = _run_case("nothing is left behind", lambda: (
        check_leftovers(before), eq(programs(), [], "processes")), None)
    _tell(number + 1, outcome, 0, LOG.lines)
    # A thread that never came back is a test that failed.
    print(f"1..{len(cases) + 1 + len(SHARED)}")
    sys.stdout.flush()


def _why_not():
    """Why the guest cannot run, or None."""
    if os.environ.get("RW_TESTS") == "fast":
        return "RW_TESTS=fast"
    built = subprocess.run([os.path.join(SRCDIR, "vm", "build"), "--print"], text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if not built.returncode:
        return None
    if os.environ.get("RW_REQUIRE_VM") == "1":
        print("Bail out! " + " ".join(built.stdout.split()))
        sys.exit(1)
    return " ".join(built.stdout.split())


def main(topology="two", timeout=180):
    if os.environ.get("RW_VM") == "1":
        _run_guest()
        return
    reason = _why_not()
    if reason:
        print("1..0 # SKIP " + reason)
        return
    script = os.path.abspath(sys.argv[0])
    rw_vm = os.path.join(SRCDIR, "vm", "rw_vm")
    os.environ.update(RW_SRCDIR=os.path.abspath(SRCDIR), RW_BUILDDIR=os.path.abspath(BUILDDIR))
    # The real interpreter: a wrapper of it, and the site module, cost seconds in the guest.
    os.execv(rw_vm, [rw_vm, f"--topology={topology}", f"--timeout={timeout}",
                     os.path.realpath(sys.executable), "-B", "-S", script])
