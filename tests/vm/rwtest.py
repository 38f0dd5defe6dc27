# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What the end-to-end tests share: TAP, and both sides of a program in the guest.

A test file calls main(): on the host it runs itself again in the virtual
machine, there it runs its cases. Every wait has an end.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time

SRC = os.environ.get("RW_SRCDIR") or os.path.abspath(
    os.path.join(os.path.dirname(__file__), "..", ".."))
BUILD = os.environ.get("RW_BUILDDIR") or os.path.join(SRC, "build")
PROGRAM = os.path.join(BUILD, "ib_rw_bw")
PORT = "18515"

_count = 0
_failed = 0


def check(name, ok, *detail):
    """One TAP line; @detail is shown when it fails."""
    global _count, _failed
    _count += 1
    if not ok:
        _failed += 1
        for item in detail:
            for line in str(item).splitlines():
                print("#", line)
    print(f"{'ok' if ok else 'not ok'} {_count} - {name}", flush=True)
    return ok


class Result:
    """What a finished program left: exit code, outputs, JSON report if any."""

    def __init__(self, rc, out, err, seconds):
        self.rc, self.out, self.err, self.seconds = rc, out, err, seconds
        try:
            self.json = json.loads(out)
        except ValueError:
            self.json = None

    @property
    def rows(self):
        return self.json["results"] if self.json else []

    def row(self, path):
        """The row of @path; empty if there is none."""
        for row in self.rows:
            if row["path"] == path:
                return row
        return {}

    def one_line(self, *words):
        """stderr is one line that has all @words."""
        lines = self.err.splitlines()
        return len(lines) == 1 and all(w in lines[0] for w in words)

    def __str__(self):
        return f"exit {self.rc} after {self.seconds:.1f} s\n{self.out[-3000:]}\nstderr: {self.err}"


class Program:
    """A program in the background; its outputs are in files."""

    def __init__(self, argv, ready=None):
        self.out = tempfile.TemporaryFile("w+")
        self.err = tempfile.TemporaryFile("w+")
        self.started = time.monotonic()
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL,
                                        stdout=self.out, stderr=self.err)
        deadline = self.started + 10
        while ready and ready not in self.text(self.out):
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise RuntimeError(f"{argv} does not get ready: {self.text(self.err)}")
            time.sleep(0.02)

    @staticmethod
    def text(file):
        file.flush()
        with open(f"/proc/self/fd/{file.fileno()}") as copy:
            return copy.read()

    @property
    def pid(self):
        return self.process.pid

    def alive(self):
        return self.process.poll() is None

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, timeout=60):
        """Wait for its end; rc is -9 when it had to be killed for being late."""
        try:
            rc = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            rc = self.process.wait()
        return Result(rc, self.text(self.out), self.text(self.err),
                      time.monotonic() - self.started)

    def stop(self):
        if self.alive():
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGINT)
        return self.wait(10)


def server(*options, device="rxe0", port=PORT):
    return Program([PROGRAM, "-d", device, "-p", port, *options], ready="waiting for a client")


def client_program(*options, host="127.0.0.1", device="rxe1", port=PORT):
    return Program([PROGRAM, "-d", device, "-p", port, *options, host])


def client(*options, timeout=60, report="-", **where):
    """Run a client to its end; with the report on stdout unless @report is None."""
    options = [str(option) for option in options]
    if report:
        options += ["--json", report]
    return client_program(*options, **where).wait(timeout)


def pair(*options, server_options=(), timeout=60, **where):
    """A server for one client, and that client; both results."""
    one = server(*server_options)
    result = client(*options, timeout=timeout, **where)
    return result, one.wait(10) if result.rc == 0 else one.stop()


def run(argv, timeout=30):
    return Program(argv).wait(timeout)


def sh(command):
    return subprocess.run(command, shell=True, check=True, capture_output=True, text=True,
                          timeout=30).stdout


def in_guest():
    return os.environ.get("RW_IN_GUEST") == "1"


def resources():
    """QPs and MRs that user programs hold, as the kernel counts them."""
    out = sh("rdma resource show")
    total = 0
    for line in out.splitlines():
        words = line.split()
        for kind in ("qp", "mr"):
            if kind in words:
                total += int(words[words.index(kind) + 1])
    return total


def finish():
    """The plan, and the exit status."""
    print(f"1..{_count}", flush=True)
    sys.exit(1 if _failed else 0)


def main(cases, topology="two", timeout=240):
    """Run @cases (functions) in the guest; on the host, start the guest."""
    if in_guest():
        for case in cases:
            try:
                case()
            except Exception as error:  # a broken case is a failed test, not the end
                check(f"{case.__name__} runs to its end", False, repr(error))
        finish()

    if os.environ.get("RW_TESTS") == "fast":
        print("1..0 # SKIP RW_TESTS=fast leaves virtual machines out")
        sys.exit(0)
    kernel = subprocess.run([os.path.join(SRC, "vm", "build"), "--print"],
                            capture_output=True, text=True)
    if kernel.returncode and os.environ.get("RW_REQUIRE_VM") != "1":
        print("1..0 # SKIP no kernel is built; vm/build makes it")
        sys.exit(0)
    os.environ["RW_IN_GUEST"] = "1"
    rw_vm = os.path.join(SRC, "vm", "rw_vm")
    sys.stdout.flush()
    os.execv(rw_vm, [rw_vm, f"--topology={topology}", f"--timeout={timeout}", "--",
                     sys.executable, os.path.abspath(sys.argv[0])])
