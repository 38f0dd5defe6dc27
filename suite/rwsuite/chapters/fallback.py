# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What exhaustion costs under each policy."""
import math
from statistics import fmean
from typing import NamedTuple

from ..exhibits import (Column, Exhibit, Table, by, configured, estimate, families, is_open_loop,
                        paired_ratio)
from ..plots import from_zero, legend, look_of, panel
from ..stats import Estimate, contrast

TITLE = "What exhaustion costs"
QUESTION = "When the pool is empty: what does falling back, failing or waiting cost?"
HOW = ("Rate by how often the pool was empty, over the mean rate of the same path and concurrency when "
       "each operation got its MRs. At 100 % none did. Dropped operations are no part of the rate. "
       "The table has the ratio to path direct, too, where the same runs measured it.")

FREE = ("mr_pool", "on_exhaustion", "contexts", "teardown", "sq")


class Point(NamedTuple):
    """Rows of one policy, path, concurrency and pool, and how fast against those without exhaustion."""

    policy: str
    path: str
    contexts: int
    pool: int
    rows: list
    ratio: Estimate


def _policy(row):
    name = configured(row, "on_exhaustion") or "fallback"
    return (name + (", teardown" if configured(row, "teardown") else "") +
            (", kernel's SQ" if configured(row, "sq") == "kernel" else ""))


def _candidates(rows):
    return [dict(row, policy=_policy(row)) for row in rows
            if row["program"] == "ib_rw_bw" and not row.get("mix") and not is_open_loop(row) and
            not configured(row, "think_us") and configured(row, "mr_pool") != "auto" and
            row.get("operations_per_s")]


def _against(rows, without):
    """Rate of @rows over that of those @without exhaustion."""
    rates, base = ([row["operations_per_s"] for row in some] for some in (rows, without))
    found = contrast(base, rates)
    if found:
        return Estimate(found.ratio, found.low, found.high, len(rates))
    return Estimate(fmean(rates) / fmean(base), -math.inf, math.inf, 1)


def _points(rows):
    found = []
    for (path, contexts), group in by(rows, "path", "contexts").items():
        pools = by([row for row in group if row["mr_wanted"]], "policy", "mr_pool")
        without = [row for of_pool in pools.values() if not any(row["exhaustions"] for row in of_pool)
                   for row in of_pool]
        for (policy, pool), of_pool in pools.items():
            if without:
                found.append(Point(policy, path, contexts, pool, of_pool,
                                   _against(of_pool, without)))
    return found


def _draw(exhibit, points):
    with panel(exhibit.panels, f"{exhibit.title}: rate against the share of exhaustions, for each "
               "policy; the figures are in the table below", exhibit.bed, (4.6, 3.1)) as axes:
        for i, policy in enumerate(sorted({point.policy for point in points})):
            mine = [point for point in points if point.policy == policy]
            look = look_of(i)
            xs = [estimate(point.rows, "exhaustion_share", 100).value for point in mine]
            axes.plot(xs, [point.ratio.value for point in mine], linestyle="", marker=look.marker,
                      color=look.color, markerfacecolor="white", markeredgewidth=1.3, label=policy)
            for x, point in zip(xs, mine):
                if math.isfinite(point.ratio.low):
                    axes.plot([x, x], point.ratio[1:3], color=look.color, linewidth=1)
        axes.axhline(1, color="#555555", linewidth=0.9, linestyle=":")
        axes.set_xlim(-3, 103)
        from_zero(axes, [max(1, point.ratio.value) for point in points])
        axes.set(xlabel="operations that found the pool empty, %", ylabel="rate / rate with MRs for all")
        legend(axes)


def _table(points, rows):
    table = Table([Column("when empty"), Column("path"), Column("contexts"), Column("pool", "MRs"),
                   Column("exhaustions", "%", ".2f"), Column("fell back", "%", ".2f"),
                   Column("dropped", "%", ".2f"), Column("rate", "1/s", ".1f"),
                   Column("over MRs for all", "ratio", ".3f"), Column("95 % from", "", ".3f"),
                   Column("to", "", ".3f"), Column("over direct", "ratio", ".3f"),
                   Column("WRs", "per op", ".2f"), Column("WQE bytes", "per op", ".0f"),
                   Column("waited", "us each", ".1f"), Column("SQ stalls"), Column("teardowns"),
                   Column("runs")])
    direct = [row for row in rows if row["path"] == "direct"]
    for point in points:
        group = point.rows
        wanted, waits = (sum(row[key] for row in group) for key in ("mr_wanted", "waits"))
        wqe = estimate(group, "wqe_bytes_per_operation")
        over = paired_ratio(group, direct, "operations_per_s")
        table.rows.append([point.policy, point.path, point.contexts, point.pool, *(
            100 * sum(row[key] for row in group) / wanted
            for key in ("exhaustions", "fallbacks", "failed")),
            estimate(group, "operations_per_s").value, *point.ratio[:3], over.value if over else None,
            estimate(group, "wrs_per_operation").value, wqe.value if wqe else None,
            sum(row["wait_ns"] for row in group) / waits / 1e3 if waits else None,
            sum(row["sq_stalls"] for row in group), sum(row["teardowns"] for row in group),
            len(group)])
    return table


def exhibits(rows):
    found = []
    for family in families(_candidates(rows), FREE):
        points = _points(family.rows)
        if any(row["exhaustions"] for point in points for row in point.rows):
            exhibit = Exhibit(family.title, family.bed, [], _table(points, family.rows))
            _draw(exhibit, points)
            found.append(exhibit)
    return found
