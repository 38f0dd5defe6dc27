# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What the tests of rw_suite share: where it is, how it is run, and its result sets."""
import json
import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [TESTS, os.path.join(TESTS, "emu"), os.path.join(os.path.dirname(TESTS), "suite")]
# pylint: disable=wrong-import-position
from rwbed import enter_emu
from rwproc import PATIENCE, SRCDIR, Process, eq, note, true

PYTHON = os.environ.get("RW_PYTHON", "/usr/bin/python3")
SUITE = [PYTHON, os.path.join(SRCDIR, "suite", "rw_suite")]
DIRECTORY = tempfile.TemporaryDirectory(prefix="rw_suite.")  # pylint: disable=consider-using-with


def has_modules(*names):
    """False, with the plan that skips the file, if rw_suite's Python lacks one of @names."""
    if PYTHON and not subprocess.run([PYTHON, "-c", "import " + ", ".join(("tomllib", *names))],
                                     stderr=subprocess.DEVNULL, check=False).returncode:
        return True
    print(f"1..0 # SKIP no Python 3.11 with {', '.join(names)}")
    return False


def on_the_bed(*names):
    """Enter the emulated device, for tests that run the programs; False if they are skipped."""
    if os.environ.get("RW_TESTS") == "fast":
        print("1..0 # SKIP RW_TESTS=fast")
        return False
    return has_modules(*names) and enter_emu()


def path(name):
    return os.path.join(DIRECTORY.name, name)


def environment(**more):
    # Python leaks where the programs are sanitized.
    return {**os.environ, "ASAN_OPTIONS": "detect_leaks=0", **more}


def suite(*arguments, status=0, **more):
    """Run rw_suite to its end. Returns (stdout, stderr)."""
    process = Process([*SUITE, *map(str, arguments)], env=environment(**more))
    try:
        found = process.wait(2 * PATIENCE)
        eq(found, status, f"exit code ({process.err.strip()})")
        return process.out, process.err
    finally:
        process.end()


def refused(status, *arguments, words=(), **more):
    """rw_suite ends with @status and one line that holds @words."""
    _, err = suite(*arguments, status=status, **more)
    eq(len(err.splitlines()), 1, f"lines of standard error ({err!r})")
    true(err.startswith("rw_suite: "), f"the form of {err!r}")
    for word in words:
        true(word in err, f"{word!r} in {err!r}")


def write_plan(name, text):
    """A plan's file; another case, that runs beside this one, may be reading the same."""
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=DIRECTORY.name, delete=False) as file:
        file.write(text)
    os.replace(file.name, path(name))
    return path(name)


def lines_of(results):
    """The runs of a result set, every line as it stands; the file must be whole."""
    with open(os.path.join(results, "runs.jsonl"), "rb") as file:
        data = file.read()
    true(not data or data.endswith(b"\n"), "the last line is complete")
    return [json.loads(line) for line in data.splitlines()]


def write_lines(results, lines):
    """A result set of @lines."""
    os.makedirs(results, exist_ok=True)
    with open(os.path.join(results, "runs.jsonl"), "w", encoding="utf-8") as file:
        for line in lines:
            file.write(json.dumps(line) + "\n")
    return results


def processes_of(results, word=b""):
    """Pids of programs that a sweep into @results started, by its mark in their environment, that have
    @word in their command line."""
    mark = f"RW_TEST_MARK={results}".encode()
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                marked = mark in file.read().split(b"\0")
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                if marked and word in file.read():
                    found.append(int(pid))
        except OSError:
            pass
    return found


def told(text):
    note(text)
    return text
