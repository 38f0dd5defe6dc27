# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Share of exhaustions over pool and concurrency."""
from ..exhibits import Column, Exhibit, Table, by, configured, estimate, families, known
from ..plots import counts_axis, legend, line, look_of, panel

TITLE = "How often the pool is empty"
QUESTION = "How large must the pool of MRs be for the operations in flight?"
HOW = ("Share of the operations that wanted MRs and found the pool empty. Markers with lines: measured. "
       "Thin grey lines: what the loss model foretells from the measured hold time "
       "(Erlang B, Engset or a simulation, whichever fits the load; the table names it).")

FREE = ("mr_pool", "contexts")


def _draw(exhibit, path, rows):
    with panel(exhibit.panels, f"{exhibit.title}, path {path}: share of exhaustions over the MRs of "
               "a pool, for each number of contexts; the figures are in the table below",
               exhibit.bed) as axes:
        told = False
        for i, ((contexts,), group) in enumerate(by(rows, "contexts").items()):
            pools = by(group, "mr_pool")
            xs = [key[0] for key in pools]
            model = [(x, estimate(each, "exhaustion_share_predicted", 100))
                     for x, each in zip(xs, pools.values())]
            model = [(x, e.value) for x, e in model if e]
            axes.plot([x for x, _ in model], [y for _, y in model], color="#777777", linewidth=0.9,
                      marker="." if len(model) == 1 else None,
                      label="loss model" if model and not told else None)
            told = told or bool(model)
            line(axes, xs, [estimate(each, "exhaustion_share", 100) for each in pools.values()],
                 look_of(i), f"{contexts} contexts")
        counts_axis(axes, [row["mr_pool"] for row in rows])
        axes.set_ylim(-2, 102)
        axes.set(title=f"path {path}", xlabel="MRs of a pool", ylabel="operations that found it empty, %")
        legend(axes)


def _table(rows):
    table = Table([Column("path"), Column("contexts"), Column("pool", "MRs"),
                   Column("wanted MRs", "operations"), Column("exhaustions"),
                   Column("share", "%", ".3f"), Column("95 % from", "%", ".3f"),
                   Column("to", "%", ".3f"), Column("model's share", "%", ".3f"), Column("model"),
                   Column("in use", "MRs", ".2f"), Column("held", "us", ".1f"),
                   Column("pool for the wished share", "MRs", ".0f"), Column("runs")])
    for (path, contexts, pool), group in by(rows, "path", "contexts", "mr_pool").items():
        share = estimate(group, "exhaustion_share", 100)
        low, high = share.low, share.high
        if share.n == 1:  # the program's own interval
            low, high = (group[0][f"exhaustion_share_{end}"] for end in ("low", "high"))
            low, high = (None if bound is None else 100 * bound for bound in (low, high))
        model = estimate(group, "exhaustion_share_predicted", 100)
        names = sorted(set(known(group, "exhaustion_model")))
        held, target = estimate(group, "mr_hold_mean_ns", 1e-3), known(group, "pool_for_target")
        table.rows.append([path, contexts, pool, sum(known(group, "mr_wanted")),
                           sum(known(group, "exhaustions")), share.value, low, high,
                           model.value if model else None, ", ".join(names) or None,
                           estimate(group, "pool_mean_in_use").value, held.value if held else None,
                           max(target) if target else None, share.n])
    return table


def exhibits(rows):
    found = []
    wanted = [row for row in rows if row["mr_wanted"] and not row.get("mix") and
              configured(row, "mr_pool") != "auto"]
    for family in families(wanted, FREE):
        if len(family.values("mr_pool")) < 2:
            continue
        exhibit = Exhibit(family.title, family.bed, [], _table(family.rows))
        for (path,), group in by(family.rows, "path").items():
            _draw(exhibit, path, group)
        exhibit.findings = _findings(family.rows)
        found.append(exhibit)
    return found


def _findings(rows):
    found = []
    for (contexts,), group in by(rows, "contexts").items():
        dry = {pool: max(known(of_pool, "exhaustion_share"))
               for (pool,), of_pool in by(group, "mr_pool").items()}
        enough = [pool for pool in dry if not any(dry[more] for more in dry if more >= pool)]
        found.append(
            f"{contexts} contexts: no exhaustion was seen with {min(enough)} MRs or more." if enough
            else f"{contexts} contexts: exhaustions were seen with every pool, up to {max(dry)} MRs.")
    return found
