# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Runs the programs: servers that stay, here or on another host, and one client at a time.

Whatever is started hangs on a leash: a pipe that closes when this process is gone, even
by kill -9, and then ends it; over ssh and srun, too. Children have a session of their own,
so that an interrupt of the terminal reaches only this process, which ends them in order.
"""
import collections
import datetime
import json
import os
import random
import shlex
import signal
import socket
import subprocess
import tempfile
import threading
import time

from .errors import PEER, USAGE, SuiteError

LAUNCHES = "local", "ssh", "srun", "none"
# The shell becomes the program ("exec"); what it leaves behind waits for the pipe's end.
LEASH = ('exec 3<&0; { cat <&3; kill "$$"; } >/dev/null 2>&1 & '
         'exec "$@" 3<&- </dev/null')
READY = "waiting for a client"
TAKEN = "is in use"
START_PATIENCE = 60  # seconds until a server listens, of a busy host by a slow network
END_PATIENCE = 10


def leashed(command):
    """@command, to be started with a pipe as its standard input."""
    return ["sh", "-c", LEASH, "sh", *command]


def end(process):
    """Let go of the leash; who does not end then is killed."""
    if process.stdin:
        try:
            process.stdin.close()
        except OSError:
            pass
    try:
        process.wait(END_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_port():
    """A TCP port of this host. The kernel may give those from 32768 on to any connection."""
    for _ in range(1000):
        port = random.randrange(20000, 32768)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass
    return 0


# ---- the server

class Server:
    """One persistent server of @program; start() it before each run, it stays while it lives."""

    def __init__(self, program, options, launch, host, device, port, address, bind):
        self.program, self.options, self.launch = program, options, launch
        self.host, self.device, self.port = host, device, port
        self.address = address  # where clients find it
        self.bind = bind
        self.process = None
        self.lines = collections.deque(maxlen=50)
        self.starts = 0

    @property
    def command(self):
        """What runs at the server's side, as a person would type it there."""
        where = [f"--bind={self.bind}"] if self.bind else []
        device = ["-d", self.device] if self.device else []
        return [self.program, *device, "-p", str(self.port), *where, "--keep_serving",
                *self.options]

    def _launched(self):
        inner = leashed(self.command)
        if self.launch == "ssh":
            return ["ssh", "-o", "BatchMode=yes", self.host, shlex.join(inner)]
        if self.launch == "srun":
            return ["srun", "--nodes=1", "--ntasks=1", "--overlap", "--nodelist=" + self.host,
                    *inner]
        return inner

    def start(self):
        """Make sure that it listens."""
        if self.launch == "none" or self.process and self.process.poll() is None:
            return
        self.stop()
        for _ in range(20):
            if self._try_start():
                return
            self.port += 2  # another program's server is on the port between
        raise SuiteError(f"no port for the server up to {self.port}: name another by --port", PEER)

    def _try_start(self):
        """True if it listens, false if its port is taken."""
        if self.launch == "local" and not self.starts:
            self.port = self.port or free_port()
        self.starts += 1
        self.lines.clear()
        ready = threading.Event()
        try:
            self.process = subprocess.Popen(  # pylint: disable=consider-using-with
                self._launched(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True)
        except OSError as error:
            raise SuiteError(f"{self._launched()[0]}: {error.strerror}: install it, or start the "
                             "server by hand and say --launch=none", USAGE) from None
        threading.Thread(target=self._read, args=(self.process.stdout, ready), daemon=True).start()
        deadline = time.monotonic() + START_PATIENCE
        while not ready.wait(0.05) and self.process.poll() is None:
            if time.monotonic() > deadline:
                self.stop()
                raise SuiteError(f"the server did not listen within {START_PATIENCE} s: "
                                 f"{self._last_words()}", PEER)
        ready.wait(END_PATIENCE)  # until its words are read
        if any(READY in line for line in list(self.lines)):
            return True
        words = self._last_words()
        self.stop()
        if TAKEN in words:
            return False
        raise SuiteError(f"the server does not start: {words}", PEER)

    def _last_words(self):
        return next((line for line in reversed(list(self.lines)) if line.strip()),
                    "it said nothing").strip()

    def _read(self, stream, ready):
        with stream:
            for line in stream:
                self.lines.append(line)
                if READY in line:
                    ready.set()
        ready.set()

    def stop(self):
        if self.process:
            end(self.process)
            self.process = None


# ---- the client

def _report(text):
    try:
        report = json.loads(text)
        return report if isinstance(report, dict) and "test_info" in report else None
    except ValueError:
        return None


def _error(status, report, stderr, timeout):
    """None, or the one line that says why a run failed."""
    if status == 0 and report:
        return None
    if timeout:
        return f"did not end within {timeout:.0f} s, and was ended"
    if report and report.get("error"):
        return report["error"]["text"]
    lines = stderr.strip().splitlines()
    if lines:
        return lines[-1]
    return f"exit code {status} and no report" if status >= 0 else \
        f"killed by {signal.Signals(-status).name}"


def bed_of(report):
    """"hardware", "emulated", "rxe" or "siw"; None if it is not known."""
    return ((report or {}).get("test_info", {}).get("device") or {}).get("class")


def run_client(program, options, device, server, patience):
    """Run @program against @server. Returns what a line of the store has of its execution."""
    device = ["-d", device] if device else []
    command = [program, *device, "-p", str(server.port), *options, "--json=-", server.address]
    started = datetime.datetime.now(datetime.timezone.utc)
    began = time.monotonic()
    timeout = None
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(leashed(command), stdin=subprocess.PIPE, stdout=out, stderr=err,
                                   start_new_session=True)
        try:
            status = process.wait(patience)
        except subprocess.TimeoutExpired:
            timeout = patience
            end(process)
            status = process.returncode or 1
        finally:
            end(process)
        seconds = time.monotonic() - began
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode(errors="replace"))
    report = _report(texts[0])
    if status == 0 and not report:
        status = 1
    return {"started": started.strftime("%Y-%m-%dT%H:%M:%SZ"), "seconds": round(seconds, 3),
            "status": status if status >= 0 else 128 - status, "command": command,
            "server_command": server.command if server.launch != "none" else None,
            "bed": bed_of(report), "error": _error(status, report, texts[1], timeout),
            "report": report}


def leave_terminal_signals():
    """SIGTERM ends as SIGINT does: in order."""
    def interrupted(*_):
        raise KeyboardInterrupt
    signal.signal(signal.SIGTERM, interrupted)
    if hasattr(os, "setpgrp") and signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, interrupted)
