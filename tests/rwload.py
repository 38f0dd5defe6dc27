# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What the options of a run say of its operations: path, MRs, WRs, bytes of WQEs.

The rules, reckoned a second time and without a look at the code.
"""
import os
from dataclasses import dataclass, replace
from itertools import product

LONG = os.environ.get("RW_TEST_LONG") == "1"
ENGINE_ENTRIES = {"umr": 52, "umr_ptr": 256, "reg": 65536}
UMR_HEAD, BLOCK = 128, 64  # bytes of a UMR WQE before its list; what WQEs are counted in


def ceil(n, d):
    return -(-n // d)


@dataclass
class Load:
    """The options of a run that decide on counts, and the limits of the device."""
    op: str = "read"
    path: str = "mr"
    engine: str = "umr"
    sges: int = 16
    contexts: int = 8
    iters: int = 44
    qps: int = 1
    threads: int = 1
    mr_pool: int = 0          # 0: as many as the contexts need
    mr_entries: int = 0       # 0: what the engine takes
    on_exhaustion: str = "fallback"
    invalidate: str = "lazy"
    pool_scope: str = "qp"
    sq: str = "full"
    post_list: int = 1
    cq_mod: int = 1
    teardown: bool = False
    max_sgl_rd: int = 3
    max_sge: int = 30
    mlx5: bool = True         # a device whose WQEs are known

    @property
    def wants_mr(self):
        return self.path == "mr" or (self.path == "auto" and self.op == "read" and
                                     0 < self.max_sgl_rd < self.sges)

    @property
    def entries(self):
        return self.mr_entries or ENGINE_ENTRIES[self.engine]

    @property
    def mrs_per_op(self):
        return ceil(self.sges, self.entries)

    @property
    def pool(self):
        sharers = self.qps // self.nr_pools
        return self.mr_pool or self.contexts * self.mrs_per_op * sharers

    @property
    def nr_pools(self):
        return self.threads if self.pool_scope == "thread" else self.qps

    @property
    def shares(self):
        """What each thread has of it: QPs are dealt out, the first ones have one more."""
        return [replace(self, threads=1, qps=self.qps // self.threads + (i < self.qps % self.threads))
                for i in range(self.threads)]

    @property
    def direct_wrs(self):
        return ceil(self.sges, self.max_sge)

    @property
    def invalidates(self):
        return self.engine != "reg" and self.invalidate != "never"

    @property
    def mr_wrs(self):
        """WRs of the MR path, lazy LOCAL_INVs not counted."""
        fenced = self.invalidates and self.invalidate == "fenced"
        return self.mrs_per_op * ((self.engine != "reg") + 1 + fenced)

    @property
    def send_queue(self):
        """WRs of a send queue beside the marker of unsignaled operations."""
        if self.sq == "kernel":
            return 3 * self.contexts
        chain = self.mrs_per_op * (1 + (self.engine != "reg") + self.invalidates)
        return self.contexts * max(self.direct_wrs, chain)

    @property
    def signal_every(self):
        longest = max(self.direct_wrs, self.mr_wrs + self.mrs_per_op * (
            self.invalidates and self.invalidate == "lazy")) if self.wants_mr else self.direct_wrs
        mod = min(self.cq_mod, self.contexts, self.send_queue // longest)
        if self.wants_mr:
            mod = min(mod, self.pool * self.nr_pools // (self.qps * self.mrs_per_op))
        return max(mod, 1)

    def refusal(self):
        """None, or (exit code, words of the line) that say why it cannot be."""
        if self.op == "write" and self.invalidate == "fenced":
            return 2, ("--invalidate=fenced", "give lazy or never")
        if self.on_exhaustion != "fallback" and self.pool < self.mrs_per_op:
            return 2, (f"one operation needs {self.mrs_per_op} MRs and the pool has {self.pool}",
                       "raise --mr_pool or --mr_entries")
        return None

    @property
    def gather(self):
        """Operations of a QP that begin together."""
        return min(self.post_list, self.contexts - self.signal_every + 1)

    # ---- bytes of WQEs

    def io_bytes(self, sges):
        return ceil(32 + 16 * sges, BLOCK) * BLOCK

    def direct_bytes(self):
        return sum(self.io_bytes(min(self.max_sge, self.sges - i))
                   for i in range(0, self.sges, self.max_sge))

    def reg_bytes(self, entries):
        if self.engine == "reg":
            return 0
        listed = ceil(entries, 4) * 64 if self.engine == "umr" else 16
        return ceil(UMR_HEAD + listed, BLOCK) * BLOCK

    def wqe_bytes(self, direct, by_mr, invals):
        """Of @direct and @by_mr operations and @invals lazy LOCAL_INVs."""
        mr = sum(self.reg_bytes(min(self.entries, self.sges - i)) + self.io_bytes(1)
                 for i in range(0, self.sges, self.entries))
        if self.invalidates and self.invalidate == "fenced":
            mr += self.mrs_per_op * UMR_HEAD
        return direct * self.direct_bytes() + by_mr * mr + invals * UMR_HEAD


def arguments(load):
    """The options, but --path; data are verified."""
    # What a segment holds does not matter, but that engine reg needs whole pages.
    segment = 4096 if load.engine == "reg" else 512 if load.sges <= 53 else 24
    options = ["--verify", "-s", load.sges * segment, f"--sges={load.sges}",
               f"--segment={segment}", f"--engine={load.engine}", "-t", load.contexts,
               "-n", load.iters, "-q", load.qps, "-l", load.post_list, "-Q", load.cq_mod]
    if load.engine != "reg":
        options.append(f"--segment_stride={segment + 8}")
    for name in "op", "on_exhaustion", "invalidate", "pool_scope", "sq":
        options.append(f"--{name}={getattr(load, name)}")
    for name in "mr_pool", "mr_entries":
        if getattr(load, name):
            options.append(f"--{name}={getattr(load, name)}")
    if load.threads > 1:
        options += [f"--threads={load.threads}", "--no_pin"]
    if load.teardown:
        options.append("--teardown")
    return [str(option) for option in options]


def some(lists, key=0):
    """All combinations of @lists, or so many that each item of the longest has its turn."""
    lists = list(map(list, lists))
    if LONG:
        return list(product(*lists))
    return [tuple(one[(i + key * j) % len(one)] for j, one in enumerate(lists))
            for i in range(max(map(len, lists)))]
