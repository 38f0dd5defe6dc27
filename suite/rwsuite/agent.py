# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Runs commands on the host where it is, this one or another.

On another, launch.Host hands this very text to "python3 -c", whatever Python from 3.6 on is there:
nothing of rw_suite needs to be installed on it. A line of standard input is a command,

    {"id": 1, "argv": [...], "patience": seconds}

and its answer a line of standard output, what execute() returns and the id. What a command was
started with is a pipe, which ends it (see runner.LEASH) when standard input ends.
"""
import json
import subprocess
import sys
import tempfile
import threading
import time

END_PATIENCE = 10


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


def execute(argv, patience, running=None):
    """Run @argv, for @patience seconds at the most. Returns a dict: "status" (-N: by signal N),
    "timeout", "out", "err", "started" (time of day, UTC), "seconds". OSError: it cannot be run.

    @running: a set that has the process while it runs.
    """
    started = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    began = time.monotonic()
    timeout = False
    running = set() if running is None else running
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=out, stderr=err,
                                   start_new_session=True)
        running.add(process)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            timeout = True
        finally:
            end(process)
            running.discard(process)
        seconds = time.monotonic() - began
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode(errors="replace"))
    return {"status": process.returncode, "timeout": timeout, "out": texts[0], "err": texts[1],
            "started": started, "seconds": seconds}


def _say(words):
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


def _answer(command, running):
    try:
        words = execute(command["argv"], command["patience"], running)
    except OSError as error:
        words = {"error": "%s: %s" % (command["argv"][0], error.strerror)}
    _say(dict(words, id=command["id"]))


def main():
    running = set()
    _say({"ready": True})
    for line in sys.stdin:
        threading.Thread(target=_answer, args=(json.loads(line), running), daemon=True).start()
    for process in list(running):
        end(process)


if __name__ == "__main__":
    main()
