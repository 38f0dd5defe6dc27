#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The examples of the man pages are run as they stand there: client$ against a server, $ alone."""
import os
import re
import shlex
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# pylint: disable=wrong-import-position
from emucase import main
from rwproc import BUILDDIR, PATIENCE, SRCDIR, alone, eq, note, true
from rwtap import case

TEMPLATES = "ib_rw_bw.1.in", "ib_rw_lat.1.in", "rwperf.7"
PAIR = os.path.join(SRCDIR, "scripts", "pair")


def examples():
    """(page, prompt, words) of each line that is one."""
    for page in TEMPLATES:
        with open(os.path.join(SRCDIR, "man", page), encoding="utf-8") as file:
            for prompt, line in re.findall(r"^(client|server|)\$ (.*)", file.read(), re.M):
                yield page, prompt, shlex.split(line.replace("\\-", "-"))


def run_example(prompt, words):
    program = os.path.join(BUILDDIR, words[0])
    if prompt == "client":
        eq(words.pop(), "server", "the host at the end")
        words = [PAIR, program, *words[1:]]
    else:
        words = [program, *words[1:]]
    # A report of an example is written, and goes with the directory.
    words = ["--json=/dev/null" if word.startswith("--json=") else word for word in words]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=PATIENCE, check=False,
                          # In a sanitized build: the shell of scripts/pair leaks.
                          env=dict(os.environ, ASAN_OPTIONS="detect_leaks=0"))
    note(done.stdout + done.stderr)
    eq(done.returncode, 0, "exit status of " + " ".join(words))
    true(done.stdout, "it prints something")


for a_page in TEMPLATES:
    @case(f"the examples of {a_page}")
    def _(wanted=a_page):
        mine = [(prompt, words) for page, prompt, words in examples() if page == wanted]
        true(len(mine) >= 4, "there are examples")
        for prompt, words in mine:
            if prompt != "server":
                run_example(prompt, words)


@case("the engines that --engine is completed with are those that there are")
def _():
    told = alone("--list_engines")
    there = re.findall(r"^ (\w+) +[\d-]", told.out, re.M)
    named = re.search(r"--engine=NAME.*?\): ([a-z_\s]+?)\n +--", alone("--help").out, re.S)[1]
    eq(named.split(), there, "engines of the option table")


if __name__ == "__main__":
    main()
