# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What exhaustion costs under each policy."""
from ..exhibits import Column, Exhibit, Table, by, estimate, families, paired_ratio
from ..plots import from_zero, legend, look_of, panel

TITLE = "What exhaustion costs"
QUESTION = "When the pool is empty: what does falling back, failing or waiting cost?"
HOW = ("Rate of path mr over that of path direct in the same runs, by how often the pool was empty. "
       "At 0 % each operation got its MRs; at 100 % none did. Dropped operations are no part of the rate.")

FREE = ("mr_pool", "on_exhaustion", "contexts", "teardown", "sq")


def _policy(row):
    point = row["run"]["point"]
    name = point.get("on_exhaustion") or row["run"]["report"]["test_info"]["configuration"].get(
        "on_exhaustion", "fallback")
    return name + (", teardown" if point.get("teardown") else "")


def _candidates(rows):
    return [dict(row, policy=_policy(row)) for row in rows
            if row["program"] == "ib_rw_bw" and row["path"] in ("mr", "direct") and
            not row.get("mix") and not row["run"]["point"].get("rate") and
            "mr_pool" in row["run"]["point"] and row.get("operations_per_s")]


def _points(rows):
    """[(policy, contexts, pool, rows of mr, ratio)] of those that met exhaustion or could."""
    found = []
    for (policy, contexts), group in by(rows, "policy", "contexts").items():
        direct = [row for row in group if row["path"] == "direct"]
        for (pool,), of_pool in by([row for row in group if row["path"] == "mr"], "mr_pool").items():
            ratio = paired_ratio(of_pool, direct, "operations_per_s")
            if ratio and any(row["mr_wanted"] for row in of_pool):
                found.append((policy, contexts, pool, of_pool, ratio))
    return found


def _draw(exhibit, points):
    with panel(exhibit.panels, f"{exhibit.title}: rate of path mr over direct against the share of "
               "exhaustions, for each policy; the figures are in the table below", exhibit.bed,
               (4.6, 3.1)) as axes:
        for i, policy in enumerate(sorted({point[0] for point in points})):
            mine = [point for point in points if point[0] == policy]
            look = look_of(i)
            xs = [estimate(rows, "exhaustion_share", 100).value for *_, rows, _ in mine]
            axes.plot(xs, [point[4].value for point in mine], linestyle="", marker=look.marker,
                      color=look.color, markerfacecolor="white", markeredgewidth=1.3, label=policy)
            for x, point in zip(xs, mine):
                if point[4].n > 1:
                    axes.plot([x, x], [point[4].low, point[4].high], color=look.color, linewidth=1)
        axes.axhline(1, color="#555555", linewidth=0.9, linestyle=":")
        axes.set_xlim(-3, 103)
        from_zero(axes, [max(1, point[4].value) for point in points])
        axes.set(xlabel="operations that found the pool empty, %", ylabel="rate of mr / rate of direct")
        legend(axes)


def exhibits(rows):
    found = []
    for family in families(_candidates(rows), FREE):
        points = _points(family.rows)
        if not any(row["exhaustions"] for *_, group, _ in points for row in group):
            continue
        table = Table([Column("when empty"), Column("contexts"), Column("pool", "MRs"),
                       Column("exhaustions", "%", ".2f"), Column("fell back", "%", ".2f"),
                       Column("dropped", "%", ".2f"), Column("mr / direct", "", ".3f"),
                       Column("95 % from", "", ".3f"), Column("to", "", ".3f"),
                       Column("WRs", "per op", ".2f"), Column("WQE bytes", "per op", ".0f"),
                       Column("waited", "us each", ".1f"), Column("SQ stalls"),
                       Column("teardowns"), Column("runs")])
        for policy, contexts, pool, group, ratio in points:
            wanted, waits = (sum(row[key] for row in group) for key in ("mr_wanted", "waits"))
            wqe = estimate(group, "wqe_bytes_per_operation")
            table.rows.append([policy, contexts, pool, *(
                100 * sum(row[key] for row in group) / wanted
                for key in ("exhaustions", "fallbacks", "failed")), *ratio[:3],
                estimate(group, "wrs_per_operation").value, wqe.value if wqe else None,
                sum(row["wait_ns"] for row in group) / waits / 1e3 if waits else None,
                sum(row["sq_stalls"] for row in group), sum(row["teardowns"] for row in group),
                ratio.n])
        exhibit = Exhibit(family.title, family.bed, [], table)
        _draw(exhibit, points)
        found.append(exhibit)
    return found
