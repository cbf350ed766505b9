"""Nothing is left: after many runs, and after the runtime is killed anywhere."""
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest
from box import cgroup_folders, mountinfo, processes_of

RUNS = int(os.environ.get("CORTEN_LEAK_RUNS", "100"))
KILLS = int(os.environ.get("CORTEN_LEAK_KILLS", "20"))


def test_nothing_is_left_after_many_runs(box):
    one = box("true")
    one.write()
    argv = one.argv("run", "--bundle", one.bundle, one.id)
    mounts, descriptors = mountinfo(), len(os.listdir("/proc/self/fd"))
    for number in range(RUNS):
        assert subprocess.run(argv, stdin=subprocess.DEVNULL, check=False).returncode == 0, f"run {number}"
    assert mountinfo() == mounts
    assert len(os.listdir("/proc/self/fd")) == descriptors
    one.assert_nothing_left()
    assert [p.name for p in one.state_root.iterdir() if one.id in p.name] == []


def test_many_execs_leave_nothing(box):
    one = box("sleep", "1000").detached()
    for _ in range(RUNS // 2):
        one.exec(one.id, "true").ok()
    fds = len(os.listdir(f"/proc/{one.pid()}/fd"))
    assert fds == 3, f"the container's process has {fds} descriptors"
    inside = [line for line in processes_of(one.id)]
    assert len(inside) == 1, inside


def test_files_of_the_state_do_not_grow(box):
    one = box("sleep", "1000")
    one.write()
    for _ in range(3):
        one.runtime("run", "--detach", "--bundle", one.bundle, one.id).ok()
        one.delete("--force").ok()
    before = sorted(p for p in one.state_root.rglob("*"))
    for _ in range(5):
        one.runtime("run", "--detach", "--bundle", one.bundle, one.id).ok()
        one.delete("--force").ok()
    assert sorted(p for p in one.state_root.rglob("*")) == before


def test_mounts_stay_while_containers_run(box):
    before = mountinfo()
    volume = None
    for _ in range(5):
        one = box("sleep", "1000")
        volume = one.bundle / "volume"
        volume.mkdir()
        one.mount("/data", volume, "bind", ["rbind"])
        one.detached()
    assert mountinfo() == before


@pytest.mark.parametrize("command", ["create", "run"])
def test_killed_anywhere(box, command):
    """A kill at a random moment of the start; delete --force then leaves nothing."""
    seed = int(os.environ.get("CORTEN_LEAK_SEED", str(time.time_ns() % 1000000)))
    print(f"CORTEN_LEAK_SEED={seed}")
    chance = random.Random(seed)
    one = box("sleep", "1000")
    one.config["hooks"] = {"createRuntime": [{"path": "/bin/true"}]}
    one.write()
    flags = ["--detach"] if command == "run" else []
    argv = one.argv(command, *flags, "--bundle", one.bundle, one.id)
    start = time.monotonic()
    subprocess.run(argv, stdin=subprocess.DEVNULL, check=True)
    took = time.monotonic() - start
    one.delete("--force").ok()
    for number in range(KILLS):
        child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(chance.uniform(0, took * 1.2))
        child.send_signal(signal.SIGKILL)
        child.wait()
        done = one.delete("--force")
        assert done.status == 0, f"kill {number} of seed {seed}: {done}"
        end = time.monotonic() + 2
        while one.left() and time.monotonic() < end:
            time.sleep(0.01)
        assert not one.left(), f"kill {number} of seed {seed}: {one.left()}"
        assert not cgroup_folders(one.cgroup) and not Path(one.state_root / one.id).exists()
