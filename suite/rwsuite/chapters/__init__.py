# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The chapters of a report. Each module answers one QUESTION:

    TITLE, QUESTION, HOW      what stands above; HOW says how to read the plot
    exhibits(rows)            what the rows of store.rows(), each with "set", have to show: a
                              list of Exhibits, empty if they cannot answer
"""
from . import contexts, cpu, fallback, latency, pool, ratio, segments, series

CHAPTERS = (segments, ratio, contexts, pool, fallback, latency, cpu, series)
