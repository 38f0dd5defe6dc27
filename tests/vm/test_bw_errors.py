#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""ib_rw_bw: bad input and want of something. One line each, the right exit code, nothing left."""
import os
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from rwcase import (DEVICE, PEER, PROGRAM, RUN, USAGE, Client, Server, Traffic, alone, case, client,
                    eq, good, main, new_port, one_line, refused, shared_server, true)

SHORT_RUN = "-n", "10", "-t", "2", "--verify", "--path=direct,mr"


def command(*words):
    subprocess.run(words, check=True, timeout=30)


# ---- usage: found before anybody is connected to (nobody listens: that would be 3)

BAD_USAGE = (
    (("--bogus",), "unknown", "--bogus", "--help"),
    (("-1",), "unknown option -1"),
    (("--size",), "--size", "not a number"),  # the host is taken for its value
    (("--verify=yes",), "--verify takes no value"),
    (("--s=1",), "ambiguous"),
    (("--size=0",), "--size", "1 to 1G"),
    (("--size=2G",), "--size", "1 to 1G"),
    (("--size=-5",), "--size", "not a number"),
    (("--size=1.5K",), "--size", "not a number"),
    (("--size=",), "--size", "not a number"),
    (("--size=99999999999999999999",), "--size", "out of range"),
    (("--size=99999999999G",), "--size", "out of range"),
    (("--sges=0",), "--sges", "1 to 65536"),
    (("--sges=many",), "--sges", "not a number"),
    (("-n", "0"), "--iters", "out of range"),
    (("-D", "0"), "--duration", "out of range"),
    (("-t", "16385"), "--contexts", "1 to 16384"),
    (("-q", "0"), "--qp", "1 to 1024"),
    (("-q", "1024", "-t", "16384"), "--contexts or --qp"),
    (("-l", "0"), "--post_list"),
    (("-Q", "9", "-t", "8"), "--cq-mod 9", "raise --contexts"),
    (("-m", "1000"), "--mtu", "512, 1024"),
    (("-m", "8192"), "--mtu", "256 to 4096"),
    (("-S", "16"), "--sl", "0 to 15"),
    (("-u", "32"), "--qp-timeout", "1 to 31"),
    (("-o", "256"), "--outs", "1 to 255"),
    (("-x", "70000"), "--gid-index"),
    (("-p", "0"), "--port", "1 to 65535"),
    (("-p", "65536"), "--port", "1 to 65535"),
    (("-i", "0"), "--ib-port", "1 to 255"),
    (("--seed=-1",), "--seed", "not a number"),
    (("--op=send",), "--op", "read or write"),
    (("--path=direct,direct",), "--path", "twice"),
    (("--path=direct,",), "--path", "unknown"),
    (("--path=umr",), "--path", "'umr' is unknown"),
    (("--on_exhaustion=panic",), "--on_exhaustion", "fallback, fail or wait"),
    (("--mr_pool=0",), "--mr_pool"),
    (("--mr_entries=0",), "--mr_entries"),
    (("--json=" + "x" * 2000,), "--json", "shorten"),
    (("-n", "5", "-D", "1"), "--iters and --duration exclude each other"),
    (("-s", "4K", "-a"), "--size and --all exclude each other"),
    (("-s", "64K", "--sges=3", "--segment=4096"), "--sges=16", "leave --sges or --segment out"),
    (("-s", "64K", "--sges=17", "--segment=4096"), "--sges=16"),
    (("-s", "64", "--sges=65"), "lower --sges or raise --size"),
    (("-a", "--sges=4"), "2 bytes cannot fill 4 segments"),
    (("-s", "1G", "--segment=1"), "raise --segment"),
    (("--segment_stride=4095",), "--segment_stride", "overlap"),
    (("10.9.0.9",), "one word too many"),
    (("--bind=127.0.0.1",), "--bind is for a server"),
    (("--keep_serving",), "--keep_serving is for a server"),
)

for a_bad in BAD_USAGE:
    def _(bad=a_bad):
        run = client(new_port(), *bad[0])
        refused(run, USAGE, *bad[1:])
        eq((run.out, run.report), ("", None), "standard output and report")
    case(f"usage: {' '.join(a_bad[0])[:60]}")(_)


@case("usage: the last option lacks its value")
def _():
    run = alone("-s")
    eq(run.out, "", "standard output")
    refused(run, USAGE, "--size needs a value: BYTES")


@case("an unknown engine")
def _():
    refused(client(shared_server(), *SHORT_RUN, "--engine=magic", "--path=mr"), USAGE,
            "'magic' is unknown", "reg")


# ---- devices, ports, GIDs

@case("an unknown device: those present are named")
def _():
    words = "no RDMA device 'mlx5_7'", "rxe0 (active)", "rxe1 (active)", "-d"
    refused(client(new_port(), device="mlx5_7"), DEVICE, *words)
    refused(alone("-d", "mlx5_7", "-p", new_port()), DEVICE, *words)


@case("a port that the device lacks")
def _():
    refused(client(new_port(), "-i", "2"), DEVICE, "rxe1 has no port 2", "-i 1")


@case("a GID index without entry, on either side")
def _():
    refused(client(shared_server(), *SHORT_RUN, "-x", "99"), DEVICE,
            "rxe1 has no GID with index 99", "-x: 0 1 2")
    with Server("-x", "99") as server:
        refused(client(server, *SHORT_RUN), DEVICE, "the peer reports",
                "rxe0 has no GID with index 99")
        one_line(server.err, "rxe0 has no GID with index 99")


@case("a device that may not be opened")
def _():
    os.chmod("/dev/infiniband/uverbs1", 0o600)
    try:
        refused(unprivileged("unlimited", new_port()), DEVICE, "cannot open rxe1",
                "Permission denied", "/dev/infiniband/uverbs1")
    finally:
        os.chmod("/dev/infiniband/uverbs1", 0o666)


@case("a TCP port that is taken")
def _():
    run = alone("-d", "rxe0", "-p", shared_server().port)
    eq(run.out, "", "standard output")
    refused(run, PEER, "in use on this host", "-p on both sides")


# ---- limits

@case("more contexts than the device has completions for: max_cqe")
def _():
    refused(client(shared_server(), "-s", "64", "-q", "2", "-t", "16384"), DEVICE, "max_cqe",
            "rxe1", "lower --contexts or --qp")


@case("more memory than the host has")
def _():
    refused(client(shared_server(), "-s", "1G", "--segment=1M", "--path=direct"), RUN, "are available",
            "lower --size, --contexts or --qp")
    refused(client(shared_server(), "-s", "64K", "-q", "64", "-t", "1024", "--path=direct"), RUN,
            "are available")


@case("an operation that spreads too far")
def _():
    refused(client(shared_server(), "-s", "64M", "--segment=1K", "--segment_stride=2G", "--path=direct"),
            USAGE, "GiB", "--segment_stride")


@case("more mappings than the kernel allows: max_map_count")
def _():
    path = "/proc/sys/vm/max_map_count"
    with open(path, encoding="ascii") as file:
        before = file.read()

    def limit(value):
        with open(path, "w", encoding="ascii") as file:
            file.write(value)
    try:
        limit("5000")
        run = client(shared_server(), "-s", "1M", "-t", "16", "-n", "4", "--path=mr")
        refused(run, RUN, "4096 mappings", "sysctl vm.max_map_count=")
        good(client(shared_server(), *SHORT_RUN, "-s", "1M"), rows=2)
        # Room for the largest row: those before it must have left nothing mapped.
        limit("6500")
        good(client(shared_server(), "-a", "-n", "1", "-t", "2", "--path=mr"), verified=False,
             rows=23)
    finally:
        limit(before)


def unprivileged(memlock, server, *options):
    """A client as nobody; its program lies where nobody may read."""
    program = f"/tmp/unprivileged.{os.getpid()}"
    os.mkdir(program)
    try:
        copy = shutil.copy(PROGRAM, program + "/ib_rw_bw")
        os.chmod(copy, 0o755)
        os.chmod(program, 0o755)
        prefix = ("prlimit", f"--memlock={memlock}", "setpriv", "--reuid=65534", "--regid=65534",
                  "--clear-groups")
        return client(server, *SHORT_RUN, *options, program=copy, prefix=prefix)
    finally:
        shutil.rmtree(program)


@case("the locked memory limit of an unprivileged user")
def _():
    def limited(bytes_of_memory):
        """What it says behind the warning that may come before."""
        run = unprivileged(bytes_of_memory, shared_server())
        if "registrations may fail" in run.err:
            warning, _, run.err = run.err.partition("\n")
            true("raise it with: ulimit -l " in warning, warning)
        return run

    good(unprivileged("8388608", shared_server()), rows=2)
    good(limited("1048576"), rows=2)
    refused(limited("65536"), DEVICE, "locked memory limit is 64 KiB", "ulimit -l")
    # Enough for the arena of 2 * 124 KiB, not for the MRs over it.
    run = limited("262144")
    refused(run, DEVICE, "for one operation", "--mr_pool", "ulimit -l")
    eq([row["path"] for row in run.rows], ["direct"], "rows that were measured")


# ---- reports that cannot be written

@case("a JSON path that cannot be: found before the run")
def _():
    for path, word in (("/tmp/no/such/dir/report", "No such file"), ("/tmp", "Is a directory"),
                       ("/rwperf-report", "Read-only file system")):
        run = client(new_port(), "--json=" + path)
        refused(run, RUN, "cannot write the report to " + path, word, "--json another file")
        eq(run.out, "", "standard output")
    refused(client(new_port(), "--json=/proc/report"), RUN, "cannot write the report")
    for path in "/proc/sys/report", "/proc/version":
        refused(unprivileged("unlimited", new_port(), "--json=" + path), RUN,
                "cannot write the report to " + path)


@case("a full disk: the old report stays, nothing else")
def _():
    directory = f"/tmp/full.{os.getpid()}"
    path = directory + "/report"
    os.mkdir(directory)
    command("mount", "-t", "tmpfs", "-o", "size=4k", "none", directory)
    try:
        with open(path, "w", encoding="ascii") as file:
            file.write("old")
        run = client(shared_server(), *SHORT_RUN, "--json=" + path)
        refused(run, RUN, path, "No space left on device", "--json another file")
        true("MR / direct" in run.out, "the table was printed")
        with open(path, encoding="ascii") as file:
            eq(file.read(), "old", "the old report")
        eq(os.listdir(directory), ["report"], "files there")
    finally:
        command("umount", directory)
        os.rmdir(directory)


for an_option, a_reason in (
        ("--json=-", "No space left on device"), ("--report_gbits", "disk full"),
        # Whether the reason is still known depends on where the last block of the text began.
        ("--help", "")):
    def _(option=an_option, reason=a_reason):
        with open("/dev/full", "w", encoding="ascii") as full:
            run = alone("-d", "rxe1", "-p", shared_server().port, *SHORT_RUN, option, "127.0.0.1",
                        stdout=full)
        refused(run, RUN, "standard output", reason)
    case(f"standard output is full, {an_option}")(_)


@case("--json=/dev/full")
def _():
    refused(client(shared_server(), *SHORT_RUN, "--json=/dev/full"), RUN, "/dev/full",
            "No space left on device")


# ---- the cable; from here on it is cut

@case("packets get lost: slower, and right")
def _():
    command("tc", "qdisc", "add", "dev", "v0", "root", "netem", "loss", "1%")
    try:
        for op in "read", "write":
            good(client(shared_server(), "-n", "40", "-t", "4", "-u", "10", "--verify",
                        "--path=direct,mr", "--op=" + op), rows=2)
    finally:
        command("tc", "qdisc", "del", "dev", "v0", "root")


@case("the cable is cut in the middle of a run")
def _():
    traffic = Traffic()
    run = Client(shared_server(), "-D", "50", "-t", "4")
    traffic.wait_measuring(4)
    command("ip", "link", "set", "v0", "down")
    # rxe tries again for ever; it is the client's own deadline that ends this.
    run = run.finish()
    refused(run, PEER, "no completion for 30 s with 4 operations in flight")
    true(run.seconds < 50, f"ended after {run.seconds} s")
    eq(run.report["error"]["exit_code"], PEER, "error in the report")


@case("a port that is down")
def _():
    refused(client(new_port()), DEVICE, "port 1 of rxe1 is down", "bring its link up")
    refused(client(new_port(), device=None), DEVICE, "no device has port 1 active",
            "rxe0 (down), rxe1 (down)")
    run = alone("-d", "rxe0", "-p", new_port())
    eq(run.out, "", "standard output of a server")
    refused(run, DEVICE, "port 1 of rxe0 is down")


main()
