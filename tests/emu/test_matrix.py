#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""op x path x engine x sges x pool x on_exhaustion x invalidate on the emulated ConnectX.

Data are verified and counts are those of rwload.py and rwloop.py; what cannot be is refused
in one line. With RW_TEST_LONG=1 every combination runs, and runs twice.
"""
from itertools import product

from rwbed import main, tell
from rwload import LONG, Load

SGES = 1, 3, 4, 30, 31, 52, 53, 256, 300
# Engine reg knows no limit between these, and whole pages take their time.
REG_SGES = SGES if LONG else (1, 4, 31, 300)
CONTEXTS, ITERS = 8, 44
ON_EXHAUSTION = "fallback", "fail", "wait"
INVALIDATE = "lazy", "fenced", "never"


def pools(load):
    """1, half and all of the contexts, and what they need if that is more."""
    return sorted({1, load.contexts // 2, load.contexts, load.contexts * load.mrs_per_op})


def loads(engine, op, sges):
    """All combinations; or each pool with two policies and these with each one invalidation."""
    base = Load(engine=engine, op=op, sges=sges, contexts=CONTEXTS, iters=ITERS)
    if engine == "reg":
        base.contexts, base.iters = 4, 18
    turn = SGES.index(sges) + (op == "write")
    for (i, pool), (j, policy), (k, invalidate) in product(*map(enumerate, (
            pools(base), ON_EXHAUSTION, INVALIDATE))):
        # Over the segments every three of op, pool, policy and invalidation meet.
        if LONG or (j != (i + turn) % 3 and k == (i + j + turn // 3) % 3):
            yield Load(**{**vars(base), "mr_pool": pool, "on_exhaustion": policy,
                          "invalidate": invalidate})


def matrix(bed):
    for engine, op in product(("umr", "umr_ptr", "reg"), ("read", "write")):
        for sges in REG_SGES if engine == "reg" else SGES:
            wrong = []
            todo = list(loads(engine, op, sges))
            for i, load in enumerate(todo):
                wrong += bed.run(load, repeat=LONG or i == len(todo) // 2)
            tell(f"{bed.mode}: {engine} {op} of {sges} segments: {len(todo)} combinations", wrong)


main([matrix])
