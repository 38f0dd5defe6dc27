#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""--explain without a device: profiles, reports, vectors, and what is refused."""
import gzip
import json
import os
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# pylint: disable=wrong-import-position
from rwproc import DEVICE, HAVE_MLX5, OK, RUN, SRCDIR, USAGE, alone, eq, true
from rwtap import case, one_line, run_cases

VECTORS = os.path.join(SRCDIR, "tests", "vectors")


def told(*options, **more):
    """The document of a run that ends well."""
    done = alone("--explain", *options, "--json", "-", **more)
    eq((done.status, done.err), (OK, ""), "status, standard error")
    return json.loads(done.out)


def row_of(*options):
    rows = told(*options)["rows"]
    eq(len(rows), 1, "rows")
    return rows[0]


def wqe_bytes(chain):
    return [wr["wqe_bytes"] for wr in chain["wrs"]]


# ---- profiles

for a_profile in "mlx5", "rxe", "siw", "irdma":
    for an_op in "read", "write":
        def _(profile=a_profile, op=an_op):
            for size, sizes in (("-s1",), 1), (("-s", "1M"), 1), (("-a",), 23):
                where = f"--device_profile={profile}", f"--op={op}", *size
                paths = ["direct", "mr", "auto"]
                if (profile, op) == ("siw", "read"):
                    paths.remove("direct")
                document = told(*where)
                eq(document["limits"]["name"], profile, "name")
                eq([row["path"] for row in document["rows"]], paths * sizes, "paths")
                eq(len(document["notes"]) > 0, profile == "siw", "has notes")
                true(all(row["chain"]["nr_wrs"] for row in document["rows"]), "each has WRs")
                text = alone("--explain", *where)
                eq((text.status, text.err), (OK, ""), "status, standard error")
                eq(text.out.count("Decision"), len(paths) * sizes, "rows of text")
                eq("NOTE" in text.out, profile == "siw", "notes in the text")
        case(f"profile {a_profile}, {an_op}: one document, and text")(_)


@case("1 MiB READ, 256 entries, mlx5: an MR, and a fallback that the kernel's queue is short for")
def _():
    row = row_of("-s", "1M", "--sges=256", "--path=auto")
    eq((row["decision"], row["reason"]["id"], row["mrs"]), ("mr", "above_threshold", 1), "decision")
    true("256 entries > max_sgl_rd 3" in row["reason"]["text"], "the numbers of the rule")
    eq((row["fallback"]["nr_wrs"], row["fallback"]["reads"]), (9, 9), "fallback: WRs, READs")
    true(row["exhausted"]["kernel_falls_back"], "the kernel falls back")
    eq((row["budgets"]["sq_kernel_wrs"], row["budgets"]["longest_chains_in_sq_kernel"]), (384, 42),
       "the kernel's queue, and fallbacks in it")


if HAVE_MLX5:
    @case("WQEs are as large as libmlx5 makes them")
    def _():
        # 32 bytes of head, 16 a segment, in blocks of 64; 9 WQEs of about 4.4 KiB (FACTS).
        row = row_of("-s", "1M", "--sges=256", "--path=auto")
        eq(row["engine"], "umr_ptr", "engine")
        eq(wqe_bytes(row["fallback"]), 8 * [512] + [320], "WQEs of the fallback")
        eq(wqe_bytes(row["chain"]), [128, 192, 64], "WQEs of LOCAL_INV, UMR, READ")
        for sges, bytes_ in (2, 64), (3, 128), (6, 128), (7, 192):
            eq(row_of(f"--sges={sges}", "--path=direct")["chain"]["wqe_bytes"], bytes_,
               f"{sges} SGEs")

    @case("umr takes 52 segments, umr_ptr the 53rd")
    def _():
        for sges, engine in (52, "umr"), (53, "umr_ptr"):
            row = row_of("-s", "1M", f"--sges={sges}", "--path=mr")
            eq((row["engine"], row["mrs"]), (engine, 1), f"{sges} segments: engine, MRs")
        row = row_of("-s", "1M", "--sges=53", "--path=mr", "--engine=umr")
        eq((row["mrs"], row["mr_entries"]), (2, 52), "53 segments by umr: MRs, entries")
        true("engine umr" in row["mr_entries_text"], "which limit")


# ---- options

@case("--max_sgl_rd: up to it direct, above an MR, and it is the source")
def _():
    eq(row_of("--sges=16", "--path=auto", "--max_sgl_rd=16")["reason"]["id"], "within_threshold",
       "16 segments, 16")
    document = told("--sges=16", "--path=auto", "--max_sgl_rd=15")
    eq(document["rows"][0]["reason"]["id"], "above_threshold", "16 segments, 15")
    eq(document["limits"]["max_sgl_rd"], {"value": 15, "source": "--max_sgl_rd"}, "limit")


@case("--mr_entries, --mr_pool, -t, -q, --pool_scope and --sq count")
def _():
    options = "-s", "1M", "--path=auto", "--mr_entries=100", "--mr_pool=4", "-t2", "-q3"
    row = row_of(*options)
    budgets = row["budgets"]
    eq((row["mrs"], budgets["mr_pool"], budgets["mrs_needed"], budgets["cq_entries"],
        budgets["sq_wrs"]), (3, 4, 6, 6, 19), "MRs, pool, needed, CQ, SQ")
    budgets = row_of(*options, "--pool_scope=thread", "--sq=kernel")["budgets"]
    eq((budgets["mrs_needed"], budgets["sq_wrs"]), (18, 7), "one pool, the kernel's queue")


@case("--on_exhaustion")
def _():
    for policy in "fallback", "fail", "wait":
        row = row_of("-s", "1M", "--path=mr", f"--on_exhaustion={policy}")
        eq((row["exhausted"]["id"], row["fallback"] is not None), (policy, policy == "fallback"),
           "policy, has a fallback")


@case("siw: a READ is in an MR, made by a system call; no fallback in the kernel")
def _():
    row = row_of("--device_profile=siw", "--path=auto", "--mr_pool=1")
    eq((row["reason"]["id"], row["engine"], row["chain"]["nr_wrs"]), ("iwarp_read", "reg", 1),
       "reason, engine, WRs")
    eq(row["chain"]["wrs"][0]["posted"], False, "the registration is posted")
    eq((row["exhausted"]["id"], row["exhausted"]["kernel_falls_back"], row["fallback"]),
       ("fail", False, None), "exhausted, the kernel falls back, fallback")


@case("the IOMMU groups of this host")
def _():
    for kind, mode in ("identity", "passthrough"), ("DMA-FQ", "translated"):
        with tempfile.TemporaryDirectory() as root:
            os.makedirs(f"{root}/kernel/iommu_groups/0")
            with open(f"{root}/kernel/iommu_groups/0/type", "w", encoding="ascii") as file:
                file.write(kind + "\n")
            iommu = told(env={"SYSFS_PATH": root})["iommu"]
        eq((iommu["of"], iommu["mode"]), ("host", mode), kind)


# ---- where it goes

@case("--json FILE: text on stdout, the same rows in the file")
def _():
    with tempfile.TemporaryDirectory() as directory:
        done = alone("--explain", "--json", f"{directory}/x")
        with open(f"{directory}/x", encoding="utf-8") as file:
            rows = json.load(file)["rows"]
    eq((done.status, done.err), (OK, ""), "status, standard error")
    true("Decision" in done.out, "text")
    eq(rows, told()["rows"], "rows")


@case("a full disk")
def _():
    for options in (("--explain",), ("--explain", "--json", "-"),
                    (f"--explain={VECTORS}/rw_rules.jsonl",)):
        with open("/dev/full", "w", encoding="ascii") as full:
            done = alone(*options, stdout=full)
        eq(done.status, RUN, "status")
        one_line(done.err, "standard output")


# ---- vectors

def read_vectors():
    with gzip.open(f"{VECTORS}/rw_plan.jsonl.gz", "rt") as file:
        text = file.read()
    with open(f"{VECTORS}/rw_rules.jsonl", encoding="utf-8") as file:
        return text + file.read()


def expected(vector):
    if vector["kind"] == "seq":
        return {"steps": vector["steps"], "pool_end": vector["pool_end"]}
    return vector["expect"]


@case("all vectors, from a file and from standard input: each answer is what is expected")
def _():
    text = read_vectors()
    cases = [json.loads(line) for line in text.splitlines() if line.strip()]
    true(len(cases) > 850, "the recorded cases and those by hand")
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        for done in alone(f"--explain={file.name}"), alone("--explain=-", stdin=text):
            eq((done.status, done.err), (OK, ""), "status, standard error")
            answers = [json.loads(line) for line in done.out.splitlines()]
            eq(len(answers), len(cases), "answers")
            eq([c.get("id") for c, a in zip(cases, answers) if expected(c) != a], [], "wrong ones")


@case("lines that are no vectors: told with their place, the others answered, exit 2")
def _():
    good = read_vectors().splitlines()[0]
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:
        file.write(f"{good}\nnonsense\n\n{{}}\n{good}\n7\n\x00\n{good}")
        file.flush()
        done = alone(f"--explain={file.name}")
        eq(done.status, USAGE, "status")
        places = [line.split(": ")[1] for line in done.err.splitlines()]
        eq(places, [f"{file.name}:{n}" for n in (2, 4, 6, 7)] + [file.name], "places")
    answers = [json.loads(line) for line in done.out.splitlines()]
    eq([answer is None for answer in answers], [False, True, True, False, True, True, False],
       "lines without an answer")
    eq(answers[-1], expected(json.loads(good)), "the last answer")
    done = alone("--explain=-", stdin="nonsense\n")
    eq(done.status, USAGE, "status")
    true("standard input:1: " in done.err, "the place in standard input")


@case("no vector, no answer")
def _():
    done = alone("--explain=-")
    eq((done.status, done.out, done.err), (OK, "", ""), "status, outputs")


@case("a target for the pool without a hold time: what is missing")
def _():
    done = alone("--explain", "--rate=1000", "--pool_target=1e-3", "--path=mr")
    eq(done.status, OK, "status")
    true("Pool wanted" in done.out and "--hold_ns" in done.out, done.out)


# ---- refused

NOT_THERE = "/proc/self/none"
REFUSED = (
    ("a profile that is none", USAGE, "mlx5, rxe, siw or irdma",
     "--explain", "--device_profile=mlx4"),
    ("a profile without --explain", USAGE, "--explain", "--device_profile=rxe", "host"),
    ("profile and device", USAGE, "--ib-dev", "--explain", "-dx", "--device_profile=rxe"),
    ("a host", USAGE, "'host'", "--explain", "host"),
    ("--list_engines beside it", USAGE, "--list_engines", "--explain", "--list_engines"),
    ("vectors and --json", USAGE, "--json", "--explain=-", "--json=-"),
    ("--selftest beside it", USAGE, "--selftest", "--explain", "--selftest"),
    ("path direct of an iWARP READ", DEVICE, "siw is iWARP", "--explain",
     "--device_profile=siw", "--path=direct"),
    ("a file that is not there", USAGE, NOT_THERE, f"--explain={NOT_THERE}"),
    ("a directory", RUN, "/proc", "--explain=/proc"),
    ("--json into a missing directory", RUN, NOT_THERE, "--explain", f"--json={NOT_THERE}/x"),
    ("a pool that never serves", USAGE, "--mr_pool", "--explain", "-s1M", "--path=mr",
     "--mr_entries=10", "--mr_pool=2", "--on_exhaustion=wait"),
    ("an engine that the profile has not", DEVICE if HAVE_MLX5 else USAGE, "umr",
     "--explain", "--device_profile=rxe", "--engine=umr", "--path=mr"),
)

for one in REFUSED:
    def _(status=one[1], word=one[2], options=one[3:]):
        done = alone(*options)
        eq((done.status, done.out), (status, ""), "status, standard output")
        one_line(done.err, word)
    case(f"refused: {one[0]}")(_)

run_cases()
