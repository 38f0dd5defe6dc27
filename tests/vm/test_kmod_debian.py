#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""rw_bench.ko against Debian's binary kernels: built by their headers, loaded and run in QEMU.

QEMU emulates the processor, too: nothing of the host is needed but its packages, and a
machine takes a minute. RW_SLOW=1 wants it (scripts/check --slow): of each kernel whose headers
are there. Of a kernel that this Debian has no headers of: RW_KERNEL=DIR, where its packages
are unpacked, and RW_MODULE=FILE, the module that was made for it.
"""
import glob
import json
import lzma
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
MODULES = ["dummy", "crc32_generic", "rdma_rxe", "rdma_cm"]  # with what they need, as far as there
PACKAGES = ["linux-headers-amd64", "linux-headers-6.12-amd64"]
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
    absent = [name for name in ("qemu-system-x86_64", "busybox", "cpio", "depmod", "dkms", "rdma")
              if not shutil.which(name)]
    if absent or not kernels():
        return "without " + ", ".join(absent or PACKAGES) + "; run: scripts/packages --install qemu"
    return None


class Kernel:
    """Debian's kernel and modules, unpacked in self.place and not installed."""

    def __init__(self, release, place=None):
        self.release = release
        self.headers = "/usr/src/linux-headers-" + release
        self.directory = os.path.abspath(os.path.join(DIRECTORY, release))
        self.place = place

    def unpack(self):
        if not self.place:
            self.place = os.path.join(self.directory, "image")
            if not os.path.exists(self.image()):
                shutil.rmtree(self.place, ignore_errors=True)
                os.makedirs(self.place)
                run("apt-get", "download", "linux-image-" + self.release, cwd=self.place)
                run("dpkg", "-x", glob.glob(self.place + "/*.deb")[0], self.place)
        if not os.path.exists(self.place + "/lib"):  # newer packages know /usr only
            os.symlink("usr/lib", self.place + "/lib")
        run("depmod", "-b", self.place, self.release)

    def image(self):
        names = f"/boot/vmlinuz-{self.release}", f"/lib/modules/{self.release}/vmlinuz"
        return next((self.place + name for name in names if os.path.exists(self.place + name)),
                    self.place + names[0])

    def modules(self):
        """Files of MODULES and what they need, in the order in which they go in."""
        order = []
        for name in MODULES:
            asked = "modprobe", "-d", self.place, "-S", self.release, "--show-depends", name
            if name == "crc32_generic" and subprocess.run(asked, capture_output=True, check=False).returncode:
                continue  # a part of newer kernels
            for file in re.findall(r"^insmod (\S+)", run(*asked), re.M):
                if file not in order:
                    order.append(file)
        return order


def kernels():
    """Those whose headers are there, the oldest first; or the one that is asked for."""
    if "RW_KERNEL" in os.environ:
        place = os.path.abspath(os.environ["RW_KERNEL"])
        found = glob.glob(place + "/lib/modules/*") + glob.glob(place + "/usr/lib/modules/*")
        return [Kernel(os.path.basename(found[0]), place)]
    found = sorted(glob.glob("/usr/src/linux-headers-*-amd64"),
                   key=lambda name: list(map(int, re.findall(r"\d+", name))))
    # Of each series the newest.
    newest = {re.findall(r"\d+\.\d+", name)[0]: name for name in found}
    return [Kernel(os.path.basename(name).removeprefix("linux-headers-"))
            for name in newest.values()]


def run(*command, **options):
    note("$ " + " ".join(command))
    env = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                          env=env, timeout=BOOT_S, **options)
    if done.returncode:
        raise Failed(done.stdout.decode(errors="replace")[-2000:])
    return done.stdout.decode(errors="replace")


def build_module(kernel):
    place = os.path.join(kernel.directory, "module")
    shutil.rmtree(place, ignore_errors=True)
    os.makedirs(place)
    for name in ["Kbuild", *(os.path.basename(one) for one in glob.glob(SRCDIR + "/kmod/*.[ch]"))]:
        shutil.copy(os.path.join(SRCDIR, "kmod", name), place)
    said = run("make", "-C", kernel.headers, "M=" + place, "modules")
    eq([line for line in said.splitlines() if "warning" in line.lower()], [], "warnings")
    return os.path.join(place, "rw_bench.ko")


def dkms(kernel):
    """The module as DKMS makes it, in trees of its own: nothing is installed."""
    place = os.path.join(kernel.directory, "dkms")
    shutil.rmtree(place, ignore_errors=True)
    for name in ("tree", "install"):
        os.makedirs(os.path.join(place, name))
    shutil.copytree(SRCDIR + "/kmod", place + "/source/rw_bench-0.1")
    run("dkms", "build", "rw_bench/0.1", "-k", kernel.release, f"--dkmstree={place}/tree",
        f"--sourcetree={place}/source", f"--installtree={place}/install")
    return glob.glob(f"{place}/tree/rw_bench/0.1/{kernel.release}/*/module/rw_bench.ko*")[0]


def put(root, source, target=None):
    target = root + (target or source)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    shutil.copy(source, target)


def put_module(root, source, target):
    """Uncompressed: busybox does not know all ways."""
    with (lzma.open if source.endswith(".xz") else open)(source, "rb") as file:
        content = file.read()
    with open(root + target, "wb") as file:
        file.write(content)


def initramfs(kernel, module):
    """An archive with the modules in their order, busybox, rdma and its libraries, and init."""
    root = os.path.join(kernel.directory, "root")
    shutil.rmtree(root, ignore_errors=True)
    for name in ("proc", "sys", "dev", "bin", "modules"):
        os.makedirs(os.path.join(root, name))
    order = []
    for file in kernel.modules():
        order.append(os.path.basename(file).removesuffix(".xz"))
        put_module(root, file, "/modules/" + order[-1])
    put_module(root, module, "/rw_bench.ko")
    put(root, shutil.which("busybox"), "/bin/busybox")
    rdma = os.path.realpath(shutil.which("rdma"))
    put(root, rdma, "/usr/bin/rdma")
    os.symlink("/usr/bin/rdma", root + "/bin/rdma")
    for library in re.findall(r"(/\S+) \(0x", run("ldd", rdma)):
        put(root, library)
    for name, text in (("modules/order", "".join(one + "\n" for one in order)), ("init", INIT),
                       ("clients", "".join(f"{name} {keys}\n" for name, keys in CLIENTS.items()))):
        with open(os.path.join(root, name), "w", encoding="ascii") as file:
            file.write(text)
    os.chmod(root + "/init", 0o755)
    archive = os.path.join(kernel.directory, "initramfs")
    run("sh", "-c", f"cd '{root}' && find . | cpio -o -H newc --quiet >'{archive}'")
    return archive


def boot(kernel, archive):
    """What the machine says on its serial line until it is off."""
    said = os.path.join(kernel.directory, "serial")
    run("qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "qemu64", "-smp", "1", "-m", "768",
        "-display", "none", "-monitor", "none", "-no-reboot", "-nic", "none",
        "-serial", "file:" + said, "-kernel", kernel.image(), "-initrd", archive,
        "-append", "console=ttyS0 quiet panic=-1 rdinit=/init",
        stdin=subprocess.DEVNULL)
    with open(said, encoding="utf-8", errors="replace") as file:
        return file.read().replace("\r", "")


def declare(kernel):
    result = {}
    series = ".".join(kernel.release.split(".")[:2]).removesuffix("-amd64") + ": "

    @case(series + "the module builds against Debian's headers, without a warning")
    def _():
        result["module"] = os.environ.get("RW_MODULE") or build_module(kernel)
        told = run("modinfo", "-F", "vermagic", result["module"])
        eq(told.split()[0], kernel.release, "the kernel that it is for")

    @case(series + "DKMS builds it, too, and that is what the machine is given")
    def _():
        if "RW_MODULE" in os.environ:
            raise Skipped("RW_MODULE is what the machine is given")
        if not os.access("/var/lib/dkms", os.W_OK):
            raise Skipped("DKMS signs modules with a key in /var/lib/dkms, which is root's")
        result["module"] = dkms(kernel)
        eq(run("modinfo", "-F", "name", result["module"]).strip(), "rw_bench", "its name")

    @case(series + "the machine boots, runs and goes off")
    def _():
        kernel.unpack()
        text = boot(kernel, initramfs(kernel, result["module"]))
        note(text[-6000:])
        result["log"] = "\n".join(re.findall("^LOG (.*)", text, re.M))
        result["runs"] = {run["name"]: run for run in
                          map(json.loads, re.findall(r"^RUN (\{.*\})$", text, re.M))}
        eq(re.findall("^FAILED.*", text, re.M), [], "what failed in there")
        eq(sorted(result["runs"]), sorted([*CLIENTS, "server"]), "runs")
        true("\nREMOVED" in text, "the module could be removed")

    @case(series + "every operation has its data, by the paths of the kernel's rules")
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

    @case(series + "the kernel has nothing to say against it")
    def _():
        bad = [line for line in result["log"].splitlines()
               if re.search(r"WARNING|BUG|Oops|Call Trace|hung|lockup", line)]
        eq(bad, [], "the kernel's log")
        true("rw_bench" in result["log"], "the log is that of the machine")


reason = why_not()
if reason:
    print("1..0 # SKIP " + reason)
else:
    for a_kernel in kernels():
        declare(a_kernel)
    run_cases()
