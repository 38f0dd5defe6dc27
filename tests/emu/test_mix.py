#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Operations and sizes mixed by weight, on the emulated ConnectX."""
import json
import os
import subprocess
from math import ceil, sqrt

from rwbed import main, tell
from rwjudge import judge_refusal
from rwproc import BUILDDIR, PATIENCE, SRCDIR, alone

K = 1024
PAGE = 4 * K
MIB = K * K
OPS = 3000


class Mix:
    """What is asked for: weights of operations and of sizes."""

    def __init__(self, ops, sizes, entries=None):
        self.ops, self.sizes, self.entries = ops, sizes, entries
        self.options = []
        if len(ops) > 1:
            self.options.append("--mix=" + ",".join(f"{op}:{w}" for op, w in ops.items()))
        else:
            self.options.append("--op=" + next(iter(ops)))
        if len(sizes) > 1:
            self.options.append("--size=" + ",".join(f"{s}:{w}" for s, w in sizes.items()))
        else:
            self.options.append(f"--size={next(iter(sizes))}")
        if entries:
            self.options.append(f"--mr_entries={entries}")

    @property
    def shares(self):
        """{(op, size): share}"""
        total = sum(self.ops.values()) * sum(self.sizes.values())
        return {(op, size): wo * ws / total for op, wo in self.ops.items()
                for size, ws in self.sizes.items()}

    def mrs(self, size):
        return ceil(size // PAGE / self.entries) if self.entries else 1


BOTH = Mix({"read": 70, "write": 30}, {4 * K: 50, 64 * K: 40, 1024 * K: 10})
OPS_ONLY = Mix({"read": 1, "write": 3}, {64 * K: 1})
SIZES_ONLY = Mix({"write": 1}, {4 * K: 6, 16 * K: 3, 256 * K: 1})
UNEVEN = Mix({"read": 60, "write": 40}, {4 * K: 1, 64 * K: 1}, entries=4)


def near(share, wanted, n):
    return abs(share - wanted) <= 5 * sqrt(wanted * (1 - wanted) / n) + 1e-9


def kinds_of(row):
    return {(kind["op"], kind["size"]): kind["operations"] for kind in row["mix"]}


def wrong_counts(mix, row, fails=False):
    """The parts of a row and its sums. Of dropped operations no share is known."""
    found, wrong = kinds_of(row), []
    n = row["n_iterations"]
    if set(found) != set(mix.shares) or sum(found.values()) != n:
        return [f"kinds {found}, {n} operations in all"]
    for kind, share in mix.shares.items():
        if not fails and not near(found[kind] / n, share, n):
            wrong.append(f"{kind}: {found[kind]} of {n}, {share} wanted")
    for kind in row["mix"]:
        if abs(kind["share"] - kind["operations"] / n) > 1e-9:
            wrong.append(f"share of {kind}")
    moved = sum(size * count for (_, size), count in found.items())
    if row["MsgSize"] != int(moved / n + 0.5):
        wrong.append(f"MsgSize {row['MsgSize']}, {moved} bytes of {n} operations")
    if "BW_average" in row:
        speed = moved / MIB / row["elapsed_ns"] * 1e9
        if abs(row["BW_average"] - speed) > 1e-6 * speed or row["BW_peak"] < speed * 0.999999:
            wrong.append(f"average {row['BW_average']}, peak {row['BW_peak']}, {speed} MiB/s moved")
    op = "mix" if len(mix.ops) > 1 else next(iter(mix.ops))
    if row["op"] != op or row["wqe_bytes_per_operation"] is not None:
        wrong.append(f"op {row['op']}, WQE bytes {row['wqe_bytes_per_operation']}")
    if row["operations_issued"] != n + row["failed"]:
        wrong.append("operations issued")
    return wrong


def wrong_posted(mix, row, max_sge):
    """What was posted is of these kinds: their WRs, if no operation lacked MRs."""
    found = kinds_of(row)
    wants = {kind: row["path"] == "mr" or row["path"] == "auto" and kind[0] == "read" and
             kind[1] // PAGE > 3 for kind in found}
    wanted = sum(count for kind, count in found.items() if wants[kind])
    direct = sum(count * ceil(kind[1] // PAGE / max_sge) for kind, count in found.items()
                 if not wants[kind])
    mrs = sum(count * mix.mrs(kind[1]) for kind, count in found.items() if wants[kind])
    wrong = []
    if row["mr_wanted"] != wanted or row["mr_operations"] != wanted or row["exhaustions"]:
        wrong.append(f"{wanted} want MRs: {row}")
    # UMR and READ or WRITE for an MR, and LOCAL_INV if it was used before.
    if not direct + 2 * mrs <= row["wrs"] <= direct + 3 * mrs or not wanted and row["wrs"] != direct:
        wrong.append(f"{row['wrs']} WRs, {direct} of direct operations, {mrs} MRs")
    if wanted and abs(row["pool_mean_in_use"] * row["pools"] * row["elapsed_ns"] -
                      row["mr_hold_mean_ns"] * mrs) > 1e-6 * row["mr_hold_mean_ns"] * mrs:
        wrong.append(f"{mrs} MRs of {row['mr_hold_mean_ns']} ns, {row['pool_mean_in_use']} in use "
                     f"for {row['elapsed_ns']} ns")
    return wrong


def max_sge_of(run):
    return run.report["test_info"]["connection"]["max_send_sge"]


def told(run, wrong):
    return wrong and [*wrong, run.out[-3000:], run.err]


def run_mix(bed, mix, *options, rows=3, **settings):
    run = bed.client(*mix.options, "-t", "8", "-n", str(OPS), *options, **settings)
    if run.status or run.err or len(run.rows) != rows:
        return run, [f"wanted: exit 0 and {rows} rows; found: exit {run.status}"]
    return run, []


def paths(bed):
    """Shares and sums on all paths, which have the same operations; twice, with the same counts."""
    for name, mix in ("operations and sizes", BOTH), ("operations", OPS_ONLY), \
                     ("sizes", SIZES_ONLY), ("one and four MRs", UNEVEN):
        for extra in (), ("-q", "3", "-l", "4", "-Q", "3", "-n", str(OPS // 3)), ("--engine=reg",):
            if extra == ("--engine=reg",) and (mix is BOTH or bed.mode == "adversarial"):
                continue
            if extra == ("--engine=reg",) and mix is UNEVEN:
                extra += ("-n", "500")
            run, wrong = run_mix(bed, mix, "--path=direct,mr,auto", *extra)
            if not wrong:
                for row in run.rows:
                    wrong += [f"{row['path']}: {text}" for text in wrong_counts(mix, row)]
                    if "--engine=reg" not in extra:
                        wrong += [f"{row['path']}: {text}"
                                  for text in wrong_posted(mix, row, max_sge_of(run))]
                if any(row["mix"] != run.rows[0]["mix"] for row in run.rows):
                    wrong.append("the paths had different operations")
                again, failed = run_mix(bed, mix, "--path=direct,mr,auto", *extra)
                if failed or [row["mix"] for row in again.rows] != [row["mix"] for row in run.rows]:
                    wrong.append("the same seed gave other operations")
                other, failed = run_mix(bed, mix, "--path=direct", "--seed=7", *extra, rows=1)
                if failed or other.rows[0]["mix"] == run.rows[0]["mix"]:
                    wrong.append("another seed gave the same operations")
            tell(f"{bed.mode}: {name} {' '.join(extra)}".rstrip(), told(run, wrong))


def exhaustion(bed):
    """Pools run dry by operations that take 1 or 4 MRs, by each policy."""
    for policy in "fallback", "wait", "fail":
        for path in "mr", "auto":
            run, wrong = run_mix(bed, UNEVEN, "--path=" + path, "--mr_pool=6",
                                 "--on_exhaustion=" + policy, rows=1)
            if not wrong:
                row = run.row(path)
                wrong = wrong_counts(UNEVEN, row, fails=policy == "fail")
                consequences = {"fallback": row["fallbacks"], "wait": row["waits"],
                                "fail": row["failed"]}
                if not row["exhaustions"] or consequences[policy] != row["exhaustions"] or \
                        sum(consequences.values()) != row["exhaustions"]:
                    wrong.append(f"{row['exhaustions']} exhaustions, {consequences}")
                if row["mr_wanted"] != row["mr_operations"] + row["fallbacks"] + row["failed"]:
                    wrong.append(f"{row['mr_wanted']} wanted, {row['mr_operations']} got MRs")
                # Of the MR path all want them; auto wants them for READs of 16 segments.
                wanted = row["operations_issued"] * (1 if path == "mr" else 0.3)
                if path == "mr" and row["mr_wanted"] != wanted or path == "auto" and \
                        not near(row["mr_wanted"] / row["operations_issued"], 0.3,
                                 row["operations_issued"]):
                    wrong.append(f"{row['mr_wanted']} wanted MRs, {wanted} expected")
                if row["exhaustion_model"] is not None:
                    wrong.append("a model of kinds with different numbers of MRs")
                why = row["exhaustion_no_model"] or ""
                if "unlike numbers of MRs" not in why or f"not predicted: {why}" not in run.out:
                    wrong.append(f"why there is no model: {why}")
                if not 0 < row["pool_mean_in_use"] <= 6:
                    wrong.append(f"{row['pool_mean_in_use']} of 6 MRs in use")
            tell(f"{bed.mode}: pool of 6, {policy}, path {path}", told(run, wrong))
    run, wrong = run_mix(bed, UNEVEN, "--path=mr", "--mr_pool=6", "--on_exhaustion=fail",
                         "--teardown", "-n", "100", rows=1)
    if not wrong:
        row = run.row("mr")
        if not row["teardowns"] or sum(kinds_of(row).values()) != row["n_iterations"] or \
                row["operations_issued"] != row["n_iterations"] + row["failed"] + \
                row["operations_torn"]:
            wrong.append(f"{row}")
    tell(f"{bed.mode}: pool of 6, teardown", told(run, wrong))


COST_NS = 20000


def mean_in_use(bed):
    """One context on a device with a price for a WQE: the large operation holds 4 MRs 4 times as long."""
    mix = Mix({"read": 1}, {4 * K: 1, 64 * K: 1}, entries=4)
    run, wrong = run_mix(bed, mix, "-t", "1", "-n", "400", "--path=mr", rows=1,
                         cost_wqe_ns=COST_NS)
    if not wrong:
        row = run.row("mr")
        wrong = wrong_counts(mix, row) + wrong_posted(mix, row, max_sge_of(run))
        small, large = (kinds_of(row)["read", size] for size in mix.sizes)
        # A UMR and a READ for each MR at least, one after the other.
        least = (small * 1 * 2 + large * 4 * 8) * COST_NS / (small + 4 * large)
        if row["mr_hold_mean_ns"] < least:
            wrong.append(f"MRs were held for {row['mr_hold_mean_ns']} ns, {least} at least")
        # 3.4 if only the device takes time, 2.5 if it took none; all as large: 4.
        if not 2.6 < row["pool_mean_in_use"] < 3.9:
            wrong.append(f"{row['pool_mean_in_use']} MRs in use")
    tell(f"{bed.mode}: mean MRs in use of kinds with 1 and 4", told(run, wrong))


def open_loop(bed):
    run, wrong = run_mix(bed, UNEVEN, "--rate=20000", "--path=direct,mr,auto")
    for row in [] if wrong else run.rows:
        wrong += [f"{row['path']}: {text}" for text in wrong_counts(UNEVEN, row)]
    tell(f"{bed.mode}: open loop", told(run, wrong))
    run, wrong = run_mix(bed, OPS_ONLY, "--rate=1000", "-t", "512", "-n", "1000", "--path=mr",
                         "--mr_pool=2", rows=1)
    if not wrong:
        wrong = wrong_counts(OPS_ONLY, run.row("mr"))
        if run.row("mr")["exhaustion_model"] is None:
            wrong.append("no model, and all operations take one MR")
    tell(f"{bed.mode}: open loop, kinds of one MR each have a model", told(run, wrong))


def latency(bed):
    command = [os.path.join(SRCDIR, "scripts", "pair"), os.path.join(BUILDDIR, "ib_rw_lat"),
               *UNEVEN.options, "-n", str(OPS), "-F", "--path=direct,mr,auto", "--json=-"]
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                         timeout=PATIENCE, check=False,
                         # A shell stands in between, and leaks.
                         env=dict(bed.env, ASAN_OPTIONS="detect_leaks=0"))
    wrong = [f"exit {run.returncode}"] if run.returncode else []
    rows = json.loads(run.stdout)["results"] if not wrong else []
    for row in rows:
        wrong += [f"{row['path']}: {text}" for text in wrong_counts(UNEVEN, row)]
    if not wrong and (len(rows) != 3 or any(row["mix"] != rows[0]["mix"] for row in rows)):
        wrong.append("three rows of the same operations are wanted")
    tell(f"{bed.mode}: ib_rw_lat", wrong and [*wrong, run.stdout[-2000:], run.stderr])


def refusals(bed):
    if bed.mode != "normal":
        return
    for options, code, words in (
            (("--mix=read:101",), 2, ("--mix", "percentage")),
            (("--mix=fetch:70",), 2, ("'fetch' is unknown", "read or write")),
            (("--size=4K:50,64K:0",), 2, ("'64K:0'", "weights")),
            (("--size=0:50",), 2, ("'0' in a mix", "1 to 1G")),
            (("--mix=read:70", "--verify"), 2, ("--verify", "mix")),
            (("--mix=read:70", "-a"), 2, ("--all", "mix")),
            (("--size=4K:1,64K:1", "--mr_entries=4", "--mr_pool=3", "--on_exhaustion=wait"), 2,
             ("needs 4 MRs", "pool has 3"))):
        tell(f"{' '.join(options)} is refused",
             judge_refusal(bed.client(*options), code, *words))
    run = alone("-d", "mlx5_1", *UNEVEN.options, "--explain", "--path=mr")
    told_kinds = [f"RDMA_{op.upper()}" in run.out for op in UNEVEN.ops]
    tell("--explain tells each kind", [] if not run.status and all(told_kinds) and
         run.out.count("NOTE: a mix") == 1 else [run.out, run.err])


if __name__ == "__main__":
    main((paths, exhaustion, mean_in_use, open_loop, latency, refusals))
