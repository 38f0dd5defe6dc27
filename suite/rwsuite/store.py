# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Result sets: a directory with plan.toml, and runs.jsonl with one line for each run.

Everyone reads and writes them through here. A line is

    {"format": 1, "id": of program, point and repetition, "part": name in the plan,
     "program": "ib_rw_bw", "point": {axis: value}, "repetition": 0, "block": 0,
     "started": "2026-11-21T14:00:00Z", "seconds": 1.9, "status": 0,
     "command": [...], "server_command": [...], "bed": "emulated|rxe|siw|hardware",
     "error": null or the program's one line, "report": what --json wrote, or null}

and is complete when its newline is there: what follows the last newline is of a
writer that was killed, and counts for nothing.
"""
import contextlib
import fcntl
import hashlib
import json
import os
import secrets
import tomllib

from .errors import USAGE, SuiteError

FORMAT = 1
RUNS, PLAN = "runs.jsonl", "plan.toml"


def run_id(part, point, repetition):
    """The name of a run, the same whenever the plan is read."""
    text = json.dumps([part, point, repetition], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class ResultSet:
    """What a directory holds. Iterate over it for its runs, each id once, its last line."""

    def __init__(self, path, runs, repeated, torn, plan_text):
        self.path, self.runs, self.repeated, self.torn = path, runs, repeated, torn
        self.plan_text = plan_text  # None: there is no copy of the plan

    def __iter__(self):
        return iter(self.runs)

    def __len__(self):
        return len(self.runs)

    @property
    def plan(self):
        """The plan as a dict, empty if there is no copy."""
        return tomllib.loads(self.plan_text or "")

    @property
    def name(self):
        return os.path.basename(os.path.abspath(self.path))


def _no_number(text):
    raise ValueError(f"{text} is no JSON")


def _run_of(line):
    """The run that @line is; ValueError, KeyError, TypeError or RecursionError if it is none."""
    run = json.loads(line, parse_constant=_no_number)
    for key, kind in (("format", int), ("id", str), ("point", dict), ("status", int),
                      ("report", (dict, type(None)))):
        if not isinstance(run[key], kind):
            raise TypeError(key)
    return run


def _parse(path, data):
    """The lines of @data as runs, and whether a torn one follows."""
    lines = data.split(b"\n")
    torn = lines.pop() != b""
    runs = []
    for number, line in enumerate(lines, 1):
        try:
            run = _run_of(line)
        except (ValueError, KeyError, TypeError, RecursionError):
            raise SuiteError(f"{path}: line {number} is no run: the file is damaged; "
                             "remove that line, and the sweep measures it again") from None
        if run["format"] != FORMAT:
            raise SuiteError(f"{path}: line {number} is of format {run['format']}, this rw_suite reads "
                             f"{FORMAT}: take the rw_suite that wrote it")
        runs.append(run)
    return runs, torn


def open_set(path):
    """Read the result set at @path."""
    file = os.path.join(path, RUNS)
    try:
        with open(file, "rb") as stream:
            lines, torn = _parse(file, stream.read())
    except OSError as error:
        raise SuiteError(f"{file}: {error.strerror}: is {path} a result set of rw_suite sweep?",
                         USAGE) from None
    last, repeated = {}, []
    for run in lines:
        if run["id"] in last and not last[run["id"]]["status"]:
            repeated.append(run["id"])  # one that had succeeded already
        last.pop(run["id"], None)  # in the order in which they were measured
        last[run["id"]] = run
    try:
        with open(os.path.join(path, PLAN), encoding="utf-8") as stream:
            text = stream.read()
    except OSError:
        text = None
    return ResultSet(path, list(last.values()), repeated, torn, text)


def rows(runs):
    """One flat dict for each row of each run that succeeded.

    Point axes, the keys of the report's row (which win: they say what was run), and of
    the run: "run" (the whole line), "part", "program", "repetition", "block", "bed";
    "operations_per_s" and, where the row is of one size, "bytes_per_s", whatever units
    the report is in. "threads" is their number, "of_threads" the list of the report.
    """
    for run in runs:
        if run["status"] or not run["report"]:
            continue
        info = run["report"]["test_info"]
        for row in run["report"]["results"]:
            flat = {**run["point"], **row}
            flat["of_threads"] = row.get("threads", [])
            flat["threads"] = len(flat["of_threads"])
            if row["elapsed_ns"]:
                flat["operations_per_s"] = row["n_iterations"] * 1e9 / row["elapsed_ns"]
                if not row.get("mix"):
                    flat["bytes_per_s"] = flat["operations_per_s"] * row["MsgSize"]
            flat.update(run=run, part=run.get("part"), program=info["program"],
                        repetition=run["repetition"], block=run["block"], bed=run["bed"])
            yield flat


def row_key(row):
    """What makes two rows of rows() the same measurement, repetitions and result sets apart."""
    point = row["run"]["point"]
    return (row["part"], row["program"], json.dumps(point, sort_keys=True), row["op"],
            row["path"], row["MsgSize"], row["sges"])


def groups(some_rows):
    """{row_key: [rows of its repetitions]}, in the order of their first appearance."""
    found = {}
    for row in some_rows:
        found.setdefault(row_key(row), []).append(row)
    return found


# ---- writing

def write_whole(path, data):
    """Make @data the file @path, or leave that as it is: whoever reads it finds the one or the other."""
    directory, name = os.path.split(path)
    aside = os.path.join(directory, f".{name}.{secrets.token_hex(4)}")
    try:
        with open(aside, "xb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(aside, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(aside)
        raise


def _sync_directory(path):
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_all(descriptor, data):
    while data:
        data = data[os.write(descriptor, data):]


class Writer:
    """Appends runs to a result set, alone: a second writer is refused. Use it in a with.

    @plan_text is kept beside the runs; a set that was begun with another is refused.
    """

    def __init__(self, path, plan_text):
        self.path = path
        self._file = None
        try:
            if os.path.exists(path) and not os.path.isdir(path):
                raise SuiteError(f"{path} is no directory: name another one for the runs", USAGE)
            os.makedirs(path, exist_ok=True)
            self._file = os.open(os.path.join(path, RUNS), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC,
                                 0o666)
            self._lock()
            self._keep_plan(plan_text)
            self._cut_torn_line()
            _sync_directory(path)
        except OSError as error:
            self.close()
            raise SuiteError(f"{error.filename or path}: {error.strerror}: name a directory that "
                             "can be written, and has room", USAGE) from None
        except SuiteError:
            self.close()
            raise

    def _lock(self):
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SuiteError(f"{self.path}: another sweep writes this result set: wait for it, "
                             "or name another directory", USAGE) from None

    def _keep_plan(self, text):
        file = os.path.join(self.path, PLAN)
        try:
            with open(file, encoding="utf-8") as stream:
                kept = stream.read()
        except FileNotFoundError:
            kept = None
        if kept is None or kept != text and not os.fstat(self._file).st_size:
            write_whole(file, text.encode())
            return
        if kept != text:
            raise SuiteError(f"{file}: this result set was begun with another plan: go on with "
                             "that one, or name another directory", USAGE)

    def _cut_torn_line(self):
        """A line without its newline is of a writer that was killed."""
        end = os.fstat(self._file).st_size
        keep = 0
        if end:
            data = os.pread(self._file, end, 0)
            keep = data.rfind(b"\n") + 1
        if keep != end:
            os.ftruncate(self._file, keep)
            os.fsync(self._file)
        os.lseek(self._file, keep, os.SEEK_SET)

    def append(self, run):
        """Write @run, and return when it is on the disk."""
        line = json.dumps({"format": FORMAT, **run}, separators=(",", ":"), allow_nan=False)
        try:
            _write_all(self._file, line.encode() + b"\n")
            os.fsync(self._file)
        except OSError as error:
            raise SuiteError(f"{os.path.join(self.path, RUNS)}: {error.strerror}: make room; "
                             "the same command then goes on") from None

    def close(self):
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def keep_only(path, ids):
    """Drop the runs of the set at @path that are not in @ids. Nobody may write it meanwhile."""
    file = os.path.join(path, RUNS)
    if all(run["id"] in ids for run in open_set(path)):
        return
    with open(file, "rb") as stream:
        kept = [line for line in stream.read().splitlines(True)
                if line.endswith(b"\n") and json.loads(line)["id"] in ids]
    write_whole(file, b"".join(kept))
    _sync_directory(path)
