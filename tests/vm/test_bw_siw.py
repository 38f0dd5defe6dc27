#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""iWARP (Soft-iWARP): rdma_cm is the only way, and a READ goes into an MR or not at all."""
import signal
import socket
import subprocess
import sys
import time

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
import rwcase
from between import Between, network
from rwcase import (DEVICE, PEER, RUN, Process, case, eq, good, main, new_port, refused, true,
                    wait_until)

PAGE = 4096
MAX_SGE = 6  # of siw, for WRITE
CONTEXTS, COUNT = 4, 24
SIDES = ("ip", "netns", "exec", "rw0"), ("ip", "netns", "exec", "rw1")
SHORT = "-s", "64K", "-t", str(CONTEXTS), "-n", str(COUNT), "--verify"
IMPLIED, LEFT_OUT = "-R is implied", "path direct is left out"
NO_FALLBACK = "no direct path to fall back to"


def Server(*options):  # pylint: disable=invalid-name
    return rwcase.Server(*options, device="siw0", prefix=SIDES[0])


def Client(server, *options, host="10.9.0.1"):  # pylint: disable=invalid-name
    return rwcase.Client(server, *options, device="siw1", host=host, prefix=SIDES[1])


def client(server, *options, **more):
    return Client(server, *options, **more).finish()


def shared():
    return rwcase.shared_server(device="siw0", prefix=SIDES[0])


def notes(run):
    return "; ".join(run.report["test_info"]["notes"])


def check_row(row, pool, consequence):
    """All operations ended; or some found the pool empty, with this consequence."""
    eq(row["operations_issued"], COUNT, "operations issued")
    if pool == CONTEXTS:
        eq((row["n_iterations"], row["exhaustions"]), (COUNT, 0), "operations, exhaustions")
        return
    true(row["exhaustions"] >= CONTEXTS - 1, f"{row['exhaustions']} exhaustions")
    eq(row[consequence], row["exhaustions"], consequence)


def check_write(sges, pool):
    direct, mr = good(client(shared(), "-R", "--op=write", "-s", str(sges * PAGE),
                             f"--sges={sges}", *SHORT[2:], f"--mr_pool={pool}",
                             "--path=direct,mr"), rows=2)
    check_row(direct, CONTEXTS, None)
    direct_wrs = -(-sges // MAX_SGE)
    eq(direct["wrs"], COUNT * direct_wrs, "WRs of path direct")
    check_row(mr, pool, "fallbacks")
    eq(mr["wrs"], COUNT + mr["fallbacks"] * (direct_wrs - 1), "WRs of path mr")


def check_read(sges, pool):
    run = client(shared(), "-R", "-s", str(sges * PAGE), f"--sges={sges}", *SHORT[2:],
                 f"--mr_pool={pool}", "--path=mr,auto")
    for row in good(run, rows=2):
        # Were one direct, it would take a WR for each segment.
        eq((row["engine"], row["wrs"], row["fallbacks"]), ("reg", row["n_iterations"], 0),
           "engine, WRs, fallbacks")
        true(row["n_iterations"] > 0, "some had their MR")
        check_row(row, pool, "failed")
    true(NO_FALLBACK in notes(run), f"notes: {notes(run)}")


for a_sges in 1, 3, 16, 64:
    for a_pool in 1, CONTEXTS:
        case(f"write, {a_sges} segments, pool of {a_pool}: direct and mr")(
            lambda a=a_sges, b=a_pool: check_write(a, b))
        case(f"read, {a_sges} segments, pool of {a_pool}: mr and auto take MRs, or are dropped")(
            lambda a=a_sges, b=a_pool: check_read(a, b))


@case("read, pool of 1, wait: nothing is dropped")
def _():
    run = client(shared(), "--mr_pool=1", "--on_exhaustion=wait", *SHORT)
    for row in good(run, rows=2):
        check_row(row, 1, "waits")
        eq(row["n_iterations"], COUNT, "operations")
    true(NO_FALLBACK not in notes(run), f"notes: {notes(run)}")


for an_op in "read", "write":
    def _(op=an_op):
        run = client(shared(), "-R", "--op=" + op, "-q", "5", *SHORT, "--path=mr,auto",
                     host="fd00:9::1")
        eq([row["n_iterations"] for row in good(run, rows=2)], [5 * COUNT] * 2, "operations")
        eq(run.report["test_info"]["device"]["address"], "fd00:9::2", "address")
    case(f"{an_op}, 5 QPs, over IPv6")(_)


@case("unsignaled operations, and four at a time")
def _():
    row = good(client(shared(), "--op=write", "-Q", "4", "-l", "4", "--path=direct", *SHORT),
               rows=1)[0]
    true(row["doorbells"] <= COUNT // 4 + 2, f"{row['doorbells']} doorbells")
    good(client(shared(), "-Q", "4", "--path=mr", *SHORT), rows=1)


# ---- what is different, and said

@case("nothing given: -R is implied, path direct is left out, the report says both")
def _():
    run = client(shared(), *SHORT)
    eq([row["path"] for row in good(run, rows=2)], ["mr", "auto"], "paths")
    true(IMPLIED in notes(run) and LEFT_OUT in notes(run), f"notes: {notes(run)}")
    eq(run.report["test_info"]["configuration"]["rdma_cm"], True, "rdma_cm")
    for words in (IMPLIED, LEFT_OUT, "connected by rdma_cm", "iWARP, firmware",
                  "address 10.9.0.2"):
        true(words in run.out, f"{words!r} in {run.out}")


@case("a WRITE with -R: nothing is left out, nothing to say")
def _():
    run = client(shared(), "-R", "--op=write", *SHORT)
    good(run, rows=3)
    eq(notes(run), "", "notes")


for a_path in "direct", "direct,mr":
    def _(paths=a_path):
        refused(client(shared(), "--path=" + paths, *SHORT), DEVICE, "siw1", "iWARP",
                "MR with remote write access", "--path")
    case(f"READ --path={a_path}: refused with the rule")(_)


@case("--teardown: refused")
def _():
    refused(client(shared(), "--path=mr", "--mr_pool=1", "--on_exhaustion=fail", "--teardown",
                   *SHORT), DEVICE, "--teardown", "siw1")


# ---- strangers, deserters: a go-between is on the control connection, beside the client

def serves(server):
    good(client(server, "-R", *SHORT), rows=2)


def go_between(server, action):
    """@action(cm) is called with what the server says of rdma_cm, before the client hears it."""
    def change(message):
        if message.get("type") == "accept":
            action(message["cm"])
    return Between(new_port(), ("10.9.0.1", server.port), change, netns="rw1")


@case("strangers at the port, of rdma_cm and of TCP, disturb nothing")
def _():
    strangers, callers = [], []

    def knock(cm):
        for _ in range(3):
            strangers.append(Process([*SIDES[1], "rping", "-c", "-C", "1", "-a", "10.9.0.1", "-p",
                                      str(cm["port"])]))
        with network("rw1"):
            for words in b"GET / HTTP/1.0\r\n\r\n", b"":
                callers.append(socket.create_connection(("10.9.0.1", cm["port"]), 10))
                callers[-1].sendall(words)
        time.sleep(1)

    with Server() as server, go_between(server, knock) as between:
        good(client(between.port, "-R", *SHORT, host="127.0.0.1"), rows=2)
        eq((len(strangers), len(callers)), (3, 2), "strangers")
        for stranger in strangers:
            true(stranger.wait() > 0 and "REJECTED" in stranger.out + stranger.err,
                 f"a stranger is rejected: {stranger.out + stranger.err}")
            stranger.end()
        for caller in callers:
            caller.close()
        serves(server)


@case("a client with a wrong token is rejected")
def _():
    with Server() as server, go_between(server, lambda cm: cm.update(
            token=hex(int(cm["token"], 16) ^ 1))) as between:
        run = client(between.port, "-R", *SHORT, host="127.0.0.1")
        refused(run, PEER, "rdma_cm", "REJECTED")
        true(run.seconds < 12, f"ended after {run.seconds} s")
        serves(server)


@case("a client killed before it connects: the server is soon free for the next")
def _():
    hook = {}

    def kill(_):
        wait_until(lambda: "client" in hook, "the client is known")
        hook["client"].send(signal.SIGKILL)
        hook["at"] = time.monotonic()

    with Server() as server, go_between(server, kill) as between:
        hook["client"] = Client(between.port, "-R", *SHORT, host="127.0.0.1")
        wait_until(lambda: server.err, "the server tells of it")
        true(time.monotonic() - hook["at"] < 8, "the server was free soon")
        hook["client"].end()
        serves(server)


CUT = ("ip -n rw1 neigh replace 10.9.0.1 lladdr 02:00:00:00:09:01 dev v1 nud permanent",
       "tc -n rw1 qdisc add dev v1 root netem loss 100%")
MEND = ("tc -n rw1 qdisc del dev v1 root", "ip -n rw1 neigh del 10.9.0.1 dev v1")


def run_all(lines):
    for line in lines:
        subprocess.run(line.split(), check=True, timeout=30)


def check_cut(signum, status, within, *words):
    """siw waits for its TCP connection within a system call, for minutes if it is let."""
    with Server() as server, go_between(server, lambda cm: run_all(CUT)) as between:
        try:
            knocker = Client(between.port, "-R", *SHORT, host="127.0.0.1")
            if signum:
                time.sleep(4)
                knocker.send(signum)
            run = knocker.finish()
        finally:
            run_all(MEND)
        refused(run, status, *words)
        true(run.seconds < within, f"ended after {run.seconds} s")


case("a cut cable: the client ends within its deadline")(
    lambda: check_cut(None, PEER, 30, "rdma_cm", "connecting QP 0"))
case("a cut cable: an interrupt ends the client at once")(
    lambda: check_cut(signal.SIGINT, RUN, 15, "interrupted"))


@case("--selftest, by rdma_cm: all holds but that libsiw takes one SGE too many")
def _():
    run = rwcase.alone("--selftest", "-d", "siw0", prefix=SIDES[0], timeout=3 * rwcase.PATIENCE)
    failing = [line for line in run.out.splitlines() if line.endswith("| NO  |")]
    eq(run.status, rwcase.RUN, "exit status")
    eq([line.split("|")[1].strip() for line in failing],
       ["direct: WRITE of one SGE more than the limit"], "rows that fail")


@case("-b: both sides issue operations, by all paths that there are")
def _():
    for op, rows in ("read", 2), ("write", 3):
        run = client(shared(), "-b", "--op=" + op, "-q", "2", *SHORT)
        eq((run.err, run.status, len(run.rows)), ("", rwcase.OK, rows), "error, status, rows")
        for row in run.rows:
            server = row["directions"]["server"]
            eq((server["n_iterations"], server["verified"], server["corrupt_bytes"]),
               (2 * COUNT, True, 0), "operations of the server's")


@case("what QPs over TCP do not have is refused")
def _():
    for option in "--sl=1", "-m1024", "-u15", "--retry_count=3", "--tclass=4", "--flow_label=1", "-L9":
        refused(client(shared(), *SHORT, "--path=mr", option), DEVICE, "siw1 is iWARP")
    refused(client(shared(), *SHORT, "--path=mr", "-R", "--tos=8"), DEVICE, "siw1 is Soft-iWARP")
    refused(client(shared(), *SHORT, "--path=mr", "--rate_limit=5", "--rate_limit_type=HW"), DEVICE,
            "siw1 is iWARP", "give SW")
    refused(client(shared(), *SHORT, "--path=mr", "-x5"), DEVICE, "siw1 is iWARP", "GID 0 only")
    for option in "--pkey_index=1", "--dlid=1":
        refused(client(shared(), *SHORT, "--path=mr", option), DEVICE, option.split("=")[0],
                "siw1 is iWARP")


main("siw", timeout=300)
