#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""rw_suite check: the schema against what the programs really print, and what it finds in a set."""
import copy
import glob
import json
import os
import re
import subprocess

from suitecase import (PYTHON, environment, lines_of, on_the_bed, path, suite, write_lines,
                       write_plan)
from rwproc import BUILDDIR, SRCDIR, eq, true
from rwtap import case, run_cases

SCHEMA = os.path.join(SRCDIR, "suite", "schema")

# Options that add keys to a report, or fill those that are null otherwise.
PLAN = """
repetitions = 1
[options]
contexts = 4
iters = 200
sges = 4
[[part]]
name = "plain"
[part.axes]
op = ["read", "write"]
[[part]]
name = "gbits"
options = { report_gbits = true, noPeak = true, verify = true, report-counters = "port_xmit_data" }
[[part]]
name = "threads"
options = { threads = 2, qp = 2, no_pin = true }
[[part]]
name = "both"
options = { bidirectional = true }
[[part]]
name = "mix"
options = { mix = "read:70", mix_sizes = "4K:1,64K:1" }
[[part]]
name = "limit"
options = { rate_limit = "1", iters = 300 }
[[part]]
name = "open"
options = { rate = 2000, pool_target = "1e-3", mr_pool = 2, path = "mr" }
[[part]]
name = "torn"
options = { on_exhaustion = "fail", teardown = true, mr_pool = 2, path = "auto", sges = 8 }
[[part]]
name = "long"
options = { iters = false, duration = 1, interval_ms = 100, path = "mr", mr_pool = 2 }
[[part]]
name = "lat"
program = "ib_rw_lat"
options = { report-histogram = true, report-unsorted = true, iters = 3000 }
[[part]]
name = "cycles"
program = "ib_rw_lat"
options = { report-cycles = true, iters = 300 }
[[part]]
name = "latopen"
program = "ib_rw_lat"
options = { rate = 2000, contexts = 8, iters = 500 }
"""


def real_lines():
    """What the programs print, as a result set; swept once."""
    results = path("real")
    if not os.path.exists(results):
        suite("sweep", write_plan("real.toml", PLAN), results)
    return lines_of(results)


def schema(name):
    with open(os.path.join(SCHEMA, name + ".json"), encoding="utf-8") as file:
        return json.load(file)


def checked(lines, name="checked"):
    """What check says of @lines: (exit code, text)."""
    results = write_lines(path(name), lines)
    done = subprocess.run([PYTHON, os.path.join(SRCDIR, "suite/rw_suite"), "check", results],
                          capture_output=True, text=True, env=environment(), check=False)
    eq(done.stderr, "", "standard error")
    return done.returncode, done.stdout


def fault(lines, *words):
    status, text = checked(lines)
    eq(status, 1, f"exit code ({text})")
    true(any("FAULT" in line and all(word in line for word in words)
             for line in text.splitlines()), f"{words} in {text}")


def key_paths(value, at=""):
    """Every key of a report, "a.b.c"; items of a list are one."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield at + "." + key
            yield from key_paths(inner, at + "." + key)
    elif isinstance(value, list):
        for inner in value:
            yield from key_paths(inner, at)


def schema_paths(node, root, at=""):
    """Every key that the schema documents, in the same form, with its node."""
    if node.get("$ref", "").startswith("#"):
        yield from schema_paths(root["$defs"][node["$ref"].rsplit("/", 1)[-1]], root, at)
    for one in node.get("anyOf", []):
        yield from schema_paths(one, root, at)
    if "items" in node:
        yield from schema_paths(node["items"], root, at)
    for key, inner in node.get("properties", {}).items():
        yield at + "." + key, inner
        yield from schema_paths(inner, root, at + "." + key)


@case("what the programs print is what the schema documents, whatever options they have")
def _():
    lines = real_lines()
    eq({line["error"] for line in lines}, {None}, "errors")
    status, text = checked(lines)
    eq((status, re.findall("FAULT.*", text)), (0, []), "exit code, faults")


@case("no documented key is never seen, but those that other devices have")
def _():
    seen = set()
    for line in real_lines():
        seen.update(key_paths(line["report"]))
    documented = {one for one, _ in schema_paths(schema("report"), schema("report"))}
    unseen = {one for one in documented - seen if not any(one.startswith(other + ".") or
              one == other for other in documented - seen if other != one)}
    elsewhere = r"\.(address|iommu_group_type|governor|machine|product|cpu_model|packages|cores|threads|" \
        r"kernel\..*|first_corrupt_byte\..*|exit_code|text|kernel_command_line|memlock_bytes|rate)$"
    eq(sorted(one for one in unseen if not re.search(elsewhere, one)), [], "never seen")


@case("every key says what it is, and every number its unit")
def _():
    for name in "report", "run":
        root = schema(name)
        for one, node in schema_paths(root, root):
            described = node
            if "$ref" in node and "description" not in node:
                described = root["$defs"][node["$ref"].rsplit("/", 1)[-1]]
            wrapped = node.get("anyOf", [])
            true("description" in described or wrapped, f"{name}{one} is described")
            kinds = node.get("type", [])
            kinds = [kinds] if isinstance(kinds, str) else kinds
            if set(kinds) & {"number", "integer"}:
                true(node.get("unit"), f"{name}{one} has a unit")


@case("the sets that are published here are valid, whatever the schema has become since")
def _():
    sets = sorted(glob.glob(os.path.join(SRCDIR, "results", "*", "runs.jsonl")))
    true(len(sets) >= 2, f"sets: {sets}")
    for one in sets:
        suite("check", os.path.dirname(one))


@case("the options of the configuration are those of --help")
def _():
    text = "".join(subprocess.run([os.path.join(BUILDDIR, program), "--help"], check=True,
                                  capture_output=True, text=True, env=environment()).stdout
                   for program in ("ib_rw_bw", "ib_rw_lat"))
    for line in real_lines():
        eq([one for one in line["report"]["test_info"]["configuration"]
            if not re.search(rf"--{re.escape(one)}[=\[\s]", text)], [], "options without help")


@case("a key that nobody documented, a missing one, a wrong type or unit: refused, with its place")
def _():
    good = real_lines()[:2]

    def broken(change):
        lines = copy.deepcopy(good)
        change(lines[1])
        return lines
    fault(broken(lambda run: run["report"]["results"][0].update(new_key=1)), good[1]["id"],
          "report.results.0", "new_key")
    fault(broken(lambda run: run["report"]["test_info"]["host"].update(color="red")), "color")
    fault(broken(lambda run: run["report"]["results"][0].pop("wrs")), "'wrs' is a required")
    fault(broken(lambda run: run["report"]["results"][0].update(elapsed_ns="1 s")), "elapsed_ns")
    fault(broken(lambda run: run["report"]["results"][0].update(exhaustion_share=48.8)), "48.8")
    fault(broken(lambda run: run["report"].update(schema_version=2)), "schema_version")
    fault(broken(lambda run: run.pop("started")), "started")
    fault(broken(lambda run: run.update(bed="cloud")), "bed", "cloud")


# ---- what is found in a set

def repeated(times=6):
    """A run of one point, @times over, a second apart."""
    lines = []
    for number in range(times):
        line = copy.deepcopy(real_lines()[0])
        line.update(id=f"{number:016x}", repetition=number, block=number,
                    started=f"2026-11-21T14:00:{number:02}Z")
        lines.append(line)
    return lines


@case("mixed set-ups, clocks that go wrong, doubles: faults")
def _():
    eq(checked(repeated())[0], 0, "exit code of a good set")
    lines = repeated()
    lines[3]["report"]["test_info"]["peer"]["host"]["kernel"] = "6.1.0-new"
    fault(lines, "mixed set-ups", "server host kernel", "6.1.0-new")
    lines = repeated()
    lines[3]["report"]["test_info"]["device"]["firmware"] = "1.2.3"
    fault(lines, "mixed set-ups", "client device firmware", "1.2.3")
    lines = repeated()
    lines[4]["started"] = "2026-11-21T13:00:00Z"
    fault(lines, "the time of day went back by 3603 s")
    lines = repeated()
    lines[2]["report"]["test_info"]["connection"]["clock"]["error_ppm"] = 20000.0
    fault(lines, "20000 ppm")
    lines = repeated()
    lines[2]["report"]["results"][0]["elapsed_ns"] = 10 ** 12
    fault(lines, "clocks", "differ")
    lines = repeated()
    fault(lines + [lines[1]], lines[1]["id"], "2 times")


@case("outliers, failures, warnings and uneven repetitions: notes, and no fault")
def _():
    def noted(lines, *words):
        status, text = checked(lines)
        eq(status, 0, f"exit code ({text})")
        true(any("note:" in line and all(word in line for word in words)
                 for line in text.splitlines()), f"{words} in {text}")
    lines = repeated()
    for row in lines[4]["report"]["results"]:
        row["n_iterations"] *= 3
    noted(lines, lines[4]["id"], "far from the others")
    lines = repeated()
    lines[5].update(status=3, report=None, error="ib_rw_bw: no peer", bed=None)
    noted(lines, "1 runs failed with 3", "no peer")
    lines = repeated()
    lines[0]["report"]["test_info"]["host"]["placement"]["warnings"] = ["the governor is powersave"]
    noted(lines, "1 runs warned: the governor")
    lines = repeated()
    lines[2]["report"]["test_info"]["connection"]["clock"]["error_ppm"] = 500.0
    noted(lines, "500 ppm")
    lines = repeated() + [dict(copy.deepcopy(repeated(1)[0]), id="f" * 16, point={"op": "x"},
                               started="2026-11-21T14:00:09Z")]
    noted(lines, "1 of 2 points have fewer")


if on_the_bed("rich", "jsonschema"):
    run_cases()
