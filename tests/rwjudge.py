# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What holds of a row of a report: that its counts and figures fit its options and each other."""

KEYS = {"issued": "operations_issued", "operations": "n_iterations", "torn": "operations_torn"}
COUNTS = ("issued", "operations", "wrs", "doorbells", "mr_wanted", "exhaustions", "fallbacks",
          "failed", "mr_operations", "waits", "sq_stalls", "teardowns", "torn")


class Expect(list):
    """What was not as it should be."""

    def equal(self, what, found, wanted):
        if found != wanted:
            self.append(f"{what}: {found} instead of {wanted}")

    def near(self, what, found, wanted):
        if found is None or abs(found - wanted) > 1e-9 * abs(wanted):
            self.append(f"{what}: {found} instead of {wanted}")

    def within(self, what, least, found, most):
        if found is None or not least <= found <= most:
            self.append(f"{what}: {found} is not within {least} and {most}")


def counts(row):
    return {name: row[KEYS.get(name, name)] for name in COUNTS}


def judge_row(load, row, loop=None):
    """What is wrong with @row of @load; with @loop (rwloop.py): its counts are exactly those."""
    is_mr = load.wants_mr
    got = counts(row)
    wrong = Expect()
    wrong.equal("verified", (row["verified"], row["corrupt_bytes"], row["first_corrupt_byte"]),
                (True, 0, None))
    wrong.equal("engine, MRs of a pool, pools", (row["engine"], row["mr_pool"], row["pools"]),
                (load.engine, load.pool, load.nr_pools) if is_mr else (None, None, None))
    if loop:
        for name, value in got.items():
            wrong.equal(name, value, loop.count[name])
        if is_mr:
            wrong.equal("pool_low_water", row["pool_low_water"], loop.low_water)
    judge_threads(load, row, wrong, loop)
    judge_counts(load, got, wrong)
    judge_wqes(load, row, got, wrong)
    judge_times(load, row, got, wrong)
    if is_mr:
        judge_pool(load, row, got, wrong)
    return wrong


def judge_refusal(run, status, *words):
    """What is wrong with a run that has to end with @status and one line that holds @words."""
    good = (run.status == status and len(run.err.splitlines()) == 1 and
            all(word in run.err for word in words) and not (run.report and run.rows))
    return [] if good else [f"wanted: exit {status}, one line with {words}, no rows; "
                            f"found: exit {run.status}", run.err]


def judge_counts(load, got, wrong):
    total = load.iters * load.qps
    wanted = total if load.wants_mr else 0
    wrong.equal("issued", got["issued"], total)
    wrong.equal("operations + failed + torn", got["operations"] + got["failed"] + got["torn"], total)
    wrong.equal("mr_wanted", got["mr_wanted"], wanted)
    wrong.equal("mr_operations + fallbacks + failed",
                got["mr_operations"] + got["fallbacks"] + got["failed"], wanted)
    for name, policy in ("fallbacks", "fallback"), ("failed", "fail"), ("waits", "wait"):
        wrong.equal(name, got[name], got["exhaustions"] if load.on_exhaustion == policy else 0)
    wrong.equal("teardowns", got["teardowns"], got["failed"] if load.teardown else 0)
    if not load.teardown:
        wrong.equal("torn", got["torn"], 0)
    if load.sq == "full":
        wrong.equal("sq_stalls", got["sq_stalls"], 0)
    # All contexts come at once, and `most` of those of a pool find MRs.
    sharers = load.qps // load.nr_pools
    most = load.pool // load.mrs_per_op
    least = max(load.contexts * sharers - most, 0) * load.nr_pools if load.wants_mr else 0
    if load.sq == "full" and not load.teardown and total >= load.contexts * load.qps:
        wrong.within("exhaustions", least, got["exhaustions"], wanted if least else 0)
    if least and load.on_exhaustion == "fallback" and load.sq == "full":
        # An MR is free again at the latest when all contexts went round once.
        wrong.within("mr_operations", most * (load.iters * sharers //
                     (load.contexts * sharers)) * load.nr_pools, got["mr_operations"],
                     total - least)


OF_THREADS = {"operations_issued": "issued", "n_iterations": "operations", "mr_wanted": "mr_wanted",
              "exhaustions": "exhaustions", "fallbacks": "fallbacks", "failed": "failed"}


def judge_threads(load, row, wrong, loop=None):
    """The threads are the row, and each has done its share of it."""
    threads = row["threads"]
    wrong.equal("QPs of each thread", [t["qps"] for t in threads], [s.qps for s in load.shares])
    wrong.equal("operations of each thread", [t["operations_issued"] for t in threads],
                [s.qps * load.iters for s in load.shares])
    for key, name in OF_THREADS.items():
        wrong.equal(f"{key} of all threads", sum(t[key] for t in threads), row[key])
        if loop:
            wrong.equal(f"{key} of each thread", [t[key] for t in threads],
                        [one.count[name] for one in loop.each])
    if load.wants_mr:
        wrong.equal("pool_low_water of all", min(t["pool_low_water"] for t in threads),
                    row["pool_low_water"])
    # All begin together, and the last to end ends the row.
    longest = max(t["elapsed_ns"] for t in threads)
    wrong.within("elapsed_ns of the slowest thread", 1, longest, row["elapsed_ns"])


def judge_wqes(load, row, got, wrong):
    posted = got["issued"] - got["failed"]
    direct = posted - got["mr_operations"]
    invals = got["wrs"] - direct * load.direct_wrs - got["mr_operations"] * load.mr_wrs
    by_mr = got["mr_operations"] * load.mrs_per_op
    lazy = load.invalidates and load.invalidate == "lazy"
    # MRs are used in the warm-up already; those of a new pool were not.
    wrong.within("LOCAL_INVs", by_mr if lazy and not load.teardown else 0, invals,
                 by_mr if lazy else 0)
    if load.post_list == 1:
        wrong.equal("doorbells", got["doorbells"], posted)
    wrong.within("doorbells", -(-posted // load.post_list), got["doorbells"], posted)
    wrong.near("wrs_per_operation", row["wrs_per_operation"], got["wrs"] / posted)
    if load.mlx5:
        wrong.near("wqe_bytes_per_operation", row["wqe_bytes_per_operation"],
                   load.wqe_bytes(direct, got["mr_operations"], invals) / posted)
    else:
        wrong.equal("wqe_bytes_per_operation", row["wqe_bytes_per_operation"], None)


def judge_times(load, row, got, wrong):
    wrong.within("elapsed_ns", 1, row["elapsed_ns"], 60e9)
    for name, count in ("wait_ns", "waits"), ("sq_stall_ns", "sq_stalls"), ("teardown_ns",
                                                                           "teardowns"):
        # A context waits for one thing at a time, for as long as the phase at the most. Of those
        # that begin together some find no room until the next completion of the same poll.
        least = 1 if got[count] and load.gather == 1 else 0
        wrong.within(name, least, row[name], got[count] * row["elapsed_ns"])
    if got["exhaustions"]:
        wrong.within("first_exhaustion_ns", 0, row["first_exhaustion_ns"], row["elapsed_ns"])
    else:
        wrong.equal("first_exhaustion_ns", row["first_exhaustion_ns"], None)


def judge_pool(load, row, got, wrong):
    elapsed, held = row["elapsed_ns"], got["mr_operations"] * load.mrs_per_op
    wrong.near("exhaustion_share", row["exhaustion_share"], got["exhaustions"] / got["mr_wanted"])
    wrong.near("exhaustions_per_s", row["exhaustions_per_s"], got["exhaustions"] * 1e9 / elapsed)
    most = load.contexts * load.mrs_per_op * (load.qps // load.nr_pools)
    if load.sq == "full":
        wrong.equal("pool_low_water", row["pool_low_water"], max(load.pool - most, 0)
                    if not got["exhaustions"] else 0)
    wrong.within("pool_create_ns", 1, row["pool_create_ns"], 60e9)
    wrong.within("pool_mean_in_use", 0, row["pool_mean_in_use"], load.pool)
    if not held:
        wrong.equal("pool_mean_in_use, mr_hold_mean_ns",
                    (row["pool_mean_in_use"], row["mr_hold_mean_ns"]), (0, None))
        return
    wrong.within("mr_hold_mean_ns", 1, row["mr_hold_mean_ns"], elapsed)
    # Little's law, which holds here by definition.
    wrong.near("pool_mean_in_use", row["pool_mean_in_use"] * load.nr_pools,
               held * row["mr_hold_mean_ns"] / elapsed)
