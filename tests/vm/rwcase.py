# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The bed of the end-to-end tests of ib_rw_bw on a real kernel.

A test file declares cases (rwtap.py) and ends with main(). Started on the host
it boots the guest (vm/rw_vm) and runs itself in there; in the guest it runs its
cases, and looks after each at what it has left behind.
"""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# pylint: disable=unused-import,wrong-import-position
from rwproc import (BUILDDIR, CORRUPT, DEVICE, NAME, OK, PATIENCE, PEER, PROGRAM, RUN,  # noqa: F401
                    SRCDIR, USAGE, CLIENT_DEVICE, SERVER_DEVICE, Client, Failed, Process, Run,
                    Server, Traffic, alone, client, drain, eq, knock, load_json, new_port, note,
                    shared_server, true, wait_until)
from rwtap import case, good, one_line, refused, run_cases  # noqa: F401


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

def _run_guest():
    before = resources(), files()
    run_cases(lambda: check_leftovers(before), [("nothing is left behind", lambda: (
        check_leftovers(before), eq(programs(), [], "processes")))])


def why_not(*kernels):
    """Why guests of @kernels (vm/build) cannot run, or None."""
    if os.environ.get("RW_TESTS") == "fast":
        return "RW_TESTS=fast"
    for kernel in kernels or ("stock",):
        built = subprocess.run([os.path.join(SRCDIR, "vm", "build"), "--print",
                                "--kernel=" + kernel], text=True, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, check=False)
        if not built.returncode:
            continue
        reason = " ".join(built.stdout.split())
        if os.environ.get("RW_REQUIRE_VM") == "1":
            print("Bail out! " + reason)
            sys.exit(1)
        return reason
    return None


def main(topology="two", timeout=180):
    if os.environ.get("RW_VM") == "1":
        _run_guest()
        return
    reason = why_not()
    if reason:
        print("1..0 # SKIP " + reason)
        return
    script = os.path.abspath(sys.argv[0])
    rw_vm = os.path.join(SRCDIR, "vm", "rw_vm")
    os.environ.update(RW_SRCDIR=os.path.abspath(SRCDIR), RW_BUILDDIR=os.path.abspath(BUILDDIR))
    # The real interpreter: a wrapper of it, and the site module, cost seconds in the guest.
    os.execv(rw_vm, [rw_vm, f"--topology={topology}", f"--timeout={timeout}",
                     os.path.realpath(sys.executable), "-B", "-S", script])
