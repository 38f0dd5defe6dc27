#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""-R: QPs connected by rdma_cm, on Soft-RoCE; strangers and deserters around it."""
import os
import re
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from between import Between
from rwcase import (DEVICE, OK, PEER, Client, Process, Server, Traffic, case, client, eq, good,
                    main, new_port, one_line, refused, shared_server, true, wait_until)

SHORT = ("-R", "-s", "64K", "-t", "4", "-n", "24", "--verify")
ALL = ("--path=direct,mr,auto", "--max_sgl_rd=3")
LOCAL = {"127.0.0.1": ("10.9.0.2", "10.9.0.1"), "::1": ("fd00:9::2", "fd00:9::1")}


def command(line):
    return subprocess.run(line, shell=True, check=True, timeout=30, stdout=subprocess.PIPE,
                          text=True).stdout


def connections():
    """The connections of rdma_cm that stand: (device, local, remote) of each."""
    pattern = r"link (\S+)/1 .*state CONNECT .*src-addr (\S+):\d+ dst-addr (\S+):\d+"
    return sorted(re.findall(pattern, command("rdma resource show cm_id")))


def serves(server):
    """Whatever was done to it."""
    good(client(server, *SHORT, *ALL), rows=3)


# ---- it works, and it is rdma_cm that does

for an_op in "read", "write":
    for an_address in LOCAL:
        def _(op=an_op, address=an_address):
            rows = good(client(shared_server(), *SHORT, *ALL, "--op=" + op, "-q", "4",
                               host=address), rows=3)
            eq([row["n_iterations"] for row in rows], [96] * 3, "operations")
        case(f"{an_op}, 4 QPs, control connection to {an_address}: all paths, every byte")(_)


@case("100 QPs")
def _():
    row = good(client(shared_server(), "-R", "-q", "100", "-s", "4K", "-t", "1", "-n", "5",
                      "--path=direct", "--verify"), rows=1)[0]
    eq(row["n_iterations"], 500, "operations")


@case("--teardown makes connections anew by rdma_cm")
def _():
    row = good(client(shared_server(), *SHORT, "--path=mr", "-q", "2", "--mr_pool=2",
                      "--on_exhaustion=fail", "--teardown"), rows=1)[0]
    true(row["teardowns"] > 0, "connections were torn down")


for an_address in LOCAL:
    def _(address=an_address):
        ours, theirs = LOCAL[address]
        wanted = sorted([("rxe1", ours, theirs), ("rxe0", theirs, ours)] * 3)
        traffic = Traffic()
        runner = Client(shared_server(), "-R", "-q", "3", "-s", "64K", "-t", "4", "-D", "60",
                        "--path=direct", host=address)
        try:
            wait_until(lambda: connections() == wanted, f"connections {wanted}", 30)
            traffic.wait_measuring(3 * 4)
            runner.send(signal.SIGINT)
            eq(runner.wait(), OK, "status")
        finally:
            runner.finish()
        wait_until(lambda: not connections(), "connections are gone", 10)
    case(f"control connection to {an_address}: rdma_cm connects the devices of -d, at their "
         "addresses of that family")(_)


@case("-x 2: the IPv6 addresses, although the control connection is IPv4")
def _():
    with Server("-x", "2") as server:
        run = client(server, *SHORT, *ALL, "-x", "2")
        good(run, rows=3)
        eq(run.report["test_info"]["device"]["gid"], "fd00:9::2", "GID")
        refused(client(server, *SHORT, "-x", "1"), PEER, "rdma_cm", "fd00:9::1")


for an_mtu in 4096, 1024, 256:
    def _(mtu=an_mtu):
        before = Traffic.packets("sent_pkts")
        run = client(shared_server(), "-R", "--op=write", "-m", str(mtu), "--path=direct", "-s",
                     "64K", "-t", "4", "-n", "100")
        good(run, verified=False, rows=1)
        sent, least = Traffic.packets("sent_pkts") - before, 108 * 65536 // mtu
        true(least <= sent < 1.5 * least + 200, f"{sent} packets, {least} wanted")
        eq(run.report["test_info"]["connection"]["mtu"], mtu, "MTU")
    case(f"-m {an_mtu}: packets of that size")(_)


# ---- strangers, deserters: a go-between is on the control connection

def on_accept(action):
    """What a go-between does with the server's "accept"."""
    def change(message):
        if message.get("type") == "accept":
            action(message["cm"])
    return change


@case("strangers who knock at rdma_cm's port are rejected and disturb nothing")
def _():
    seen = []

    def knock(argv):
        seen.append(Process(argv))

    def change(message):
        if message.get("type") == "accept":
            change.argv = ["rping", "-c", "-C", "1", "-a", "10.9.0.1", "-p",
                           str(message["cm"]["port"])]
            for _ in range(5):
                knock(change.argv)
            time.sleep(1)
        if message.get("type") == "prepared":
            knock(change.argv)

    with Server() as server, Between(new_port(), ("127.0.0.1", server.port), change) as between:
        good(client(between.port, *SHORT, *ALL, "-q", "2"), rows=3)
        true(len(seen) >= 6, "strangers came")
        for stranger in seen:
            true(stranger.wait() > 0 and "REJECTED" in stranger.out + stranger.err,
                 f"a stranger is rejected: {stranger.out + stranger.err}")
            stranger.end()
        serves(server)


@case("a client with a wrong token is rejected")
def _():
    def spoil(cm):
        cm["token"] = hex(int(cm["token"], 16) ^ 1)

    with Server() as server, \
            Between(new_port(), ("127.0.0.1", server.port), on_accept(spoil)) as between:
        run = client(between.port, *SHORT)
        refused(run, PEER, "rdma_cm", "REJECTED", "refused by the peer's program")
        true(run.seconds < 12, f"ended after {run.seconds} s")
        serves(server)


@case("nobody listens at the port of rdma_cm")
def _():
    with Server() as server, Between(new_port(), ("127.0.0.1", server.port), on_accept(
            lambda cm: cm.update(port=9))) as between:
        run = client(between.port, *SHORT)
        refused(run, PEER, "rdma_cm", "port 9", "nobody listens")
        true(run.seconds < 12, f"ended after {run.seconds} s")
        serves(server)


def desert(signum, words, at_connect=False):
    """
    The client gets @signum when it has been accepted, or has said that it connects. The server
    says @words: of what it saw, where that makes it free at once, or else of its deadline.
    """
    hook = {}

    def strike(*_):
        wait_until(lambda: "client" in hook, "the client is known")
        hook["client"].send(signum)
        time.sleep(0.2)
        hook["struck"] = True

    with Server() as server, Between(
            new_port(), ("127.0.0.1", server.port),
            (lambda message: None) if at_connect else on_accept(strike),
            connecting=strike if at_connect else None) as between:
        hook["client"] = Client(between.port, *SHORT)
        wait_until(lambda: "struck" in hook, "the client is struck")
        wait_until(lambda: server.err, "the server tells of it")
        hook["client"].end()
        one_line(server.err, words)
        serves(server)


for what, a_signal, some_words, at_connect in (
        ("killed before it connects", signal.SIGKILL, "closed the connection", False),
        ("interrupted before it connects", signal.SIGINT, "interrupted", False),
        ("frozen before it says that it connects", signal.SIGSTOP, "sent nothing for 30 s", False),
        ("killed while it connects", signal.SIGKILL, "closed the connection", True),
        ("frozen while it connects", signal.SIGSTOP, "not done within 15 s", True)):
    case(f"a client {what}: the server is soon free for the next")(
        lambda a=a_signal, b=some_words, c=at_connect: desert(a, b, c))


@case("a server frozen before it accepts QPs")
def _():
    with Server() as server, Between(new_port(), ("127.0.0.1", server.port), on_accept(
            lambda cm: server.send(signal.SIGSTOP))) as between:
        run = client(between.port, *SHORT)
        refused(run, PEER, "rdma_cm", "connecting QP 0 to 10.9.0.1")
        true(run.seconds < 30, f"ended after {run.seconds} s")
        server.send(signal.SIGCONT)


@case("-b: a connection has room for the READs of both sides")
def _():
    for options in ("-R",), ("-R", "-o", "2"), ():
        run = client(shared_server(), "-b", *options, "-s", "64K", "-t", "8", "-n", "40",
                     "--mr_pool=4", "--verify")
        eq((run.err, run.status, len(run.rows)), ("", OK, 3), "error, status, rows")
        for row in run.rows:
            server = row["directions"]["server"]
            eq((server["n_iterations"], server["verified"], server["corrupt_bytes"]),
               (40, True, 0), "operations of the server's")
        info = run.report["test_info"]
        wanted = info["connection"]["outstanding_reads"]
        eq(wanted, 2 if "-o" in options else 128, "outstanding READs")
        for qp in info["connection"]["qp"], info["peer"]["qp"]:
            eq((qp["max_rd_atomic"], qp["max_dest_rd_atomic"]), (wanted, wanted), "READs of a QP")


# ---- other devices, or no rdma_cm

@case("RoCE with iWARP, an iWARP device without address, two devices at one address")
def _():
    command("ip link add dummy9 type dummy; ip addr add 10.8.0.1/24 dev dummy9;"
            "ip link set dummy9 up; rdma link add siw9 type siw netdev dummy9;"
            "rdma link add siw8 type siw netdev v1")
    try:
        with Server(device="siw9") as server:
            refused(client(server, *SHORT), PEER, "iWARP", "RoCE", "-d")
        command("ip addr flush dev dummy9")
        refused(client(shared_server(), *SHORT, device="siw9"), DEVICE, "siw9", "IP address")
        refused(client(shared_server(), *SHORT, device="siw8"), DEVICE, "siw8", "IP address")
    finally:
        command("rdma link del siw8; rdma link del siw9; ip link del dummy9")


@case("no rdma_cm on this host")
def _():
    os.rename("/dev/infiniband/rdma_cm", "/dev/infiniband/gone")
    try:
        run = client(shared_server(), *SHORT)
        refused(run, DEVICE, "no rdma_cm", "rxe1", "modprobe rdma_ucm", "-R")
        true(run.seconds < 20, f"ended after {run.seconds} s")
        good(client(shared_server(), *SHORT[1:], "--path=direct"), rows=1)
    finally:
        os.rename("/dev/infiniband/gone", "/dev/infiniband/rdma_cm")


main(timeout=300)
