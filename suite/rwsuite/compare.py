# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""rw_suite compare: two result sets, row by row.

Each row's difference is tested by Welch's t on logarithms, and the columns A and B are the
geometric means that it compares. The p-values of all rows are corrected by Holm's method. It
bounds the chance that any row at all is called different when none is, however rows depend on
each other: what a CI run that fails on one row needs. (Benjamini-Hochberg bounds the share of
wrong ones among those called different, which lets one through more often, and asks rows to
depend on each other benignly.)
"""
import argparse
from statistics import geometric_mean
from typing import NamedTuple

from . import setup
from .errors import OK, RUN, USAGE, SuiteError
from .figures import FIGURES, figure_of
from .stats import Contrast, contrast, holm
from .store import groups, open_set, rows


class Compared(NamedTuple):
    """A row of both sets."""

    label: str
    figure: object
    before: list
    after: list
    by: Contrast
    p: float  # corrected
    different: bool

    @property
    def slower(self):
        """By what share B is slower; below 0: faster. 0.05: at 95 % of the rate, 105 % of the time."""
        return 1 - self.by.ratio if self.figure.more_is_better else self.by.ratio - 1

    @property
    def slower_at_most(self):
        """The end of the interval."""
        return 1 - self.by.low if self.figure.more_is_better else self.by.high - 1


def _percent(text):
    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
        if 0 <= share < 1:
            return share
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"'{text}' is no share; give one such as 5% or 0.05")


def _confidence(text):
    share = 0.0
    try:
        share = float(text)
    except ValueError:
        pass
    if not 0.5 <= share < 1:
        raise argparse.ArgumentTypeError(f"'{text}': give 0.5 to less than 1, such as 0.95")
    return share


def arguments(parser):
    parser.add_argument("before", metavar="A", help="result set to compare with")
    parser.add_argument("after", metavar="B", help="result set that may be better or worse")
    parser.add_argument("--figure", choices=sorted(FIGURES), help="what to compare (default: the "
                        "rate of ib_rw_bw, the median latency of ib_rw_lat)")
    parser.add_argument("--confidence", type=_confidence, default=0.95, help="of each interval, "
                        "and of no false alarm in all rows together (default 0.95)")
    parser.add_argument("--fail-if-slower", "--fail_if_slower", metavar="SHARE", type=_percent,
                        help="exit code 1 if a row of B is slower by this share, such as 5%% or 0.05, and "
                        "the difference is significant")


# ---- figures

def samples(result_set, key=None):
    """{row key: (a row, its Figure, [its value in each repetition])} of an iterable of runs."""
    found = {}
    for name, some in groups(rows(result_set)).items():
        figure = figure_of(some[0], key)
        if figure:
            found[name] = (some[0], figure,
                           [row[figure.key] for row in some if row.get(figure.key)])
    return found


def _label(row):
    """What tells a row from the others."""
    point = {name: value for name, value in row["run"]["point"].items()
             if name not in ("op", "path", "size", "sges")}
    return " ".join([row["part"], row["op"], row["path"], f"{row['MsgSize']}B", f"{row['sges']}sg",
                     *(f"{name}={value}" for name, value in point.items())])


def _order(name):
    part, program, point, op, path, size, sges = name
    return part, program, op, size, sges, path, point


def compare(before, after, confidence=0.95):
    """The rows of both (samples()) that can be compared, as a list of Compared, and the number
    of rows of either that cannot: one set has them not, or not twice."""
    names, contrasts = [], []
    for name in sorted(before, key=_order):
        by = name in after and contrast(before[name][2], after[name][2], confidence)
        if by:
            names.append(name)
            contrasts.append(by)
    corrected = holm([by.p for by in contrasts])
    found = [Compared(_label(before[name][0]), before[name][1], before[name][2], after[name][2],
                      by, p, p < 1 - confidence)
             for name, by, p in zip(names, contrasts, corrected)]
    return found, len(set(before) | set(after)) - len(found)


# ---- words

def _print_table(found, confidence):
    width = max(len(one.label) for one in found)
    print(f"{'row':{width}}  {'figure':>17}  {'A':>12} {'B':>12} {'runs':>7}  {'B - A':>7}  "
          f"{f'{100 * confidence:g} % interval':>18}  {'p (Holm)':>8}")
    for one in found:
        scale = one.figure.scale
        verdict = "" if not one.different else "slower" if one.slower > 0 else "faster"
        interval = f"{100 * (one.by.low - 1):+.1f} to {100 * (one.by.high - 1):+.1f} %"
        print(f"{one.label:{width}}  {one.figure.title:>17}  {geometric_mean(one.before) * scale:12.6g} "
              f"{geometric_mean(one.after) * scale:12.6g} {len(one.before):3}/{len(one.after):<3}  "
              f"{100 * (one.by.ratio - 1):+6.1f}%  {interval:>18}  {one.p:8.2g}  {verdict}".rstrip())


def _print_setups(before, after):
    for name, was, became in setup.differences(before, after):
        print(f"set-up: {name}: {', '.join(map(str, was)) or '-'} -> "
              f"{', '.join(map(str, became)) or '-'}")


def run(args):
    before, after = open_set(args.before), open_set(args.after)
    found, others = compare(samples(before, args.figure), samples(after, args.figure),
                            args.confidence)
    if not found:
        raise SuiteError(f"{args.before} and {args.after} have no row in common that each measured "
                         "twice: sweep the same plan with repetitions = 2 or more", USAGE)
    _print_setups(before, after)
    _print_table(found, args.confidence)
    different = [one for one in found if one.different]
    print(f"{len(found)} rows, {len(different)} significantly different (Holm over all rows, "
          f"level {1 - args.confidence:.2g}): {sum(one.slower > 0 for one in different)} slower, "
          f"{sum(one.slower < 0 for one in different)} faster; intervals are of each row alone")
    if others:
        print(f"{others} rows were not compared: not in both sets, or not measured twice")
    if args.fail_if_slower is None:
        return OK
    limit = args.fail_if_slower
    worse = [one for one in different if one.slower > 0 and one.slower >= limit]
    unsure = [one for one in found if one not in worse and one.slower_at_most >= limit]
    print(f"slower by {100 * limit:g} % or more: {len(worse)} rows"
          + (f"; {len(unsure)} more could be, as far as their intervals tell: more repetitions "
             "would decide" if unsure else ""))
    return RUN if worse else OK
