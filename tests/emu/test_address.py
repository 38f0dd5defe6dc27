#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Options of the QPs' addresses and retries, on both link layers of the emulated ConnectX.

What the QPs of both sides have is asked of the device, and stands in the report.
"""
import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# pylint: disable=wrong-import-position
from rwproc import (BUILDDIR, DEVICE, OK, PEER, SRCDIR, Failed, Server, client, eq,
                    shared_server, true, wait_until)
from rwtap import case, good, refused, run_cases

SHORT = "-s", "4K", "-t", "2", "-n", "5", "--path=direct", "-F"
DEFAULTS = {"sl": 0, "dlid": 0, "pkey_index": 0, "timeout": 14, "retry_count": 7, "rnr_retry": 7,
            "min_rnr_timer": 12}
GRH = {"tclass": 0, "hop_limit": 64, "flow_label": 0}


def emu(link):
    return [os.path.join(SRCDIR, "emu", "rw_emu"), f"--link={link}",
            f"--fabric=address.{link}.{os.getpid()}"]


def serve(link, *options):
    return Server(*options, device="mlx5_0", prefix=emu(link))


def server_of(link):
    return shared_server(link, device="mlx5_0", prefix=emu(link))


def environment(**settings):
    return dict(os.environ, **{f"RW_EMU_{key.upper()}": str(value)
                               for key, value in settings.items()})


def run(link, *options, server=None, **settings):
    return client(server or server_of(link), *SHORT, *options, device="mlx5_1", prefix=emu(link),
                  env=environment(**settings))


def qps(done):
    """What the first QPs of client and server have."""
    good(done, verified=False)
    info = done.report["test_info"]
    return info["connection"]["qp"], info["peer"]["qp"]


def check_both(done, **wanted):
    for side, qp in zip(("client", "server"), qps(done)):
        for key, value in wanted.items():
            eq(qp[key], value, f"{key} of the {side}'s QP")


# ---- RoCE

@case("RoCE: what is not asked for")
def _():
    done = run("eth")
    check_both(done, **DEFAULTS, **GRH, grh=True)
    true("First QP" not in done.out, "and nothing of it in the table's head")


for some_options, a_wish, a_text in (
        (("--tclass=106",), {"tclass": 106}, "traffic class 106,"),
        (("--flow_label=0xabcde",), {"flow_label": 0xabcde}, "flow label 0xabcde,"),
        (("-S", "5"), {"sl": 5}, "SL 5,"),
        (("--retry_count=3",), {"retry_count": 3}, None),
        (("--rnr_retry=2",), {"rnr_retry": 2}, None),
        (("--min_rnr_timer=30",), {"min_rnr_timer": 30}, None)):
    def _(options=some_options, wish=a_wish, text=a_text):
        done = run("eth", *options)
        check_both(done, **{**DEFAULTS, **GRH, **wish})
        head = [line for line in done.out.splitlines(True) if "First QP" in line]
        eq([text in line for line in head], [True] if text else [], "lines in the table's head")
    case(f"RoCE: {' '.join(some_options)}: the QPs of both sides have it, and only it")(_)


@case("--pkey_index: each side its own; QPs whose P_Keys differ do not reach each other")
def _():
    with serve("eth", "--pkey_index=1") as server:
        check_both(run("eth", "--pkey_index=1", server=server), **{**DEFAULTS, "pkey_index": 1})
        refused(run("eth", "-u", "10", server=server), PEER, "retry counter exceeded")
    refused(run("eth", "--pkey_index=2"), DEVICE, "--pkey_index", "2 P_Keys", "0 to 1")


@case("RoCE: --dlid is refused, and --hop_limit, which the kernel would not take")
def _():
    refused(run("eth", "--dlid=1"), DEVICE, "--dlid", "no LIDs")
    refused(run("eth", "-L", "9"), DEVICE, "--hop_limit", "ip route change ... hoplimit 9")


# ---- what libmlx5 of today, or the emulated firmware, does not have

@case("--use_ooo is refused")
def _():
    for option in "--use_ooo", "--ooo":
        refused(run("eth", option), DEVICE, "--use_ooo", "leave it out")


# ---- what the port must be

for a_link, a_name, an_other in ("eth", "Ethernet", "IB"), ("ib", "IB", "Ethernet"):
    def _(link=a_link, name=a_name, other=an_other):
        with serve(link, "--force-link=" + name) as server:
            good(run(link, "--force-link=" + name, server=server), verified=False)
            refused(run(link, "--force-link=" + other, server=server), DEVICE, "--force-link",
                    "mlx5_1", {"IB": "InfiniBand"}.get(name, name))
        try:
            serve(link, "--force-link=" + other).end()
        except Failed as failure:
            true("--force-link: port 1 of mlx5_0" in str(failure), str(failure))
        else:
            raise Failed("the server listens")
    case(f"--force-link={a_name} is fine, {an_other} is refused on both sides")(_)


# ---- relaxed ordering, which all memory is registered with

RELAXED = 1 << 20  # IBV_ACCESS_RELAXED_ORDERING


def access_flags(text):
    """Of each registration that is told in @text, without that of the lists of an engine."""
    return [int(word, 16) for word in re.findall(r"rw_emu: MR of \d+ bytes, access (0x\w+)", text)]


for some_options, is_relaxed, has, a_text in (
        ((), True, 1, "relaxed, of reads and writes"),
        ((), True, 0, "strict: the firmware has no relaxed ordering"),
        (("--disable_pcie_relaxed",), False, 1, "strict (--disable_pcie_relaxed)")):
    def _(options=some_options, relaxed=is_relaxed, firmware=has, text=a_text):
        settings = {"say_mrs": 1, "relaxed_ordering": firmware}
        with Server(device="mlx5_0", prefix=emu("eth"), env=environment(**settings)) as server:
            done = run("eth", *options, "--path=direct,mr", "--engine=reg", server=server,
                       **settings)
            eq(done.status, OK, "status")
            wait_until(lambda: access_flags(server.err), "the server has registered memory")
            ours, theirs = access_flags(done.err), access_flags(server.err)
        true(len(ours) > 5, f"MRs of the client: {ours}")
        eq({bool(flags & RELAXED) for flags in ours + theirs}, {relaxed}, "flags")
        true(f"PCIe ordering   : {text}\n" in done.out, f"{text!r} in the table's head")
        eq(done.report["test_info"]["peer"]["device"]["relaxed_ordering"],
           "reads and writes" if firmware else "none", "what the report says of the firmware")
    case(f"{' '.join(some_options)}: all memory, {a_text}")(_)


# ---- a peer that is silent

@case("--retry_count: a peer that fell silent is given up sooner")
def _():
    # 0.27 s, and eight times as long: far apart, however busy this host is.
    soon, late = (run("eth", "-u", "16", f"--retry_count={count}", "-n", "1000", fault="freeze@50")
                  for count in (0, 7))
    for done in soon, late:
        refused(done, PEER, "retry counter exceeded", "--retry_count")
    true(soon.seconds < late.seconds, f"{soon.seconds} s and {late.seconds} s")


# ---- InfiniBand

@case("InfiniBand: by LID, or to the LID that is given")
def _():
    ours, theirs = qps(run("ib"))
    eq((ours["grh"], theirs["grh"]), (False, False), "a GRH")
    true(ours["dlid"] != theirs["dlid"], "LIDs")
    refused(run("ib", f"--dlid={ours['dlid'] + 7}", "-u", "10"), PEER, "retry counter exceeded")
    with serve("ib", f"--dlid={theirs['dlid']}") as server:
        done = run("ib", f"--dlid={ours['dlid']}", server=server)
        eq([qp["dlid"] for qp in qps(done)], [ours["dlid"], theirs["dlid"]], "LIDs that are given")
        true(f"LID {ours['dlid']}\n" in done.out, "the LID in the table's head")


@case("InfiniBand: the GRH's options want a GID on both sides")
def _():
    for option in "--tclass=4", "--flow_label=1", "--hop_limit=9":
        refused(run("ib", option), DEVICE, option.split("=")[0], "GRH", "-x")
    with serve("ib", "-x", "0") as server:
        done = run("ib", "-x", "0", "--tclass=4", "--flow_label=1", "-L", "9", "--sl=2",
                   server=server)
        check_both(done, sl=2, tclass=4, flow_label=1, hop_limit=9, grh=True)


if "#define HAVE_MLX5 1" in open(os.path.join(BUILDDIR, "config.h"), encoding="utf-8").read():
    run_cases()
else:
    print("1..0 # SKIP built without libmlx5")
