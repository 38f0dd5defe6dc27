#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Why a run failed is read at both sides, whichever of them found it: one line at each."""
import os
import re
import signal
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# pylint: disable=wrong-import-position
from emucase import main
from rwproc import (CORRUPT, DEVICE, LATENCY, NAME, OK, PROGRAM, RUN, Client, Server, emu_env, eq,
                    true, wait_until)
from rwtap import case, good, one_line, refused

SHORT = "-F", "-n", "40", "-t", "2", "-s", "4K", "--verify", "--path=direct,mr"
CLIENT = r"client 127\.0\.0\.1:\d+: "


def env_of(**settings):
    return dict(os.environ, **emu_env(**settings))


def serve(keep=True, program=PROGRAM, **settings):
    return Server("--bind=127.0.0.1", device="mlx5_0", keep=keep, program=program,
                  env=env_of(**settings))


def start(server, *options, program=PROGRAM, **settings):
    return Client(server, *(options or SHORT), device="mlx5_1", program=program,
                  env=env_of(**settings))


def run(server, *options, **more):
    return start(server, *options, **more).finish()


def text_of(err, name=NAME):
    one_line(err, name=name)
    return err[len(name) + 2:].rstrip("\n")


def heard(server, found, name=NAME):
    """@server has said once, of which client it was, what the client @found."""
    wait_until(lambda: server.err.endswith("\n"), "the server says something")
    said = text_of(server.err, name)
    match = re.match(CLIENT, said)
    true(match, f"{said!r} begins with a client")
    eq(said[match.end():], "the peer reports: " + text_of(found.err, name), "what the server heard")
    eq(re.findall(r"\d+ rows, \d+ operations", server.out), [], "sessions that ended well")
    if "QPs of" in server.out:
        true(match[0] + "RDMA" in server.out, f"{match[0]!r} is that of {server.out!r}")


# ---- the client fails

for a_program in PROGRAM, LATENCY:
    for an_op in "read", "write":
        def _(program=a_program, op=an_op):
            with serve(program=program) as server:
                found = run(server, *SHORT, "--op=" + op, program=program, fault="flip@41+")
                refused(found, CORRUPT, "data corrupt: ", name=os.path.basename(program))
                # The rows are told nevertheless.
                eq([row["path"] for row in found.rows], ["direct", "mr"], "rows")
                true(found.out.count("CORRUPT") >= 1, "the table says so")
                eq(found.report["error"]["exit_code"], CORRUPT, "error in the report")
                heard(server, found, os.path.basename(program))
                good(run(server, program=program), rows=2, engine="umr")
        case(f"{os.path.basename(a_program)}, {an_op}: data that are damaged")(_)


@case("a server of one client ends with its client's verdict")
def _():
    server = serve(keep=False)
    try:
        found = run(server, fault="flip@41+")
        refused(found, CORRUPT, "data corrupt: ")
        eq(server.wait(), CORRUPT, "status of the server")
        heard(server, found)
    finally:
        server.end()


for a_name, a_status, some_words, some_options, a_fault in (
        ("an operation fails", RUN, "local protection error", (), "local_prot@50"),
        ("the server's memory is refused to it", RUN, "remote access error", (), "remote_access@50"),
        ("no memory for its MRs", DEVICE, "cannot create mkey", (), "mkey_fail@2"),
        ("its device lacks the GID", DEVICE, "no GID with index 99", ("-x", "99"), None),
        ("the engine cannot take its segments", DEVICE, "not whole pages",
         ("--engine=reg", "--segment=512"), None)):
    def _(status=a_status, words=some_words, options=some_options, fault=a_fault):
        with serve() as server:
            found = run(server, *SHORT, *options, **({"fault": fault} if fault else {}))
            refused(found, status, words)
            heard(server, found)
            good(run(server), rows=2, engine="umr")
    case("the client: " + a_name)(_)


@case("the client: interrupted before anything was measured", slow=True)
def _():
    for seconds in 1, 4, 12:  # the host says how long is enough
        with serve() as server:
            process = start(server, "-F", "-n", "100000", "-t", "1", "--path=direct",
                            cost_latency_ns=seconds * 10**9)
            wait_until(lambda process=process: "MsgRate" in process.out, "the table begins")
            process.send(signal.SIGINT)
            found = process.finish()
            if found.status == OK or " a message " in found.err:  # too late, or soon
                continue
            refused(found, RUN, "interrupted before anything was measured")
            heard(server, found)
            break
    eq(found.status, RUN, "exit status")


# ---- the server fails

@case("the server: no memory to lend")
def _():
    with serve(fault="mkey_fail@1") as server:
        found = run(server)
        refused(found, DEVICE, "the peer reports: cannot register ")
        said = text_of(server.err)
        eq(text_of(found.err), "the peer reports: " + said, "what the client heard")
        good(run(server), rows=2, engine="umr")


@case("the server: interrupted in the middle of a row")
def _():
    with serve() as server:
        process = start(server, "-F", "-n", "1000000000", "-t", "1", "--path=direct")
        wait_until(lambda: "MsgRate" in process.out, "the table begins")
        eq(server.stop(signal.SIGINT), OK, "status of the server")
        found = process.finish()
        # The device may tell that the server's memory went away under a READ.
        found.err = "".join(line for line in found.err.splitlines(True)
                            if not line.startswith("rw_emu: remote memory"))
        refused(found, RUN, "the peer reports: interrupted")
        one_line(server.err, "in the middle of a client's run")


main()
