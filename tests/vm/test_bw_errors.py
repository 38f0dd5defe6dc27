#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Bad input: one line that says what is wrong and what to do, and its exit code."""

import os

from rwtest import PROGRAM, check, client, in_guest, main, resources, run, server, sh

SMALL = ("-s", "16K", "-t", 4, "-n", 40)


def refused(name, result, rc, *words):
    check(name, result.rc == rc and result.one_line(*words), result)


def usage():
    for options, words in ((("--no_such",), ("--no_such", "--help")),
                           (("-s", "12Q"), ("--size", "12Q")),
                           (("-s", "0"), ("--size", "1")),
                           (("-q", "0"), ("--qp", "1024")),
                           (("--op", "send"), ("send", "read", "write")),
                           (("--path", "direct,fast"), ("fast", "direct")),
                           (("-n", "5", "-D", "5"), ("--iters", "--duration")),
                           (("-s", "64K", "--sges", "4", "--segment", "4K"), ("--sges=16",)),
                           (("-s", "4", "--sges", "5"), ("--sges",)),
                           (("--segment", "8K", "--segment_stride", "4K"), ("--segment_stride",)),
                           (("-m", "1000"), ("--mtu", "1024")),
                           (("-t", "4", "-Q", "5"), ("--cq-mod",)),
                           (("-q", "1024", "-t", "16384"), ("--contexts", "--qp")),
                           (("one", "two"), ("two",))):
        refused(f"usage: {' '.join(options)}", client(*options, report=None), 2, *words)
    result = run([PROGRAM, "--help"])
    check("--help: exit 0, on stdout", result.rc == 0 and "--on_exhaustion" in result.out and
          not result.err, result)
    result = run([PROGRAM, "--version"])
    check("--version: exit 0", result.rc == 0 and "0." in result.out, result)


def devices():
    refused("unknown device: those present are listed", client(*SMALL, device="mlx5_9"), 4,
            "mlx5_9", "rxe0", "rxe1")
    refused("no such port", client("-i", 2, *SMALL), 4, "no port 2", "-i")
    refused("the server, too", run([PROGRAM, "-d", "mlx5_9"]), 4, "mlx5_9", "rxe0")
    host = server("--keep_serving")
    refused("GID index without entry", client(*SMALL, "-x", 200), 4, "200", "-x")
    refused("more MTU than the ports run",
            client(*SMALL, "-m", 4096, "-o", 250), 4, "--outs", "128")
    refused("more contexts than max_cqe",
            client("-s", 64, "-t", 16384, "-q", 4, "--path", "direct", "-n", 10), 4, "max_cqe")
    refused("more memory than there is", client("-s", "1G", "--segment", "1M", "-t", 64, "-n", 1, "--path", "direct"), 1, "memory")
    sh("sysctl -w vm.max_map_count=4000")
    refused("more mappings than the kernel allows",
            client("-s", "1M", "-t", 16, "-n", 1, "--path", "mr"), 1, "vm.max_map_count")
    sh("sysctl -w vm.max_map_count=65530")
    refused("unknown engine", client(*SMALL, "--engine", "magic"), 2, "magic", "reg")
    refused("segments that are not whole pages",
            client(*SMALL, "--segment", 1024, "--path", "mr"), 4, "whole pages")
    result = client(*SMALL)
    check("after all this the server serves", result.rc == 0 and host.alive(), result)
    host.stop()

    sh("ip link set v1 down")
    refused("port down", client(*SMALL), 4, "rxe1", "link")
    sh("ip link set v1 up")


def reports():
    host = server("--keep_serving")
    for path in ("/no/such/dir/x.json", "/tmp", "/proc/x.json"):
        result = client(*SMALL, report=path)
        check(f"--json {path}: refused before the run",
              result.rc == 1 and result.one_line(path) and not result.out, result)
    os.makedirs("/tmp/tiny", exist_ok=True)
    sh("mount -t tmpfs -o size=8k none /tmp/tiny")
    path = "/tmp/tiny/report.json"
    with open(path, "w") as file:
        file.write("old" * 1300)
    result = client(*SMALL, report=path)
    with open(path) as file:
        old = file.read()
    check("full disk: exit 1, the old report is whole, nothing beside it",
          result.rc == 1 and result.one_line(path, "space") and old == "old" * 1300 and
          os.listdir("/tmp/tiny") == ["report.json"] and "#bytes" in result.out, result)
    result = run(["sh", "-c", f"{PROGRAM} -d rxe1 -s 4K -t 2 -n 10 127.0.0.1 >/dev/full"])
    refused("stdout on a full disk", result, 1, "standard output")
    host.stop()
    check("no QP and no MR is left", resources() == AT_START, sh("rdma resource show"))


def limits():
    # As root without the capability, the limit counts.
    host = server("--keep_serving")
    argv = ["setpriv", "--bounding-set", "-ipc_lock", "--inh-caps", "-ipc_lock", "prlimit",
            "--memlock=1048576", PROGRAM, "-d", "rxe1", "-s", "1M", "-t", "16", "127.0.0.1"]
    refused("the locked memory limit, with the value needed", run(argv), 4, "ulimit -l")
    host.stop()


def nothing_there():
    sh("rdma link del rxe0; rdma link del rxe1")
    refused("no RDMA device: client", client(*SMALL), 4, "no RDMA device")
    refused("no RDMA device: server", run([PROGRAM]), 4, "no RDMA device")


AT_START = resources() if in_guest() else 0

main([usage, devices, reports, limits, nothing_there])
