"""What a stage left on the host: mounts and control groups that were not there before."""
import os
import time
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")


def mounts():
    """Mount points of the host's own namespace, with what is mounted there."""
    found = set()
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields = line.split()
        found.add(f"mount {fields[4]} ({fields[fields.index('-') + 1]})")
    return found


def cgroups():
    """Control groups up to two levels below each hierarchy."""
    found = set()
    if not CGROUPS.is_dir():
        return found
    for folder, names, _ in os.walk(CGROUPS):
        depth = len(Path(folder).relative_to(CGROUPS).parts)
        found.update(f"cgroup {folder}/{name}" for name in names)
        if depth >= 2:
            names.clear()
    return found


def has_processes(top):
    for folder, _, files in os.walk(top):
        try:
            if "cgroup.procs" in files and (Path(folder) / "cgroup.procs").read_text():
                return True
        except OSError:
            pass  # removed meanwhile
    return False


def in_use(item):
    """A control group with processes belongs to somebody who is alive, so to no stage that has ended.
    Looks at all hierarchies, as a container need not be in each."""
    if not item.startswith("cgroup "):
        return False
    parts = Path(item.removeprefix("cgroup ")).relative_to(CGROUPS).parts
    tops = [CGROUPS / parts[0]] if (CGROUPS / "cgroup.procs").exists() else \
        [hierarchy / parts[1] for hierarchy in CGROUPS.iterdir() if len(parts) > 1 and hierarchy.is_dir()]
    return any(has_processes(top) for top in tops)


def snapshot():
    return mounts() | cgroups()


def since(before, patience_s=2.0):
    """What is new since a snapshot and does not go away by itself within a moment."""
    end = time.monotonic() + patience_s
    while True:
        new = sorted(item for item in snapshot() - before if not in_use(item))
        if not new or time.monotonic() > end:
            return new
        time.sleep(0.1)
