# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The bed of the kernel module's tests: guests of several kinds, and the module in them.

A test file declares its cases in a function of a Guest and ends with main(). On the
host main() boots a guest of each kind and runs the file in there.

RW_KMOD_KERNEL=debug: the kernel that has KASAN and kmemleak takes the place of the stock one,
the others are left out; it takes some times as long.
"""
import contextlib
import json
import os
import subprocess
import sys
import time
from collections import namedtuple

# pylint: disable=unused-import,wrong-import-position
from rwcase import (BUILDDIR, SRCDIR, Failed, case, eq, note, true,  # noqa: F401
                    wait_until, why_not)
from rwtap import run_cases

ROOT = "/sys/kernel/debug/rw_bench"
DEBUG = os.environ.get("RW_KMOD_KERNEL") == "debug"
STOCK = "debug" if DEBUG else "stock"
DIRECTORY = os.path.join(BUILDDIR, "kmod-debug" if DEBUG else "kmod")
MODULE = os.path.join(DIRECTORY, "rw_bench.ko")
SERVER = "10.9.0.1"
HIST_SUB_BITS = 10


class Guest(namedtuple("Guest", "device kernel force_mr")):
    """A kind of guest: rxe or siw, the kernel, and whether it is booted with ib_core.force_mr=1."""

    @property
    def iwarp(self):
        return self.device == "siw"

    @property
    def fallback(self):
        return self.kernel != "nofallback" and not self.iwarp and not self.force_mr

    def __str__(self):
        return f"{self.device}, {self.kernel}{', force_mr' if self.force_mr else ''}"


# ---- the module

def _use_siw():
    """
    Have siw on the cable instead of rxe. Not topology "siw": that driver connects in the
    network namespace of the thread that asks, which is the first one for a kernel's thread.
    """
    for i in (0, 1):
        subprocess.run(["rdma", "link", "del", f"rxe{i}"], check=True)
    for i in (0, 1):
        subprocess.run(["rdma", "link", "add", f"siw{i}", "type", "siw", "netdev", f"v{i}"],
                       check=True)
    for i in (0, 1):
        wait_until(lambda i=i: "ACTIVE" in _port_state(f"siw{i}"), f"siw{i} becomes active")


def _port_state(device):
    with open(f"/sys/class/infiniband/{device}/ports/1/state", encoding="ascii") as file:
        return file.read()


def load():
    subprocess.run(["insmod", MODULE], check=True)


def unload():
    subprocess.run(["rmmod", "rw_bench"], check=True)


@contextlib.contextmanager
def delay(ms):
    """What the server sends comes later."""
    subprocess.run(["tc", "qdisc", "add", "dev", "v0", "root", "netem", "delay", f"{ms}ms"], check=True)
    try:
        yield
    finally:
        subprocess.run(["tc", "qdisc", "del", "dev", "v0", "root"], check=True)


def _nothing_leaks():
    """What nobody points to. kmemleak leaves out what is younger than 5 s (MSECS_MIN_AGE)."""
    for _ in range(2):
        time.sleep(5.1)
        with open("/sys/kernel/debug/kmemleak", "w", encoding="ascii") as file:
            file.write("scan")
    with open("/sys/kernel/debug/kmemleak", encoding="utf-8", errors="replace") as file:
        eq(file.read()[:4000], "", "what kmemleak has found")


def write(name, text):
    """One write, one request: raises OSError."""
    data = text.encode() if isinstance(text, str) else text
    file = os.open(os.path.join(ROOT, name), os.O_WRONLY)
    try:
        os.write(file, data)
    finally:
        os.close(file)


def read(name):
    with open(os.path.join(ROOT, name), encoding="ascii") as file:
        return file.read()


def request(text):
    """Make or remove a run; the module's own words if it refuses."""
    note("control: " + text)
    try:
        write("control", text)
    except OSError as error:
        raise Failed(f"{text!r}: {error.strerror}: {read('control').strip()}") from None


def create(**keys):
    request("create " + " ".join(f"{key}={value}" for key, value in keys.items()))


def report(name):
    return json.loads(read("runs/" + name))


def wait_end(name):
    """The report of a run that has ended."""
    def ended():
        found = report(name)
        return found if found["state"] in ("done", "failed") else None
    found = wait_until(ended, f"run {name} ends")
    note({key: value for key, value in found.items() if key != "paths"})
    return found


def hist_index(value):
    """As rw_hist_index() of src/stats/hist.h."""
    shift = (value | 1 << HIST_SUB_BITS).bit_length() - 1 - HIST_SUB_BITS
    return (shift << HIST_SUB_BITS) + (value >> shift)


def completed(run):
    return sum(path["operations"] for path in run["paths"].values())


def consistent(run):
    """What holds of every run that has ended."""
    eq(run["issued"], completed(run) + run["failed"] + run["lost"] + run["errors"],
       "each operation has one end")
    eq((run["unknown_path"], run["corrupt_bytes"]), (0, 0), "unknown paths, corrupt bytes")
    for name, path in run["paths"].items():
        hist = path["latency_ns"]
        eq(hist["count"], path["operations"], name + ": latencies")
        eq(sum(n for _, n in hist["buckets"]), hist["count"], name + ": latencies in buckets")
        eq(path["bytes"], path["operations"] * run["size"], name + ": bytes")
        if path["operations"]:
            eq([hist["buckets"][i][0] for i in (0, -1)],
               [hist_index(hist[key]) for key in ("min", "max")], name + ": outer buckets")
            true(hist["min"] * hist["count"] <= hist["sum"] <= hist["max"] * hist["count"],
                 name + ": the sum of latencies")
            true(min(path[key] for key in ("init_ns", "post_ns", "destroy_ns")) > 0,
                 name + ": times")


def run_client(name="client", good=True, **keys):
    """Run a client to its end and remove it. Returns its report."""
    create(role="client", name=name, addr=SERVER, **keys)
    try:
        run = wait_end(name)
    finally:
        request("remove " + name)
    if good:
        eq((run["state"], run["error"], run["errors"]), ("done", None, 0), "end of the run")
        consistent(run)
    return run


def start_server(name="server", **keys):
    create(role="server", name=name, addr=SERVER, **keys)


# ---- the host's half

def _boot(guest, timeout):
    command = [os.path.join(SRCDIR, "vm", "rw_vm"), f"--kernel={guest.kernel}",
               f"--timeout={timeout}"]
    if guest.force_mr:
        command.append("--append=ib_core.force_mr=1")
    command += [os.path.realpath(sys.executable), "-B", "-S", os.path.abspath(sys.argv[0])]
    env = dict(os.environ, RW_SRCDIR=os.path.abspath(SRCDIR), RW_BUILDDIR=os.path.abspath(BUILDDIR),
               RW_KMOD_GUEST=json.dumps(guest))
    return subprocess.run(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False)


def _tell_guests(guests, timeout):
    number = 0
    for guest in guests:
        run = _boot(guest, timeout)
        lines = run.stdout.decode(errors="replace").splitlines()
        planned = sum(line.startswith("1..") for line in lines)
        for line in lines:
            if line.startswith(("ok ", "not ok ")):
                number += 1
                result, name = line.split(" - ", 1)
                print(f"{result.rsplit(' ', 1)[0]} {number} - {guest}: {name}")
            elif not line.startswith("1.."):
                print("# " + line.removeprefix("# "))
        number += 1
        # A warning of the kernel is the exit status of rw_vm.
        good = run.returncode == 0 and planned == 1
        print(f"{'ok' if good else 'not ok'} {number} - {guest}: the guest ends without a warning")
        sys.stdout.flush()
    print(f"1..{number}")


def main(declare, guests, timeout=120):
    """@declare(guest) declares the cases of a guest."""
    if os.environ.get("RW_VM") == "1":
        guest = Guest(*json.loads(os.environ["RW_KMOD_GUEST"]))
        if guest.iwarp:
            _use_siw()
        load()
        declare(guest)
        last = [("the module can be removed", unload)]
        if DEBUG:
            last.append(("nothing is left of it that nobody points to", _nothing_leaks))
        run_cases(last=last)
        return
    if DEBUG:
        guests = [guest for guest in guests if guest.kernel == STOCK]
        timeout *= 4
    reason = why_not(*sorted({guest.kernel for guest in guests}))
    if reason:
        print("1..0 # SKIP " + reason)
        return
    subprocess.run([os.path.join(SRCDIR, "vm", "build"), "--kernel=" + STOCK,
                    "--module=" + DIRECTORY], check=True, stdout=subprocess.DEVNULL)
    _tell_guests(guests, timeout)
