# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""MR over direct: a map over size and segments."""
import math

from ..exhibits import Column, Exhibit, Table, by, families, paired_ratio, size_text
from ..plots import panel
from .segments import FREE, candidates

TITLE = "MR over direct"
QUESTION = "At which sizes and segment counts is path mr faster, and by how much?"
HOW = ("Rate of path mr divided by that of path direct in the same runs. Above 1 (a raised ▲) "
       "registering is faster, below 1 (▼) slower; = means that the 95 % interval holds 1, or that "
       "there were too few runs to tell.")


def _ratios(rows):
    found = {}
    for (size, sges), group in by(rows, "MsgSize", "sges").items():
        paths = by(group, "path")
        ratio = paired_ratio(paths.get(("mr",), []), paths.get(("direct",), []), "operations_per_s")
        if ratio:
            found[size, sges] = ratio
    return found


def mark(ratio):
    return "▲" if ratio.low > 1 else "▼" if ratio.high < 1 else "="


def _draw(exhibit, ratios):
    sizes = sorted({size for size, _ in ratios})
    counts = sorted({sges for _, sges in ratios})
    inches = (max(3.7, 0.62 * len(counts) + 1.1), max(1.6, 0.42 * len(sizes) + 0.9))
    limit = max(0.2, *(abs(math.log2(ratio.value)) for ratio in ratios.values()))
    with panel(exhibit.panels, f"{exhibit.title}: map of the ratio over size and segments; the "
               "figures are in the table below", exhibit.bed, inches) as axes:
        grid = [[math.log2(ratios[size, sges].value) if (size, sges) in ratios else math.nan
                 for sges in counts] for size in sizes]
        axes.pcolormesh(grid, cmap="PuOr_r", vmin=-limit, vmax=limit, edgecolor="white")
        for (size, sges), ratio in ratios.items():
            dark = abs(math.log2(ratio.value)) > 0.65 * limit
            axes.text(counts.index(sges) + 0.5, sizes.index(size) + 0.5, f"{ratio.value:.2f} {mark(ratio)}",
                      ha="center", va="center", fontsize=7.5, color="white" if dark else "black")
        axes.set_xticks([i + 0.5 for i in range(len(counts))],
                        [str(sges) for sges in counts])
        axes.set_yticks([i + 0.5 for i in range(len(sizes))],
                        [size_text(size) for size in sizes])
        axes.grid(False)
        axes.set(xlabel="segments of an operation", title="rate of mr / rate of direct")


def exhibits(rows):
    found = []
    for family in families(candidates(rows), FREE):
        ratios = _ratios(family.rows)
        if len(ratios) < 2:
            continue
        table = Table([Column("size", "bytes"), Column("segments"), Column("mr / direct", "", ".3f"),
                       Column("95 % from", "", ".3f"), Column("to", "", ".3f"), Column("verdict"),
                       Column("runs")],
                      [[size, sges, *ratio[:3], {"▲": "mr faster", "▼": "mr slower",
                                                 "=": "not told apart"}[mark(ratio)], ratio.n]
                       for (size, sges), ratio in ratios.items()])
        exhibit = Exhibit(family.title, family.bed, [], table)
        _draw(exhibit, ratios)
        found.append(exhibit)
    return found
