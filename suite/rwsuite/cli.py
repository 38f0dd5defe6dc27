# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The command line: finds the verb's module and calls it.

A verb's module has arguments(parser), which adds to an argparse parser, and run(args),
which returns the exit code and raises SuiteError with one line. It is imported only when
the verb is called, so that a host needs no more of Python than its verb does.
"""
import argparse
import importlib
import os
import sys

from . import VERSION
from .errors import INTERRUPTED, OK, RUN, USAGE, SuiteError

VERBS = {  # name of the verb and of its module: what it does
    "sweep": "run a plan, go on after any interruption",
    "compare": "two result sets, row by row, with what is significant",
    "check": "is a result set valid, of one set-up, without strangers?",
    "tune": "find the segment count from which MRs pay, and the pool they need",
    "report": "result sets as one page with plots and tables, and as PDF",
}
# The Debian packages of modules that are not Python's own.
PACKAGES = {"rich": "python3-rich", "jsonschema": "python3-jsonschema",
            "jinja2": "python3-jinja2", "matplotlib": "python3-matplotlib",
            "numpy": "python3-numpy",
            "weasyprint": "weasyprint"}


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, as the programs do."""

    def error(self, message):
        raise SuiteError(f"{message}; try {self.prog} --help", USAGE)


def _overall():
    verbs = "\n".join(f"  {name:9}{text}" for name, text in VERBS.items())
    return f"""Usage: rw_suite VERB [ARGUMENT...]

{verbs}

rw_suite VERB --help tells more; -V, --version prints the version.
Exit codes: 0 fine, 1 failed, 2 usage, 3 peer, 4 device, {INTERRUPTED} interrupted."""


def module_of(verb):
    """The module of @verb; one line says which package is missing."""
    try:
        return importlib.import_module("." + verb, __package__)
    except ModuleNotFoundError as error:
        missing = (error.name or "").split(".")[0]
        if missing in PACKAGES:
            raise SuiteError(f"{verb} needs the Python module {missing}: install "
                             f"{PACKAGES[missing]}") from None
        raise


def dispatch(argv):
    if not argv:
        raise SuiteError("no verb given; try rw_suite --help", USAGE)
    verb = argv[0]
    if verb in ("-h", "--help"):
        print(_overall())
        return OK
    if verb in ("-V", "--version"):
        print("rw_suite", VERSION)
        return OK
    if verb not in VERBS:
        raise SuiteError(f"no verb '{verb}'; there are: {', '.join(VERBS)}", USAGE)
    module = module_of(verb)
    parser = Parser(prog="rw_suite " + verb, description=VERBS[verb], allow_abbrev=False)
    module.arguments(parser)
    return module.run(parser.parse_args(argv[1:]))


def run(name, call):
    """The exit code of program @name, which is call()."""
    try:
        code = call()
        sys.stdout.flush()
        return code
    except SuiteError as error:
        print(f"{name}:", error, file=sys.stderr)
        return error.code
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of a pipe had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return RUN
    except OSError as error:  # of a file that no verb expects to fail: standard output, mostly
        print(f"{name}: {error.filename or 'standard output'}: {error.strerror}: is there room?",
              file=sys.stderr)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return RUN


def main(argv=None):
    return run("rw_suite", lambda: dispatch(sys.argv[1:] if argv is None else argv))
