# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""rw_suite tune: from how many segments on MRs pay, and how large their pool must be."""
import argparse
import contextlib
import json
import math
import os
import random
import sys
from typing import NamedTuple

from . import runner, tuned
from .bed import Bed
from .bed import arguments as bed_arguments
from .errors import INTERRUPTED, OK, RUN, USAGE, SuiteError
from .plan import OURS
from .search import Search
from .store import Writer, open_set, rows, run_id

PATIENCE = 120  # seconds for one run beside its --duration
SIZES = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


class Metric(NamedTuple):
    program: str
    options: tuple
    key: str
    sign: int  # 1: more is better


# CPU time is compared with sleeping threads: who polls spends all there is.
METRICS = {"bandwidth": Metric("ib_rw_bw", (), "operations_per_s", 1),
           "cpu": Metric("ib_rw_bw", ("--events",), "cpu_thread_ns_per_operation", -1),
           "latency": Metric("ib_rw_lat", (), "t_typical", -1)}


def _list(choices=None):
    def parse(text):
        words = [word for word in text.split(",") if word]
        if not words or choices and set(words) - set(choices):
            raise argparse.ArgumentTypeError(f"give some of {','.join(choices or ['LIST'])}")
        return words
    return parse


def _size(text):
    unit = SIZES.get(text[-1:].upper(), 1)
    digits = text[:-1] if unit > 1 else text
    if not digits.isdigit() or not int(digits):
        raise argparse.ArgumentTypeError(f"'{text}' is no size; give 65536 or 64K")
    return int(digits) * unit


def _share(text):
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError("give a share above 0 and below 1, such as 1e-3")
    return value


SEARCHED = ("op", "size", "size_range", "all", "sges", "segment", "path", "mr_pool", "contexts",
            "tx-depth", "iters", "duration", "mix", "mix_sizes")


def _option(text):
    """NAME=VALUE of an option that neither tune nor rw_suite gives itself."""
    name = text.partition("=")[0].lstrip("-").replace("_", "-")
    for others, why in ((OURS, "rw_suite gives it itself"), (SEARCHED, "tune chooses it")):
        if name in (one.replace("_", "-") for one in others):
            raise argparse.ArgumentTypeError(f"'{text}': {why}; leave it out")
    return text.lstrip("-")


def arguments(parser):
    parser.add_argument("results", help="directory for what is measured; one that was begun is gone "
                        "on with")
    parser.add_argument("--op", type=_list(("read", "write")), default=["read", "write"])
    parser.add_argument("--size", type=lambda text: [_size(one) for one in text.split(",")],
                        default=[64 << 10, 1 << 20], help="sizes (default: 64K,1M)")
    parser.add_argument("--metric", type=_list(METRICS), default=list(METRICS),
                        help="bandwidth, cpu, latency (default: all)")
    parser.add_argument("--max_sges", type=int, default=256, help="the most segments (default: 256)")
    parser.add_argument("--iters", type=int, default=1000, help="operations of a row (default: 1000)")
    parser.add_argument("--duration", type=int, help="seconds of a row, instead of --iters")
    parser.add_argument("--contexts", type=int, default=32,
                        help="operations in flight, of bandwidth and cpu (default: 32)")
    parser.add_argument("--option", type=_option, action="append", default=[], metavar="NAME=VALUE",
                        help="another option of the programs, such as engine=umr_ptr")
    parser.add_argument("--confidence", type=float, default=0.95,
                        help="of each verdict (default: 0.95)")
    parser.add_argument("--budget", type=int, default=300,
                        help="runs for a size, op and metric, at most (default: 300)")
    parser.add_argument("--pool_target", type=_share, metavar="SHARE",
                        help="also find the pool that is empty for at most this share of operations")
    parser.add_argument("--pool_contexts", type=_list(), default=["32"], metavar="LIST",
                        help="... at these numbers of operations in flight (default: 32)")
    parser.add_argument("--pool_sges", type=int, default=16,
                        help="... of so many segments (default: 16)")
    parser.add_argument("--rate", type=int, help="... that begin by an open loop of so many a second")
    parser.add_argument("--seed", type=int, default=1, help="of the order of the runs")
    bed_arguments(parser)


class Point(NamedTuple):
    """What a run measures; the searches of several metrics may share it."""

    program: str
    argv: tuple
    values: tuple  # ((axis, value), ...)


class Measurer:
    """Runs points, each repetition once, into a result set; what is there is not measured again."""

    def __init__(self, args, bed, writer, recorded):
        self.args, self.bed, self.writer = args, bed, writer
        self.recorded = {line["id"]: line for line in recorded if not line["status"]}
        self.done = {}  # point: repetitions so far
        self.runs = 0

    def run(self, point):
        """The rows of the next repetition of @point."""
        repetition = self.done.get(point, 0)
        self.done[point] = repetition + 1
        name = run_id("tune", [point.program, *point.values], repetition)
        line = self.recorded.get(name) or self._measure(point, name, repetition)
        return list(rows([line]))

    def _measure(self, point, name, repetition):
        done = self.bed.measure(point.program, list(point.argv), PATIENCE + 8 * (self.args.duration or 0))
        line = {"format": 1, "id": name, "part": "tune", "program": point.program,
                "point": dict(point.values), "repetition": repetition, "block": repetition, **done}
        self.writer.append(line)
        self.runs += 1
        if done["status"]:
            raise SuiteError(f"{point.program} {' '.join(point.argv)}: {done['error']}", done["status"])
        return line


def _point(args, metric, op, size, sges):
    values = {"op": op, "size": size, "sges": sges}
    if metric.program == "ib_rw_bw":
        values["contexts"] = args.contexts
    if metric.options:
        values["events"] = True
    length = [f"--duration={args.duration}"] if args.duration else [f"--iters={args.iters}"]
    argv = [f"--{name}={value}" for name, value in values.items() if name != "events"]
    argv.append("--path=direct,mr")
    more = [f"--{option}" for option in args.option]
    return Point(metric.program, (*argv, *length, *metric.options, *more), tuple(values.items()))


# ---- crossovers

class Task:
    """The search for one op, size and metric."""

    def __init__(self, args, bed, op, size, name):
        self.args, self.op, self.size, self.name = args, op, size, name
        self.metric = METRICS[name]
        self.counts = self._possible(bed)
        self.search = Search(self.counts, args.confidence, args.budget) if self.counts else None

    def _possible(self, bed):
        """Counts that the programs take: each is asked where limits can lie, not all between."""
        most = min(self.args.max_sges, self.size)
        while most > 1:
            answer = bed.explain(self.metric.program, self._argv(most))
            if not answer.status:
                return range(1, most + 1)
            if most == 2:
                raise SuiteError(f"{self.op} of {self.size} bytes: {answer.error}", answer.status)
            most //= 2
        return None

    def _argv(self, sges):
        return list(self.point(sges).argv)

    def point(self, sges):
        """The run that measures @sges."""
        return _point(self.args, self.metric, self.op, self.size, sges)

    def take(self, sges, its_rows):
        """How much better mr was than direct in one run: both were measured in it."""
        values = {row["path"]: row.get(self.metric.key) for row in its_rows}
        if not values.get("mr") or not values.get("direct"):
            raise SuiteError(f"a run of {sges} segments measured nothing: give more --iters")
        self.search.add(sges, self.metric.sign * math.log(values["mr"] / values["direct"]))


def search_all(tasks, measurer, order, say):
    """All searches together, their runs mixed at random: a drift of the hosts hits all alike."""
    while True:
        wanted = {}
        for task in tasks:
            sges = task.search.wants()
            if sges is not None:
                wanted.setdefault(task.point(sges), []).append((task, sges))
        if not wanted:
            return
        points = list(wanted.items())
        order.shuffle(points)
        for point, wishes in points:
            its_rows = measurer.run(point)
            for task, sges in wishes:
                task.take(sges, its_rows)
        say(f"{measurer.runs} runs, {sum(task.search.wants() is not None for task in tasks)} of "
            f"{len(tasks)} searches go on")


def weigh(task, measurer, present):
    """Measure what following the recommendation changes, if no run lies there yet."""
    between = tuned.changed(task.search, present)
    if between and not any(count in task.search.samples for count in between):
        sges = between[len(between) // 2]
        for _ in range(4):
            task.take(sges, measurer.run(task.point(sges)))


# ---- pools

def pool_of(args, measurer, op, size, contexts):
    """The smallest pool that keeps to the share: what the loss model says, then measured."""
    base = {"op": op, "size": size, "sges": args.pool_sges, "contexts": contexts}
    if args.rate:
        base["rate"] = args.rate
    length = f"--duration={args.duration}" if args.duration else f"--iters={max(args.iters, 4000)}"

    def measure(pool):
        values = dict(base, **({"mr_pool": pool} if pool else {}))
        argv = [*(f"--{name}={value}" for name, value in values.items()), length, "--path=mr",
                f"--pool_target={args.pool_target:g}", *(f"--{one}" for one in args.option)]
        return measurer.run(Point("ib_rw_bw", tuple(argv), tuple(values.items())))[0]

    foretold = [row["pool_for_target"] for row in (measure(None) for _ in range(3))]
    foretold = [int(pool) for pool in foretold if pool]
    if not foretold:
        return tuned.Pool(op, size, contexts, None, None, None, None)
    pool, most = max(foretold), contexts * 8
    while True:
        found = [measure(pool) for _ in range(3)]
        share = sum(row["exhaustions"] for row in found) / sum(row["mr_wanted"] for row in found)
        if share <= args.pool_target or pool >= most:
            return tuned.Pool(op, size, contexts, max(foretold), pool, share,
                              found[0]["exhaustion_model"])
        pool += max(1, pool // 4)


# ---- the verb

def _plan_text(args):
    """What stands for a plan: what decides on the runs' names, so that a set goes on as it began."""
    kept = ("op", "size", "metric", "max_sges", "iters", "duration", "contexts", "option",
            "confidence", "pool_target", "pool_contexts", "pool_sges", "rate")
    return "# rw_suite tune\n[tune]\n" + "".join(
        f"{name} = {json.dumps(getattr(args, name))}\n" for name in kept
        if getattr(args, name) is not None)


def _say(text):
    if sys.stderr.isatty():
        print(f"\r{text:70}", end="", file=sys.stderr, flush=True)


def _tasks(args, bed):
    tasks = [Task(args, bed, op, size, name)
             for op in args.op for size in args.size for name in args.metric]
    return [task for task in tasks if task.search]


def _measure_all(args, bed, measurer):
    tasks = _tasks(args, bed)
    if not tasks:
        raise SuiteError("nothing to search: sizes and --max_sges leave one segment only", USAGE)
    search_all(tasks, measurer, random.Random(args.seed), _say)
    info = open_set(args.results).runs[0]["report"]["test_info"]
    present = info["connection"].get("max_sgl_rd")
    for task in tasks:
        weigh(task, measurer, present)
    pools = [pool_of(args, measurer, op, size, int(contexts)) for op in args.op
             for size in args.size for contexts in args.pool_contexts] if args.pool_target else []
    _say("")
    return tuned.Tuned(info, [tuned.Line(task.op, task.size, task.name, task.search,
                                         task.search.verdict()) for task in tasks],
                       present, pools, args.pool_target, measurer.runs)


def run(args):
    runner.leave_terminal_signals()
    if args.max_sges < 2 or not 0.5 <= args.confidence < 1 or args.budget < 8:
        raise SuiteError("give --max_sges of 2 or more, --confidence from 0.5 to below 1, --budget "
                         "of 8 or more", USAGE)
    if not all(word.isdigit() and int(word) for word in args.pool_contexts):
        raise SuiteError("--pool_contexts: give numbers of operations, such as 8,32", USAGE)
    names = {METRICS[name].program for name in args.metric} | (
        {"ib_rw_bw"} if args.pool_target else set())
    with contextlib.closing(Bed(args, names)) as bed, \
            Writer(args.results, _plan_text(args)) as writer:
        try:
            found = _measure_all(args, bed, Measurer(args, bed, writer, open_set(args.results)))
        except KeyboardInterrupt:
            raise SuiteError("interrupted: the same command goes on", INTERRUPTED) from None
    with open(os.path.join(args.results, "tune.json"), "w", encoding="utf-8") as file:
        json.dump(found.as_json(), file, indent=1)
        file.write("\n")
    print(found.text())
    return OK if all(line.verdict.kind != "undecided" for line in found.lines) else RUN
