# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Figures of a row that can be compared: what they are called, their unit, and what is better."""
from typing import NamedTuple


class Figure(NamedTuple):
    """A key of store.rows()."""

    key: str
    title: str
    unit: str
    scale: float  # value * scale is in the unit
    more_is_better: bool


FIGURES = {figure.key: figure for figure in (
    Figure("operations_per_s", "rate", "op/s", 1, True),
    Figure("t_typical", "median latency", "us", 1, False),
    Figure("t_avg", "mean latency", "us", 1, False),
    Figure("percentile_99", "p99 latency", "us", 1, False),
    Figure("percentile_99.9", "p99.9 latency", "us", 1, False),
    Figure("cpu_thread_ns_per_operation", "CPU time, thread", "us/op", 1e-3, False),
    Figure("cpu_process_ns_per_operation", "CPU time, process", "us/op", 1e-3, False),
)}

_DEFAULT = {"ib_rw_bw": "operations_per_s", "ib_rw_lat": "t_typical"}


def figure_of(row, key=None):
    """The Figure to judge @row by: @key, or its program's own; None if the row has it not."""
    figure = FIGURES[key or _DEFAULT[row["program"]]]
    return figure if row.get(figure.key) else None
