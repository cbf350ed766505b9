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


def snapshot():
    return mounts() | cgroups()


def since(before, patience_s=2.0):
    """What is new since a snapshot and does not go away by itself within a moment."""
    end = time.monotonic() + patience_s
    while True:
        new = sorted(snapshot() - before)
        if not new or time.monotonic() > end:
            return new
        time.sleep(0.1)
