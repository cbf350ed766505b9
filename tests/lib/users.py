"""Made-up users for tests of rootless containers: nothing of them is written on the host.

A test process is root in a mount namespace of its own (box.own_mount_namespace); files that name the users
and their subordinate ids are bound over the host's there.
"""
import copy
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from box import CAPABILITIES, MASKED, PARENT, READONLY, RUNTIME, remove_cgroup

UID, GID = 54321, 54322
OTHER_UID = 54331  # without subordinate ids
SUB_FIRST, SUB_COUNT = 600000, 65536

SINGLE = {"uidMappings": [{"containerID": 0, "hostID": UID, "size": 1}],
          "gidMappings": [{"containerID": 0, "hostID": GID, "size": 1}]}
FULL = {"uidMappings": [{"containerID": 0, "hostID": UID, "size": 1},
                        {"containerID": 1, "hostID": SUB_FIRST, "size": SUB_COUNT}],
        "gidMappings": [{"containerID": 0, "hostID": GID, "size": 1},
                        {"containerID": 1, "hostID": SUB_FIRST, "size": SUB_COUNT}]}

# As runc's `spec --rootless` writes them.
MOUNTS = [
    {"destination": "/proc", "type": "proc", "source": "proc"},
    {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
     "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
    {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
     "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]},
    {"destination": "/dev/shm", "type": "tmpfs", "source": "shm",
     "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]},
    {"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue", "options": ["nosuid", "noexec", "nodev"]},
    {"destination": "/sys", "type": "none", "source": "/sys",
     "options": ["rbind", "nosuid", "noexec", "nodev", "ro"]},
    {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup",
     "options": ["nosuid", "noexec", "nodev", "relatime", "ro"]},
]


def rootless_config(args, mappings):
    kinds = ("bounding", "effective", "permitted")
    return {
        "ociVersion": "1.0.2",
        "process": {
            "terminal": False, "user": {"uid": 0, "gid": 0}, "args": list(args), "cwd": "/",
            "env": ["PATH=/usr/bin:/bin", "TERM=xterm"],
            "capabilities": {kind: list(CAPABILITIES) for kind in kinds}, "noNewPrivileges": True,
        },
        "root": {"path": "rootfs", "readonly": False},
        "hostname": "rootless",
        "mounts": copy.deepcopy(MOUNTS),
        "linux": {
            **copy.deepcopy(mappings),
            "namespaces": [{"type": kind} for kind in ("pid", "ipc", "uts", "mount", "cgroup", "user")],
            "maskedPaths": list(MASKED), "readonlyPaths": list(READONLY),
        },
    }


def make_users(folder):
    """Binds files that name the made-up users over the host's, in this mount namespace. Once a session."""
    ranges = f"made:{SUB_FIRST}:{SUB_COUNT}\n"
    texts = {
        "/etc/passwd": Path("/etc/passwd").read_text()
        + f"made:x:{UID}:{GID}::/nonexistent:/bin/sh\nbare:x:{OTHER_UID}:{OTHER_UID}::/nonexistent:/bin/sh\n",
        "/etc/group": Path("/etc/group").read_text() + f"made:x:{GID}:\nbare:x:{OTHER_UID}:\n",
        "/etc/subuid": ranges, "/etc/subgid": ranges,
    }
    for path, text in texts.items():
        file = folder / Path(path).name
        file.write_text(text)
        file.chmod(0o644)
        if not Path(path).exists():
            continue
        subprocess.run(["mount", "--bind", str(file), path], check=True)


def as_user(uid=UID, gid=GID):
    return ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups"]


def give(path, uid, gid):
    """chown -R, links themselves."""
    os.chown(path, uid, gid, follow_symlinks=False)
    for top, folders, files in os.walk(path):
        for name in folders + files:
            os.chown(os.path.join(top, name), uid, gid, follow_symlinks=False)


def reachable_runtime(folder):
    """A copy of the runtime where every user can execute it."""
    copied = folder / "corten-runtime"
    if not copied.exists():
        shutil.copy(RUNTIME, copied)
        copied.chmod(0o755)
    return copied


V2_ONLY = "umount -R /sys/fs/cgroup && mount -t cgroup2 cgroup /sys/fs/cgroup && "



def within(folder, prefix, only=True):
    """The prefix of a process of the user's in the delegated cgroup, on a version 2 or a hybrid host."""
    script = f"echo $$ >{folder}/home/cgroup.procs && {V2_ONLY if only else ''} exec \"$@\""
    return ["unshare", "-m", "sh", "-c", script, "sh", *prefix]


# Counts the files and folders of control groups that it may write.
TRY_SH = r"""n=0
for f in $(find /sys/fs/cgroup 2>/dev/null); do
  if [ -d "$f" ]; then mkdir "$f/escape" 2>/dev/null && { n=$((n+1)); rmdir "$f/escape"; }
  else case $f in */cgroup.procs|*/cgroup.freeze|*/tasks|*/notify_on_release) (: >>"$f") 2>/dev/null && n=$((n+1));; esac; fi
done
echo writable: $n"""


# --- fixtures, imported by the conftest ---

@pytest.fixture(scope="session")
def tools(workshop):
    folder = workshop / "users"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    make_users(folder)
    return folder


@pytest.fixture
def delegated():
    """A version 2 cgroup that is the user's, with one beneath it to be in; and how to get there."""
    top = Path("/sys/fs/cgroup/unified" if Path("/sys/fs/cgroup/unified/cgroup.procs").exists() else "/sys/fs/cgroup")
    if not (top / "cgroup.procs").exists():
        pytest.skip("no cgroup version 2 here")
    folder = top / PARENT / "delegated"
    (folder / "home").mkdir(parents=True, exist_ok=True)
    for one in (folder, folder / "home"):
        for name in ("", "cgroup.procs", "cgroup.threads", "cgroup.subtree_control"):
            os.chown(one / name, UID, GID)
    yield folder
    remove_cgroup(folder)
