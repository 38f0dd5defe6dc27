#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Options of the QPs' addresses, seen in the packets on the cable between two Soft-RoCE devices."""
import socket
import struct
import subprocess
import sys

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from rwcase import DEVICE, case, client, eq, good, main, refused, shared_server

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
        good(client(shared_server(), *SHORT, *options, **more), rows=1)
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


main()
