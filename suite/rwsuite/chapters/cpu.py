# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""CPU time of an operation, and where the time of one goes."""
from ..exhibits import Column, Exhibit, Table, by, estimate, families, size_text
from ..plots import PATHS, counts_axis, from_zero, legend, line, look_of, panel
from .segments import FREE, candidates

TITLE = "CPU cost"
QUESTION = "What does an operation cost the CPU, and which part of it is planning and posting?"
HOW = ("Lines: CPU time of the measuring thread for each operation, polling included, while many are in "
       "flight. Bars: the mean time of one operation at a time, split into planning, posting, the "
       "device's part and polling.")

PARTS = ("plan", "post", "device", "poll")


def _draw_lines(exhibit, rows, size):
    with panel(exhibit.panels, f"{exhibit.title}, {size_text(size)}: CPU time of an operation on "
               "each path over segments; the figures are in the table below", exhibit.bed) as axes:
        for (path,), group in by(rows, "path").items():
            counts = by(group, "sges")
            line(axes, [key[0] for key in counts],
                 [estimate(each, "cpu_thread_ns_per_operation", 1e-3) for each in counts.values()],
                 PATHS[path], path)
        counts_axis(axes, [row["sges"] for row in rows])
        from_zero(axes, [row["cpu_thread_ns_per_operation"] / 1e3 for row in rows])
        axes.set(title=size_text(size), xlabel="segments of an operation", ylabel="CPU us / operation")
        legend(axes)


def _thread_costs(rows):
    for family in families(candidates(rows), FREE):
        if len(family.values("sges")) < 2:
            continue
        table = Table([Column("size", "bytes"), Column("segments"), Column("path"),
                       Column("CPU, thread", "ns/op", ".1f"), Column("95 % from", "ns/op", ".1f"),
                       Column("to", "ns/op", ".1f"), Column("CPU, process", "ns/op", ".1f"),
                       Column("CPU use", "%", ".1f"), Column("doorbells", "per op", ".3f"),
                       Column("runs")])
        exhibit = Exhibit(family.title, family.bed, [], table)
        for (size, sges, path), group in by(family.rows, "MsgSize", "sges", "path").items():
            cost = estimate(group, "cpu_thread_ns_per_operation")
            table.rows.append([size, sges, path, cost.value, cost.low, cost.high,
                               estimate(group, "cpu_process_ns_per_operation").value,
                               estimate(group, "CPU_util").value,
                               sum(row["doorbells"] for row in group) /
                               max(1, sum(row["n_iterations"] for row in group)), cost.n])
        for (size,), group in by(family.rows, "MsgSize").items():
            if len({row["sges"] for row in group}) > 1:
                _draw_lines(exhibit, group, size)
        if exhibit.panels:
            yield exhibit


def _draw_bars(exhibit, groups):
    labels = [f"{size_text(size)} ×{sges} {path}" for size, sges, path in groups]
    with panel(exhibit.panels, f"{exhibit.title}: mean time of an operation split into planning, "
               "posting, device and polling; the figures are in the table below", exhibit.bed,
               (4.6, 0.26 * len(labels) + 1.2)) as axes:
        left = [0.0] * len(labels)
        for i, part in enumerate(PARTS):
            widths = [sum(row["split_mean_ns"][part] for row in group) / len(group) / 1e3
                      for group in groups.values()]
            look = look_of(i)
            axes.barh(labels, widths, left=left, color="white", edgecolor=look.color, linewidth=1.1,
                      hatch=look.hatch or None, label=part, height=0.7)
            left = [a + b for a, b in zip(left, widths)]
        axes.invert_yaxis()
        axes.grid(axis="y", visible=False)
        axes.set_xlabel("us of an operation")
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncol=4, handlelength=2)


def _splits(rows):
    timed = [row for row in rows if row["program"] == "ib_rw_lat" and row.get("split_mean_ns")]
    for family in families(timed, FREE):
        groups = by(family.rows, "MsgSize", "sges", "path")
        table = Table([Column("size", "bytes"), Column("segments"), Column("path"),
                       *(Column(part, "ns", ".1f") for part in PARTS), Column("runs")])
        for key, group in groups.items():
            table.rows.append([*key, *(sum(row["split_mean_ns"][part] for row in group) / len(group)
                                       for part in PARTS), len(group)])
        exhibit = Exhibit(f"{family.title}: one operation at a time, split", family.bed, [], table)
        _draw_bars(exhibit, groups)
        yield exhibit


def exhibits(rows):
    return [*_thread_costs(rows), *_splits(rows)]
