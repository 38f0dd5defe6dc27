# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What the end-to-end tests on the emulated ConnectX share: see rwtap.py for the rest."""
import os

from rwbed import enter_emu
from rwproc import LATENCY, Client, Failed, emu_env, eq, note, shared_server, true
from rwtap import good, run_cases

PERFTEST_KEYS = "t_min", "t_typical", "percentile_99", "percentile_99.9", "t_max"


def main():
    """Run the cases of this file within rw_emu."""
    if enter_emu():
        run_cases()


# ---- latencies

def server_of(program):
    return shared_server("of " + os.path.basename(program), device="mlx5_0", program=program)


def start_latency(*options, program=LATENCY, server=None, **settings):
    """A client, of ib_rw_lat if not told; @settings are of the emulated device it has."""
    return Client(server or server_of(program), "-F", *map(str, options), device="mlx5_1",
                  program=program, env=dict(os.environ, **emu_env(**settings)))


def latency(*options, **more):
    """... and its end."""
    return start_latency(*options, **more).finish()


def in_tries(check, tries=3):
    """A busy host stalls, or misses what was asked of it: then nothing was shown."""
    for attempt in range(tries):
        try:
            return check()
        except Failed as failure:
            note(f"attempt {attempt + 1}: {failure}")
            last = failure
    raise last


def near(found, wanted, what, relative=1e-9, absolute=1e-9):
    true(abs(found - wanted) <= relative * abs(wanted) + absolute,
         f"{what}: {found!r} instead of {wanted!r}")


def check_order(row, unit_ns, what):
    """Minimum, percentiles and maximum are those of one distribution."""
    times = [row[key] for key in PERFTEST_KEYS]
    eq(times, sorted(times), what + "t_min to t_max in order")
    times = [time * unit_ns for time in times]
    true(times[0] > 0, what + "t_min is a time")
    listed = sorted((float(key), value) for key, value in row["percentiles_ns"].items())
    values = [value for _, value in listed]
    eq(values, sorted(values), what + "percentiles in order")
    # 1e-9: the unit is not that of the percentiles
    true(values[0] >= times[0] * (1 - 1e-9) and values[-1] <= times[-1] * (1 + 1e-9),
         what + f"percentiles {values} from t_min to t_max {times}")
    for percent, key in (50, "t_typical"), (99, "percentile_99"), (99.9, "percentile_99.9"):
        for at, value in listed:
            if at == percent:
                near(row[key] * unit_ns, value, what + key)
    true(row["t_min"] <= row["t_avg"] <= row["t_max"], what + "t_avg from t_min to t_max")
    true(0 <= row["t_stdev"] <= row["t_max"] - row["t_min"], what + "t_stdev")


def check_split(row, unit_ns, what):
    """The parts of a mean operation are the whole; planning comes before the first WR."""
    split = row["split_mean_ns"]
    eq(set(split), {"plan", "post", "device", "poll"}, what + "parts")
    true(min(split.values()) >= 0, what + f"no part is below 0: {split}")
    near(split["post"] + split["device"] + split["poll"], row["t_avg"] * unit_ns,
         what + "the sum of the parts", relative=1e-6)


def check_alone(row, what):
    """Registration and invalidation alone: where MRs were taken, and only there."""
    for key in "registration_alone_ns", "invalidation_alone_ns":
        alone = row[key]
        eq(alone is not None, row["mr_operations"] > 0, what + key)
        if alone:
            true(alone["count"] > 0 and 0 < alone["p50"] <= alone["p99"] <= alone["max"],
                 what + f"{key}: {alone}")


def check_contrast(run, row, what):
    """How an indirect row compares with the direct one of its group."""
    found = [one[row["path"] + "_over_direct"] for one in run.report["ratios"]
             if row["path"] + "_over_direct" in one]
    eq(len(found), 1, what + "contrasts")
    if found[0]["difference_ns"] is None and row["n_iterations"] < 2000:
        return  # too few, on a slow host
    for key in "difference_ns", "ratio":
        one = found[0][key]
        true(one["low"] <= one["high"], what + f"interval of the {key}: {one}")
        # The interval is of medians of blocks: its estimate is within it.
        true(one["low"] <= one["estimate"] <= one["high"], what + f"{key}: {one}")
    by = found[0]["difference_ns"]
    eq(found[0]["difference_found"], not by["low"] <= 0 <= by["high"], what + "difference_found")


def good_latencies(run, unit_ns=1e3, engine="reg", alone=True, **more):
    """A run of ib_rw_lat that took turns and ended well. Returns its rows."""
    rows = good(run, engine=engine, **more)
    for row in rows:
        what = f"{row['op']} {row['path']}: "
        eq([key for key in row if key.startswith("BW") or key == "MsgRate"], [],
           what + "keys of bandwidth")
        eq(row["open_loop"], None, what + "open_loop")
        check_order(row, unit_ns, what)
        check_split(row, unit_ns, what)
        if alone:
            check_alone(row, what)
        if row["path"] != "direct":
            check_contrast(run, row, what)
    # Rows that take turns end together.
    eq(len({row["blocks"] for row in rows}), 1, "rows with as many blocks")
    return rows
