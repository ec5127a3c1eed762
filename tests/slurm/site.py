"""A Slurm of its own on this machine: controller, one node and munge in a folder, started and taken down by root.

Ports, key, sockets and state are those of the folder, so that a Slurm that the machine may have is left alone.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

__all__ = ["Site", "site", "why_not"]

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel")
PATIENCE = 60.0     # seconds for the node to be ready

# Processes are found by their parents and jobs by their memory: nothing is asked of systemd or of control groups.
CONF = """ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={node}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=2,batch_sched_delay=0
MpiDefault=none
ReturnToService=2
KillWait=5
MinJobAge=300
NodeName={host} NodeAddr=127.0.0.1 CPUs=4 RealMemory=64000 State=UNKNOWN
PartitionName=teaching Nodes={host} Default=YES MaxTime=600 State=UP
"""


class Site:
    """The Slurm that runs.

    Attributes:
        folder: holds all that is its own; readable by every user.
        environment: variables by which the commands of Slurm find it.

    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {"SLURM_CONF": str(folder / "slurm.conf")}

    def ask(self, *words: str) -> str:
        """Run a command of Slurm; give what it printed."""
        done = subprocess.run(
            words, env={**os.environ, **self.environment}, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, f"{words}: {done.stderr}"
        return done.stdout

    def logs(self) -> str:
        """Give the ends of the logs."""
        return "\n".join(
            f"{path.name}: {path.read_text(errors='replace')[-2_000:]}" for path in self.folder.glob("*.log"))


def why_not() -> str:
    """Say why no Slurm can be started here; "" where one can."""
    lacking = [name for name in PROGRAMS if _found(name) is None]
    if lacking:
        return f"needs {', '.join(lacking)} (Debian: apt-get install slurm-wlm munge)"
    return "" if os.geteuid() == 0 else "only root can start a Slurm"


def _found(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


@contextmanager
def site(folder: Path) -> Iterator[Site]:
    """Start a Slurm in an empty folder, give it when its node is idle, and take it down with all of its jobs."""
    here = Site(folder)
    host = socket.gethostname().split(".")[0]
    controller, node = _free_ports()
    (folder / "slurm.conf").write_text(CONF.format(host=host, folder=folder, controller=controller, node=node))
    (folder / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\n")
    for name in ("state", "spool", "munge"):
        (folder / name).mkdir()
    key = folder / "munge" / "key"
    key.write_bytes(secrets.token_bytes(1024))
    key.chmod(0o400)
    with ExitStack() as stack:
        for words in (
            ("munged", "--foreground", "--force", f"--socket={folder}/munge.socket", f"--key-file={key}",
             f"--pid-file={folder}/munge/pid", f"--log-file={folder}/munge/log", f"--seed-file={folder}/munge/seed"),
            ("slurmctld", "-D", "-c"), ("slurmd", "-D", "-N", host),
        ):
            _start(stack, here, words)
        stack.callback(_cancel_all, here)
        _wait_until_idle(here)
        yield here


def _start(stack: ExitStack, here: Site, words: tuple[str, ...]) -> None:
    with (here.folder / f"{words[0]}.out.log").open("wb") as out:
        process = subprocess.Popen(
            [_found(words[0]) or words[0], *words[1:]], env={**os.environ, **here.environment}, stdout=out,
            stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True)

    def stop() -> None:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    stack.callback(stop)
    if words[0] == "munged":
        end = time.monotonic() + PATIENCE
        while not (here.folder / "munge.socket").exists():
            assert time.monotonic() < end, here.logs()
            assert process.poll() is None, here.logs()
            time.sleep(0.05)


def _wait_until_idle(here: Site) -> None:
    end = time.monotonic() + PATIENCE
    while True:
        done = subprocess.run(
            ["sinfo", "-h", "-o", "%T"], env={**os.environ, **here.environment}, capture_output=True, text=True,
            check=False)
        if done.stdout.strip() == "idle":
            return
        assert time.monotonic() < end, f"{done.stdout}{done.stderr}\n{here.logs()}"
        time.sleep(0.2)


def _cancel_all(here: Site) -> None:
    """End the jobs, and wait until the node has cleared up after them."""
    environment = {**os.environ, **here.environment}
    for how in (["--signal=KILL", "--full"], []):
        subprocess.run(["scancel", "--user=root", *how], env=environment, capture_output=True, check=False)
    end = time.monotonic() + 15
    while time.monotonic() < end:
        left = subprocess.run(
            ["squeue", "-h", "-o", "%i"], env=environment, capture_output=True, text=True, check=False).stdout
        if not left.strip():
            return
        time.sleep(0.2)


def _free_ports() -> tuple[int, int]:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return one.getsockname()[1], other.getsockname()[1]
