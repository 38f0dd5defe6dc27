# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The bed of the tests of ib_rw_bw on the emulated ConnectX, and what each of their runs is held against.

Each mode has a server for all its clients, and a thread that runs its cases. In
adversarial mode a READ's data land as late as the specification allows: a key
that dies too early or a missing fence shows there. Clients have no background
thread (RW_EMU_TICK=0), so that their counts repeat.
"""
import os
import sys
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# pylint: disable=wrong-import-position
from rwjudge import counts, judge_refusal, judge_row
from rwload import arguments
from rwloop import Loop
from rwproc import SRCDIR, Failed, Run, Server, client, emu_env
from rwtap import needs_mlx5

MODES = "normal", "adversarial"
_lock = threading.Lock()
_told = []


def tell(name, complaints):
    """One TAP line for a group of runs; what was wrong is shown below it."""
    with _lock:
        _told.append(not complaints)
        print(f"{'not ok' if complaints else 'ok'} {len(_told)} - {name}")
        for line in "\n".join(map(str, complaints)).splitlines():
            print("#", line)
        sys.stdout.flush()


class Bed:
    """One mode of the device: a server, and clients with what they have to come to."""

    def __init__(self, mode, **settings):
        self.mode, self.last = mode, None
        self.env = dict(os.environ, RW_EMU_ADVERSARIAL=str(MODES.index(mode)))
        self.env.update(emu_env(**settings))
        self.server = Server("--bind=127.0.0.1", device="mlx5_0", env=self.env)

    def client(self, *options, **settings):
        env = dict(self.env, **emu_env(**{"tick": 0, **settings}))
        try:
            return client(self.server, "-F", *options, device="mlx5_1", env=env)
        except Failed as failure:  # it did not end
            return Run(-1, "", str(failure), 0, None)

    def stop(self):
        status = self.server.stop()
        tell(f"{self.mode}: the server served them all", [self.server.err] if status else [])
        self.server.end()

    def run(self, load, *options, paths="direct,mr,auto", repeat=False, slow=False, **settings):
        """Run @load by each of @paths. Returns what is wrong, as a list of texts.

        On a @slow device a poll does not find all complete, and counts depend on it.
        """
        argv = arguments(load) + ["--path=" + paths, *options]
        result = self.client(*argv, **settings)
        self.last = result
        wrong = self.judge(load, paths, result, self.mode == "normal" and not slow)
        if repeat and result.status == 0:
            again = self.client(*argv, **settings)
            if again.status or [counts(r) for r in result.rows] != [counts(r) for r in again.rows]:
                wrong.append("the same seed gives other counts: "
                             f"{[counts(r) for r in again.rows]} (exit {again.status})")
        return wrong and [" ".join(argv), *wrong, result.out[-3000:], result.err]

    def judge(self, load, paths, result, exact):
        refusal = load.refusal()
        if refusal:
            code, words = refusal
            return judge_refusal(result, code, *words)
        if result.status or result.err or [r["path"] for r in result.rows] != paths.split(","):
            return ["wanted: exit 0, a row for each path, nothing on stderr"]
        wrong = []
        # Of several QPs the order changes when one of them is made anew.
        exact = exact and not (load.teardown and load.qps > 1)
        # Threads execute what others have posted, QP by QP: of one QP the order stays.
        exact = exact and load.threads in (1, load.qps)
        for row in result.rows:
            of_path = type(load)(**{**vars(load), "path": row["path"]})
            wrong += [f"path {row['path']}: {text}" for text in judge_row(
                of_path, row, Loop.of_all(of_path) if exact else None)]
        return wrong


# ---- running

def enter_emu(**settings):
    """Go on within rw_emu, the device with @settings; false if there is none."""
    if not needs_mlx5():
        return False
    if os.environ.get("RW_IN_EMU") != "1":
        # In a sanitized build: Python leaks, the programs must not.
        os.environ.update(RW_IN_EMU="1", ASAN_OPTIONS="detect_leaks=0", **emu_env(**settings))
        rw_emu = os.path.join(SRCDIR, "emu", "rw_emu")
        os.execv(rw_emu, [rw_emu, sys.executable, os.path.abspath(sys.argv[0])])
    os.environ.pop("ASAN_OPTIONS", None)
    return True


def main(cases, both=MODES):
    """Run cases(bed) in each mode, side by side; start rw_emu first."""
    if not enter_emu():
        return
    threads = [threading.Thread(target=_run_mode, args=(cases, mode)) for mode in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"1..{len(_told)}")
    sys.exit(not all(_told))


def _run_mode(cases, mode):
    try:
        bed = Bed(mode)
        for case in cases:
            case(bed)
        bed.stop()
    except Exception as error:  # pylint: disable=broad-except
        tell(f"{mode}: the cases run to their end", [repr(error)])
