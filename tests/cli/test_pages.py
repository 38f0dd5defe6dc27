#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Man pages and completion: do they tell of the options that there are, and of no others?"""
import functools
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# pylint: disable=wrong-import-position
from rwproc import BUILDDIR, PATIENCE, SRCDIR, Failed, Skipped, eq, note, true
from rwtap import case, run_cases

PROGRAMS = {"ib_rw_bw": "bw", "ib_rw_lat": "lat"}
PAGES = "man/ib_rw_bw.1", "man/ib_rw_lat.1", "man/rwperf.7", "man/rw_suite.1", \
    "man/rw_cluster.1"
SUITE = os.path.join(SRCDIR, "suite", "rw_suite")


def made(name):
    """A file that is made, or was when this release was."""
    paths = [os.path.join(top, name) for top in (BUILDDIR, SRCDIR)]
    return next((path for path in paths if os.path.exists(path)), paths[0])


def text_of(name):
    with open(made(name), encoding="utf-8") as file:
        return file.read()


def run(*command, status=0, **more):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=PATIENCE, check=False, **more)
    note(done.stderr)
    eq(done.returncode, status, f"exit status of {command[0]}")
    return done.stdout


# ---- the table, by itself: nothing that is made from it reads the source

ROW = re.compile(r"""\{ (?:0|'(?P<letter>.)'), "(?P<name>[\w-]+)", (?:NULL|"(?P<alias>[\w-]+)"), """
                 r"""RW_OPT_[^\n]*\n\s+(?:NULL|"[^"]*"), (?:NULL|"[^"]*"), \w+, """
                 r""""[^"]*"(?:, "(?P<only>\w+)")? \},\n""")


@functools.lru_cache
def table():
    with open(os.path.join(SRCDIR, "src", "conf", "options.c"), encoding="utf-8") as file:
        text = re.search(r"const struct rw_opt rw_opts\[\] = \{\n(.*?)\n\};\n", file.read(),
                         re.S)[1] + "\n"
    rows = list(ROW.finditer(text))
    eq(len(rows), text.count(", RW_OPT_"), "rows of the table that are understood")
    true(len(rows) > 80, "the table is long")
    return rows


def options_of(test):
    """{-x, --name} of the program."""
    mine = [row for row in table() if row["only"] in (None, test)]
    return {"--" + row["name"] for row in mine} | {"-" + row["letter"] for row in mine
                                                   if row["letter"]}


def aliases_of(test):
    return {"--" + row["alias"] for row in table() if row["only"] in (None, test) and row["alias"]}


# ---- what is told

def of_help(program):
    told = re.findall(r"^ +(?:(-.), )?(--[\w-]+)", run(os.path.join(BUILDDIR, program), "--help"),
                      re.M)
    return {option for pair in told for option in pair if option}


def of_page(program):
    told = re.findall(r"^\.It(?: Fl (.) ,)? Fl \\-([\w-]+)", text_of(f"man/{program}.1"), re.M)
    return {option for letter, name in told for option in ("-" + letter, "--" + name)
            if option != "-"}


def complete(program, *words, by=None, cwd=None, **env):
    """What bash offers in @cwd for the last of @words. The completion is called as @program, or as @by."""
    script = ('. "$1" || exit 1; shift; COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); '
              f'_{by or program}; printf "%s\\n" "${{COMPREPLY[@]}}"')
    told = run("bash", "--norc", "-c", script, "bash", made("completion/" + (by or program)),
               program, *words, cwd=cwd, env=dict(os.environ, **env))
    return [word for word in told.split("\n") if word]


for a_program, a_test in PROGRAMS.items():
    @case(f"{a_program}: --help, man page and completion have the options of the table")
    def _(program=a_program, test=a_test):
        wanted = options_of(test)
        for what, found in (("--help", of_help(program)), ("the man page", of_page(program)),
                            ("completion", {word.rstrip("=")
                                            for word in complete(program, "-")})):
            eq((sorted(wanted - found), sorted(found - wanted)), ([], []),
               f"options that {what} lacks, and that it has alone")
        # The others' names: they stand in the text, and are completed where no own one is.
        page = text_of(f"man/{program}.1").replace("\\-", "-")
        for alias in sorted(aliases_of(test)) + ["--tx-depth", "--source_ip"]:
            true(f"Fl {alias[1:]} " in page, f"{alias} in the man page")
            eq(complete(program, alias), [alias], "completion of another name")


@case("the pages speak of no option that no program has")
def _():
    known = {option for test in PROGRAMS.values() for option in options_of(test)}
    known |= {"--tx-depth"} | {alias for test in PROGRAMS.values() for alias in aliases_of(test)}
    for program in PROGRAMS:
        also = re.findall(r"\(also (.*?)\)", run(os.path.join(BUILDDIR, program), "--help"), re.S)
        known |= {name for names in also for name in re.findall(r"--[\w-]+", names)}
    for page in PAGES[:3]:
        told = set()
        for line in text_of(page).replace("\\-", "-").splitlines():
            if line.startswith("."):
                told |= {"-" + name for name in re.findall(r"\bFl (-?[\w-]+)", line)}
            else:
                told |= set(re.findall(r"(?<![\w-])--?[a-zA-Z][\w-]*", line))
        true(len(told) > 15, f"{page} tells of options")
        eq(sorted(told - known), [], f"options in {page} that are none")


def needs_suite():
    if not os.path.exists(SUITE):
        raise Skipped("no suite/rw_suite here")


@case("rw_suite.1 and rw_cluster.1 have the verbs and options as they are")
def _():
    needs_suite()
    done = subprocess.run([os.environ.get("RW_PYTHON", "/usr/bin/python3"),
                           os.path.join(SRCDIR, "man", "rw_suite.py"), "--check"],
                          capture_output=True, text=True, timeout=PATIENCE, check=False)
    if done.returncode == 77:
        raise Skipped(done.stderr.strip())
    note(done.stdout + done.stderr)
    eq(done.returncode, 0, "exit status of man/rw_suite.py --check")
    for verb in re.findall(r"^  (\w+) ", run(SUITE, "--help"), re.M):
        true(f"\n.It Cm {verb}\n" in text_of("man/rw_suite.1"), f"what {verb} does")


for a_page in PAGES:
    @case(f"mandoc is content with {a_page}")
    def _(page=a_page):
        if not shutil.which("mandoc"):
            raise Skipped("mandoc is not installed")
        told = subprocess.run(["mandoc", "-T", "lint", "-W", "all", made(page)],
                              capture_output=True, text=True, timeout=PATIENCE, check=False)
        # What other pages are installed here, and known to its data base, is not the page's.
        faults = [line for line in (told.stdout + told.stderr).splitlines()
                  if "referenced manual not found" not in line and "mandoc.db" not in line]
        eq(faults, [], "faults")


# ---- completion

@case("shellcheck is content with the completions")
def _():
    if not shutil.which("shellcheck"):
        raise Skipped("shellcheck is not installed")
    for program in *PROGRAMS, "rw_suite":
        eq(run("shellcheck", "-s", "bash", made("completion/" + program)), "", "faults")


@case("values that have names, in one word, in three, and behind a letter's option")
def _():
    for words, wanted in (
            (("--op", "="), ["read", "write"]),
            (("--op", "=", "w"), ["write"]),
            (("--op=w",), ["--op=write"]),
            (("--op", ""), ["read", "write"]),
            (("-m", ""), ["auto"]),
            (("--engine", "=", "umr"), ["umr", "umr_ptr"]),
            (("--numa_node", "f"), ["far"]),
            (("--rate", ""), []),
            (("--verify", "="), []),
            (("--op", "read", "--max"), ["--max_sgl_rd="])):
        eq(complete("ib_rw_bw", *words), wanted, f"completion of {words}")


@case("a list is completed name by name, each once")
def _():
    eq(complete("ib_rw_bw", "--path", "=", ""), ["direct", "mr", "auto"], "the first")
    eq(complete("ib_rw_bw", "--path", "=", "mr,"), ["mr,direct", "mr,auto"], "the second")
    eq(complete("ib_rw_bw", "--path=mr,direct,"), ["--path=mr,direct,auto"], "the last")


@case("rw_suite: verbs, and the options and values of one")
def _():
    needs_suite()
    path = os.path.dirname(SUITE) + ":" + os.environ["PATH"]
    eq(complete("rw_suite", "sw", PATH=path), ["sweep"], "a verb")
    eq(complete("rw_suite", "sweep", "--lau", PATH=path), ["--launch"], "an option")
    eq(complete("rw_suite", "sweep", "--launch", "=", "ss", PATH=path), ["ssh"], "a value")
    eq(complete("rw_suite", "check", SUITE[:-1], PATH=path), [SUITE], "a file")
    plans = sorted(name.removesuffix(".toml") for name in os.listdir(os.path.join(SRCDIR, "suite/plans")))
    with tempfile.TemporaryDirectory() as top:
        with open(os.path.join(top, "full moon.toml"), "w", encoding="utf-8"):
            pass
        for words, wanted in (
                ((), [*plans, "full moon.toml"]), (("fu",), ["full", "full moon.toml"]),
                (("--dry_run", "qu"), ["quick"]), (("--port", "1", "qu"), ["quick"]),
                (("--port", "qu"), []), (("quick", "qu"), []), (("a.toml", "qu"), []),
                (("quick", "full"), ["full moon.toml"])):
            words = words or ("",)
            eq(complete("rw_suite", "sweep", *words, cwd=top, PATH=path), wanted, f"plans for {words}")


@case("rw_cluster: its options and values, by the completion of rw_suite")
def _():
    needs_suite()
    path = os.path.join(SRCDIR, "scripts") + ":" + os.environ["PATH"]
    for words, wanted in ((("--sha",), ["--shape"]), (("--shape", "=", "i"), ["incast"]),
                          (("quick", "--at",), ["--at_once"]), ((SUITE[:-1],), [SUITE]),
                          (("--hosts", "=", "a,b", "qui"), ["quick"])):
        eq(complete("rw_cluster", *words, by="rw_suite", PATH=path), wanted, f"completion of {words}")


@case("an optional value stands behind = only")
def _():
    eq(complete("ib_rw_bw", "--odp", "=", "i"), ["implicit"], "behind =")
    eq(complete("ib_rw_bw", "--odp", "--verif"), ["--verify"], "the next word")


@case("devices of sysfs, files")
def _():
    with tempfile.TemporaryDirectory() as top:
        for device in "mlx5_0", "mlx5_1", "rxe0":
            os.makedirs(os.path.join(top, "class/infiniband", device))
        eq(complete("ib_rw_lat", "-d", "", SYSFS_PATH=top), ["mlx5_0", "mlx5_1", "rxe0"], "-d")
        eq(complete("ib_rw_lat", "--ib-dev", "=", "r", SYSFS_PATH=top), ["rxe0"], "--ib-dev")
        eq(complete("ib_rw_lat", "-d", "", SYSFS_PATH=top + "/none"), [], "-d without sysfs")
        with open(os.path.join(top, "a run.json"), "w", encoding="utf-8"):
            pass
        eq(complete("ib_rw_bw", "--json", "=", top + "/a"), [top + "/a run.json"], "--json")
        eq(complete("ib_rw_bw", f"--json={top}/a"), [f"--json={top}/a run.json"], "--json=")


def typed(*lines):
    """Type each (keys, what is to be shown then) into an interactive bash."""
    pid, terminal = pty.fork()
    if not pid:
        os.environ.update(TERM="dumb", PS1="$ ", INPUTRC="/dev/null", HISTFILE="/dev/null")
        os.execvp("bash", ["bash", "--norc", "--noprofile", "-i"])
    shown, end = "", time.monotonic() + PATIENCE
    try:
        for keys, wanted in lines:
            os.write(terminal, keys.encode() + b"\n")
            while wanted not in shown:
                if not select.select([terminal], [], [], max(0, end - time.monotonic()))[0]:
                    raise Failed(f"no {wanted!r} in {shown!r}")
                shown += os.read(terminal, 4096).decode(errors="replace")
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)


@case("typed into an interactive bash")
def _():
    # The quotes keep what is shown from what is typed, which is shown, too.
    typed((f". '{made('completion/ib_rw_bw')}'; ib_rw_bw() {{ printf '<%s>' \"$@\"; }}; echo 'rea'dy",
           "ready"),
          ("ib_rw_bw --pat\tdir\t --noP\t -d none --on_ex\tfa\t",
           "<--path=direct><--noPeak><-d><none><--on_exhaustion=fa>"),
          ("ib_rw_bw --path=direct,m\t --verif\t", "<--path=direct,mr><--verify>"))


if __name__ == "__main__":
    run_cases()
