# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The bed of scripts that count: both sides of a program on the emulated device.

Instructions are counted by callgrind: what is executed in the client's program, in
libibverbs and in libmlx5, each found by the object that the code lies in. Left out: the
emulated device (librwemu.so), the dynamic linker, the C library (memcpy, spin locks of
libmlx5) and the server. The device is driven by polls alone (RW_EMU_TICK=0), so that the
counts repeat.
"""

import contextlib
import os
import re
import socket
import subprocess
import sys
import tempfile
import time

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), ".."))
COUNTED = re.compile(r"(ib_rw_bw|bareloop|ib_read_bw|libibverbs\.so.*|libmlx5-?.*\.so.*)$")
SERVER_DEVICE, CLIENT_DEVICE = "mlx5_0", "mlx5_1"
LOOP = "--toggle-collect=rw_row_run"  # the calibration of the clock is outside of it


def fail(text):
    print(f"{os.path.basename(sys.argv[0])}: {text}", file=sys.stderr)
    sys.exit(2)


def add_build(parser):
    parser.add_argument("--build", default=os.environ.get("RW_BUILDDIR",
                                                          os.path.join(TOP, "build")))


def enter(build, *programs):
    """Go on within the emulated device; paths of @programs of the build directory @build."""
    build = os.path.abspath(build)
    paths = [os.path.join(build, program) for program in programs]
    for path in paths:
        if not os.access(path, os.X_OK):
            fail(f"{path} is not built; 'make' in the build directory makes it")
    if os.environ.get("RW_IN_GUEST") != "1":
        os.environ.update(RW_IN_GUEST="1", RW_EMU_TICK="0", RW_BUILDDIR=build)
        rw_emu = os.path.join(TOP, "emu", "rw_emu")
        os.execv(rw_emu, [rw_emu, sys.executable, *sys.argv])
    return paths


def by_object(path):
    """Instructions of each object in a callgrind file, those of its callees left out."""
    names, cost, skip, current = {}, {}, False, "?"
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            match = re.match(r"(c?ob)=\((\d+)\)(?: (.*))?", line)
            if match:
                if match[3]:
                    names[match[2]] = os.path.basename(match[3])
                if match[1] == "ob":
                    current = names[match[2]]
            elif line.startswith("calls="):
                skip = True  # the next line is what the callee took
            elif line[0] in "0123456789+-*":
                if not skip:
                    cost[current] = cost.get(current, 0) + int(line.split()[1])
                skip = False
    return cost


def free_port():
    with socket.create_server(("", 0)) as sock:
        return sock.getsockname()[1]


def listening(port):
    """Is there a listener at TCP @port? Asked of the kernel: a connection would be a client."""
    want = f":{port:04X}"
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        if not os.path.exists(table):
            continue
        with open(table, encoding="ascii") as lines:
            for line in lines:
                words = line.split()
                if words[1].endswith(want) and words[3] == "0A":
                    return True
    return False


@contextlib.contextmanager
def serving(server, patience=5):
    """The options by which a client finds @server, a command that runs meanwhile, and for
    @patience seconds after its client unless it ends itself."""
    port = str(free_port())
    with subprocess.Popen([*server, "-d", SERVER_DEVICE, "-p", port], stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as host:
        try:
            end = time.monotonic() + 10
            while not listening(int(port)):
                if host.poll() is not None or time.monotonic() > end:
                    fail(f"{server[0]} does not listen")
                time.sleep(0.02)
            yield ["-d", CLIENT_DEVICE, "-p", port, "-F"]
            with contextlib.suppress(subprocess.TimeoutExpired):
                host.wait(patience)
        finally:
            host.kill()


def count(server, client, iters):
    """Run both sides; instructions of the client in program and in libraries."""
    valgrind = ["valgrind", "--tool=callgrind"]
    more = ["-n", str(iters)]
    if server[0] == "ib_read_bw":
        server = [*server, "-F", *more]
    else:
        valgrind.append(LOOP)
    with tempfile.TemporaryDirectory() as tmp:
        out = os.path.join(tmp, "out")
        with serving(server) as where:
            run = subprocess.run(
                [*valgrind, f"--callgrind-out-file={out}", *client, *where, *more, "127.0.0.1"],
                capture_output=True, text=True, timeout=120, check=False)
        if run.returncode:
            fail(f"{' '.join(client)} ends with {run.returncode}:\n{run.stderr[-2000:]}")
        program = libraries = 0
        for name, cost in by_object(out).items():
            if name == os.path.basename(client[0]):
                program += cost
            elif COUNTED.match(name):
                libraries += cost
        return program, libraries


def per_operation(server, client, few, many, qps=1):
    """Instructions of one operation, in program and in libraries: two runs, of @few and of @many
    operations for each of @qps; the difference has no start-up in it."""
    counts = count(server, client, few), count(server, client, many)
    if not counts[0][0] or not counts[1][0]:
        fail(f"nothing was counted in {client[0]}; is it stripped?")
    return tuple((m - f) / ((many - few) * qps) for f, m in zip(*counts))
