#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Options of the QPs' addresses, seen in the packets on the cable between two Soft-RoCE devices."""
import socket
import struct
import subprocess
import sys
import time

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from rwcase import (DEVICE, OK, PEER, Client, Traffic, case, client, eq, good, main, refused,
                    shared_server, true)


def command(line):
    subprocess.run(line, shell=True, check=True, timeout=30)


SHORT = "-s", "4K", "-t", "2", "-n", "5", "--path=direct", "--verify"
ROCE_PORT, CM_QPN = 4791, 1
V4 = "10.9.0.1", "10.9.0.2"
V6 = "fd00:9::1", "fd00:9::2"


class Wire:
    """The RoCE v2 packets that pass the client's interface while it is open."""

    def __enter__(self):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
        self.socket.setsockopt(socket.SOL_SOCKET, 33, 1 << 23)  # SO_RCVBUFFORCE
        self.socket.bind(("v1", 3))
        self.socket.setblocking(False)
        return self

    def __exit__(self, kind, value, trace):
        self.socket.close()

    def packets(self):
        """(sender, tos, ttl, source port) of all that are no connection manager's, as a set."""
        found = set()
        while True:
            try:
                data = self.socket.recv(65536)
            except BlockingIOError:
                return found
            one = self._parse(data)
            if one:
                found.add(one)

    @staticmethod
    def _parse(data):
        if data[0] >> 4 == 4:
            tos, ttl, protocol = data[1], data[8], data[9]
            sender, udp = socket.inet_ntop(socket.AF_INET, data[12:16]), data[20:]
        else:
            tos, ttl = (data[0] & 15) << 4 | data[1] >> 4, data[7]
            protocol = data[6]
            sender, udp = socket.inet_ntop(socket.AF_INET6, data[8:24]), data[40:]
        if protocol != socket.IPPROTO_UDP or struct.unpack(">H", udp[2:4])[0] != ROCE_PORT:
            return None
        if struct.unpack(">I", udp[12:16])[0] & 0xffffff == CM_QPN:
            return None
        return sender, tos, ttl, struct.unpack(">H", udp[:2])[0]


def sent(*options, **more):
    """What was on the wire in a run with @options: {sender: [(tos, ttl), ...]}, source ports."""
    with Wire() as wire:
        run = client(shared_server(), *SHORT, *options, **more)
        eq((run.status, run.err), (OK, ""), "status and standard error")
        packets = wire.packets()
    by_sender = {}
    for sender, tos, ttl, _ in packets:
        by_sender.setdefault(sender, set()).add((tos, ttl))
    return ({sender: sorted(pairs) for sender, pairs in by_sender.items()},
            {sender: sorted({one[3] for one in packets if one[0] == sender})
             for sender in by_sender})


def sport(label):
    """The UDP source port that RoCE v2 makes of a flow label (rdma_flow_label_to_udp_sport)."""
    return 0xc000 | (label & 0x3fff) ^ (label & 0xfc000) >> 14


for an_address, some_senders in (("127.0.0.1", V4), ("::1", V6)):
    def _(address=an_address, senders=some_senders):
        found, _ = sent(host=address)
        eq(found, {sender: [(0, 64)] for sender in senders}, "TOS and TTL")
        found, _ = sent("--tclass=104", host=address)
        eq(found, {sender: [(104, 64)] for sender in senders}, "TOS that was asked for, and TTL")
    case(f"{some_senders[0]}: --tclass is in the packets of both sides")(_)


for an_address, some_senders in (("127.0.0.1", V4), ("::1", V6)):
    def _(address=an_address, senders=some_senders):
        for tos in 0, 32, 104:
            found, _ = sent("-R", f"--tos={tos}", "-q", "2", host=address)
            eq(found, {sender: [(tos, 64)] for sender in senders}, "TOS and TTL")
        # Connections that are made anew, some with operations in flight.
        found, _ = sent("-R", "-T", "8", "--path=mr", "--on_exhaustion=fail", "--teardown",
                        "--mr_pool=1", "-n", "40", host=address)
        eq(found, {sender: [(8, 64)] for sender in senders}, "TOS after teardowns")
    case(f"{some_senders[0]}, -R --tos: in the packets of both sides")(_)


@case("--flow_label: the UDP source ports of the QPs, in turn, on both sides")
def _():
    labels = 1, 0x12345
    wanted = sorted(map(sport, labels))
    for more in (), ("-R",):
        _, ports = sent("--flow_label=1,0x12345", "-q", "3", *more)
        eq(ports, {sender: wanted for sender in V4}, f"source ports {more}")
        _, ports = sent("--flow_label=1", "-q", "3", *more)
        eq(ports, {sender: [sport(1)] for sender in V4}, f"source ports of one label {more}")


@case("the report tells what the QPs have, also where the kernel has the last word")
def _():
    refused(client(shared_server(), *SHORT, "-L", "9"), DEVICE, "--hop_limit", "ip route change")
    command("sysctl -q net.ipv4.ip_default_ttl=9")
    try:
        with Wire() as wire:
            run = client(shared_server(), *SHORT, "--tclass=104", "-u", "13")
            eq({one[2] for one in wire.packets()}, {9}, "TTL of the route")
    finally:
        command("sysctl -q net.ipv4.ip_default_ttl=64")
    good(run, rows=1)
    info = run.report["test_info"]
    for qp in info["connection"]["qp"], info["peer"]["qp"]:
        eq([qp[key] for key in ("tclass", "hop_limit", "timeout", "grh")], [104, 9, 13, True],
           "tclass, hop_limit, timeout, grh")


def check_qps(run, **wanted):
    good(run, rows=1)
    info = run.report["test_info"]
    for side, qp in ("client", info["connection"]["qp"]), ("server", info["peer"]["qp"]):
        for key, value in wanted.items():
            eq(qp[key], value, f"{key} of the {side}'s QP")


for some_options in (), ("-R",):
    def _(options=some_options):
        check_qps(client(shared_server(), *SHORT, *options), timeout=14, retry_count=7,
                  rnr_retry=7, min_rnr_timer=12)
        check_qps(client(shared_server(), *SHORT, *options, "-u", "15", "--retry_count=3",
                         "--rnr_retry=2", "--min_rnr_timer=20"), timeout=15, retry_count=3,
                  rnr_retry=2, min_rnr_timer=20)
    case(f"timeout and retries {' '.join(some_options)}: both sides' QPs have them")(_)


@case("what Soft-RoCE drops of an address is told: --sl by a note, a static rate by a refusal")
def _():
    for options in (), ("-R",):
        run = client(shared_server(), *SHORT, *options, "--sl=3")
        good(run, rows=1)
        eq(run.report["test_info"]["connection"]["qp"]["sl"], 0, "SL of the QP")
        true("--sl=3 is without effect: the QPs of rxe1 have SL 0" in run.out, run.out)
        refused(client(shared_server(), *SHORT, *options, "--rate_limit=5", "--rate_limit_type=HW"),
                DEVICE, "does not take a static rate of 5000 Mb/s", "give SW")


@case("--use_ooo is refused on a device that is no mlx5 device")
def _():
    refused(client(shared_server(), *SHORT, "--use_ooo"), DEVICE, "only mlx5", "rxe1")


def seconds_to_give_up(*options):
    """How long it takes until a peer is given up from which nothing comes any more."""
    traffic = Traffic()
    runner = Client(shared_server(), *SHORT[:4], "-D", "60", "--path=direct", *options)
    try:
        traffic.wait_measuring(2, 4096)
        command("tc qdisc add dev v0 root netem loss 100%")
        began = time.monotonic()
        refused(runner.finish(), PEER, "retry counter exceeded")
        return time.monotonic() - began
    finally:
        command("tc qdisc del dev v0 root")
        runner.end()


for some_options in (), ("-R",):
    def _(options=some_options):
        # 0.27 s, and six times as long; rxe takes 7 for ever (rxe_completer)
        soon, late = (seconds_to_give_up("-u", "16", f"--retry_count={count}", *options)
                      for count in (0, 5))
        true(soon < late, f"{soon} s and {late} s")
        good(client(shared_server(), *SHORT), rows=1)
    case(f"--retry_count {' '.join(some_options)}: a silent peer is given up sooner")(_)


main()
