#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""--selftest on a real kernel's rxe: what is not mlx5's holds."""
import sys

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from rwcase import PATIENCE, case, eq, main, true
from rwselftest import selftest

for some_options in (), ("-x", "2"):
    def _(options=some_options):
        table = selftest(*options, device="rxe0", timeout=2 * PATIENCE)
        table.check_failing()
        umr = {row for row in table.rows if row.startswith("umr")}
        eq(table.those("n/a"), umr, "rows that do not apply")
        # Built without libmlx5 there are no umr engines.
        eq("needs an mlx5 device" in table.out, bool(umr), "the reason")
        eq([sum(row.startswith(path) for row in table.those("yes"))
            for path in ("direct: ", "reg: ")], [9, 12], "rows of the direct path and of reg")
        true("ibv_post_send" in table.out, "how it posts")
    case(f"rxe0 {' '.join(some_options)}: the direct path and engine reg hold")(_)


main()
