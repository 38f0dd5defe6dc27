# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""A Slurm on this host alone: a slurmctld, and a slurmd for each of its nodes; and hosts of mpirun.

All that it has is in one directory, its processes are ended by their ids. Nodes are names
of this host; authentication is by Slurm's own "none", so no munged is needed, nor cgroups, nor root.
"""
import os
import pwd
import shutil
import signal
import subprocess
import tempfile

from rwproc import PATIENCE, Failed, Process, new_port, note, wait_until

NEEDED = "slurmctld", "slurmd", "srun", "sbatch", "salloc", "scontrol", "sinfo", "mpirun", "setpriv"
# Debian has its daemons there, and not on everybody's path.
os.environ["PATH"] += ":/usr/sbin:/sbin"

CONFIGURATION = """
ClusterName=rwperf
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort={port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/none
CredType=cred/none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/builtin
MpiDefault=none
MailProg=/bin/true
SlurmctldPidFile={top}/slurmctld.pid
SlurmdPidFile={top}/%n.pid
StateSaveLocation={top}/state
SlurmdSpoolDir={top}/%n
SlurmctldLogFile={top}/slurmctld.log
SlurmdLogFile={top}/%n.log
# Nodes have CPUs for two jobs, whatever this host has.
SlurmdParameters=config_overrides
# How soon a node that is dead is known to be, and what hangs there is given up.
MessageTimeout=10
KillWait=1
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""
NODE = "NodeName={name} NodeHostname=localhost NodeAddr=127.0.0.1 Port={port} CPUs=4 State=UNKNOWN\n"

# Runs what mpirun wants on a host here; there is no host whose name is "gone...".
RSH = """#!/bin/sh
case $1 in gone*) echo "rsh: $1: no such host" >&2; exit 255 ;; esac
RW_TEST_HOST=$1
export RW_TEST_HOST
shift
exec sh -c "$*"
"""


def missing():
    """What this host lacks of it, or None."""
    lacking = [name for name in NEEDED if not shutil.which(name)]
    return f"no {lacking[0]}: scripts/packages --install test" if lacking else None


class Slurm:
    """Use it in a with. @environment is what its commands need."""

    def __init__(self, nodes):
        self.nodes, self.user = nodes, pwd.getpwuid(os.getuid()).pw_name
        self._directory = tempfile.TemporaryDirectory(  # pylint: disable=consider-using-with
            prefix="rw_slurm.")
        self.top = self._directory.name
        self.daemons = {}
        self.environment = {**os.environ, "SLURM_CONF": self._path("slurm.conf")}

    def _path(self, name):
        return os.path.join(self.top, name)

    def _start(self, name, *command):
        env = {key: value for key, value in self.environment.items() if key != "LD_PRELOAD"}
        # It ends with this process, however that ends.
        self.daemons[name] = Process(["setpriv", "--pdeathsig", "TERM", *command], env=env,
                                     cwd=self.top, start_new_session=True)

    def __enter__(self):
        with open(self._path("slurm.conf"), "w", encoding="utf-8") as file:
            file.write(CONFIGURATION.format(top=self.top, port=new_port(),
                                            user=self.user))
            for node in self.nodes:
                file.write(NODE.format(name=node, port=new_port()))
        for name in "state", *self.nodes:
            os.mkdir(self._path(name))
        try:
            self._start("slurmctld", "slurmctld", "-D", "-i")
            for node in self.nodes:
                self._start(node, "slurmd", "-D", "-N", node)
            wait_until(lambda: self.ask("sinfo", "-h", "-o", "%T %D") == f"idle {len(self.nodes)}",
                       "all nodes are idle", every=0.1)
        except Failed:
            for name, daemon in self.daemons.items():
                print("".join(f"# {name}: {line}\n" for line in daemon.err.splitlines()[-8:]))
            self.__exit__()
            raise
        return self

    def ask(self, *command):
        """What @command of Slurm prints; empty if it fails."""
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True,
                              timeout=PATIENCE, check=False)
        note(done.stderr)
        return done.stdout.strip()

    def allocate(self, *nodes):
        """An allocation of @nodes, which stays: its environment."""
        done = subprocess.run(["salloc", "--no-shell", "--no-kill", f"--nodes={len(nodes)}",
                               "--nodelist=" + ",".join(nodes)],
                              env=self.environment, capture_output=True, text=True, timeout=PATIENCE,
                              check=False)
        note(done.stderr)
        job = done.stderr.split("job allocation ")[1].split()[0]
        return {**self.environment, "SLURM_JOB_ID": job,
                "SLURM_JOB_NODELIST": self.ask("squeue", "-h", "-j", job, "-o", "%N")}

    def kill(self, name):
        """The node is gone, and says nothing."""
        self.daemons[name].send(signal.SIGKILL)
        self.daemons[name].wait()

    def _inside(self, name=""):
        """Pids of programs called @name that are here: what nodes start is in our directory, as they are."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
                    if file.read().startswith(name) and \
                            os.readlink(f"/proc/{pid}/cwd").startswith(self.top):
                        found.append(int(pid))
            except OSError:
                pass
        return found

    def __exit__(self, *_):
        self.ask("scancel", "--user", self.user)
        try:
            wait_until(lambda: not self._inside("slurmstepd"), "steps are gone", timeout=10)
        except Failed:
            pass
        for daemon in self.daemons.values():
            if daemon.popen.poll() is None:
                daemon.send(signal.SIGTERM)
        for daemon in self.daemons.values():
            try:
                daemon.popen.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                pass
            daemon.end()
        for pid in self._inside():
            os.kill(pid, signal.SIGKILL)
        self._directory.cleanup()


def mpi(directory):
    """The environment in which every name is a host of mpirun, this one."""
    rsh = os.path.join(directory, "rsh")
    with open(rsh, "w", encoding="utf-8") as file:
        file.write(RSH)
    os.chmod(rsh, 0o755)
    return {**os.environ, "OMPI_MCA_plm_rsh_agent": rsh, "OMPI_ALLOW_RUN_AS_ROOT": "1",
            "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
