#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Where ib_rw_bw runs and allocates is where it says, and what it was asked for."""
import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# pylint: disable=wrong-import-position
from emucase import main
from rwproc import (OK, SRCDIR, USAGE, Client, Server, client, eq, shared_server, true,
                    wait_until)
from rwtap import case, one_line, refused

DEVICE_NAME = "mlx5_1"
FOUR_NODES = os.path.join(SRCDIR, "tests", "topo", "four_nodes.xml")
CPUS = sorted(os.sched_getaffinity(0))


def server():
    return shared_server(device="mlx5_0")


def run(*options):
    return client(server(), "-F", "-n", "100", "--path=mr", *options, device=DEVICE_NAME)


def placement(done, side="host"):
    eq((done.status, done.err), (OK, ""), "status, standard error")
    info = done.report["test_info"]
    return (info["peer"] if side == "peer" else info)["host"]["placement"]


def threads_of(pid):
    """The CPUs each thread may use, the measuring one first."""
    allowed = []
    for task in sorted(os.listdir(f"/proc/{pid}/task"), key=int):
        with open(f"/proc/{pid}/task/{task}/status", encoding="ascii") as file:
            allowed.append(re.search(r"Cpus_allowed_list:\s*(\S+)", file.read())[1])
    return allowed


def policies_of(pid):
    """Memory policies of the buffers and of everything else; None: no NUMA here."""
    try:
        with open(f"/proc/{pid}/numa_maps", encoding="utf-8") as file:
            lines = file.read().splitlines()
    except FileNotFoundError:
        return None
    arena = {line.split()[1] for line in lines if "rwperf-arena" in line}
    return arena, {line.split()[1] for line in lines if "rwperf-arena" not in line}


def sysfs(path, text):
    """Let the emulated device's sysfs say @text."""
    path = os.path.join(os.environ["SYSFS_PATH"], path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="ascii") as file:
        file.write(f"{text}\n")


def sysfs_node(node):
    sysfs(f"class/infiniband/{DEVICE_NAME}/device/numa_node", node)


def watch(*options):
    """Threads and policies of a client that measures."""
    process = Client(server(), "-F", "-D", "2", "--path=mr", *options, device=DEVICE_NAME)
    try:
        wait_until(lambda: "#bytes" in process.out, "the table begins")
        found = threads_of(process.pid), policies_of(process.pid)
        return *found, process.finish()
    finally:
        process.end()


@case("the measuring thread, and only it, is pinned to the core that the report names")
def _():
    threads, policies, done = watch()
    told = placement(done)
    eq(threads[0], str(told["threads"][0]["pu"]), "CPUs of the measuring thread")
    true(told["pinned"] and told["applied"], "pinned and applied")
    if len(CPUS) > 1 and len(threads) > 1:
        true(threads[1] != threads[0], "the emulated device's own thread is not pinned")
    if policies:
        node = told["memory_numa_node"]
        eq(policies, ({f"prefer:{node}"}, {f"prefer:{node}"}), "memory policies")
        eq(told["memory_pages_sampled"], 256, "pages looked at")


@case("--cores: on that CPU")
def _():
    for cpu in CPUS[:2]:
        threads, _, done = watch(f"--cores={cpu}")
        eq(threads[0], str(cpu), "CPUs of the measuring thread")
        eq(placement(done)["threads"][0]["pu"], cpu, "reported CPU")
        true(f"(PU {cpu})" in done.out, "the table's head names it")


@case("--no_pin: it may go where it might before")
def _():
    threads, _, done = watch("--no_pin")
    eq(set(threads), {threads_of(os.getpid())[0]}, "CPUs of all threads")
    told = placement(done)
    eq((told["pinned"], told["threads"]), (False, []), "pinned, threads")


@case("a server is placed by its own options, and the client's report tells")
def _():
    with Server(f"--cores={CPUS[-1]}", device="mlx5_0") as own:
        eq(threads_of(own.pid)[0], str(CPUS[-1]), "CPUs of the server")
        done = client(own, "-F", "-n", "100", "--no_pin", device=DEVICE_NAME)
        eq(placement(done, "peer")["threads"][0]["pu"], CPUS[-1], "the server's CPU")
        eq(placement(done)["pinned"], False, "the client is pinned")


@case("on another host's topology: the device's node, far from it, one by number")
def _():
    for node, options, memory in ((1, [], 1), (1, ["--numa_node=far"], 2), (0, ["--numa_node=far"], 3),
                                  (2, ["--numa_node=1"], 1)):
        with Server(device="mlx5_0") as own:
            env = dict(os.environ, HWLOC_XMLFILE=FOUR_NODES)
            # The topology has this device, too, next to no node: sysfs counts.
            sysfs_node(node)
            done = client(own, "-F", "-n", "100", *options, device=DEVICE_NAME, env=env)
        told = placement(done)
        eq((told["device_numa_node"], told["threads"][0]["numa_node"], told["memory_numa_node"]),
           (node, node, memory), "nodes of device, thread and memory")
        eq((told["applied"], told["memory_pages_on_node_share"]), (False, None), "applied")
        eq(done.report["test_info"]["host"]["product"], "Example Inc. Server 4", "the server")


@case("a device of a node that this host does not have: memory where the thread is")
def _():
    sysfs_node(77)
    told = placement(run())
    sysfs_node(0)
    eq(told["device_numa_node"], None, "the device's node")
    eq(told["memory_numa_node"], told["threads"][0]["numa_node"], "the memory's node")


@case("warnings: the governor's, once and not with -F; none of an emulated device's link and node")
def _():
    for cpu in CPUS:
        sysfs(f"devices/system/cpu/cpu{cpu}/cpufreq/scaling_governor", "powersave")
    sysfs(f"class/infiniband/{DEVICE_NAME}/device/max_link_width", "32")
    sysfs(f"class/infiniband/{DEVICE_NAME}/device/iommu_group/type", "DMA")
    eq(placement(run("-a", "--path=mr", "-t", "8"))["warnings"], [], "warnings with -F")
    done = client(server(), "-n", "100", "--path=mr,direct", device=DEVICE_NAME)
    eq(done.status, OK, "status")
    one_line(done.err, "'powersave'", "-F")
    told = done.report["test_info"]["host"]["placement"]["warnings"]
    eq([f"ib_rw_bw: {text}\n" for text in told], [done.err], "warnings in the report")
    for cpu in CPUS:
        sysfs(f"devices/system/cpu/cpu{cpu}/cpufreq/scaling_governor", "performance")


@case("what cannot be had is refused in one line")
def _():
    many = max(CPUS) + 1000
    for options, words in (
            ([f"--cores={many}"], (f"CPU {many}", "give some of")),
            (["--cores=0-"], ("0-3,8",)),
            (["--cores=0", "--no_pin"], ("exclude each other",)),
            (["--numa_node=999"], ("node 999", "give one of")),
            (["--numa_node=near"], ("near", "far"))):
        refused(run(*options), USAGE, *words)
    if len(CPUS) > 1:
        done = client(server(), f"--cores={CPUS[0]}", device=DEVICE_NAME,
                      prefix=("taskset", "-c", str(CPUS[1])))
        refused(done, USAGE, f"CPU {CPUS[0]} ", f"give some of {CPUS[1]}")


main()
