# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Distributions of latency, as percentile plots."""
import math
from statistics import median

from ..exhibits import Column, Exhibit, Table, by, estimate, families, known, size_text
from ..plots import PATHS, legend, panel

TITLE = "Latency"
QUESTION = "How long does one operation take on each path, also in the worst cases?"
HOW = ("Percentiles of latency; the axis below is stretched towards the rare cases, so that each "
       "step is a tenth of what remains. Each point is the median over runs, whose range is the thin line.")

FREE = ("size", "sges", "segment")


def _stretched(percent):
    """50 % at 0.3, 90 % at 1, 99 % at 2, 99.9 % at 3."""
    return -math.log10(1 - percent / 100)


def _percentiles(rows):
    """{percent: [values in us over runs]}"""
    found = {}
    for row in rows:
        for text, value in row["percentiles_ns"].items():
            found.setdefault(float(text), []).append(value / 1e3)
    return dict(sorted(found.items()))


def _draw(exhibit, rows, title):
    with panel(exhibit.panels, f"{exhibit.title}, {title}: latency percentiles of each path; the "
               "figures are in the table below", exhibit.bed) as axes:
        ticks = set()
        for (path,), group in by(rows, "path").items():
            shown = {p: values for p, values in _percentiles(group).items() if p < 100}
            xs, look = [_stretched(p) for p in shown], PATHS[path]
            axes.plot(xs, [median(values) for values in shown.values()], color=look.color,
                      marker=look.marker, linestyle=look.line, label=path, markerfacecolor="white",
                      markeredgewidth=1.3)
            for x, values in zip(xs, shown.values()):
                axes.plot([x, x], [min(values), max(values)], color=look.color, linewidth=0.8)
            ticks |= set(shown)
        axes.set_yscale("log")
        axes.set_xticks([_stretched(p) for p in sorted(ticks)], [f"{p:g}" for p in sorted(ticks)])
        axes.set(title=title, xlabel="percentile", ylabel="us")
        legend(axes)


def _table(rows):
    percents = sorted({p for row in rows for p in map(float, row["percentiles_ns"])})
    table = Table([Column("size", "bytes"), Column("segments"), Column("path"), Column("engine"),
                   Column("mean", "us", ".3f"), *(Column(f"p{p:g}", "us", ".3f") for p in percents),
                   Column("registration alone, p50", "us", ".3f"),
                   Column("invalidation alone, p50", "us", ".3f"), Column("operations"),
                   Column("runs")])
    for (size, sges, path), group in by(rows, "MsgSize", "sges", "path").items():
        of = _percentiles(group)
        alone = [[each["p50"] / 1e3 for each in known(group, f"{what}_alone_ns")]
                 for what in ("registration", "invalidation")]
        means = [row["of_mean_us"] for row in group]
        table.rows.append([size, sges, path, group[0]["engine"], sum(means) / len(means),
                           *(median(of[p]) if p in of else None for p in percents),
                           *(median(values) if values else None for values in alone),
                           sum(row["n_iterations"] for row in group), len(group)])
    return table


def _mean_us(row):
    """t_avg is in the unit that the report states: us, or cycles."""
    if row["run"]["report"]["test_info"].get("latency_unit", "usec") == "usec":
        return row["t_avg"]
    return sum(row["split_mean_ns"][part] for part in ("post", "device", "poll")) / 1e3


def exhibits(rows):
    found = []
    timed = [dict(row, of_mean_us=_mean_us(row)) for row in rows
             if row["program"] == "ib_rw_lat" and row.get("percentiles_ns")]
    for family in families(timed, FREE):
        exhibit = Exhibit(family.title, family.bed, [], _table(family.rows))
        for (size, sges), group in by(family.rows, "MsgSize", "sges").items():
            title = f"{size_text(size)} in {sges} segment{'s' * (sges > 1)}"
            _draw(exhibit, group, title)
            paths = by(group, "path")
            means = {path: estimate(each, "of_mean_us") for (path,), each in paths.items()}
            if "mr" in means and "direct" in means:
                exhibit.findings.append(f"{title}: mean of path mr {means['mr'].value:.2f} us, of "
                                        f"path direct {means['direct'].value:.2f} us.")
        found.append(exhibit)
    return found
