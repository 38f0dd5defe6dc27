#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""
ib_rw_bw: peers that come one after the other or at once, that are absent, silent,
strange, or die. Whatever they do, the other side ends in bounded time with one
line, and a server with --keep_serving goes on.
"""
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from between import Between
from rwcase import (CLIENT_DEVICE, OK, PEER, RUN, Client, Failed, Process, Server, Traffic, case,
                    client, drain, eq, good, knock, main, new_port, one_line, refused, shared_server, true,
                    wait_until)

# Deadlines of src/bench/session.h, and what a slow guest may add to them.
HELLO, STEP, ALIVE, SLACK = 10, 30, 5, 15
READER = 10  # of src/report/file.c

MAGIC = b"rwperf\r\n"
SHORT_RUN = "-n", "10", "-t", "2", "--verify", "--path=direct,mr"


def hello(protocol=3, version=b"0.0.1"):
    return MAGIC + struct.pack(">HH", protocol, len(version)) + version


def frame(text):
    return struct.pack(">I", len(text)) + text


def still_serves(server):
    good(client(server, *SHORT_RUN), rows=2)


def running(server, *options, load=("-D", "50"), port=None):
    """A client in the middle of its load."""
    served = server.out.count("contexts")
    one = Client(port or server, *load, "-t", "4", *options)
    try:
        # Others may be at it beside us: begin to count when it is our turn.
        wait_until(lambda: server.out.count("contexts") > served, "the server has a client")
        Traffic().wait_measuring(4)
    except Failed:
        one.finish(1)
        raise
    return one


# ---- clients after and beside each other

@case("two clients after each other on one server")
def _():
    with Server() as server:
        for options in (), ("--op=write",):
            good(client(server, *SHORT_RUN, *options), rows=2)
        eq(server.out.count("2 rows, 20 operations"), 2, "what the server says of them")
        eq(server.err, "", "the server's standard error")


@case("without --keep_serving: one client, and the end")
def _():
    with Server(keep=False) as server:
        still_serves(server)
        eq(server.wait(), OK, "status of the server")
        eq(server.err, "", "the server's standard error")
        refused(client(server, *SHORT_RUN), PEER, "refused", "start the server")


@case("a second client waits until the first is done")
def _():
    with Server() as server:
        first = Client(server, "-D", "2", "-t", "4", "--path=direct")
        server.wait_line("1 QPs of 4 contexts")
        second = client(server, *SHORT_RUN)
        good(first.finish(), verified=False, rows=1)
        good(second, rows=2)
        eq(server.err, "", "the server's standard error")


@case("a second client that waits for too long is told so", slow=True)
def _():
    with Server() as server:
        first = running(server)
        second = client(server, *SHORT_RUN)
        refused(second, PEER, f"within {HELLO} s", "busy with another client")
        true(HELLO - 1 <= second.seconds < HELLO + SLACK, f"ended after {second.seconds} s")
        first.send(signal.SIGINT)
        good(first.finish(), verified=False, interrupted=True)
        still_serves(server)


# ---- what comes to a server's port

STRANGERS = (
    ("HTTP", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "does not speak rwperf's protocol"),
    ("perftest's handshake", b"0000:0012:9a3c51:00000000:0000000000000000:" + b"0" * 40,
     "is it perftest"),
    ("random bytes", random.Random(1).randbytes(4096), "does not speak rwperf's protocol"),
    ("nothing, and leaves", b"", "closed the connection before the hello was over"),
    ("half a hello, and leaves", hello()[:9], "closed the connection before the hello was over"),
    ("another protocol version", hello(7, b"9.8.7"), "9.8.7 (protocol 7)"),
    ("a hello without a version", hello(version=b""), "does not speak rwperf's protocol"),
    ("a version of 40000 bytes", MAGIC + struct.pack(">HH", 2, 40000) + b"a" * 40000,
     "does not speak rwperf's protocol"),
    ("a message of 4 GiB", hello() + b"\xff\xff\xff\xff" + b"x" * 100, "4294967295 bytes long"),
    ("a message of no bytes", hello() + struct.pack(">I", 0), "0 bytes long"),
    ("no JSON", hello() + frame(b"not json"), "malformed message"),
    ("JSON, no object", hello() + frame(b"[1, 2]"), "not a JSON object"),
    ("a hundred thousand brackets", hello() + frame(b"[" * 100000), "malformed message"),
    ("an object without type", hello() + frame(b"{}"), "type"),
    ("the wrong message", hello() + frame(b'{"type": "finish"}'), "setup"),
    ("a word of a later state", hello() + frame(b'{"type": "alive"}'), "setup"),
    ("a setup without fields", hello() + frame(b'{"type": "setup"}'), "test"),
    ("half a message, and leaves", hello() + frame(b'{"type": "setup"}')[:10], "closed"),
)


def meet_stranger(data, words):
    server = shared_server()
    before = len(server.err)
    sock = knock(server.port, data)
    sock.shutdown(socket.SHUT_WR)
    drain(sock, HELLO)
    sock.close()
    wait_until(lambda: len(server.err) > before, "the server says something", HELLO)
    one_line(server.err[before:], words)
    still_serves(server)


for a_stranger in STRANGERS:
    def _(stranger=a_stranger):
        meet_stranger(*stranger[1:])
    case(f"a server's port gets {a_stranger[0]}")(_)


for a_name, some_data in (("says nothing", b""), ("sends half a message and is silent",
                                                  hello() + frame(b'{"type": "setup"}')[:10])):
    def _(data=some_data):
        with Server() as server:
            began = time.monotonic()
            sock = knock(server.port, data)
            drain(sock, HELLO + SLACK)
            true(time.monotonic() - began >= HELLO - 1, "it had its time")
            sock.close()
            still_serves(server)
            one_line(server.err, f"within {HELLO} s")
    case(f"a client that {a_name} is sent away after {HELLO} s", slow=True)(_)


@case("a real perftest client comes to a server")
def _():
    with Server() as server:
        command = ["ib_read_bw", "-d", CLIENT_DEVICE, "-x", "1", "-F", "-n", "5", "-p",
                   str(server.port), "127.0.0.1"]
        stranger = Process(command)
        try:
            server.wait_line("does not speak rwperf's protocol", HELLO + SLACK)
        finally:
            stranger.end()
        one_line(server.err, "is it perftest")
        still_serves(server)


# ---- what a client finds

def listener(answer, hold=False):
    """A port where each client gets @answer."""
    sock = socket.create_server(("127.0.0.1", 0))

    def serve():
        held = []
        while True:
            try:
                one, _ = sock.accept()
                one.sendall(answer)
                if hold:
                    held.append(one)
                else:
                    one.shutdown(socket.SHUT_WR)
                    drain(one)
                    one.close()
            except OSError:
                return
    threading.Thread(target=serve, daemon=True).start()
    return sock


ANSWERS = (
    ("a web server", b"HTTP/1.1 400 Bad Request\r\n\r\n", "does not speak rwperf's protocol"),
    ("a port that closes at once", b"", "closed the connection before the hello"),
    ("random bytes", random.Random(2).randbytes(3000), "does not speak rwperf's protocol"),
    ("another protocol version", hello(4, b"9.8.7"), "install the same version on both sides"),
    ("a message of 4 GiB", hello() + b"\xff" * 100, "4294967295 bytes long"),
    ("an error of its own",
     hello() + frame(b'{"type": "error", "exit_code": 4, "text": "no luck\\u001b[31m today"}'),
     "the peer reports: no luck"),
    ("a server that leaves after the hello", hello(), "closed"),
)

for an_answer in ANSWERS:
    def _(answer=an_answer):
        sock = listener(answer[1])
        run = client(sock.getsockname()[1], *SHORT_RUN)
        sock.close()
        refused(run, 4 if b"exit_code" in answer[1] else PEER, answer[2])
        true("\x1b" not in run.err, "no control characters of the peer")
        true(run.seconds < SLACK, f"ended after {run.seconds} s")
    case(f"a client finds {an_answer[0]}")(_)


for a_name, some_data, a_limit in (("says nothing", b"", HELLO),
                                   ("says no more than hello", hello(), STEP)):
    def _(data=some_data, limit=a_limit):
        sock = listener(data, hold=True)
        run = client(sock.getsockname()[1], *SHORT_RUN)
        sock.close()
        refused(run, PEER, f"{limit} s")
        true(limit - 1 <= run.seconds < limit + SLACK, f"ended after {run.seconds} s")
    case(f"a client finds a listener that {a_name}", slow=True)(_)


@case("a client finds a real perftest server")
def _():
    port = new_port()
    stranger = Process(["ib_read_bw", "-d", "rxe0", "-x", "1", "-F", "-p", str(port)])
    try:
        run = client(port, *SHORT_RUN)
        refused(run, PEER)
        true(run.seconds < HELLO + SLACK, f"ended after {run.seconds} s")
    finally:
        stranger.end()


@case("nobody listens")
def _():
    run = client(new_port(), *SHORT_RUN)
    refused(run, PEER, "refused the connection", "start the server there with: ib_rw_bw -p")


@case("an unknown host")
def _():
    refused(client(new_port(), *SHORT_RUN, host="no.such.host.invalid"), PEER, "unknown host")


@case("no route to the host")
def _():
    refused(client(new_port(), *SHORT_RUN, host="198.51.100.1"), PEER, "cannot reach", "route")
    refused(client(new_port(), *SHORT_RUN, host="2001:db8::1"), PEER, "cannot reach")


@case("a host that does not answer", slow=True)
def _():
    # Its frames go into the cable and nobody is there.
    address = "10.9.0.77"
    subprocess.run(["ip", "neigh", "replace", address, "lladdr", "02:00:00:00:09:77", "dev", "v1"],
                   check=True, timeout=30)
    subprocess.run(["ip", "route", "replace", address, "dev", "v1"], check=True, timeout=30)
    run = client(new_port(), *SHORT_RUN, host=address)
    refused(run, PEER, f"no answer from {address} within {HELLO} s")
    true(run.seconds < HELLO + SLACK, f"ended after {run.seconds} s")


@case("--json=FIFO that nobody reads", slow=True)
def _():
    fifo = f"/tmp/fifo.{os.getpid()}"
    os.mkfifo(fifo)
    with Server() as server:
        run = client(server, *SHORT_RUN, "--json=" + fifo)
    os.unlink(fifo)
    refused(run, RUN, fifo, f"within {READER} s", "start its reader")
    true("MR / direct" in run.out, "the table was printed")
    true(READER <= run.seconds < READER + SLACK, f"ended after {run.seconds} s")


# ---- the other side goes away in the middle

for an_op in "read", "write":
    def _(op=an_op):
        with Server() as server:
            one = running(server, "--op=" + op)
            server.send(signal.SIGKILL)
            began = time.monotonic()
            run = one.finish()
            seconds = time.monotonic() - began
            server.wait()
            refused(run, PEER, "closed")
            true(seconds < SLACK, f"the client ended after {seconds} s")
            eq(run.report["error"]["exit_code"], PEER, "error in the report")
    case(f"{an_op}: the server is killed in the middle of a run")(_)


@case("the client is killed in the middle of a run")
def _():
    with Server() as server:
        one = running(server)
        one.send(signal.SIGKILL)
        one.wait()
        one.end()
        server.wait_line("closed", SLACK)
        one_line(server.err, "closed")
        still_serves(server)


@case("the server is stopped in the middle of a run", slow=True)
def _():
    # RDMA goes on without it; what it has to say never comes.
    with Server() as server:
        one = Client(server, "-D", "2", "-t", "4", "--path=direct")
        server.wait_line("1 QPs of 4 contexts")
        server.send(signal.SIGSTOP)
        run = one.finish(2 + STEP + SLACK)
        server.send(signal.SIGCONT)
        refused(run, PEER, f"{STEP} s")
        true(run.seconds > STEP, f"ended after {run.seconds} s")
        still_serves(server)


@case("the client is stopped in the middle of a run", slow=True)
def _():
    # It has no deadline of its own with -n: the server stops waiting for it.
    with Server() as server:
        one = running(server, "--path=direct", load=("-n", "1000000000"))
        one.send(signal.SIGSTOP)
        began = time.monotonic()
        try:
            server.wait_line(f"sent nothing for {STEP} s", STEP + SLACK)
            true(time.monotonic() - began > STEP - ALIVE - 1, "it had its time")
            one_line(server.err, "hangs")
            still_serves(server)
        except Failed:
            one.end()
            raise
        one.send(signal.SIGCONT)
        run = one.finish()
        eq(run.status, PEER, "status of the client")
        one_line(run.err)


@case("the client is stopped twice, and goes on in between", slow=True)
def _():
    # More than the server's patience in all, but it hears between that the client lives.
    with Server() as server, Between(new_port(), ("127.0.0.1", server.port),
                                     lambda message: None) as between:
        one = running(server, "--path=direct", load=("-n", "1000000000"), port=between.port)
        for _ in range(2):
            one.send(signal.SIGSTOP)
            time.sleep(STEP / 2 + 1)
            before = between.said
            one.send(signal.SIGCONT)
            wait_until(lambda before=before: between.said > before, "the client says a word")
        one.send(signal.SIGINT)
        good(one.finish(), verified=False, rows=1, interrupted=True)
        eq(server.err, "", "the server's standard error")


@case("the client is stopped for a moment")
def _():
    with Server() as server:
        one = running(server, "--path=direct")
        one.send(signal.SIGSTOP)
        time.sleep(1)
        one.send(signal.SIGCONT)
        time.sleep(0.3)
        one.send(signal.SIGINT)
        good(one.finish(), verified=False, rows=1, interrupted=True)
        eq(server.err, "", "the server's standard error")


# ---- signals

@case("SIGINT to the client: what was measured is reported, and all is well")
def _():
    with Server() as server:
        for options, rows in (("-D", "50"), (1,)), (("-D", "2"), (2, 3)):
            traffic = Traffic()
            one = Client(server, "-t", "4", "--verify", *options)
            if rows != (1,):
                wait_until(lambda one=one: " direct " in one.out, "the first row is over")
                traffic = Traffic()
            traffic.wait_measuring(4)
            began = time.monotonic()
            one.send(signal.SIGINT)
            run = one.finish()
            true(time.monotonic() - began < SLACK, "it ends soon")
            eq((run.status, run.err), (OK, ""), "status, error")
            # On a slow host the last row may have begun.
            true(len(run.rows) in rows, f"{len(run.rows)} rows")
            eq([row["interrupted"] for row in run.rows], [False] * (len(run.rows) - 1) + [True],
               "interrupted")
            true(run.rows[-1]["n_iterations"] > 0, "operations")
            true("# interrupted" in run.out, "the table says so")
        eq(server.err, "", "the server's standard error")


@case("SIGINT again and again, at any time: 0 or one line")
def _():
    with Server() as server:
        for i in range(12):
            one = Client(server, "-a", "-n", "3", "-t", "2", "--verify")
            time.sleep(0.05 + 0.07 * i)
            one.send(signal.SIGINT)
            run = one.finish()
            if run.status == OK:
                eq(run.err, "", "standard error")
            elif run.status == -signal.SIGINT:  # it had not even caught signals
                eq(run.err, "", "standard error")
            else:
                refused(run, RUN, "interrupted")
        still_serves(server)


for a_signal in signal.SIGINT, signal.SIGTERM:
    def _(signum=a_signal):
        with Server() as server:
            eq(server.stop(signum), OK, "status of an idle server")
            eq(server.err, "", "standard error")
        with Server() as server:
            one = running(server)
            eq(server.stop(signum), OK, "status of a busy server")
            run = one.finish()
            true(run.status in (RUN, PEER), f"status of its client: {run.status}")
            one_line(server.err, "in the middle of a client's run")
            one_line(run.err, "the peer reports", "interrupted")
    case(f"{a_signal.name} to the server, idle and busy")(_)


main()
