# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What a chapter of a report is made of: families of rows, tables, exhibits. No drawing here."""
import json
import math
from dataclasses import dataclass, field
from statistics import fmean

from .plan import SHORT
from .stats import Estimate, mean_interval

PATH_ORDER = {"direct": 1, "mr": 2, "auto": 3}
# Axes that say how long is measured, not what.
HOW_LONG = ("iters", "duration", "interval_ms", "margin", "seed")


@dataclass
class Column:
    """@unit is shown below the title; @form is how a value is written."""
    title: str
    unit: str = ""
    form: str = ""

    def text(self, value):
        if value is None or isinstance(value, float) and not math.isfinite(value):
            return "–"
        return format(value, self.form)


@dataclass
class Table:
    columns: list
    rows: list = field(default_factory=list)  # of raw values, in the order of the columns

    def cells(self, row):
        """(raw value or "", text) of each value of @row. The page sorts and copies raw ones."""
        for i, (column, value) in enumerate(zip(self.columns, row)):
            text = column.text(value)
            raw = "" if text == "–" else repr(value) if isinstance(value, float) else str(value)
            yield raw, text, self.is_number(i)

    def is_number(self, i):
        return not any(isinstance(row[i], str) for row in self.rows)


@dataclass
class Panel:
    """A drawing, and what those read who do not see it."""
    svg: str
    alt: str


@dataclass
class Exhibit:
    title: str
    bed: str
    panels: list
    table: Table
    findings: list = field(default_factory=list)  # sentences that follow from the rows


@dataclass
class Family:
    """Rows that differ only in what a chapter looks at."""
    title: str
    bed: str
    rows: list

    def values(self, key):
        return sorted({row[key] for row in self.rows if row.get(key) is not None})


def _axes(row, free):
    point = {SHORT.get(key, key): value for key, value in row["run"]["point"].items()}
    kept = {key: value for key, value in point.items()
            if key not in free and key not in HOW_LONG and key not in ("path", "program", "op")}
    return kept


def families(rows, free):
    """Families of @rows, alike in all axes but those of @free; also apart by op and result set."""
    found = {}
    for row in rows:
        axes = _axes(row, free)
        key = (row["set"], row["bed"], row["part"], row["op"], json.dumps(axes, sort_keys=True))
        found.setdefault(key, (axes, []))[1].append(row)
    every = [axes for axes, _ in found.values()]
    sets = {key[0] for key in found}
    families_ = []
    order = sorted(found, key=lambda key: (key[0], str(key[2]), key[3], str(key[4])))
    for key in order:
        (name, bed, part, op, _), (axes, members) = key, found[key]
        varying = [f"{axis} {value}" for axis, value in axes.items()
                   if any(other.get(axis) != value for other in every)]
        words = [op.upper() + "s" if op != "mix" else "mix", *varying]
        words += [f"part {part}"] if part else []
        words += [name] if len(sets) > 1 else []
        families_.append(Family(", ".join(words), bed, members))
    return families_


def by(rows, *keys):
    """{tuple of the values of @keys: rows}, sorted; paths as the programs order them."""
    found = {}
    for row in rows:
        found.setdefault(tuple(row.get(key) for key in keys), []).append(row)

    def rank(value):
        return value is None, PATH_ORDER.get(value, 0), value if value is not None else 0
    return dict(sorted(found.items(), key=lambda item: [rank(value) for value in item[0]]))


def configured(row, option):
    """What @option was in the run of @row, wherever it was given; None if it is of another version."""
    return row["run"]["report"]["test_info"]["configuration"].get(option)


def is_open_loop(row):
    return bool(configured(row, "rate"))


def known(rows, key):
    return [row[key] for row in rows if row.get(key) is not None]


def estimate(rows, key, scale=1.0):
    """mean_interval() of @key, which is never below 0, or None if no row has it."""
    values = [value * scale for value in known(rows, key)]
    if not values:
        return None
    found = mean_interval(values)
    return found._replace(low=max(found.low, 0.0)) if len(values) > 1 else found


def paired_ratio(rows, others, key):
    """Rows over @others as an Estimate: of runs that measured both, so that what the moment did
    to both is not counted. None if there is no such run."""
    first = {row["run"]["id"]: row[key] for row in rows if row.get(key)}
    logs = [math.log(first[row["run"]["id"]] / row[key]) for row in others
            if row.get(key) and row["run"]["id"] in first]
    if not logs:
        return None
    if len(logs) < 2:
        return Estimate(math.exp(fmean(logs)), -math.inf, math.inf, 1)
    found = mean_interval(logs)
    return Estimate(math.exp(found.value), *(math.exp(min(max(bound, -700), 700))
                                             for bound in (found.low, found.high)), found.n)


def size_text(size):
    """65536: 64 KiB."""
    for power, unit in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if size >= power and size % (power // 4) == 0:
            return f"{size / power:g} {unit}"
    return f"{size:g} bytes"
