"""The same configuration through corten-runtime, runc and crun: the container must see the same.

A small program (probe.c) is the container's process and tells all that it sees. What is known to differ is listed, with
the reason, in differential_differences.py: a difference that is not listed fails, and so does a row without one.
"""
import ctypes
import fnmatch
import functools
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from box import REPO, RUNTIME, compile_c, remove_cgroup, set_size  # noqa: E402
from differential_cases import CASES, ID, configuration  # noqa: E402
from differential_differences import DIFFERENCES  # noqa: E402

PEER_ROOT = Path(os.environ.get("PEERS_DIR", REPO / "build" / "peers")) / "sid"
RUNTIMES = {"corten": "/usr/local/bin/corten-runtime", "runc": "/usr/sbin/runc", "crun": "/usr/bin/crun"}
CGROUPS = Path("/sys/fs/cgroup")
GROUP_FILES = """memory.limit_in_bytes memory.memsw.limit_in_bytes memory.soft_limit_in_bytes memory.swappiness memory.oom_control
pids.max cpu.shares cpu.cfs_quota_us cpu.cfs_period_us cpu.cfs_burst_us cpu.idle cpuset.cpus cpuset.mems cpuset.cpu_exclusive
devices.list blkio.throttle.read_bps_device blkio.throttle.write_iops_device blkio.weight hugetlb.2MB.max hugetlb.1GB.max
cgroup.max.depth cgroup.type cgroup.freeze cgroup.clone_children notify_on_release""".split()
LIMIT_S = 15
C_LIBRARY, SYS_RT_SIGACTION = ctypes.CDLL(None), 13  # x86-64's, as the peers' root is
# runc and crun allow it to all: what comes of it is seen at the device itself (device:c 10:200).
TUN = ["c 10:200 rwm"]

SETUP = """set -e
mkdir -p /scratch/volume/sub /scratch/strict /scratch/shared
echo text >/scratch/volume/file
mount -t tmpfs -o mode=755 volume /scratch/volume/sub
mount -t tmpfs -o mode=755,nosuid,nodev,noexec,noatime strict /scratch/strict
mount -t tmpfs -o mode=755 shared /scratch/shared
mount --make-shared /scratch/shared
echo ready
exec cat
"""


class Session:
    """The namespaces in which all runtimes run, and processes whose namespaces containers may join."""

    def __init__(self, work, view):
        self.work, self.group = work / view, f"corten-differential-{os.getpid()}-{view}"
        self.work.mkdir()
        self.holder = subprocess.Popen(
            [REPO / "tools" / "in-peer-root", "--net", "--cgroup", {"v1": "legacy", "v2": "v2"}[view], "--bind",
             f"{self.work}:/scratch", "--ro-bind", f"{RUNTIME}:{RUNTIMES['corten']}", PEER_ROOT, "sh", "-c", SETUP],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.holder.stdout.readline() == "ready\n", "the private root did not come up"
        self.enter = ["nsenter", "-t", str(self.holder.pid), "-m", "-n", "--"]
        self.others = {
            "@NET@": self.other("-n", "-i", "-u", "-C"), "@USER@": self.other("-U", "-n"),
            "@PID@": self.other("-p", "-f", "--kill-child", child=True)}
        for kind in ("uid_map", "gid_map"):
            Path(self.others["@USER@"]).with_name(kind).write_text("0 100000 65536\n")
        probe = self.work / "probe"
        shutil.copy(work / "probe", probe)
        host = subprocess.run([*self.enter, "/scratch/probe"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True, text=True)
        self.spaces = {}
        for word, owner in [("shared with the host", facts_of(host.stdout)),
                            *((mark, spaces_of(folder)) for mark, folder in self.others.items())]:
            for name, value in owner.items():
                if name.startswith("namespace:"):
                    self.spaces.setdefault(value, word)

    def other(self, *flags, child=False):
        made = subprocess.Popen([*self.enter, "unshare", *flags, "sh", "-c", "echo ready; exec cat"], stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, text=True)
        assert made.stdout.readline() == "ready\n", f"unshare {flags} did not work"
        self.holders = [*getattr(self, "holders", []), made]
        pid = made.pid
        if child:
            pid = int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
        return f"/proc/{pid}/ns"

    def close(self):
        for process in [*self.holders, self.holder]:
            process.stdin.close()
            process.wait(timeout=10)
        for top in [CGROUPS, *CGROUPS.iterdir()]:
            if (top / self.group).is_dir():
                remove_cgroup(top / self.group)

    def bundle(self, case, name):
        folder = self.work / f"{name}-{CASES.index(case)}"
        root = folder / "rootfs"
        for part in ("etc", "proc", "sys", "dev", "tmp"):
            (root / part).mkdir(parents=True)
        os.link(self.work / "probe", root / "probe")
        if case.make:
            case.make(root)
        text = json.dumps(configuration(case, f"/{self.group}/{ID}")).replace("@BUNDLE@", folder.name)
        for mark, path in self.others.items():
            text = text.replace(mark, path)
        (folder / "config.json").write_text(text)
        return folder

    def run(self, case, name):
        """What the container of one runtime sees: {fact: value}."""
        folder = self.bundle(case, name)
        argv = [*self.enter, RUNTIMES[name], "--root", f"/run/{name}", "run", *case.flags, "--bundle", f"/scratch/{folder.name}", ID]
        with tempfile.TemporaryFile() as errors:
            text, groups, status = converse(argv, terminal_of(folder), errors, lambda: self.group_values())
            errors.seek(0)
            message = errors.read().decode(errors="replace")
        if not text.endswith("end\n"):
            if status == 0:
                return {"outcome": f"ends without a report: {text[-300:]!r} {message[-300:]!r}"}
            subprocess.run([*self.enter, RUNTIMES[name], "--root", f"/run/{name}", "delete", "--force", ID], check=False,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            return {"outcome": "refused", "message": message}
        shutil.rmtree(folder, ignore_errors=True)
        text = re.sub(rf"(/scratch|{re.escape(str(self.work))})/{folder.name}\b", "BUNDLE", text)
        text = text.replace(str(self.work), "SCRATCH").replace(f"/{self.group}/", "/GROUP/")
        facts = {**groups, **self.tidy(facts_of(text), configuration(case, ""))}
        return {"outcome": "runs", **{k: v for k, v in facts.items() if not fnmatch.fnmatchcase(k, case.moving)}}

    def group_values(self):
        found = {}
        for top in sorted(CGROUPS.iterdir()):
            folder = top / self.group / ID
            if not folder.is_dir():
                continue
            owner = folder.stat()
            found[f"cgroup:{top.name}"] = f"{owner.st_uid}:{owner.st_gid} {owner.st_mode & 0o7777:o}"
            for name in GROUP_FILES:
                try:
                    lines = sorted((folder / name).read_text().splitlines())
                    found[f"cgroup:{top.name}:{name}"] = " | ".join(line for line in lines if line not in TUN)
                except OSError:
                    continue
        return found

    def tidy(self, facts, config):
        """Facts without what differs between any two containers: numbers, and the ways in which a path is masked."""
        made, points, names = {}, [], []
        masked, closed = (config["linux"][kind] for kind in ("maskedPaths", "readonlyPaths"))
        asked = {m["destination"] for m in config["mounts"]}
        for name, value in facts.items():
            kind = name.split(":")[0]
            if kind == "namespace":
                made[name] = self.spaces.get(value, "new")
            elif kind == "mount" and ":" in name:
                point, text = mount_facts(value)
                points.append(point)
                again = points.count(point)
                if point in masked:
                    text = "masked"
                elif point in closed:
                    text = text.split(" ")[1].split(",")[0]
                made[f"mount:{point}" + (f"#{again}" if again > 1 else "")] = text
            elif kind == "group" and ":" in name:
                _, controllers, path = value.split(":", 2)
                if not controllers.startswith("name=") or controllers == "name=systemd":
                    made[f"group:{controllers}"] = re.sub("^.*(?=/GROUP/)", "", path)
            elif kind == "env":
                names.append(value.partition("=")[0])
                made[f"env:{names[-1]}"] = value.partition("=")[2]
            elif kind == "fd":
                made[name] = re.sub(r"\[\d+\]|/dev/pts/\d+|/tmp/#.*deleted\)", "[N]", value)
            elif name == "id:pid" and not value.startswith("1 "):
                made[name] = "another"
            else:
                made[name] = value
        return {**made, "order of mounts": " ".join(p for p in points if p in asked), "order of the environment": " ".join(names)}


def spaces_of(folder):
    return {f"namespace:{name}": os.readlink(f"{folder}/{name}") for name in os.listdir(folder) if "_for_" not in name}


def facts_of(text):
    return dict(line.split("\t", 1) for line in text.replace("\r", "").splitlines() if "\t" in line)


def mount_facts(line):
    """(mount point, the rest without numbers) of a line of mountinfo."""
    front, back = line.rstrip().split(" - ", 1)
    _, _, _, root, point, options, *peers = front.split(" ")
    kinds = sorted(word.split(":")[0] for word in peers if word) or ["private"]
    return point, f"{root} {options} {'+'.join(kinds)} {back}"


def heed_all_signals():
    """runc and crun hand on what their caller ignores: SIGINT in the background, and whatever the callers of these tests do.

    Without the C library, which keeps two signals to itself."""
    as_by_default = bytes(32)  # the kernel's struct sigaction
    for number in range(1, signal.NSIG):
        C_LIBRARY.syscall(SYS_RT_SIGACTION, number, as_by_default, None, 8)


def terminal_of(folder):
    """The caller's terminal, where there is to be one. It has the size that is asked for, if any: runc sets first that
    and then the caller's, and its container may see either."""
    process = json.loads((folder / "config.json").read_text())["process"]
    size = {"size": process["consoleSize"]} if "consoleSize" in process else {}
    return size if process.get("terminal") else None


def converse(argv, terminal, errors, meanwhile):
    """Runs a container: (all that it told, what was read meanwhile, exit status)."""
    if terminal is not None:
        ours, theirs = os.openpty()
        if "size" in terminal:
            set_size(ours, terminal["size"]["height"], terminal["size"]["width"])
        streams = {"stdin": theirs, "stdout": theirs}
    else:
        (take, feed), (ours, theirs) = os.pipe(), os.pipe()
        streams = {"stdin": take, "stdout": theirs}
    process = subprocess.Popen(argv, stderr=errors, start_new_session=True, preexec_fn=heed_all_signals, **streams)
    for fd in set(streams.values()):
        os.close(fd)
    told, found, end = b"", {}, time.monotonic() + LIMIT_S
    try:
        while time.monotonic() < end and select.select([ours], [], [], max(0, end - time.monotonic()))[0]:
            try:
                data = os.read(ours, 65536)
            except OSError:
                data = b""
            if not data:
                break
            told += data
            if told.replace(b"\r", b"").endswith(b"\nend\n") and not found:
                found = meanwhile()
                os.write(ours if terminal is not None else feed, b"\n")
                if terminal is not None:
                    break
        status = process.wait(timeout=max(0.1, end - time.monotonic()))
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        pytest.fail(f"{argv}: not done after {LIMIT_S} s; told {told[-300:]!r}")
    finally:
        os.close(ours)
        if terminal is None:
            os.close(feed)
    return told.decode(errors="replace").replace("\r", ""), found, status


@pytest.fixture(scope="module")
def results():
    """What each runtime's container of a case saw; run once and remembered."""
    assert (PEER_ROOT / ".complete").exists(), f"no runc and crun in '{PEER_ROOT}': run tools/peers sid"
    work = Path(tempfile.mkdtemp(prefix="corten-differential-"))
    work.chmod(0o755)
    sessions = {}
    try:
        compile_c(work, "probe", Path(__file__).with_name("probe.c").read_text())
        for view in ("v1", "v2"):
            sessions[view] = Session(work, view)

        @functools.cache
        def result(index):
            case = CASES[index]
            return {name: sessions[case.view].run(case, name) for name in RUNTIMES}

        yield lambda case: result(CASES.index(case))
    finally:
        for session in sessions.values():
            session.close()
        shutil.rmtree(work, ignore_errors=True)


def differences(seen, peer):
    """The facts in which a peer's container and Corten's differ: {fact: (Corten's, the peer's)}."""
    ours, theirs = seen["corten"], seen[peer]
    if "refused" in (ours["outcome"], theirs["outcome"]):
        return {} if ours["outcome"] == theirs["outcome"] else {"outcome": (ours, theirs)}
    return {name: (ours.get(name), theirs.get(name)) for name in sorted({*ours, *theirs}) if ours.get(name) != theirs.get(name)}


def covers(row, case, peer, name):
    return peer in row.peers.split() and fnmatch.fnmatchcase(case.name, row.case) and fnmatch.fnmatchcase(name, row.fact)


def test_there_are_enough():
    assert len(CASES) >= 80 and len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_sees_the_same(results, case):
    seen = results(case)
    wanted = "refused" if case.refused else "runs"
    assert seen["corten"]["outcome"] == wanted, f"corten-runtime: {seen['corten']}"
    unlisted = []
    for peer in ("runc", "crun"):
        for name, (ours, theirs) in differences(seen, peer).items():
            if not any(covers(row, case, peer, name) for row in DIFFERENCES):
                unlisted.append(f"{name}: {ours!r}, but with {peer} {theirs!r}")
    assert not unlisted, "\n".join(unlisted)


def test_no_row_is_stale(results):
    """Each row covers a difference, for each peer that it names."""
    left = {(row, peer) for row in DIFFERENCES for peer in row.peers.split()}
    for case in CASES:
        seen = results(case)
        for peer in ("runc", "crun"):
            for name in differences(seen, peer):
                left = {(row, who) for row, who in left if who != peer or not covers(row, case, peer, name)}
    assert not left, "rows that nothing differs in: " + "; ".join(f"{row.case}, {row.fact} ({who})" for row, who in sorted(left))
