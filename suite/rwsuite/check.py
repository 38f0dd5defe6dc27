# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""rw_suite check: is a result set valid, of one set-up, and without strangers?

Faults make the set unfit for a comparison or a report, and the exit code 1: a line that
the schema refuses, a run that is there twice, two set-ups in one set, a clock that went
wrong. Notes are what a reader should know: failed runs, outliers, warnings of the programs.
"""
import datetime
import json
import os
from collections import Counter

import jsonschema

from . import setup
from .errors import OK, RUN, SuiteError
from .figures import figure_of
from .stats import outliers
from .store import groups, open_set, rows

SHOWN = 20
NOTED_PPM, MAX_PPM = 100, 10000  # how well a clock is known: so far off may each figure be
BACK_S = 2  # times of day are whole seconds


def arguments(parser):
    parser.add_argument("results", nargs="+", help="result sets")
    parser.add_argument("--quiet", action="store_true", help="only faults")


def _schema(name):
    place = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "schema")
    try:
        with open(os.path.join(place, name), encoding="utf-8") as file:
            return json.load(file)
    except OSError as error:
        raise SuiteError(f"{error.filename}: {error.strerror}: is rwperf installed whole?") from None


def validator(name):
    """A validator of "run.json" or "report.json"."""
    schema = _schema(name)
    others = {one: _schema(one) for one in ("run.json", "report.json")}
    resolver = jsonschema.RefResolver("", schema, store=others)
    return jsonschema.Draft202012Validator(schema, resolver=resolver)


def _depth(error):
    """How far a refusal came; that of being null came nowhere."""
    return len(error.absolute_path), error.validator != "type"


def violations(instance, by):
    """What @by, a validator(), refuses: "path: why" texts."""
    for error in by.iter_errors(instance):
        while error.context:  # of alternatives, the one that came furthest says it best
            error = max(error.context, key=_depth)
        where = ".".join(map(str, error.absolute_path)) or "the whole"
        yield f"{where}: {error.message[:200]}"


# ---- faults and notes; each yields texts

def _schema_faults(results):
    by = validator("run.json")
    for run in results:
        for text in violations(run, by):
            yield f"run {run['id']}: {text}"


def _empty_faults(results):
    for run in results:
        if not run["status"] and not (run["report"] or {}).get("results"):
            yield f"run {run['id']}: it ended well and has no row: its report is lost"


def _double_faults(results):
    for name, times in Counter(results.repeated).items():
        yield f"run {name} is there {times + 1} times: two sweeps wrote here"


def _setup_faults(results):
    for name, values in setup.values(results).items():
        if len(values) > 1:
            yield f"mixed set-ups: {name}: {', '.join(map(str, values))}"


def _seconds(text):
    """Seconds since the epoch of "2026-11-21T14:00:00Z"; None: there is no such time."""
    try:
        return datetime.datetime.fromisoformat(text).timestamp()
    except ValueError:
        return None


def _clock_ppm(run):
    connection = ((run["report"] or {}).get("test_info", {}).get("connection")) or {}
    return connection.get("clock", {}).get("error_ppm", 0)


def _clock_notes(results):
    worst = max(map(_clock_ppm, results), default=0)
    if worst > NOTED_PPM:
        yield f"clocks are known to {worst:.0f} ppm only: so far off may figures be"


def _clock_faults(results):
    before = None
    for run in results:
        now = _seconds(run["started"])
        if now is None:
            yield f"run {run['id']}: it started at {run['started']}, which is no time"
            continue
        if before is not None and now < before - BACK_S:
            yield f"run {run['id']}: the time of day went back by {before - now:.0f} s before it"
        before = now
        if run["status"] or not run["report"]:
            continue
        ppm = _clock_ppm(run)
        if ppm > MAX_PPM:
            yield f"run {run['id']}: its clock is known to {ppm:.0f} ppm only"
        longest = max((row["elapsed_ns"] for row in run["report"]["results"]), default=0) / 1e9
        if longest > 1.01 * run["seconds"] + 0.01:
            yield (f"run {run['id']}: a row of {longest:.3f} s in a run of {run['seconds']:.3f} s: "
                   "the clocks of program and system differ")


def _failure_notes(results):
    reasons = Counter((run["status"], run["error"]) for run in results if run["status"])
    for (status, error), times in reasons.most_common():
        yield f"{times} runs failed with {status}: {error}"


def _even_notes(results):
    good = Counter((run["part"], json.dumps(run["point"], sort_keys=True))
                   for run in results if not run["status"])
    most = max(good.values(), default=0)
    fewer = sum(times < most for times in good.values())
    if fewer:
        yield (f"{fewer} of {len(good)} points have fewer good repetitions than the others' "
               f"{most}: the sweep is not at its end, or runs failed")
    if results.torn:
        yield "the last line is not complete: a sweep writes it now, or was killed; it goes on there"


def _outlier_notes(results):
    for name, some in groups(rows(results)).items():
        figure = figure_of(some[0])
        some = [row for row in some if figure and row.get(figure.key)]
        values = [row[figure.key] for row in some]
        for at in outliers(values):
            yield (f"run {some[at]['run']['id']}: {figure.title} {values[at] * figure.scale:.6g} "
                   f"{figure.unit} is far from the others' of {' '.join(map(str, name[3:]))}")


def _row_notes(results):
    told = Counter()
    for row in rows(results):
        if row["corrupt_bytes"]:
            told["corrupt data"] += 1
        if row["interrupted"]:
            told["interrupted"] += 1
    for what, times in told.items():
        yield f"{times} rows: {what}"
    warned = Counter()
    for run in results:
        info = (run["report"] or {}).get("test_info", {})
        for side in info, info.get("peer") or {}:
            placement = (side.get("host") or {}).get("placement", {})
            warned.update(placement.get("warnings", []))
    for text, times in warned.most_common():
        yield f"{times} runs warned: {text}"


def examine(results):
    """(faults, notes) of a ResultSet: two lists of texts."""
    faults = [*_schema_faults(results), *_empty_faults(results), *_double_faults(results)]
    if faults:  # the rest counts on keys that are there
        return faults, []
    for find in _setup_faults, _clock_faults:
        faults += find(results)
    return faults, [text for find in (_failure_notes, _clock_notes, _even_notes, _outlier_notes, _row_notes)
                    for text in find(results)]


def _print(kind, texts):
    for text in texts[:SHOWN]:
        print(f"  {kind}: {text}")
    if len(texts) > SHOWN:
        print(f"  ... and {len(texts) - SHOWN} more")


def run(args):
    bad = 0
    for path in args.results:
        results = open_set(path)
        faults, notes = examine(results)
        if not len(results):
            notes.append("no run yet")
        points = len({(run["part"], json.dumps(run["point"], sort_keys=True)) for run in results}) \
            if not faults else 0
        print(f"{path}: {len(results)} runs" + (f" of {points} points" if points else "")
              + f": {len(faults)} faults, {len(notes)} notes")
        _print("FAULT", faults)
        if not args.quiet:
            _print("note", notes)
        bad += bool(faults)
    return RUN if bad else OK
