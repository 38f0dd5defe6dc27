# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Long runs, interval by interval."""
from ..exhibits import Column, Exhibit, Table
from ..plots import PATHS, legend, panel

TITLE = "Long runs over time"
QUESTION = "Does the rate hold, and when is the pool empty?"
HOW = ("Operations per second of each interval; below, the share of them that found the pool empty, "
       "where there were such.")

LEAST = 5       # intervals that make a series
MOST_RUNS = 6   # runs that are drawn


def _seconds(of):
    """The middle of each interval, and its length, in seconds."""
    count, length = len(of["operations"]), of["length_ns"] / 1e9
    lengths = [length] * (count - 1) + [of["last_length_ns"] / 1e9]
    return [i * length + each / 2 for i, each in enumerate(lengths)], lengths


def _draw(exhibit, rows, values, what, ylabel):
    with panel(exhibit.panels, f"{exhibit.title}: {what} over time; the figures are in the table below",
               exhibit.bed, (4.6, 2.7)) as axes:
        for row in rows:
            times, lengths = _seconds(row["intervals"])
            look = PATHS[row["path"]]
            axes.plot(times, values(row["intervals"], lengths), color=look.color, marker=look.marker,
                      linestyle=look.line, markersize=3.5, label=row["path"], markerfacecolor="white")
        axes.set_ylim(bottom=0)
        axes.set(xlabel="seconds", ylabel=ylabel)
        legend(axes)


def _rates(of, lengths):
    return [count / length if length else 0 for count, length in zip(of["operations"], lengths)]


def _shares(of, _):
    return [100 * empty / count if count else 0
            for empty, count in zip(of["exhaustions"], of["operations"])]


def _exhibit(title, rows):
    table = Table([Column("path"), Column("from", "s", ".3f"), Column("length", "s", ".3f"),
                   Column("operations"), Column("rate", "1/s", ".1f"), Column("exhaustions"),
                   Column("p99", "us", ".1f")])
    exhibit = Exhibit(title, rows[0]["bed"], [], table)
    for row in rows:
        of = row["intervals"]
        times, lengths = _seconds(of)
        for i, rate in enumerate(_rates(of, lengths)):
            p99 = of["p99_ns"][i]
            table.rows.append([row["path"], times[i] - lengths[i] / 2, lengths[i], of["operations"][i],
                               rate, of["exhaustions"][i], None if p99 is None else p99 / 1e3])
    _draw(exhibit, rows, _rates, "rate", "operations / s")
    if any(sum(row["intervals"]["exhaustions"]) for row in rows):
        _draw(exhibit, rows, _shares, "share of exhaustions", "found the pool empty, %")
    return exhibit


def exhibits(rows):
    runs = {}
    for row in rows:
        if row.get("intervals") and len(row["intervals"]["operations"]) >= LEAST:
            runs.setdefault((row["set"], row["run"]["id"]), []).append(row)
    found = []
    for (name, _), group in list(runs.items())[:MOST_RUNS]:
        point = ", ".join(f"{key} {value}" for key, value in group[0]["run"]["point"].items()
                          if key not in ("path", "program"))
        found.append(_exhibit(f"{name}: {point}, repetition {group[0]['repetition']}", group))
    if len(runs) > MOST_RUNS:
        found[-1].findings.append(f"{len(runs) - MOST_RUNS} more long runs are in the set, not drawn.")
    return found
