#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Writes the options of rw_suite's verbs into rw_suite.1 and those of rw_cluster into rw_cluster.1, or
checks that they are there.

    man/rw_suite.py [--check]

Replaces what stands between the lines with "options: begin" and "options: end". Exit
status: 0 fine, 1 a page is stale (--check: prints the difference), 2 usage,
77 a Python module that a verb needs is missing.
"""
import argparse
import difflib
import importlib
import os
import sys

sys.dont_write_bytecode = True
TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BEGIN, END = '.\\" options: begin', '.\\" options: end'
WIDTH = 78


def running(text):
    """@text as lines of running text: no request at the beginning of one."""
    lines = [""]
    for word in text.replace("\\", "\\e").replace("-", "\\-").split():
        word = "\\&" + word if word[0] in ".'" else word
        if lines[-1] and len(lines[-1]) + 1 + len(word) > WIDTH:
            lines.append("")
        lines[-1] += (" " if lines[-1] else "") + word
    return lines


def sentence(text):
    text = text.rstrip(".")
    return running(text[:1].upper() + text[1:] + ".")


def value_of(action):
    """What stands behind an option or for an argument, as one types it."""
    if action.nargs == 0:
        return ""
    if action.metavar:
        return " ".join(action.metavar) if isinstance(action.metavar, tuple) else action.metavar
    if action.choices:
        return "NAME"
    return action.dest.upper() if action.option_strings else action.dest


def item(action):
    if action.option_strings:
        names = " , ".join("Fl " + name[1:].replace("-", "\\-") if name.startswith("--")
                           else "Fl " + name[1:] for name in action.option_strings)
        yield ".It " + names + (f" Ns = Ns Ar {value_of(action)}" if value_of(action) else "")
    else:
        yield f".It Ar {value_of(action)}" + (" ..." if action.nargs in ("+", "*") else "")
    help_text = action.help or ""
    if "%(" in help_text:
        help_text %= vars(action)
    help_text = help_text.replace("%%", "%")
    if action.choices:
        help_text += ": " + " ".join(map(str, action.choices))
    if help_text:
        yield from sentence(help_text)


def options(name):
    """What the module @name takes, as a list of mdoc."""
    parser = argparse.ArgumentParser(add_help=False)
    importlib.import_module("rwsuite." + name).arguments(parser)
    yield ".Bl -tag -width Ds"
    for action in parser._actions:  # pylint: disable=protected-access
        if action.help != argparse.SUPPRESS:
            yield from item(action)
    yield ".El"


def of_suite():
    for verb in importlib.import_module("rwsuite.cli").VERBS:
        yield f".Ss rw_suite {verb}"
        yield from options(verb)


def page_now(text, lines):
    head, rest = text.split(BEGIN + "\n")
    tail = rest.split(END + "\n")[1]
    return head + BEGIN + "\n" + "".join(line + "\n" for line in lines) + END + "\n" + tail


def renew(name, lines, check):
    """Write the page @name with @lines, or print what that would change. Returns if it was stale."""
    path = os.path.join(TOP, "man", name)
    with open(path, encoding="utf-8") as file:
        text = file.read()
    now = page_now(text, lines)
    if now != text and check:
        sys.stdout.writelines(difflib.unified_diff(text.splitlines(True), now.splitlines(True),
                                                   name, "as it should be"))
        print(f"{name} is stale; man/rw_suite.py makes it new", file=sys.stderr)
    elif now != text:
        with open(path, "w", encoding="utf-8") as file:
            file.write(now)
    return now != text


def main():
    if sys.argv[1:] not in ([], ["--check"]):
        print(__doc__, file=sys.stderr)
        return 2
    sys.path.insert(0, os.path.join(TOP, "suite"))
    try:
        stale = [renew(name, list(lines), sys.argv[1:]) for name, lines in
                 (("rw_suite.1", of_suite()), ("rw_cluster.1", options("cluster")))]
    except ModuleNotFoundError as error:
        print(f"a verb needs the Python module {error.name}: scripts/packages --install test",
              file=sys.stderr)
        return 77
    return int(bool(sys.argv[1:]) and any(stale))


if __name__ == "__main__":
    sys.exit(main())
