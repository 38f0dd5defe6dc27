# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Path against operations in flight."""
from ..exhibits import Exhibit, by, families, size_text
from .segments import FREE, candidates, draw, table_of

TITLE = "Path against operations in flight"
QUESTION = "Does it depend on how many operations are in flight?"
HOW = ("Bandwidth over the number of contexts of a QP. Vertical lines are 95 % intervals of the mean "
       "over repetitions.")


def exhibits(rows):
    found = []
    closed = [row for row in candidates(rows) if not row["exhaustions"]]
    for family in families(closed, (*FREE, "contexts")):
        exhibit = Exhibit(family.title, family.bed, [], None)
        drawn = []
        for (size, sges), group in by(family.rows, "MsgSize", "sges").items():
            if len({row["contexts"] for row in group}) > 1:
                draw(exhibit, group, f"{size_text(size)} in {sges} segments", "contexts",
                     "operations in flight (contexts)")
                drawn += group
        if drawn:
            exhibit.table = table_of(drawn)
            found.append(exhibit)
    return found
