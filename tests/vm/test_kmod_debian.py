#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""rw_bench.ko against Debian's binary kernel: built by its headers, loaded and run in QEMU.

QEMU emulates the processor, too: nothing of the host is needed but its packages, and a
machine takes a minute. RW_SLOW=1 wants it (scripts/check --slow).
"""
import glob
import json
import os
import re
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# pylint: disable=wrong-import-position
from rwproc import BUILDDIR, SRCDIR, Failed, Skipped, eq, note, true
from rwtap import case, run_cases

DIRECTORY = os.path.join(BUILDDIR, "kmod-debian")
MODULES = ["dummy", "crc32_generic", "rdma_rxe", "rdma_cm"]  # with what they need
BOOT_S = 400
CLIENTS = {
    "fallback": "contexts=8 max_rdma_ctxs=4 max_sgl_rd=3 count=100 verify=1",
    "direct": "contexts=4 max_sgl_rd=0 count=50 verify=1",
    "write": "op=write contexts=4 count=50 verify=1",
    "rate": "contexts=4 rate=50 arrival=fixed count=20 verify=1",
}

INIT = """#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc none /proc
mount -t sysfs none /sys
mount -t devtmpfs none /dev
mount -t debugfs none /sys/kernel/debug
while read -r module options; do
    insmod "/modules/$module" $options || echo "FAILED insmod $module"
done </modules/order
ip link add dummy0 type dummy
ip link set dummy0 mtu 5000
ip addr add 10.9.0.1/24 dev dummy0
ip link set dummy0 up
ip link set lo up
rdma link add rxe0 type rxe netdev dummy0 || echo "FAILED rdma"
insmod /rw_bench.ko || echo "FAILED insmod rw_bench.ko"
cd /sys/kernel/debug/rw_bench
echo "create role=server name=server addr=10.9.0.1" >control || cat control
while read -r name keys; do
    echo "create role=client name=$name addr=10.9.0.1 $keys" >control || cat control
    while grep -q '"state":"running"' "runs/$name"; do sleep 1; done
    echo "RUN $(cat "runs/$name")"
    echo "remove $name" >control
done </clients
echo "RUN $(cat runs/server)"
cd /
rmmod rw_bench && echo REMOVED
dmesg | sed 's/^/LOG /'
poweroff -f
"""


def why_not():
    if os.environ.get("RW_SLOW") != "1":
        return "takes minutes: RW_SLOW=1, or scripts/check --slow"
    absent = [name for name in ("qemu-system-x86_64", "busybox", "cpio", "depmod", "dkms",
                                  "rdma")
              if not shutil.which(name)]
    if absent or not headers():
        return "without " + ", ".join(absent or ["linux-headers-amd64"]) + \
            "; run: scripts/packages --install qemu"
    return None


def headers():
    """The newest kernel whose headers are there: its directory, or None."""
    found = sorted(glob.glob("/usr/src/linux-headers-*-amd64"),
                   key=lambda name: list(map(int, re.findall(r"\d+", name))))
    return found[-1] if found else None


def release():
    return os.path.basename(headers()).removeprefix("linux-headers-")


def run(*command, **options):
    note("$ " + " ".join(command))
    env = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                          env=env, timeout=BOOT_S, **options)
    if done.returncode:
        raise Failed(done.stdout.decode(errors="replace")[-2000:])
    return done.stdout.decode(errors="replace")


def image():
    """Debian's kernel and modules, unpacked and not installed."""
    place = os.path.join(DIRECTORY, "image")
    if not os.path.exists(f"{place}/boot/vmlinuz-{release()}"):
        shutil.rmtree(place, ignore_errors=True)
        os.makedirs(place)
        run("apt-get", "download", "linux-image-" + release(), cwd=place)
        run("dpkg", "-x", glob.glob(place + "/*.deb")[0], place)
        run("depmod", "-b", place, release())
    return place


def build_module():
    place = os.path.join(DIRECTORY, "module")
    shutil.rmtree(place, ignore_errors=True)
    os.makedirs(place)
    for name in ["Kbuild", *(os.path.basename(one) for one in glob.glob(SRCDIR + "/kmod/*.[ch]"))]:
        shutil.copy(os.path.join(SRCDIR, "kmod", name), place)
    said = run("make", "-C", headers(), "M=" + os.path.abspath(place), "modules")
    eq([line for line in said.splitlines() if "warning" in line.lower()], [], "warnings")
    return os.path.join(place, "rw_bench.ko")


def dkms():
    """The module as DKMS makes it, in trees of its own: nothing is installed."""
    place = os.path.abspath(os.path.join(DIRECTORY, "dkms"))
    shutil.rmtree(place, ignore_errors=True)
    for name in ("tree", "install"):
        os.makedirs(os.path.join(place, name))
    shutil.copytree(SRCDIR + "/kmod", place + "/source/rw_bench-0.1")
    run("dkms", "build", "rw_bench/0.1", "-k", release(), f"--dkmstree={place}/tree",
        f"--sourcetree={place}/source", f"--installtree={place}/install")
    return glob.glob(f"{place}/tree/rw_bench/0.1/{release()}/*/module/rw_bench.ko")[0]


def put(root, source, target=None, mode=None):
    target = root + (target or source)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    shutil.copy(source, target)
    if mode:
        os.chmod(target, mode)


def initramfs(module):
    """An archive with the modules in their order, busybox, rdma and its libraries, and init."""
    root = os.path.join(DIRECTORY, "root")
    shutil.rmtree(root, ignore_errors=True)
    for name in ("proc", "sys", "dev", "bin", "modules"):
        os.makedirs(os.path.join(root, name))
    order = []
    for name in MODULES:
        said = run("modprobe", "-d", os.path.abspath(image()), "-S", release(), "--show-depends", name)
        for line in re.findall(r"^insmod (\S+)", said, re.M):
            if os.path.basename(line) not in order:
                order.append(os.path.basename(line))
                put(root, line, "/modules/" + os.path.basename(line))
    put(root, shutil.which("busybox"), "/bin/busybox")
    rdma = os.path.realpath(shutil.which("rdma"))
    put(root, rdma, "/usr/bin/rdma")
    os.symlink("/usr/bin/rdma", root + "/bin/rdma")
    for library in re.findall(r"(/\S+) \(0x", run("ldd", rdma)):
        put(root, library)
    put(root, module, "/rw_bench.ko")
    for name, text in (("modules/order", "".join(one + "\n" for one in order)), ("init", INIT),
                       ("clients", "".join(f"{name} {keys}\n" for name, keys in CLIENTS.items()))):
        with open(os.path.join(root, name), "w", encoding="ascii") as file:
            file.write(text)
    os.chmod(root + "/init", 0o755)
    archive = os.path.join(DIRECTORY, "initramfs")
    run("sh", "-c", f"cd '{root}' && find . | cpio -o -H newc --quiet >'{os.path.abspath(archive)}'")
    return archive


def boot(archive):
    """What the machine says on its serial line until it is off."""
    said = os.path.join(DIRECTORY, "serial")
    run("qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "qemu64", "-smp", "1", "-m", "768",
        "-display", "none", "-monitor", "none", "-no-reboot", "-nic", "none",
        "-serial", "file:" + said, "-kernel", f"{image()}/boot/vmlinuz-{release()}",
        "-initrd", archive, "-append", "console=ttyS0 quiet panic=-1 rdinit=/init",
        stdin=subprocess.DEVNULL)
    with open(said, encoding="utf-8", errors="replace") as file:
        return file.read().replace("\r", "")


def declare():
    result = {}

    @case("the module builds against Debian's headers, without a warning")
    def _():
        result["module"] = build_module()
        told = run("modinfo", "-F", "vermagic", result["module"])
        eq(told.split()[0], release(), "the kernel that it is for")

    @case("DKMS builds it, too, and that is what the machine is given")
    def _():
        if not os.access("/var/lib/dkms", os.W_OK):
            raise Skipped("DKMS signs modules with a key in /var/lib/dkms, which is root's")
        result["module"] = dkms()
        eq(run("modinfo", "-F", "name", result["module"]).strip(), "rw_bench", "its name")

    @case("the machine boots, runs and goes off")
    def _():
        text = boot(initramfs(result["module"]))
        note(text[-6000:])
        result["log"] = "\n".join(re.findall("^LOG (.*)", text, re.M))
        result["runs"] = {run["name"]: run for run in
                          map(json.loads, re.findall(r"^RUN (\{.*\})$", text, re.M))}
        eq(re.findall("^FAILED.*", text, re.M), [], "what failed in there")
        eq(sorted(result["runs"]), sorted([*CLIENTS, "server"]), "runs")
        true("\nREMOVED" in text, "the module could be removed")

    @case("every operation has its data, by the paths of the kernel's rules")
    def _():
        for name, run_ in result["runs"].items():
            note({key: value for key, value in run_.items() if key != "paths"})
            eq((run_["corrupt_bytes"], run_["error"]), (0, None), f"{name}: corrupt bytes, error")
        paths = {name: {path: one["operations"] for path, one in result["runs"][name]["paths"].items()}
                 for name in CLIENTS}
        counts = paths["fallback"]
        true(counts["mr"] > 0 and counts["multi"] > 0, f"Debian's kernel falls back: {counts}")
        eq((counts["mr"] + counts["multi"], result["runs"]["fallback"]["eagain"]), (100, 0),
           "operations, -EAGAIN")
        for name, count in (("direct", 50), ("write", 50), ("rate", 20)):
            eq(paths[name], {"single": 0, "multi": count, "mr": 0}, name)
        true(result["runs"]["rate"]["elapsed_ns"] >= 19 / 50 * 1e9, "the schedule's time")
        eq(result["runs"]["server"]["served"], len(CLIENTS), "clients served")

    @case("the kernel has nothing to say against it")
    def _():
        bad = [line for line in result["log"].splitlines()
               if re.search(r"WARNING|BUG|Oops|Call Trace|hung|lockup", line)]
        eq(bad, [], "the kernel's log")
        true("rw_bench" in result["log"], "the log is that of the machine")


reason = why_not()
if reason:
    print("1..0 # SKIP " + reason)
else:
    declare()
    run_cases()
