# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Cases of the end-to-end tests, what holds of every run, and TAP.

A case is a function that raises, best by way of the checks below and those of
rwproc.py, when something is not as it should be.

    @case("a READ of the default size")
    def _():
        good(client(shared_server(), "-n", "10", "--verify"))

A test file of a bed ends with run_cases(), or with what calls it: main() of
vm/rwcase.py. Every wait here is bounded. Nothing is ever asserted of a speed.
"""
import os
import sys
import threading
import time
import traceback

from rwproc import (HAVE_MLX5, LOG, NAME, OK, PATIENCE, Failed, Skipped, end_shared_server, eq,
                    shared_servers, true)

_cases = []


def case(name, slow=False):
    """Declare a case. Slow ones mostly sleep: they run beside the others."""
    def declare(function):
        _cases.append((name, function, slow))
        return function
    return declare


# ---- what holds of all runs

def consistent(row, engine="reg"):
    """The numbers of a row must fit each other."""
    what = f"{row['op']} {row['path']} {row['MsgSize']} B {row['sges']} SGEs: "
    eq(row["operations_issued"], row["n_iterations"] + row["failed"] + row["operations_torn"],
       what + "operations issued")
    # The module counts WRs as operations complete, the other engines as they are posted.
    counted = row["n_iterations"] + (0 if row["kernel"] else row["operations_torn"])
    true(abs(row["wrs_per_operation"] * counted - row["wrs"]) < 1e-6 * row["wrs"] + 1e-6,
         what + "wrs_per_operation * operations is wrs")
    if row["kernel"]:
        true(row["wrs"] >= row["n_iterations"] + row["mr_operations"], what + "an MR is a WR more")
    true(0 < row["doorbells"] <= row["wrs"], what + "doorbells")
    wants_mr = row["path"] == "mr" or row["path"] == "auto" and row["mr_wanted"] > 0
    eq(row["engine"], engine if wants_mr else None, what + "engine")
    if not wants_mr:
        eq([row[key] for key in ("mr_wanted", "exhaustions", "fallbacks", "failed", "waits")],
           [0] * 5, what + "counts that only MRs have")
    else:
        eq(row["mr_wanted"], row["operations_issued"], what + "operations that wanted an MR")
        eq(row["fallbacks"] + row["failed"] + row["waits"], row["exhaustions"],
           what + "each exhaustion has one consequence")
    true(row["elapsed_ns"] > 0, what + "a time")
    if "t_avg" not in row:
        true(row["BW_average"] > 0 and row["MsgRate"] > 0, what + "a speed")
        # The rate is of all operations and of the window that is stated, to the last one.
        per_s = row["n_iterations"] * 1e9 / row["elapsed_ns"]
        true(abs(row["MsgRate"] * 1e6 / per_s - 1) < 1e-9, what + "MsgRate of elapsed_ns")
        if row["BW_peak"] is not None:
            true(0 < row["BW_least"] <= row["BW_average"] * (1 + 1e-9) and
                 row["BW_average"] <= row["BW_peak"] * (1 + 1e-9), what + "the average of windows")
    eq(row["corrupt_bytes"], 0, what + "corrupt bytes")
    eq(row["first_corrupt_byte"], None, what + "first corrupt byte")


def good(run, verified=True, rows=None, interrupted=False, engine="reg"):
    """A run that ended well. Returns its rows."""
    eq(run.err, "", "standard error")
    eq(run.status, OK, "exit status")
    eq(run.report["error"], None, "error in the report")
    if rows is not None:
        eq(len(run.rows), rows, "rows")
    for row in run.rows:
        consistent(row, engine)
        eq(row["verified"], verified, "verified")
        eq(row["interrupted"], interrupted, "interrupted")
    return run.rows


def refused(run, status, *words, name=NAME):
    """A run that ended with @status and one line of error that holds @words."""
    eq(run.status, status, f"exit status ({run.err.strip()})")
    one_line(run.err, *words, name=name)


def one_line(err, *words, name=NAME):
    eq(len(err.splitlines()), 1, f"lines of standard error ({err!r})")
    true(err.startswith(name + ": ") and err.endswith("\n"), f"the form of {err!r}")
    for word in words:
        true(word in err, f"{word!r} in {err!r}")


# ---- running

def needs_mlx5():
    """False if it was built without libmlx5: then this was the plan, and nothing is run."""
    if not HAVE_MLX5:
        print("1..0 # SKIP built without libmlx5")
    return HAVE_MLX5


def _run_case(name, function, leftovers=None):
    """Returns (name, None or the report of a failure)."""
    LOG.lines = []
    try:
        function()
        if leftovers:
            leftovers()
    except Skipped as reason:
        return f"{name} # SKIP {reason}", None
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
        outcome = _run_case(name, function)
        told.append((outcome, time.monotonic() - began, LOG.lines))
    threads = [threading.Thread(target=run, args=one, daemon=True) for one in todo]
    for thread in threads:
        thread.start()
    return threads


def run_cases(leftovers=None, last=()):
    """
    Run what was declared. @leftovers() raises if a case has left something behind;
    @last: (name, function) of cases for the end, when the shared servers are gone.
    """
    sys.stdout.reconfigure(errors="backslashreplace")
    only = os.environ.get("RW_ONLY", "")
    cases = [one for one in _cases if only in one[0]]
    told, number = [], 0
    threads = _run_slow([one[:2] for one in cases if one[2]], told)
    for name, function, slow in cases:
        if slow:
            continue
        began = time.monotonic()
        # Beside slow cases there is no telling whose the objects are.
        outcome = _run_case(name, function, None if threads else leftovers)
        number += 1
        _tell(number, outcome, time.monotonic() - began, LOG.lines)
    for thread in threads:
        thread.join(4 * PATIENCE)
    for one in told:
        number += 1
        _tell(number, *one)
    ends = [(f"the server {name} served many clients and ends well".replace("  ", " "),
             lambda name=name: end_shared_server(name)) for name in shared_servers()]
    for name, function in (*ends, *last):
        number += 1
        _tell(number, _run_case(name, function), 0, LOG.lines)
    # A thread that never came back is a test that failed.
    print(f"1..{len(cases) + len(ends) + len(last)}")
    sys.stdout.flush()
