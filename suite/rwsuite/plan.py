# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Plans: a TOML file of axes, and the runs that follow from it. Pure.

    title = "what it asks"
    repetitions = 3             # each is a block of all points in random order
    seed = 1                    # of that order
    [options]                   # the programs' options by their long names, for all parts
    [server]                    # ... of the servers
    [[part]]
    name = "bandwidth"
    program = "ib_rw_bw"        # or ib_rw_lat
    options = { duration = 1 }  # of this part
    [part.axes]                 # every combination is a point
    op = ["read", "write"]
    sges = [1, 4, 16]

An axis or option is any that the program has: which ones there are, and which values go
together, the programs alone know (programs.py asks them). true gives a flag, false leaves
it out, a list among an axis's values is joined by commas.
"""
import itertools
import math
import os
import random
import tomllib
from typing import NamedTuple

from .errors import USAGE, SuiteError
from .store import run_id

PROGRAMS = "ib_rw_bw", "ib_rw_lat"
# Short names of axes, for those of the option table.
SHORT = {"pool": "mr_pool", "qps": "qp"}
# What rw_suite itself says to the programs, or what would keep them from a report.
OURS = {"json": "rw_suite reads the report itself", "output": "rw_suite reads the report itself",
        "ib-dev": "use --devices", "port": "use --port", "bind": "use --bind",
        "keep_serving": "servers always do", "run_infinitely": "use repetitions",
        "explain": "use the program itself", "selftest": "use the program itself",
        "list_engines": "use the program itself", "perftest": "use the program itself",
        "help": "use the program itself", "version": "use the program itself"}
MAX_RUNS = 100000  # a week of runs of six seconds each
MAX_BYTES = 1 << 20  # of a plan


class Point(NamedTuple):
    """One combination of a part's axes."""

    part: str
    program: str
    values: dict  # axis: value
    options: dict  # those of the plan and of the part
    repetitions: int

    @property
    def argv(self):
        """The program's options."""
        return arguments({**self.options, **self.values})

    @property
    def text(self):
        return f"{self.part}: " + " ".join(f"{name}={_typed(value)}"
                                           for name, value in self.values.items())


class Run(NamedTuple):
    """A repetition of a point."""

    id: str
    point: Point
    repetition: int


class Plan(NamedTuple):
    """What a file says."""

    name: str
    title: str
    seed: int
    points: list
    server: dict  # options of the servers
    text: str


def _typed(value):
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def arguments(options):
    """{"size": "64K", "verify": true} as a program takes it."""
    argv = []
    for name, value in options.items():
        name = SHORT.get(name, name)
        if value is True:
            argv.append("--" + name)
        elif value is not False:
            argv.append(f"--{name}={_typed(value)}")
    return argv


# ---- reading, with one line for whatever is wrong

def _take(table, where, key, kind, default=None):
    """Take @key out of @table: of @kind, or @default."""
    value = table.pop(key, default)
    if value is None:
        raise SuiteError(f"{where}: {key} is missing", USAGE)
    if not isinstance(value, kind) or isinstance(value, bool):
        name = {str: "a text", int: "a whole number", dict: "a table", list: "a list"}[kind]
        raise SuiteError(f"{where}: {key} must be {name}", USAGE)
    return value


def _no_more(table, where):
    if table:
        raise SuiteError(f"{where}: what is {next(iter(table))}? Options belong to [options], "
                         "[server] or [part.axes]", USAGE)


def _check_options(options, where):
    for name, value in options.items():
        if SHORT.get(name, name) in OURS:
            raise SuiteError(f"{where}: {name} is not for a plan: {OURS[SHORT.get(name, name)]}",
                             USAGE)
        if "\0" in _typed(value):
            raise SuiteError(f"{where}: {name}: a value has a character that no option can have",
                             USAGE)
        if not isinstance(value, (bool, int, float, str, list)) or isinstance(value, list) and \
                not all(isinstance(one, (int, float, str)) for one in value):
            raise SuiteError(f"{where}: {name}: give a number, a text, true or false, or a list "
                             "of such", USAGE)
    return options


def _axes(table, where):
    """{axis: [values]}; a single value is a list of one."""
    axes = {}
    for name, values in _take(table, where, "axes", dict, {}).items():
        values = values if isinstance(values, list) else [values]
        if not values:
            raise SuiteError(f"{where}: axis {name} has no value", USAGE)
        if len({_typed(value) for value in values}) < len(values):
            raise SuiteError(f"{where}: axis {name} has a value twice", USAGE)
        for value in values:
            _check_options({name: value}, where)
        axes[name] = values
    return axes


def _read_part(table, plan_options, repetitions, where):
    name = _take(table, where, "name", str)
    where = f"{where} {name}"
    program = _take(table, where, "program", str, PROGRAMS[0])
    if program not in PROGRAMS:
        raise SuiteError(f"{where}: program {program}; there are {' and '.join(PROGRAMS)}", USAGE)
    repetitions = _take(table, where, "repetitions", int, repetitions)
    own = _check_options(_take(table, where, "options", dict, {}), where)
    axes = _axes(table, where)
    _no_more(table, where)
    if repetitions < 1:
        raise SuiteError(f"{where}: repetitions must be 1 or more", USAGE)
    both = {SHORT.get(axis, axis) for axis in axes} & {SHORT.get(one, one) for one in own}
    if both or len({SHORT.get(axis, axis) for axis in axes}) < len(axes):
        raise SuiteError(f"{where}: {', '.join(both) or 'an axis'} is given twice", USAGE)
    runs_of_part = math.prod(map(len, axes.values())) * repetitions
    if runs_of_part > MAX_RUNS:
        raise SuiteError(f"{where}: {runs_of_part} runs are more than {MAX_RUNS}: take values out "
                         "of an axis, or repetitions", USAGE)
    options = {key: value for key, value in {**plan_options, **own}.items() if key not in axes}
    return [Point(name, program, dict(zip(axes, values)), options, repetitions)
            for values in itertools.product(*axes.values())]


def parse(text, name):
    """The Plan that @text is; @name is for errors and the result set."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SuiteError(f"{name}: no TOML: {error}", USAGE) from None
    title = _take(table, name, "title", str, "")
    repetitions = _take(table, name, "repetitions", int, 3)
    seed = _take(table, name, "seed", int, 1)
    options = _check_options(_take(table, name, "options", dict, {}), f"{name}: [options]")
    server = _check_options(_take(table, name, "server", dict, {}), f"{name}: [server]")
    parts = _take(table, name, "part", list)
    _no_more(table, name)
    points, names = [], set()
    for number, part in enumerate(parts, 1):
        if not isinstance(part, dict):
            raise SuiteError(f"{name}: part must be a table: [[part]]", USAGE)
        found = _read_part(part, options, repetitions, f"{name}: part {number}")
        if found[0].part in names:
            raise SuiteError(f"{name}: two parts have the name {found[0].part}", USAGE)
        names.add(found[0].part)
        points += found
    return Plan(name, title, seed, points, server, text)


def read(path):
    """The Plan of the file @path, or of the ready plan of that name."""
    ready = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "plans",
                         path + ".toml")
    if os.sep not in path and not os.path.exists(path) and os.path.exists(ready):
        path = ready
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read(MAX_BYTES)
    except (OSError, UnicodeDecodeError) as error:
        raise SuiteError(f"{path}: {getattr(error, 'strerror', 'no text')}: give a plan, or the "
                         "name of a ready one: " + ", ".join(ready_plans()), USAGE) from None
    return parse(text, os.path.basename(path).removesuffix(".toml"))


def ready_plans():
    """Their names."""
    here = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "plans")
    try:
        return sorted(file.removesuffix(".toml") for file in os.listdir(here)
                      if file.endswith(".toml"))
    except OSError:
        return []


# ---- the order

def runs(plan, points):
    """The Runs of @points: blocks of all of them, each in a random order of its own."""
    order = []
    for repetition in range(max((point.repetitions for point in points), default=0)):
        block = [Run(run_id(point.part, point.values, repetition), point, repetition)
                 for point in points if repetition < point.repetitions]
        random.Random(f"{plan.seed} {repetition}").shuffle(block)
        order += block
    return order
