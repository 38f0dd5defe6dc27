# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Runs the programs: servers that stay, here or on another host, and one client at a time.

Whatever is started hangs on a leash: a pipe that closes when this process is gone, even
by kill -9, and then ends it; over ssh and srun, too. Children have a session of their own,
so that an interrupt of the terminal reaches only this process, which ends them in order.
"""
import collections
import json
import os
import random
import signal
import socket
import subprocess
import threading
import time

from . import agent, launch
from .agent import END_PATIENCE, end
from .errors import PEER, USAGE, SuiteError

# The shell becomes the program ("exec"); what it leaves behind waits for the pipe's end.
LEASH = ('exec 3<&0; { cat <&3; kill "$$"; } >/dev/null 2>&1 & '
         'exec "$@" 3<&- </dev/null')
READY = "waiting for a client"
TAKEN = "is in use"


def leashed(command):
    """@command, to be started with a pipe as its standard input."""
    return ["sh", "-c", LEASH, "sh", *command]


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

    def __init__(self, program, options, how, host, device, port, address, bind):
        self.program, self.options, self.launch = program, options, how
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
        return launch.command(self.launch, self.host, leashed(self.command))

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
        deadline = time.monotonic() + launch.START_PATIENCE
        while not ready.wait(0.05) and self.process.poll() is None:
            if time.monotonic() > deadline:
                self.stop()
                raise SuiteError(f"the server did not listen within {launch.START_PATIENCE} s: "
                                 f"{self._last_words()}", PEER)
        ready.wait(END_PATIENCE)  # until its words are read
        if any(READY in line for line in list(self.lines)):
            return True
        words = self._last_words()
        self.stop()
        if any(TAKEN in line for line in list(self.lines)):
            return False
        raise SuiteError(f"the server does not start: {words}", PEER)

    def _last_words(self):
        return launch.last_words(list(self.lines))

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


def run_client(program, options, device, server, patience, execute=agent.execute):
    """Run @program against @server, by @execute. Returns what a line of the store has of it."""
    device = ["-d", device] if device else []
    command = [program, *device, "-p", str(server.port), *options, "--json=-", server.address]
    done = execute(leashed(command), patience)
    status, report = done["status"], _report(done["out"])
    if not status and (done["timeout"] or not report):
        status = 1
    return {"started": done["started"], "seconds": round(done["seconds"], 3),
            "status": status if status >= 0 else 128 - status, "command": command,
            "server_command": server.command if server.launch != "none" else None,
            "bed": bed_of(report),
            "error": _error(status, report, done["err"], done["timeout"] and patience),
            "report": report}


def leave_terminal_signals():
    """SIGTERM ends as SIGINT does: in order."""
    def interrupted(*_):
        raise KeyboardInterrupt
    signal.signal(signal.SIGTERM, interrupted)
    if hasattr(os, "setpgrp") and signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, interrupted)
