# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What differs between the hosts of a cluster: their set-ups, and their figures. Pure.

Sets are {Pair: ResultSet}.
"""
import re
from collections import Counter
from math import exp, fsum, log
from statistics import fmean, median
from typing import NamedTuple

from . import setup
from .figures import figure_of
from .stats import outliers
from .store import groups, row_key, rows

ENOUGH = 5  # pairs, to call one of them far from the others: as stats.outliers()
# Each host has its own.
OWN = {"host hostname", "device name", "device gid", "device gid_index", "device address"}
# Words of a kernel's boot line that are of a host.
OWN_WORDS = re.compile(r"(?:BOOT_IMAGE|BOOTIF|root|initrd|resume|ip|hostname|rd\.\S*uuid)=\S*\s*")


def _alike(fact, value):
    """@value without what differs between hosts that are the same."""
    if fact == "host kernel_command_line":
        return OWN_WORDS.sub("", value).strip()
    if fact == "host memory_bytes":  # the firmware keeps a little more or less of it
        return f"{value / (1 << 30):.0f} GiB"
    return str(value)


def facts_of(sets):
    """{fact: {host: text}}; of several values, all."""
    found = {}
    for pair, runs in sets.items():
        for name, values in setup.values(runs).items():
            side, _, fact = name.partition(" ")
            if side not in ("client", "server"):
                side, fact = "client", name
            if fact not in OWN:
                host = pair.client if side == "client" else pair.server
                texts = found.setdefault(fact, {}).setdefault(host, [])
                texts += [text for value in values if (text := _alike(fact, value)) not in texts]
    return {fact: {host: ", ".join(sorted(texts)) for host, texts in hosts.items()}
            for fact, hosts in found.items()}


class Difference(NamedTuple):
    """A fact that is not the same on all hosts."""

    fact: str
    values: list  # [(text, [hosts])], of most hosts first
    usual: bool  # more hosts have the first than any other

    @property
    def strangers(self):
        """Hosts that have not what most have; all, if there is no such."""
        return [host for _, hosts in self.values[self.usual:] for host in hosts]

    @property
    def text(self):
        parts = [f"{text} on {' '.join(hosts)}" for text, hosts in self.values[self.usual:]]
        rest = f", {self.values[0][0]} on the other {len(self.values[0][1])}" if self.usual else ""
        return f"{self.fact}: " + ", ".join(parts) + rest


def set_ups(sets):
    """[Difference] of the hosts."""
    found = []
    for fact, hosts in facts_of(sets).items():
        by_value = {}
        for host in sorted(hosts):
            by_value.setdefault(hosts[host], []).append(host)
        if len(by_value) > 1:
            values = sorted(by_value.items(), key=lambda one: -len(one[1]))
            found.append(Difference(fact, values, len(values[0][1]) > len(values[1][1])))
    return found


class Standing(NamedTuple):
    """How a pair stands to the others."""

    ratio: float  # of its figures to the medians of all pairs; above 1 is better. None: no figure
    rows: int
    far: int  # rows whose figure is far from the other pairs'; None: too few pairs

    @property
    def marked(self):
        return bool(self.far) and 2 * self.far >= self.rows


def standings(sets):
    """{Pair: Standing}"""
    figures = {}  # row_key: {pair: its figure, so that more is better}
    for pair, runs in sets.items():
        for key, some in groups(rows(runs)).items():
            figure = figure_of(some[0])
            values = [row[figure.key] for row in some if row.get(figure.key)] if figure else []
            if values:
                mean = fmean(values)
                figures.setdefault(key, {})[pair] = mean if figure.more_is_better else 1 / mean
    logs, far = {pair: [] for pair in sets}, Counter()
    for of_pairs in figures.values():
        middle = median(of_pairs.values())
        for pair, value in of_pairs.items():
            logs[pair].append(log(value / middle))
        found = list(of_pairs)
        far.update(found[at] for at in outliers(list(of_pairs.values())))
    return {pair: Standing(exp(fsum(some) / len(some)) if some else None, len(some),
                           far[pair] if len(sets) >= ENOUGH else None)
            for pair, some in logs.items()}


def strange_figures(standing):
    """[(hosts, text)]: a host if all its pairs are marked, where it has more than one; or a pair."""
    pairs_of, marked = {}, [pair for pair, one in standing.items() if one.marked]
    for pair in standing:
        for host in sorted(pair.hosts):
            pairs_of.setdefault(host, []).append(pair)
    bad = [host for host, pairs in pairs_of.items()
           if len(pairs) > 1 and all(pair in marked for pair in pairs)]
    found = [([host], f"{host}: the figures of all its {len(pairs_of[host])} pairs are far from the "
              "others'") for host in bad]
    for pair in marked:
        if not pair.hosts & set(bad):
            one = standing[pair]
            found.append((sorted(pair.hosts), f"{pair.server} with {pair.client}: {one.far} of "
                          f"{one.rows} figures are far from the other pairs', {one.ratio:.2f} times "
                          "theirs on average"))
    return found


class Found(NamedTuple):
    """All that differs."""

    set_ups: list  # [Difference]
    standings: dict  # {Pair: Standing}
    strange: list  # [(hosts, text)] of strange_figures()

    @property
    def marked(self):
        """Pairs that are strange, and those of strange hosts."""
        return {pair for pair in self.standings for hosts, _ in self.strange
                if set(hosts) == pair.hosts or len(hosts) == 1 and hosts[0] in pair.hosts}


def find(sets):
    """What is Found in @sets."""
    standing = standings(sets)
    return Found(set_ups(sets), standing, strange_figures(standing))


# ---- incast

class Sum(NamedTuple):
    """What all clients had together, in one row of a run."""

    key: tuple  # store.row_key()
    row: dict  # of one of them
    clients: int
    operations_per_s: float
    bytes_per_s: float  # None: of several sizes
    least: float  # share of the client that had the least
    most: float
    together: float  # share of the longest client's time in which all ran


def sums(sets):
    """[Sum] of each row that all clients of an incast measured at once, latencies left out."""
    found = {}
    for runs in sets.values():
        for row in rows(runs):
            if row["program"] == "ib_rw_bw" and "operations_per_s" in row:
                found.setdefault((row["run"]["id"], row_key(row)), []).append(row)
    made = []
    for (_, key), some in found.items():
        rates = [row["operations_per_s"] for row in some]
        times = [row["run"]["seconds"] for row in some]
        sizes = [row.get("bytes_per_s") for row in some]
        total = fsum(rates)
        made.append(Sum(key, some[0], len(some), total, None if None in sizes else fsum(sizes),
                        min(rates) / total, max(rates) / total,
                        min(times) / max(times) if max(times) else 1.0))
    return made
