# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Processes of the end-to-end tests: the programs as server and client; sockets. See rwtap.py."""
import json
import os
import random
import signal
import socket
import subprocess
import tempfile
import threading
import time

SRCDIR = os.environ.get("RW_SRCDIR") or os.path.dirname(
    os.path.dirname(os.path.abspath(__file__)))
BUILDDIR = os.environ.get("RW_BUILDDIR") or os.path.join(SRCDIR, "build")
PROGRAM = os.path.join(BUILDDIR, "ib_rw_bw")
LATENCY = os.path.join(BUILDDIR, "ib_rw_lat")
NAME = "ib_rw_bw"

with open(os.path.join(BUILDDIR, "config.h"), encoding="utf-8") as _config:
    HAVE_MLX5 = "#define HAVE_MLX5 1" in _config.read()

# Exit codes of the programs.
OK, RUN, USAGE, PEER, DEVICE, CORRUPT = range(6)

SERVER_DEVICE, CLIENT_DEVICE = "rxe0", "rxe1"

# A guest of a busy host is slow; this only ends what hangs.
PATIENCE = 60

LOG = threading.local()  # what the thread's case ran, for a failure's report


def emu_env(**settings):
    """The environment of an emulated device with @settings: emu/README.md has them as RW_EMU_..."""
    return {f"RW_EMU_{name.upper()}": str(value) for name, value in settings.items()}


class Failed(Exception):
    """A case failed; its text says of what."""


class Skipped(Exception):
    """This host cannot run a case; its text says why."""


def true(condition, what):
    if not condition:
        raise Failed(what)


def eq(found, wanted, what):
    if found != wanted:
        raise Failed(f"{what}: {found!r} instead of {wanted!r}")


def note(text):
    """Keep @text for the report of a failure of this case."""
    LOG.lines = getattr(LOG, "lines", []) + str(text).splitlines()


# ---- processes

class Process:
    """A program that runs, its output in files."""

    def __init__(self, command, **options):
        self.command = command
        self.files = [tempfile.TemporaryFile("w+"), tempfile.TemporaryFile("w+")]
        self.began = time.monotonic()
        self.popen = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.files[0],
                                      stderr=self.files[1], **options)
        self.pid = self.popen.pid

    def _read(self, file):
        end = os.fstat(file.fileno()).st_size
        return os.pread(file.fileno(), end, 0).decode(errors="replace")

    @property
    def out(self):
        return self._read(self.files[0])

    @property
    def err(self):
        return self._read(self.files[1])

    def send(self, signum):
        self.popen.send_signal(signum)

    def wait(self, timeout=PATIENCE):
        """The exit status; who does not end in time is killed, and the case fails."""
        try:
            status = self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
            self._note("killed")
            raise Failed(f"{' '.join(self.command)} did not end in {timeout} s") from None
        self.seconds = time.monotonic() - self.began
        self._note(status)
        return status

    def _note(self, status):
        note(f"$ {' '.join(self.command)}\nstatus {status}")
        note("\n".join("> " + line for line in self.out.splitlines()[-12:]))
        note("\n".join("! " + line for line in self.err.splitlines()))

    def end(self):
        """Make sure it is gone, whatever happened."""
        if self.popen.poll() is None:
            self.popen.kill()
            self.popen.wait()
        for file in self.files:
            file.close()


def wait_until(condition, what, timeout=PATIENCE, every=0.02):
    """Wait until @condition() is true, and return what it returned."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failed(f"waited {timeout} s in vain: {what}")
        time.sleep(every)


_ports = set()  # that this process was given


def new_port():
    """A free TCP port, never the same one twice.

    Other tests may run on this host, and ports that the kernel chooses by itself (32768 and
    up) may be taken by any connection before a server listens there."""
    while True:
        port = random.randrange(20000, 32768)
        if port in _ports:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("", port))
            except OSError:
                continue
        _ports.add(port)
        return port


class Server(Process):
    """A server that listens. Use it in a with statement."""

    def __init__(self, *options, device=SERVER_DEVICE, port=None, keep=True, env=None,
                 prefix=(), program=PROGRAM):
        self.port = port or new_port()
        command = [*prefix, program, "-d", device, "-p", str(self.port), *options]
        if keep:
            command.append("--keep_serving")
        super().__init__(command, env=env)
        try:
            wait_until(lambda: "waiting for a client" in self.out or self.popen.poll() is not None,
                       "the server listens")
            eq(self.popen.poll(), None, f"status of a server ({self.err.strip()})")
        except Failed:
            self.end()
            raise

    def stop(self, signum=signal.SIGTERM):
        """End it as a user would. Returns its status."""
        self.send(signum)
        return self.wait()

    def wait_line(self, text, timeout=PATIENCE):
        """Wait until it has said @text, on either stream."""
        wait_until(lambda: text in self.out + self.err, f"the server says {text!r}", timeout)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind:
            note("server: " + " ".join(self.command))
            note("\n".join("> " + line for line in (self.out + self.err).splitlines()[-8:]))
            self.end()
            return
        try:
            eq(self.stop() if self.popen.poll() is None else OK, OK, "status of the server")
        finally:
            self.end()


_shared = {}
_sharing = threading.Lock()


def shared_server(name="", **options):
    """The one server (of @name) of a file's cases that need no other. It must end well."""
    with _sharing:  # cases may run side by side
        if name not in _shared:
            _shared[name] = Server(**options)
        return _shared[name]


def shared_servers():
    """Their names."""
    return list(_shared)


def end_shared_server(name):
    server = _shared.pop(name)
    try:
        eq(server.popen.poll(), None, f"status of the server ({server.err})")
        eq(server.stop(), OK, "status of the server")
    finally:
        server.end()


class Client(Process):
    """A client. finish() gives the case a Run."""

    def __init__(self, server, *options, host="127.0.0.1", device=CLIENT_DEVICE, prefix=(),
                 program=PROGRAM, **popen):
        port = server.port if isinstance(server, Server) else server
        self.json = tempfile.mktemp(prefix="report.", suffix=".json")
        command = [*prefix, program, "-p", str(port), *options]
        if device:
            command += ["-d", device]
        if not any(option.startswith("--json") for option in options):
            command.append("--json=" + self.json)
        super().__init__(command + [host], **popen)

    def finish(self, timeout=PATIENCE):
        try:
            status = self.wait(timeout)
            return Run(status, self.out, self.err, self.seconds, self._take_report())
        finally:
            self.end()

    def _take_report(self):
        try:
            with open(self.json, encoding="utf-8") as file:
                return load_json(file.read())
        except FileNotFoundError:
            return None
        finally:
            try:
                os.unlink(self.json)
            except FileNotFoundError:
                pass


def load_json(text):
    def refuse(constant):
        raise Failed(f"{constant} in JSON")
    return json.loads(text, parse_constant=refuse)


class Traffic:
    """Tells when a run has left its warm-up behind, by the packets of the client's device."""

    COUNTERS = f"/sys/class/infiniband/{CLIENT_DEVICE}/ports/1/hw_counters/"

    def __init__(self):
        self.start = self.packets("sent_pkts") + self.packets("rcvd_pkts")

    @classmethod
    def packets(cls, name):
        with open(cls.COUNTERS + name, encoding="ascii") as file:
            return int(file.read())

    def wait_measuring(self, contexts, size=65536):
        """The warm-up is of two operations a context; wait for what six of them take."""
        enough = 6 * contexts * (size // 4096 + 4)
        wait_until(lambda: self.packets("sent_pkts") + self.packets("rcvd_pkts") - self.start >
                   enough, f"{enough} packets were sent and received")


class Run:
    """What a client left: status, out, err, seconds, report (or None)."""

    def __init__(self, status, out, err, seconds, report):
        self.status, self.out, self.err = status, out, err
        self.seconds, self.report = seconds, report

    @property
    def rows(self):
        true(self.report is not None, "there is a JSON report")
        return self.report["results"]

    def row(self, path=None):
        """The only row (of @path)."""
        rows = [row for row in self.rows if path in (None, row["path"])]
        eq(len(rows), 1, f"rows of path {path}")
        return rows[0]


def client(server, *options, timeout=PATIENCE, **more):
    return Client(server, *options, **more).finish(timeout)


def alone(*options, stdin="", stdout=subprocess.PIPE, env=None, prefix=(), timeout=PATIENCE):
    """A Run of ib_rw_bw with just these options; @env comes on top of the environment."""
    command = [*prefix, PROGRAM, *map(str, options)]
    began = time.monotonic()
    try:
        done = subprocess.run(command, input=stdin, stdout=stdout, stderr=subprocess.PIPE,
                              errors="replace", timeout=timeout, check=False,
                              env=dict(os.environ, **(env or {})))
    except subprocess.TimeoutExpired:
        raise Failed(f"{' '.join(command)} did not end in {timeout} s") from None
    note(f"$ {' '.join(command)}\nstatus {done.returncode}\n! {done.stderr[:2000]}")
    return Run(done.returncode, done.stdout, done.stderr, time.monotonic() - began, None)


# ---- sockets

def knock(port, data=b"", host="127.0.0.1"):
    """Connect, send @data. Returns the socket."""
    sock = socket.create_connection((host, port), timeout=PATIENCE)
    sock.sendall(data)
    return sock


def drain(sock, timeout=PATIENCE):
    """All that comes until the other side closes."""
    sock.settimeout(timeout)
    data = b""
    try:
        while True:
            piece = sock.recv(4096)
            if not piece:
                return data
            data += piece
    except ConnectionResetError:
        return data
    except socket.timeout:
        raise Failed(f"the connection is still open after {timeout} s") from None
