# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The chapter that the report of a cluster begins with: its hosts against each other."""
from math import inf, log

from . import differ
from .exhibits import HOW_LONG, Column, Exhibit, Table, size_text
from .plan import SHORT
from .stats import mean_interval

TITLE = "Hosts against each other"
QUESTION = "Do these hosts measure the same, and what do clients of one server have together?"
HOW = ("A result set is named after its server and its client. Ratios are to the median of all pairs: "
       "above 1 is better. A host or a pair is marked where it differs from what most others have.")


DRAWN = 6  # sets, at most, in the chapters that follow: each takes seconds, and is a plot more


def drawn(found):
    """The Pairs whose sets are drawn: those that are marked, then those nearest to the median. @found:
    differ.Found."""
    marked = found.marked

    def rank(pair):
        ratio = found.standings[pair].ratio
        return pair not in marked, abs(log(ratio)) if ratio else inf
    return sorted(found.standings, key=rank)[:DRAWN]


def exhibits(sets, found, incast, problems):
    """Exhibits of {Pair: ResultSet} and what is differ.Found in it; @problems: lines about hosts that did
    not measure."""
    beds = {run["bed"] for runs in sets.values() for run in runs if run["bed"]}
    bed = next(iter(sorted(beds - {"hardware"})), "hardware")
    shown = [_set_ups(found, bed), _pairs(sets, found, bed, problems)]
    return shown + ([_sums(sets, bed)] if incast else [])


def _set_ups(found, bed):
    table = Table([Column("Fact"), Column("Value"), Column("Hosts"), Column("Mark")])
    for one in found.set_ups:
        for text, hosts in one.values:
            usual = one.usual and text == one.values[0][0]
            table.rows.append((one.fact, text, " ".join(hosts), "" if usual else "differs"))
    return Exhibit("Set-ups that differ", bed, [], table,
                   [one.text for one in found.set_ups] or
                   ["All hosts that measured have the same set-up."])


def _pairs(sets, found, bed, problems):
    marked = found.marked
    table = Table([Column("Set"), Column("Server"), Column("Client"), Column("Good runs"),
                   Column("Failed"), Column("Figures to the median", "", ".3f"),
                   Column("Rows"), Column("Far rows"), Column("Mark")])
    for pair, runs in sets.items():
        failed = sum(bool(run["status"]) for run in runs)
        one = found.standings[pair]
        table.rows.append((pair.name, pair.server, pair.client, len(runs) - failed, failed,
                           one.ratio, one.rows, one.far, "differs" if pair in marked else ""))
    findings = [*problems, *(text for _, text in found.strange)]
    if len(sets) < differ.ENOUGH:
        findings.append(f"Figures of fewer than {differ.ENOUGH} pairs do not tell which of them is the "
                        "strange one: none is marked for them.")
    if len(sets) > DRAWN:
        findings.append(f"The chapters below draw {DRAWN} of the {len(sets)} sets: "
                        + ", ".join(pair.name for pair in drawn(found)) + ".")
    return Exhibit("Pairs", bed, [], table, findings)


def _axes(row):
    point = {SHORT.get(key, key): value for key, value in row["run"]["point"].items()}
    return " ".join(f"{key} {value}" for key, value in point.items()
                    if key not in (*HOW_LONG, "op", "path", "size", "sges"))


def _sums(sets, bed):
    by_row = {}
    for one in differ.sums(sets):
        by_row.setdefault((one.key, one.clients), []).append(one)
    table = Table([Column("Part"), Column("Op"), Column("Path"), Column("Size"), Column("SGEs"),
                   Column("Axes"), Column("Clients"), Column("Runs"),
                   Column("Sum", "op/s", ".6g"), Column("from", "op/s", ".6g"),
                   Column("to", "op/s", ".6g"), Column("Sum", "MiB/s", ".6g"),
                   Column("Least client", "% of the sum", ".1f"),
                   Column("Most", "% of the sum", ".1f"), Column("Together", "% of the time", ".1f")])
    for (_, clients), some in by_row.items():
        row, rate = some[0].row, mean_interval(one.operations_per_s for one in some)
        amounts = [one.bytes_per_s for one in some]
        amount = None if None in amounts else mean_interval(amounts).value / (1 << 20)
        table.rows.append((row["part"] or "", row["op"], row["path"], size_text(row["MsgSize"]),
                           row["sges"], _axes(row), clients, len(some), rate.value,
                           max(rate.low, 0.0) if rate.n > 1 else None, rate.high, amount,
                           100 * min(one.least for one in some), 100 * max(one.most for one in some),
                           100 * min(one.together for one in some)))
    findings = ["Together: the shortest client's run against the longest one's, at the worst. Where it is "
                "far below 100 %, clients did not compete all the time: give the plan a longer duration."]
    if any(clients < len(sets) for _, clients in by_row):
        findings.append(f"Some rows have fewer than the {len(sets)} clients: others failed in those runs.")
    return Exhibit("Sum of all clients", bed, [], table, findings)
