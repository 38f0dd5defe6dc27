#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What rw_cluster decides without a cluster: who measures with whom, who differs, who may begin."""
import threading

from suitecase import DIRECTORY, PYTHON, environment, path, write_lines
from rwproc import PATIENCE, SRCDIR, Failed, Process, eq, true, wait_until
from rwsuite import differ, gate, pairs, store
from rwsuite.errors import SuiteError
from rwtap import case, run_cases

HOSTS = ["a", "b", "c", "d", "e", "f"]
WIDE = 12  # hosts, of which one is slow


def refused(words, function, *arguments):
    try:
        function(*arguments)
    except SuiteError as error:
        true(words in str(error), f"{words!r} in {error}")
        eq((error.code, "\n" in str(error)), (2, False), "code, lines")
    else:
        raise Failed(f"{function.__name__}{arguments} was not refused")


@case("shapes: who is server of whom")
def _():
    def made(shape, hosts):
        return [pair.name for pair in pairs.of_shape(shape, hosts)]
    eq(made("pairs", HOSTS), ["a-b", "c-d", "e-f"], "pairs")
    eq(made("ring", HOSTS[:3]), ["a-b", "b-c", "c-a"], "ring")
    eq(made("ring", HOSTS[:2]), ["a-b"], "a ring of two")
    eq(made("all", HOSTS[:3]), ["a-b", "a-c", "b-c"], "all")
    eq(made("incast", HOSTS[:4]), ["a-b", "a-c", "a-d"], "incast")
    refused("leave one out", pairs.of_shape, "pairs", HOSTS[:3])
    for few in [], ["a"]:
        refused("two or more", pairs.of_shape, "incast", few)


@case("hosts, as a list and as MPI's file has them")
def _():
    eq(pairs.parse_hosts("a,me@b,c-1.x"), ["a", "me@b", "c-1.x"], "a list")
    eq(pairs.parse_hosts("# all\na slots=4\nb:2  # two\n\n  c\n"), ["a", "b", "c"], "a file")
    refused("twice", pairs.parse_hosts, "a,b,a")
    refused("no name", pairs.parse_hosts, "a,--x")
    refused("no name", pairs.parse_hosts, "a,../b")
    refused("no name", pairs.parse_hosts, "a;reboot slots=4")
    refused("no name", pairs.parse_hosts, "a,n[1-4]")


# ---- sets as sweeps write them

def side(firmware="1", line="BOOT_IMAGE=/v root=UUID=1 iommu=pt", memory=64 << 30):
    return {"host": {"hostname": "h", "kernel_command_line": line, "memory_bytes": memory,
                     "memlock_bytes": "unlimited"},
            "device": {"name": "mlx5_0", "firmware": firmware, "gid": "x"}}


def run(rate, client, server, point=1, repetition=0, seconds=1.0, size=4096):
    row = {"op": "read", "path": "direct", "MsgSize": size, "sges": point, "n_iterations": int(rate),
           "elapsed_ns": 10**9, "mix": None}
    return {"format": 1, "id": store.run_id("p", {"sges": point}, repetition), "part": "p",
            "point": {"sges": point}, "status": 0, "repetition": repetition, "block": 0,
            "bed": "hardware", "seconds": seconds,
            "report": {"results": [row], "test_info": {"program": "ib_rw_bw", "version": "1", **client,
                                                       "peer": server}}}


def made_set(name, runs):
    write_lines(path(name), runs)
    return store.open_set(path(name))


def ring(rate, side_of=lambda host: side()):
    """Sets of a ring of WIDE hosts; @rate of a host's pairs is the least of its two."""
    hosts = [f"h{number}" for number in range(WIDE)]
    return {pair: made_set("ring." + pair.name, [
        run(min(rate(pair.server), rate(pair.client)) * (1 + 0.002 * ((at + number) % 3)),
            side_of(pair.client), side_of(pair.server), point=1 + number)
        for number in range(4)]) for at, pair in enumerate(pairs.of_shape("ring", hosts))}


@case("set-ups: the host that differs is marked, on whichever side; what each host has alone is not")
def _():
    def odd(host):
        if host == "h3":
            return side(firmware="2")
        return side(line=f"BOOT_IMAGE=/v{host} root=UUID={host} iommu=pt", memory=(64 << 30) + len(host))
    found = differ.set_ups(ring(lambda host: 1000, odd))
    eq([(one.fact, one.strangers) for one in found], [("device firmware", ["h3"])], "differences")
    eq(found[0].text, f"device firmware: 2 on h3, 1 on the other {WIDE - 1}", "text")
    eq(differ.set_ups(ring(lambda host: 1000)), [], "differences of hosts that are the same")
    two = {pairs.Pair("a", "b"): made_set("two", [run(1, side(), side(line="iommu=off"))])}
    eq([(one.fact, one.strangers) for one in differ.set_ups(two)],
       [("host kernel_command_line", ["a", "b"])], "of two nobody is the usual one")


@case("figures: a slow host is found by all its pairs, a slow pair by itself, and noise not at all")
def _():
    def strange(sets):
        return [hosts for hosts, _ in differ.strange_figures(differ.standings(sets))]
    eq(strange(ring(lambda host: 1000)), [], "hosts that are the same")
    eq(strange(ring(lambda host: 600 if host == "h5" else 1000)), [["h5"]], "a slow host")
    one = ring(lambda host: 1000)
    slow = pairs.Pair("h7", "h8")
    one[slow] = made_set("slow", [run(700, side(), side(), point=1 + number) for number in range(4)])
    eq(strange(one), [["h7", "h8"]], "a slow pair")
    ratio = differ.standings(one)[slow].ratio
    true(0.69 < ratio < 0.71, f"its ratio, {ratio}")
    few = {pair: one[pair] for pair in list(one)[5:9]}
    eq(strange(few), [], "four pairs do not tell")
    eq({standing.far for standing in differ.standings(few).values()}, {None}, "nor are they judged")


@case("incast: the sum of the runs that were at the same time, and how long they were together")
def _():
    sets = {pairs.Pair("s", client): made_set("incast." + client, [
        run(rate, side(), side(), repetition=0, seconds=seconds),
        run(rate * 2, side(), side(), repetition=1, seconds=1)])
        for client, rate, seconds in (("a", 100, 1.0), ("b", 300, 1.25))}
    found = sorted(differ.sums(sets), key=lambda one: one.operations_per_s)
    eq([(one.clients, one.operations_per_s, one.bytes_per_s) for one in found],
       [(2, 400, 400 * 4096), (2, 800, 800 * 4096)], "sums")
    eq([(one.least, one.most, one.together) for one in found],
       [(0.25, 0.75, 0.8), (0.25, 0.75, 1.0)], "shares")


@case("runs that not all have are dropped, and the file stays valid")
def _():
    results = path("kept")
    runs = [run(1, side(), side(), repetition=number) for number in range(4)]
    write_lines(results, runs)
    with open(results + "/runs.jsonl", "a", encoding="utf-8") as file:
        file.write('{"format":1,"id":"torn')
    store.keep_only(results, {runs[0]["id"], runs[2]["id"], "another"})
    found = store.open_set(results)
    eq(([one["id"] for one in found], found.torn), ([runs[0]["id"], runs[2]["id"]], False), "runs")


# ---- the gate

class Sweep(threading.Thread):
    """Goes through its runs as a sweep does."""

    def __init__(self, keeper, runs):
        super().__init__(daemon=True)
        with keeper.open() as inherited:
            self.gate = gate.Gate(inherited.detach())
        self.runs, self.begun, self.go_on = runs, [], threading.Semaphore(0)

    def run(self):
        for number in self.runs:
            self.gate.wait(number)
            self.begun.append(number)
            self.go_on.acquire()  # the run
        self.gate._socket.close()  # pylint: disable=protected-access


@case("a gate: who is early waits, who leaves a run out waits for the others, who is gone is not waited for")
def _():
    keeper = gate.Keeper()
    first, second = Sweep(keeper, [0, 1, 2, 3]), Sweep(keeper, [0, 2])
    keeping = threading.Thread(target=keeper.run, daemon=True)
    for thread in first, keeping:
        thread.start()
    second.start()
    for wanted in ([0], [0]), ([0, 1], [0]), ([0, 1, 2], [0, 2]):
        wait_until(lambda: (first.begun, second.begun) == wanted, f"{wanted} are begun")
        if wanted[1] == [0] and wanted[0] == [0]:
            first.go_on.release()  # the second is in its run
            true(not wait_for(lambda: len(first.begun) > 1), "the first waits for it")
            second.go_on.release()
        else:
            first.go_on.release()
    second.go_on.release()
    wait_until(lambda: first.begun == [0, 1, 2, 3], "the first goes on alone")
    first.go_on.release()
    for thread in first, second, keeping:
        thread.join(PATIENCE)
        true(not thread.is_alive(), "it ends")


def wait_for(condition):
    """False if @condition is not met soon."""
    try:
        return wait_until(condition, "", timeout=0.3)
    except Failed:
        return False


# ---- the command line

@case("what is wrong is told in one line")
def _():
    def told(status, *arguments, words):
        process = Process([PYTHON, SRCDIR + "/scripts/rw_cluster", *arguments], env={
            name: value for name, value in environment().items() if not name.startswith("SLURM_")})
        try:
            eq(process.wait(), status, f"exit code ({process.err.strip()})")
            eq(len(process.err.splitlines()), 1, f"lines of standard error ({process.err!r})")
            true(process.err.startswith("rw_cluster: "), f"the form of {process.err!r}")
            true(words in process.err, f"{words!r} in {process.err!r}")
        finally:
            process.end()
    results = path("wrong")
    told(2, "nothere", results, words="quick")
    told(2, "quick", results, words="salloc")
    told(2, "quick", results, "--launch=srun", "--hosts=a,b", words="salloc")
    told(2, "quick", results, "--launch=ssh", words="--hosts")
    told(2, "quick", results, "--launch=ssh", "--hosts=a,b", "--hostfile=x", words="one of them")
    told(2, "quick", results, "--launch=ssh", "--hostfile=" + DIRECTORY.name + "/none", words="none")
    told(2, "quick", results, "--launch=ssh", "--hosts=a,b", "--port=64999", words="--port")
    told(2, "quick", results, "--launch=ssh", "--hosts=a,b", "--at_once=0", words="--at_once")
    told(2, "quick", results, "--launch=ssh", "--hosts=a,b", "--at_once=2", "--shape=incast",
         words="leave it out")
    told(2, "quick", results, "--launch=ssh", "--hosts=a,b,c", words="ring")
    told(2, "quick", results, "--shape=star", words="--help")
    # Before anything is started, by whatever it would be.
    for how in "mpirun", "ssh", "sbatch":
        told(2, "quick", results, "--launch=" + how, "--hosts=a,b;c", words="'b;c': no name of a host")
    for names in "a,b c", "a b", "a,b\nc", "a,b#c":
        told(2, "quick", results, "--launch=sbatch", "--hosts=" + names, words="put commas between")
    with open(path("hostfile"), "w", encoding="utf-8") as file:
        file.write("a slots=4\nb$(id)\n")
    told(2, "quick", results, "--launch=mpirun", "--hostfile=" + path("hostfile"), words="'b$(id)': no name")


if __name__ == "__main__":
    run_cases()
