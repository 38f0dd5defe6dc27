# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""rw_suite sweep: all runs of a plan, each once, whatever happens in between."""
import argparse
import contextlib
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn
from rich.text import Text

from . import plan as plans
from . import programs, runner
from .bed import Bed
from .bed import arguments as bed_arguments
from .errors import DEVICE, INTERRUPTED, OK, RUN, USAGE, SuiteError
from .gate import Gate
from .store import Writer, open_set

OVERHEAD_S = 0.5  # what a run takes beside its rows, until it is known better


def arguments(parser):
    parser.add_argument("plan", help="a plan, or the name of a ready one: "
                        + ", ".join(plans.ready_plans()))
    parser.add_argument("results", help="directory of the result set; one that was begun is "
                        "gone on with")
    bed_arguments(parser)
    parser.add_argument("--retry_failed", action="store_true",
                        help="measure again what failed in an earlier sweep of this set")
    parser.add_argument("--dry_run", action="store_true", help="say what would be run, in order, and "
                        "what is left out; no server is started: of [server] each option is checked, not "
                        "what goes together; without a device, limits are those of an mlx5 one")
    parser.add_argument("--gate", type=int, help=argparse.SUPPRESS)  # rw_cluster's


# ---- what is to be run

def possible(points, bed):
    """Which @points the programs would run. Returns {point index: Answer}, and {line: how many}."""
    for name in sorted({point.program for point in points}):
        answer = bed.explain(name, [])
        if answer.status:
            raise SuiteError(answer.error, answer.status)
    with _progress() as progress, ThreadPoolExecutor(2) as pool:
        task = progress.add_task("asking what can be run", total=len(points))

        def ask(point):
            answer = bed.explain(point.program, point.argv)
            progress.advance(task)
            return answer
        answers = list(pool.map(ask, points))
    good, reasons, alike = {}, Counter(), {}
    for at, answer in enumerate(answers):
        if answer.status in (USAGE, DEVICE):
            reasons[alike.setdefault(programs.alike(answer.error), answer.error)] += 1
        elif answer.status:
            raise SuiteError(answer.error, answer.status)
        else:
            good[at] = answer
    for part in dict.fromkeys(point.part for point in points):
        if not any(points[at].part == part for at in good):
            reason = next(answer.error for point, answer in zip(points, answers)
                          if point.part == part)
            raise SuiteError(f"part {part}: no combination can be run: {reason}", USAGE)
    return good, reasons


class Clock:
    """How long runs take: from what they say of themselves, better from those that were run."""

    def __init__(self, plan, answers, recorded):
        self.told = {}
        for at, answer in answers.items():
            seconds = answer.configuration.get("duration") or 0
            self.told[self._key(plan.points[at])] = answer.rows * seconds if seconds else None
        self.measured = {}  # (part, is it told?): [overhead, or whole seconds]
        for line in recorded:
            self.learn(line["part"], line["point"], line["seconds"])

    @staticmethod
    def _key(point):
        return repr((point.part, sorted(point.values.items(), key=str)))

    def learn(self, part, values, seconds):
        told = self.told.get(repr((part, sorted(values.items(), key=str))))
        self.measured.setdefault((part, told is not None), []).append(seconds - (told or 0))

    def of(self, run):
        """Seconds of @run, or None if nobody knows."""
        told = self.told[self._key(run.point)]
        seen = self.measured.get((run.point.part, told is not None))
        if seen:
            return max((told or 0) + sum(seen) / len(seen), 0.0)
        return None if told is None else told + OVERHEAD_S

    def total(self, runs):
        return sum(self.of(run) or 0 for run in runs)


def duration(seconds):
    """For people."""
    if seconds < 90:
        return f"{max(seconds, 0):.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


# ---- progress

class _Left(ProgressColumn):
    """The time left, which also goes down within a run."""

    def render(self, task):
        end = task.fields.get("end")
        return Text("" if end is None else f"{duration(end - time.monotonic())} left")


@contextlib.contextmanager
def _progress():
    """On a terminal; nothing elsewhere."""
    progress = Progress(BarColumn(), MofNCompleteColumn(), _Left(),
                        TextColumn("{task.description}"), console=Console(stderr=True),
                        refresh_per_second=1, transient=True)
    with progress if sys.stderr.isatty() else contextlib.nullcontext():
        yield progress


# ---- running

def _execute(bed, run, seconds):
    """Run @run once; what the store's line has of it."""
    return bed.measure(run.point.program, run.point.argv, 60 + 4 * (seconds or 900))


def _rehearse(bed, plan, todo, clock):
    """Run what nobody knows the time of, each part's first and last point, and keep no result."""
    for part in dict.fromkeys(run.point.part for run in todo):
        unknown = [run for run in todo if run.point.part == part and clock.of(run) is None]
        if unknown:
            unknown.sort(key=lambda run: plan.points.index(run.point))
            for run in {one.point.text: one for one in (unknown[0], unknown[-1])}.values():
                clock.learn(part, run.point.values, _execute(bed, run, None)["seconds"])


def _line_of(run, done):
    return {"id": run.id, "part": run.point.part, "program": run.point.program,
            "point": run.point.values, "repetition": run.repetition, "block": run.repetition,
            **done}


def _run_all(bed, writer, todo, clock, begin):
    """Each begins when begin(run) returns. Returns how many failed."""
    failed = 0
    with _progress() as progress:
        task = progress.add_task("", total=len(todo), end=None)
        for number, run in enumerate(todo):
            left = time.monotonic() + clock.total(todo[number:])
            progress.update(task, description=run.point.text, end=left)
            begin(run)
            done = _execute(bed, run, clock.of(run))
            writer.append(_line_of(run, done))
            clock.learn(run.point.part, run.point.values, done["seconds"])
            if done["status"]:
                failed += 1
                progress.console.print(f"rw_suite: {run.point.text}: failed ({done['status']}): "
                                       f"{done['error']}", markup=False, highlight=False,
                                       soft_wrap=True)
            progress.advance(task)
    return failed


def _left_out(reasons):
    """A line for each of @reasons."""
    return [f"{count} combination{'s are' if count > 1 else ' is'} left out: {line}"
            for line, count in reasons.most_common()]


def _tell(plan, todo, total, there, reasons, seconds):
    print(f"{plan.name}: {len(todo)} runs, about {duration(seconds)}"
          + (f"; {there} of {total} are there already" if there else ""))
    for line in _left_out(reasons):
        print(" ", line)
    sys.stdout.flush()


def _dry_run(plan, bed):
    bed.check_servers()
    answers, reasons = possible(plan.points, bed)
    for line in _left_out(reasons):
        print("rw_suite:", line, file=sys.stderr)
    points = [plan.points[at] for at in answers]
    for run in plans.runs(plan, points):
        print(run.id, run.repetition, run.point.program, *run.point.argv)
    return OK


def _measure(args, plan, bed, answers, reasons):
    with Writer(args.results, plan.text) as writer:
        recorded = [line for line in open_set(args.results)
                    if not (args.retry_failed and line["status"])]
        there = {line["id"] for line in recorded}
        every = plans.runs(plan, [plan.points[at] for at in answers])
        todo = [one for one in every if one.id not in there]
        clock, gate = Clock(plan, answers, recorded), Gate(args.gate)
        numbers = {one.id: at for at, one in enumerate(plans.runs(plan, plan.points))}
        _rehearse(bed, plan, todo, clock)
        _tell(plan, todo, len(every), len(every) - len(todo), reasons, clock.total(todo))
        try:
            failed = _run_all(bed, writer, todo, clock, lambda run: gate.wait(numbers[run.id]))
        except KeyboardInterrupt:
            raise SuiteError("interrupted: the same command goes on", INTERRUPTED) from None
    print(f"{args.results}: {len(todo) - failed} runs are good, {failed} failed")
    return RUN if failed else OK


def run(args):
    runner.leave_terminal_signals()
    plan = plans.read(args.plan)
    names = dict.fromkeys(point.program for point in plan.points)
    with contextlib.closing(Bed(args, names, plans.arguments(plan.server), not args.dry_run)) as bed:
        if args.dry_run:
            return _dry_run(plan, bed)
        answers, reasons = possible(plan.points, bed)
        return _measure(args, plan, bed, answers, reasons)
