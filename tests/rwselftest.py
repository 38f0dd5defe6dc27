# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""--selftest of ib_rw_bw, run to its end, and its table. See rwtap.py."""
import os

from rwproc import OK, PATIENCE, PROGRAM, RUN, SRCDIR, Process, emu_env, eq, note, true

RW_EMU = os.path.join(SRCDIR, "emu", "rw_emu")


class Table:
    """What it left: status, out, err, and rows: name -> (found, ok)."""

    def __init__(self, status, out, err):
        self.status, self.out, self.err, self.rows = status, out, err, {}
        for line in out.splitlines():
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if line.startswith("| ") and len(cells) == 4 and cells[0] != "assumption":
                self.rows[cells[0]] = cells[2], cells[3]

    def those(self, verdict):
        return {name for name, (_, ok) in self.rows.items() if ok == verdict}

    def check_counts(self):
        """The last line counts the rows, and the exit status follows it."""
        held, failed = len(self.those("yes")), len(self.those("NO"))
        eq(self.out.splitlines()[-1], f"{held} held, {failed} failed, "
           f"{len(self.those('n/a'))} not applicable", "the last line")
        eq(held + failed + len(self.those("n/a")), len(self.rows), "rows")
        eq(self.status, RUN if failed else OK, "exit status")
        eq(f"{failed} of {failed + held} assumptions" in self.err, failed > 0, "the error")

    def check_failing(self, *names):
        """All rows hold or do not apply but @names."""
        self.check_counts()
        eq(self.those("NO"), set(names), "rows that fail")


def selftest_command(*options, device, program=PROGRAM):
    return [program, "--selftest", "-d", device, *options]


def finish(process, timeout=PATIENCE):
    """Wait for @process; its Table."""
    try:
        table = Table(process.wait(timeout), process.out, process.err)
    finally:
        process.end()
    for name in table.those("NO"):
        note(f"{name}: {table.rows[name][0]}")
    return table


def selftest(*options, device, timeout=PATIENCE):
    return finish(Process(selftest_command(*options, device=device)), timeout)


def start_emulated(*options, link="eth", device="mlx5_0", program=PROGRAM, **settings):
    """Start it in an emulated fabric of its own; @settings are those of rw_emu."""
    return Process([RW_EMU, f"--link={link}",
                    *selftest_command(*options, device=device, program=program)],
                   env=dict(os.environ, **emu_env(**settings)))


def emulated(*options, timeout=PATIENCE, **more):
    table = finish(start_emulated(*options, **more), timeout)
    true(table.rows or table.status, "a table, or an error")
    return table
