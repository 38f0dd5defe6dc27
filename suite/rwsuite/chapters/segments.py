# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Path against segment count."""
from ..exhibits import (Column, Exhibit, Table, by, estimate, families, is_open_loop, paired_ratio,
                        size_text)
from ..plots import PATHS, counts_axis, from_zero, legend, line, panel

TITLE = "Path against segment count"
QUESTION = "From how many segments on is registering them worth its price?"
HOW = ("Bandwidth over the number of segments of one operation. Vertical lines are 95 % intervals of "
       "the mean over repetitions; the dotted line is the firmware's max_sgl_rd, above which path auto "
       "registers READs.")

MIB = 1 / (1 << 20)
FREE = ("size", "sges", "segment")


def candidates(rows):
    """Closed-loop bandwidth rows of one size each."""
    return [row for row in rows if row["program"] == "ib_rw_bw" and not row.get("mix") and
            not is_open_loop(row) and row.get("bytes_per_s")]


def facet_key(family):
    """Sizes are panels if they come in several segment counts, else lengths of segments are."""
    if any(len({row["sges"] for row in rows}) > 1 for rows in by(family.rows, "MsgSize").values()):
        return "MsgSize"
    return "segment_bytes"


def max_sgl_rd(rows):
    found = {row["run"]["report"]["test_info"].get("connection", {}).get("max_sgl_rd")
             for row in rows}
    return found.pop() if len(found) == 1 else None


def crossing(rows):
    """A sentence on where MRs begin to be better among @rows, which differ in segments."""
    better = {}
    for (sges,), of_count in by(rows, "sges").items():
        paths = by(of_count, "path")
        if ("mr",) in paths and ("direct",) in paths:
            better[sges] = paired_ratio(paths[("mr",)], paths[("direct",)], "operations_per_s")
    sure = [sges for sges, ratio in better.items() if ratio.low > 1]
    if not better:
        return None
    if not sure:
        return (f"path mr is shown to be faster at none of {len(better)} segment counts "
                f"({min(better)} to {max(better)})")
    beyond = [ratio for sges, ratio in better.items() if sges >= min(sure)]
    if all(ratio.low > 1 for ratio in beyond):
        return f"path mr is shown to be faster from {min(sure)} segments on (95 % intervals)"
    return f"path mr is shown to be faster at {', '.join(map(str, sure))} segments"


def draw(exhibit, rows, title, axis="sges", words="segments of an operation"):
    """Bandwidth of each path over @axis, whose name is @words."""
    paths = by(rows, "path")
    with panel(exhibit.panels, f"{exhibit.title}, {title}: bandwidth of each path over {words}; "
               "the figures are in the table below", exhibit.bed) as axes:
        for (path,), of_path in paths.items():
            counts = by(of_path, axis)
            line(axes, [key[0] for key in counts],
                 [estimate(group, "bytes_per_s", MIB) for group in counts.values()],
                 PATHS[path], path)
        hint = max_sgl_rd(rows)
        if hint and rows[0]["op"] == "read" and axis == "sges":
            axes.axvline(hint + 0.5, color="#555555", linestyle=":", linewidth=1)
        counts_axis(axes, [row[axis] for row in rows])
        from_zero(axes, [row["bytes_per_s"] * MIB for row in rows])
        axes.set(title=title, xlabel=words, ylabel="MiB/s")
        legend(axes)


def table_of(rows):
    """Bandwidth, cost and ratio of each path, size, segment count and number of contexts."""
    table = Table([Column("size", "bytes"), Column("segments"), Column("contexts"),
                   Column("path"), Column("engine"),
                   Column("bandwidth", "MiB/s", ".2f"), Column("95 % from", "MiB/s", ".2f"),
                   Column("to", "MiB/s", ".2f"), Column("rate", "1/s", ".1f"),
                   Column("CPU", "ns/op", ".1f"), Column("WRs", "per op", ".2f"),
                   Column("over direct", "ratio", ".3f"), Column("from", "", ".3f"),
                   Column("to", "", ".3f"), Column("runs")])
    for key, group in by(rows, "MsgSize", "sges", "contexts", "path").items():
        bandwidth = estimate(group, "bytes_per_s", MIB)
        direct = [row for row in rows if (row["MsgSize"], row["sges"], row["contexts"],
                                          row["path"]) == (*key[:3], "direct")]
        ratio = (paired_ratio(group, direct, "operations_per_s") if key[3] != "direct" else None)
        table.rows.append([*key, group[0]["engine"], bandwidth.value, bandwidth.low,
                           bandwidth.high, estimate(group, "operations_per_s").value,
                           estimate(group, "cpu_thread_ns_per_operation").value,
                           estimate(group, "wrs_per_operation").value,
                           *(ratio[:3] if ratio else [None] * 3), bandwidth.n])
    return table


def exhibits(rows):
    found = []
    for family in families(candidates(rows), FREE):
        if len(family.values("sges")) < 2:
            continue
        exhibit = Exhibit(family.title, family.bed, [], table_of(family.rows))
        key = facet_key(family)
        for (value,), group in by(family.rows, key).items():
            if len({row["sges"] for row in group}) < 2:
                continue
            title = size_text(value) if key == "MsgSize" else f"segments of {size_text(value)}"
            draw(exhibit, group, title)
            words = crossing(group)
            if words:
                exhibit.findings.append(f"{title}: {words}.")
        if exhibit.panels:
            found.append(exhibit)
    return found
